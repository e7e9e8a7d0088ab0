//! Two portals of one PostgreSQL database behind a balancer, with one signer: whichever is asked, everything happens once.

use std::sync::Barrier;

use serde_json::json;

use crate::books::{Books, server};
use crate::check::{self, Log};
use crate::http::Answer;
use crate::office::{Office, PASSWORD, STAFF};
use crate::questions::{RECORDING, SERVER, csv, file, order};

fn office() -> Option<Office> {
    let books = Books::postgres(&server()?);
    let mut office = Office::new(tempfile::tempdir().unwrap(), books, 2, None);
    office.account("ACME");
    office.open();
    Some(office)
}

/// Asks both portals at the same moment.
fn both(office: &Office, ask: impl Fn(usize, &str) -> Answer + Sync) -> [Answer; 2] {
    let (at_once, ask) = (Barrier::new(2), &ask);
    let urls = [office.url(0, ""), office.url(1, "")];
    std::thread::scope(|scope| {
        let asked = [0, 1].map(|at| {
            let (url, at_once) = (&urls[at], &at_once);
            scope.spawn(move || {
                at_once.wait();
                ask(at, url)
            })
        });
        asked.map(|one| one.join().unwrap())
    })
}

fn statuses(answers: &[Answer; 2]) -> Vec<u16> {
    let mut all: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    all.sort_unstable();
    all
}

fn book(office: &Office, number: &str, part: (&str, &str, u32)) -> Answer {
    let body = order(number, "ACME", &[part]);
    office.caller.program("POST", &office.url(0, "/api/v1/orders"), "", &body)
}

#[test]
fn who_signs_in_at_one_portal_goes_on_at_the_other_and_signs_out_of_both() {
    let Some(mut office) = office() else { return };
    let fields = [("mail", STAFF), ("password", PASSWORD)];
    let signed_in = office.caller.form(&office.url(0, "/sign-in"), &fields);
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let cookie = signed_in.cookie.split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
    office.caller.cookie = cookie;
    let form = [
        ("number", "SO-1"),
        ("account", "ACME"),
        ("site", "Berlin"),
        ("product", "pureconnect-4"),
        ("lines", SERVER),
    ];
    let booked = office.caller.form(&office.url(1, "/orders/new"), &form);
    assert_eq!(booked.status, 303, "{booked:?}");
    assert_eq!(office.caller.page(&office.url(0, &booked.location)).status, 200);
    assert_eq!(office.caller.form(&office.url(0, "/sign-out"), &[]).status, 303);
    let after = office.caller.page(&office.url(1, "/orders"));
    assert!(after.status == 303 && after.location.starts_with("/sign-in"), "{after:?}");
}

#[test]
fn the_same_sent_to_two_portals_at_once_takes_effect_once_and_of_two_that_want_the_last_one_has_it() {
    let Some(office) = office() else { return };
    for round in 0..10 {
        let body = order(&format!("SO-{round}"), "ACME", &[("pureconnect-4", SERVER, 2)]);
        let booked =
            both(&office, |_, url| office.caller.program("POST", &format!("{url}/api/v1/orders"), "", &body));
        assert_eq!(statuses(&booked), [200, 201], "{booked:?}");
        assert_eq!(booked[0].json()["lrn"], booked[1].json()["lrn"]);
        let files = "/api/v1/accounts/ACME/files";
        // The same request at both is the same file, also where there is one license left and no more.
        for time in ["first", "second"] {
            let key = format!("{time} file {round}");
            let same = both(&office, |_, url| {
                office.caller.program("POST", &format!("{url}{files}"), &key, &file(0, None))
            });
            assert_eq!(statuses(&same), [201, 201], "{same:?}");
            assert_eq!(same[0].json(), same[1].json());
        }
        let first = Log::read(&office).of("file generated", "/file").into_iter().next_back().unwrap();
        let end = format!("{files}/{first}/deactivate");
        let ended = both(&office, |_, url| {
            office.caller.program("POST", &format!("{url}{end}"), "", &json!({ "reason": "gone" }))
        });
        assert_eq!(statuses(&ended), [200, 409], "{ended:?}");
        let last = both(&office, |at, url| {
            let key = format!("last of {at} in {round}");
            office.caller.program("POST", &format!("{url}{files}"), &key, &file(0, None))
        });
        assert_eq!(statuses(&last), [201, 422], "{last:?}");
    }
    check::settles(&office);
    assert_eq!(Log::read(&office).of("order booked", "/order/number").len(), 10);
    told_once(&office, 10);
}

#[test]
fn an_order_that_two_installations_activate_at_two_portals_at_once_is_one_installations() {
    let Some(office) = office() else { return };
    for round in 0..5 {
        let booked = book(&office, &format!("SO-{round}"), ("wfo", RECORDING, 5)).json();
        let lrn = booked["lrn"].as_str().unwrap();
        let activate = |url: &str, key: &str| {
            let asked = json!({ "lrn": lrn, "registration_key": key });
            office.caller.program("POST", &format!("{url}/api/v1/activations"), "", &asked)
        };
        let keys = [format!("KEY-{round}-LEFT"), format!("KEY-{round}-RIGHT")];
        let taken = both(&office, |at, url| activate(url, &keys[at]));
        assert_eq!(statuses(&taken), [200, 409], "{taken:?}");
        let winner = taken.iter().position(|answer| answer.status == 200).unwrap();
        let again = both(&office, |_, url| activate(url, &keys[winner]));
        assert_eq!(statuses(&again), [200, 200], "{again:?}");
        assert!(again.iter().all(|one| one.json()["file"] == taken[winner].json()["file"]), "{again:?}");
    }
    check::settles(&office);
    assert_eq!(office.books.count("files"), 5);
}

#[test]
fn an_import_sent_to_two_portals_is_one_is_booked_by_both_and_outlives_either() {
    let Some(mut office) = office() else { return };
    let text = csv("ACME", &(1..=60).map(|number| format!("CSV-{number}")).collect::<Vec<_>>());
    let begun = both(&office, |_, url| {
        office.caller.form(&format!("{url}/orders/import/book"), &[("text", &text), ("once", "a form")])
    });
    assert_eq!(statuses(&begun), [303, 303], "{begun:?}");
    assert_eq!(begun[0].location, begun[1].location);
    // The same orders by another form, at the same time.
    let other = [("text", text.as_str()), ("once", "another form")];
    let other = office.caller.form(&office.url(1, "/orders/import/book"), &other);
    assert_eq!(other.status, 303, "{other:?}");
    office.kill(0);
    office.books.time_passes();
    check::rests(&office);
    assert_eq!(Log::read(&office).of("order booked", "/order/number").len(), 60);
    assert_eq!(office.books.column("select cast(sum(total) as text) from entitlements"), ["120"]);
    let undecided = "imported_orders where state not in ('booked', 'before')";
    assert_eq!((office.books.count("imports"), office.books.count(undecided)), (2, 0));
}

/// Nobody was killed: each letter came once, and each entry was told once.
fn told_once(office: &Office, orders: usize) {
    let letters = office.mails.all();
    let of_orders = letters.iter().filter(|letter| letter.contains("License letter for order"));
    assert_eq!(of_orders.count(), orders);
    let calls = office.hook.all();
    let mut ids: Vec<&str> =
        calls.iter().filter_map(|call| call.lines().find(|line| line.starts_with("webhook-id"))).collect();
    let told = ids.len();
    ids.sort_unstable();
    ids.dedup();
    let log = Log::read(office);
    let wanted = log.of("order booked", "/order/number").len() + log.of("file generated", "/file").len();
    assert_eq!((told, ids.len()), (wanted, wanted));
}
