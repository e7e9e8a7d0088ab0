//! The database goes away in the middle of requests: connections are cut, the server loses its power. Whoever asks is told so in
//! words, the same again takes effect once, and what is done in the background goes on.

use std::collections::BTreeSet;

use serde_json::json;

use crate::books::Books;
use crate::check::{self, message_id};
use crate::held::{FOR_UPDATE, Held, cut, interrupted, standing};
use crate::http::Answer;
use crate::office::{Office, within};
use crate::questions::{RECORDING, SERVER, csv, file, order};
use crate::server::Server;

/// Asks, and cuts the connection in the middle of it; then asks the same again.
fn cut_and_again(office: &Office, held: &str, ask: impl Fn() -> Answer + Sync) -> Answer {
    interrupted(office, held, |books| cut(books, FOR_UPDATE), ask)
}

fn office() -> Option<(Server, Office)> {
    let server = Server::new()?;
    let books = Books::postgres(&server.address());
    let mut office = Office::new(tempfile::tempdir().unwrap(), books, 1, None);
    office.account("ACME");
    office.open();
    Some((server, office))
}

fn book(office: &Office, number: &str, part: (&str, &str, u32)) -> Answer {
    let body = order(number, "ACME", &[part]);
    office.caller.program("POST", &office.url(0, "/api/v1/orders"), "", &body)
}

fn generate(office: &Office, key: &str) -> Answer {
    let url = office.url(0, "/api/v1/accounts/ACME/files");
    office.caller.program("POST", &url, key, &file(0, None))
}

fn activate(office: &Office, lrn: &str) -> Answer {
    let asked = json!({ "lrn": lrn, "registration_key": "KEY-0000" });
    office.caller.program("POST", &office.url(0, "/api/v1/activations"), "", &asked)
}

const ONE: (&str, &str, u32) = ("pureconnect-4", SERVER, 1);
const LOG: &str = "log_head";

#[test]
fn a_connection_that_is_cut_in_the_middle_of_a_request_is_told_and_the_same_again_takes_effect_once() {
    let Some((_server, office)) = office() else { return };
    let booked = cut_and_again(&office, LOG, || book(&office, "SO-1", ONE));
    assert_eq!((booked.status, booked.json()["new"].as_bool()), (201, Some(true)));
    let made = cut_and_again(&office, LOG, || generate(&office, "the first file"));
    assert_eq!((made.status, generate(&office, "the first file").json()), (201, made.json()));
    let recording = book(&office, "SO-2", ("wfo", RECORDING, 20)).json();
    let lrn = recording["lrn"].as_str().unwrap();
    let active = cut_and_again(&office, LOG, || activate(&office, lrn));
    assert_eq!((active.status, activate(&office, lrn).json()), (200, active.json()), "{active:?}");
    let page = office.url(0, "/orders/new");
    let form = [
        ("number", "SO-4"),
        ("account", "ACME"),
        ("site", "Berlin"),
        ("product", "pureconnect-4"),
        ("lines", SERVER),
    ];
    let done = cut_and_again(&office, LOG, || office.caller.form(&page, &form));
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(office.books.count("orders"), 3);
    assert_eq!(office.books.count("files"), 2);
    assert_eq!(office.books.count("entitlements where used > 0"), 2);
    check::rests(&office);
}

#[test]
fn an_activation_that_is_cut_between_its_claim_and_its_file_is_gone_on_with() {
    let Some((_server, office)) = office() else { return };
    let booked = book(&office, "SO-1", ("wfo", RECORDING, 20)).json();
    let lrn = booked["lrn"].as_str().unwrap();
    let active = cut_and_again(&office, "entitlements", || activate(&office, lrn));
    assert_eq!((active.status, activate(&office, lrn).json()), (200, active.json()), "{active:?}");
    let log = check::Log::read(&office);
    assert_eq!(log.of("order activated", "/lrn"), BTreeSet::from([lrn.to_owned()]));
    assert_eq!(office.books.count("entitlements where used = 20"), 1);
}

#[test]
fn orders_that_are_booked_in_the_background_go_on_when_their_connection_was_cut() {
    let Some((_server, office)) = office() else { return };
    // More than are booked before the rows are held: that an import begins is in the log, too.
    let numbers: Vec<String> = (1..=400).map(|number| format!("CSV-{number}")).collect();
    let text = csv("ACME", &numbers);
    let url = office.url(0, "/orders/import/book");
    let begun = office.caller.form(&url, &[("text", &text), ("once", "a form")]);
    assert_eq!(begun.status, 303, "{begun:?}");
    let held = Held::rows(&office.books, LOG);
    cut(&office.books, FOR_UPDATE);
    drop(held);
    within(60, "all orders are booked", || match office.books.count("orders") {
        400 => Ok(()),
        few => Err(format!("{few}\n{}", office.logs())),
    });
    check::rests(&office);
    assert_eq!(check::Log::read(&office).of("order booked", "/order/number").len(), 400);
    assert_eq!(office.books.column("select cast(sum(total) as text) from entitlements"), ["800"]);
}

#[test]
fn a_database_that_loses_its_power_is_told_of_in_words_and_everything_goes_on_when_it_is_back() {
    let Some((server, office)) = office() else { return };
    assert_eq!(book(&office, "SO-1", ONE).status, 201);
    within(30, "the letter has come", || {
        let came = office.mails.all().iter().any(|mail| mail.contains("License letter for order SO-1"));
        came.then_some(()).ok_or_else(|| office.logs())
    });
    // A letter is in the mail server's hands, and a request in the middle of its transaction.
    let held_mail = office.mails.hold();
    assert_eq!(book(&office, "SO-2", ONE).status, 201);
    within(30, "a letter is on its way", || office.mails.is_waiting().then_some(()).ok_or_else(String::new));
    let made = interrupted(
        &office,
        LOG,
        |books| {
            standing(books, FOR_UPDATE);
            server.stop();
            drop(held_mail);
            while_it_is_gone(&office);
            server.start();
            office.ready(0);
        },
        || generate(&office, "the first file"),
    );
    assert_eq!((made.status, generate(&office, "the first file").json()), (201, made.json()));
    assert_eq!(book(&office, "SO-3", ONE).status, 201, "it was refused while the database was gone");
    check::rests(&office);
    assert_eq!(office.books.count("orders"), 3);
    let letters = office.mails.all();
    for number in 1..=3 {
        let subject = format!("License letter for order SO-{number}\n");
        let mine = letters.iter().filter(|letter| letter.contains(&subject));
        let ids: BTreeSet<&str> = mine.map(|letter| message_id(letter)).collect();
        assert_eq!(ids.len(), 1, "{number}: {ids:?}");
    }
}

/// Pages and programs are told, and a balancer is.
fn while_it_is_gone(office: &Office) {
    let page = |path: &str| office.caller.page(&office.url(0, path));
    std::thread::scope(|scope| {
        let booked = scope.spawn(|| book(office, "SO-3", ONE));
        let (accounts, health) = (scope.spawn(|| page("/accounts")), scope.spawn(|| page("/healthz")));
        let (accounts, booked) = (accounts.join().unwrap(), booked.join().unwrap());
        assert!(accounts.is_without_books() && accounts.kind.starts_with("text/html"), "{accounts:?}");
        assert!(booked.is_without_books() && booked.kind == "application/problem+json", "{booked:?}");
        assert_eq!(booked.json()["status"], 503);
        assert_eq!(health.join().unwrap().status, 503);
    });
    let front = page("/sign-in");
    assert!(front.status == 200 || front.is_without_books(), "{front:?}");
}
