//! The signer signs what is in the log and nothing else, whatever is killed in between.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_license::{Expiry, LineState, RootKey, SigningKey, Trust, parse, verify};
use grantor_portal::files::{Chosen, Machine, Request, Selection, document, generate, unsigned};
use grantor_portal::ledger::verify_export;
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::signer::{
    Client, Config, KeysError, PublisherConfig, Ring, Server, SignerError, SignerRefusal, prepare, seal_key,
    seal_log, unseal_key, unseal_log,
};
use grantor_portal::signing::{SigningError, sign_all};
use grantor_portal::store::Store;
use grantor_portal::{accounts, ledger, log, sites};
use sea_orm::ConnectionTrait;

const SERVER: &str = "SW-001-4.0-SL03";

/// A publisher whose root key and signing key have these seeds.
fn publisher(name: &str, root: u8, signing: u8) -> (PublisherConfig, SigningKey) {
    let (root, key) = (RootKey::from_seed([root; 32]), SigningKey::from_seed([signing; 32]));
    let from = "2026-01-01".parse().unwrap();
    let certificate = root.certify(name, &key.public_key(), from, Expiry::Permanent).to_line();
    (PublisherConfig { name: name.to_owned(), root_keys: vec![root.public()], certificate }, key)
}

fn ring_of(publishers: Vec<(PublisherConfig, SigningKey)>) -> Ring {
    let (publishers, keys) = publishers.into_iter().unzip();
    let (sealed, _) = seal_log("house", &[3; 32], "correct horse", &[4; 40]).unwrap();
    let config = Config { publishers, token: None };
    Ring::new(unseal_log(&sealed, "correct horse").unwrap(), &config, keys, None).unwrap()
}

fn ring() -> Ring {
    ring_of(vec![publisher("pureconnect", 1, 2), publisher("genesys.d", 11, 12)])
}

/// A signer on a folder that is made ready if it is not, in a thread of this process; it ends with the process.
fn signer(folder: &Path, name: &str) -> (Client, String) {
    let ring = ring();
    let key = ring.log_key.clone();
    let socket = folder.join(name);
    if !folder.join("witness.log").exists() {
        prepare(folder).unwrap();
    }
    let server = Server::start(folder, &socket, ring).unwrap();
    std::thread::spawn(move || server.run());
    (Client::new(&socket), key)
}

/// Plans the license file of ACME's Berlin.
async fn planned(store: &Store, key: &str) -> (grantor_portal::accounts::Account, String) {
    acme(store).await;
    planned_of(store, key).await
}

/// The same where ACME is known.
async fn planned_of(store: &Store, key: &str) -> (grantor_portal::accounts::Account, String) {
    let account = accounts::find(store.read(), "ACME").await.unwrap();
    let site = sites::find(store.read(), &account, "Berlin").await.unwrap();
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
        assert_eq!(unsigned(&store, None).await.unwrap().len(), 1);
        let (client, _) = signer(folder.path(), "signer.sock");
        assert_eq!(sign_all(&store, &client).await.unwrap(), 1);
        let text = document(&store, &account, &number).await.unwrap();
        assert_eq!(sign_all(&store, &client).await.unwrap(), 0);
        assert_eq!(document(&store, &account, &number).await.unwrap(), text);
    });
}

/// Files without number that no entry of the log names, before all others: so the signer refuses each.
async fn stray_files(store: &Store, count: usize) {
    let row = |number: usize| {
        format!(
            "('stray/{number}', 1, 1, 1, 'pureconnect-4', 'production', 'LRN-0', 'ANY', 'host', '', '', 1, '9999-12-31', \
             '2026-01-01', 'ann', 1, true, 'VENDOR pureconnect\n# {number}\n')"
        )
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    let columns = "request, account_id, site_id, edition_id, catalogue, license_type, lrn, host_id, machine, system_type, \
        mail_connector, generation, last_day, generated_on, generated_by, generated_at, active, unsigned";
    let insert = format!("insert into files ({columns}) values {}", rows.join(", "));
    store.read().execute_unprepared(&insert).await.unwrap();
}

#[test]
fn a_file_is_signed_however_many_before_it_can_not_be() {
    on_both(|store| async move {
        let folder = tempfile::tempdir().unwrap();
        let (client, _) = signer(folder.path(), "signer.sock");
        acme(&store).await;
        stray_files(&store, 1001).await;
        let (account, number) = planned_of(&store, "1").await;
        let refused = sign_all(&store, &client).await.unwrap_err();
        assert!(matches!(refused, SigningError::Signer(SignerError::Refused(_))), "{refused}");
        assert!(document(&store, &account, &number).await.unwrap().contains("SIGN="));
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
fn a_line_that_was_torn_in_the_middle_of_a_letter_was_never_answered_either() {
    let folder = tempfile::tempdir().unwrap();
    let text = "grantor-witness-v1\n{\"what\":\"a\"}\n{\"what\":\"Z\u{fc}rich";
    let torn = text.find('\u{fc}').unwrap() + 1;
    std::fs::write(folder.path().join("witness.log"), &text.as_bytes()[..torn]).unwrap();
    let (client, _) = signer(folder.path(), "signer.sock");
    assert_eq!(client.size().unwrap(), 1);
    client.sign(1, vec!["{\"what\":\"b\"}".to_owned()], Vec::new()).unwrap();
    let kept = std::fs::read_to_string(folder.path().join("witness.log")).unwrap();
    assert_eq!(kept, "grantor-witness-v1\n{\"what\":\"a\"}\n{\"what\":\"b\"}\n");
}

#[test]
fn a_signer_that_lost_what_it_saw_of_the_log_does_not_start_and_is_not_made_ready_twice() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Server::start(folder.path(), &folder.path().join("signer.sock"), ring()).map(|_| ());
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
    let Err(second) = Server::start(folder.path(), &folder.path().join("other.sock"), ring()) else {
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
    let file = seal_key(&[2; 32], "correct horse", &[4; 40]).unwrap();
    assert_eq!(unseal_key(&file, "correct horse").unwrap().id(), SigningKey::from_seed([2; 32]).id());
    assert!(matches!(unseal_key(&file, "wrong"), Err(KeysError::Passphrase)));
    assert!(!file.contains("correct horse"));
    let other = file.replace(&SigningKey::from_seed([2; 32]).id(), "0123456789abcdef");
    assert!(matches!(unseal_key(&other, "correct horse"), Err(KeysError::Passphrase)));
    assert!(matches!(unseal_key("{}", "correct horse"), Err(KeysError::NotAKeyFile(_))));
    let greedy = file.replace("\"memory_kib\": 65536", "\"memory_kib\": 4000000000");
    assert!(matches!(unseal_key(&greedy, "correct horse"), Err(KeysError::NotAKeyFile(_))));
    assert!(matches!(unseal_log(&file, "correct horse"), Err(KeysError::NotAKeyFile(_))), "of other use");
    let shown = format!("{:?}", ring());
    assert!(shown.contains("log_key") && !shown.contains("keys"), "{shown}");
}

/// A log of these entries, and files that the last entries name.
struct Told {
    client: Client,
    seen: std::cell::Cell<u64>,
    _folder: tempfile::TempDir,
}

impl Told {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (client, _) = signer(folder.path(), "signer.sock");
        Self { client, seen: 0.into(), _folder: folder }
    }

    fn says(&self, entry: &serde_json::Value) {
        self.client.sign(self.seen.get(), vec![entry.to_string()], Vec::new()).unwrap();
        self.seen.set(self.seen.get() + 1);
    }

    /// Has a file signed that the log names.
    fn signs(&self, text: &str) -> Result<String, SignerRefusal> {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(text.as_bytes());
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.says(&serde_json::json!({ "what": "file generated", "more": { "sha256": sha256 } }));
        match self.client.sign(self.seen.get(), Vec::new(), vec![text.to_owned()]) {
            Ok((mut texts, _)) => Ok(texts.remove(0)),
            Err(SignerError::Refused(refusal)) => Err(refusal),
            Err(away) => panic!("{away}"),
        }
    }
}

fn file(publisher: &str) -> String {
    format!(
        "VENDOR {publisher}\nLICENSE LRN-1 STATE=active ISSUED=01-jun-2026\n\
         FEATURE edit {publisher} 1.0 permanent 5 LRN=LRN-1 ISSUED=01-jun-2026\n"
    )
}

fn is_valid(text: &str, publisher: &str, root: u8) -> bool {
    let trust = Trust::new().with_root(publisher, &RootKey::from_seed([root; 32]).public()).unwrap();
    let states = verify(&parse("license", text.as_bytes()).document, &trust);
    states.len() >= 3 && states.iter().all(|(_, state)| *state == LineState::Valid)
}

fn about(what: &str, publisher: &str, key: &SigningKey, more: (&str, String)) -> serde_json::Value {
    let (name, value) = more;
    serde_json::json!({ "what": what, "more": { "publisher": publisher, "key": key.id(), name: value } })
}

#[test]
fn one_signer_signs_each_publishers_files_with_that_publishers_key_and_nobody_elses() {
    let told = Told::new();
    assert!(is_valid(&told.signs(&file("pureconnect")).unwrap(), "pureconnect", 1));
    assert!(is_valid(&told.signs(&file("genesys.d")).unwrap(), "genesys.d", 11));
    let unknown = told.signs(&file("others")).unwrap_err();
    assert_eq!(unknown, SignerRefusal::UnknownPublisher("others".to_owned()));
    let both =
        told.signs(&format!("{}FEATURE more genesys.d 1.0 permanent 5 LRN=LRN-1\n", file("pureconnect")));
    assert!(matches!(both, Err(SignerRefusal::Document(_))), "{both:?}");
    let keys = told.client.keys().unwrap();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.state == "in-use" && !key.on_token), "{keys:?}");
}

#[test]
fn the_key_that_the_log_puts_to_use_signs_only_if_the_root_key_certified_it_and_it_is_here() {
    let told = Told::new();
    let (root, new) = (RootKey::from_seed([1; 32]), SigningKey::from_seed([12; 32]));
    let stranger = RootKey::from_seed([9; 32]);
    let day = "2026-01-01".parse().unwrap();
    let put = |root: &RootKey, key: &SigningKey, from| {
        let line = root.certify("pureconnect", &key.public_key(), from, Expiry::Permanent).to_line();
        told.says(&about("key put to use", "pureconnect", key, ("certificate", line)));
        told.signs(&file("pureconnect"))
    };
    let uncertified = put(&stranger, &new, day);
    assert_eq!(uncertified, Err(SignerRefusal::NotCertified("pureconnect".to_owned())));
    let elsewhere = put(&root, &SigningKey::from_seed([77; 32]), day);
    assert!(matches!(elsewhere, Err(SignerRefusal::NoKey { .. })), "{elsewhere:?}");
    let too_late = put(&root, &new, "2026-06-02".parse().unwrap());
    assert!(matches!(too_late, Err(SignerRefusal::WouldBeRefused { .. })), "{too_late:?}");
    let signed = put(&root, &new, day).unwrap();
    assert!(is_valid(&signed, "pureconnect", 1) && signed.contains(&format!("SIGN=\"{}", new.id())));
}

#[test]
fn a_key_that_the_log_retired_or_revoked_signs_no_more_and_is_refused_by_name() {
    let told = Told::new();
    let (old, other) = (SigningKey::from_seed([2; 32]), SigningKey::from_seed([12; 32]));
    told.says(&about("key retired", "pureconnect", &old, ("reason", "its time is over".to_owned())));
    assert_eq!(told.signs(&file("pureconnect")), Err(SignerRefusal::Retired(old.id())));
    let revocation =
        RootKey::from_seed([11; 32]).revoke("genesys.d", &other.id(), "2026-07-01".parse().unwrap());
    told.says(&about("key revoked", "genesys.d", &other, ("revocation", revocation.to_line())));
    assert_eq!(told.signs(&file("genesys.d")), Err(SignerRefusal::Revoked(other.id())));
    let states: Vec<String> = told.client.keys().unwrap().into_iter().map(|key| key.state).collect();
    assert!(states.contains(&"retired".to_owned()) && states.contains(&"revoked".to_owned()), "{states:?}");
    let day = "2026-01-01".parse().unwrap();
    let line = RootKey::from_seed([11; 32]).certify("genesys.d", &old.public_key(), day, Expiry::Permanent);
    told.says(&about("key put to use", "genesys.d", &old, ("certificate", line.to_line())));
    assert_eq!(told.signs(&file("genesys.d")), Err(SignerRefusal::Retired(old.id())), "for nobody");
}
