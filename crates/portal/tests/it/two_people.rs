//! What takes two people takes two: no administrator decides on keys with an account that they made, and all keys are revoked as one is.

use crate::support::door::{Door, now, person, visit};
use crate::support::on_both;
use axum::http::StatusCode;
use grantor_license::{Expiry, RootKey, SigningKey};
use grantor_portal::keys::{self, Change, Wish, approve, approve_all, ask, ask_all, decline};
use grantor_portal::people::{Details, Person, by_id, edit};
use grantor_portal::rights::Role;
use grantor_portal::signin::{Link, invite};
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, log};
use grantor_web::cookie::Secret;

const PUBLISHER: &str = "pureconnect";

fn root() -> RootKey {
    RootKey::from_seed([1; 32])
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

fn put_to_use(number: u8) -> Wish {
    let day = "2026-01-01".parse().unwrap();
    Wish::Use(root().certify(PUBLISHER, &key(number).public_key(), day, Expiry::Permanent).to_line())
}

fn revocation(number: u8) -> String {
    root().revoke(PUBLISHER, &key(number).id(), "2026-12-24".parse().unwrap()).to_line()
}

/// Somebody whom `by` makes an administrator, by their mail address; or whoever has the books in their hands.
async fn administrator(store: &Store, mail: &str, by: &str) -> Person {
    let roles = [Role::Administrator].into_iter().collect();
    let details = Details { name: mail.to_owned(), roles, account: None, active: true };
    let secret = Secret::new("grl_").unwrap();
    let link = Link { portal: "https://portal.test", secret: secret.text(), hash: &secret.hash() };
    invite(store, mail, &details, &link, (by, now())).await.unwrap()
}

async fn with_roles(store: &Store, person: &Person, roles: &[Role], by: &str) -> Person {
    let seen = by_id(store.read(), person.id).await.unwrap();
    let details = Details {
        name: seen.name.clone(),
        roles: roles.iter().copied().collect(),
        account: None,
        active: true,
    };
    edit(store, &seen, &details, (by, now())).await.unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}

/// What comes of it when one asks and the other approves; asked for again each time.
async fn together(store: &Store, asks: &Person, approves: &Person) -> Result<Change, Failure> {
    let asked = ask(store, &put_to_use(7), "a new key", asks, now()).await.unwrap();
    let came = approve(store, asked.id, approves, now()).await;
    if came.is_err() {
        decline(store, asked.id, asks, now()).await.unwrap();
    }
    came
}

#[test]
fn nobody_decides_on_a_key_with_an_administrator_whom_they_made_or_who_made_them() {
    on_both(|store| async move {
        let ada = administrator(&store, "ada@example.com", "root").await;
        let puppet = administrator(&store, "puppet@example.com", "ada@example.com").await;
        let one_side =
            Refusal::OneSide { by: "puppet@example.com".to_owned(), asked_by: "ada@example.com".to_owned() };
        assert_eq!(refusal(together(&store, &ada, &puppet).await), one_side);
        assert!(one_side.hint().contains("grantor portal person add"), "{}", one_side.hint());
        assert!(matches!(refusal(together(&store, &puppet, &ada).await), Refusal::OneSide { .. }));
        // Nor through others, nor with two of them.
        let second = administrator(&store, "second@example.com", "puppet@example.com").await;
        let third = administrator(&store, "third@example.com", "ada@example.com").await;
        for (asks, approves) in [(&ada, &second), (&second, &ada), (&second, &third), (&third, &second)] {
            let refused = refusal(together(&store, asks, approves).await);
            assert!(matches!(refused, Refusal::OneSide { .. }), "{} {}", asks.mail, approves.mail);
        }
        let bob = administrator(&store, "bob@example.com", "root").await;
        together(&store, &third, &bob).await.unwrap();
        let entries = log::entries(store.read(), 0, 1000).await.unwrap();
        let put_to_use = |entry: &&log::Entry| entry.body.contains("key put to use");
        assert_eq!(entries.iter().filter(put_to_use).count(), 1, "the refused ones changed nothing");
    });
}

#[test]
fn a_role_that_is_given_later_or_taken_away_and_given_back_counts_as_making_somebody_one() {
    on_both(|store| async move {
        let ada = administrator(&store, "ada@example.com", "root").await;
        let bob = administrator(&store, "bob@example.com", "root").await;
        let anna = person(&store, "anna@example.com", &[Role::Analyst], None).await;
        let anna = with_roles(&store, &anna, &[Role::Administrator], "ada@example.com").await;
        assert!(matches!(refusal(together(&store, &ada, &anna).await), Refusal::OneSide { .. }));
        // A change of something else leaves it as it was.
        with_roles(&store, &bob, &[Role::Administrator, Role::Orders], "ada@example.com").await;
        together(&store, &ada, &bob).await.unwrap();
        with_roles(&store, &bob, &[Role::Orders], "ada@example.com").await;
        let bob = with_roles(&store, &bob, &[Role::Administrator], "ada@example.com").await;
        assert!(matches!(refusal(together(&store, &ada, &bob).await), Refusal::OneSide { .. }));
        // Two who gave each other the role are one side, too.
        with_roles(&store, &ada, &[Role::Orders], "bob@example.com").await;
        let ada = with_roles(&store, &ada, &[Role::Administrator], "bob@example.com").await;
        assert!(matches!(refusal(together(&store, &bob, &ada).await), Refusal::OneSide { .. }));
    });
}

#[test]
fn on_the_page_an_administrator_invites_another_and_is_told_that_they_count_as_one() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let ada = administrator(&store, "ada@example.com", "root").await;
        let cookie = visit(&store, &ada).await;
        let form = "mail=puppet%40example.com&name=Puppet&role=administrator";
        let invited = door.post("/people/new", &cookie, form).await;
        assert_eq!(invited.status, StatusCode::SEE_OTHER, "{}", invited.body);
        let puppet = grantor_portal::people::by_mail(store.read(), "puppet@example.com").await.unwrap();
        let asked = ask(&store, &put_to_use(7), "mine", &ada, now()).await.unwrap();
        let told = door.post(&format!("/keys/{}/approve", asked.id), &visit(&store, &puppet).await, "").await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(told.body.contains("count as one person here"), "{}", told.body);
        assert!(told.body.contains("whom somebody else made one"), "{}", told.body);
    });
}

#[test]
fn all_keys_of_a_publisher_are_revoked_together_by_two_people_or_not_at_all() {
    on_both(|store| async move {
        let ada = administrator(&store, "ada@example.com", "root").await;
        let bob = administrator(&store, "bob@example.com", "root").await;
        let file = format!("# All of them.\n{}\n\n{}\n{}\n", revocation(2), revocation(3), revocation(4));
        let wishes = Wish::of_lines(&file);
        assert_eq!(wishes.len(), 3);
        let asked = ask_all(&store, &wishes, "the machine is lost", &ada, now()).await.unwrap();
        let ids: Vec<i64> = asked.iter().map(|change| change.id).collect();
        let again = refusal(ask_all(&store, &Wish::of_lines(&revocation(3)), "x", &bob, now()).await);
        assert_eq!(again, Refusal::KeyChangeWaits(ids[1]));
        // Asked for with one that waits already, none is asked for.
        let more = Wish::of_lines(&format!("{}\n{}\n", revocation(5), revocation(2)));
        assert!(matches!(
            refusal(ask_all(&store, &more, "x", &bob, now()).await),
            Refusal::KeyChangeWaits(_)
        ));
        assert_eq!(keys::changes(store.read()).await.unwrap().len(), 3);
        let alone = refusal(approve_all(&store, &ids, &ada, now()).await);
        assert_eq!(alone, Refusal::SamePerson("ada@example.com".to_owned()));
        let wrong = [ids[0], ids[1], 99];
        assert_eq!(refusal(approve_all(&store, &wrong, &bob, now()).await), Refusal::UnknownKeyChange(99));
        assert_eq!(keys::revoked(store.read()).await.unwrap(), "", "all or none");
        approve_all(&store, &ids, &bob, now()).await.unwrap();
        let revoked = keys::revoked(store.read()).await.unwrap();
        assert_eq!(revoked, format!("{}\n{}\n{}\n", revocation(2), revocation(3), revocation(4)));
        let entries = log::entries(store.read(), 0, 1000).await.unwrap();
        let of = |what: &str| {
            let what = format!("\"what\":\"{what}\"");
            entries.iter().filter(|entry| entry.body.contains(&what)).count()
        };
        assert_eq!((of("key change asked for"), of("key revoked")), (3, 3));
    });
}

#[test]
fn the_page_takes_several_revocations_at_once() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let ada = administrator(&store, "ada@example.com", "root").await;
        let lines = format!("{}\r\n{}\r\n", revocation(2), revocation(3));
        let lines: String = form_urlencoded::byte_serialize(lines.as_bytes()).collect();
        let asked =
            door.post("/keys", &visit(&store, &ada).await, &format!("line={lines}&reason=lost")).await;
        assert_eq!(asked.location, "/keys?done=asked", "{}", asked.body);
        assert_eq!(keys::changes(store.read()).await.unwrap().len(), 2);
    });
}
