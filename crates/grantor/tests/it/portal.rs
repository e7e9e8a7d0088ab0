//! A publisher's day at the command line, with real processes: order, license file, signer, update, audit; also when the signer
//! is killed or the file of orders has bad rows.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const PASSPHRASE: &str = "a long enough passphrase";
const ORDERS: &str = "order,account,site,catalogue,part,quantity\n\
    SO-1,ACME,Berlin,pureconnect-4,SW-001-4.0-SL03,1\n\
    SO-1,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,50\n";

/// A folder with books in it, and whose.
struct Office(TempDir, &'static str);

impl Office {
    /// Keys are made, catalogues loaded, ACME in Berlin is known.
    fn new() -> Self {
        Self::of("pureconnect")
    }

    /// As [`Office::new`], for a publisher.
    fn of(publisher: &'static str) -> Self {
        let office = Self(tempfile::tempdir().unwrap(), publisher);
        office.write("pass", PASSPHRASE);
        office.write("orders.csv", ORDERS);
        office.write("selection.toml", &selection(20));
        office.done(&["keys", "new", "keys", "--publisher", publisher]);
        let key = office.done(&["signer", "init", "signer", "--keys", "keys", "--passphrase-file", "pass"]);
        office.write("log.key", &key);
        std::fs::remove_file(office.path().join("keys/signing.key")).unwrap();
        office.done(&["portal", "catalogue", "load"]);
        office.done(&["portal", "account", "add", "ACME", "Acme Contact Centres"]);
        office.done(&["portal", "site", "add", "ACME", "Berlin"]);
        office
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("GRANTOR_PORTAL_DATABASE", "portal.db")
            .env("GRANTOR_SIGNER", "signer/signer.sock")
            .env("USER", "ann");
        command
    }

    /// The same, so many days from now.
    fn command_in(&self, arguments: &[&str], days: u32) -> Command {
        let mut command = self.command(arguments);
        if days > 0 {
            let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
            assert!(Path::new(library).exists(), "install libfaketime");
            command.env("LD_PRELOAD", library).env("FAKETIME", format!("+{days}d"));
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that must go well says.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// What a command that must be refused says, and its exit code.
    fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", said(&output));
        (output.status.code(), said(&output))
    }

    /// Starts the signer and waits until it listens.
    fn signer(&self) -> Signer {
        let mut command = self.command(&["signer", "run", "signer", "--passphrase-file", "pass"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("signing at"), "{line}");
        Signer(child)
    }

    fn verify(&self, file: &str) {
        let root = std::fs::read_to_string(self.path().join("keys/root.pub")).unwrap();
        let verified =
            self.done(&["license", "verify", file, "--root", &format!("pureconnect={}", root.trim())]);
        assert!(
            verified.lines().count() > 5 && verified.lines().all(|line| line.ends_with(": valid")),
            "{verified}"
        );
    }
}

/// A signer, killed with `kill -9` at the end.
struct Signer(Child);

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn selection(clients: u32) -> String {
    format!(
        "catalogue = \"pureconnect-4\"\nlicense_type = \"production\"\n\
         items = [{{ part = \"SW-001-4.0-SL03\", quantity = 1 }}, {{ part = \"SW-001-4.0-AL02\", quantity = {clients} }}]\n\
         [machine]\nhost_id = \"0050569a1b2c\"\nname = \"testing\"\n"
    )
}

#[test]
fn a_mail_server_hands_over_mail_and_learns_what_to_do_with_it() {
    let office = Office::new();
    let hand_over = |mail: &str| {
        let mut command = office.command(&["portal", "mail"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), mail.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, said) = hand_over("From: eve@acme.example\nTo: licensing@example.com\n\nHello\n");
    assert_eq!(code, Some(67), "a mail server bounces it: {said}");
    assert!(said.contains("no reply to a request") && said.contains("hint: reply to the mail"), "{said}");
    let (code, said) = hand_over("From: eve@acme.example\nAuto-Submitted: auto-replied\n\nI am away\n");
    assert_eq!((code, said.trim()), (Some(0), "left out: a machine wrote it"));
    std::fs::write(office.path().join("portal-data/seal.key"), "short").unwrap();
    let (code, said) = hand_over("From: eve@acme.example\n\nHello\n");
    assert_eq!(code, Some(75), "a mail server tries again later: {said}");
}

#[test]
fn an_order_becomes_a_signed_file_that_is_updated_and_deactivated_and_the_log_proves_it() {
    let office = Office::new();
    let _signer = office.signer();
    let booked = office.done(&["portal", "order", "import", "orders.csv", "--book"]);
    let again = office.done(&["portal", "order", "import", "orders.csv", "--book"]);
    assert_eq!(again, booked.replace("booked", "was booked before"));
    assert_eq!(
        office.done(&["portal", "file", "new", "ACME", "Berlin", "selection.toml", "--generate"]),
        "AF-000001"
    );
    let text = office.done(&["portal", "file", "get", "ACME", "AF-000001"]);
    office.write("acme.lic", &text);
    office.verify("acme.lic");
    office.write("selection.toml", &selection(45));
    let update = ["portal", "file", "new", "ACME", "Berlin", "selection.toml", "--replaces", "AF-000001"];
    let shown = said(&office.run(&update));
    assert!(shown.contains("changed: INCREMENT I3_ACCESS_CLIENT"), "{shown}");
    assert_eq!(office.done(&[&update[..], &["--generate"]].concat()), "AF-000002");
    let summary = office.done(&["portal", "summary", "ACME"]);
    assert!(summary.contains("SW-001-4.0-AL02                 50        45         5"), "{summary}");
    office.done(&["portal", "file", "deactivate", "ACME", "AF-000002", "--reason", "the machine is gone"]);
    let summary = office.done(&["portal", "summary", "ACME"]);
    assert!(summary.contains("SW-001-4.0-AL02                 50         0        50"), "{summary}");
    let log = office.done(&["portal", "log"]);
    office.write("log.txt", &format!("{log}\n"));
    let key = std::fs::read_to_string(office.path().join("log.key")).unwrap();
    let verified = office.done(&["audit", "verify", "log.txt", "--key", &key]);
    assert_eq!(verified, "log.txt: 11 entries, all as they were signed");
    office.write("log.txt", &format!("{}\n", log.replace("the machine is gone", "the machine is here")));
    let (code, told) = office.refused(&["audit", "verify", "log.txt", "--key", &key]);
    assert!(code == Some(1) && told.contains("at least one was changed"), "{told}");
}

#[test]
fn a_file_generated_while_the_signer_is_killed_waits_and_is_signed_once_it_is_back() {
    let office = Office::new();
    office.done(&["portal", "order", "import", "orders.csv", "--book"]);
    drop(office.signer());
    let generate =
        ["portal", "file", "new", "ACME", "Berlin", "selection.toml", "--generate", "--key", "mine"];
    let (code, told) = office.refused(&generate);
    assert!(code == Some(1) && told.contains("hint: start it with `grantor signer run`"), "{told}");
    let (_, told) = office.refused(&["portal", "file", "get", "ACME", "AF-000001"]);
    assert!(told.contains("error: the license file `AF-000001` is not signed yet"), "{told}");
    let _signer = office.signer();
    assert_eq!(office.done(&generate), "AF-000001", "the same request is the same file");
    let text = office.done(&["portal", "file", "get", "ACME", "AF-000001"]);
    office.write("acme.lic", &text);
    office.verify("acme.lic");
}

#[test]
fn a_file_of_orders_with_bad_rows_is_told_row_by_row_and_nothing_of_it_is_booked() {
    let office = Office::new();
    let bad = "SO-2,ACME,Bern,pureconnect-4,SW-001-4.0-AL2,5\nSO-3,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,many\n";
    office.write("orders.csv", &format!("{ORDERS}{bad}"));
    let (code, told) = office.refused(&["portal", "order", "import", "orders.csv", "--book"]);
    assert_eq!(code, Some(1));
    let expected = "\
orders.csv: order SO-3, line 5, quantity: `many` is not a number
orders.csv: order SO-2, line 1, part: the catalogue `pureconnect-4` has no part `SW-001-4.0-AL2`; is `SW-001-4.0-AL02` meant?
orders.csv: order SO-2, site: the account `ACME` has no install site `Bern`
error: 3 problems; nothing is booked
hint: mend the rows and import the file again
";
    assert_eq!(told, expected);
    assert_eq!(office.done(&["portal", "summary", "ACME"]), "");
}

#[test]
fn a_mistyped_license_reference_number_finds_its_order() {
    let office = Office::new();
    let booked = office.done(&["portal", "order", "import", "orders.csv", "--book"]);
    let lrn = booked.split_whitespace().nth(1).unwrap();
    let last = if lrn.ends_with('Z') { "Y" } else { "Z" };
    let mistyped = format!("{}{last}", &lrn[4..lrn.len() - 1]).to_lowercase();
    assert_eq!(office.done(&["portal", "order", "find", &mistyped]), format!("SO-1  {lrn}"));
    let (code, told) = office.refused(&["portal", "order", "find", "LRN-0000-0000-0000-00"]);
    assert!(code == Some(1) && told.contains("hint: look it up in the license letter"), "{told}");
}

#[test]
fn a_wrong_passphrase_does_not_open_the_signers_keys_and_a_short_one_is_not_taken() {
    let office = Office::new();
    office.write("pass", "another long passphrase");
    let (code, told) = office.refused(&["signer", "run", "signer", "--passphrase-file", "pass"]);
    assert!(code == Some(4) && told.contains("the passphrase does not open the key file"), "{told}");
    office.write("pass", "short");
    let (code, told) =
        office.refused(&["signer", "init", "other", "--keys", "keys", "--passphrase-file", "pass"]);
    assert!(code == Some(2) && told.contains("a passphrase has at least 15 characters"), "{told}");
}

/// The portal's pages, ended at the end.
struct Pages(Child, String, String);

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Office {
    /// Starts the portal and waits until it listens.
    fn pages(&self) -> Pages {
        self.write("portal.toml", "listen = \"127.0.0.1:0\"\n");
        let mut command = self.command(&["portal", "serve", "--config", "portal.toml"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut after = |words: &str| {
            let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains(words)).unwrap();
            line.split(words).nth(1).unwrap().to_owned()
        };
        let (address, print) = (after("listens on https://"), after("certificate SHA-256 "));
        std::thread::spawn(move || lines.for_each(drop));
        Pages(child, address, print)
    }
}

#[test]
fn an_installation_activates_its_order_online_and_another_one_is_told_that_it_is_taken() {
    let office = Office::of("wfo");
    let _signer = office.signer();
    let lrn = &office.recording_order();
    let pages = office.pages();
    let portal = ["--portal", &pages.1, "--portal-cert", &pages.2];
    let key = "0123456789ABCDEF0123456789ABCDEF";
    let ask = |key: &'static str| {
        [&["activate", lrn, "--registration-key", key, "--output", "wfo.lic"][..], &portal].concat()
    };
    office.done(&ask(key));
    let first = std::fs::read_to_string(office.path().join("wfo.lic")).unwrap();
    assert!(first.contains(&format!("RK={key}")) && first.contains("SIGN="), "{first}");
    office.done(&ask(key));
    assert_eq!(
        std::fs::read_to_string(office.path().join("wfo.lic")).unwrap(),
        first,
        "asked twice, activated once"
    );
    let (code, told) = office.refused(&ask("FEDCBA9876543210FEDCBA9876543210"));
    assert!(code == Some(1) && told.contains("is activated for another installation"), "{told}");
    assert!(told.contains("hint: use the registration key of that installation"), "{told}");
    assert_eq!(
        std::fs::read_to_string(office.path().join("wfo.lic")).unwrap(),
        first,
        "what was there stays"
    );
    office.done(&["activate", lrn, "--registration-key", key, "--request", "request.json"]);
    let request = std::fs::read_to_string(office.path().join("request.json")).unwrap();
    assert!(request.contains(lrn) && request.contains(key), "{request}");
}

impl Office {
    /// Books an order that is activated by its number, and gives that.
    fn recording_order(&self) -> String {
        let row = "SO-9,ACME,Berlin,wfo,Interaction Recording,20";
        self.write("orders.csv", &format!("order,account,site,catalogue,part,quantity\n{row}\n"));
        let booked = self.done(&["portal", "order", "import", "orders.csv", "--book"]);
        booked.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Books an order of Genesys's, makes its file `AF-000001`, and puts it where a license server loads it from.
    fn genesys_file(&self) {
        let row = "SO-7,ACME,Berlin,genesys-8,Advanced Agent Connector,2";
        self.write("orders.csv", &format!("order,account,site,catalogue,part,quantity\n{row}\n"));
        self.done(&["portal", "order", "import", "orders.csv", "--book"]);
        let selection = "catalogue = \"genesys-8\"\nlicense_type = \"standard\"\n\
            items = [{ part = \"Advanced Agent Connector\", quantity = 2 }]\n\
            [machine]\nhost_id = \"ANY\"\nname = \"this_host\"\n";
        self.write("selection.toml", selection);
        self.done(&["portal", "file", "new", "ACME", "Berlin", "selection.toml", "--generate"]);
        std::fs::create_dir(self.path().join("licenses")).unwrap();
        self.write("licenses/acme.lic", &self.done(&["portal", "file", "get", "ACME", "AF-000001"]));
    }

    /// Starts a license server that trusts the office and loads `licenses`, and gives its address.
    fn license_server(&self) -> (Signer, String) {
        self.license_server_with("")
    }

    /// The same; `more` ends its configuration.
    fn license_server_with(&self, more: &str) -> (Signer, String) {
        self.license_server_in(more, 0)
    }

    /// The same, so many days from now.
    fn license_server_in(&self, more: &str, days: u32) -> (Signer, String) {
        let root = std::fs::read_to_string(self.path().join("keys/root.pub")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.write(
            "server.toml",
            &format!(
                "listen = \"127.0.0.1\"\nport = {port}\ndata_dir = \"server\"\nlicense_files = [\"licenses\"]\n\
                 [[publishers]]\nname = \"{}\"\nroot_keys = [\"{}\"]\n{more}",
                self.1,
                root.trim()
            ),
        );
        let mut server = self.command_in(&["server", "--config", "server.toml"], days);
        let mut child = server.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let ready = lines.by_ref().find(|line| line.contains("registration key"));
        std::thread::spawn(move || lines.for_each(drop));
        assert!(ready.is_some());
        (Signer(child), format!("{port}@127.0.0.1"))
    }
}

#[test]
fn a_license_server_loads_the_portals_file_and_grants_what_was_ordered() {
    let office = Office::of("genesys.d");
    let _signer = office.signer();
    office.genesys_file();
    let (_server, at) = office.license_server();
    let take = |count: &'static str| {
        let way = ["-c", &at, "--cert", "server/server.crt", "--", "true"];
        let seats = ["checkout", "GIS", "--version", "8.0", "--count", count];
        office.run(&[&seats[..], &way].concat())
    };
    // GIS is counted by server: one.
    let granted = take("1");
    assert!(granted.status.success(), "{}", said(&granted));
    let beyond = take("2");
    assert!(!beyond.status.success(), "{}", said(&beyond));
}

#[test]
fn an_update_is_granted_by_the_day_of_its_release_while_maintenance_is_paid_and_other_lines_go_on() {
    let office = Office::of("pureconnect");
    let _signer = office.signer();
    let today = jiff::Zoned::now().date();
    let day = |days: i64| today.saturating_add(jiff::Span::new().days(days));
    let row = format!("SO-7,ACME,Berlin,pureconnect-4,SW-001-4.0-SL03,1,{}", day(30));
    office.write(
        "orders.csv",
        &format!("order,account,site,catalogue,part,quantity,maintenance_until\n{row}\n"),
    );
    office.done(&["portal", "order", "import", "orders.csv", "--book"]);
    let selection = "catalogue = \"pureconnect-4\"\nlicense_type = \"production\"\n\
        items = [{ part = \"SW-001-4.0-SL03\", quantity = 1 }]\n[machine]\nhost_id = \"ANY\"\nname = \"this_host\"\n";
    office.write("selection.toml", selection);
    office.done(&["portal", "file", "new", "ACME", "Berlin", "selection.toml", "--generate"]);
    std::fs::create_dir(office.path().join("licenses")).unwrap();
    office.write("licenses/acme.lic", &office.done(&["portal", "file", "get", "ACME", "AF-000001"]));
    let ask = |at: &str, days: u32, feature: &str, version: &str| {
        let arguments = [
            "checkout",
            feature,
            "--version",
            version,
            "-c",
            at,
            "--cert",
            "server/server.crt",
            "--",
            "true",
        ];
        office.command_in(&arguments, days).output().unwrap()
    };
    let release = |days: i64| day(days).strftime("%Y.%m%d").to_string();
    let updates = "I3_FEATURE_SU_ALLOWED";
    {
        let (_server, at) = office.license_server();
        for version in [release(-10), release(30), "4.0".to_owned()] {
            let granted = ask(&at, 0, updates, &version);
            assert!(granted.status.success(), "{version}: {}", said(&granted));
        }
        let later = ask(&at, 0, updates, &release(31));
        assert!(!later.status.success(), "released after maintenance ends");
        let told = said(&later);
        let through = grantor_license::format_date(day(30));
        assert!(told.contains("no line serves this version"), "{told}");
        assert!(told.contains(&format!("maintenance is paid through {through}: renew it")), "{told}");
    }
    std::fs::remove_dir_all(office.path().join("server")).unwrap();
    let (_server, at) = office.license_server_in("", 32);
    let expired = ask(&at, 32, updates, &release(-10));
    assert!(!expired.status.success());
    assert!(said(&expired).contains("the license has expired"), "{}", said(&expired));
    let other = ask(&at, 32, "I3_FEATURE_SIP", "4.0");
    assert!(other.status.success(), "{}", said(&other));
}

#[test]
fn a_license_server_reports_what_it_has_loaded_and_learns_that_a_later_file_took_its_place() {
    let office = Office::of("genesys.d");
    let _signer = office.signer();
    office.genesys_file();
    let (_server, at) = office.license_server();
    let pages = office.pages();
    let way = ["-c", &at, "--cert", "server/server.crt"];
    let run = |arguments: &[&str]| {
        let mut command = office.command(&[arguments, &way].concat());
        let mut child = command
            .env("XDG_CONFIG_HOME", office.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"seven purple oxen sing\n").unwrap();
        child.wait_with_output().unwrap()
    };
    let made = run(&["setup", "--name", "ada", "--token", "server/setup-token"]);
    assert!(made.status.success(), "{}", said(&made));
    let report = ["license", "report", "--portal", &pages.1, "--portal-cert", &pages.2];
    let current = run(&report);
    assert!(current.status.success() && said(&current).contains("AF-000001  current"), "{}", said(&current));
    let update = ["portal", "file", "new", "ACME", "Berlin", "selection.toml", "--replaces", "AF-000001"];
    office.done(&[&update[..], &["--generate"]].concat());
    let older = run(&report);
    let told = said(&older);
    assert!(older.status.code() == Some(1) && told.contains("superseded by AF-000002"), "{told}");
    assert!(told.contains("Load the file that took its place there."), "{told}");
    office.write("licenses/acme.lic", &office.done(&["portal", "file", "get", "ACME", "AF-000002"]));
    let reread = run(&["reread"]);
    assert!(reread.status.success(), "{}", said(&reread));
    let current = run(&report);
    assert!(current.status.success() && said(&current).contains("AF-000002  current"), "{}", said(&current));
    let second = std::fs::read_to_string(office.path().join("licenses/acme.lic")).unwrap();
    let over = ["portal", "file", "deactivate", "ACME", "AF-000002", "--reason", "the machine was sold"];
    office.done(&over);
    let used = run(&report);
    assert!(
        used.status.code() == Some(1) && said(&used).contains("Load its deactivation file"),
        "{}",
        said(&used)
    );
    assert!(said(&used).contains("AF-000003"), "{}", said(&used));
    office.write("licenses/acme.lic", &office.done(&["portal", "file", "get", "ACME", "AF-000003"]));
    assert!(run(&["reread"]).status.success());
    let take = || {
        let seats = ["checkout", "GIS", "--version", "8.0"];
        office.run(&[&seats[..], &way, &["--", "true"]].concat())
    };
    let granted = take();
    assert!(!granted.status.success(), "{}", said(&granted));
    let current = run(&report);
    assert!(current.status.success() && said(&current).contains("AF-000003  current"), "{}", said(&current));
    office.write("licenses/acme.lic", &second);
    let back = run(&["reread"]);
    let granted = take();
    assert!(
        !granted.status.success(),
        "what was given back is not used again: {} {}",
        said(&back),
        said(&granted)
    );
}

/// The console's page Activate of a license server, as a browser that is signed in asks it.
struct Console {
    agent: ureq::Agent,
    address: String,
    cookie: String,
}

impl Console {
    /// Makes the first administrator, and signs in.
    fn of(office: &Office, server: &str) -> Self {
        let port = server.trim_end_matches("@127.0.0.1");
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let config =
            ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).max_redirects(0);
        let mut console = Self {
            agent: config.max_redirects_will_error(false).build().into(),
            address: format!("https://127.0.0.1:{port}"),
            cookie: String::new(),
        };
        let token = std::fs::read_to_string(office.path().join("server/setup-token")).unwrap();
        let body = serde_json::json!({ "setup_token": token.trim(), "name": "ada", "password": "correct horse battery" });
        let (status, made) = console.post("/v1/admin/setup", "application/json", &body.to_string());
        assert_eq!(status, 201, "{made}");
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        console.cookie = format!("__Host-grantor={}", made["token"].as_str().unwrap());
        console
    }

    fn post(&self, path: &str, kind: &str, body: &str) -> (u16, String) {
        let asked = self.agent.post(format!("{}{path}", self.address)).header("cookie", &self.cookie);
        let asked = asked.header("sec-fetch-site", "same-origin").header("content-type", kind);
        let mut answer = asked.send(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn activate(&self, lrn: &str) -> (u16, String) {
        let form = format!("lrn={lrn}&host_id=ANY");
        self.post("/activate/online", "application/x-www-form-urlencoded", &form)
    }
}

#[test]
fn the_console_activates_an_order_at_the_portal_and_shows_what_it_changes_before_it_is_loaded() {
    let office = Office::of("wfo");
    let _signer = office.signer();
    let lrn = &office.recording_order();
    let pages = office.pages();
    let port = pages.1.rsplit_once(':').unwrap().1.trim().to_owned();
    let root = std::fs::read_to_string(office.path().join("keys/root.pub")).unwrap();
    let portal = format!(
        "[[publishers]]\nname = \"wfo\"\nroot_keys = [\"{}\"]\n\
         [portal]\naddress = \"https://localhost:{port}\"\ncertificates = \"portal-data/server.crt\"\n",
        root.trim()
    );
    std::fs::create_dir(office.path().join("licenses")).unwrap();
    let (_server, at) = office.license_server_with(&portal);
    let console = Console::of(&office, &at);
    let (status, page) = console.activate(lrn);
    assert!(status == 200 && page.contains("Nothing is loaded yet") && page.contains(lrn), "{status} {page}");
    assert!(page.contains("SIGN=") && page.contains("<ins>20</ins>"), "{page}");
    let (status, page) = console.activate("LRN-0000-0000-0000-00");
    assert!(status == 422 && page.contains("the publisher&#39;s portal refused"), "{status} {page}");
    drop(pages);
    let (status, page) = console.activate(lrn);
    assert!(status == 422 && page.contains("portal can&#39;t be asked"), "{status} {page}");
}
