//! The test vectors of `docs/src/signed-bytes.md`: they must hold for ever, and `openssl` must agree with us.

use std::process::Command;

use crate::common::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_license::{Document, Statement, signed_bytes};
use sha2::{Digest, Sha256};

/// The file of the docs page, unsigned.
const TEXT: &str = "SERVER lichost 00b0d0abb1b2 7260\nVENDOR acme\n\
                    LICENSE LRN-1 CUSTOMER=\"Müller & Co\" STATE=active ISSUED=01-jun-2026\n\
                    FEATURE edit acme 8.5 31-dec-2026 100 LRN=LRN-1 SN=7 TS_OK\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn statement<'a>(doc: &'a Document, keyword: &str) -> &'a Statement {
    doc.statements().iter().find(|statement| statement.keyword == keyword).unwrap()
}

/// Key id, signature and signed bytes of a statement.
fn vector(doc: &Document, keyword: &str) -> (String, Vec<u8>, Vec<u8>) {
    let statement = statement(doc, keyword);
    let sign: String = statement.attributes.get("SIGN").unwrap().split_whitespace().collect();
    let (id, signature) = sign.split_once(':').unwrap();
    let bytes = signed_bytes(statement, PUBLISHER, &doc.bound_host_ids());
    (id.to_owned(), STANDARD.decode(signature).unwrap(), bytes)
}

fn docs_page() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/signed-bytes.md");
    std::fs::read_to_string(page).unwrap()
}

#[test]
fn the_vector_of_a_revoked_line_holds() {
    let line = root().revoke(PUBLISHER, &signing_key().id(), jiff::civil::date(2026, 12, 24)).to_line();
    let (id, signature, bytes) = vector(&document(&format!("{line}\n")), "REVOKED");
    let page = docs_page();
    for fact in [id, STANDARD.encode(signature), hex(&Sha256::digest(&bytes)), hex(&bytes)] {
        assert!(page.contains(&fact), "REVOKED {fact}");
    }
}

#[test]
fn the_vectors_of_the_docs_page_hold() {
    let doc = signed(TEXT);
    let page = docs_page();
    let mut missing = Vec::new();
    for (name, key) in [("root", root().public()), ("signing", signing_key().public())] {
        missing.extend((!page.contains(&key)).then(|| format!("{name} public {key}")));
    }
    for keyword in ["KEY", "LICENSE", "FEATURE"] {
        let (id, signature, bytes) = vector(&doc, keyword);
        let facts = [id, STANDARD.encode(signature), hex(&Sha256::digest(&bytes)), hex(&bytes)];
        missing.extend(
            facts.into_iter().filter(|fact| !page.contains(fact)).map(|fact| format!("{keyword} {fact}")),
        );
    }
    assert!(missing.is_empty(), "not on the page:\n{}\n{doc}", missing.join("\n"));
    assert!(page.contains(&doc.to_string()), "the signed file is not on the page:\n{doc}");
}

#[test]
fn the_signed_bytes_are_as_the_docs_page_spells_them_out() {
    let doc = signed(TEXT);
    let (_, _, bytes) = vector(&doc, "FEATURE");
    let mut spelled: Vec<u8> = Vec::new();
    let number = |out: &mut Vec<u8>, n: u32| out.extend(n.to_be_bytes());
    let item = |out: &mut Vec<u8>, text: &str| {
        out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        out.extend(text.as_bytes());
    };
    item(&mut spelled, "grantor/line/v1");
    item(&mut spelled, "acme");
    number(&mut spelled, 1);
    item(&mut spelled, "00B0D0ABB1B2");
    item(&mut spelled, "FEATURE");
    number(&mut spelled, 5);
    for word in ["edit", "acme", "8.5", "31-dec-2026", "100"] {
        item(&mut spelled, word);
    }
    number(&mut spelled, 3);
    for word in ["LRN", "=LRN-1", "SN", "=7", "TS_OK", ""] {
        item(&mut spelled, word);
    }
    assert_eq!(hex(&bytes), hex(&spelled));
}

#[test]
fn openssl_verifies_the_vectors() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: there is no `openssl` to ask");
        return;
    }
    let doc = signed(TEXT);
    let folder = std::env::temp_dir().join(format!("grantor-vectors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (keyword, key) in
        [("KEY", root().public()), ("LICENSE", signing_key().public()), ("FEATURE", signing_key().public())]
    {
        let (_, signature, bytes) = vector(&doc, keyword);
        assert!(openssl(&folder, &key, &signature, &bytes), "{keyword}");
        let mut other = bytes;
        other[20] ^= 1;
        assert!(!openssl(&folder, &key, &signature, &other), "{keyword} with another byte");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn openssl(folder: &std::path::Path, key: &str, signature: &[u8], message: &[u8]) -> bool {
    // SubjectPublicKeyInfo of an Ed25519 key: twelve fixed bytes and the key.
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend(STANDARD.decode(key).unwrap());
    for (name, content) in [("key.der", der.as_slice()), ("sig", signature), ("msg", message)] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let arguments = "pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in msg -sigfile sig";
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    output.status.success()
}
