//! A publisher's office: books, keys, people, a signer and one or more portals as processes, a mail server and a web server that
//! keep what they get.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::people::{Details, Person};
use grantor_portal::rights::Role;
use grantor_portal::sealed::Seal;
use grantor_portal::signin::{self, Link};
use grantor_portal::sites;
use grantor_portal::tokens::{self, Scope};
use grantor_portal::{certifications, hooks};
use grantor_web::cookie::Secret;

use crate::books::Books;
use crate::http::{Caller, agent};
use crate::sink::Sink;

const GRANTOR: &str = env!("CARGO_BIN_EXE_grantor");
const CATALOGUES: [&str; 2] = ["pureconnect-4", "wfo"];
pub const STAFF: &str = "ada@example.com";
pub const PASSWORD: &str = "seven purple oxen sing";
const BY: (&str, &str) = ("ann", "2099-12-31");

/// A portal's process, or where it was and will be.
pub struct Portal {
    pub port: u16,
    folder: String,
    child: Option<Child>,
}

pub struct Office {
    pub books: Books,
    pub folder: tempfile::TempDir,
    pub portals: Vec<Portal>,
    signer: Option<Child>,
    pub caller: Caller,
    pub mails: Sink,
    pub hook: Sink,
}

pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Waits for it.
pub fn within<T>(seconds: u64, what: &str, mut is_so: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match is_so() {
            Ok(found) => return found,
            Err(why) => assert!(Instant::now() < end, "it did not happen: {what}: {why}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Kills it as `kill -9` does.
fn kill(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Office {
    /// Everything is made and nothing runs yet. Mail goes to the mail server at `mail_port`; without, to one that keeps it.
    pub fn new(folder: tempfile::TempDir, books: Books, portals: usize, mail_port: Option<u16>) -> Self {
        let (mails, hook) = (Sink::mail("127.0.0.1"), Sink::web());
        let caller = Caller { agent: agent(40), token: String::new(), cookie: String::new() };
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let portal = |at| Portal { port: free(), folder: format!("portal-{at}"), child: None };
        let portals = (0..portals).map(portal).collect();
        let mut office = Self { books, folder, portals, signer: None, caller, mails, hook };
        office.keys();
        let port = mail_port.unwrap_or(office.mails.port);
        (0..office.portals.len()).for_each(|at| office.configure(at, port));
        office.people();
        office
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn keys(&self) {
        self.write("pass", "a long enough passphrase");
        self.done(&["keys", "new", "pc", "--publisher", "pureconnect"]);
        let key = self.done(&["signer", "init", "signer", "--keys", "pc", "--passphrase-file", "pass"]);
        self.write("log.key", &key);
        self.done(&["keys", "new", "wfo", "--publisher", "wfo"]);
        self.done(&["signer", "add", "signer", "--keys", "wfo", "--passphrase-file", "pass"]);
    }

    /// Every portal has a folder of its own with the same key that seals.
    fn configure(&self, at: usize, mail_port: u16) {
        let (portal, address) = (&self.portals[at], &self.books.address);
        let text = format!(
            "listen = \"127.0.0.1:{}\"\naddress = \"https://localhost:{}\"\ndatabase = \"{address}\"\n\
             data_dir = \"{}\"\nstaff_shows_codes = false\n[mail]\nserver = \"smtp://127.0.0.1:{mail_port}\"\n\
             from = \"Licensing <licensing@example.com>\"\n",
            portal.port, self.portals[0].port, portal.folder
        );
        self.write(&format!("{}.toml", portal.folder), &text);
        std::fs::create_dir_all(self.path().join(&portal.folder)).unwrap();
        let seal = |at: usize| self.path().join(&self.portals[at].folder).join("seal.key");
        match at {
            0 => drop(Seal::open(&seal(0)).unwrap()),
            _ => drop(std::fs::copy(seal(0), seal(at)).unwrap()),
        }
    }

    /// Catalogues, an administrator with a token and a visit, and a webhook.
    fn people(&mut self) {
        let store = self.books.store.clone();
        let (token, visit) = (Secret::new("grt_").unwrap(), Secret::new("grs_").unwrap());
        let seal = Seal::open(&self.path().join("portal-0/seal.key")).unwrap();
        let address = format!("http://127.0.0.1:{}/hook", self.hook.port);
        let staff = self.person(STAFF, Role::Administrator, None);
        let file = |name: &str| format!("{}/../../catalogues/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let load = ["portal", "--config", "portal-0.toml", "catalogue", "load"];
        let files = CATALOGUES.map(file);
        self.done(&[&load[..], &[&files[0], &files[1]]].concat());
        self.books.wait(async {
            for name in CATALOGUES {
                certifications::enter(&store, &staff, name, BY.1, (BY.0, now())).await.unwrap();
            }
            let hash = grantor_web::password::hash(PASSWORD).unwrap();
            signin::change_password(&store, &staff, hash, "", now()).await.unwrap();
            signin::passed(&store, staff.id, &visit.hash(), now()).await.unwrap();
            let scopes = BTreeSet::from(Scope::ALL);
            tokens::make(&store, &staff, ("load", &scopes), &token.hash(), 30, now()).await.unwrap();
            let events = BTreeSet::from(["order booked".to_owned(), "file generated".to_owned()]);
            hooks::add(&store, &seal, (address.as_str(), &events), &[7; 32], (BY.0, now())).await.unwrap();
        });
        self.caller.token = token.text().to_owned();
        self.caller.cookie = visit.text().to_owned();
    }

    pub fn person(&self, mail: &str, role: Role, account: Option<&str>) -> Person {
        let details = Details {
            name: mail.split('@').next().unwrap().to_owned(),
            roles: BTreeSet::from([role]),
            account: account.map(str::to_owned),
            active: true,
        };
        let secret = Secret::new("grl_").unwrap();
        let link = Link { portal: "https://localhost", secret: secret.text(), hash: &secret.hash() };
        self.books.wait(signin::invite(&self.books.store, mail, &details, &link, (BY.0, now()))).unwrap()
    }

    /// An account with the site `Berlin` and somebody who gets its license letters.
    pub fn account(&self, reference: &str) {
        let store = &self.books.store;
        let new = NewAccount {
            reference: reference.to_owned(),
            name: format!("{reference} Ltd"),
            kind: Kind::EndUser,
            parent: None,
        };
        self.books.wait(async {
            let account = accounts::create(store, &new, (BY.0, now())).await.unwrap();
            let berlin = sites::Details { name: "Berlin".to_owned(), ..sites::Details::default() };
            sites::create(store, &account, &berlin, (BY.0, now())).await.unwrap();
        });
        let mail = format!("{}@customer.example", reference.to_lowercase());
        self.person(&mail, Role::Customer, Some(reference));
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(GRANTOR);
        command.args(arguments).current_dir(self.path()).env("GRANTOR_SIGNER", "signer/signer.sock");
        command.env_remove("GRANTOR_PORTAL_DATABASE").env("USER", "ann");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that must go well says.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn spawn(&self, name: &str, arguments: &[&str]) -> Option<Child> {
        let log = self.path().join(format!("{name}.log"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        Some(self.command(arguments).stdin(Stdio::null()).stderr(Stdio::from(log)).spawn().unwrap())
    }

    pub fn start_signer(&mut self) {
        let run = ["signer", "run", "signer", "--passphrase-file", "pass"];
        self.signer = self.spawn("signer", &run);
    }

    pub fn kill_signer(&mut self) {
        kill(&mut self.signer);
    }

    pub fn start(&mut self, at: usize) {
        let config = format!("{}.toml", self.portals[at].folder);
        let child = self.spawn(&self.portals[at].folder, &["portal", "serve", "--config", &config]);
        self.portals[at].child = child;
    }

    pub fn kill(&mut self, at: usize) {
        kill(&mut self.portals[at].child);
    }

    /// Starts the signer and all portals, and waits until they serve.
    pub fn open(&mut self) {
        self.start_signer();
        (0..self.portals.len()).for_each(|at| self.start(at));
        (0..self.portals.len()).for_each(|at| self.ready(at));
        self.signer_ready();
    }

    pub fn ready(&self, at: usize) {
        within(60, "the portal serves", || match self.caller.page(&self.url(at, "/healthz")) {
            answer if answer.status == 200 => Ok(()),
            answer => Err(format!("{answer:?}\n{}", self.logs())),
        });
    }

    pub fn signer_ready(&self) {
        let socket = self.path().join("signer/signer.sock");
        within(60, "the signer listens", || {
            let heard = std::os::unix::net::UnixStream::connect(&socket);
            heard.map(drop).map_err(|error| format!("{error}\n{}", self.logs()))
        });
    }

    pub fn url(&self, at: usize, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.portals[at].port)
    }

    /// What the processes said last.
    pub fn logs(&self) -> String {
        let names = self.portals.iter().map(|portal| portal.folder.as_str()).chain(["signer"]);
        let tail = |name: &str| {
            let text = std::fs::read_to_string(self.path().join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("== {name}\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n"))
        };
        names.map(tail).collect()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.portals.iter_mut().for_each(|portal| kill(&mut portal.child));
        kill(&mut self.signer);
    }
}
