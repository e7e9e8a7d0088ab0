//! What takes several steps is killed or cut between two of them, and goes on when it is asked for again.

use std::process::Stdio;

use grantor_portal::keys::{self, Wish};
use grantor_portal::people;
use grantor_portal::rights::Role;
use serde_json::json;

use crate::books::{Books, server};
use crate::check::{self, Log};
use crate::held::{Held, cut, interrupted, standing};
use crate::http::Answer;
use crate::office::{Office, STAFF, now};
use crate::questions::{RECORDING, SERVER, file, order};

fn office() -> Option<Office> {
    let books = Books::postgres(&server()?);
    let mut office = Office::new(tempfile::tempdir().unwrap(), books, 1, None);
    office.account("ACME");
    office.open();
    Some(office)
}

fn program(office: &Office, path: &str, key: &str, body: &serde_json::Value) -> Answer {
    office.caller.program("POST", &office.url(0, path), key, body)
}

#[test]
fn a_move_that_is_cut_between_its_file_and_its_binding_is_gone_on_with_and_counts_once() {
    let Some(office) = office() else { return };
    let body = order("SO-1", "ACME", &[("wfo", RECORDING, 20)]);
    let lrn = program(&office, "/api/v1/orders", "", &body).json()["lrn"].as_str().unwrap().to_owned();
    let activate = |key: &str| {
        program(&office, "/api/v1/activations", "", &json!({ "lrn": lrn, "registration_key": key }))
    };
    assert_eq!(activate("KEY-OLD-0000").status, 200);
    let url = office.url(0, "/accounts/ACME/files/AF-000001/move");
    let form = [("registration_key", "KEY-NEW-0000"), ("reason", "a new machine"), ("key", "a form")];
    let gone = |books: &Books| cut(books, "update \"activations\"%");
    let moved = interrupted(&office, "activations", gone, || office.caller.form(&url, &form));
    assert_eq!(moved.status, 303, "{moved:?}");
    let again = office.caller.form(&url, &form);
    assert_eq!((again.status, &again.location), (303, &moved.location));
    check::settles(&office);
    assert_eq!((office.books.count("moves"), office.books.count("files")), (1, 2));
    assert_eq!(office.books.count("entitlements where used = 20"), 1);
    assert_eq!(Log::read(&office).of("license moved", "/to").len(), 1);
    // Numbers of files that were not made are not given again.
    let file = activate("KEY-NEW-0000").json()["file"].as_str().unwrap().to_owned();
    assert!(again.location.contains(&file), "{file}: {again:?}");
    assert_eq!(activate("KEY-OLD-0000").status, 409);
}

/// Another key signs for PureConnect from now on; gives the id of the one before.
fn another_key(office: &Office) -> String {
    let before = std::fs::read_to_string(office.path().join("pc/signing.cert")).unwrap();
    let public = office.done(&["signer", "new-key", "signer", "--passphrase-file", "pass"]);
    office.done(&["keys", "certify", "pc", &public, "--output", "new.cert"]);
    let line = std::fs::read_to_string(office.path().join("new.cert")).unwrap();
    office.person("bob@example.com", Role::Administrator, None);
    let store = &office.books.store;
    office.books.wait(async {
        let ada = people::by_mail(store.read(), STAFF).await.unwrap();
        let bob = people::by_mail(store.read(), "bob@example.com").await.unwrap();
        let wish = Wish::Use(line.trim().to_owned());
        let asked = keys::ask(store, &wish, "a drill", &ada, now()).await.unwrap();
        keys::approve(store, asked.id, &bob, now()).await.unwrap();
    });
    before.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn signing_anew_that_is_killed_between_two_files_goes_on_with_the_rest_and_tells_of_each_once() {
    const FILES: usize = 8;
    let Some(mut office) = office() else { return };
    let body = order("SO-1", "ACME", &[("pureconnect-4", SERVER, 8)]);
    assert_eq!(program(&office, "/api/v1/orders", "", &body).status, 201);
    for number in 0..FILES {
        let key = format!("file number {number}");
        assert_eq!(program(&office, "/api/v1/accounts/ACME/files", &key, &file(0, None)).status, 201);
    }
    check::settles(&office);
    let old = another_key(&office);
    // The signer finds the key that it just made at its next start.
    office.kill_signer();
    office.start_signer();
    office.signer_ready();
    let database = office.books.address.clone();
    let words = ["portal", "--database", &database, "key", "sign-anew", &old];
    for reached in [2, 5] {
        let held = Held::rows(&office.books, &format!("files where id = {reached}"));
        let mut half = office.command(&words);
        let mut half = half.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        standing(&office.books, "update \"files\"%");
        half.kill().unwrap();
        half.wait().unwrap();
        drop(held);
    }
    office.done(&words);
    assert_eq!(office.done(&words), "0 signed anew");
    check::settles(&office);
    assert_eq!(Log::read(&office).of("file signed anew", "/file").len(), FILES);
    assert_eq!(office.books.count("mails where subject like 'Please replace the license file %'"), 8);
    assert_eq!(office.books.count(&format!("files where signing_key = '{old}'")), 0);
}
