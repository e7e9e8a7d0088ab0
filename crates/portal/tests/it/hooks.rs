//! Webhooks: signed, in order, again until they are taken, and never lost.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::support::{NOW, acme, on_both, order};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use grantor_portal::hooks::{self, courier};
use grantor_portal::sealed::Seal;
use grantor_portal::store::Store;
use grantor_portal::{Failure, orders};
use serde_json::Value;

const SECRET: &[u8] = b"a secret of thirty-two bytes ...";

/// Another program that takes what it is told, or answers as it is told to.
#[derive(Default)]
struct Other {
    answers: Mutex<Vec<StatusCode>>,
    got: Mutex<Vec<(HeaderMap, String)>>,
}

async fn take(State(other): State<Arc<Other>>, headers: HeaderMap, body: String) -> StatusCode {
    other.got.lock().unwrap().push((headers, body));
    other.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT)
}

async fn other() -> (Arc<Other>, String) {
    let other = Arc::new(Other::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let routes = Router::new().route("/hook", post(take)).with_state(other.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (other, address)
}

struct Scene {
    store: Store,
    seal: Seal,
    other: Arc<Other>,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new(store: Store, events: &[&str]) -> Self {
        acme(&store).await;
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::open(&folder.path().join("seal.key")).unwrap();
        let (other, address) = other().await;
        let events: BTreeSet<String> = events.iter().map(|event| (*event).to_owned()).collect();
        hooks::add(&store, &seal, (&address, &events), SECRET, ("ann", NOW)).await.unwrap();
        Self { store, seal, other, _folder: folder }
    }

    async fn book(&self, number: u64) {
        let order = order(&format!("SO-{number}"), &[("SW-001-4.0-SL03", 1)]);
        orders::book(&self.store, &order, "ann", NOW, number).await.unwrap();
    }

    async fn tell(&self, at: i64) -> usize {
        courier::tell_all(&self.store, &self.seal, || at).await.unwrap()
    }

    fn told(&self) -> Vec<(String, Value)> {
        let got = self.other.got.lock().unwrap();
        let one = |(headers, body): &(HeaderMap, String)| {
            (headers["webhook-id"].to_str().unwrap().to_owned(), serde_json::from_str(body).unwrap())
        };
        got.iter().map(one).collect()
    }
}

#[test]
fn what_happens_is_told_in_its_order_and_signed() {
    on_both(|store| async move {
        let scene = Scene::new(store, &["order booked"]).await;
        scene.book(1).await;
        scene.book(2).await;
        assert_eq!(scene.tell(NOW).await, 2);
        let numbers: Vec<Value> =
            scene.told().iter().map(|(_, body)| body["data"]["order"]["number"].clone()).collect();
        assert_eq!(numbers, ["SO-1", "SO-2"]);
        let (headers, body) = scene.other.got.lock().unwrap()[0].clone();
        let seconds: i64 = headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
        let id = headers["webhook-id"].to_str().unwrap();
        let signed = courier::signature(SECRET, id, seconds, &body);
        assert_eq!((seconds, headers["webhook-signature"].to_str().unwrap()), (NOW / 1000, signed.as_str()));
        assert_ne!(courier::signature(SECRET, id, seconds + 1, &body), signed);
        assert_eq!(scene.tell(NOW).await, 0, "nothing is told twice");
    });
}

#[test]
fn what_is_not_taken_comes_again_with_the_same_id_and_holds_up_what_follows() {
    on_both(|store| async move {
        let scene = Scene::new(store, &["order booked"]).await;
        *scene.other.answers.lock().unwrap() =
            vec![StatusCode::BAD_GATEWAY, StatusCode::INTERNAL_SERVER_ERROR];
        scene.book(1).await;
        scene.book(2).await;
        assert_eq!(scene.tell(NOW).await, 0);
        let hook = hooks::list(scene.store.read()).await.unwrap().remove(0);
        assert_eq!((hook.tries, hook.problem.as_deref()), (1, Some("it answered 500")));
        assert_eq!(scene.tell(NOW + 4999).await, 0, "not before five seconds");
        assert_eq!(scene.tell(NOW + 5000).await, 0, "a bad gateway");
        assert_eq!(scene.tell(NOW + 15_000).await, 2);
        let told = scene.told();
        let ids: BTreeSet<&str> = told.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!((told.len(), ids.len()), (4, 2), "the first one three times, under one id: {told:?}");
        let hook = hooks::list(scene.store.read()).await.unwrap().remove(0);
        assert_eq!((hook.tries, hook.problem), (0, None));
    });
}

#[test]
fn whoever_is_gone_for_good_is_not_told_any_more_until_somebody_resumes_it() {
    on_both(|store| async move {
        let scene = Scene::new(store, &[]).await;
        scene.other.answers.lock().unwrap().push(StatusCode::GONE);
        scene.book(1).await;
        scene.tell(NOW).await;
        assert!(!hooks::list(scene.store.read()).await.unwrap()[0].active);
        scene.book(2).await;
        assert_eq!(scene.tell(NOW + 3_600_000).await, 0);
        hooks::resume(&scene.store, 1, ("ann", NOW)).await.unwrap();
        assert!(scene.tell(NOW + 3_600_000).await >= 2, "from where it stopped");
    });
}

#[test]
fn a_redirect_is_not_followed_and_an_unreachable_address_is_a_problem_that_is_shown() {
    on_both(|store| async move {
        let scene = Scene::new(store, &["order booked"]).await;
        scene.other.answers.lock().unwrap().push(StatusCode::PERMANENT_REDIRECT);
        scene.book(1).await;
        scene.tell(NOW).await;
        let hook = hooks::list(scene.store.read()).await.unwrap().remove(0);
        assert_eq!(hook.problem.as_deref(), Some("it answered 308"));
        hooks::remove(&scene.store, hook.id, ("ann", NOW)).await.unwrap();
        let nobody = ("http://127.0.0.1:9/", &BTreeSet::new());
        hooks::add(&scene.store, &scene.seal, nobody, SECRET, ("ann", NOW)).await.unwrap();
        scene.book(2).await;
        assert_eq!(scene.tell(NOW).await, 0);
        assert!(hooks::list(scene.store.read()).await.unwrap()[0].problem.is_some());
    });
}

#[test]
fn two_processes_do_not_tell_the_same_hook_at_the_same_time() {
    on_both(|store| async move {
        let scene = Scene::new(store, &["order booked"]).await;
        for number in 1..=5 {
            scene.book(number).await;
        }
        let (one, other) = tokio::join!(scene.tell(NOW), scene.tell(NOW));
        assert_eq!((one + other, scene.told().len()), (5, 5));
    });
}

#[test]
fn an_address_without_tls_or_an_unknown_event_is_refused() {
    on_both(|store| async move {
        let scene = Scene::new(store, &[]).await;
        let some = BTreeSet::from(["order eaten".to_owned()]);
        for wanted in [("http://erp.example.com/", &BTreeSet::new()), ("https://erp.example.com/", &some)] {
            let refused = hooks::add(&scene.store, &scene.seal, wanted, SECRET, ("ann", NOW)).await;
            assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
        }
    });
}
