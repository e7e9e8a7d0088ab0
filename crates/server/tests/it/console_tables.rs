//! Tables at the console, as a browser without scripts sends them: looked at, mended, done, and given back.

use std::fmt::Write as _;

use crate::support::browser::{Answer, Browser, posts};
use crate::support::{PASSWORD, Site, line};
use grantor_license::{DraftLine, Model};
use serde_json::{Value, json};

fn sold(feature: &str, model: Model, count: u32) -> DraftLine {
    DraftLine { model, ..line(feature, "8.0", count) }
}

fn site() -> Site {
    Site::with(vec![sold("WFM", Model::Role, 3), sold("I3_ACCESS_CLIENT", Model::Assignable, 1)])
}

fn ada(site: &Site) -> Browser<'_> {
    let mut ada = Browser::at(site);
    assert_eq!(ada.sign_in("ada", PASSWORD).status, 303);
    ada
}

fn users(site: &Site) -> Vec<String> {
    let (_, page) = site.admin("GET", "/v1/tenants/default/users", Value::Null);
    page["items"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect()
}

/// Looks at a table; the preview's plan.
fn look(ada: &mut Browser<'_>, text: &str) -> (Answer, String) {
    let answer = ada.upload("/directory/import", &[("what", "users"), ("text", text)], None);
    let plan = if answer.body.contains("name=\"plan\"") {
        answer.between("name=\"plan\" value=\"", "\"")
    } else {
        String::new()
    };
    (answer, plan)
}

fn carry_out(ada: &mut Browser<'_>, text: &str, plan: &str) -> Answer {
    ada.post("/directory/import/done", &[("what", "users"), ("text", text), ("plan", plan)])
}

#[test]
fn a_table_is_looked_at_line_by_line_then_done_as_it_was_looked_at_and_given_back_the_same() {
    let site = site();
    let mut ada = ada(&site);
    let bad = "what,name,user,group,enabled\nuser,ann,,,\nuser,bob,,,perhaps\nmember,,ann,SALES,\ngroup,SALES,,,\nmember,,nobody,SALES,\n";
    let (told, _) = look(&mut ada, bad);
    assert_eq!(told.status, 422);
    assert!(
        told.body.contains("2 lines can&#39;t be read.") || told.body.contains("2 lines can't be read."),
        "{told:?}"
    );
    for cell in ["<td class=\"n\">3</td><td>enabled</td>", "<td class=\"n\">6</td><td>user</td>"] {
        assert!(told.body.contains(cell), "{cell}: {told:?}");
    }
    assert!(posts(&told.body).iter().all(|action| !action.contains("/done")), "{told:?}");
    assert!(users(&site).is_empty());

    let good = bad.replace("perhaps", "no").replace("nobody", "bob");
    let (shown, plan) = look(&mut ada, &good);
    assert_eq!(shown.status, 200, "{shown:?}");
    for step in ["group SALES", "user ann", "user bob, disabled", "members of group SALES: ann, bob"] {
        assert!(shown.body.contains(step), "{step}: {shown:?}");
    }
    assert!(shown.body.contains("4 changes") && users(&site).is_empty(), "{shown:?}");
    let done = carry_out(&mut ada, &good, &plan);
    assert_eq!((done.status, done.location.as_str()), (303, "/users?done=imported"), "{done:?}");
    assert_eq!(users(&site), ["ann", "bob"]);

    let table = ada.get("/directory/export");
    let (again, plan) = look(&mut ada, &table.body);
    assert!(again.body.contains("Nothing is to be done.") && plan.is_empty(), "{again:?}");
    let part = ada.get("/directory/export?what=users&text=BO").body;
    let whats: Vec<&str> = part.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(whats, ["what", "user", "member"], "{part}");
}

#[test]
fn what_changed_since_it_was_looked_at_is_shown_anew_and_nothing_of_it_is_done() {
    let site = site();
    let mut ada = ada(&site);
    let table = "what,name,user,feature\nuser,ann,,\nuser,bob,,\nallocation,,ann,I3_ACCESS_CLIENT\n";
    let (shown, plan) = look(&mut ada, table);
    assert!(shown.body.contains("in use <del>0</del> → <ins>1</ins> of 1"), "{shown:?}");
    // Somebody else makes one of the users: another plan.
    let add = |name: &str| json!({ "changes": [{ "change": "add-user", "name": name }] });
    site.admin("POST", "/v1/tenants/default/changes", add("bob"));
    let late = carry_out(&mut ada, table, &plan);
    assert_eq!(late.status, 422);
    assert!(late.body.contains("the site changed since you looked"), "{late:?}");
    assert!(!late.body.contains("user bob") && late.body.contains("user ann"), "{late:?}");
    assert_eq!(users(&site), ["bob"]);
    // Somebody else takes the last seat: the same plan, and it can't be done any more.
    let plan = late.between("name=\"plan\" value=\"", "\"");
    let last = json!({ "changes": [{ "change": "license", "feature": "I3_ACCESS_CLIENT", "to": [{ "user": "bob" }] }] });
    assert_eq!(site.admin("POST", "/v1/tenants/default/changes", last).0, 200);
    let late = carry_out(&mut ada, table, &plan);
    assert_eq!(late.status, 422);
    assert!(
        late.body.contains("It can't be done: too few seats are left.")
            || late.body.contains("It can&#39;t be done: too few"),
        "{late:?}"
    );
    assert!(late.body.contains("It is about: license I3_ACCESS_CLIENT to user ann"), "{late:?}");
    assert!(posts(&late.body).iter().all(|action| !action.contains("/done")), "{late:?}");
    assert_eq!(users(&site), ["bob"]);
    // A plan that nobody was shown is not done either.
    let (_, plan) = look(&mut ada, "what,name\nuser,cid\n");
    let other = carry_out(&mut ada, "what,name\nuser,mallory\n", &plan);
    assert!(other.status == 422 && users(&site) == ["bob"], "{other:?}");
}

#[test]
fn hostile_tables_are_refused_in_words_and_change_nothing() {
    let site = site();
    let mut ada = ada(&site);
    let mut long = "what,name\n".to_owned();
    (0..10_001).for_each(|number| writeln!(long, "user,u{number}").unwrap());
    let script = "<script>alert(1)</script>";
    let large = format!("what,name\nuser,{}\n", "x".repeat(3 << 20));
    let tables: [(&str, u16, &str); 8] = [
        ("", 400, "no table was chosen"),
        (&long, 400, "10000 lines"),
        (&large, 400, "2097152 bytes are the most here"),
        ("nothing of the kind", 422, "no column is called"),
        ("what,name\nuser,\"open", 200, "user open"),
        (&format!("what,name\n{script},x\n"), 422, "&#60;script&#62;"),
        (&format!("what,name\nuser,{}\n", "x".repeat(256)), 422, "256 bytes"),
        ("what,name\nuser,a\u{0}b\n", 422, "control characters"),
    ];
    for (table, status, words) in tables {
        let (told, _) = look(&mut ada, table);
        assert_eq!(told.status, status, "{words}: {told:?}");
        assert!(told.body.contains(words) && !told.body.contains(script), "{words}: {told:?}");
    }
    let not_text = ada.upload("/directory/import", &[], Some(("latin.csv", b"what,name\nuser,Ren\xe9\n")));
    assert!(not_text.status == 400 && not_text.body.contains("CSV UTF-8"), "{not_text:?}");
    let file = ada.upload("/directory/import", &[], Some(("people.csv", b"what,name\nuser,ann\n")));
    assert!(file.status == 200 && file.body.contains("user ann"), "{file:?}");
    assert!(users(&site).is_empty());
}

#[test]
fn ten_thousand_lines_are_looked_at_and_done_at_once() {
    let site = site();
    let mut ada = ada(&site);
    let mut table = "what,name,mail\n".to_owned();
    (0..10_000).for_each(|number| writeln!(table, "user,u{number:05},u{number:05}@example.com").unwrap());
    let (shown, plan) = look(&mut ada, &table);
    assert!(shown.status == 200 && shown.body.contains("10000 changes"), "{}", shown.status);
    assert_eq!(carry_out(&mut ada, &table, &plan).status, 303);
    let (_, last) = site.admin("GET", "/v1/tenants/default/users/u09999", Value::Null);
    assert_eq!(last["mail"], "u09999@example.com");
}

#[test]
fn who_may_only_read_is_given_tables_and_takes_none() {
    let site = site();
    site.admin(
        "POST",
        "/v1/tenants/default/changes",
        json!({ "changes": [{ "change": "add-user", "name": "=1+1" }] }),
    );
    let mut ada = ada(&site);
    let made = ada.post("/settings/people", &[("name", "rob"), ("role", "read"), ("for", "default")]);
    let link = made.between("<code id=\"made\">", "</code>");
    let mut rob = Browser::at(&site);
    let path = &link[link.find("/invitation/").unwrap()..];
    assert_eq!(
        rob.post(path, &[("password", "seven purple oxen sing"), ("again", "seven purple oxen sing")]).status,
        303
    );
    let page = rob.get("/users").body;
    assert!(page.contains("Export as a table") && !page.contains("Import a table"), "{page}");
    assert_eq!(rob.get("/directory/import").status, 403);
    assert_eq!(look(&mut rob, "what,name\nuser,eve\n").0.status, 403);
    assert_eq!(carry_out(&mut rob, "what,name\nuser,eve\n", "x").status, 403);
    let table = rob.get("/directory/export?what=users");
    assert!(table.status == 200 && table.body.contains("\nuser,'=1+1,"), "{table:?}");
    assert_eq!(rob.get("/directory/export?what=users&tenant=other").status, 403);
}
