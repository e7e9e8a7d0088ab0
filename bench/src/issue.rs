//! License files for measuring: a publisher with fixed keys, features with many seats.

use grantor_license::{
    Count, Document, Draft, DraftLicense, DraftLine, DraftServer, DraftVendor, Expiry, LicenseState, Model,
    RootKey, SigningKey, Trust, VersionRule,
};
use jiff::civil::date;

/// The publisher's name.
pub(crate) const PUBLISHER: &str = "bench";

fn root() -> RootKey {
    RootKey::from_seed([1; 32])
}

/// The public root key.
pub(crate) fn root_key() -> String {
    root().public()
}

/// Trust in the publisher.
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::new();
    if let Err(error) = trust.add_root(PUBLISHER, &root_key()) {
        eprintln!("the fixed root key is refused: {error}");
    }
    trust
}

fn line(feature: String, seats: u32) -> DraftLine {
    DraftLine {
        increment: true,
        feature,
        version: "8.0".to_owned(),
        expiry: Expiry::Permanent,
        count: Count::Counted(seats),
        lrn: "LRN-BENCH".to_owned(),
        model: Model::Floating,
        version_rule: VersionRule::AtLeast,
        attributes: Vec::new(),
    }
}

/// Twenty assignable licenses, ten concurrent ones, ten applications; 200,000 seats each.
pub(crate) fn directory() -> Result<Document, String> {
    let of = |letter: &'static str, count: u32, model: Model| {
        (0..count).map(move |n| DraftLine { model, ..line(format!("{letter}{n}"), 200_000) })
    };
    let lines =
        of("a", 20, Model::Assignable).chain(of("c", 10, Model::Concurrent)).chain(of("r", 10, Model::Role));
    signed("console.lic", lines.collect())
}

/// A signed file with `features` lines of `seats` seats each, named `f0`, `f1` …
pub(crate) fn file(features: usize, seats: u32) -> Result<Document, String> {
    signed("bench.lic", (0..features).map(|number| line(format!("f{number}"), seats)).collect())
}

fn signed(name: &str, lines: Vec<DraftLine>) -> Result<Document, String> {
    let draft = Draft {
        comments: Vec::new(),
        servers: vec![DraftServer { host: "this_host".to_owned(), host_id: "ANY".to_owned(), port: None }],
        vendor: DraftVendor { name: PUBLISHER.to_owned(), port: None },
        licenses: vec![DraftLicense {
            lrn: "LRN-BENCH".to_owned(),
            customer: "Bench".to_owned(),
            site: "Bench".to_owned(),
            license_type: "test".to_owned(),
            product: "Bench".to_owned(),
            state: LicenseState::Active,
            issued: date(2026, 1, 1),
            expires: Expiry::Permanent,
            rk: None,
            generation: None,
            disconnect: None,
        }],
        lines,
    };
    let text = |problems: Vec<grantor_license::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let document = draft.to_document(name).map_err(text)?;
    let key = SigningKey::from_seed([2; 32]);
    let certificate = root().certify(PUBLISHER, &key.public_key(), date(2020, 1, 1), Expiry::Permanent);
    Ok(grantor_license::sign(&document, &key, &certificate))
}
