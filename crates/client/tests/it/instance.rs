//! Containers that come back and jobs of a scheduler, through the SDK.

use crate::support;
use std::time::Duration;

use crate::support::{LONG, Site, events, line, next, wait_until};
use grantor_client::Event;
use grantor_client::api::Code;
use grantor_client::api::checkout::{CheckOut, Lease, OpenLease};

const SHORT: Duration = Duration::from_secs(5);

#[test]
fn a_container_that_starts_anew_finds_its_seats_again_though_the_pool_is_full() {
    let site = Site::with(vec![line("drawing", "8.1", 3)]);
    let (callback, events) = events();
    let old = site.builder().instance("web-1").heartbeat(SHORT).on_event(callback).connect().unwrap();
    let (two, one) = (
        old.checkout("drawing", "8.1").count(2).take().unwrap(),
        old.checkout("drawing", "8.1").take().unwrap(),
    );
    let new = site.builder().instance("web-1").connect().unwrap();
    assert_eq!((site.status().sessions, site.in_use("drawing")), (1, 3));
    let adopted = new.checkout("Drawing", "8.1").count(2).take().unwrap();
    let all = new.checkout("drawing", "8.0").all_left().take().unwrap();
    assert_eq!((adopted.count(), all.count(), site.in_use("drawing")), (2, 1, 3));
    assert_eq!(support::code(&new.checkout("drawing", "8.1").take().unwrap_err()), Code::NoneLeft);
    assert!(matches!(next(&events), Event::SessionLost { .. }), "the old process learns of it");
    assert!(!two.is_valid() && !one.is_valid());
    drop((adopted, all));
    assert_eq!(site.in_use("drawing"), 0);
}

#[test]
fn what_the_new_run_does_not_ask_for_is_given_back() {
    let site = Site::with(vec![line("drawing", "8.1", 3)]);
    let old = site.builder().instance("web-1").connect().unwrap();
    let _lost = old.checkout("drawing", "8.1").count(3).take().unwrap();
    let new = site.builder().instance("web-1").adopt_within(Duration::ZERO).connect().unwrap();
    wait_until(|| site.in_use("drawing") == 0);
    assert!(new.is_open());
}

#[test]
fn a_job_takes_its_seats_out_of_the_schedulers_reservation() {
    let site = Site::with(vec![line("drawing", "8.1", 3)]);
    let checkout = CheckOut { feature: "drawing".to_owned(), count: Some(3), ..CheckOut::default() };
    let (user, host) = ("scheduler".to_owned(), "head".to_owned());
    let open = OpenLease {
        lease: None,
        tenant: None,
        user,
        host,
        application: String::new(),
        ttl_seconds: 600,
        checkout,
    };
    let lease: Lease = site.admin().post("/v1/checkouts", &open).unwrap();
    let client = site.client();
    let ask = || client.checkout("drawing", "8.1").reservation(lease.lease);
    let job = ask().count(2).take().unwrap();
    assert_eq!((job.count(), site.in_use("drawing")), (2, 3));
    assert_eq!(support::code(&ask().count(2).take().unwrap_err()), Code::NotReserved);
    assert_eq!(support::code(&client.checkout("drawing", "8.1").take().unwrap_err()), Code::NoneLeft);
    job.give_back().unwrap();
    assert_eq!(site.in_use("drawing"), 3, "they went back to the reservation");
    let job = ask().count(3).take().unwrap();
    let _: () = site.admin().delete(&format!("/v1/checkouts/{}", lease.lease)).unwrap();
    assert!(job.is_valid() && site.in_use("drawing") == 3);
    assert_eq!(support::code(&ask().take().unwrap_err()), Code::NoSuchReservation);
    assert_eq!(support::code(&ask().queue(LONG).take().unwrap_err()), Code::BadRequest);
    drop(job);
    assert_eq!(site.in_use("drawing"), 0);
}
