//! What a server may load, and when (design §3): host, license state, dates, several files.

use crate::common::*;
use grantor_license::{
    Admission, Document, Expiry, LicenseState, LineState, Machine, admit, combine, parse, sign,
};
use jiff::civil::{Date, date};

const LINE: &str = "FEATURE f acme 1.0 permanent 5 LRN=L\n";

fn license(rest: &str) -> String {
    format!("LICENSE L CUSTOMER=C SITE=S TYPE=production PRODUCT=P {rest}\n{LINE}")
}

fn on(day: Date, docs: &[Document]) -> Admission {
    admit(docs, &trust(), &machine(), day)
}

/// The state of the one feature line, admitted or refused.
fn state(admission: &Admission) -> LineState {
    let feature = admission.refused.iter().find(|refused| refused.feature == "f");
    feature.map_or_else(|| admission.offers[0].state, |refused| refused.state)
}

fn one(text: &str, day: Date) -> LineState {
    state(&on(day, &[signed(text)]))
}

#[test]
fn a_good_file_is_admitted_whole() {
    let admission = admitted(&[signed(FILE)]);
    assert_eq!(admission.refused, []);
    assert_eq!(admission.offers.len(), 3);
    let license = &admission.licenses[0];
    assert_eq!((license.customer.as_str(), license.state), ("Müller & Co", LicenseState::Active));
    assert_eq!(admission.offers[0].offer.lrn, "LRN-1");
    assert_eq!(admission.offers[0].offer.last_day, Some(date(2026, 12, 31)));
    assert_eq!(admission.offers[2].offer.last_day, None);
}

#[test]
fn an_inactive_license_dies_at_the_beginning_of_the_30th_day() {
    let text = license("STATE=inactive ISSUED=01-jun-2026");
    let dies = date(2026, 7, 1);
    assert_eq!(one(&text, date(2026, 6, 1)), LineState::Inactive { dies });
    assert_eq!(one(&text, date(2026, 6, 30)), LineState::Inactive { dies });
    assert_eq!(one(&text, date(2026, 7, 1)), LineState::InactiveDead);
    let offer = &on(date(2026, 6, 1), &[signed(&text)]).offers[0].offer;
    assert_eq!(offer.last_day, Some(date(2026, 6, 30)), "a permanent line ends with the grace");
}

#[test]
fn activation_revives_what_died() {
    let inactive = signed(&license("STATE=inactive ISSUED=01-jun-2026"));
    let active = signed(&license("STATE=active ISSUED=01-jun-2026"));
    let admission = on(date(2026, 9, 1), &[inactive.clone(), active.clone()]);
    assert_eq!(admission.offers.len(), 1, "the same line in both files counts once");
    assert_eq!(admission.offers[0].state, LineState::Valid);
    assert_eq!(admission.refused[0].state, LineState::Duplicate);
    assert_eq!(admission.licenses.len(), 1);
}

#[test]
fn a_deactivation_issued_later_ends_the_license() {
    let active = signed(&license("STATE=active ISSUED=01-jun-2026"));
    let deactivated = signed("LICENSE L STATE=deactivated ISSUED=02-jun-2026\n");
    assert_eq!(state(&on(today(), &[deactivated, active])), LineState::Deactivated);
}

#[test]
fn a_temporary_license_works_through_its_last_day() {
    let text = license("STATE=temporary ISSUED=01-jun-2026 EXPIRES=20-jun-2026");
    assert_eq!(one(&text, date(2026, 6, 20)), LineState::Valid);
    assert_eq!(one(&text, date(2026, 6, 21)), LineState::Expired);
}

#[test]
fn expired_lines_and_lines_of_the_future_are_offers_with_their_state() {
    let text =
        license("STATE=active ISSUED=01-jun-2026").replace("permanent 5", "31-dec-2026 5 START=01-jul-2026");
    assert_eq!(one(&text, date(2026, 6, 30)), LineState::NotYetValid);
    assert_eq!(one(&text, date(2026, 7, 1)), LineState::Valid);
    assert_eq!(one(&text, date(2026, 12, 31)), LineState::Valid);
    assert_eq!(one(&text, date(2027, 1, 1)), LineState::Expired);
}

#[test]
fn a_line_without_its_license_grants_nothing() {
    assert_eq!(one(LINE, today()), LineState::NoLicense);
    let other = license("STATE=active ISSUED=01-jun-2026").replace("LICENSE L ", "LICENSE M ");
    assert_eq!(one(&other, today()), LineState::NoLicense);
    let forged =
        signed(&license("STATE=inactive ISSUED=01-jan-2026")).to_string().replace("inactive", "active");
    let forged = parse("forged.dat", forged.as_bytes()).document;
    let admission = on(today(), &[forged]);
    assert_eq!(state(&admission), LineState::NoLicense);
    assert_eq!(admission.refused[0].state, LineState::BadSignature);
    assert_eq!(admission.refused[0].feature, "L");
}

#[test]
fn lines_and_license_may_stand_in_different_files_of_one_site() {
    let server = "SERVER h 00b0d0abb1b2\n";
    let first = signed(&format!("{server}{}", license("STATE=active ISSUED=01-jun-2026").replace(LINE, "")));
    let second = signed(&format!("{server}{LINE}"));
    let elsewhere = signed(LINE);
    assert_eq!(state(&on(today(), &[first.clone(), second])), LineState::Valid);
    assert_eq!(state(&on(today(), &[first, elsewhere])), LineState::NoLicense, "bound to other host ids");
}

#[test]
fn a_file_of_another_machine_is_refused_whole() {
    let text = FILE.replace("00b0d0abb1b2", "00b0d0abb1b3");
    let admission = admitted(&[signed(&text)]);
    assert!(admission.offers.is_empty());
    assert!(admission.refused.iter().all(|refused| refused.state == LineState::WrongHost));
    assert!(admission.refused.iter().all(|refused| refused.hint.is_some()));
}

#[test]
fn any_server_of_a_set_and_any_id_of_a_pair_will_do() {
    let body = license("STATE=active ISSUED=01-jun-2026");
    let set = "SERVER a 000000000001 7260\nSERVER b 00b0d0abb1b2 7260\nSERVER c 000000000003 7260\n";
    assert_eq!(one(&format!("{set}{body}"), today()), LineState::Valid);
    let pair = "SERVER a \"000000000001 00b0d0abb1b2\" 7260\n";
    assert_eq!(one(&format!("{pair}{body}"), today()), LineState::Valid);
    let dongle = "SERVER a ID=1234-5678\n";
    assert_eq!(one(&format!("{dongle}{body}"), today()), LineState::Valid);
}

#[test]
fn an_activated_license_works_only_in_its_installation() {
    let doc = signed(&license("STATE=active ISSUED=01-jun-2026 RK=abc"));
    let with = |rk: Option<&str>| {
        let machine = Machine { registration_key: rk.map(str::to_owned), ..machine() };
        state(&admit(std::slice::from_ref(&doc), &trust(), &machine, today()))
    };
    assert_eq!(with(Some("abc")), LineState::Valid);
    assert_eq!(with(Some("abd")), LineState::WrongInstallation);
    assert_eq!(with(None), LineState::WrongInstallation);
}

#[test]
fn a_line_copied_within_a_file_counts_once() {
    let text = signed(FILE).to_string();
    let at = text.find("INCREMENT").unwrap();
    let doc = parse("copied.dat", format!("{text}{}", &text[at..]).as_bytes());
    assert!(doc.problems.iter().any(|problem| problem.code == "repeated-line"));
    let admission = admitted(&[doc.document]);
    assert_eq!(admission.offers.len(), 3);
    assert!(admission.refused.iter().all(|refused| refused.state == LineState::Duplicate));
}

#[test]
fn a_bad_line_never_hides_a_good_one() {
    let text = signed(FILE).to_string().replace("31-dec-2026", "31-dec-26");
    let parsed = parse("license.dat", text.as_bytes());
    let problem = parsed.problems.iter().find(|problem| problem.is_error()).unwrap();
    assert_eq!((problem.code, problem.column), ("bad-date", 23));
    assert!(problem.to_string().contains("hint: write all four digits"), "{problem}");
    let admission = admitted(&[parsed.document]);
    assert_eq!(admission.offers.len(), 2);
    assert_eq!(admission.refused[0].state, LineState::Malformed);
}

#[test]
fn a_key_expired_before_the_license_was_issued_voids_lines_without_a_date() {
    let key = signing_key();
    let early = root().certify(PUBLISHER, &key.public_key(), date(2025, 1, 1), Expiry::On(date(2026, 5, 31)));
    let old = sign(&document(LINE), &key, &early);
    // Only the old certificate stands in the file of the line; the newer key signed the license.
    let other_key = grantor_license::SigningKey::from_seed([5; 32]);
    let until = Expiry::On(date(2030, 1, 1));
    let newer = root().certify(PUBLISHER, &other_key.public_key(), date(2026, 6, 1), until);
    let license = sign(&document("LICENSE L STATE=active ISSUED=01-jun-2026\n"), &other_key, &newer);
    let admission = on(today(), &[old, license]);
    assert_eq!(state(&admission), LineState::KeyExpired);
}

#[test]
fn files_of_one_site_combine_by_hand_and_by_program() {
    let second = FILE
        .replace("LRN-1", "LRN-2")
        .replace("edit acme 8.5", "route acme 8.5")
        .replace("# Acme license", "# Second order")
        .replace("lichost", "renamed");
    let docs = [signed(FILE), signed(&second)];
    let combined = combine(&docs).unwrap();
    let text = combined.to_string();
    assert_eq!(text.matches("\nSERVER").count(), 1);
    assert_eq!(text.matches("\nVENDOR").count(), 1);
    assert_eq!(text.matches("\nKEY").count(), 1);
    assert!(text.contains("# Second order"));
    let whole = admitted(&[combined]);
    assert_eq!((whole.refused.len(), whole.offers.len(), whole.licenses.len()), (0, 6, 2));
}

#[test]
fn files_of_different_sites_do_not_combine() {
    let other = signed(&FILE.replace("00b0d0abb1b2", "00b0d0abb1b3"));
    let problems = combine(&[signed(FILE), other]).unwrap_err();
    assert_eq!(problems[0].code, "other-site");
    assert!(
        problems[0].to_string().starts_with("license.dat:2:1: error: bound to 00B0D0ABB1B3"),
        "{}",
        problems[0]
    );
    assert_eq!(combine(&[]).unwrap_err()[0].code, "no-files");
}

#[test]
fn lines_signed_by_others_are_kept_for_reports() {
    let doc = document("INCREMENT f flex 1.0 31-dec-2026 7 SIGN=\"0A1B 2C3D\"\n");
    let admission = admitted(&[doc]);
    assert!(admission.offers.is_empty());
    assert_eq!(admission.refused[0].state, LineState::Reference);
    assert_eq!(admission.references[0].count, grantor_license::Count::Counted(7));
}
