//! Plans, in the words that people see.

use std::collections::BTreeMap;

use grantor_api::directory::{Group, Licensing};

use super::*;

fn user(name: &str, roles: &[&str], groups: &[&str]) -> (String, User) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let licensing =
        Licensing { enabled: true, method: Method::Assignable, features: Vec::new(), held: Vec::new() };
    let user = User {
        name: name.to_owned(),
        mail: None,
        enabled: true,
        default_user: false,
        own_number: true,
        licensing,
        media: Vec::new(),
        receives: Vec::new(),
        groups: owned(groups),
        roles: owned(roles),
        consumes: Vec::new(),
        present: None,
        external_id: None,
        display_name: None,
        given_name: None,
        family_name: None,
    };
    (name.to_owned(), user)
}

fn current() -> Current {
    let group = Group {
        name: "g".to_owned(),
        queue: None,
        media: Vec::new(),
        roles: Vec::new(),
        size: 2,
        external_id: None,
    };
    let role =
        |name: &str| (name.to_owned(), Role { name: name.to_owned(), application: Some("WFM".to_owned()) });
    Current {
        users: [user("ann", &["old"], &["g"]), user("bob", &[], &["g"])].into(),
        stations: BTreeMap::new(),
        groups: [("g".to_owned(), group)].into(),
        roles: [role("old"), role("kept")].into(),
    }
}

fn texts(file: &str) -> Vec<String> {
    let steps = plan(&current(), &toml::from_str(file).unwrap());
    steps.iter().map(|step| format!("{} {}", step.sign, step.text)).collect()
}

#[test]
fn what_is_taken_from_somebody_comes_before_somebody_is_removed_and_what_takes_seats_comes_last() {
    let file = r#"
        name = "default"
        manage = ["users", "roles"]
        roles = [{ name = "kept" }, { name = "new", application = "QM" }]
        groups = [{ name = "G", members = ["ann"] }]
        users = [{ name = "Ann", roles = ["new"] }]
    "#;
    let expected = [
        "- members of group G: bob",
        "- role old of user Ann",
        "- user bob",
        "- role old",
        "+ role new: uses QM",
        "+ role new to user Ann",
    ];
    assert_eq!(texts(file), expected);
}

#[test]
fn what_is_left_out_is_not_touched() {
    let file = r#"
        name = "default"
        roles = [{ name = "OLD" }]
        groups = [{ name = "G" }]
        users = [{ name = "ann", enabled = true, own_number = true }]
    "#;
    assert_eq!(texts(file), [] as [&str; 0]);
}
