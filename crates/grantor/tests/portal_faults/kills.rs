//! Portal and signer are killed at any moment, under load.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::books::{Books, server};
use crate::load::{self, Dice, POOL};
use crate::office::Office;
use crate::questions::{SERVER, order};
use crate::{check, means};

/// Three clients, and an account whose three licenses are too few for them.
fn office(folder: tempfile::TempDir, books: Books, portals: usize) -> Office {
    let mut office = Office::new(folder, books, portals, None);
    ["C0", "C1", "C2", POOL].iter().for_each(|account| office.account(account));
    office.open();
    office
}

/// Few licenses for all, known to the load as its first order.
fn few(office: &Office, load: &load::Load) {
    let body = order("SO-POOL", POOL, &[("pureconnect-4", SERVER, 3)]);
    let answer = office.caller.program("POST", &office.url(0, "/api/v1/orders"), "", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    let lrn = answer.json()["lrn"].as_str().unwrap().to_owned();
    load.told.lock().unwrap().orders.insert("SO-POOL".to_owned(), lrn);
}

fn killed_at_random(mut office: Office) {
    let rounds = means::rounds(8, 150);
    let (began, mut dice) = (Instant::now(), Dice::new());
    let mut kills = (0, 0);
    let name = office.books.name;
    let (load, clients) = load::under(&mut office, 3, &mut dice, |office, load, dice| {
        few(office, load);
        for _ in 0..rounds {
            load.more(10 + dice.roll(20));
            // Any moment between two answers: no thing to wait for.
            std::thread::sleep(Duration::from_micros(dice.roll(40_000)));
            let (portal, signer) = [(true, false), (false, true), (true, true)][dice.roll(3) as usize];
            if portal {
                let one = dice.roll(office.portals.len() as u64) as usize;
                office.kill(one);
                office.start(one);
                kills.0 += 1;
            }
            if signer {
                office.kill_signer();
                office.start_signer();
                kills.1 += 1;
            }
        }
        (0..office.portals.len()).for_each(|at| office.ready(at));
        office.signer_ready();
    });
    check::rests(&office);
    check::all(&office, &load, &clients);
    let count = |what: &std::sync::atomic::AtomicU64| what.load(Ordering::Relaxed);
    let told = load.told.lock().unwrap();
    let result = format!(
        "{} portals and {} signers killed; {} answers, {} questions asked again; {} orders, {} files, {} ended, {} activated, \
         {} moved, {} imported: each once, all signed and logged; {:.0?}",
        kills.0,
        kills.1,
        count(&load.answers),
        count(&load.repeated),
        told.orders.len(),
        told.files.len(),
        told.ended.len(),
        told.activated.len(),
        told.moved.len(),
        told.imported.len(),
        began.elapsed()
    );
    means::report("portal", &format!("portal and signer killed at random, {name}"), rounds, &result);
}

#[test]
fn portal_and_signer_killed_at_any_moment_lose_nothing_double_nothing_and_sign_nothing_unlogged_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let books = Books::sqlite(&folder.path().join("portal.db"));
    killed_at_random(office(folder, books, 1));
}

#[test]
fn portal_and_signer_killed_at_any_moment_lose_nothing_double_nothing_and_sign_nothing_unlogged_on_postgresql()
 {
    let Some(server) = server() else { return };
    killed_at_random(office(tempfile::tempdir().unwrap(), Books::postgres(&server), 1));
}

#[test]
fn of_two_portals_of_one_database_either_is_killed_at_any_moment_and_the_other_goes_on() {
    let Some(server) = server() else { return };
    killed_at_random(office(tempfile::tempdir().unwrap(), Books::postgres(&server), 2));
}
