//! Tables that are read and written, in the words that people see.

use std::collections::BTreeSet;

use grantor_api::directory::{Change, Holder, Licensing, Method};

use super::*;

fn user(name: &str, groups: &[&str], licenses: &[&str]) -> User {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let licensing =
        Licensing { enabled: true, method: Method::Assignable, features: owned(licenses), held: Vec::new() };
    User {
        name: name.to_owned(),
        mail: None,
        enabled: true,
        default_user: false,
        own_number: true,
        licensing,
        media: Vec::new(),
        receives: Vec::new(),
        groups: owned(groups),
        roles: Vec::new(),
        consumes: Vec::new(),
        present: None,
        external_id: None,
        display_name: None,
        given_name: None,
        family_name: None,
    }
}

fn sales() -> Group {
    let (queue, media, roles) = (None, Vec::new(), Vec::new());
    Group { name: "SALES".to_owned(), queue, media, roles, size: 2, external_id: None }
}

fn here() -> Current {
    let users = vec![user("ann", &["SALES"], &[]), user("bob", &["SALES"], &["ACCESS"])];
    Current::of(users, Vec::new(), vec![sales()], Vec::new())
}

fn read_here(text: &str) -> Result<Wanted, Vec<String>> {
    let features: BTreeSet<String> = ["access".to_owned()].into();
    read(text, &here(), &features).map_err(|all| all.iter().map(ToString::to_string).collect())
}

fn steps(text: &str) -> Vec<String> {
    let steps = plan(&here(), &read_here(text).expect("a good table"));
    steps.iter().map(|step| format!("{} {}", step.sign, step.text)).collect()
}

#[test]
fn everything_that_is_wrong_in_a_line_is_told_with_its_column() {
    let table = "what,name,enabled,kind,user,feature,queue\nuser,,perhaps,,,,\nstation,desk,,desk,,,\n\
                 group,G,,,,,someday\nallocation,,,,nobody,acess,\nuser,x\u{7},,,,,\nmember,a,b,c,d,e,f,g\nuser,\"eve\n";
    let told = [
        "2: `name`: it is empty",
        "2: `enabled`: it is `perhaps`; write yes or no",
        "3: `kind`: unknown variant `desk`, expected one of `workstation`, `managed-workstation`, `stand-alone-phone`, \
         `stand-alone-fax`, `configured-remote`, `sip-workstation`",
        "4: `queue`: unknown variant `someday`, expected one of `none`, `acd`, `hunt-group`, `simultaneous-ring`",
        "5: `feature`: no license `acess` for allocation is loaded; did you mean `access`?",
        "5: `user`: no user is called `nobody`, neither in the file nor on the server",
        "6: `name`: it has control characters, such as a line's end",
        "7: 8 fields, and 7 columns",
    ];
    assert_eq!(read_here(table).unwrap_err(), told);
}

#[test]
fn a_first_line_that_names_no_columns_is_told_before_anything_else() {
    let told = |text: &str| read_here(text).unwrap_err().join("\n");
    assert!(told("").contains("the column `what` is missing"), "{}", told(""));
    assert_eq!(told("what,name,name\nuser,ann,bob"), "1: a column is named twice");
    assert!(told("what,nmae\nuser,ann").starts_with("1: no column is called `nmae`; there are what, name,"));
}

#[test]
fn semicolons_between_cells_are_read_as_commas_are() {
    assert_eq!(
        steps("\u{feff}what;name;mail\r\nuser;cid;c@example.com\r\n"),
        ["+ user cid, mail c@example.com"]
    );
}

#[test]
fn a_license_for_a_group_goes_to_each_who_is_or_becomes_a_member_and_has_it_not_yet() {
    let table = "what,name,user,group,feature,method\nallocation,,,sales,Access,\nuser,cid,,,,\nmember,,cid,SALES,,\n";
    let expected = [
        "+ user cid",
        "+ members of group SALES: cid",
        "+ license Access to user ann (assignable)",
        "+ license Access to user cid (assignable)",
    ];
    assert_eq!(steps(table), expected);
    let mixed = "what,user,group,feature,method\nallocation,ann,,access,concurrent\nallocation,,SALES,access,assignable\n";
    assert_eq!(
        read_here(mixed).unwrap_err(),
        ["3: `method`: the licenses of `ann` are all assignable or all concurrent"]
    );
    let nowhere = read_here("what,feature\nallocation,access\n").unwrap_err();
    assert_eq!(nowhere, ["2: an allocation has either a `user`, a `station` or a `group`"]);
}

#[test]
fn a_group_becomes_a_workgroup_and_a_group_again_with_its_members() {
    let expected = ["~ group SALES: acd of call, a workgroup from now on; members and roles stay"];
    assert_eq!(steps("what,name,queue,media\ngroup,SALES,acd,call\n"), expected);
    let mut now = here();
    let group = now.groups.get_mut("sales").expect("the group");
    group.queue = Some(grantor_api::directory::Queue::Acd);
    group.media = vec![grantor_api::directory::Medium::Call];
    let wanted = read("what,name,queue\ngroup,SALES,none\n", &now, &BTreeSet::new()).expect("a good table");
    let steps = plan(&now, &wanted);
    assert_eq!(steps[0].text, "group SALES: no workgroup any more; members and roles stay");
    let set = Change::SetQueue { group: "SALES".to_owned(), queue: None, media: Vec::new() };
    assert_eq!(steps.iter().map(|step| &step.change).collect::<Vec<_>>(), [&set]);
}

#[test]
fn no_cell_of_an_export_is_a_formula_and_the_import_reads_the_names_as_they_were() {
    let names = ["=HYPERLINK(\"x\")", "+32 9 000", "-", "@a", "'quoted", "'=tricky", "''=more", "plain"];
    let users = names.iter().map(|name| user(name, &[], &["ACCESS"])).collect();
    let now = Current::of(users, Vec::new(), Vec::new(), Vec::new());
    let table = write(&now, Part::All).expect("a table");
    let cells: Vec<String> = csv::Reader::from_reader(table.as_bytes())
        .records()
        .flat_map(|record| record.expect("a line").iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{cells:?}");
    assert!(cells.contains(&"''=tricky".to_owned()) && cells.contains(&"'quoted".to_owned()), "{cells:?}");
    let wanted = read(&table, &Current::default(), &["access".to_owned()].into()).expect("a good table");
    let read: BTreeSet<&str> = wanted.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(read, names.into());
    assert!(plan(&now, &wanted).is_empty());
}

#[test]
fn a_part_of_an_export_has_what_hangs_on_its_kind() {
    let now = here();
    let whats = |part: Part| {
        let table = write(&now, part).expect("a table");
        table.lines().skip(1).map(|line| line.split(',').next().unwrap_or_default().to_owned()).collect()
    };
    let (users, groups): (Vec<String>, Vec<String>) = (whats(Part::Users), whats(Part::Groups));
    assert_eq!(users, ["user", "user", "member", "member", "allocation"]);
    assert_eq!(groups, ["group", "member", "member"]);
    let none: Vec<String> = whats(Part::Stations);
    assert!(none.is_empty());
}

#[test]
fn a_known_user_does_not_become_a_default_user_unsaid() {
    let told = read_here("what,name,default_user\nuser,ann,yes\n").unwrap_err();
    assert!(told[0].starts_with("2: `default_user`: `ann` is here already"), "{told:?}");
}

#[test]
fn a_station_of_a_table_holds_its_license_alone() {
    let table = "what,name,station,feature\nstation,desk,,\nallocation,,desk,access\n";
    let wanted = read_here(table).expect("a good table");
    let all = plan(&here(), &wanted);
    let to = vec![Holder::Station("desk".to_owned())];
    let license = Change::License { feature: "access".to_owned(), method: Method::Assignable, to };
    assert_eq!(all.last().map(|step| &step.change), Some(&license));
}
