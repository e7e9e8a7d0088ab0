//! Whether a grant derives from a line that the publisher signed, for the feature and version that were asked. Decides by
//! the proof and the keys built into the application alone; takes no server's word.
//!
//! A proof holds the lines that make the feature: one, or the package and the line that enables it. The number of seats
//! is the server's to say, where several lines add up.

use grantor_api::checkout::Grant;
use grantor_license::{Offer, Trust, Version, verify_proof};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Checks one grant.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn check(
    grant: &Grant,
    feature: &str,
    version: &Version,
    trust: &Trust,
    now: Timestamp,
) -> Result<(), String> {
    let offers = offers(grant, trust, now)?;
    if let Some(other) = offers.iter().find(|offer| *offer.publisher != *grant.publisher) {
        return Err(format!(
            "its line is of `{}`, and the server says `{}`",
            other.publisher, grant.publisher
        ));
    }
    if !grant.feature.eq_ignore_ascii_case(feature) {
        return Err(format!("`{feature}` was asked for, and `{}` granted", grant.feature));
    }
    serves(&offers, feature, version)
}

/// A license works through its last day where the server is, and that may be anywhere: any date of now will do.
fn offers(grant: &Grant, trust: &Trust, now: Timestamp) -> Result<Vec<Offer>, String> {
    let [first, second] = dates(now);
    verify_proof(&grant.proof, trust, first)
        .or_else(|_| verify_proof(&grant.proof, trust, second))
        .map_err(|state| state.message())
}

/// The first and the last date that people write at this moment, UTC-12 to UTC+14.
fn dates(now: Timestamp) -> [Date; 2] {
    [-12, 14].map(|hours| {
        let there = now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(now);
        there.to_zoned(TimeZone::UTC).date()
    })
}

/// What the proven lines make together must have the feature in a version that serves.
fn serves(offers: &[Offer], feature: &str, version: &Version) -> Result<(), String> {
    let pools = grantor_license::pools(offers, &|_| true).pools;
    let ours: Vec<_> = pools.iter().filter(|pool| pool.feature.eq_ignore_ascii_case(feature)).collect();
    if ours.iter().any(|pool| pool.serves(version)) {
        return Ok(());
    }
    match (ours.first(), offers.first()) {
        (Some(pool), _) => {
            Err(format!("its line is for version {}, and {version} was asked for", pool.version))
        }
        (None, Some(offer)) => Err(format!("its line is for `{}`", offer.feature)),
        (None, None) => Err("it proves nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use grantor_license::{RootKey, SigningKey};
    use jiff::civil::date;

    use super::*;

    fn proof(line: &str) -> String {
        let text = format!(
            "SERVER this_host ANY\nVENDOR acme\nLICENSE LRN-1 CUSTOMER=c SITE=s TYPE=production PRODUCT=p STATE=active \
             ISSUED=1-jan-2026\n{line} LRN=LRN-1\n"
        );
        let document = grantor_license::parse("test", text.as_bytes()).document;
        let (root, signing) = (RootKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let certificate =
            root.certify("acme", &signing.public_key(), date(2020, 1, 1), grantor_license::Expiry::Permanent);
        String::from_utf8(grantor_license::sign(&document, &signing, &certificate).to_bytes()).unwrap()
    }

    fn granted(feature: &str, publisher: &str, proof: String) -> Grant {
        Grant {
            grant: 1,
            feature: feature.into(),
            publisher: publisher.into(),
            version: "8.1".to_owned(),
            count: 1,
            since: at("2026-06-01T00:00:00Z"),
            overdraft: false,
            proof: proof.into(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn checked(grant: &Grant, feature: &str, version: &str, now: &str) -> Result<(), String> {
        let trust = Trust::new().with_root("acme", &RootKey::from_seed([1; 32]).public()).unwrap();
        check(grant, feature, &Version::parse(version).unwrap(), &trust, at(now))
    }

    const NOON: &str = "2026-06-01T12:00:00Z";

    #[test]
    fn a_line_proves_its_feature_and_versions_and_nothing_else() {
        let line = || proof("INCREMENT drawing acme 8.1 permanent 5");
        let good = granted("drawing", "acme", line());
        assert_eq!(checked(&good, "DRAWING", "8.0", NOON), Ok(()));
        let why = |grant: &Grant, feature, version| checked(grant, feature, version, NOON).unwrap_err();
        assert!(why(&good, "drawing", "8.2").contains("version 8.1, and 8.2 was asked for"));
        assert!(why(&good, "text", "8.0").contains("`text` was asked for, and `drawing` granted"));
        assert!(why(&granted("text", "acme", line()), "text", "8.0").contains("its line is for `drawing`"));
        assert!(why(&granted("drawing", "rival", line()), "drawing", "8.0").contains("of `acme`"));
        let edited = line().replace("permanent 5", "permanent 50");
        assert!(
            why(&granted("drawing", "acme", edited), "drawing", "8.0").contains("signature does not fit")
        );
        assert!(checked(&granted("drawing", "acme", String::new()), "drawing", "8.0", NOON).is_err());
    }

    #[test]
    fn a_package_and_the_line_that_enables_it_prove_its_components_together() {
        let package = proof("PACKAGE suite acme 8.1 COMPONENTS=\"drawing:8.0 text\"");
        let enabling = proof("INCREMENT suite acme 8.1 permanent 5");
        let both = grantor_license::join_proofs([enabling.as_str(), package.as_str()]);
        let grant = |feature| granted(feature, "acme", both.clone());
        assert_eq!(checked(&grant("text"), "text", "8.1", NOON), Ok(()));
        assert_eq!(checked(&grant("drawing"), "drawing", "8.0", NOON), Ok(()));
        assert!(checked(&grant("drawing"), "drawing", "8.1", NOON).is_err());
        assert!(checked(&grant("sound"), "sound", "8.1", NOON).is_err());
        assert!(checked(&granted("text", "acme", package), "text", "8.1", NOON).is_err(), "a package alone");
    }

    #[test]
    fn a_license_works_through_its_last_day_everywhere_on_earth() {
        let grant = granted("drawing", "acme", proof("INCREMENT drawing acme 8.1 1-jun-2026 5"));
        assert_eq!(checked(&grant, "drawing", "8.1", "2026-06-02T11:59:59Z"), Ok(()));
        assert!(checked(&grant, "drawing", "8.1", "2026-06-02T12:00:00Z").unwrap_err().contains("expired"));
    }
}
