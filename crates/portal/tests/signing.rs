//! The signer signs what is in the log and nothing else, whatever is killed in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use grantor_license::{Expiry, LineState, RootKey, SigningKey, Trust, parse, verify};
use grantor_portal::files::{Chosen, Machine, Request, Selection, document, generate, unsigned};
use grantor_portal::ledger::verify_export;
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::signer::{Client, KeysError, Server, SignerError, SignerRefusal, prepare, seal, unseal};
use grantor_portal::signing::{SigningError, sign_all};
use grantor_portal::store::Store;
use grantor_portal::{ledger, log};
use support::{NOW, TODAY, acme, on_both, order};

const SERVER: &str = "SW-001-4.0-SL03";

fn key_file() -> String {
    let root = RootKey::from_seed([1; 32]);
    let key = SigningKey::from_seed([2; 32]);
    let from = "2026-01-01".parse().unwrap();
    let certificate = root.certify("pureconnect", &key.public_key(), from, Expiry::Permanent);
    seal([[2; 32], [3; 32]], &certificate, "correct horse", &[4; 40]).unwrap()
}

/// A signer on a folder that is made ready if it is not, in a thread of this process; it ends with the process.
fn signer(folder: &Path, name: &str) -> (Client, String) {
    let secrets = unseal(&key_file(), "correct horse").unwrap();
    let key = secrets.log_key.clone();
    let socket = folder.join(name);
    if !folder.join("witness.log").exists() {
        prepare(folder).unwrap();
    }
    let server = Server::start(folder, &socket, secrets).unwrap();
    std::thread::spawn(move || server.run());
    (Client::new(&socket), key)
}

/// Plans the license file of ACME's Berlin.
async fn planned(store: &Store, key: &str) -> (grantor_portal::accounts::Account, String) {
    let (account, site) = acme(store).await;
    book(store, &order("1", &[(SERVER, 1)]), "ann", NOW, 1).await.unwrap();
    let selection = Selection {
        catalogue: "pureconnect-4".to_owned(),
        license_type: "production".to_owned(),
        machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "testing".to_owned() },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: None,
        items: vec![Chosen { part: SERVER.to_owned(), quantity: 1, pooled: 0 }],
    };
    let today = TODAY.parse().unwrap();
    let request = Request {
        account: &account,
        site: &site,
        selection: &selection,
        replaces: None,
        by: Actor::House("bob"),
        at: NOW,
        today,
    };
    let number = generate(store, &request, key).await.unwrap();
    (account, number)
}

#[test]
fn a_planned_file_is_signed_and_every_line_of_it_verifies_with_the_root_key() {
    on_both(|store| async move {
        let folder = tempfile::tempdir().unwrap();
        let (client, log_key) = signer(folder.path(), "signer.sock");
        let (account, number) = planned(&store, "1").await;
        assert_eq!(sign_all(&store, &client).await.unwrap(), 1);
        let text = document(&store, &account, &number).await.unwrap();
        let trust = Trust::new().with_root("pureconnect", &RootKey::from_seed([1; 32]).public()).unwrap();
        let states = verify(&parse("license", text.as_bytes()).document, &trust);
        assert!(
            !states.is_empty() && states.iter().all(|(_, state)| *state == LineState::Valid),
            "{states:?}"
        );
        let (size, checkpoint) = log::head(store.read()).await.unwrap();
        let entries = log::entries(store.read(), 0, 10).await.unwrap();
        let exported = ledger::export(entries.iter().map(|entry| entry.body.as_str()), &checkpoint.unwrap());
        assert_eq!(verify_export(&exported, &log_key), Ok(size));
        assert!(verify_export(&exported.replace("\"bob\"", "\"eve\""), &log_key).is_err());
    });
}

#[test]
fn a_file_that_was_planned_while_the_signer_was_away_is_signed_when_it_is_back_and_just_once() {
    on_both(|store| async move {
        let folder = tempfile::tempdir().unwrap();
        let (account, number) = planned(&store, "1").await;
        let away = Client::new(&folder.path().join("nobody"));
        assert!(matches!(sign_all(&store, &away).await, Err(SigningError::Signer(SignerError::Away { .. }))));
        assert_eq!(unsigned(&store).await.unwrap().len(), 1);
        let (client, _) = signer(folder.path(), "signer.sock");
        assert_eq!(sign_all(&store, &client).await.unwrap(), 1);
        let text = document(&store, &account, &number).await.unwrap();
        assert_eq!(sign_all(&store, &client).await.unwrap(), 0);
        assert_eq!(document(&store, &account, &number).await.unwrap(), text);
    });
}

#[test]
fn what_no_entry_of_the_log_names_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (client, _) = signer(folder.path(), "signer.sock");
    let refused = client.sign(0, Vec::new(), vec!["VENDOR pureconnect\n".to_owned()]).unwrap_err();
    assert!(matches!(refused, SignerError::Refused(SignerRefusal::NotInLog(_))), "{refused}");
    let no_entry = client.sign(0, vec!["{".to_owned()], Vec::new()).unwrap_err();
    assert!(matches!(no_entry, SignerError::Refused(SignerRefusal::Entry(0))), "{no_entry}");
    let twice = r#"{"what":"file generated","more":{"sha256":"aa","sha256":"bb"}}"#;
    for entry in ["{\"what\":\n\"a\"}", "{}", "7", twice] {
        let odd = client.sign(0, vec![entry.to_owned()], Vec::new()).unwrap_err();
        assert!(matches!(odd, SignerError::Refused(SignerRefusal::Entry(0))), "{entry}: {odd}");
    }
    let gap = client.sign(3, vec!["{\"what\":\"a\"}".to_owned()], Vec::new()).unwrap_err();
    assert!(matches!(gap, SignerError::Refused(SignerRefusal::Gap { has: 0, from: 3 })), "{gap}");
    assert_eq!(client.size().unwrap(), 0);
}

#[test]
fn a_signer_remembers_the_log_and_books_that_were_cut_back_are_noticed() {
    on_both(|store| async move {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("witness.log");
        let text = "grantor-witness-v1\n{\"what\":\"a\"}\n{\"what\":\"b\"}\n{\"torn\":";
        std::fs::write(&seen, text).unwrap();
        let (client, _) = signer(folder.path(), "signer.sock");
        assert_eq!(client.size().unwrap(), 2, "a line without its end was never answered");
        let cut = sign_all(&store, &client).await.unwrap_err();
        assert!(matches!(cut, SigningError::CutBack { seen: 2, has: 0 }), "{cut}");
    });
}

#[test]
fn a_signer_that_lost_what_it_saw_of_the_log_does_not_start_and_is_not_made_ready_twice() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let secrets = unseal(&key_file(), "correct horse").unwrap();
        Server::start(folder.path(), &folder.path().join("signer.sock"), secrets).map(|_| ())
    };
    assert!(start().unwrap_err().to_string().contains("witness.log"));
    prepare(folder.path()).unwrap();
    start().unwrap();
    prepare(folder.path()).unwrap_err();
    std::fs::write(folder.path().join("witness.log"), "").unwrap();
    assert!(start().unwrap_err().to_string().contains("this is no witness's file"));
}

#[test]
fn two_signers_never_share_a_folder_and_only_their_user_reaches_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_client, _) = signer(folder.path(), "signer.sock");
    let secrets = unseal(&key_file(), "correct horse").unwrap();
    let Err(second) = Server::start(folder.path(), &folder.path().join("other.sock"), secrets) else {
        panic!("two signers on one folder");
    };
    assert!(second.to_string().contains("another signer uses it"), "{second}");
    for file in ["signer.sock", "witness.log"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn nonsense_on_the_socket_ends_its_connection_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (client, _) = signer(folder.path(), "signer.sock");
    let socket: PathBuf = folder.path().join("signer.sock");
    for nonsense in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x02{]", b"\0\0\x10\0short"] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(nonsense).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap_or_default();
        assert_eq!(answer, b"");
    }
    assert_eq!(client.size().unwrap(), 0);
}

#[test]
fn a_key_file_opens_with_its_passphrase_only_and_not_once_it_was_changed() {
    let file = key_file();
    assert!(matches!(unseal(&file, "wrong"), Err(KeysError::Passphrase)));
    assert!(!file.contains("correct horse"));
    let other = file.replace("pureconnect", "somebody");
    assert!(matches!(unseal(&other, "correct horse"), Err(KeysError::Passphrase)));
    assert!(matches!(unseal("{}", "correct horse"), Err(KeysError::NotAKeyFile(_))));
    let greedy = file.replace("\"memory_kib\": 65536", "\"memory_kib\": 4000000000");
    assert!(matches!(unseal(&greedy, "correct horse"), Err(KeysError::NotAKeyFile(_))));
    let shown = format!("{:?}", unseal(&file, "correct horse").unwrap());
    assert!(shown.contains("log_key") && !shown.contains("signing"), "{shown}");
}
