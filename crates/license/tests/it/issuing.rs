//! Putting a license file together, and seeing what changed from one to the next.

use crate::common::*;
use grantor_license::{
    Change, ChangeKind, Count, Draft, DraftLicense, DraftLine, DraftServer, DraftVendor, Expiry,
    KeyCertificate, LicenseState, Model, VersionRule, diff, parse, sign,
};
use jiff::civil::date;

fn line(feature: &str, count: u32) -> DraftLine {
    DraftLine {
        increment: true,
        feature: feature.to_owned(),
        version: "8.5".to_owned(),
        expiry: Expiry::On(date(2026, 12, 31)),
        count: Count::Counted(count),
        lrn: "LRN 1".to_owned(),
        model: Model::Concurrent,
        version_rule: VersionRule::SameMajor,
        attributes: vec![
            ("NOTICE".to_owned(), Some("Licensed to FEATURE SERVER # Müller".to_owned())),
            ("BORROW".to_owned(), None),
        ],
    }
}

fn draft(lines: Vec<DraftLine>) -> Draft {
    Draft {
        comments: vec!["Order 7 \\\nSecond line".to_owned()],
        servers: vec![DraftServer {
            host: "lichost".to_owned(),
            host_id: "000000000001 00b0d0abb1b2".to_owned(),
            port: Some(7260),
        }],
        vendor: DraftVendor { name: PUBLISHER.to_owned(), port: None },
        licenses: vec![DraftLicense {
            lrn: "LRN 1".to_owned(),
            customer: "Müller & Co".to_owned(),
            site: String::new(),
            license_type: "production".to_owned(),
            product: "Suite".to_owned(),
            state: LicenseState::Active,
            issued: date(2026, 6, 1),
            expires: Expiry::Permanent,
            rk: None,
            generation: None,
            disconnect: None,
        }],
        lines,
    }
}

#[test]
fn a_draft_becomes_a_signed_file_that_is_admitted() {
    let doc = draft(vec![line("agent", 100), line("route", 5)]).to_document("new.dat").unwrap();
    assert!(doc.to_string().lines().all(|line| line.chars().count() <= 78), "{doc}");
    assert_eq!(doc.unsignable(PUBLISHER), []);
    let admission = admitted(&[sign(&doc, &signing_key(), &certificate())]);
    assert_eq!(admission.refused, []);
    let offer = &admission.offers[0].offer;
    assert_eq!(
        (offer.model, offer.version_rule, offer.borrow_hours),
        (Model::Concurrent, VersionRule::SameMajor, Some(168))
    );
    assert_eq!(admission.licenses[0].lrn, "LRN 1");
}

#[test]
fn a_license_that_disconnects_says_so_under_its_signature() {
    let mut hourly = draft(vec![line("agent", 100)]);
    hourly.licenses[0].license_type = "Development".to_owned();
    hourly.licenses[0].disconnect = Some(60);
    let signed = sign(&hourly.to_document("new.dat").unwrap(), &signing_key(), &certificate());
    let admission = admitted(std::slice::from_ref(&signed));
    assert_eq!(admission.disconnects, [("development".to_owned(), Some(60))].into());
    let text = signed.to_string();
    assert!(text.contains("DISCONNECT=60"), "{text}");
    let without = parse("new.dat", text.replace("DISCONNECT=60", "").as_bytes()).document;
    let admission = admitted(&[without]);
    assert!(admission.offers.is_empty() && admission.disconnects.is_empty(), "{:?}", admission.refused);
}

#[test]
fn a_draft_says_what_cannot_be_written() {
    let codes = |draft: Draft| draft.to_document("x").unwrap_err()[0].code;
    let mut quote = line("agent", 1);
    quote.attributes[0].1 = Some("a \"b\"".to_owned());
    assert_eq!(codes(draft(vec![quote])), "unwritable");
    assert_eq!(codes(draft(vec![line("agent", 1), line("agent", 1)])), "repeated-line");
    let mut letters = line("agent", 1);
    letters.version = "v8".to_owned();
    assert_eq!(codes(draft(vec![letters])), "bad-version");
    let mut two = draft(vec![line("agent", 1)]);
    two.servers.push(DraftServer { host_id: "0800200005ac".to_owned(), ..two.servers[0].clone() });
    assert_eq!(codes(two), "server-count");
}

#[test]
fn a_certificate_reads_back_as_it_is_written() {
    assert_eq!(KeyCertificate::parse(&certificate().to_line()), Some(certificate()));
}

fn changes(from: (&str, &str)) -> Vec<String> {
    let old = signed(FILE);
    let new = signed(&FILE.replace(from.0, from.1));
    diff(&old, &new).iter().map(Change::to_string).collect()
}

#[test]
fn differences_are_told_by_line_and_field() {
    assert_eq!(changes(("# Acme", "# Other")), Vec::<String>::new());
    assert_eq!(changes((" 100 ", " 120 ")), ["~ FEATURE edit: count 100 -> 120"]);
    assert_eq!(
        changes(("31-dec-2026 100 LRN=LRN-1", "permanent 100 LRN=LRN-1 OVERDRAFT=5")),
        ["~ FEATURE edit: OVERDRAFT nothing -> 5, expiry 31-dec-2026 -> permanent"]
    );
    assert_eq!(changes(("edit acme", "route acme")), ["- FEATURE edit", "+ FEATURE route"]);
    assert_eq!(
        changes(("STATE=active", "STATE=deactivated")),
        ["~ LICENSE LRN-1: STATE active -> deactivated"]
    );
    assert_eq!(changes(("lichost", "moved")), ["- SERVER lichost", "+ SERVER moved"]);
    let old = document("INCREMENT a v 1 permanent 5\nINCREMENT a v 1 permanent 6\n");
    let new = document("INCREMENT a v 1 permanent 6\n");
    let found = diff(&old, &new);
    assert_eq!((found.len(), found[0].kind, found[0].old_line), (1, ChangeKind::Removed, Some(1)));
}
