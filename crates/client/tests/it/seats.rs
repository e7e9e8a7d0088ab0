//! Taking seats, giving them back, waiting for them, and refusing what the publisher did not sign.

use crate::support;
use std::time::Duration;

use crate::support::{LONG, PUBLISHER, Site, license_and, line, line_with, other_root, root, wait_until};
use grantor_client::api::Code;
use grantor_client::{Client, Error};

#[test]
fn a_seat_is_granted_and_given_back_on_drop() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let client = site.client();
    let seats = client.checkout("DRAWING", "8.0").take().unwrap();
    assert_eq!((seats.count(), seats.feature(), seats.version()), (1, "drawing", "8.1"));
    assert!(seats.is_valid());
    assert_eq!(site.in_use("drawing"), 1);
    drop(seats);
    assert_eq!(site.in_use("drawing"), 0);
}

#[test]
fn the_session_lives_as_long_as_its_seats_and_ends_with_the_last() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let client = site.client();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    drop(client);
    assert_eq!((site.in_use("drawing"), site.status().sessions), (1, 1));
    drop(seats);
    assert_eq!((site.in_use("drawing"), site.status().sessions), (0, 0));
}

#[test]
fn closing_ends_all_seats_at_once() {
    let site = Site::with(vec![line("drawing", "8.1", 2)]);
    let client = site.client();
    let seats = client.checkout("drawing", "8.1").count(2).take().unwrap();
    client.close().unwrap();
    assert!(!seats.is_valid());
    assert_eq!((seats.count(), site.status().sessions), (0, 0));
}

#[test]
fn amounts_are_asked_as_servers_do() {
    let site = Site::with(vec![line("seats", "8.1", 10)]);
    let client = site.client();
    let ask = || client.checkout("seats", "8.1");
    let pair = [ask().for_interaction_server(3).take().unwrap(), ask().for_tserver(4).take().unwrap()];
    assert_eq!(pair.each_ref().map(grantor_client::Seats::count), [3, 4]);
    assert_eq!(support::code(&ask().count(4).take().unwrap_err()), Code::NoneLeft);
    assert_eq!(support::code(&ask().up_to(9).at_least(5).take().unwrap_err()), Code::NoneLeft);
    let rest = ask().for_ucs(20_000).take().unwrap();
    assert_eq!(rest.count(), 3);
    drop(rest);
    assert_eq!(ask().for_ocs(2).take().unwrap().count(), 2);
    assert_eq!(ask().for_urs().take().unwrap().count(), 3);
    assert_eq!(ask().for_desktop().take().unwrap().count(), 1);
    assert_eq!(pair[0].is_valid(), pair[1].is_valid());
}

#[test]
fn a_redundant_pair_holds_its_seats_once() {
    let site = Site::with(vec![line_with("tserver", 4, "DUP_GROUP", "V")]);
    let (primary, backup) = (site.client(), site.client());
    let ask =
        |client: &Client| client.checkout("tserver", "8.1").for_tserver(4).for_pair("pair-1").take().unwrap();
    let both = [ask(&primary), ask(&backup)];
    assert_eq!(both.each_ref().map(grantor_client::Seats::count), [4, 4]);
    assert_eq!(site.in_use("tserver"), 4);
}

#[test]
fn a_refusal_says_who_holds_the_seats() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    let first = site.builder().user("ann").host("desk-1").connect().unwrap();
    let _seats = first.checkout("drawing", "8.1").take().unwrap();
    let error = site.client().checkout("drawing", "8.1").take().unwrap_err();
    assert_eq!(support::code(&error), Code::NoneLeft);
    assert!(error.to_string().contains("held by ann@desk-1 since "), "{error}");
}

#[test]
fn a_grant_signed_by_another_root_is_refused_and_given_back() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    let builder = || Client::builder("test").servers(site.server().into()).trust(site.trust());
    for client in [
        builder().publisher(PUBLISHER, &other_root().public()).connect().unwrap(),
        builder().publisher("rival", &root().public()).connect().unwrap(),
    ] {
        let error = client.checkout("drawing", "8.1").take().unwrap_err();
        assert!(matches!(&error, Error::Unverified { publisher, .. } if publisher == PUBLISHER), "{error}");
        assert_eq!(site.in_use("drawing"), 0);
    }
}

#[test]
fn without_a_usable_root_key_nothing_is_connected() {
    let none = Client::builder("test").connect().unwrap_err().to_string();
    assert!(none.contains("hint: `Builder::publisher`"), "{none}");
    let bad = Client::builder("test").publisher("acme", "no key").connect().unwrap_err().to_string();
    assert!(bad.contains("root key of publisher `acme` is not base64"), "{bad}");
}

#[test]
fn waiting_in_line_ends_with_the_seat() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    let (first, second) = (site.client(), site.client());
    let seats = first.checkout("drawing", "8.1").take().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| second.checkout("drawing", "8.1").queue(LONG).take());
        wait_until(|| site.feature("drawing").queue.len() == 1);
        drop(seats);
        let taken = waiting.join().unwrap().unwrap();
        assert!(taken.is_valid());
        assert_eq!(site.in_use("drawing"), 1);
    });
    assert_eq!(site.in_use("drawing"), 0);
}

#[test]
fn who_has_waited_long_enough_leaves_the_line_and_is_told_who_holds() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    let first = site.builder().user("ann").connect().unwrap();
    let _seats = first.checkout("drawing", "8.1").take().unwrap();
    let error = site.client().checkout("drawing", "8.1").queue(Duration::from_secs(1)).take().unwrap_err();
    assert_eq!(support::code(&error), Code::NoneLeft);
    assert!(error.to_string().contains("held by ann@"), "{error}");
    assert!(site.feature("drawing").queue.is_empty());
}

#[test]
fn the_first_of_several_servers_that_answers_is_taken() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    // Nobody listens where somebody has just stopped to.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let list = format!("{gone}@127.0.0.1:{}", site.server());
    let client = site.builder().servers(grantor_client::Servers::parse(&list).unwrap()).connect().unwrap();
    assert_eq!(client.server(), site.server());
    let nobody = format!("{gone}@127.0.0.1,{gone}@[::1]");
    let error =
        site.builder().servers(grantor_client::Servers::parse(&nobody).unwrap()).connect().unwrap_err();
    assert!(matches!(&error, Error::NoServer(all) if all.len() == 2), "{error}");
}

#[test]
fn a_server_is_reached_by_its_ipv6_address_as_well() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    let server = format!("{}@[::1]", site.server().port);
    let client = site.builder().servers(grantor_client::Servers::parse(&server).unwrap()).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    assert_eq!((client.server().to_string(), seats.count(), site.in_use("drawing")), (server, 1, 1));
}

#[test]
fn one_client_serves_many_threads() {
    let site = Site::with(vec![line("drawing", "8.1", 8)]);
    let client = site.client();
    let taken: Vec<grantor_client::Seats> = std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..8).map(|_| scope.spawn(|| client.checkout("drawing", "8.1").take())).collect();
        asking.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    assert_eq!(site.in_use("drawing"), 8);
    drop(client);
    std::thread::spawn(move || drop(taken)).join().unwrap();
    assert_eq!((site.in_use("drawing"), site.status().sessions), (0, 0));
}

#[test]
fn a_component_of_a_suite_is_proven_and_takes_a_seat_of_the_suite_along() {
    let site = Site::with(vec![]);
    let suite = "PACKAGE office acme 8.1 COMPONENTS=\"drawing text\" OPTIONS=SUITE LRN=LRN-1\n";
    site.load_text(license_and(vec![line("office", "8.1", 2)], suite));
    let client = site.client();
    let drawing = client.checkout("drawing", "8.1").take().unwrap();
    let text = client.checkout("text", "8.1").take().unwrap();
    assert_eq!((site.in_use("drawing"), site.in_use("text"), site.in_use("office")), (1, 1, 2));
    let refused = client.checkout("drawing", "8.1").take().unwrap_err();
    assert_eq!(refused.code(), Some(Code::NoneLeft), "no seat of the suite is left: {refused}");
    drop(text);
    assert_eq!((site.in_use("text"), site.in_use("office")), (0, 1));
    drop(drawing);
    assert_eq!(site.in_use("office"), 0);
}

#[test]
fn a_component_of_a_package_is_proven_by_the_package_and_the_line_that_enables_it() {
    let site = Site::with(vec![]);
    let package = "PACKAGE fruits acme 8.1 COMPONENTS=\"apple:1.5:2 orange:3.0:4\" LRN=LRN-1\n";
    site.load_text(license_and(vec![line("fruits", "8.1", 3)], package));
    let client = site.client();
    let oranges = client.checkout("orange", "3.0").count(12).take().unwrap();
    assert_eq!((oranges.count(), oranges.version()), (12, "3.0"));
    assert_eq!(client.checkout("apple", "1.0").count(6).take().unwrap().count(), 6);
}
