//! A license whose type disconnects says so in its file, and the server that loads the file takes back what sessions hold of it.

use std::time::{Duration, Instant};

use crate::support::{Site, license_of, line};
use serde_json::{Value, json};

fn load(site: &Site, name: &str, text: &str) {
    let path = format!("/v1/admin/files/default/{name}");
    let (status, body) = site.request("PUT", &path, Some(&site.admin), text.as_bytes());
    assert_eq!(status, 200, "{body}");
}

#[test]
fn what_sessions_hold_under_a_development_license_is_taken_back_at_its_interval_and_production_goes_on() {
    let site = Site::with(Vec::new());
    let development = license_of(&site.keys, "ordered-development", Some(1), vec![line("dev", "8.0", 8)]);
    load(&site, "dev.lic", &development);
    load(&site, "prod.lic", &license_of(&site.keys, "production", None, vec![line("prod", "8.0", 8)]));
    let session = site.session("alice");
    for feature in ["dev", "prod"] {
        let (status, body) = site.checkout(&session, json!({ "feature": feature, "version": "8.0" }));
        assert_eq!(status, 201, "{body}");
    }
    let used = |feature: &str| site.feature(feature)["in_use"].as_u64().unwrap();
    assert_eq!(used("prod"), 1);
    // The interval is a minute of the server's time; the application lives on meanwhile.
    let end = Instant::now() + Duration::from_secs(90);
    while used("dev") > 0 {
        assert!(Instant::now() < end, "it was not taken back: {:#}", site.status());
        let (status, body) = site.put(&format!("/v1/sessions/{session}"), Value::Null);
        assert_eq!(status, 200, "{body}");
        std::thread::yield_now();
    }
    assert_eq!(used("prod"), 1);
    let (status, body) = site.checkout(&session, json!({ "feature": "dev", "version": "8.0" }));
    assert_eq!(status, 201, "and can be taken again: {body}");
}
