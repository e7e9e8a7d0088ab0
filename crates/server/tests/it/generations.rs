//! A license file that takes another's place is the last word: the one of before is not taken again, whether by name, after a
//! restart or beside it, so what was given back is not used twice.

use crate::support::{Keys, Site, license_numbered, line};
use serde_json::Value;

/// The file of so many seats as the publisher counts it on.
fn file(serial: &str, generation: u32, seats: u32) -> String {
    license_numbered(&Keys::default(), serial, generation, vec![line("cad", "8.0", seats)])
}

fn put(site: &Site, name: &str, text: &str) -> (u16, Value) {
    let path = format!("/v1/admin/files/default/{name}");
    let (status, body) = site.request("PUT", &path, Some(&site.admin), text.as_bytes());
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn capacity(site: &Site) -> u64 {
    site.feature("cad")["capacity"].as_u64().unwrap_or(0)
}

#[test]
fn an_earlier_file_is_refused_once_a_later_one_was_loaded_even_after_a_restart() {
    let mut site = Site::with(Vec::new());
    assert_eq!(put(&site, "a.lic", &file("S", 1, 9)).0, 200);
    assert_eq!(put(&site, "a.lic", &file("S", 2, 5)).0, 200);
    assert_eq!(capacity(&site), 5);
    for name in ["a.lic", "b.lic"] {
        let (status, body) = put(&site, name, &file("S", 1, 9));
        assert!(status >= 400, "{body}");
        assert!(body.to_string().contains("an earlier file"), "{body}");
        assert_eq!(capacity(&site), 5, "what was there stays");
    }
    site.restart();
    assert!(put(&site, "b.lic", &file("S", 1, 9)).0 >= 400, "it is remembered");
    assert_eq!(put(&site, "b.lic", &file("T", 1, 3)).0, 200, "another file's count is its own");
    assert_eq!(capacity(&site), 8);
}

#[test]
fn a_later_file_under_another_name_puts_the_earlier_one_out_of_force() {
    let site = Site::with(Vec::new());
    assert_eq!(put(&site, "a.lic", &file("S", 1, 9)).0, 200);
    assert_eq!(put(&site, "new.lic", &file("S", 2, 5)).0, 200);
    assert_eq!(capacity(&site), 5);
}

#[test]
fn a_later_file_beside_the_earlier_one_in_the_same_folder_keeps_every_line_that_did_not_change() {
    let of = |generation, more: Vec<_>| {
        let lines = [vec![line("cad", "8.0", 5)], more].concat();
        license_numbered(&Keys::default(), "S", generation, lines)
    };
    let site = Site::with(Vec::new());
    std::fs::write(site.folder.path().join("licenses").join("a.lic"), of(1, vec![])).unwrap();
    std::fs::write(site.folder.path().join("licenses").join("b.lic"), of(2, vec![line("sim", "8.0", 2)]))
        .unwrap();
    let (status, body) = site.admin("POST", "/v1/admin/reread", Value::Null);
    assert_eq!(status, 200, "{body}");
    assert_eq!((capacity(&site), site.feature("sim")["capacity"].as_u64()), (5, Some(2)), "{body}");
}
