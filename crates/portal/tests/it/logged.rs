//! Everything that changes something leaves an entry in the log: each route that is not read only is walked once and leaves one, or
//! stands in the list of those that leave none, with the reason.

use std::collections::BTreeSet;

use crate::support::api::{Api, scopes, token};
use crate::support::door::{Answer, now, password, person, visit};
use crate::support::types::WITH_ADVANCED;
use crate::support::{CATALOGUE, NOW, acme, on_both, order};
use axum::http::Method;
use grantor_license::{Expiry, RootKey, SigningKey};
use grantor_portal::http::routes;
use grantor_portal::orders::book;
use grantor_portal::people::Person;
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::{catalogues, certifications, keys, log, people};

const SERVER: &str = "SW-001-4.0-SL03";
const CLIENT: &str = "SW-001-4.0-AL02";
const OLD: &str = "SW-001-3.0-AL02";
const PASSWORD: &str = "seven+purple+oxen+sing";

/// What leaves no entry, and why.
const UNLOGGED: &[(&str, &str)] = &[
    (
        "POST /sign-in",
        "who signs in changes nothing that was decided; visits are shown to the person and to administrators",
    ),
    ("POST /sign-in/code", "the same"),
    ("POST /sign-in/passkey", "the same"),
    ("POST /sign-in/passkey/ask", "a question to a browser"),
    ("POST /sign-out", "ends one's own visit"),
    (
        "POST /forgot",
        "whether there is anybody with that address is told nowhere; the password that comes of it is logged",
    ),
    ("POST /me/prove", "shows once more who one is"),
    ("POST /me/prove/with/{name}", "the same, elsewhere"),
    (
        "POST /me/accounts/{name}",
        "goes to another house; the link that comes of it is logged when one is back",
    ),
    ("POST /password/{ticket}/with/{name}", "the same for an invitation"),
    ("POST /me/passkeys/ask", "a question to a browser"),
    ("POST /me/filters", "a filter is one's own"),
    ("POST /me/filters/{id}/remove", "a filter is one's own"),
    ("POST /api/v1/me/filters", "a filter is one's own"),
    ("POST /api/v1/me/filters/{id}/remove", "a filter is one's own"),
    ("POST /orders/import", "only checks a file"),
    ("POST /api/v1/imports/check", "only checks a file"),
    (
        "POST /api/v1/reports",
        "what a server has loaded decides nothing; an ended file that is in use is logged, as reported.rs tests",
    ),
];

/// What is logged, but needs an authenticator or another house, and is tested beside them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("POST /me/passkeys", "signin.rs and the browser's tests: `passkey added`"),
    ("POST /me/passkeys/{id}/remove", "the same: `passkey removed`"),
    ("POST /me/accounts/{id}/remove", "providers.rs: `account unlinked`"),
    ("POST /me/codes", "signin.rs: `codes turned on`"),
    ("POST /me/codes/off", "signin.rs: `codes turned off`"),
];

struct Walk {
    store: Store,
    api: Api,
    ada: Person,
    cookie: String,
    token: String,
    walked: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Walk {
    async fn begin(store: &Store) -> Self {
        let ada = person(store, "ada@example.com", &[Role::Administrator], None).await;
        password(store, &ada, &PASSWORD.replace('+', " ")).await;
        certifications::enter(store, &ada, "pureconnect-4", "2999-12-31", ("ann", NOW)).await.unwrap();
        Self {
            store: store.clone(),
            api: Api::of(store),
            cookie: visit(store, &ada).await,
            token: token(store, &ada, &scopes(&ada)).await,
            ada,
            walked: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    async fn size(&self) -> u64 {
        log::head(self.store.read()).await.unwrap().0
    }

    async fn judge(&mut self, route: &str, before: u64, answer: Answer) -> Answer {
        let after = self.size().await;
        let good = answer.status.is_success() || answer.status.is_redirection();
        if !good || answer.location.starts_with("/sign-in") || answer.location.starts_with("/me/prove") {
            let body: String = answer.body.chars().take(3000).collect();
            self.wrong.push(format!("{route}: {} {} {body}", answer.status, answer.location));
        } else if after == before {
            self.wrong.push(format!("{route}: succeeds and leaves no entry"));
        }
        self.walked.insert(format!("POST {route}"));
        answer
    }

    /// Sends a form; the route's path with what stands in it.
    async fn page(&mut self, route: &str, filled: &[(&str, &str)], form: &str) -> Answer {
        let before = self.size().await;
        let answer = self.api.door.post(&put(route, filled), &self.cookie, form).await;
        self.judge(route, before, answer).await
    }

    /// Sends a file with a form.
    async fn upload(&mut self, route: &str, filled: &[(&str, &str)], fields: &[(&str, &str)], file: &str) {
        let before = self.size().await;
        let answer = self.sent(&put(route, filled), fields, file).await;
        self.judge(route, before, answer).await;
    }

    /// The version of ACME that an editor sees now.
    async fn version(&self) -> String {
        let account = grantor_portal::accounts::find(self.store.read(), "ACME").await.unwrap();
        grantor_portal::accounts::whole(self.store.read(), &account).await.unwrap().version
    }

    async fn sent(&self, path: &str, fields: &[(&str, &str)], file: &str) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        body += &format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"pureconnect-4.toml\"\r\n\
             Content-Type: text/plain\r\n\r\n{file}\r\n--b--\r\n"
        );
        let kind = "multipart/form-data; boundary=b";
        self.api.door.send_bytes_as(path, &self.cookie, kind, body.into_bytes()).await
    }

    /// Asks as a program does, under a name of its own.
    async fn program(&mut self, route: &str, filled: &[(&str, &str)], body: &str) -> Answer {
        let before = self.size().await;
        let key = format!("request number {}", self.walked.len());
        let answer = self.api.ask(Method::POST, &put(route, filled), &self.token, body, &key).await;
        self.judge(route, before, answer).await
    }
}

fn put(route: &str, filled: &[(&str, &str)]) -> String {
    let path = route.replace("{account}", "ACME");
    let (path, query) =
        path.split_once('?').map_or((path.clone(), String::new()), |(p, q)| (p.to_owned(), format!("?{q}")));
    filled.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value)) + &query
}

/// ACME with what was bought, also of a version before.
async fn office(store: &Store) {
    acme(store).await;
    let then = CATALOGUE.replace("retired = true\n", "");
    catalogues::load(store, "pureconnect-4", &then, ("ann", NOW + 1)).await.unwrap();
    let bought = order("SO-1", &[(SERVER, 9), (CLIENT, 50), (OLD, 9)]);
    book(store, &bought, "ann", NOW, 1).await.unwrap();
    catalogues::load(store, "pureconnect-4", CATALOGUE, ("ann", NOW + 2)).await.unwrap();
    person(store, "carl@acme.example", &[Role::Customer], Some("ACME")).await;
}

async fn walk_orders(walk: &mut Walk) {
    walk.page("/new-account", &[], "reference=NEW&name=New&kind=end-user").await;
    let version = walk.version().await;
    let form = format!("name=Acme+AG&kind=end-user&parent=&version={version}");
    walk.page("/accounts/{account}/edit", &[], &form).await;
    walk.page("/accounts/{account}/sites/new", &[], "name=Munich").await;
    walk.page("/accounts/{account}/sites/{id}", &[("id", "2")], "name=Munich&city=Munich&active=1").await;
    let lines = format!("lines={SERVER}+1");
    let form = format!("number=SO-2&account=ACME&site=Berlin&product=pureconnect-4&{lines}");
    walk.page("/orders/new", &[], &form).await;
    walk.page("/accounts/{account}/orders/{number}/letter", &[("number", "SO-1")], "").await;
    let csv =
        format!("order,account,site,catalogue,part,quantity%0AB-1,ACME,Berlin,pureconnect-4,{CLIENT},7%0A");
    walk.page("/orders/import/book", &[], &format!("once=x&text={csv}")).await;
    walk.page("/orders/imports/{id}/stop", &[("id", "1")], "").await;
    walk.upload("/catalogues", &[], &[("name", "pureconnect-4")], &format!("{CATALOGUE}{WITH_ADVANCED}"))
        .await;
    let new = format!(
        "site=1&product=pureconnect-4&type=production&later=1&host_id=0050569a1b2c&machine=one&server={SERVER}&key=k"
    );
    walk.page("/accounts/{account}/new", &[], &new).await;
    let moved = "host_id=0050569a1b2d&reason=new&key=m";
    walk.page("/accounts/{account}/files/{number}/move", &[("number", "AF-000001")], moved).await;
    let number = [("number", "AF-000002")];
    walk.page("/accounts/{account}/files/{number}/deactivate", &number, "reason=over").await;
    let upgrade = format!("site=1&part/pureconnect-4/{OLD}=1");
    walk.page("/accounts/{account}/upgrade", &[], &upgrade).await;
}

async fn walk_people(walk: &mut Walk) {
    walk.page("/people/new", &[], "mail=dora%40acme.example&name=Dora&role=customer&account=ACME").await;
    let dora = people::by_mail(walk.store.read(), "dora@acme.example").await.unwrap();
    let id = [("id", &*dora.id.to_string())];
    let certified = "product=pureconnect-4&last_day=2999-12-31";
    walk.page("/people/{id}/certifications", &id, certified).await;
    walk.page("/people/{id}/link", &id, "").await;
    let told = grantor_web::cookie::Secret::new("grl_").unwrap();
    let link =
        grantor_portal::signin::Link { portal: "https://p.test", secret: told.text(), hash: &told.hash() };
    grantor_portal::signin::forgot(&walk.store, &dora.mail, &link, now()).await.unwrap();
    let form = format!("password={PASSWORD}&again={PASSWORD}");
    walk.page("/password/{ticket}", &[("ticket", told.text())], &form).await;
    visit(&walk.store, &dora).await;
    visit(&walk.store, &dora).await;
    let visits = grantor_portal::signin::visits(&walk.store, dora.id, now()).await.unwrap();
    let name = visits[0].2[..12].to_owned();
    walk.page("/people/{id}/visits/{name}/end", &[id[0], ("name", &name)], "").await;
    walk.page("/people/{id}/visits/end", &id, "").await;
    walk.page("/people/{id}", &id, "name=Dora+D&role=customer&account=ACME&active=1").await;
    let now_is = format!("now={PASSWORD}");
    let tokens = format!("{now_is}&name=mine&scope=read&days=30");
    walk.page("/me/tokens", &[], &tokens).await;
    let listed = grantor_portal::tokens::list(&walk.store, &walk.ada).await.unwrap();
    let mine = listed.iter().find(|token| token.name == "mine").unwrap().id.to_string();
    walk.page("/me/tokens/{id}/remove", &[("id", &mine)], "").await;
    visit(&walk.store, &walk.ada.clone()).await;
    visit(&walk.store, &walk.ada.clone()).await;
    let visits = grantor_portal::signin::visits(&walk.store, walk.ada.id, now()).await.unwrap();
    let last = visits[0].2[..12].to_owned();
    walk.page("/me/visits/{name}/end", &[("name", &last)], "").await;
    walk.page("/me/visits/end", &[], "").await;
    let other = format!("{now_is}&password=nine+quiet+lamps+glow&again=nine+quiet+lamps+glow");
    walk.page("/me/password", &[], &other).await;
}

async fn walk_house(walk: &mut Walk) {
    walk.page("/hooks", &[], "address=https%3A%2F%2Ferp.example.com%2Fhook&event=order+booked").await;
    walk.page("/hooks/{id}/resume", &[("id", "1")], "").await;
    walk.page("/hooks/{id}/remove", &[("id", "1")], "").await;
    let (root, key) = (RootKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
    let day = "2026-01-01".parse().unwrap();
    let line = root.certify("pureconnect", &key.public_key(), day, Expiry::Permanent).to_line();
    let bob = person(&walk.store, "bob@example.com", &[Role::Administrator], None).await;
    let wish = keys::Wish::Use(line.clone());
    let asked = keys::ask(&walk.store, &wish, "yearly", &bob, now()).await.unwrap();
    walk.page("/keys/{id}/approve", &[("id", &asked.id.to_string())], "").await;
    let line: String = form_urlencoded::byte_serialize(line.as_bytes()).collect();
    walk.page("/keys", &[], &format!("line={line}&reason=again")).await;
    let id = (asked.id + 1).to_string();
    walk.page("/keys/{id}/decline", &[("id", &id)], "").await;
}

async fn walk_requests(walk: &mut Walk) {
    let form = "once=1&first_name=Ada&last_name=L&mail=ada%40acme.example&mail_again=ada%40acme.example&employer=Acme&\
        subject=More&description=We+need+more.";
    let filed = walk.page("/request/{kind}", &[("kind", "question")], form).await;
    let path = filed.location.split('?').next().unwrap_or_default().to_owned();
    let mut parts = path.split('/').skip(2);
    let (number, key) = (parts.next().unwrap_or("x"), parts.next().unwrap_or("x"));
    let named = [("number", number), ("key", key)];
    walk.page("/request/{number}/{key}/reply", &named, "message=And+more").await;
    walk.upload("/request/{number}/{key}/attachments", &named, &[], "some text").await;
    let number = [named[0]];
    walk.page("/requests/{number}/note", &number, "message=good").await;
    walk.page("/requests/{number}/answer", &number, "message=yes").await;
    walk.page("/requests/{number}/change", &number, "state=done").await;
}

async fn walk_activation(walk: &mut Walk) {
    use crate::support::wfo::{WFO, ordered};
    catalogues::load(&walk.store, "wfo", WFO, ("ann", NOW)).await.unwrap();
    let first = ordered(&walk.store, 11, "wfo", 10, None).await.0;
    let second = ordered(&walk.store, 12, "wfo", 10, None).await.0;
    // Without a signer the file waits, which the answer says; the activation is logged all the same.
    for (route, lrn, key) in
        [("/activate", first, "INSTALLATION-1"), ("/api/v1/activations", second, "INSTALLATION-2")]
    {
        let before = walk.size().await;
        let answer = if route == "/activate" {
            walk.sent(route, &[("lrn", lrn.as_str()), ("registration_key", key)], "").await
        } else {
            let body = format!(r#"{{"lrn":"{lrn}","registration_key":"{key}"}}"#);
            walk.api.door.send_json(Method::POST, route, &body, &[("content-type", "application/json")]).await
        };
        if walk.size().await == before {
            walk.wrong.push(format!("{route}: leaves no entry: {answer:?}"));
        }
        walk.walked.insert(format!("POST {route}"));
    }
}

async fn walk_programs(walk: &mut Walk) {
    let account = r#"{"reference":"API","name":"Api","kind":"end-user"}"#;
    walk.program("/api/v1/accounts", &[], account).await;
    let version = walk.version().await;
    let changed = format!(r#"{{"name":"Acme","kind":"end-user","version":"{version}"}}"#);
    walk.program("/api/v1/accounts/{account}", &[], &changed).await;
    let ordered = format!(
        r#"{{"number":"SO-8","account":"ACME","site":"Berlin","lines":[{{"catalogue":"pureconnect-4","part":"{SERVER}","quantity":1}}]}}"#
    );
    walk.program("/api/v1/orders", &[], &ordered).await;
    walk.program("/api/v1/accounts/{account}/orders/{number}/letter", &[("number", "SO-8")], "").await;
    walk.program("/api/v1/accounts/{account}/sites", &[], r#"{"name":"Rome"}"#).await;
    let sites = walk.api.read("/api/v1/accounts/ACME/sites?text=Rome", &walk.token.clone()).await;
    let rome =
        sites["rows"].as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "Rome").cloned());
    let id = rome.map(|row| row["id"].to_string()).unwrap_or_default();
    let changed = r#"{"details":{"name":"Rome","city":"Rome"},"active":true,"version":1}"#;
    walk.program("/api/v1/accounts/{account}/sites/{id}", &[("id", &id)], changed).await;
    let file = format!(
        r#"{{"site":"Berlin","selection":{{"catalogue":"pureconnect-4","license_type":"production",
        "machine":{{"host_id":"0050569a1b2c","name":"api"}},"items":[{{"part":"{SERVER}","quantity":1}}]}}}}"#
    );
    let made = walk.program("/api/v1/accounts/{account}/files", &[], &file).await;
    let number = |answer: &Answer| {
        let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        value["file"].as_str().unwrap_or("AF-000000").to_owned()
    };
    let moved = r#"{"machine":{"host_id":"0050569a1b2f"},"reason":"new"}"#;
    let files = "/api/v1/accounts/{account}/files/{number}";
    let moved = walk.program(&format!("{files}/move"), &[("number", &number(&made))], moved).await;
    let reason = r#"{"reason":"over"}"#;
    walk.program(&format!("{files}/deactivate"), &[("number", &number(&moved))], reason).await;
    let upgrade = format!(
        r#"{{"site":"Berlin","parts":[{{"catalogue":"pureconnect-4","part":"{OLD}","quantity":1}}]}}"#
    );
    walk.program("/api/v1/accounts/{account}/upgrades", &[], &upgrade).await;
    let csv =
        format!("order,account,site,catalogue,part,quantity\nB-9,ACME,Berlin,pureconnect-4,{CLIENT},7\n");
    walk.program("/api/v1/imports", &[], &csv).await;
    walk.program("/api/v1/imports/{id}/stop", &[("id", "2")], "").await;
    let text = format!("{CATALOGUE}\n# once more\n");
    walk.program("/api/v1/catalogues/{name}", &[("name", "pureconnect-4")], &text).await;
    let hook = r#"{"address":"https://erp.example.com/hook","events":["order booked"]}"#;
    walk.program("/api/v1/hooks", &[], hook).await;
    let hooks = walk.api.read("/api/v1/hooks", &walk.token.clone()).await;
    let id = hooks[0]["id"].to_string();
    walk.program("/api/v1/hooks/{id}/resume", &[("id", &id)], "").await;
    walk.program("/api/v1/hooks/{id}/remove", &[("id", &id)], "").await;
}

async fn walk_programs_for_people(walk: &mut Walk) {
    let eve = r#"{"mail":"eve@acme.test","name":"Eve","roles":["customer"],"account":"ACME"}"#;
    walk.program("/api/v1/people", &[], eve).await;
    let eve = people::by_mail(walk.store.read(), "eve@acme.test").await.unwrap();
    let id = [("id", &*eve.id.to_string())];
    let certified = r#"{"product":"pureconnect-4","last_day":"2999-12-31"}"#;
    walk.program("/api/v1/people/{id}/certifications", &id, certified).await;
    walk.program("/api/v1/people/{id}/link", &id, "").await;
    visit(&walk.store, &eve).await;
    visit(&walk.store, &eve).await;
    let visits = grantor_portal::signin::visits(&walk.store, eve.id, now()).await.unwrap();
    let name = visits[0].2[..12].to_owned();
    walk.program("/api/v1/people/{id}/visits/{name}/end", &[id[0], ("name", &name)], "").await;
    walk.program("/api/v1/people/{id}/visits/end", &id, "").await;
    let off = r#"{"name":"Eve","roles":["auditor"],"account":"ACME","active":false,"version":1}"#;
    walk.program("/api/v1/people/{id}", &id, off).await;
    let asked = r#"{"kind":"publisher","urgent":true,"fields":{"employer":"Acme","subject":"The host broke",
        "description":"A new mainboard.","reason":"The centre is down.","type":"Change of host"}}"#;
    let filed = walk.program("/api/v1/accounts/{account}/requests", &[], asked).await;
    let value: serde_json::Value = serde_json::from_str(&filed.body).unwrap_or_default();
    let number = value["number"].as_str().unwrap_or("AFR-0000000").to_owned();
    let number = [("number", number.as_str())];
    let message = r#"{"message":"more"}"#;
    let of_account = "/api/v1/accounts/{account}/requests/{number}";
    walk.program(&format!("{of_account}/reply"), &number, message).await;
    walk.program("/api/v1/requests/{number}/answer", &number, message).await;
    walk.program("/api/v1/requests/{number}/note", &number, message).await;
    walk.program("/api/v1/requests/{number}/change", &number, r#"{"state":"done"}"#).await;
    for route in [format!("{of_account}/attachments"), "/api/v1/requests/{number}/attachments".to_owned()] {
        let before = walk.size().await;
        let path = format!("{}?name=a.txt", put(&route, &number));
        let (token, key) = (walk.token.clone(), format!("attachment {route}"));
        let answer = walk.api.ask(Method::POST, &path, &token, "some text", &key[..40.min(key.len())]).await;
        walk.judge(&route, before, answer).await;
    }
}

#[test]
fn every_route_that_changes_something_leaves_an_entry_in_the_log_or_is_named_with_its_reason() {
    on_both(|store| async move {
        office(&store).await;
        let mut walk = Walk::begin(&store).await;
        walk_orders(&mut walk).await;
        walk_house(&mut walk).await;
        walk_requests(&mut walk).await;
        walk_activation(&mut walk).await;
        walk_programs(&mut walk).await;
        walk_programs_for_people(&mut walk).await;
        // Last: a new password ends visits.
        walk_people(&mut walk).await;
        assert!(walk.wrong.is_empty(), "{}", walk.wrong.join("\n\n"));
        let mut told = walk.walked;
        for (route, reason) in UNLOGGED.iter().chain(ELSEWHERE) {
            assert!(!reason.is_empty() && told.insert((*route).to_owned()), "{route} is there twice");
        }
        let changing = routes().into_iter().filter(|route| route.method != Method::GET);
        let changing: BTreeSet<String> =
            changing.map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(told, changing);
    });
}
