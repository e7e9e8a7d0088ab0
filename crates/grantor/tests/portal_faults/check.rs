//! When everything has come to rest: what clients were told is there exactly once, and nothing else; the log has every step once,
//! the signer remembers a log that begins the books' own, and what is used is what active files have.

use std::collections::{BTreeMap, BTreeSet};

use grantor_license::parse;
use serde_json::Value;

use crate::load::{Client, Load, POOL, Told};
use crate::office::{Office, within};
use crate::questions::{CLIENTS, RECORDING, SERVER};

/// As [`settles`], where a process was killed: what was in its hands is left to others after a while, which goes by at once.
pub fn rests(office: &Office) {
    office.books.time_passes();
    settles(office);
}

/// Waits until every import is booked, every file signed, every letter sent, every entry told and seen by the signer.
pub fn settles(office: &Office) {
    let books = &office.books;
    let waits = [
        ("imports", "imports where ended_at is null"),
        ("files without signature", "files where signed is null"),
        ("mail", "mails where sent_at is null"),
        ("webhooks", "hooks, log_head where next_position < size"),
    ];
    within(120, "everything comes to rest", || {
        let left: Vec<String> =
            waits.iter().map(|(what, from)| format!("{} {what}", books.count(from))).collect();
        let idle = left.iter().all(|one| one.starts_with("0 "));
        if idle { Ok(()) } else { Err(format!("{left:?}\n{}", office.logs())) }
    });
    // The signer is shown what came last, also when there is nothing to sign.
    let database = books.address.clone();
    office.done(&["portal", "--database", &database, "sign"]);
}

/// Everything, once it has come to rest.
pub fn all(office: &Office, load: &Load, clients: &[Client]) {
    let told = load.told.lock().unwrap();
    let log = Log::read(office);
    orders(office, &told, &log);
    files(office, &told, &log, clients);
    used(office, clients);
    letters(office);
    hooks(office, &log);
    signatures(office);
    audit(office, log.0.len());
}

/// The log's entries.
pub struct Log(Vec<Value>);

impl Log {
    pub fn read(office: &Office) -> Self {
        let bodies = office.books.column("select body from log_entries order by position");
        Self(bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect())
    }

    /// What entries of a kind are about, each once.
    pub fn of(&self, what: &str, field: &str) -> BTreeSet<String> {
        let some = self.0.iter().filter(|entry| entry["what"] == what);
        let mut all = BTreeSet::new();
        for entry in some {
            let about = entry["more"].pointer(field).and_then(Value::as_str).unwrap().to_owned();
            assert!(all.insert(about), "logged twice: {entry}");
        }
        all
    }
}

/// A query's first column, each once.
fn set(office: &Office, sql: &str) -> BTreeSet<String> {
    let all = office.books.column(sql);
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "something is there twice: {sql}");
    set
}

fn orders(office: &Office, told: &Told, log: &Log) {
    let booked = set(office, "select number from orders");
    let asked: BTreeSet<String> = told.orders.keys().chain(&told.imported).cloned().collect();
    assert_eq!(booked, asked, "orders that were acknowledged, and those that are there");
    assert_eq!(log.of("order booked", "/order/number"), booked);
    let lrns: BTreeMap<String, String> = office
        .books
        .rows("select number, lrn from orders")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    for (number, lrn) in &told.orders {
        assert_eq!(&lrns[number], lrn, "{number}");
    }
    let undecided = "imported_orders where state not in ('booked', 'before')";
    assert_eq!(office.books.count(undecided), 0, "an imported order was refused or left");
}

fn files(office: &Office, told: &Told, log: &Log, clients: &[Client]) {
    let rows = office
        .books
        .rows("select request, cast(id as text), cast(active as text), coalesce(ended, '') from files");
    let number = |row: &Vec<String>| format!("AF-{:06}", row[1].parse::<i64>().unwrap());
    let by_program: BTreeMap<String, String> =
        rows.iter().filter_map(|row| Some((row[0].split_once("/api/")?.1.to_owned(), number(row)))).collect();
    assert_eq!(by_program, told.files, "files that were acknowledged, and those that are there");
    let numbers: BTreeSet<String> = rows.iter().map(number).collect();
    assert_eq!(log.of("file generated", "/file"), numbers);
    let ended: BTreeSet<String> =
        rows.iter().filter(|row| row[3] == "the machine is gone").map(number).collect();
    assert_eq!(ended, told.ended);
    assert_eq!(log.of("file deactivated", "/file"), told.ended);
    assert_eq!(log.of("order activated", "/lrn"), told.activated);
    assert_eq!(log.of("license moved", "/to"), told.moved);
    assert_eq!(set(office, "select to_key from moves"), told.moved);
    let active: BTreeSet<String> =
        rows.iter().filter(|row| ["1", "true"].contains(&row[2].as_str())).map(number).collect();
    for client in clients {
        let known = client.files.keys().chain(&client.installation.1);
        known.for_each(|file| assert!(active.contains(file), "{file} was ended by nobody"));
    }
}

/// What is used is what active files have, and what each client knows of its own account.
fn used(office: &Office, clients: &[Client]) {
    let has = "coalesce((select sum(quantity) from file_items join files on files.id = file_id \
               where files.active and entitlement_id = entitlements.id), 0)";
    let wrong = office.books.rows(&format!(
        "select part, cast(used as text), cast({has} as text) from entitlements where used <> {has}"
    ));
    assert!(wrong.is_empty(), "used, and in active files: {wrong:?}");
    assert_eq!(office.books.count("entitlements where used > total or used < 0"), 0);
    for client in clients {
        let rows = office.books.rows(&format!(
            "select part, cast(sum(used) as text) from entitlements join accounts on accounts.id = account_id \
             where reference = '{}' group by part",
            client.account
        ));
        let used: BTreeMap<&str, u32> =
            rows.iter().map(|row| (row[0].as_str(), row[1].parse().unwrap())).collect();
        let of = |part: &str| used.get(part).copied().unwrap_or(0);
        assert_eq!(of(SERVER), u32::try_from(client.files.len()).unwrap(), "{}", client.account);
        assert_eq!(of(CLIENTS), client.files.values().sum::<u32>(), "{}", client.account);
        assert_eq!(of(RECORDING), client.installation.2, "{}", client.account);
    }
    let total = format!(
        "select cast(sum(total) as text) from entitlements join accounts on accounts.id = account_id \
         where reference = '{POOL}' and part = '{SERVER}'"
    );
    assert_eq!(office.books.column(&total).concat(), "3");
}

/// One letter for each order, under one Message-ID, which came at least once.
fn letters(office: &Office) {
    let rows = office.books.rows(
        "select subject, message_id from mails where subject like 'License letter for order %' order by id",
    );
    let letters: BTreeMap<&str, &str> =
        rows.iter().map(|row| (row[0].rsplit(' ').next().unwrap(), row[1].as_str())).collect();
    assert_eq!(letters.len(), rows.len(), "an order has two letters");
    let orders = set(office, "select number from orders");
    assert_eq!(orders, letters.keys().map(|order| (*order).to_owned()).collect());
    let came = office.mails.all();
    for (order, id) in letters {
        let mine: BTreeSet<&str> = came
            .iter()
            .filter(|mail| mail.contains(&format!("License letter for order {order}\n")))
            .map(|mail| message_id(mail))
            .collect();
        assert_eq!(mine, BTreeSet::from([id]), "{order}");
    }
}

/// Without its brackets.
pub fn message_id(mail: &str) -> &str {
    let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// Webhooks were told each entry that they want at least once, always under its own number.
fn hooks(office: &Office, log: &Log) {
    let mut told: BTreeMap<u64, String> = BTreeMap::new();
    for call in office.hook.all() {
        // Whoever was killed while it told did not come to the end.
        let Some((head, body)) = call.split_once("\n\n") else { continue };
        let Ok(body) = serde_json::from_str::<Value>(body.trim()) else { continue };
        let id = head.lines().find_map(|line| line.strip_prefix("webhook-id: log-")).unwrap();
        let what = body["type"].as_str().unwrap().replace('.', " ");
        let before = told.insert(id.trim().parse().unwrap(), what.clone());
        assert!(before.is_none_or(|before| before == what), "told of another thing under the same number");
    }
    let wanted = (0u64..).zip(&log.0).filter_map(|(at, entry)| Some((at, entry["what"].as_str()?)));
    let added = log.0.iter().position(|entry| entry["what"] == "hook added").unwrap() as u64;
    let wanted: BTreeMap<u64, String> = wanted
        .filter(|(at, what)| *at > added && ["order booked", "file generated"].contains(what))
        .map(|(at, what)| (at, what.to_owned()))
        .collect();
    assert_eq!(told, wanted);
}

/// Every file has its signatures, which are valid, and every signed line comes from a file that the log has.
fn signatures(office: &Office) {
    let rows = office.books.rows("select cast(id as text), catalogue, unsigned, signed from files");
    let folder = office.path().join("signed");
    std::fs::create_dir_all(&folder).unwrap();
    let database = office.books.address.clone();
    let mut origin = vec!["portal".to_owned(), "--database".to_owned(), database];
    origin.extend(["key".to_owned(), "origin".to_owned()]);
    for row in &rows {
        let path = folder.join(format!("{}.lic", row[0]));
        std::fs::write(&path, &row[3]).unwrap();
        origin.push(path.display().to_string());
        let lines = |text: &str| parse("license", text.as_bytes()).document.statements().len();
        assert!(lines(&row[2]) > 0 && row[3].contains("SIGN="), "{row:?}");
    }
    if rows.is_empty() {
        return;
    }
    let words: Vec<&str> = origin.iter().map(String::as_str).collect();
    let told = office.done(&words);
    assert!(!told.contains("NOT IN THE LOG"), "{told}");
    // Verifying is the same for each; a few of each publisher do.
    for (catalogue, publisher, root) in [("pureconnect-4", "pureconnect", "pc"), ("wfo", "wfo", "wfo")] {
        let root = std::fs::read_to_string(office.path().join(root).join("root.pub")).unwrap();
        let root = format!("{publisher}={}", root.trim());
        for row in rows.iter().filter(|row| row[1] == catalogue).rev().take(5) {
            let file = format!("signed/{}.lic", row[0]);
            let told = office.done(&["license", "verify", &file, "--root", &root]);
            assert!(told.lines().all(|line| line.ends_with(": valid")), "{told}");
        }
    }
}

/// The exported log verifies offline, and is all there is; the signer remembers the same.
fn audit(office: &Office, entries: usize) {
    let database = office.books.address.clone();
    let log = office.done(&["portal", "--database", &database, "log"]);
    office.write("log.txt", &format!("{log}\n"));
    let key = std::fs::read_to_string(office.path().join("log.key")).unwrap();
    let verified = office.done(&["audit", "verify", "log.txt", "--key", key.trim()]);
    assert_eq!(verified, format!("log.txt: {entries} entries, all as they were signed"));
    let seen = std::fs::read_to_string(office.path().join("signer/witness.log")).unwrap();
    let seen: Vec<&str> = seen.lines().skip(1).collect();
    let bodies = office.books.column("select body from log_entries order by position");
    assert!(seen.len() <= bodies.len(), "the signer has seen what is not in the books");
    assert!(seen.iter().zip(&bodies).all(|(seen, body)| seen == body), "the signer saw another log");
}
