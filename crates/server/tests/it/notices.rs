//! Notices arrive: by mail and at a hook, each once, also when what takes them is away for a while.

use std::collections::BTreeSet;

use crate::support::sink::Sink;
use crate::support::trio::Trio;
use crate::support::{Site, line};
use grantor_license::{DraftLine, Model};
use grantor_server::config::Config;
use grantor_server::notices::Setting;
use serde_json::{Value, json};

const SECRET: &str = "a secret of thirty-two characters";

fn setting(mail: &Sink, to: &[&str]) -> Setting {
    let to: BTreeSet<String> = to.iter().map(|address| (*address).to_owned()).collect();
    let mut setting: Setting = serde_json::from_value(json!({
        "silence_seconds": 5,
        "mail": { "server": format!("smtp://127.0.0.1:{}", mail.port), "from": "Grantor <grantor@example.com>", "to": to },
    }))
    .unwrap();
    setting.days_after.clear();
    setting
}

fn with_hook(config: &mut Config, mail: &Sink, hook: &Sink) {
    config.notices = setting(mail, &["ada@example.com", "bob@example.com"]);
    let file = config.data_dir.parent().unwrap().join("hook-secret");
    std::fs::write(&file, SECRET).unwrap();
    let address = format!("http://127.0.0.1:{}/hook", hook.port);
    config.notices.hooks =
        vec![grantor_server::notices::Hook { name: "ops".to_owned(), address, secret_file: file }];
}

fn notices(site: &Site) -> Vec<Value> {
    let (status, body) = site.admin("GET", "/v1/admin/notices", Value::Null);
    assert_eq!(status, 200, "{body}");
    body["notices"].as_array().unwrap().clone()
}

fn header<'a>(of: &'a str, name: &str) -> &'a str {
    of.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {of}")).trim()
}

fn wait_until_told(site: &Site, number: u64) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let all = notices(site);
        let one = all.iter().find(|one| one["number"] == number).unwrap();
        if one["waits_for"] == json!([]) {
            return;
        }
        assert!(std::time::Instant::now() < end, "{one}");
        std::thread::yield_now();
    }
}

#[test]
fn a_notice_arrives_once_at_each_recipient_and_signed_at_each_hook() {
    let (mail, hook) = (Sink::mail("127.0.0.1"), Sink::web());
    let site = Site::configured(vec![line("cad", "8.0", 1)], |config| with_hook(config, &mail, &hook));
    let (status, _) = site.admin("POST", "/v1/admin/notices/test", json!({}));
    assert_eq!(status, 202);
    wait_until_told(&site, 1);
    let mails = mail.all();
    let to: BTreeSet<&str> = mails.iter().map(|mail| header(mail, "To:")).collect();
    assert_eq!((mails.len(), to), (2, BTreeSet::from(["ada@example.com", "bob@example.com"])));
    assert_eq!(header(&mails[0], "Message-ID:"), header(&mails[1], "Message-ID:"));
    assert_eq!(header(&mails[0], "Subject:"), "[Grantor] default: a test by ada");
    let called = hook.all();
    let (head, body) = called[0].split_once("\n\n").unwrap();
    let id = header(head, "webhook-id:");
    assert_eq!(format!("<{id}>"), header(&mails[0], "Message-ID:"));
    let seconds: i64 = header(head, "webhook-timestamp:").parse().unwrap();
    let signature = grantor_web::hook::signature(SECRET.as_bytes(), id, seconds, body);
    assert_eq!(header(head, "webhook-signature:"), signature);
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["tenant"]), (&json!("notice.test"), &json!("default")));
    assert_eq!(called.len(), 1);
    let (_, metrics) = site.request("GET", "/metrics", Some(&site.admin), b"");
    assert!(
        metrics.contains("grantor_notices_total 1") && metrics.contains("grantor_notices_waiting 0"),
        "{metrics}"
    );
}

#[test]
fn an_attempt_beyond_what_was_bought_is_mailed_to_whoever_manages_licenses_with_realm_application_and_attempt()
 {
    let mail = Sink::mail("127.0.0.1");
    let role = DraftLine { model: Model::Role, ..line("WFM", "8.0", 1) };
    let site = Site::configured(vec![role], |config| config.notices = setting(&mail, &[]));
    let user = |name: &str, mail: Option<&str>| json!({ "change": "add-user", "name": name, "mail": mail });
    let give = |role: &str, user: &str| json!({ "change": "assign-role", "role": role, "user": user });
    let change =
        |changes: Value| site.admin("POST", "/v1/tenants/default/changes", json!({ "changes": changes }));
    let (status, body) = change(json!([
        user("ann", Some("ann@example.com")),
        user("bob", None),
        json!({ "change": "define-role", "role": "AGENT", "application": "WFM" }),
        json!({ "change": "define-role", "role": "manage-licenses" }),
        give("manage-licenses", "ann"),
        give("AGENT", "ann"),
    ]));
    assert_eq!(status, 200, "{body}");
    let (status, body) = change(json!([give("AGENT", "bob")]));
    assert_eq!(status, 409, "{body}");
    let mails = mail.wait("more of WFM was wanted", 1);
    assert_eq!(header(&mails[0], "To:"), "ann@example.com");
    for words in ["default:", "WFM", "give the role AGENT to the user bob"] {
        assert!(mails[0].contains(words), "{words}: {}", mails[0]);
    }
    let (status, _) = change(json!([give("AGENT", "bob")]));
    assert_eq!(status, 409);
    wait_until_told(&site, 1);
    assert_eq!(
        (mail.all().len(), notices(&site).len()),
        (1, 1),
        "the second one within the hour is gathered"
    );
}

#[test]
fn mail_that_is_refused_for_now_waits_and_arrives_once_the_server_takes_it_also_after_a_restart() {
    let mail = Sink::mail("127.0.0.1");
    mail.refuse(true);
    let mut site = Site::configured(vec![line("cad", "8.0", 1)], |config| {
        config.notices = setting(&mail, &["a@example.com"])
    });
    let (status, _) = site.admin("POST", "/v1/admin/notices/test", json!({}));
    assert_eq!(status, 202);
    site.restart();
    assert_eq!(notices(&site)[0]["waits_for"], json!(["mail a@example.com"]));
    mail.refuse(false);
    mail.wait("a test by ada", 1);
    wait_until_told(&site, 1);
    site.restart();
    assert_eq!(mail.all().len(), 1);
}

#[test]
fn a_notice_that_the_leader_could_not_hand_over_is_sent_once_by_the_next_and_a_lost_server_is_told_of_and_its_return()
 {
    let mail = Sink::mail("127.0.0.1");
    let mut trio = Trio::prepared(vec![line("cad", "8.0", 1)]);
    for config in trio.configs.values_mut() {
        config.notices = setting(&mail, &["a@example.com"]);
    }
    trio.start_all();
    trio.set_up();
    mail.refuse(true);
    let (status, _) = trio.admin(1, "POST", "/v1/admin/notices/test", json!({}));
    assert_eq!(status, 202);
    let leader = trio.wait(|trio| trio.leader(1));
    trio.stop(leader);
    mail.refuse(false);
    mail.wait("a test by ada", 1);
    let lost = mail.wait("does not answer", 1);
    trio.start_together(&[leader]);
    let back = mail.wait("is back", 1);
    let address = trio.configs[&leader].cluster.address.clone().unwrap();
    assert!(lost[0].contains(&address) && back[0].contains(&address), "{lost:?} {back:?}");
    let ids: Vec<String> = mail.all().iter().map(|mail| header(mail, "Message-ID:").to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3, "{ids:?}");
    assert_eq!(ids.len(), 3, "each once: {ids:?}");
}

#[test]
fn notices_are_for_those_who_may_read_and_a_tenants_token_sees_its_own() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    assert_eq!(site.get("/v1/admin/notices").0, 401);
    assert_eq!(site.post("/v1/admin/notices/test", json!({})).0, 401);
    let token = |name: &str, scope: &str, tenant: Option<&str>| {
        let body = json!({ "name": name, "scopes": [scope], "tenant": tenant });
        let (status, body) = site.admin("POST", "/v1/admin/tokens", body);
        assert_eq!(status, 201, "{body}");
        body["token"].as_str().unwrap().to_owned()
    };
    let (reader, other) = (token("reader", "read", None), token("other", "licenses", Some("other")));
    let test = |token: &str, tenant: &str| {
        let body = json!({ "tenant": tenant }).to_string();
        site.request("POST", "/v1/admin/notices/test", Some(token), body.as_bytes()).0
    };
    assert_eq!((test(&reader, "default"), test(&other, "default"), test(&other, "other")), (403, 403, 202));
    let theirs = token("theirs", "read", Some("default"));
    let read = |token: &str| {
        let (status, body) = site.request("GET", "/v1/admin/notices", Some(token), b"");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["notices"].as_array().unwrap().len()
    };
    assert_eq!((read(&reader), read(&theirs)), (1, 0));
}
