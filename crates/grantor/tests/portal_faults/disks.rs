//! SQLite on a disk that has no room, or may not be written: whoever asks is told so in words, nothing is half-applied, and
//! everything goes on when there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::books::Books;
use crate::check;
use crate::http::Answer;
use crate::office::{Office, within};
use crate::questions::{RECORDING, SERVER, csv, file, order};

/// A small disk; gone when dropped.
struct SmallDisk(PathBuf);

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
}

impl SmallDisk {
    /// `None`, and a word on it: this machine mounts nothing for us.
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        if mount(&["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"], &at) {
            return Some(Self(at));
        }
        eprintln!("SKIPPED: this needs the right to mount a small disk");
        None
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Writes until there is no room left.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Whether it may be written from now on.
    fn may_be_written(&self, may: bool) -> bool {
        mount(&["-o", if may { "remount,rw" } else { "remount,ro" }], &self.0)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Books on a small disk; everything else is elsewhere.
fn office() -> Option<(Office, SmallDisk)> {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(folder.path().join("books"))?;
    let books = Books::sqlite(&disk.0.join("portal.db"));
    let mut office = Office::new(folder, books, 1, None);
    office.account("ACME");
    office.open();
    Some((office, disk))
}

fn book(office: &Office, number: &str, part: (&str, &str, u32)) -> Answer {
    let body = order(number, "ACME", &[part]);
    office.caller.program("POST", &office.url(0, "/api/v1/orders"), "", &body)
}

/// How many there are of everything that an order or a file writes.
fn counts(office: &Office) -> Vec<u64> {
    let tables =
        ["orders", "order_lines", "entitlements where used > 0", "files", "file_items", "log_entries"];
    let more = ["activations", "imports", "mails"];
    tables.iter().chain(&more).map(|table| office.books.count(table)).collect()
}

/// Asks when there is no room for anything more, then the same again when there is.
fn full_and_again(office: &Office, disk: &SmallDisk, ask: impl Fn() -> Answer) -> Answer {
    // When somebody was last here is noted once a minute: not in the middle of this.
    assert_eq!(office.caller.page(&office.url(0, "/accounts")).status, 200);
    let accounts = office.url(0, "/api/v1/accounts");
    assert_eq!(office.caller.program("GET", &accounts, "", &serde_json::Value::Null).status, 200);
    // What the file of changes had room for is given back.
    within(30, "the file of changes is empty", || {
        let done = office.books.checkpoint();
        let left = std::fs::metadata(disk.0.join("portal.db-wal")).unwrap().len();
        if left == 0 { Ok(()) } else { Err(format!("{left} bytes, {done:?}\n{}", office.logs())) }
    });
    disk.fill();
    let before = counts(office);
    let first = ask();
    assert!(first.is_without_books(), "{first:?}\n{}", office.logs());
    assert_eq!(counts(office), before, "half of it was applied");
    disk.free();
    ask()
}

#[test]
fn a_portal_whose_disk_is_full_says_so_applies_nothing_by_halves_and_goes_on_when_there_is_room() {
    let Some((office, disk)) = office() else { return };
    for round in 1..=3 {
        let number = format!("SO-{round}");
        let booked = full_and_again(&office, &disk, || book(&office, &number, ("pureconnect-4", SERVER, 1)));
        assert_eq!((booked.status, booked.json()["new"].as_bool()), (201, Some(true)), "{booked:?}");
    }
    let url = office.url(0, "/api/v1/accounts/ACME/files");
    let made = full_and_again(&office, &disk, || {
        office.caller.program("POST", &url, "the first file", &file(0, None))
    });
    assert_eq!((made.status, made.json()["file"].as_str()), (201, Some("AF-000001")), "{made:?}");
    let lrn = book(&office, "SO-W", ("wfo", RECORDING, 20)).json()["lrn"].as_str().unwrap().to_owned();
    let url = office.url(0, "/api/v1/activations");
    let asked = json!({ "lrn": lrn, "registration_key": "KEY-0000" });
    let active = full_and_again(&office, &disk, || office.caller.program("POST", &url, "", &asked));
    assert_eq!((active.status, active.json()["file"].as_str()), (200, Some("AF-000002")), "{active:?}");
    let text = csv("ACME", &["CSV-1".to_owned(), "CSV-2".to_owned()]);
    let url = office.url(0, "/orders/import/book");
    let form = [("text", text.as_str()), ("once", "a form")];
    let begun = full_and_again(&office, &disk, || office.caller.form(&url, &form));
    assert_eq!(begun.status, 303, "{begun:?}");
    within(60, "the orders are booked", || match office.books.count("orders") {
        6 => Ok(()),
        few => Err(format!("{few}\n{}", office.logs())),
    });
    check::rests(&office);
}

#[test]
fn a_portal_whose_books_may_not_be_written_does_not_start_and_says_what_is_wrong() {
    let Some((mut office, disk)) = office() else { return };
    assert_eq!(book(&office, "SO-1", ("pureconnect-4", SERVER, 1)).status, 201);
    check::rests(&office);
    office.kill(0);
    let address = office.books.address.clone();
    office.books.close();
    assert!(disk.may_be_written(false));
    let refused = office.run(&["portal", "--database", &address, "serve", "--config", "portal-0.toml"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(5) && told.contains("the books can't be opened"), "{told}");
    assert!(disk.may_be_written(true));
    office.start(0);
    office.ready(0);
    assert_eq!(book(&office, "SO-1", ("pureconnect-4", SERVER, 1)).status, 200, "it is booked already");
}
