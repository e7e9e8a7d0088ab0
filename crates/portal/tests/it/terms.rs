//! Orders of a pilot or for a short time: booked by page, by file and by program, and only where the product has such licenses.

use crate::support::api::{Api, scopes, token};
use crate::support::door::{Door, person, visit};
use crate::support::wfo::office;
use crate::support::{acme, on_both, order};
use grantor_portal::orders::{self, NewOrder, Term, check, read_csv};
use grantor_portal::rights::Role;
use serde_json::json;

const PART: &str = "Interaction Recording";

#[test]
fn a_pilot_is_booked_by_page_by_file_and_by_program() {
    on_both(|store| async move {
        let (account, _) = office(&store).await;
        let (api, door) = (Api::of(&store), Door::open(&store, false));
        let otto = person(&store, "otto@example.com", &[Role::Orders], None).await;
        let (cookie, own) = (visit(&store, &otto).await, token(&store, &otto, &scopes(&otto)).await);

        let dialog = door.get("/orders/new", &cookie).await.body;
        for term in Term::ALL {
            assert!(dialog.contains(&format!("<option value=\"{}\"", term.word())), "{dialog}");
        }
        let form = "number=P-1&account=ACME&site=Berlin&term=pilot&product=wfo&lines=Interaction+Recording+5";
        let refused = door.post("/orders/new", &cookie, form).await.body;
        assert!(refused.contains("a pilot order has a last day"), "{refused}");
        assert!(refused.contains("<option value=\"pilot\" selected>"), "what was entered stays: {refused}");
        let booked = door.post("/orders/new", &cookie, &format!("{form}&last_day=2027-03-31")).await;
        assert!(booked.location.starts_with("/accounts/ACME/orders/P-1"), "{booked:?}");

        let csv = format!(
            "order,account,site,term,last_day,catalogue,part,quantity\nP-2,ACME,Berlin,temporary,2027-01-31,wfo,{PART},3\n"
        );
        let read = read_csv(csv.as_bytes());
        assert_eq!((read.problems.len(), read.orders[0].term), (0, Term::Temporary));
        orders::book(&store, &read.orders[0], "otto", 1, 2).await.unwrap();

        let body = json!({
            "number": "P-3", "account": "ACME", "site": "Berlin", "term": "pilot", "last_day": "2027-03-31",
            "lines": [{ "catalogue": "wfo", "part": PART, "quantity": 2 }],
        });
        api.done("/api/v1/orders", &own, &body.to_string(), "").await;
        let terms = async |number| orders::one(&store, account.id, number).await.unwrap().0.term;
        assert_eq!(
            [terms("P-1").await, terms("P-2").await, terms("P-3").await],
            ["pilot", "temporary", "pilot"]
        );
        let shown = door.get("/accounts/ACME/orders", &cookie).await.body;
        assert!(shown.contains("<td>pilot</td>") && shown.contains("<td>temporary</td>"), "{shown}");
    });
}

#[test]
fn a_pilot_of_a_product_that_has_no_such_licenses_is_refused_when_it_is_booked() {
    on_both(|store| async move {
        acme(&store).await;
        for (term, word) in [(Term::Pilot, "pilot"), (Term::Temporary, "temporary")] {
            let last_day = Some("2027-03-31".to_owned());
            let wrong = NewOrder { term, last_day, ..order("1", &[("SW-001-4.0-AL02", 5)]) };
            let told: Vec<String> =
                check(&store, &wrong).await.unwrap().iter().map(ToString::to_string).collect();
            let says = format!(
                "order 1, term: the catalogue `pureconnect-4` has no license type `{word}`, so it is not sold as {word}"
            );
            assert_eq!(told, [says]);
        }
    });
}
