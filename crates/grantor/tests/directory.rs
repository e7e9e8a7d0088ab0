//! Who may use what, at the command line: a real server process, and the commands that an administrator types.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start processes and read clocks"
)]

#[path = "../../server/tests/support/issue.rs"]
mod issue;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use grantor_license::{DraftLine, Model};
use serde_json::Value;

const GRANTOR: &str = env!("CARGO_BIN_EXE_grantor");

/// A server process with an administrator, in a folder of its own.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

fn sold(feature: &str, model: Model, count: u32) -> DraftLine {
    DraftLine { model, ..issue::line(feature, "8.0", count) }
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let lines = vec![
            sold("WFM", Model::Role, 40),
            sold("I3_ACCESS_CLIENT", Model::Assignable, 1),
            sold("I3_ACCESS_CLIENT", Model::Concurrent, 1),
            sold("I3_LICENSE_BASIC_STATION", Model::Assignable, 1),
        ];
        let license = issue::license(&issue::Keys::default(), lines);
        std::fs::write(folder.path().join("acme.lic"), license).unwrap();
        let key = issue::Keys::default().root.public();
        let text = format!(
            "port = {port}\nlisten = \"127.0.0.1\"\nlicense_files = [\"acme.lic\"]\nzone = \"UTC\"\n[[publishers]]\nname = \"acme\"\nroot_keys = [\"{key}\"]\n"
        );
        std::fs::write(folder.path().join("grantor.toml"), text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(GRANTOR);
        command.args(["server", "--config", "grantor.toml"]).current_dir(folder.path());
        let child = command.stderr(Stdio::from(log)).spawn().unwrap();
        let server = Self { folder, child, port };
        server.set_up();
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set_up(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while !std::fs::read_to_string(self.path("log")).unwrap().contains("license server up") {
            assert!(Instant::now() < end, "the server is not up");
            std::thread::yield_now();
        }
        let mut setup = self.command("setup --name ada --token grantor-data/setup-token");
        let mut setup = setup.stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut setup.stdin.take().unwrap(), b"correct horse battery\n").unwrap();
        assert!(setup.wait().unwrap().success());
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(GRANTOR);
        command.args(arguments.split(' ')).current_dir(self.folder.path()).stdin(Stdio::null());
        command
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("GRANTOR_SERVER_CERT", "grantor-data/server.crt");
        command.env("GRANTOR_LICENSE_FILE", format!("{}@localhost", self.port)).env_remove("GRANTOR_TOKEN");
        command.env_remove("GRANTOR_TENANT").stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that works says on standard output.
    fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code, standard output and standard error, as a user sees them.
    fn seen(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let text = format!("$ grantor {arguments}\n{out}{err}[exit {}]\n", output.status.code().unwrap());
        // Instants differ from run to run.
        let words = text.split_inclusive([' ', '\n']);
        words
            .map(|word| if word.starts_with("20") && word.contains("T") { "INSTANT\n" } else { word })
            .collect()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

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
