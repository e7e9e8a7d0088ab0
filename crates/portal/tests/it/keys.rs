//! Signing keys over their life: put to use by two administrators, retired, and the day that one is compromised, walked as
//! `docs/src/keys.md` tells it.

use crate::support::door::{Door, person, visit};
use crate::support::{NOW, TODAY, acme, on_both, order};
use axum::http::StatusCode;
use grantor_license::{Expiry, LineState, RootKey, SigningKey, Trust, parse, sign, verify};
use grantor_portal::accounts::Account;
use grantor_portal::files::{self, Chosen, Machine, Request, Selection, origins, signed_by};
use grantor_portal::keys::{self, Wish, approve, ask, decline, revoked};
use grantor_portal::orders::book;
use grantor_portal::people::{Actor, Person};
use grantor_portal::rights::Role;
use grantor_portal::signer::{
    Client, Config, PublisherConfig, Ring, Server, SignerError, SignerRefusal, prepare, seal_log, unseal_log,
};
use grantor_portal::signing::{SigningError, sign_all, sign_anew};
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, log};

const SERVER: &str = "SW-001-4.0-SL03";
const PUBLISHER: &str = "pureconnect";

fn root() -> RootKey {
    RootKey::from_seed([1; 32])
}

fn old() -> SigningKey {
    SigningKey::from_seed([2; 32])
}

fn new() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn certificate(key: &SigningKey, from: &str) -> String {
    root().certify(PUBLISHER, &key.public_key(), from.parse().unwrap(), Expiry::Permanent).to_line()
}

/// Two administrators, a signer with two keys of which the first signs, and an account with two license files.
struct House {
    store: Store,
    signer: Client,
    ada: Person,
    bob: Person,
    account: Account,
    files: Vec<String>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new(store: &Store) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sealed, _) = seal_log("house", &[3; 32], "correct horse", &[4; 40]).unwrap();
        let publisher = PublisherConfig {
            name: PUBLISHER.to_owned(),
            root_keys: vec![root().public()],
            certificate: certificate(&old(), "2026-01-01"),
        };
        let config = Config { publishers: vec![publisher], token: None };
        let log_key = unseal_log(&sealed, "correct horse").unwrap();
        let ring = Ring::new(log_key, &config, vec![old(), new()], None).unwrap();
        prepare(folder.path()).unwrap();
        let socket = folder.path().join("signer.sock");
        let server = Server::start(folder.path(), &socket, ring).unwrap();
        std::thread::spawn(move || server.run());
        let ada = person(store, "ada@example.com", &[Role::Administrator], None).await;
        let bob = person(store, "bob@example.com", &[Role::Administrator], None).await;
        let (account, site) = acme(store).await;
        book(store, &order("1", &[(SERVER, 3)]), "ann", NOW, 1).await.unwrap();
        let mut house = Self {
            store: store.clone(),
            signer: Client::new(&socket),
            ada,
            bob,
            account,
            files: Vec::new(),
            _folder: folder,
        };
        for host in ["0050569a1b01", "0050569a1b02"] {
            let number = house.generate(&site, host).await;
            house.files.push(number);
        }
        assert_eq!(sign_all(store, &house.signer).await.unwrap(), 2);
        house
    }

    async fn generate(&self, site: &grantor_portal::sites::Site, host: &str) -> String {
        let selection = Selection {
            catalogue: "pureconnect-4".to_owned(),
            license_type: "production".to_owned(),
            machine: Machine { host_id: host.to_owned(), name: "testing".to_owned() },
            switchover: None,
            system_type: String::new(),
            mail_connector: String::new(),
            registration_key: None,
            items: vec![Chosen { part: SERVER.to_owned(), quantity: 1, pooled: 0 }],
        };
        let request = Request {
            account: &self.account,
            site,
            selection: &selection,
            replaces: None,
            by: Actor::House("bob"),
            at: NOW,
            today: TODAY.parse().unwrap(),
        };
        files::generate(&self.store, &request, host).await.unwrap()
    }

    async fn text(&self, at: usize) -> String {
        files::document(&self.store, &self.account, &self.files[at]).await.unwrap()
    }

    /// Ada asks, Bob approves, the signer sees it.
    async fn change(&self, wish: &Wish) {
        let asked = ask(&self.store, wish, "as written down", &self.ada, NOW).await.unwrap();
        approve(&self.store, asked.id, &self.bob, NOW + 1).await.unwrap();
        sign_all(&self.store, &self.signer).await.unwrap();
    }

    async fn logged(&self) -> Vec<String> {
        let entries = log::entries(self.store.read(), 0, 1000).await.unwrap();
        entries.into_iter().map(|entry| entry.body).collect()
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        failure @ Failure::Database(_) => panic!("{failure}"),
    }
}

fn is_valid(text: &str) -> bool {
    let trust = Trust::new().with_root(PUBLISHER, &root().public()).unwrap();
    let states = verify(&parse("license", text.as_bytes()).document, &trust);
    states.len() > 2 && states.iter().all(|(_, state)| *state == LineState::Valid)
}

#[test]
fn whoever_asks_for_a_change_of_a_key_never_approves_it_and_the_log_has_both() {
    on_both(|store| async move {
        let house = House::new(&store).await;
        let wish = Wish::Use(certificate(&new(), "2026-01-01"));
        let asked = ask(&store, &wish, "yearly", &house.ada, NOW).await.unwrap();
        assert_eq!(
            refusal(ask(&store, &wish, "again", &house.bob, NOW).await),
            Refusal::KeyChangeWaits(asked.id)
        );
        let alone = refusal(approve(&store, asked.id, &house.ada, NOW).await);
        assert_eq!(alone, Refusal::SamePerson("ada@example.com".to_owned()));
        let analyst = person(&store, "cy@example.com", &[Role::Analyst], None).await;
        let not_allowed = Refusal::NotAnAdministrator("cy@example.com".to_owned());
        assert_eq!(refusal(approve(&store, asked.id, &analyst, NOW).await), not_allowed);
        assert_eq!(refusal(ask(&store, &wish, "me", &analyst, NOW).await), not_allowed);
        let approved = approve(&store, asked.id, &house.bob, NOW).await.unwrap();
        assert_eq!(
            (approved.asked_by.as_str(), approved.decided_by.as_deref()),
            ("ada@example.com", Some("bob@example.com"))
        );
        assert_eq!(
            refusal(decline(&store, asked.id, &house.ada, NOW).await),
            Refusal::KeyChangeDecided(asked.id)
        );
        assert_eq!(refusal(approve(&store, 99, &house.ada, NOW).await), Refusal::UnknownKeyChange(99));
        let other = ask(&store, &wish, "once more", &house.ada, NOW).await.unwrap();
        decline(&store, other.id, &house.ada, NOW).await.unwrap();
        let log = house.logged().await.join("\n");
        for what in ["key change asked for", "key put to use", "key change declined"] {
            assert!(log.contains(what), "{what}: {log}");
        }
        assert!(log.contains("\"asked_by\":\"ada@example.com\""), "{log}");
    });
}

#[test]
fn a_new_key_takes_over_old_files_stay_valid_and_the_retired_key_signs_no_more() {
    on_both(|store| async move {
        let house = House::new(&store).await;
        let before = house.text(0).await;
        let retire = Wish::Retire { publisher: PUBLISHER.to_owned(), key: old().id() };
        assert_eq!(
            refusal(ask(&store, &retire, "too early", &house.ada, NOW).await),
            Refusal::KeyInUse(old().id())
        );
        house.change(&Wish::Use(certificate(&new(), "2026-11-01"))).await;
        house.change(&retire).await;
        let site = grantor_portal::sites::find(store.read(), &house.account, "Berlin").await.unwrap();
        let number = house.generate(&site, "0050569a1b03").await;
        sign_all(&store, &house.signer).await.unwrap();
        let text = files::document(&store, &house.account, &number).await.unwrap();
        assert!(is_valid(&text) && text.contains(&format!("SIGN=\"{}:", new().id())), "{text}");
        assert!(is_valid(&before) && house.text(0).await == before, "what the old key signed stays");
        let states: Vec<_> =
            house.signer.keys().unwrap().into_iter().map(|key| (key.key, key.state)).collect();
        assert!(states.contains(&(old().id(), "retired".to_owned())), "{states:?}");
        let back = Wish::Use(certificate(&old(), "2026-01-01"));
        assert_eq!(refusal(ask(&store, &back, "back", &house.ada, NOW).await), Refusal::KeyEnded(old().id()));
    });
}

impl House {
    /// What the signer says of a file that it does not sign.
    async fn generate_fails(&self, site: &grantor_portal::sites::Site) -> SignerRefusal {
        // Its quantities are used up by others, so one is ended first.
        files::deactivate(&self.store, &self.account, &self.files[1], "for another", ("ann", NOW))
            .await
            .unwrap();
        self.generate(site, "0050569a1b04").await;
        match sign_all(&self.store, &self.signer).await.unwrap_err() {
            SigningError::Signer(SignerError::Refused(refusal)) => refusal,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_day_a_key_is_compromised_its_files_are_found_told_apart_revoked_and_signed_anew() {
    on_both(|store| async move {
        let house = House::new(&store).await;
        person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let before = [house.text(0).await, house.text(1).await];
        // Somebody who has the key signs more than was sold, in the name of a file that there is.
        let forged = forged(&lrn_of(&before[0]));
        assert!(is_valid(&forged), "nothing in it tells");

        let early = sign_anew(&store, &house.signer, (&old().id(), 0), ("ada", NOW), |_, _, _| {}).await;
        let SigningError::Books(Failure::Refused(early)) = early.unwrap_err() else { panic!("not refused") };
        assert_eq!(early, Refusal::NotDecided(old().id()), "two people decide first");

        // 1. A new key for the days of the old one; 2. the old one is revoked.
        house.change(&Wish::Use(certificate(&new(), "2026-01-01"))).await;
        let line = root().revoke(PUBLISHER, &old().id(), "2026-12-24".parse().unwrap()).to_line();
        house.change(&Wish::Revoke(line.clone())).await;
        assert_eq!(revoked(store.read()).await.unwrap(), format!("{line}\n"));

        // 3. What did it sign?
        let signed = signed_by(&store, &old().id(), 0).await.unwrap();
        let numbers: Vec<&str> = signed.iter().map(|file| file.number.as_str()).collect();
        assert_eq!(numbers, house.files);
        assert!(signed_by(&store, &old().id(), i64::MAX).await.unwrap().is_empty(), "after the end of time");

        // 4. What turned up is told apart.
        let found = origins(&store, &parse("forged", forged.as_bytes()).document).await.unwrap();
        assert!(found.iter().any(|one| one.file.is_none() && one.key == old().id()), "{found:?}");
        let ours = origins(&store, &parse("ours", before[0].as_bytes()).document).await.unwrap();
        assert!(
            ours.len() > 2 && ours.iter().all(|one| one.file.as_deref() == Some("AF-000001")),
            "{ours:?}"
        );

        // 5. All of them anew.
        let mut seen = Vec::new();
        let progress = |done, all, file: &files::SignedFile| seen.push((done, all, file.number.clone()));
        let done = sign_anew(&store, &house.signer, (&old().id(), 0), ("ada", NOW), progress).await.unwrap();
        assert_eq!((done, seen), (2, vec![(1, 2, "AF-000001".to_owned()), (2, 2, "AF-000002".to_owned())]));
        for (at, before) in before.iter().enumerate() {
            let text = house.text(at).await;
            assert!(is_valid(&text) && text != *before && text.contains("REVOKED"), "{text}");
            assert!(!text.contains(&format!("SIGN=\"{}:", old().id())), "{text}");
        }
        let again = sign_anew(&store, &house.signer, (&old().id(), 0), ("ada", NOW), |_, _, _| {}).await;
        assert_eq!(again.unwrap(), 0, "it goes on where it was");
        assert_eq!(house.logged().await.join("\n").matches("file signed anew").count(), 2);
        let (_, mails) = grantor_portal::mails::list(&store, 0, 50).await.unwrap();
        let told = mails.iter().filter(|mail| mail.subject.starts_with("Please replace the license file"));
        assert_eq!(told.filter(|mail| mail.recipient == "carl@acme.example.com").count(), 2, "each once");
    });
}

fn lrn_of(text: &str) -> String {
    let document = parse("license", text.as_bytes()).document;
    let line = document.statements().iter().find(|line| line.keyword == "LICENSE").unwrap();
    line.name().to_owned()
}

fn forged(lrn: &str) -> String {
    let text = format!(
        "SERVER this_host ANY\nVENDOR {PUBLISHER}\n\
         LICENSE {lrn} STATE=active ISSUED=01-jun-2026\n\
         INCREMENT I3_ACCESS_CLIENT {PUBLISHER} 4.0 permanent 9999 LRN={lrn} ISSUED=01-jun-2026\n"
    );
    let day = "2026-01-01".parse().unwrap();
    let certificate = root().certify(PUBLISHER, &old().public_key(), day, Expiry::Permanent);
    sign(&parse("forged", text.as_bytes()).document, &old(), &certificate).to_string()
}

#[test]
fn a_key_that_was_revoked_before_another_was_put_to_use_signs_nothing() {
    on_both(|store| async move {
        let house = House::new(&store).await;
        let line = root().revoke(PUBLISHER, &old().id(), "2026-12-24".parse().unwrap()).to_line();
        house.change(&Wish::Revoke(line)).await;
        let site = grantor_portal::sites::find(store.read(), &house.account, "Berlin").await.unwrap();
        let refused = house.generate_fails(&site).await;
        assert_eq!(refused, SignerRefusal::Revoked(old().id()));
        assert!(refused.hint().contains("put another key to use"));
    });
}

#[test]
fn on_the_page_one_administrator_asks_and_another_approves() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let ada = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let bob = person(&store, "bob@example.com", &[Role::Administrator], None).await;
        let (ada, bob) = (visit(&store, &ada).await, visit(&store, &bob).await);
        let line: String =
            form_urlencoded::byte_serialize(certificate(&new(), "2026-01-01").as_bytes()).collect();
        let asked = door.post("/keys", &ada, &format!("line={line}&reason=yearly")).await;
        assert_eq!((asked.status, asked.location.as_str()), (StatusCode::SEE_OTHER, "/keys?done=asked"));
        let id = keys::changes(store.read()).await.unwrap()[0].id;
        let page = door.get("/keys", &ada).await.body;
        assert!(page.contains(&new().id()) && !page.contains(&format!("/keys/{id}/approve")), "{page}");
        let alone = door.post(&format!("/keys/{id}/approve"), &ada, "").await;
        assert_eq!(alone.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(alone.body.contains("it takes two people"), "{}", alone.body);
        let approved = door.post(&format!("/keys/{id}/approve"), &bob, "").await;
        assert_eq!(approved.location, "/keys?done=approved");
        let nonsense = door.post("/keys", &ada, "line=KEY+x&reason=r").await;
        assert!(nonsense.status == StatusCode::UNPROCESSABLE_ENTITY && nonsense.body.contains("no KEY line"));
        let file = door.get("/revoked-keys", "").await;
        assert!(file.status == StatusCode::OK && file.body.starts_with("# Keys that are not to be trusted"));
    });
}
