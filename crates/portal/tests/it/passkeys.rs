//! Passkeys: made by whoever proved who they are, kept, used to sign in, and removed; on both databases.

use crate::support::authenticator::Authenticator;
use crate::support::door::{Answer, Door, person, visit};
use crate::support::{NOW, on_both};
use axum::http::StatusCode;
use grantor_portal::people::{Details, Person, edit};
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::{mails, passkeys};
use serde_json::Value;

/// What the browser is asked at that address: the options, and the secret that brings the answer back.
async fn asked(door: &Door, path: &str, cookie: &str) -> (Value, String) {
    let answer = door.post(path, cookie, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let mut question: Value = serde_json::from_str(&answer.body).unwrap();
    let secret = question["challenge"].as_str().unwrap().to_owned();
    let options = question["options"].take();
    (options.get("publicKey").cloned().unwrap_or(options), secret)
}

fn form(secret: &str, answer: &str, more: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(answer.as_bytes()).collect();
    format!("challenge={secret}&answer={encoded}&{more}")
}

/// Makes a passkey of that name, as the page does it.
async fn made(door: &Door, cookie: &str, authenticator: &mut Authenticator, name: &str) -> Answer {
    let (options, secret) = asked(door, "/me/passkeys/ask", cookie).await;
    let answer = authenticator.make(&options);
    door.post("/me/passkeys", cookie, &form(&secret, &answer, &format!("name={name}"))).await
}

/// Signs in with it; gives what was sent, too, to send it again.
async fn shown(door: &Door, authenticator: &mut Authenticator) -> (Answer, String) {
    let (options, secret) = asked(door, "/sign-in/passkey/ask", "").await;
    let sent = form(&secret, &authenticator.sign(&options), "next=/accounts");
    (door.post("/sign-in/passkey", "", &sent).await, sent)
}

fn cookie(answer: &Answer) -> &str {
    answer.cookie.split('=').nth(1).unwrap().split(';').next().unwrap()
}

async fn ada(store: &Store) -> (Person, String) {
    let ada = person(store, "ada@example.com", &[Role::Administrator], None).await;
    let cookie = visit(store, &ada).await;
    (ada, cookie)
}

#[test]
fn a_passkey_signs_its_person_in_as_often_as_it_is_asked_and_each_answer_once() {
    on_both(|store| async move {
        // Staff must show codes here: a passkey is two proofs already.
        let (door, strict) = (Door::open(&store, false), Door::open(&store, true));
        let (ada, own) = ada(&store).await;
        let mut telephone = Authenticator::new();
        let added = made(&door, &own, &mut telephone, "my+telephone").await;
        assert_eq!(added.location, "/me?done=passkey", "{added:?}");
        let kept = passkeys::of(store.read(), ada.id).await.unwrap();
        assert_eq!((kept.len(), kept[0].name.as_str(), kept[0].used_at), (1, "my telephone", None));
        let mail = mails::list(&store, 0, 10).await.unwrap().1;
        assert!(
            mail.iter().any(|mail| mail.recipient == "ada@example.com" && mail.body.contains("my telephone"))
        );
        for _ in 0..2 {
            let (in_, sent) = shown(&strict, &mut telephone).await;
            assert_eq!(in_.location, "/accounts", "{in_:?}");
            assert_eq!(strict.get("/people", cookie(&in_)).await.status, StatusCode::OK);
            let again = strict.post("/sign-in/passkey", "", &sent).await;
            assert!(again.status == StatusCode::CONFLICT && again.cookie.is_empty(), "{again:?}");
        }
        assert!(passkeys::of(store.read(), ada.id).await.unwrap()[0].used_at.is_some());
    });
}

#[test]
fn one_that_is_locked_at_another_site_made_up_or_removed_signs_nobody_in() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let (ada, own) = ada(&store).await;
        let mut telephone = Authenticator::new();
        made(&door, &own, &mut telephone, "one").await;
        let refused = async |authenticator: &mut Authenticator, why: &str| {
            let (answer, _) = shown(&door, authenticator).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{why}: {answer:?}");
            assert!(answer.cookie.is_empty(), "{why}");
        };
        telephone.unlocked = false;
        refused(&mut telephone, "nobody unlocked it").await;
        telephone.unlocked = true;
        telephone.origin = "https://portal.evil.test";
        refused(&mut telephone, "it is another site that asked").await;
        telephone.origin = "https://portal.test";
        let mut stranger = Authenticator::new();
        let (options, secret) = asked(&door, "/me/passkeys/ask", &own).await;
        stranger.make(&options);
        refused(&mut stranger, "its key was never kept").await;
        let id = passkeys::of(store.read(), ada.id).await.unwrap()[0].id;
        assert_eq!(shown(&door, &mut telephone).await.0.location, "/accounts", "still");
        // The question for a new one is its asker's alone.
        let eve = person(&store, "eve@example.com", &[Role::Analyst], None).await;
        let hers = visit(&store, &eve).await;
        let stolen =
            door.post("/me/passkeys", &hers, &form(&secret, &stranger.make(&options), "name=x")).await;
        assert_eq!(stolen.status, StatusCode::CONFLICT, "{stolen:?}");
        door.post(&format!("/me/passkeys/{id}/remove"), &hers, "").await;
        assert_eq!(
            passkeys::of(store.read(), ada.id).await.unwrap().len(),
            1,
            "nobody removes another one's"
        );
        door.post(&format!("/me/passkeys/{id}/remove"), &own, "").await;
        refused(&mut telephone, "it was removed").await;
    });
}

#[test]
fn whoever_may_not_sign_in_any_more_does_not_with_a_passkey() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let (ada, own) = ada(&store).await;
        let mut telephone = Authenticator::new();
        made(&door, &own, &mut telephone, "one").await;
        let details =
            Details { name: ada.name.clone(), roles: ada.roles.clone(), account: None, active: false };
        edit(&store, &ada, &details, ("ann", NOW)).await.unwrap();
        let (answer, _) = shown(&door, &mut telephone).await;
        assert!(answer.status.is_client_error() && answer.cookie.is_empty(), "{answer:?}");
    });
}
