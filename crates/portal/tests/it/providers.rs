//! Signing in at another house: against a provider that really listens, over TLS, and lies in every way that a token can be wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::idp::{Idp, Lie};
use crate::support::door::{Answer, Door, now, person, visit};
use crate::support::{acme, on_both};
use axum::http::StatusCode;
use grantor_portal::people::Person;
use grantor_portal::providers::{Provider, Worth};
use grantor_portal::rights::Role;
use grantor_portal::signin::{self, Link};
use grantor_portal::store::Store;
use grantor_portal::{identities, log};
use grantor_web::cookie::Secret;

struct Scene {
    idp: Arc<Idp>,
    door: Door,
    ada: Person,
}

async fn scene(store: &Store) -> Scene {
    scene_with(store, |_| ()).await
}

async fn scene_with(store: &Store, change: impl Fn(&mut Provider)) -> Scene {
    let idp = Idp::start().await;
    let mut provider = idp.provider();
    change(&mut provider);
    let door = Door::open_with(store, vec![provider]);
    let ada = person(store, "ada@example.com", &[Role::Administrator], None).await;
    Scene { idp, door, ada }
}

/// The cookie that an answer sets.
fn cookie_of(answer: &Answer) -> String {
    answer.cookie.split(['=', ';']).nth(1).unwrap_or_default().to_owned()
}

/// A session's cookie and the one of the way back.
fn cookies(session: &str, away: &str) -> String {
    format!("{session}; __Host-grantor-away={away}")
}

impl Scene {
    /// Goes there and comes back.
    async fn sign_in(&self) -> Answer {
        let sent = self.door.get("/sign-in/with/acme?next=/accounts", "").await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{sent:?}");
        let back = self.idp.visit(&sent.location).await;
        self.door.get(&back, &cookies("", &cookie_of(&sent))).await
    }

    /// Follows the link of the page that answers a form, and comes back.
    async fn go_on(&self, page: &Answer, session: &str) -> Answer {
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let address = page.body.split("class=\"button\" href=\"").nth(1).unwrap().split('"').next().unwrap();
        let address = address.replace("&#38;", "&").replace("&amp;", "&");
        let back = self.idp.visit(&address).await;
        self.door.get(&back, &cookies(session, &cookie_of(page))).await
    }

    async fn refused(&self, says: &str) {
        let answer = self.sign_in().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert!(answer.body.contains(says) && answer.cookie.is_empty(), "{says}: {answer:?}");
    }
}

async fn logged(store: &Store, what: &str) -> usize {
    let entries = log::entries(store.read(), 0, 100).await.unwrap();
    entries.iter().filter(|entry| entry.body.contains(&format!("\"what\":\"{what}\""))).count()
}

#[test]
fn whoever_has_a_verified_mail_address_of_a_person_here_is_signed_in_and_known_from_then_on() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        let button = scene.door.get("/sign-in?next=/accounts", "").await.body;
        assert!(
            button.contains("href=\"/sign-in/with/acme?next=%2Faccounts\">Sign in with Acme"),
            "{button}"
        );
        let first = scene.sign_in().await;
        assert_eq!(first.location, "/accounts", "{first:?}");
        assert_eq!(scene.door.get("/me", &cookie_of(&first)).await.status, StatusCode::OK);
        assert_eq!(logged(&store, "account linked").await, 1);
        // From now on the subject counts, whatever its mail address is.
        scene.idp.is(|mood| {
            mood.mail = "married@example.org".to_owned();
            mood.verified = false;
            mood.rsa = false;
        });
        let again = scene.sign_in().await;
        assert_eq!(again.location, "/accounts", "signed by an ES256 key: {again:?}");
        let me = scene.door.get("/me", &cookie_of(&again)).await.body;
        assert!(me.contains("ada@example.com") && me.contains("Accounts elsewhere"), "{me}");
        assert_eq!(logged(&store, "account linked").await, 1);
    });
}

#[test]
fn a_provider_makes_no_new_person() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        scene.idp.is(|mood| mood.mail = "eve@example.com".to_owned());
        scene.refused("nobody signs in here as `eve@example.com`").await;
        let details = grantor_portal::people::Details {
            name: "ada".to_owned(),
            roles: [Role::Administrator].into(),
            account: None,
            active: false,
        };
        grantor_portal::people::edit(&store, &scene.ada, &details, ("ann", now())).await.unwrap();
        scene.idp.is(|mood| mood.mail = "ada@example.com".to_owned());
        scene.refused("nobody signs in here as `ada@example.com`").await;
    });
}

#[test]
fn a_mail_address_that_the_provider_has_not_verified_signs_nobody_in() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        scene.idp.is(|mood| mood.verified = false);
        scene.refused("has not verified your mail address `ada@example.com`").await;
        scene.idp.is(|mood| mood.tells_late = true);
        scene.refused("has not verified").await;
        scene.idp.is(|mood| mood.verified = true);
        assert_eq!(scene.sign_in().await.location, "/accounts", "asked at userinfo");
    });
}

#[test]
fn a_token_that_is_wrong_in_any_way_is_refused_by_name() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        for (lie, says) in [
            (Lie::Nonce, "to another question"),
            (Lie::Audience, "meant for another service"),
            (Lie::Issuer, "comes from somebody else"),
            (Lie::Expired, "has expired"),
            (Lie::Signature, "not signed as it should be"),
            (Lie::NoSignature, "not signed as it should be"),
        ] {
            scene.idp.is(|mood| mood.lie = lie);
            scene.refused(says).await;
        }
        assert!(identities::of(store.read(), scene.ada.id).await.unwrap().is_empty());
    });
}

#[test]
fn an_answer_with_another_state_or_a_second_time_is_refused() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        let sent = scene.door.get("/sign-in/with/acme", "").await;
        let (back, away) = (scene.idp.visit(&sent.location).await, cookie_of(&sent));
        let (path, query) = back.split_once('?').unwrap();
        let made_up =
            query.split('&').filter(|pair| !pair.starts_with("state=")).collect::<Vec<_>>().join("&");
        let wrong = scene.door.get(&format!("{path}?{made_up}&state=gro_made_up"), &cookies("", &away)).await;
        assert_eq!(wrong.status, StatusCode::CONFLICT, "{wrong:?}");
        assert_eq!(scene.door.get(&back, &cookies("", &away)).await.location, "/");
        let replayed = scene.door.get(&back, &cookies("", &away)).await;
        assert_eq!(replayed.status, StatusCode::CONFLICT, "{replayed:?}");
        // The code of that answer, with the state of another one that this browser began.
        let code = query.split('&').find(|pair| pair.starts_with("code=")).unwrap();
        let next = scene.door.get("/sign-in/with/acme", "").await;
        let fresh = scene.idp.visit(&next.location).await;
        let state = fresh.split(['?', '&']).find(|pair| pair.starts_with("state=")).unwrap();
        let used = scene.door.get(&format!("{path}?{code}&{state}"), &cookies("", &cookie_of(&next))).await;
        assert!(used.body.contains("was used already, or is too old"), "{used:?}");
    });
}

#[test]
fn a_sign_in_that_somebody_else_began_signs_nobody_in() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        for away in ["", "grb_of_another_browser"] {
            let sent = scene.door.get("/sign-in/with/acme", "").await;
            let back = scene.idp.visit(&sent.location).await;
            let answer = scene.door.get(&back, &cookies("", away)).await;
            assert!(answer.body.contains("begun in another browser"), "{answer:?}");
        }
        let sent = scene.door.get("/sign-in/with/acme", "").await;
        let back = scene.idp.visit(&sent.location).await;
        let iss = back.split(['?', '&']).find(|pair| pair.starts_with("iss=")).unwrap();
        let mixed_up = back.replace(iss, "iss=https%3A%2F%2Fevil.test");
        let answer = scene.door.get(&mixed_up, &cookies("", &cookie_of(&sent))).await;
        assert!(answer.body.contains("comes from somebody else"), "{answer:?}");
    });
}

#[test]
fn whoever_is_not_let_in_there_and_a_provider_that_is_away_are_told_what_to_do() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        let sent = scene.door.get("/sign-in/with/acme", "").await;
        let back = scene.idp.visit(&sent.location).await;
        let state = back.split(['?', '&']).find(|pair| pair.starts_with("state=")).unwrap();
        let declined = format!("/sign-in/with/acme/back?error=access_denied&{state}");
        let answer = scene.door.get(&declined, &cookies("", &cookie_of(&sent))).await;
        assert!(answer.body.contains("you were not signed in there"), "{answer:?}");
        let sent = scene.door.get("/sign-in/with/acme", "").await;
        let back = scene.idp.visit(&sent.location).await;
        scene.idp.stop();
        let mut away = scene.door.get(&back, &cookies("", &cookie_of(&sent))).await;
        // Connections that are open are served to their end.
        for _ in 0..100 {
            if away.status == StatusCode::SERVICE_UNAVAILABLE {
                break;
            }
            tokio::task::yield_now().await;
            away = scene.door.get("/sign-in/with/acme", "").await;
        }
        assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "{away:?}");
        assert!(away.body.contains("does not answer") && away.body.contains("password"), "{away:?}");
        assert_eq!(scene.door.get("/sign-in/with/unknown", "").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_provider_vouches_for_the_domains_it_may_and_no_others() {
    on_both(|store| async move {
        let scene = scene_with(&store, |one| one.domains = BTreeSet::from(["example.com".to_owned()])).await;
        assert_eq!(scene.sign_in().await.location, "/accounts");
        scene.idp.is(|mood| mood.mail = "ada@evil-example.com".to_owned());
        scene.refused("people with addresses like `ada@evil-example.com`").await;
    });
}

#[test]
fn another_account_with_the_same_mail_address_is_not_the_person() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        assert_eq!(scene.sign_in().await.location, "/accounts");
        scene.idp.is(|mood| mood.subject = "subject-2".to_owned());
        scene.refused("not the account there that is linked").await;
    });
}

#[test]
fn a_sign_in_there_counts_as_the_password_and_a_code_is_still_asked_for() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        signin::set_codes(&store, &scene.ada, Some("sealed".to_owned()), now()).await.unwrap();
        let half = scene.sign_in().await;
        assert_eq!(half.location, "/sign-in/code?next=%2Faccounts");
        assert_eq!(scene.door.get("/accounts", &cookie_of(&half)).await.location, "/sign-in/code");
    });
}

#[test]
fn where_the_provider_asks_for_two_factors_itself_no_code_is_asked_for() {
    on_both(|store| async move {
        let scene = scene_with(&store, |one| one.counts_as = Worth::Both).await;
        signin::set_codes(&store, &scene.ada, Some("sealed".to_owned()), now()).await.unwrap();
        let whole = scene.sign_in().await;
        assert_eq!(whole.location, "/accounts");
        assert_eq!(scene.door.get("/accounts", &cookie_of(&whole)).await.status, StatusCode::OK);
    });
}

#[test]
fn an_invitation_is_taken_by_an_account_elsewhere_instead_of_a_password() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        acme(&store).await;
        let secret = Secret::new("grl_").unwrap();
        let link = Link { portal: "https://portal.test", secret: secret.text(), hash: &secret.hash() };
        let details = grantor_portal::people::Details {
            name: "Bob".to_owned(),
            roles: [Role::Customer].into(),
            account: Some("ACME".to_owned()),
            active: true,
        };
        let bob = signin::invite(&store, "bob@acme.example", &details, &link, ("ann", now())).await.unwrap();
        scene.idp.is(|mood| {
            mood.subject = "bob".to_owned();
            mood.mail = "robert@elsewhere.example".to_owned();
        });
        let path = format!("/password/{}", secret.text());
        let page = scene.door.get(&path, "").await.body;
        assert!(page.contains(&format!("action=\"{path}/with/acme\"")), "{page}");
        let onward = scene.door.post(&format!("{path}/with/acme"), "", "").await;
        let signed_in = scene.go_on(&onward, "").await;
        assert_eq!(signed_in.location, "/", "{signed_in:?}");
        let me = scene.door.get("/me", &cookie_of(&signed_in)).await.body;
        assert!(me.contains("bob@acme.example") && me.contains("robert@elsewhere.example"), "{me}");
        assert_eq!(identities::of(store.read(), bob.id).await.unwrap().len(), 1);
        let again = scene.door.post(&format!("{path}/with/acme"), "", "").await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "an invitation is taken once");
    });
}

#[test]
fn a_person_links_an_account_on_their_own_page_and_removes_it_again() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        let cookie = visit(&store, &scene.ada).await;
        scene.idp.is(|mood| mood.mail = "private@elsewhere.example".to_owned());
        let onward = scene.door.post("/me/accounts/acme", &cookie, "").await;
        assert_eq!(scene.go_on(&onward, &cookie).await.location, "/me?done=linked");
        let kept = identities::of(store.read(), scene.ada.id).await.unwrap();
        assert_eq!((kept.len(), kept[0].name.as_str()), (1, "private@elsewhere.example"));
        assert_eq!(scene.sign_in().await.location, "/accounts");

        let eve = person(&store, "eve@example.com", &[Role::Analyst], None).await;
        let hers = visit(&store, &eve).await;
        let onward = scene.door.post("/me/accounts/acme", &hers, "").await;
        let taken = scene.go_on(&onward, &hers).await;
        assert!(taken.body.contains("linked to somebody else"), "{taken:?}");
        // What Eve began does not link anything to Ada, whose browser it was smuggled into.
        let onward = scene.door.post("/me/accounts/acme", &hers, "").await;
        let smuggled = scene.go_on(&onward, &cookie).await;
        assert!(smuggled.body.contains("begun in another browser"), "{smuggled:?}");

        scene.door.post(&format!("/me/accounts/{}/remove", kept[0].id), &hers, "").await;
        assert_eq!(identities::of(store.read(), scene.ada.id).await.unwrap().len(), 1, "only one's own");
        let removed = scene.door.post(&format!("/me/accounts/{}/remove", kept[0].id), &cookie, "").await;
        assert_eq!(removed.location, "/me?done=removed");
        assert_eq!(logged(&store, "account unlinked").await, 1);
        scene.refused("nobody signs in here as `private@elsewhere.example`").await;
    });
}

#[test]
fn whoever_has_no_password_proves_who_they_are_by_their_account_elsewhere() {
    on_both(|store| async move {
        let scene = scene(&store).await;
        scene.sign_in().await;
        let secret = Secret::new("grs_").unwrap();
        signin::passed(&store, scene.ada.id, &secret.hash(), now() - 11 * 60 * 1000).await.unwrap();
        let cookie = secret.text();
        assert_eq!(scene.door.get("/people/new", cookie).await.location, "/me/prove?next=%2Fpeople%2Fnew");
        let link = scene.door.post("/me/accounts/acme", cookie, "").await;
        assert_eq!(link.location, "/me/prove?next=/me", "linking needs a proof, too");
        let onward = scene.door.post("/me/prove/with/acme", cookie, "next=/people/new").await;
        assert!(onward.body.contains("prompt=login"), "asked there once more: {}", onward.body);
        assert_eq!(scene.go_on(&onward, cookie).await.location, "/people/new");
        assert_eq!(scene.door.get("/people/new", cookie).await.status, StatusCode::OK);
        scene.idp.is(|mood| mood.subject = "somebody else".to_owned());
        let onward = scene.door.post("/me/prove/with/acme", cookie, "next=/people/new").await;
        assert!(scene.go_on(&onward, cookie).await.body.contains("not the account there"));
    });
}
