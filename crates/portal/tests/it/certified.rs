//! Only people who hold a current certification for a product generate its files (seed 002, "Who Can Generate Licenses").

use crate::support::door::person;
use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_portal::certifications::enter;
use grantor_portal::files::{Chosen, Machine, Request, Selection, preview};
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::rights::Role;
use grantor_portal::{Failure, Refusal};

#[test]
fn only_who_holds_a_current_certification_for_a_product_generates_its_files() {
    on_both(|store| async move {
        let (account, site) = acme(&store).await;
        book(&store, &order("1", &[("SW-001-4.0-SL03", 1)]), "ann", NOW, 1).await.unwrap();
        let carl = person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let selection = Selection {
            catalogue: "pureconnect-4".to_owned(),
            license_type: "production".to_owned(),
            machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "cic1".to_owned() },
            switchover: None,
            system_type: String::new(),
            mail_connector: String::new(),
            registration_key: None,
            items: vec![Chosen { part: "SW-001-4.0-SL03".to_owned(), quantity: 1, pooled: 0 }],
        };
        let by = Actor::Person(&carl);
        let today = TODAY.parse().unwrap();
        let request = Request {
            account: &account,
            site: &site,
            selection: &selection,
            replaces: None,
            by,
            at: NOW,
            today,
        };
        for (last_day, may) in
            [(None, false), (Some("2026-11-23"), false), (Some(TODAY), true), (Some("2030-01-01"), true)]
        {
            if let Some(day) = last_day {
                enter(&store, &carl, "pureconnect-4", day, ("ann", NOW)).await.unwrap();
            }
            match preview(&store, &request).await {
                Ok(_) => assert!(may, "{last_day:?}"),
                Err(Failure::Refused(Refusal::NotCertified { .. })) => assert!(!may, "{last_day:?}"),
                Err(failure) => panic!("{failure}"),
            }
        }
        let strange = enter(&store, &carl, "no-such-product", TODAY, ("ann", NOW)).await;
        assert!(matches!(strange, Err(Failure::Refused(Refusal::Field { .. }))));
    });
}
