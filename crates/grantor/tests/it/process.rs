//! The server as a process: signals, exit codes, log lines, and the tools that talk to it.

use crate::issue;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const GRANTOR: &str = env!("CARGO_BIN_EXE_grantor");

/// A server process with an administrator, in a folder of its own.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it did not happen: {what}");
        std::thread::yield_now();
    }
}

fn spawn(folder: &Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(GRANTOR);
    command.args(["server", "--config", "grantor.toml"]).current_dir(folder).stderr(Stdio::from(log));
    command.spawn().unwrap()
}

impl Server {
    fn start(limits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { child: spawn_nothing(), port, folder };
        server.license(vec![issue::line("cad", "8.0", 2)]);
        server.configure(limits);
        server.child = spawn(server.folder.path());
        server.set_up();
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn license(&self, lines: Vec<grantor_license::DraftLine>) {
        std::fs::write(self.path("acme.lic"), issue::license(&issue::Keys::default(), lines)).unwrap();
    }

    fn configure(&self, limits: &str) {
        let key = issue::Keys::default().root.public();
        let text = format!(
            "port = {}\nlisten = \"127.0.0.1\"\nlicense_files = [\"acme.lic\"]\nzone = \"UTC\"\n{limits}\n[log]\nformat = \"json\"\n\
             [[publishers]]\nname = \"acme\"\nroot_keys = [\"{key}\"]\n",
            self.port
        );
        std::fs::write(self.path("grantor.toml"), text).unwrap();
    }

    fn set_up(&mut self) {
        wait_until("the server is up", || self.log().contains("license server up"));
        let mut setup = self.command(&["setup", "--name", "ada", "--token", "grantor-data/setup-token"]);
        let mut setup = setup.stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut setup.stdin.take().unwrap(), b"correct horse battery\n").unwrap();
        assert!(setup.wait().unwrap().success());
    }

    /// A tool of this user's, for this server.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(GRANTOR);
        command.args(arguments).current_dir(self.folder.path()).env("XDG_CONFIG_HOME", self.path("config"));
        command.env("XDG_STATE_HOME", self.path("state"));
        command
            .env("GRANTOR_LICENSE_FILE", format!("{}@localhost", self.port))
            .env("GRANTOR_SERVER_CERT", "grantor-data/server.crt");
        command.env_remove("GRANTOR_TOKEN").stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    /// The log's lines that carry this number.
    fn numbered(&self, number: &str) -> Vec<Value> {
        let lines = self.log();
        let objects = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        objects.filter(|line| line["event"] == number).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

/// A child that has ended, to stand in until there is a server.
fn spawn_nothing() -> Child {
    Command::new("true").spawn().unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn sigterm_stops_in_good_order_and_the_next_start_finds_everything() {
    let mut server = Server::start("");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(server.numbered("07103").len(), 1);
    server.child = spawn(server.folder.path());
    wait_until("the server is up again", || server.numbered("07102").len() == 2);
    assert!(server.text(&["stat"]).contains("0 of 2"));
    assert_eq!(server.run(&["down", "--quiet"]).status.code(), Some(0));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn sighup_and_reread_take_up_new_files_and_a_new_configuration_without_a_restart() {
    let server = Server::start("");
    server.license(vec![issue::line("cad", "8.0", 5)]);
    server.configure("[limits]\nseats_per_client = 3");
    server.signal(Signal::HUP);
    wait_until("the new file is loaded", || server.text(&["stat"]).contains("0 of 5"));
    let refused = server.run(&["checkout", "cad", "--version", "8.0", "--count", "4", "--", "true"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a session may hold 3 seats"), "{refused:?}");
    server.configure("nonsense = 1");
    let refused = server.run(&["reread"]);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{text}");
    assert!(
        text.contains("there is no key `nonsense`") && text.contains("everything stays as it is"),
        "{text}"
    );
    server.license(vec![issue::line("cad", "8.0", 7)]);
    server.configure("");
    assert!(server.text(&["reread"]).contains("cad 8.0: 5 -> 7"));
}

#[test]
fn a_second_process_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let server = Server::start("");
    let second = Command::new(GRANTOR)
        .args(["server", "--config", "grantor.toml"])
        .current_dir(server.folder.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(5));
    let text = String::from_utf8_lossy(&second.stderr);
    assert!(text.contains("grantor-data") && text.contains("hint"), "{text}");
    assert!(server.text(&["stat"]).contains("0 of 2"));
}

#[test]
fn log_events_carry_the_numbers_that_administrators_know() {
    let server = Server::start("");
    assert!(
        server.run(&["checkout", "cad", "--version", "8.0", "--count", "2", "--", "true"]).status.success()
    );
    assert_eq!(
        server.run(&["checkout", "cad", "--version", "8.0", "--count", "3", "--", "true"]).status.code(),
        Some(1)
    );
    let wait = ["checkout", "cad", "--version", "8.0", "--count", "2", "--", "sleep", "60"];
    let mut holder = server.command(&wait).spawn().unwrap();
    wait_until("the seats are out", || server.text(&["stat"]).contains("2 of 2"));
    assert_eq!(server.run(&["checkout", "cad", "--version", "8.0", "--", "true"]).status.code(), Some(1));
    let started = server.numbered("07100");
    assert_eq!(
        started[0]["message"],
        "Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"
    );
    kill_process(Pid::from_raw(holder.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    holder.wait().unwrap();
    wait_until("the violation is cleared", || !server.numbered("07105").is_empty());
    assert_eq!(
        server.numbered("07105")[0]["message"],
        "License status restored after violation with type 'GLMR_LICENSE_NO_LICENSE_AVAILABLE'"
    );
    assert_eq!(server.numbered("07101")[0]["message"], "Feature 'cad': 2 licenses checked out");
}

#[test]
fn checkout_passes_on_the_exit_code_and_gives_the_seat_back() {
    let server = Server::start("");
    let exit = |script: &str| {
        server.run(&["checkout", "cad", "--version", "8.0", "--", "sh", "-c", script]).status.code()
    };
    assert_eq!(exit("exit 7"), Some(7));
    assert_eq!(exit("kill -9 $$"), Some(137));
    let missing = server.run(&["checkout", "cad", "--version", "8.0", "--", "./not-there"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(server.text(&["stat"]).contains("0 of 2"));
}

#[test]
fn an_administrator_sees_who_holds_a_seat_and_takes_it_away() {
    let server = Server::start("");
    let arguments = [
        "checkout",
        "cad",
        "--version",
        "8.0",
        "--on-loss",
        "terminate",
        "--heartbeat",
        "5",
        "--",
        "sleep",
        "60",
    ];
    let mut holder = server.command(&arguments).spawn().unwrap();
    wait_until("the seat is out", || server.text(&["stat"]).contains("1 of 2"));
    let status: Value = serde_json::from_str(&server.text(&["stat", "--json"])).unwrap();
    let holding = &status["features"][0]["pools"][0]["holders"][0];
    let text = server.text(&["stat", "-f", "cad"]);
    let line = text.lines().find(|line| line.contains(", start ")).unwrap();
    assert!(
        line.starts_with("    ") && line.contains(&format!("/{} {}), start ", server.port, holding["grant"])),
        "{line}"
    );
    assert!(server.text(&["stat", "-i"]).contains(
        "cad                             8.0         2            acme          permanent(no expiration date)"
    ));
    let near = server.run(&["stat", "-f", "cadd"]);
    assert!(String::from_utf8_lossy(&near.stderr).contains("did you mean `cad`?"));
    assert!(
        server.run(&["remove", &holding["grant"].to_string(), "--reason", "lunch break"]).status.success()
    );
    assert!(server.text(&["stat"]).contains("0 of 2"));
    let end = holder.wait().unwrap();
    assert_eq!(end.code(), Some(143), "the command was told to end");
    assert!(server.log().contains("lunch break"));
}

#[test]
fn a_seat_is_borrowed_listed_shown_and_given_back() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start("");
    server.license(vec![issue::line_with("cad", 2, &[("BORROW", "48")]), issue::line("plain", "8.0", 1)]);
    server.text(&["reread"]);
    assert!(server.text(&["borrow", "CAD", "--days", "1"]).starts_with("`cad` is borrowed until "));
    let file = server.path("state/grantor/loans.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let status: Value = serde_json::from_str(&server.text(&["stat", "--json"])).unwrap();
    assert_eq!(status["sessions"], 0, "the session is closed");
    let holder = &status["features"][0]["pools"][0]["holders"][0];
    assert!(holder["borrowed_until"].is_string() && holder["application"] == "grantor borrow", "{holder}");
    assert!(server.text(&["stat", "-a"]).contains("  (linger: "));
    let list = server.text(&["borrow", "--list"]);
    assert!(
        list.starts_with("cad  until ") && list.contains(&format!("{}@localhost", server.port)),
        "{list}"
    );
    let refused = |arguments: &[&str], words: &str| {
        let output = server.run(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(words), "{text}");
        output.status.code()
    };
    assert_eq!(refused(&["borrow", "cad", "--days", "3"], "at the latest"), Some(1));
    assert_eq!(refused(&["borrow", "plain", "--days", "1"], "does not say BORROW"), Some(1));
    assert_eq!(refused(&["borrow", "cad", "--until", "soon"], "2026-12-24"), Some(2));
    assert_eq!(server.text(&["borrow", "--list"]), list, "what was refused is not kept");
    assert!(server.text(&["stat"]).contains("1 of 2"), "a seat that was refused is free again");
    assert!(server.run(&["borrow", "--return", "Cad"]).status.success());
    assert!(server.text(&["stat"]).contains("0 of 2"));
    assert_eq!(refused(&["borrow", "--return", "cad"], "has borrowed no `cad`"), Some(1));
}

#[test]
fn people_are_invited_changed_and_locked_out_at_the_command_line() {
    let server = Server::start("");
    let as_bob = |arguments: &[&str], input: &str| {
        let mut command = server.command(arguments);
        let mut child =
            command.env("XDG_CONFIG_HOME", server.path("bob")).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let link = server.text(&["person", "add", "bob@example.com", "--role", "release", "--role", "read@blue"]);
    assert!(link.starts_with("https://") && link.contains("/invitation/grt_"), "{link}");
    let taken = as_bob(&["person", "accept", link.trim()], "seven purple oxen sing\n");
    assert!(taken.status.success(), "{taken:?}");
    let list = server.text(&["person", "list"]);
    assert!(list.contains("bob@example.com\trelease read@blue\tpassword\t1 visits"), "{list}");
    assert!(as_bob(&["stat", "-a"], "").status.success());
    assert_eq!(as_bob(&["person", "list"], "").status.code(), Some(4), "a right that bob lacks");
    let changed = as_bob(&["person", "password"], "seven purple oxen sing\neleven angry geese at noon\n");
    assert!(changed.status.success(), "{changed:?}");
    assert_eq!(server.text(&["person", "change", "bob@example.com", "--role", "read@blue"]), "");
    assert_eq!(as_bob(&["stat", "-a"], "").status.code(), Some(4), "other roles end the visit");
    let login = ["login", "--name", "bob@example.com"];
    let bound = as_bob(&login, "eleven angry geese at noon\n");
    assert!(bound.status.success(), "for one tenant only: {bound:?}");
    assert!(as_bob(&["stat", "-a"], "").status.success(), "sees what is of that tenant");
    assert_eq!(
        server.run(&["person", "remove", "ada"]).status.code(),
        Some(1),
        "the last administrator stays"
    );
    let reset = server.text(&["person", "reset", "bob@example.com", "--json"]);
    let reset: Value = serde_json::from_str(&reset).unwrap();
    assert_eq!(reset["name"], "bob@example.com");
    assert_eq!(as_bob(&login, "eleven angry geese at noon\n").status.code(), Some(4));
    server.text(&["person", "sign-out", "bob@example.com"]);
    server.text(&["person", "remove", "bob@example.com"]);
    let over =
        as_bob(&["person", "accept", reset["invitation"].as_str().unwrap()], "seven purple oxen sing\n");
    assert_eq!(over.status.code(), Some(4), "{over:?}");
    let log = server.log();
    assert!(log.contains("person invited") && log.contains("signed in by password") && !log.contains("grt_"));
}
