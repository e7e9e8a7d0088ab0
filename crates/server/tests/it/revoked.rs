//! A signing key is revoked: a license server takes the root key's word from any file, remembers it, and grants nothing more of what
//! the key signed; what another key signed anew goes on.

use crate::support::{Keys, PUBLISHER, Site, license, line};
use grantor_license::{Document, Revocation, RootKey, SigningKey, carry, parse};
use jiff::civil::Date;
use serde_json::{Value, json};

fn today() -> Date {
    jiff::Zoned::now().date()
}

fn revocation(from: Date) -> Revocation {
    let keys = Keys::default();
    keys.root.revoke(PUBLISHER, &keys.signing.id(), from)
}

/// As another key of the publisher's signs it.
fn anew() -> Document {
    let keys = Keys { root: RootKey::from_seed([1; 32]), signing: SigningKey::from_seed([7; 32]) };
    parse("license", license(&keys, vec![line("cad", "8.0", 2)]).as_bytes()).document
}

fn put(site: &Site, name: &str, text: &str) -> (u16, Value) {
    let path = format!("/v1/admin/files/default/{name}");
    let (status, body) = site.request("PUT", &path, Some(&site.admin), text.as_bytes());
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn capacity(site: &Site) -> u64 {
    let shown = site.feature("cad");
    shown["capacity"].as_u64().unwrap_or(0)
}

#[test]
fn a_revoked_keys_files_grant_nothing_more_at_once_and_after_a_restart_without_the_line() {
    let mut site = Site::with(vec![line("cad", "8.0", 2)]);
    assert_eq!(capacity(&site), 2);
    let (status, body) = put(&site, "revoked.lic", &format!("{}\n", revocation(today()).to_line()));
    assert_eq!(status, 200, "{body}");
    assert!(body.to_string().contains("is revoked"), "{body}");
    assert_eq!(capacity(&site), 0);
    site.restart();
    assert_eq!(capacity(&site), 0, "it is remembered");
    let session = site.session("alice");
    let (status, refused) = site.checkout(&session, json!({ "feature": "cad", "version": "8.0" }));
    assert!(status >= 400, "{refused}");
}

#[test]
fn a_file_that_was_signed_anew_brings_the_revocation_along_and_grants_in_the_old_ones_place() {
    let site = Site::with(vec![line("cad", "8.0", 2)]);
    let text = carry(&anew(), &[revocation(today())]).to_string();
    let (status, body) = put(&site, "anew.lic", &text);
    assert_eq!(status, 200, "{body}");
    assert_eq!(capacity(&site), 2, "and not four: {}", site.status());
    let remembered = site.admin("GET", "/v1/admin/files/default/revoked-keys", Value::Null);
    assert_eq!(remembered.0, 200, "{remembered:?}");
}

#[test]
fn until_its_day_a_revoked_keys_files_go_on() {
    let site = Site::with(vec![line("cad", "8.0", 2)]);
    let in_a_month = today().saturating_add(jiff::Span::new().days(30));
    assert_eq!(put(&site, "revoked.lic", &format!("{}\n", revocation(in_a_month).to_line())).0, 200);
    assert_eq!(capacity(&site), 2);
}

#[test]
fn what_is_remembered_can_neither_be_removed_nor_replaced_and_a_strangers_word_does_not_count() {
    let site = Site::with(vec![line("cad", "8.0", 2)]);
    let stranger = RootKey::from_seed([9; 32]).revoke(PUBLISHER, &Keys::default().signing.id(), today());
    assert_eq!(put(&site, "x.lic", &format!("{}\n", stranger.to_line())).0, 422);
    assert_eq!(capacity(&site), 2);
    put(&site, "revoked.lic", &format!("{}\n", revocation(today()).to_line()));
    let path = "/v1/admin/files/default/revoked-keys";
    let (status, body) = site.admin("DELETE", path, Value::Null);
    assert_eq!((status, body["code"].as_str()), (403, Some("forbidden")), "{body}");
    assert_eq!(put(&site, "revoked-keys", "VENDOR acme\n").0, 403);
    assert_eq!(capacity(&site), 0);
}
