//! Keys, files and machines that the tests share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test code, of which each program uses its part"
)]

use grantor_license::{
    Admission, Document, Expiry, KeyCertificate, LineState, Machine, RootKey, SigningKey, Trust, admit,
    parse, sign, verify,
};
use jiff::civil::{Date, date};

pub const PUBLISHER: &str = "acme";

pub fn root() -> RootKey {
    RootKey::from_seed([1; 32])
}

pub fn signing_key() -> SigningKey {
    SigningKey::from_seed([2; 32])
}

pub fn certificate() -> KeyCertificate {
    let until = Expiry::On(date(2030, 12, 31));
    root().certify(PUBLISHER, &signing_key().public_key(), date(2025, 1, 1), until)
}

pub fn trust() -> Trust {
    Trust::new().with_root(PUBLISHER, &root().public()).unwrap()
}

/// The text as a document; it must have no errors.
pub fn document(text: &str) -> Document {
    let parsed = parse("license.dat", text.as_bytes());
    let errors: Vec<String> =
        parsed.problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    parsed.document
}

pub fn signed(text: &str) -> Document {
    sign(&document(text), &signing_key(), &certificate())
}

pub fn machine() -> Machine {
    Machine { ethernet: vec![[0, 0xb0, 0xd0, 0xab, 0xb1, 0xb2]], ..Machine::default() }
}

pub fn today() -> Date {
    date(2026, 6, 15)
}

pub fn admitted(docs: &[Document]) -> Admission {
    admit(docs, &trust(), &machine(), today())
}

/// The states of all statements that a signing key signed, by name.
pub fn states(doc: &Document) -> Vec<(String, LineState)> {
    let shown = verify(doc, &trust()).into_iter().map(|(i, state)| (&doc.statements()[i], state));
    shown.filter(|(s, _)| !s.is_by_root()).map(|(s, state)| (s.name().to_owned(), state)).collect()
}

pub const FILE: &str = r#"# Acme license
SERVER lichost 00b0d0abb1b2 7260
VENDOR acme /opt/acme/daemon PORT=7261
LICENSE LRN-1 CUSTOMER="Müller & Co" SITE="Main site" TYPE=production PRODUCT=Suite STATE=active ISSUED=01-jun-2026
FEATURE edit acme 8.5 31-dec-2026 100 LRN=LRN-1 ISSUED=01-jun-2026 \
    NOTICE="Licensed to Müller & Co" vendor_info="v8.5 - edit" SN=123-456
INCREMENT view acme 2.0 permanent 20 LRN=LRN-1 DUP_GROUP=UH
INCREMENT view acme 2.0 1-jan-0 5 LRN=LRN-1 DUP_GROUP=HU SN=2
"#;
