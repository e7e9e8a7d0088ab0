//! Signing in at the console, as a browser without scripts sees it: passwords, codes, other houses that vouch; and that nobody is
//! shown what would be refused.

use crate::support;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::idp::{Idp, Lie};
use crate::support::browser::{Browser, posts};
use crate::support::{PASSWORD, Site, line};
use grantor_server::config::Config;
use grantor_web::providers::Worth;
use grantor_web::totp::Key;
use serde_json::json;

const NEW: &str = "seven purple oxen sing";

/// The site's first administrator at the console.
fn ada(site: &Site) -> Browser<'_> {
    let mut ada = Browser::at(site);
    let entered = ada.sign_in("ada", PASSWORD);
    assert_eq!((entered.status, entered.location.as_str()), (303, "/"), "{entered:?}");
    ada
}

/// Invites somebody at the console; gives the invitation's path.
fn invite(site: &Site, name: &str, role: &str, tenant: &str) -> String {
    let made = ada(site).post("/settings/people", &[("name", name), ("role", role), ("for", tenant)]);
    assert_eq!(made.status, 200, "{made:?}");
    let link = made.between("<code id=\"made\">", "</code>");
    link[link.find("/invitation/").unwrap()..].to_owned()
}

/// Somebody who took an invitation and is signed in.
fn person<'a>(site: &'a Site, name: &str, role: &str, tenant: &str) -> Browser<'a> {
    let path = invite(site, name, role, tenant);
    let mut browser = Browser::at(site);
    let page = browser.get(&path);
    assert!(page.status == 200 && page.body.contains(name), "{page:?}");
    let entered = browser.post(&path, &[("password", NEW), ("again", NEW)]);
    assert_eq!((entered.status, entered.location.as_str()), (303, "/"), "{entered:?}");
    browser
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Turns codes on; gives the key and the spare codes.
fn turn_codes_on(browser: &mut Browser<'_>) -> (Key, Vec<String>) {
    let page = browser.get("/me/codes");
    let key = Key::from_text(&page.between("<code id=\"key\">", "</code>")).unwrap();
    let sealed = page.between("name=\"sealed\" value=\"", "\"");
    let wrong = browser.post("/me/codes", &[("sealed", &sealed), ("code", "000000")]);
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let sealed = wrong.between("name=\"sealed\" value=\"", "\"");
    let on = browser.post("/me/codes", &[("sealed", &sealed), ("code", &key.code(seconds()).unwrap())]);
    assert_eq!(on.status, 200, "{on:?}");
    let list = on.between("id=\"spare\">", "</ul>");
    let spare = list.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    (key, spare.collect())
}

#[test]
fn an_invitation_is_taken_at_the_console_without_scripts() {
    let site = Site::with(vec![]);
    let path = invite(&site, "bob", "read", "");
    let mut bob = Browser::at(&site);
    let differ = bob.post(&path, &[("password", NEW), ("again", "another")]);
    assert!(differ.status == 422 && differ.body.contains("differ"), "{differ:?}");
    let weak = bob.post(&path, &[("password", "passwordpassword"), ("again", "passwordpassword")]);
    assert!(weak.status == 422 && weak.body.contains("password"), "{weak:?}");
    assert_eq!(bob.post(&path, &[("password", NEW), ("again", NEW)]).status, 303);
    assert!(bob.get("/").body.contains("<a href=\"/me\">bob</a>"));
    let over = Browser::at(&site).get(&path);
    assert!(over.status == 410 && over.body.contains("the invitation is over"), "{over:?}");
    assert_eq!(bob.post("/sign-out", &[]).location, "/sign-in");
    assert_eq!(bob.get("/").location, "/sign-in?next=%2F");
    let entered = bob.post("/sign-in", &[("name", "bob"), ("password", NEW), ("next", "/users")]);
    assert_eq!(entered.location, "/users");
    for elsewhere in ["https://evil.test", "//evil.test", "/\\evil.test"] {
        let entered = bob.post("/sign-in", &[("name", "bob"), ("password", NEW), ("next", elsewhere)]);
        assert_eq!(entered.location, "/", "{elsewhere}");
    }
}

#[test]
fn a_code_is_asked_for_after_the_password_and_counts_once() {
    let site = Site::with(vec![]);
    let mut bob = person(&site, "bob", "read", "");
    let (key, spare) = turn_codes_on(&mut bob);
    assert_eq!(spare.len(), 10);
    let page = bob.sign_in("bob", NEW);
    assert!(page.status == 200 && page.body.contains("Show a code"), "{page:?}");
    let challenge = page.between("name=\"challenge\" value=\"", "\"");
    let mut show = |challenge: &str, code: &str| {
        bob.post("/sign-in/code", &[("challenge", challenge), ("code", code), ("next", "/users")])
    };
    let used = show(&challenge, &key.code(seconds()).unwrap());
    assert!(used.status == 401 && used.body.contains("not the code"), "it turned codes on: {used:?}");
    // The next one, as a telephone whose clock is a little ahead shows it.
    let next = key.code(seconds() + 30).unwrap();
    assert_eq!(show(&challenge, &next).location, "/users");
    assert_eq!(show(&challenge, &next).status, 401, "what was asked is answered");
    let login = |code: Option<&str>| {
        let body = json!({ "name": "bob", "password": NEW, "code": code });
        let (status, answer) = site.post("/v1/admin/login", body);
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(login(None), (401, "code-needed".to_owned()));
    assert_eq!(login(Some(&next)), (401, "unauthenticated".to_owned()), "used");
    assert_eq!(login(Some(&spare[0].replace('-', " ").to_uppercase())).0, 201);
    assert_eq!(login(Some(&spare[0])).0, 401, "a spare code counts once");
    assert_eq!(login(Some(&spare[1])).0, 201);
    let me = bob.get("/me");
    assert!(me.body.contains("8 spare codes are left"), "{me:?}");
    assert_eq!(bob.post("/me/codes/off", &[]).location, "/me?done=codes-off");
    assert_eq!(login(None).0, 201);
}

#[test]
fn the_own_page_shows_visits_and_ends_them() {
    let site = Site::with(vec![]);
    let mut bob = person(&site, "bob", "read", "");
    let mut elsewhere = Browser::at(&site);
    elsewhere.sign_in("bob", NEW);
    let me = bob.get("/me");
    let name = me.between("action=\"/me/visits/", "/end");
    assert!(me.body.contains("by invitation, from 127.0.0.1") && me.body.contains("by password"), "{me:?}");
    assert_eq!(bob.post(&format!("/me/visits/{name}/end"), &[]).location, "/me?done=visits");
    assert_eq!(elsewhere.get("/me").status, 303);
    elsewhere.sign_in("bob", NEW);
    let wrong = bob.post("/me/password", &[("now", "no"), ("password", PASSWORD), ("again", PASSWORD)]);
    assert!(wrong.status == 401 && wrong.body.contains("Not changed"), "{wrong:?}");
    let form =
        [("now", NEW), ("password", "eleven angry geese at noon"), ("again", "eleven angry geese at noon")];
    assert_eq!(bob.post("/me/password", &form).location, "/me?done=password");
    assert_eq!((bob.get("/me").status, elsewhere.get("/me").status), (200, 303));
    assert_eq!(bob.sign_in("bob", "eleven angry geese at noon").location, "/");
    let visits = bob.get("/me").body.matches("from 127.0.0.1").count();
    assert_eq!(visits, 1, "signing in again in the same browser ends the visit before");
}

#[test]
fn whoever_may_only_look_sees_no_button_and_every_link_leads_somewhere() {
    let site = Site::with(vec![line("drafting", "8.0", 2)]);
    let session = site.session("kim");
    site.checkout(&session, json!({ "feature": "drafting", "version": "8.0" }));
    site.checkout(&session, json!({ "feature": "unknown", "version": "1.0" }));
    let change = |body: serde_json::Value| {
        let (status, answer) = site.admin("POST", "/v1/tenants/default/changes", body);
        assert!(status < 300, "{answer}");
    };
    change(json!({ "changes": [
        { "change": "add-user", "name": "kim" }, { "change": "add-station", "name": "desk", "machine": "pc" },
        { "change": "add-group", "name": "sales" }, { "change": "add-members", "group": "sales", "users": ["kim"] },
        { "change": "define-role", "role": "AGENT", "application": "wfm" },
    ] }));
    for (name, role, tenant) in [
        ("rita", "read", ""),
        ("tina", "read", "default"),
        ("otto", "read", "other"),
        ("mona", "manage-licenses", "default"),
        ("alma", "allocate", "default"),
        ("rolf", "release", "default"),
        ("anna", "administrator", "default"),
        ("hugo", "administrator", ""),
    ] {
        let mut browser = person(&site, name, role, tenant);
        let pages = browser.crawl();
        assert!(pages.len() > 10, "{name} saw {:?}", pages.keys());
        for (path, page) in &pages {
            assert_eq!(page.status, 200, "{name}: {path}: {}", page.body);
            let own = |action: &String| action == "/sign-out" || action.starts_with("/me/");
            let buttons: Vec<String> = posts(&page.body).into_iter().filter(|action| !own(action)).collect();
            if role == "read" {
                assert!(buttons.is_empty(), "{name} sees on {path}: {buttons:?}");
            }
            if tenant == "other" {
                assert!(
                    !page.body.contains("drafting"),
                    "{name} sees another tenant on {path}: {}",
                    page.body
                );
            }
        }
    }
}

#[test]
fn pages_about_people_are_for_administrators_of_the_whole_site() {
    let site = Site::with(vec![]);
    for (name, role, tenant) in
        [("rita", "read", ""), ("mona", "manage-licenses", ""), ("anna", "administrator", "x")]
    {
        let mut browser = person(&site, name, role, tenant);
        for path in ["/settings", "/settings/people", "/settings/people/ada"] {
            assert_eq!(browser.get(path).status, 403, "{name}: {path}");
        }
        for (path, form) in [
            ("/settings/people", &[("name", "eve"), ("role", "read")][..]),
            ("/settings/people/ada", &[("display", "x")]),
            ("/settings/people/ada/reset", &[]),
            ("/settings/people/ada/remove", &[]),
            ("/settings/people/ada/visits/end", &[]),
        ] {
            assert_eq!(browser.post(path, form).status, 403, "{name}: {path}");
        }
    }
}

#[test]
fn roles_are_changed_and_people_removed_at_the_console() {
    let site = Site::with(vec![]);
    let mut bob = person(&site, "bob", "read", "");
    let mut ada = ada(&site);
    let page = ada.get("/settings/people/bob");
    assert!(page.body.contains("Reader, for all tenants"), "{page:?}");
    let seen = page.between("name=\"seen\" value=\"", "\"");
    let form =
        [("seen", seen.as_str()), ("stays", "0"), ("display", "Bob"), ("role", "allocate"), ("for", "blue")];
    assert_eq!(ada.post("/settings/people/bob", &form).location, "/settings/people/bob?done=saved");
    assert_eq!(bob.get("/me").status, 303, "other roles end the visit");
    let stale = ada.post("/settings/people/bob", &form);
    assert!(stale.status == 400 && stale.body.contains("in the meantime"), "{stale:?}");
    let page = ada.get("/settings/people/bob");
    assert!(page.body.contains("Allocation, for blue") && page.body.contains("<h1>Bob</h1>"), "{page:?}");
    let last = ada.post("/settings/people/ada/remove", &[]);
    assert!(last.status == 409 && last.body.contains("the last administrator stays"), "{last:?}");
    assert_eq!(ada.post("/settings/people/bob/remove", &[]).location, "/settings/people?done=removed");
    assert_eq!(bob.sign_in("bob", NEW).status, 401);
}

/// A site whose people may sign in at a provider, and the provider.
struct Houses {
    runtime: tokio::runtime::Runtime,
    idp: Arc<Idp>,
    site: Site,
}

impl Houses {
    fn open(change: impl FnOnce(&mut Config)) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let idp = runtime.block_on(Idp::start());
        let site = Site::configured(vec![], |config| {
            config.console.address = Some("https://licenses.test".to_owned());
            config.providers = vec![idp.setting.clone()];
            change(config);
        });
        Self { runtime, idp, site }
    }

    /// Goes there and comes back: the path that the browser comes back to.
    fn visit(&self, address: &str) -> String {
        self.runtime.block_on(self.idp.visit(address))
    }

    fn sign_in(&self, browser: &mut Browser<'_>) -> support::browser::Answer {
        let sent = browser.get("/sign-in/with/acme?next=/users");
        assert_eq!(sent.status, 303, "{sent:?}");
        browser.get(&self.visit(&sent.location))
    }

    /// Follows the link of the page that answers a form, and comes back.
    fn go_on(&self, browser: &mut Browser<'_>, page: &support::browser::Answer) -> support::browser::Answer {
        assert_eq!(page.status, 200, "{page:?}");
        browser.get(&self.visit(&page.between("class=\"button\" href=\"", "\"")))
    }

    fn refused(&self, says: &str) {
        let answer = self.sign_in(&mut Browser::at(&self.site));
        assert!(matches!(answer.status, 303 | 401), "{answer:?}");
        assert!(answer.body.contains(says), "{says}: {answer:?}");
    }
}

#[test]
fn whoever_is_named_like_a_verified_mail_address_is_signed_in_elsewhere_and_known_from_then_on() {
    let houses = Houses::open(|_| {});
    houses.refused("nobody signs in here as `ada@example.com`");
    invite(&houses.site, "ada@example.com", "read", "");
    let button = Browser::at(&houses.site).get("/sign-in?next=/users");
    assert!(
        button.body.contains("href=\"/sign-in/with/acme?next=%2Fusers\">Sign in with Acme"),
        "{button:?}"
    );
    houses.idp.is(|mood| mood.verified = false);
    houses.refused("has not verified your mail address");
    houses.idp.is(|mood| mood.verified = true);
    let mut browser = Browser::at(&houses.site);
    let entered = houses.sign_in(&mut browser);
    assert_eq!(entered.location, "/users", "{entered:?}");
    // From now on the subject counts, whatever its mail address is.
    houses.idp.is(|mood| mood.mail = "married@example.org".to_owned());
    assert_eq!(houses.sign_in(&mut browser).location, "/users");
    assert!(browser.get("/me").body.contains("ada@example.com"));
    houses.idp.is(|mood| {
        mood.mail = "ada@example.com".to_owned();
        mood.subject = "subject-2".to_owned();
    });
    houses.refused("not the account there that is linked");
}

#[test]
fn a_token_that_is_wrong_or_somebody_elses_sign_in_signs_nobody_in() {
    let houses = Houses::open(|_| {});
    invite(&houses.site, "ada@example.com", "read", "");
    for (lie, says) in [
        (Lie::Nonce, "to another question"),
        (Lie::Audience, "meant for another service"),
        (Lie::Issuer, "comes from somebody else"),
        (Lie::Expired, "has expired"),
        (Lie::Signature, "not signed as it should be"),
        (Lie::NoSignature, "not signed as it should be"),
    ] {
        houses.idp.is(|mood| mood.lie = lie);
        houses.refused(says);
    }
    houses.idp.is(|mood| mood.lie = Lie::None);
    let mut began = Browser::at(&houses.site);
    let sent = began.get("/sign-in/with/acme");
    let back = houses.visit(&sent.location);
    let stolen = Browser::at(&houses.site).get(&back);
    assert!(stolen.body.contains("begun in another browser"), "{stolen:?}");
    let replayed = began.get(&back);
    assert!(replayed.status == 401 && replayed.body.contains("too late"), "{replayed:?}");
    let sent = began.get("/sign-in/with/acme");
    let back = houses.visit(&sent.location);
    let iss = back.split(['?', '&']).find(|pair| pair.starts_with("iss=")).unwrap();
    let mixed_up = began.get(&back.replace(iss, "iss=https%3A%2F%2Fevil.test"));
    assert!(mixed_up.body.contains("comes from somebody else"), "{mixed_up:?}");
    assert_eq!(began.get("/sign-in/with/unknown").status, 404);
    assert_eq!(began.get("/me").status, 303);
}

#[test]
fn an_account_elsewhere_takes_an_invitation_is_linked_and_unlinked() {
    let houses = Houses::open(|_| {});
    let path = invite(&houses.site, "bob", "read", "");
    houses.idp.is(|mood| mood.mail = "robert@elsewhere.example".to_owned());
    let mut bob = Browser::at(&houses.site);
    assert!(bob.get(&path).body.contains(&format!("action=\"{path}/with/acme\"")));
    let onward = bob.post(&format!("{path}/with/acme"), &[]);
    assert_eq!(houses.go_on(&mut bob, &onward).location, "/");
    let me = bob.get("/me");
    assert!(me.body.contains("robert@elsewhere.example"), "{me:?}");
    let last = bob.post("/me/accounts/0/remove", &[]);
    assert!(last.status == 409 && last.body.contains("nothing else signs you in"), "{last:?}");
    assert_eq!(bob.post("/me/password", &[("password", NEW), ("again", NEW)]).location, "/me?done=password");
    assert_eq!(bob.post("/me/accounts/0/remove", &[]).location, "/me?done=removed");
    houses.refused("nobody signs in here as `robert@elsewhere.example`");
    let onward = bob.post("/me/accounts/acme", &[]);
    assert_eq!(houses.go_on(&mut bob, &onward).location, "/me?done=linked");
    assert_eq!(houses.sign_in(&mut Browser::at(&houses.site)).location, "/users");
    // What eve begins links nothing to bob, whose browser it was smuggled into; nor is bob's account to be had.
    let mut eve = person(&houses.site, "eve", "read", "");
    let onward = eve.post("/me/accounts/acme", &[]);
    let taken = houses.go_on(&mut eve, &onward);
    assert!(taken.status == 409 && taken.body.contains("linked already"), "{taken:?}");
    let onward = eve.post("/me/accounts/acme", &[]);
    let back = houses.visit(&onward.between("class=\"button\" href=\"", "\""));
    let away = eve.cookies["__Host-grantor-away"].clone();
    bob.cookies.insert("__Host-grantor-away".to_owned(), away);
    let smuggled = bob.get(&back);
    assert!(smuggled.body.contains("begun in another browser"), "{smuggled:?}");
}

#[test]
fn a_sign_in_elsewhere_counts_as_the_password_unless_the_provider_asks_for_two_factors() {
    for (worth, asks) in [(Worth::Password, true), (Worth::Both, false)] {
        let houses = Houses::open(|config| config.providers[0].counts_as = worth);
        let mut bob = person(&houses.site, "ada@example.com", "read", "");
        let (_, spare) = turn_codes_on(&mut bob);
        let answer = houses.sign_in(&mut bob);
        assert_eq!(answer.body.contains("Show a code"), asks, "{answer:?}");
        if asks {
            let challenge = answer.between("name=\"challenge\" value=\"", "\"");
            let form = [("challenge", challenge.as_str()), ("code", &spare[0]), ("next", "/users")];
            assert_eq!(bob.post("/sign-in/code", &form).location, "/users");
        } else {
            assert_eq!(answer.location, "/users");
        }
    }
}

#[test]
fn a_provider_that_is_away_leaves_the_password() {
    let houses = Houses::open(|_| {});
    houses.idp.stop();
    let mut browser = Browser::at(&houses.site);
    let mut sent = browser.get("/sign-in/with/acme");
    // A connection that is open is served to its end.
    for _ in 0..10 {
        if sent.status == 503 {
            break;
        }
        sent = browser.get("/sign-in/with/acme");
    }
    assert!(sent.status == 503 && sent.body.contains("does not answer"), "{sent:?}");
    assert_eq!(browser.sign_in("ada", PASSWORD).location, "/");
}

#[test]
fn a_passkey_is_asked_for_in_the_consoles_name_and_nonsense_signs_nobody_in() {
    let site = Site::configured(vec![], |config| {
        config.console.address = Some("https://licenses.test".to_owned());
    });
    let mut browser = Browser::at(&site);
    assert!(browser.get("/sign-in").body.contains("Sign in with a passkey"));
    let asked: serde_json::Value =
        serde_json::from_str(&browser.post("/sign-in/passkey/ask", &[]).body).unwrap();
    assert!(asked["options"].to_string().contains("licenses.test"), "{asked}");
    let challenge = asked["challenge"].as_str().unwrap();
    for _ in 0..2 {
        let refused = browser.post("/sign-in/passkey", &[("challenge", challenge), ("answer", "{}")]);
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    let mut ada = ada(&site);
    let asked: serde_json::Value = serde_json::from_str(&ada.post("/me/passkeys/ask", &[]).body).unwrap();
    assert_eq!(
        asked["options"]["publicKey"]["user"]["name"].as_str().or(asked["options"]["user"]["name"].as_str()),
        Some("ada")
    );
    let form = [("challenge", asked["challenge"].as_str().unwrap()), ("answer", "{}"), ("name", "mine")];
    assert_eq!(ada.post("/me/passkeys", &form).status, 401);
    assert!(ada.get("/me").body.contains("None. A passkey"));
}
