//! Who may use what, at the command line: a real server process, and the commands that an administrator types.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start processes and read clocks"
)]

mod site;

use serde_json::Value;
use site::Server;

#[test]
fn the_worked_example_consumes_thirty_two_of_a_thousand_users_by_commands() {
    let server = Server::start();
    let users: String = (0..1000).map(|number| format!("user,user{number:04},,\n")).collect();
    let members: String = (0..30).map(|number| format!("member,,user{number:04},AGENTS\n")).collect();
    server.write("people.csv", &format!("what,name,user,group\ngroup,AGENTS\n{members}{users}"));
    server.ok("import people.csv");
    server.ok("role add WFM_AGENT --application WFM");
    server.ok("role add WFM_SCHEDULER --application WFM");
    let tried = server.ok("role assign WFM_AGENT --group AGENTS --dry-run");
    assert_eq!(tried, "WFM (role): in use 0 -> 30 of 40\n");
    assert_eq!(server.ok("role assign WFM_AGENT --group AGENTS"), tried);
    let both = server.ok("role assign WFM_SCHEDULER --user user0030 --user user0031");
    assert_eq!(both, "WFM (role): in use 30 -> 32 of 40\n");
    let again = server.run("import people.csv");
    assert!(String::from_utf8(again.stderr).unwrap().contains("nothing is to be done"));
}

#[test]
fn users_stations_and_licenses_are_kept_by_command() {
    let server = Server::start();
    let lines = [
        "user add ann --mail ann@example.com",
        "user add bob --disabled",
        "station add desk-1 --machine pc-0815",
        "allocate add i3_license_basic_station --station desk-1",
        "allocate add i3_access_client --user ann",
        "allocate add i3_access_client --user bob --dry-run",
        "user change bob --own-number off --media call,chat",
        "user rename bob robert",
        "group add SALES --queue acd --media chat,email",
        "group members add SALES ann robert",
        "user list",
        "station list",
        "group show sales",
        "allocate table",
        "allocate warnings",
        "user show nobody",
        "user remove ann",
        "allocate table",
    ];
    insta::assert_snapshot!(lines.map(|line| server.seen(line)).join("\n"));
}

#[test]
fn every_bad_line_of_a_table_is_told_and_none_is_done() {
    let server = Server::start();
    server.write(
        "bad.csv",
        "what,name,mail,enabled,user,group,feature,method\nuser,ann\nusr,bob\nuser,eve,,perhaps\nuser,ANN\nmember,,,,nobody,SALES\n\
         allocation,,,,ann,,i3_acces_client,\nallocation,,,,ann,,i3_access_client,sometimes\nuser,\nuser,dan,,,,,,,,too,many\n",
    );
    insta::assert_snapshot!(server.seen("import bad.csv"));
    assert_eq!(server.ok("user list --json"), "[]\n");
    server.write("wrong.csv", "what,nmae\nuser,ann\n");
    insta::assert_snapshot!(server.seen("import wrong.csv"));
}

#[test]
fn an_export_imported_elsewhere_makes_the_same_site() {
    let (server, other) = (Server::start(), Server::start());
    std::fs::copy("../../docs/src/examples/site.toml", server.path("site.toml")).unwrap();
    server.ok("apply site.toml --yes");
    let table = server.ok("export");
    other.write("table.csv", &table);
    other.ok("import table.csv");
    assert_eq!(other.ok("export"), table);
}

#[test]
fn apply_shows_its_plan_does_it_and_then_finds_nothing_to_do() {
    let server = Server::start();
    std::fs::copy("../../docs/src/examples/site.toml", server.path("site.toml")).unwrap();
    server.ok("station add old-desk --machine pc-1");
    server.ok("user add guest");
    let first =
        ["apply site.toml", "apply site.toml --dry-run", "apply site.toml --yes", "apply site.toml --yes"];
    let first = first.map(|line| server.seen(line)).join("\n");
    let text = std::fs::read_to_string(server.path("site.toml")).unwrap();
    let text = text
        .replace("members = [\"ann\", \"bob\"]", "members = [\"bob\"]")
        .replace("\"concurrent\"", "\"assignable\"");
    server.write("site.toml", &text.replace("development = 60", "development = 0"));
    let second =
        ["apply site.toml --yes", "user list", "station list"].map(|line| server.seen(line)).join("\n");
    insta::assert_snapshot!(format!("{first}\n{second}"));
    let plan: Value = serde_json::from_str(&server.ok("apply site.toml --json --yes")).unwrap();
    assert_eq!(plan["tenants"][0]["plan"], Value::Array(Vec::new()));
}

#[test]
fn a_plan_that_takes_more_than_was_bought_is_refused_whole_and_names_the_step() {
    let server = Server::start();
    server.write(
        "site.toml",
        "[[tenants]]\nname = \"default\"\n[[tenants.users]]\nname = \"ann\"\nlicenses = [\"I3_ACCESS_CLIENT\"]\n\
         [[tenants.users]]\nname = \"bob\"\nlicenses = [\"I3_ACCESS_CLIENT\"]\n",
    );
    let seen = server.seen("apply site.toml --yes");
    assert!(seen.contains("refused: + license I3_ACCESS_CLIENT to user bob (assignable)"), "{seen}");
    assert!(seen.ends_with("[exit 1]\n"), "{seen}");
    assert_eq!(server.ok("user list --json"), "[]\n");
}
