//! Redundant sets and independent servers: whichever server dies or falls silent, no seat is lost and none is taken twice.
//! Proxies before one real server stand for the members of a cluster.

use std::time::Duration;

use crate::support::proxy::Proxy;
use crate::support::{LONG, PUBLISHER, Site, events, line, next, root, wait_until};
use grantor_client::api::Code;
use grantor_client::{Builder, Client, Error, Event, Servers};

const SHORT: Duration = Duration::from_secs(5);

/// A site that is reached through three doors.
struct Cluster {
    doors: [Proxy; 3],
    site: Site,
}

impl Cluster {
    fn new() -> Self {
        let site = Site::with(vec![line("drawing", "8.1", 5)]);
        Self { doors: std::array::from_fn(|_| Proxy::before(site.address())), site }
    }

    fn builder(&self) -> Builder {
        let names: Vec<String> = self.doors.iter().map(|door| door.server().to_string()).collect();
        let builder = Client::builder("test").servers(Servers::parse(&names.join(",")).unwrap());
        builder.trust(self.site.trust()).publisher(PUBLISHER, &root().public()).heartbeat(SHORT).grace(LONG)
    }
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_checkout_costs_nothing() {
    let cluster = Cluster::new();
    let client = cluster.builder().connect().unwrap();
    cluster.doors[0].die_at_next_answer();
    let seats = client.checkout("drawing", "8.1").count(2).take().unwrap();
    assert_eq!(cluster.doors[0].counts().1, 1, "the first answer was lost");
    assert_eq!((seats.count(), cluster.site.in_use("drawing")), (2, 2));
    assert_eq!((cluster.site.status().sessions, client.server()), (1, cluster.doors[1].server()));
}

#[test]
fn a_server_that_falls_silent_is_passed_over() {
    let cluster = Cluster::new();
    let client = cluster.builder().connect().unwrap();
    let first = client.checkout("drawing", "8.1").take().unwrap();
    cluster.doors[0].fall_silent();
    let second = client.checkout("drawing", "8.1").take().unwrap();
    assert!(first.is_valid() && second.is_valid());
    assert_eq!((cluster.site.in_use("drawing"), cluster.site.status().sessions), (2, 1));
}

#[test]
fn who_connects_finds_the_one_server_that_is_left() {
    let cluster = Cluster::new();
    cluster.doors[0].fall_silent();
    cluster.doors[1].stop();
    let client = cluster.builder().connect().unwrap();
    assert_eq!(client.server(), cluster.doors[2].server());
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    assert!(seats.is_valid());
}

#[test]
fn heartbeats_go_on_with_another_server_and_nobody_is_bothered() {
    let cluster = Cluster::new();
    let (callback, events) = events();
    let client = cluster.builder().on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    cluster.doors[0].stop();
    wait_until(|| client.server() == cluster.doors[1].server());
    assert!(seats.is_valid() && events.try_recv().is_err());
}

#[test]
fn when_all_are_gone_for_a_while_session_and_seats_are_kept() {
    let cluster = Cluster::new();
    let (callback, events) = events();
    let client = cluster.builder().on_event(callback).connect().unwrap();
    let seats = client.checkout("drawing", "8.1").count(2).take().unwrap();
    cluster.doors.iter().for_each(Proxy::stop);
    assert!(matches!(next(&events), Event::ServerSilent { .. }));
    assert!(seats.is_valid());
    cluster.doors[2].start();
    assert_eq!(next(&events), Event::Resumed);
    assert!(seats.is_valid());
    assert_eq!((cluster.site.in_use("drawing"), cluster.site.status().sessions), (2, 1));
    assert_eq!(client.server(), cluster.doors[2].server());
}

#[test]
fn who_listens_listens_at_another_server_when_the_line_breaks() {
    let cluster = Cluster::new();
    let (callback, events) = events();
    let client = cluster
        .builder()
        .heartbeat(Duration::from_secs(18_000))
        .listen()
        .on_event(callback)
        .connect()
        .unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    cluster.doors[0].stop();
    wait_until(|| cluster.doors[1].counts().0 > 0);
    cluster.site.take_away(cluster.site.only_grant("drawing"));
    assert!(matches!(next(&events), Event::Revoked { count: 1, .. }));
    assert!(!seats.is_valid() && client.is_open());
}

/// Two servers that know nothing of one another.
fn independent(sites: &[Site; 2]) -> Builder {
    let names = sites.each_ref().map(|site| site.server().to_string()).join(";");
    let pems = sites.each_ref().map(|site| std::fs::read_to_string(site.pem()).unwrap()).concat();
    Client::builder("test")
        .servers(Servers::parse(&names).unwrap())
        .trust(grantor_client::ServerTrust::Authority(pems))
        .publisher(PUBLISHER, &root().public())
}

#[test]
fn independent_servers_are_asked_one_after_another() {
    let sites =
        [Site::with(vec![line("a", "8.1", 1)]), Site::with(vec![line("a", "8.1", 2), line("b", "8.1", 1)])];
    let client = independent(&sites).connect().unwrap();
    assert_eq!(sites[1].status().sessions, 0, "nobody is bothered before there is need");
    let first = client.checkout("a", "8.1").take().unwrap();
    assert_eq!(sites.each_ref().map(|site| site.in_use("a")), [1, 0]);
    let second = client.checkout("a", "8.1").take().unwrap();
    let other = client.checkout("b", "8.1").take().unwrap();
    assert_eq!(sites.each_ref().map(|site| site.in_use("a")), [1, 1]);
    assert_eq!((sites[1].in_use("b"), sites.each_ref().map(|site| site.status().sessions)), (1, [1, 1]));
    let error = client.checkout("a", "8.1").count(2).take().unwrap_err();
    let Error::Refused(refusals) = &error else { panic!("{error}") };
    let codes: Vec<_> =
        refusals.iter().map(|(server, error)| (server.clone(), error.code().unwrap())).collect();
    let expected = [(sites[0].server(), Code::MoreThanExists), (sites[1].server(), Code::NoneLeft)];
    assert_eq!(codes, expected, "no grant is made of two servers' seats");
    drop((first, second, other));
    client.close().unwrap();
    assert_eq!(sites.each_ref().map(|site| site.status().sessions), [0, 0]);
}

#[test]
fn who_waits_in_line_at_independent_servers_takes_what_is_free_first() {
    let sites = [Site::with(vec![line("a", "8.1", 1)]), Site::with(vec![line("a", "8.1", 1)])];
    let client = independent(&sites).connect().unwrap();
    let first = client.checkout("a", "8.1").queue(LONG).take().unwrap();
    let second = client.checkout("a", "8.1").queue(LONG).take().unwrap();
    assert_eq!(sites.each_ref().map(|site| site.in_use("a")), [1, 1]);
    let third = std::thread::scope(|scope| {
        let third = scope.spawn(|| client.checkout("a", "8.1").queue(LONG).take());
        wait_until(|| sites[0].feature("a").queue.len() == 1);
        drop(first);
        third.join().unwrap().unwrap()
    });
    assert!(second.is_valid() && third.is_valid());
}

#[test]
fn the_first_of_independent_servers_may_be_away() {
    let mut sites = [Site::with(vec![line("a", "8.1", 1)]), Site::with(vec![line("a", "8.1", 1)])];
    let builder = independent(&sites).patience(Duration::from_secs(2));
    sites[0].stop();
    let client = builder.connect().unwrap();
    let seats = client.checkout("a", "8.1").take().unwrap();
    assert_eq!((seats.count(), sites[1].in_use("a")), (1, 1));
    let error = client.checkout("a", "8.1").take().unwrap_err();
    assert!(
        error.code() == Some(Code::NoneLeft) && error.to_string().contains("can't be reached"),
        "{error}"
    );
}
