//! Lost answers, restarts, revocations, sessions that end: nothing is taken twice, nothing is lost, nothing is silent.

use std::time::Duration;

use crate::support::proxy::Proxy;
use crate::support::{LONG, Site, events, line, next, wait_until};
use grantor_client::api::HexId;
use grantor_client::api::session::{OpenSession, Session};
use grantor_client::{Error, Event, Silence};

const SHORT: Duration = Duration::from_secs(5);

#[test]
fn a_retried_checkout_takes_only_once() {
    let site = Site::with(vec![line("drawing", "8.1", 5)]);
    let proxy = Proxy::before(site.address());
    let client = site.builder_at(proxy.server()).connect().unwrap();
    let (connections, _) = proxy.counts();
    proxy.lose_next_answer();
    let seats = client.checkout("drawing", "8.1").count(2).take().unwrap();
    assert_eq!(
        proxy.counts(),
        (connections + 1, 1),
        "the answer was lost on the old connection, and asked for anew"
    );
    assert_eq!((seats.count(), site.in_use("drawing")), (2, 2));
}

#[test]
fn what_was_granted_to_somebody_who_gave_up_is_given_back() {
    let site = Site::with(vec![line("drawing", "8.1", 5)]);
    let proxy = Proxy::before(site.address());
    let client = site.builder_at(proxy.server()).patience(Duration::ZERO).connect().unwrap();
    proxy.lose_next_answer();
    let error = client.checkout("drawing", "8.1").count(2).take().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    wait_until(|| site.in_use("drawing") == 0);
    assert!(client.is_open());
}

#[test]
fn giving_back_is_repeated_until_it_is_known_to_be_done() {
    let site = Site::with(vec![line("drawing", "8.1", 5)]);
    let proxy = Proxy::before(site.address());
    let client = site.builder_at(proxy.server()).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    proxy.lose_next_answer();
    assert_eq!(seats.give_back().unwrap(), None);
    assert_eq!((site.in_use("drawing"), proxy.counts().1), (0, 1));
}

#[test]
fn signs_of_life_keep_a_session_that_would_end_without() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let client = site.builder().heartbeat(SHORT).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    let mute = OpenSession { session: Some(HexId(7)), heartbeat_seconds: Some(5), ..OpenSession::default() };
    let _: Session = site.admin().post("/v1/sessions", &mute).unwrap();
    wait_until(|| site.admin().get::<Session>(&format!("/v1/sessions/{}", HexId(7))).is_err());
    assert!(seats.is_valid());
    assert_eq!(site.in_use("drawing"), 1);
}

#[test]
fn a_restart_of_the_server_keeps_seats_and_is_told() {
    let mut site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let client = site.builder().heartbeat(SHORT).grace(LONG).on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").count(2).take().unwrap();
    site.stop();
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    assert!(seats.is_valid());
    site.start();
    assert_eq!(next(&events), Event::Resumed);
    assert!(seats.is_valid());
    assert_eq!((site.in_use("drawing"), site.status().sessions), (2, 1));
}

#[test]
fn seats_dropped_while_the_server_is_away_are_given_back_when_it_is_there_again() {
    let mut site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let client = site.builder().heartbeat(SHORT).grace(LONG).on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    site.stop();
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    drop(seats);
    site.start();
    wait_until(|| site.in_use("drawing") == 0);
    assert!(client.is_open());
}

#[test]
fn what_was_taken_away_during_an_absence_is_found_out_after_it() {
    let mut site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let proxy = Proxy::before(site.address());
    let client =
        site.builder_at(proxy.server()).heartbeat(SHORT).grace(LONG).on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    // The notice goes out with the answer to a sign of life, and that is lost.
    site.take_away(site.only_grant("drawing"));
    proxy.lose_next_answer();
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    assert!(matches!(next(&events), Event::Revoked { count: 1, .. }));
    assert_eq!(next(&events), Event::Resumed);
    assert!(!seats.is_valid() && client.is_open());
    site.stop();
}

#[test]
fn a_revocation_reaches_the_callback_and_the_seats() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let client = site.builder().heartbeat(SHORT).on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").count(2).take().unwrap();
    site.take_away(site.only_grant("drawing"));
    let Event::Revoked { feature, count, reason } = next(&events) else { panic!("not revoked") };
    assert_eq!((feature.as_str(), count), ("drawing", 2));
    assert!(reason.contains("needed"), "{reason}");
    assert_eq!((seats.count(), seats.is_valid()), (0, false));
    assert_eq!(seats.give_back().unwrap(), None);
}

#[test]
fn a_session_that_the_server_does_not_know_is_lost_and_never_opened_anew() {
    let mut site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let client = site.builder().heartbeat(SHORT).grace(LONG).on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    site.start_with_nothing();
    let lost =
        std::iter::repeat_with(|| next(&events)).find(|event| !matches!(event, Event::ServerSilent { .. }));
    assert!(matches!(lost, Some(Event::SessionLost { .. })), "{lost:?}");
    assert!(!seats.is_valid() && !client.is_open());
    let error = client.checkout("drawing", "8.1").take().unwrap_err();
    assert!(matches!(error, Error::SessionLost { .. }), "{error}");
    assert_eq!(site.status().sessions, 0);
}

#[test]
fn a_server_that_stays_away_costs_the_session_after_the_grace() {
    let mut site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let client =
        site.builder().heartbeat(SHORT).grace(Duration::from_secs(2)).on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    site.stop();
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    assert!(matches!(next(&events), Event::SessionLost { .. }));
    assert!(!seats.is_valid());
}

#[test]
fn a_callback_that_panics_does_not_stop_the_heartbeat() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let panics = move |event: Event| {
        callback(event);
        panic!("the application's own fault");
    };
    let client = site.builder().heartbeat(SHORT).on_event(panics).connect().unwrap();
    for _ in 0..2 {
        let _seats = client.checkout("drawing", "8.1").take().unwrap();
        site.take_away(site.only_grant("drawing"));
        assert!(matches!(next(&events), Event::Revoked { .. }));
    }
}

#[test]
fn who_listens_is_told_at_once() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    // The next sign of life is 100 minutes away.
    let client =
        site.builder().heartbeat(Duration::from_secs(18_000)).listen().on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    site.take_away(site.only_grant("drawing"));
    assert!(matches!(next(&events), Event::Revoked { count: 1, .. }));
    assert!(!seats.is_valid() && client.is_open());
}

#[test]
fn who_listens_notices_a_restart_at_once_and_listens_again() {
    let mut site = Site::with(vec![line("drawing", "8.1", 2)]);
    let (callback, events) = events();
    let client =
        site.builder().heartbeat(Duration::from_secs(18_000)).listen().on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    site.stop();
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    site.start();
    assert_eq!(next(&events), Event::Resumed);
    assert!(seats.is_valid());
    site.take_away(site.only_grant("drawing"));
    assert!(matches!(next(&events), Event::Revoked { count: 1, .. }));
}

#[test]
fn each_feature_bears_a_silent_server_as_its_checkout_says() {
    let mut site = Site::with(vec![line("drawing", "8.1", 3), line("printing", "8.1", 1)]);
    let (callback, events) = events();
    let client = site.builder().heartbeat(SHORT).on_event(callback).connect().unwrap();
    let degrade = Silence::Degrade { after: Duration::from_millis(2500), until: LONG };
    let ask = |feature, silence| client.checkout(feature, "8.1").when_silent(silence).take().unwrap();
    let (keeps, stops) = (ask("drawing", degrade), ask("printing", Silence::Stop));
    let short = ask("drawing", Silence::KeepOn(Duration::from_millis(1)));
    site.stop();
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    let mut told = vec![next(&events), next(&events), next(&events)];
    told.sort_by_key(|event| format!("{event:?}"));
    let paused = |feature: &str| Event::Paused { feature: feature.to_owned(), count: 1 };
    let degraded = Event::Degraded { feature: "drawing".to_owned() };
    assert_eq!(told, [degraded, paused("drawing"), paused("printing")]);
    assert!(keeps.is_valid() && !stops.is_valid() && !short.is_valid());
    site.start();
    assert_eq!(next(&events), Event::Resumed);
    assert!(keeps.is_valid() && stops.is_valid() && short.is_valid());
}
