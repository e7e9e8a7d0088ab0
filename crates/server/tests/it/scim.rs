//! Users and groups by SCIM, as identity providers send them: a real server in this process, real TLS, a real disk.

use crate::support::trio::Trio;
use crate::support::{Site, line};
use grantor_license::{DraftLine, Model};
use serde_json::{Map, Value, json};

const BASE: &str = "/scim/v2/default";

fn role_lines(count: u32) -> Vec<DraftLine> {
    vec![DraftLine { model: Model::Role, ..line("WFM", "8.0", count) }]
}

/// A server with a token for provisioning.
struct Provisioned {
    site: Site,
    token: String,
}

/// What came back.
struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn id(&self) -> String {
        self.body["id"].as_str().expect("an id").to_owned()
    }

    /// Status and `scimType` of an error, which is well-formed.
    fn fault(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/scim+json");
        assert_eq!(
            self.body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"]),
            "{}",
            self.body
        );
        assert_eq!(self.body["status"], self.status.to_string());
        (self.status, self.body["scimType"].as_str().unwrap_or_default())
    }

    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// Names of what a list has.
    fn names(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{}", self.body);
        let all = self.body["Resources"].as_array().unwrap();
        all.iter()
            .filter_map(|one| one["userName"].as_str().or_else(|| one["displayName"].as_str()))
            .collect()
    }
}

fn sent(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).build().into();
    let uri = format!("https://{address}{path}");
    let mut request = ureq::http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body.unwrap_or_default().to_vec()).unwrap()).unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.body_mut().read_to_string().unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

impl Provisioned {
    fn with(seats: u32) -> Self {
        let site = Site::with(role_lines(seats));
        let ask = json!({ "name": "entra", "scopes": ["allocate"], "tenant": "default" });
        let (_, token) = site.admin("POST", "/v1/admin/tokens", ask);
        Self { token: token["token"].as_str().unwrap().to_owned(), site }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        sent(&self.site.address().to_string(), method, path, headers, body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_if(method, path, None, body)
    }

    fn ask_if(&self, method: &str, path: &str, version: Option<&str>, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", &*bearer), ("Content-Type", "application/scim+json")];
        headers.extend(version.map(|version| ("If-Match", version)));
        let bytes = (!body.is_null()).then(|| body.to_string().into_bytes());
        self.send(method, &format!("{BASE}{path}"), &headers, bytes.as_deref())
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null)
    }

    fn filtered(&self, place: &str, filter: &str) -> Answer {
        let filter: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.get(&format!("{place}?filter={filter}"))
    }

    fn create(&self, place: &str, body: &Value) -> String {
        let answer = self.ask("POST", place, body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.id()
    }

    fn user(&self, name: &str) -> String {
        self.create("/Users", &json!({ "userName": name }))
    }

    fn patch(&self, path: &str, operations: Value) -> Answer {
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.ask("PATCH", path, &body)
    }

    fn roles(&self, group: &str) {
        let changes = json!({ "changes": [
            { "change": "define-role", "role": "WFM_AGENT", "application": "wfm" },
            { "change": "assign-group-role", "role": "WFM_AGENT", "group": group },
        ] });
        let (status, body) = self.site.admin("POST", "/v1/tenants/default/changes", changes);
        assert_eq!(status, 200, "{body}");
    }

    fn in_use(&self) -> u64 {
        self.site.feature("WFM")["in_use"].as_u64().unwrap()
    }
}

#[test]
fn a_user_is_made_found_changed_and_deleted_and_keeps_the_id_under_another_name() {
    let at = Provisioned::with(9);
    let sent = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ann@example.com",
        "externalId": "00u1",
        "name": { "givenName": "Ann", "familyName": "Lee", "formatted": "x" },
        "displayName": "Ann Lee",
        "emails": [{ "value": "home@example.com", "type": "home" }, { "primary": true, "value": "ann@example.com", "type": "work" }],
        "title": "Agent",
        "password": "never kept",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" },
        "active": true,
    });
    let made = at.ask("POST", "/Users", &sent);
    assert_eq!((made.status, made.header("content-type")), (201, "application/scim+json"));
    let id = made.id();
    let place = format!("https://{}{BASE}/Users/{id}", at.site.address());
    assert_eq!((made.header("location"), made.body["meta"]["location"].as_str()), (&*place, Some(&*place)));
    assert_eq!(made.body["emails"], json!([{ "value": "ann@example.com", "type": "work", "primary": true }]));
    assert_eq!(made.body["name"], json!({ "givenName": "Ann", "familyName": "Lee", "formatted": "Ann Lee" }));
    assert!(!made.body.to_string().contains("never kept"));
    let read = at.get(&format!("/Users/{id}"));
    assert_eq!((&read.body, read.header("etag")), (&made.body, made.header("etag")));
    for filter in [
        "userName eq \"ANN@example.com\"",
        "externalId eq \"00u1\"",
        "displayName sw \"ann\" and active eq true",
    ] {
        assert_eq!(at.filtered("/Users", filter).names(), ["ann@example.com"], "{filter}");
    }
    assert_eq!(at.filtered("/Users", "externalId eq \"00U1\"").names(), [""; 0]);

    let renamed = at
        .patch(&format!("/Users/{id}"), json!([{ "op": "Replace", "path": "userName", "value": "ann.lee" }]));
    assert_eq!(
        (renamed.status, renamed.body["userName"].as_str(), renamed.id()),
        (200, Some("ann.lee"), id.clone())
    );
    assert_eq!(renamed.body["externalId"], "00u1");
    let put = at.ask("PUT", &format!("/Users/{id}"), &json!({ "userName": "ann.lee", "externalId": "00u1" }));
    assert_eq!(
        (put.status, &put.body["displayName"], &put.body["active"]),
        (200, &Value::Null, &json!(true))
    );
    let gone = at.ask("DELETE", &format!("/Users/{id}"), &Value::Null);
    assert_eq!((gone.status, gone.body), (204, json!("")));
    for (method, body) in [("GET", Value::Null), ("DELETE", Value::Null), ("PUT", json!({ "userName": "x" }))]
    {
        assert_eq!(at.ask(method, &format!("/Users/{id}"), &body).fault(), (404, ""));
    }
    // The name is free again, and the new user has another id.
    assert_ne!(at.user("ann.lee"), id);
}

#[test]
fn what_entra_and_okta_really_send_is_understood() {
    let at = Provisioned::with(9);
    let id = at.user("ann");
    let path = format!("/Users/{id}");
    let shown = |operations: Value| {
        let answer = at.patch(&path, operations);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let off = shown(json!([{ "op": "Replace", "path": "active", "value": "False" }]));
    assert_eq!(off["active"], false);
    let user = shown(json!([
        { "op": "Add", "path": "emails[type eq \"work\"].value", "value": "ann@example.com" },
        { "op": "Add", "path": "name.givenName", "value": "Ann" },
        { "op": "Replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales" },
        { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "555" },
        { "op": "replace", "value": { "active": true, "displayName": "Ann", "name.familyName": "Lee", "id": id, "nickName": null } },
    ]));
    assert_eq!((user["active"].as_bool(), user["displayName"].as_str()), (Some(true), Some("Ann")));
    assert_eq!(user["name"], json!({ "givenName": "Ann", "familyName": "Lee", "formatted": "Ann Lee" }));
    assert_eq!(user["emails"][0]["value"], "ann@example.com");
    let user = shown(json!([
        { "op": "remove", "path": "emails[type eq \"work\"]" },
        { "op": "remove", "path": "displayName" },
        { "op": "add", "path": "emails[type eq \"home\"].value", "value": "not@kept.example" },
    ]));
    assert_eq!((&user["emails"], &user["displayName"]), (&Value::Null, &Value::Null));
}

#[test]
fn the_worked_example_by_scim_takes_thirty_two_and_whoever_is_beyond_capacity_is_refused_by_name() {
    let at = Provisioned::with(32);
    let ids: Vec<String> = (0..34).map(|number| at.user(&format!("user{number:02}"))).collect();
    let members = |ids: &[String]| -> Value { ids.iter().map(|id| json!({ "value": id })).collect() };
    let group = at.create(
        "/Groups",
        &json!({ "displayName": "AGENTS", "externalId": "g1", "members": members(&ids[..30]) }),
    );
    at.roles("AGENTS");
    assert_eq!(at.in_use(), 30);
    let path = format!("/Groups/{group}");
    let add =
        |ids: &[String]| at.patch(&path, json!([{ "op": "Add", "path": "members", "value": members(ids) }]));
    assert_eq!(add(&ids[30..32]).status, 204);
    assert_eq!(at.in_use(), 32);
    // All or nothing: one fits nowhere, and neither comes in.
    let full = add(&ids[32..33]);
    assert_eq!(full.fault(), (409, ""));
    assert!(
        full.detail()
            .starts_with("1 more seats of `WFM` are needed and 0 are left, 1 too few: 32 of 32 are out"),
        "{}",
        full.detail()
    );
    // A user who is disabled frees the license, first come, first served; then nobody else can be enabled.
    let set = |id: &str, active: Value| {
        at.patch(&format!("/Users/{id}"), json!([{ "op": "Replace", "value": { "active": active } }]))
    };
    assert_eq!(set(&ids[0], json!("False")).status, 200);
    assert_eq!((at.in_use(), add(&ids[32..33]).status, at.in_use()), (31, 204, 32));
    let refused = set(&ids[0], json!(true));
    assert_eq!(refused.fault(), (409, ""));
    assert!(refused.detail().contains("seats of `WFM`"), "{}", refused.detail());
    assert_eq!(at.get(&format!("/Users/{}", ids[0])).body["active"], false);
    let shown = at.get(&format!("/Users/{}", ids[32])).body;
    assert_eq!(
        (shown["groups"][0]["display"].as_str(), shown["groups"][0]["value"].as_str()),
        (Some("AGENTS"), Some(&*group))
    );
}

#[test]
fn groups_are_made_renamed_filled_emptied_and_deleted() {
    let at = Provisioned::with(9);
    let ids: Vec<String> = ["ann", "bob", "eve"].map(|name| at.user(name)).to_vec();
    let group = at.create("/Groups", &json!({ "displayName": "Crew", "members": [{ "value": ids[0] }] }));
    let path = format!("/Groups/{group}");
    let members = || -> Vec<String> {
        let body = at.get(&path).body;
        body["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["display"].as_str().unwrap().to_owned())
            .collect()
    };
    let patch = |operations: Value| {
        let answer = at.patch(&path, operations);
        assert_eq!(answer.status, 204, "{}", answer.body);
    };
    patch(
        json!([{ "op": "add", "path": "members", "value": [{ "value": ids[1] }, { "value": ids[2], "display": "x" }] }]),
    );
    assert_eq!(members(), ["ann", "bob", "eve"]);
    patch(json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", ids[0]) }]));
    patch(
        json!([{ "op": "Remove", "path": "members", "value": [{ "value": ids[1] }, { "value": "4000000" }] }]),
    );
    assert_eq!(members(), ["eve"]);
    patch(json!([
        { "op": "replace", "value": { "id": group, "displayName": "Team" } },
        { "op": "replace", "path": "members", "value": [{ "value": ids[0] }, { "value": ids[1] }] },
        { "op": "remove", "path": "members[display eq \"bob\"]" },
        { "op": "add", "path": "members", "value": { "value": ids[2] } },
    ]));
    assert_eq!(members(), ["ann", "eve"]);
    assert_eq!(at.filtered("/Groups", "displayName eq \"team\"").names(), ["Team"]);
    assert_eq!(
        at.filtered("/Groups", &format!("id eq \"{group}\" and members eq \"{}\"", ids[0])).names(),
        ["Team"]
    );
    assert_eq!(at.filtered("/Groups", &format!("members.value eq \"{}\"", ids[1])).names(), [""; 0]);
    let without = at.get("/Groups?excludedAttributes=members").body;
    assert_eq!(
        (&without["Resources"][0]["members"], without["totalResults"].as_u64()),
        (&Value::Null, Some(1))
    );
    let seen = at.ask(
        "PATCH",
        &format!("{path}?attributes=members"),
        &json!({ "Operations": [{ "op": "remove", "path": "members" }] }),
    );
    assert_eq!(
        (seen.status, &seen.body["members"], &seen.body["displayName"]),
        (200, &json!([]), &Value::Null)
    );
    let put = at.ask(
        "PUT",
        &path,
        &json!({ "displayName": "Team", "externalId": "g-1", "members": [{ "value": ids[2] }] }),
    );
    assert_eq!((put.status, put.body["externalId"].as_str()), (200, Some("g-1")));
    assert_eq!(members(), ["eve"]);
    assert_eq!(at.filtered("/Groups", "externalId eq \"g-1\"").names(), ["Team"]);
    let nested = at.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": group }] }]));
    assert_eq!(nested.fault(), (400, "invalidValue"));
    assert_eq!(at.ask("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(at.get(&path).fault(), (404, ""));
    assert_eq!(at.get(&format!("/Users/{}", ids[2])).body["groups"], Value::Null);
}

#[test]
fn lists_go_on_page_by_page_and_show_what_is_asked_for() {
    let at = Provisioned::with(9);
    (0..7).for_each(|number| drop(at.user(&format!("user{number}"))));
    let page = at.get("/Users?startIndex=3&count=2&attributes=userName");
    assert_eq!(page.names(), ["user2", "user3"]);
    let numbers =
        ["totalResults", "startIndex", "itemsPerPage"].map(|name| page.body[name].as_u64().unwrap());
    assert_eq!(numbers, [7, 3, 2]);
    let mut fields: Vec<&String> = page.body["Resources"][0].as_object().map(Map::keys).unwrap().collect();
    fields.sort();
    assert_eq!(fields, ["id", "schemas", "userName"]);
    assert_eq!(at.get("/Users?startIndex=-5&count=1").names(), ["user0"]);
    assert_eq!(at.get("/Users?count=0").body["totalResults"], 7);
    assert_eq!(at.get("/Users?startIndex=100").names(), [""; 0]);
    assert_eq!(at.get("/Users?count=100000").names().len(), 7);
    assert_eq!(at.get("/Users?count=many").fault(), (400, "invalidValue"));
    assert_eq!(
        at.filtered("/Users", "userName ew \"5\" or userName eq \"USER6\"").names(),
        ["user5", "user6"]
    );
    let bad = at.filtered("/Users", "userName is \"ann\"");
    assert_eq!(bad.fault(), (400, "invalidFilter"));
    assert!(bad.detail().contains("character 10"), "{}", bad.detail());
}

#[test]
fn a_change_for_an_older_version_is_refused_and_changes_nothing() {
    let at = Provisioned::with(9);
    let (user, group) = (at.user("ann"), at.create("/Groups", &json!({ "displayName": "Crew" })));
    for (path, field) in
        [(format!("/Users/{user}"), "displayName"), (format!("/Groups/{group}"), "externalId")]
    {
        let first = at.get(&path).header("etag").to_owned();
        assert!(first.starts_with("W/\""), "{first}");
        let change = |version: &str, to: &str| {
            let operations = json!({ "Operations": [{ "op": "replace", "path": field, "value": to }] });
            at.ask_if("PATCH", &path, Some(version), &operations).status / 100
        };
        assert_eq!((change(&first, "one"), change(&first, "two"), change("*", "three")), (2, 4, 2));
        let answer = at.ask_if("DELETE", &path, Some(&first), &Value::Null);
        assert_eq!(answer.fault(), (412, ""));
        let now = at.get(&path);
        assert_eq!(now.body[field], "three");
        let list = format!("\"other\", {}", now.header("etag").trim_start_matches("W/"));
        assert_eq!(at.ask_if("DELETE", &path, Some(&list), &Value::Null).status, 204);
    }
}

#[test]
fn what_can_not_be_is_refused_with_its_scim_type() {
    let at = Provisioned::with(9);
    let id = at.create("/Users", &json!({ "userName": "ann", "externalId": "1" }));
    let other = at.user("bob");
    let posted = |body: Value| at.ask("POST", "/Users", &body);
    assert_eq!(posted(json!({ "userName": "ANN" })).fault(), (409, "uniqueness"));
    let taken = posted(json!({ "userName": "eve", "externalId": "1" }));
    assert_eq!(taken.fault(), (409, "uniqueness"));
    assert!(taken.detail().contains("`ann`"), "{}", taken.detail());
    assert_eq!(at.filtered("/Users", "userName eq \"eve\"").names(), [""; 0]);
    assert_eq!(posted(json!({})).fault(), (400, "invalidValue"));
    assert_eq!(posted(json!({ "userName": "  " })).fault(), (400, "invalidValue"));
    assert_eq!(posted(json!({ "userName": "a\u{7}" })).fault(), (400, "invalidValue"));
    assert_eq!(posted(json!({ "userName": "x".repeat(256) })).fault(), (413, ""));
    assert_eq!(posted(json!({ "userName": "eve", "active": "perhaps" })).fault(), (400, "invalidValue"));
    assert_eq!(posted(json!(["userName"])).fault(), (400, "invalidSyntax"));
    let patched = |operation: Value| at.patch(&format!("/Users/{id}"), json!([operation]));
    let refused = [
        (json!({ "op": "replace", "path": "id", "value": "9" }), (400, "mutability")),
        (json!({ "op": "remove", "path": "userName" }), (400, "mutability")),
        (json!({ "op": "add", "path": "groups", "value": [{ "value": "1" }] }), (400, "mutability")),
        (json!({ "op": "replace", "path": "usrName", "value": "x" }), (400, "invalidPath")),
        (json!({ "op": "replace", "path": "emails[type eq", "value": "x" }), (400, "invalidPath")),
        (json!({ "op": "remove" }), (400, "noTarget")),
        (json!({ "op": "replace", "path": "active", "value": 7 }), (400, "invalidValue")),
        (json!({ "op": "replace", "path": "userName", "value": "bob" }), (409, "uniqueness")),
        (json!({ "op": "jump", "path": "active" }), (400, "invalidSyntax")),
    ];
    for (operation, fault) in refused {
        assert_eq!(patched(operation.clone()).fault(), fault, "{operation}");
    }
    assert_eq!(at.get(&format!("/Users/{other}")).body["userName"], "bob");
    // Either all operations of a request are done, or none.
    let both = at.patch(
        &format!("/Users/{id}"),
        json!([{ "op": "add", "path": "displayName", "value": "A" }, { "op": "add", "path": "userName", "value": "bob" }]),
    );
    assert_eq!((both.fault().0, &at.get(&format!("/Users/{id}")).body["displayName"]), (409, &Value::Null));
    for id in ["0", "999999", "x", "01", "-1", "18446744073709551616"] {
        assert_eq!(at.get(&format!("/Users/{id}")).fault(), (404, ""), "{id}");
    }
    assert_eq!(at.ask("PUT", "/Users", &json!({})).fault(), (405, ""));
    assert_eq!(at.get("/Nothing").fault(), (404, ""));
    assert_eq!(at.get("/Me").fault(), (501, ""));
}

#[test]
fn the_products_own_users_are_not_deleted_by_an_identity_provider() {
    let at = Provisioned::with(9);
    let changes =
        json!({ "changes": [{ "change": "add-user", "name": "product.admin", "default_user": true }] });
    assert_eq!(at.site.admin("POST", "/v1/tenants/default/changes", changes).0, 200);
    let id = at.filtered("/Users", "userName eq \"product.admin\"").body["Resources"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = at.ask("DELETE", &format!("/Users/{id}"), &Value::Null);
    assert_eq!(refused.fault(), (403, ""));
    assert_eq!(at.get(&format!("/Users/{id}")).status, 200);
}

#[test]
fn only_a_token_that_may_allocate_for_the_tenant_gets_in_and_sees_nothing_of_others() {
    let at = Provisioned::with(9);
    let id = at.user("ann");
    let as_whom = |token: Option<&str>, path: &str| {
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let headers = if token.is_some() { vec![("Authorization", &*bearer)] } else { Vec::new() };
        at.send("GET", path, &headers, None)
    };
    let token = |name: &str, scope: &str, tenant: Value| {
        let ask = json!({ "name": name, "scopes": [scope], "tenant": tenant });
        at.site.admin("POST", "/v1/admin/tokens", ask).1["token"].as_str().unwrap().to_owned()
    };
    let (reader, other) = (token("reader", "read", Value::Null), token("other", "allocate", json!("other")));
    for path in ["/Users", "/Groups", "/Schemas", "/ServiceProviderConfig", "/Users/1"] {
        let path = format!("{BASE}{path}");
        let nobody = as_whom(None, &path);
        assert_eq!((nobody.fault(), nobody.header("www-authenticate")), ((401, ""), "Bearer"));
        assert_eq!(as_whom(Some("wrong"), &path).fault(), (401, ""));
        assert_eq!(as_whom(Some(&reader), &path).fault(), (403, ""));
        assert_eq!(as_whom(Some(&other), &path).fault(), (403, ""));
    }
    // Ids are of the whole site, and each tenant sees its own only.
    let elsewhere = |path: &str| as_whom(Some(&other), &format!("/scim/v2/other{path}"));
    assert_eq!(elsewhere(&format!("/Users/{id}")).fault(), (404, ""));
    assert_eq!(elsewhere("/Users").names(), [""; 0]);
    assert_eq!(
        as_whom(Some(&other), "/scim/v2/other/Users?filter=userName%20eq%20%22ann%22").names(),
        [""; 0]
    );
    assert_eq!(as_whom(Some(&at.token), &format!("{BASE}/Users/{id}")).status, 200);
}

#[test]
fn more_than_may_be_is_refused_before_anything_is_done() {
    let at = Provisioned::with(9);
    let large = |place: &str, bytes: usize| {
        at.ask("POST", place, &json!({ "userName": "x", "displayName": "x", "title": "y".repeat(bytes) }))
            .status
    };
    assert_eq!((large("/Users", 70_000), large("/Groups", 3 << 20)), (413, 413));
    let many: Vec<Value> = (0..10_001).map(|number| json!({ "value": number.to_string() })).collect();
    let answer = at.ask("POST", "/Groups", &json!({ "displayName": "g", "members": many }));
    assert_eq!(answer.fault(), (413, ""));
    let filter = format!("userName eq \"{}\"", "x".repeat(1000));
    assert_eq!(at.filtered("/Users", &filter).status, 200);
    let deep = format!("{}userName pr{}", "(".repeat(200), ")".repeat(200));
    assert_eq!(at.filtered("/Users", &deep).fault(), (400, "invalidFilter"));
    assert_eq!(at.get("/Users").names(), [""; 0]);
    assert_eq!(at.get("/Groups").names(), [""; 0]);
}

#[test]
fn the_server_says_what_it_can_do_and_which_attributes_it_keeps() {
    let at = Provisioned::with(9);
    let config = at.get("/ServiceProviderConfig").body;
    let can = |what: &str| config[what]["supported"].as_bool().unwrap();
    assert_eq!(
        ["patch", "filter", "etag", "bulk", "sort", "changePassword"].map(can),
        [true, true, true, false, false, false]
    );
    assert_eq!(config["filter"]["maxResults"], 500);
    assert_eq!(at.get("/ResourceTypes").body["totalResults"], 2);
    assert_eq!(at.get("/ResourceTypes/User").body["endpoint"], "/Users");
    let user = at.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").body;
    let attributes = user["attributes"].as_array().unwrap();
    let names: Vec<&str> = attributes.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["userName", "name", "displayName", "active", "emails", "groups"]);
    assert_eq!(at.get("/Schemas/nothing").fault(), (404, ""));
    assert_eq!(at.ask("POST", "/Schemas", &json!({})).fault(), (405, ""));
}

#[test]
fn many_who_add_members_to_one_group_at_once_lose_none() {
    let at = Provisioned::with(9);
    let ids: Vec<String> = (0..8).map(|number| at.user(&format!("user{number}"))).collect();
    let group = at.create("/Groups", &json!({ "displayName": "Crew" }));
    let path = format!("/Groups/{group}");
    std::thread::scope(|scope| {
        for id in &ids {
            let (at, path) = (&at, &path);
            scope.spawn(move || {
                let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
                assert_eq!(at.patch(path, add).status, 204);
                let note = json!([{ "op": "replace", "path": "displayName", "value": format!("of {id}") }]);
                assert_eq!(at.patch(&format!("/Users/{id}"), note).status, 200);
            });
        }
    });
    assert_eq!(at.get(&path).body["members"].as_array().map(Vec::len), Some(8));
}

#[test]
fn places_are_named_after_the_server_that_was_asked_whichever_of_three_leads() {
    let trio = Trio::formed(role_lines(2));
    let ask = json!({ "name": "entra", "scopes": ["allocate"], "tenant": "default" });
    let (_, token) = trio.admin(1, "POST", "/v1/admin/tokens", ask);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let ask = |at: &str, more: &[(&str, &str)], method: &str, path: &str, body: &Value| {
        let mut headers = vec![("Authorization", &*bearer), ("Content-Type", "application/scim+json")];
        headers.extend(more);
        let bytes = (!body.is_null()).then(|| body.to_string().into_bytes());
        sent(at, method, &format!("{BASE}{path}"), &headers, bytes.as_deref())
    };
    let addresses: Vec<String> =
        trio.configs.values().map(|config| format!("127.0.0.1:{}", config.port)).collect();
    // Two of the three pass it on, whichever they are.
    assert!(trio.wait(|trio| trio.leader(1)) <= addresses.len());
    for at in &addresses {
        let made = ask(at, &[], "POST", "/Users", &json!({ "userName": format!("ann@{at}") }));
        assert_eq!(made.status, 201, "{}", made.body);
        let place = format!("https://{at}{BASE}/Users/{}", made.id());
        assert_eq!(
            (made.header("location"), made.body["meta"]["location"].as_str()),
            (&*place, Some(&*place))
        );
        for other in &addresses {
            let read = ask(other, &[], "GET", &format!("/Users/{}", made.id()), &Value::Null);
            let place = format!("https://{other}{BASE}/Users/{}", made.id());
            assert_eq!(read.body["meta"]["location"], place);
        }
        // Behind one name for all three, that is the name.
        let named = ask(at, &[("Host", "licenses.example.com")], "GET", "/Users", &Value::Null);
        let place = named.body["Resources"][0]["meta"]["location"].as_str().unwrap();
        assert!(place.starts_with(&format!("https://licenses.example.com{BASE}/Users/")), "{place}");
    }
}
