//! The tabs of an account as its people see them: sorted by any column, in pages, whole as CSV; and what stands in them.

use std::collections::BTreeSet;

use crate::support::api::{Api, scopes, token};
use crate::support::tables::{carl, column, csv, sorts, table};
use crate::support::{CATALOGUE, NOW, acme, on_both, order};
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::catalogues;
use grantor_portal::orders::{NewOrder, Term, book};
use grantor_portal::sites::{self, Details};
use grantor_portal::store::Store;

const BY: (&str, i64) = ("ann", NOW);
const SERVER: &str = "SW-001-4.0-SL03";
const CLIENT: &str = "SW-001-4.0-AL02";

#[test]
fn orders_are_sorted_by_each_column_page_by_page_and_the_csv_has_them_all_in_that_order() {
    on_both(|store| async move {
        acme(&store).await;
        let payer = NewAccount {
            reference: "PAYER".to_owned(),
            name: "Zahler".to_owned(),
            kind: Kind::SoldTo,
            parent: None,
        };
        accounts::create(&store, &payer, BY).await.unwrap();
        let account = accounts::find(store.read(), "ACME").await.unwrap();
        let rome = Details { name: "Aachen".to_owned(), ..Details::default() };
        sites::create(&store, &account, &rome, BY).await.unwrap();
        for at in 0..205_u64 {
            let dated = at % 3 == 0;
            let bought = NewOrder {
                site: if at % 2 == 0 { "Berlin" } else { "Aachen" }.to_owned(),
                sold_to: (at % 5 == 0).then(|| "PAYER".to_owned()),
                term: if dated { Term::Term } else { Term::Perpetual },
                last_day: dated.then(|| format!("2027-0{}-01", at % 7 + 1)),
                maintenance_until: (at % 4 == 0).then(|| format!("2028-0{}-01", at % 9 + 1)),
                ..order(&format!("SO-{:03}", (at * 83) % 205), &[(CLIENT, 1)])
            };
            book(&store, &bought, "ann", NOW + i64::try_from(at / 10).unwrap() * 86_400_000, at + 1)
                .await
                .unwrap();
        }
        let (door, cookie) = carl(&store).await;
        let path = "/accounts/ACME/orders";
        for (sort, at) in [
            ("number", 0),
            ("lrn", 1),
            ("site", 2),
            ("sold_to", 3),
            ("term", 4),
            ("last_day", 5),
            ("placed", 7),
        ] {
            sorts(&door, &cookie, path, (sort, at, 0)).await;
        }
        let paid = column(&door, &cookie, &format!("{path}?sort=maintenance"), 6).await;
        assert!(paid[0] == "none" && paid[204] == "2028-09-01", "without maintenance, first: {paid:?}");
        let latest = column(&door, &cookie, path, 7).await;
        assert!(latest.is_sorted_by(|one, next| one >= next), "the latest first, without a wish: {latest:?}");
        let rows = csv(&door, &cookie, &format!("{path}?sort=number")).await;
        let numbers: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert!(rows.len() == 205 && numbers.is_sorted(), "{numbers:?}");
        let some = csv(&door, &cookie, &format!("{path}?text=SO-00&sort=number&falling=1")).await;
        assert_eq!(
            (some.len(), some[0][0].as_str()),
            (10, "SO-009"),
            "what is searched for, and in that order"
        );
        let head = door.get(&format!("{path}?sort=site"), &cookie).await.body;
        assert!(
            head.contains("aria-sort=\"ascending\"><a href=\"?sort=site&#38;falling=1")
                || head.contains("aria-sort=\"ascending\"><a href=\"?sort=site&amp;falling=1"),
            "{head}"
        );
    });
}

#[test]
fn install_sites_are_sorted_by_each_column_page_by_page_and_the_csv_has_what_is_searched_for() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        for at in 0..204 {
            let text = |of: &str, count: usize| format!("{of}{:02}", (at * 7) % count);
            let details = Details {
                name: format!("Site {:03}", (at * 61) % 204),
                address1: text("Street ", 40),
                city: text("City ", 11),
                state: text("State ", 5),
                country: text("Country ", 3),
                postal_code: text("1", 30),
                ..Details::default()
            };
            let made = sites::create(&store, &account, &details, BY).await.unwrap();
            if at % 10 == 0 {
                sites::edit(&store, &account, &made, &details, false, BY).await.unwrap();
            }
        }
        let (door, cookie) = carl(&store).await;
        let path = "/accounts/ACME/sites";
        for (sort, at) in [
            ("name", 0),
            ("address", 1),
            ("city", 2),
            ("state", 3),
            ("country", 4),
            ("postal", 5),
            ("active", 6),
        ] {
            sorts(&door, &cookie, path, (sort, at, 0)).await;
        }
        assert_eq!(csv(&door, &cookie, path).await.len(), 205);
        let found = csv(&door, &cookie, &format!("{path}?text=City+01&sort=name&falling=1")).await;
        let names: Vec<&String> = found.iter().map(|row| &row[0]).collect();
        assert!(found.len() > 10 && found.iter().all(|row| row[4] == "City 01"), "{found:?}");
        assert!(names.is_sorted_by(|one, next| one > next), "{names:?}");
        let api = Api::of(&store);
        let carl = grantor_portal::people::by_mail(store.read(), "carl@example.com").await.unwrap();
        let own = token(&store, &carl, &scopes(&carl)).await;
        let list = api.read("/api/v1/accounts/ACME/sites?sort=city&falling=yes", &own).await;
        assert_eq!(list["rows"][0]["city"], "City 10");
        let orders = api.get("/api/v1/accounts/ACME/orders?sort=colour", &own).await;
        assert!(orders.status.is_client_error() && orders.body.contains("none of placed"), "{orders:?}");
    });
}

/// ACME bought what was sold in 3.0, and of 4.0.
async fn of_old(store: &Store) {
    acme(store).await;
    let then = CATALOGUE.replace("retired = true\n", "");
    catalogues::load(store, "pureconnect-4", &then, ("ann", NOW + 1)).await.unwrap();
    let lines =
        [("SW-001-3.0-AL02", 35), ("SW-001-3.0-AL04", 9), ("SW-001-3.0-AL01", 50), (CLIENT, 5), (SERVER, 1)];
    book(store, &order("1", &lines), "ann", NOW, 1).await.unwrap();
    catalogues::load(store, "pureconnect-4", CATALOGUE, ("ann", NOW + 2)).await.unwrap();
}

#[test]
fn parts_with_an_upgrade_are_sorted_by_each_column_and_the_csv_has_those_without_too() {
    on_both(|store| async move {
        of_old(&store).await;
        let (door, cookie) = carl(&store).await;
        let path = "/accounts/ACME/upgrade";
        let with = async |query: &str, at: usize| -> Vec<String> {
            let body = door.get(&format!("{path}{query}"), &cookie).await.body;
            let first = body.split("</table>").next().unwrap().to_owned();
            table(&first).into_iter().map(|mut row| row.swap_remove(at)).collect()
        };
        for (sort, at) in [("part", 0), ("description", 1), ("becomes", 2)] {
            let rising = with(&format!("?sort={sort}"), at).await;
            assert!(rising.len() == 3 && rising.is_sorted(), "{sort}: {rising:?}");
            let falling = with(&format!("?sort={sort}&falling=1"), at).await;
            assert!(falling.is_sorted_by(|one, next| one >= next), "{sort}: {falling:?}");
        }
        assert_eq!(with("?sort=owned", 3).await, ["9", "35", "50"], "numbers, and not texts");
        assert_eq!(with("?sort=free&falling=1", 4).await, ["50", "35", "9"]);
        let rows = csv(&door, &cookie, &format!("{path}?sort=owned")).await;
        let told: Vec<(&str, &str, &str)> =
            rows.iter().map(|row| (row[0].as_str(), row[3].as_str(), row[4].as_str())).collect();
        assert_eq!(
            told,
            [
                (SERVER, "", "1"),
                (CLIENT, "", "5"),
                ("SW-001-3.0-AL04", "SW-001-4.0-AL04", "9"),
                ("SW-001-3.0-AL02", CLIENT, "35"),
                ("SW-001-3.0-AL01", "SW-001-4.0-AL01", "50"),
            ]
        );
    });
}

#[test]
fn the_summary_opens_a_part_to_its_keys_and_its_csv_has_every_part_of_every_page() {
    on_both(|store| async move {
        acme(&store).await;
        let edition =
            catalogues::current(&store, store.read()).await.unwrap().remove("pureconnect-4").unwrap();
        let parts: Vec<(&str, u32)> =
            edition.catalogue.list().into_iter().map(|item| (item.name.as_str(), 3)).collect();
        assert!(parts.len() > 50, "more than a page: {}", parts.len());
        book(&store, &order("1", &parts), "ann", NOW, 1).await.unwrap();
        let (door, cookie) = carl(&store).await;
        let numbers = column(&door, &cookie, "/accounts/ACME/software", 0).await;
        assert_eq!(numbers.len(), parts.len());
        for tab in ["/accounts/ACME", "/accounts/ACME/software"] {
            let rows = csv(&door, &cookie, tab).await;
            assert_eq!(rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), numbers, "{tab}");
        }
        let client =
            format!("/accounts/ACME?page={}", numbers.iter().position(|one| one == CLIENT).unwrap() / 50);
        let body = door.get(&client, &cookie).await.body;
        let open = body
            .split(&format!("<summary>{CLIENT}</summary>"))
            .nth(1)
            .unwrap()
            .split("</details>")
            .next()
            .unwrap();
        for key in
            ["I3_ACCESS_CLIENT (1 assigned, 0 pooled)", "I3_LICENSE_BASIC_STATION (1 assigned, 0 pooled)"]
        {
            assert!(open.contains(&format!("<code>{key}</code>")), "{open}");
        }
    });
}

#[test]
fn software_details_say_what_is_mirrored_to_whom_it_was_sold_and_what_ends() {
    on_both(|store| async move {
        of_old(&store).await;
        let payer = NewAccount {
            reference: "PAYER".to_owned(),
            name: "Zahler".to_owned(),
            kind: Kind::SoldTo,
            parent: None,
        };
        accounts::create(&store, &payer, BY).await.unwrap();
        let dated = NewOrder {
            sold_to: Some("PAYER".to_owned()),
            term: Term::Subscription,
            last_day: Some("2999-01-31".to_owned()),
            ..order("2", &[(CLIENT, 7)])
        };
        book(&store, &dated, "ann", NOW, 2).await.unwrap();
        let (door, cookie) = carl(&store).await;
        let row = async |part: &str| -> Vec<String> {
            let rows = table(&door.get("/accounts/ACME/software", &cookie).await.body);
            rows.into_iter().find(|row| row[0] == part).unwrap()
        };
        assert_eq!(
            row(CLIENT).await[..8],
            [
                CLIENT,
                "PureConnect 4.0",
                "Business Client",
                "No",
                "Acme Contact Centres, Zahler",
                "5",
                "7",
                "12"
            ]
        );
        let mirror = door.post("/accounts/ACME/upgrade", &cookie, "mirror=1").await;
        assert!(mirror.location.contains("done=upgraded"), "{mirror:?}");
        let shown = row("SW-001-3.0-AL02").await;
        assert_eq!((shown[3].as_str(), shown[7].as_str()), ("Yes", "35"));
        assert_eq!(row(CLIENT).await[3..8], ["Yes", "Acme Contact Centres, Zahler", "40", "7", "47"]);
        let file = csv(&door, &cookie, "/accounts/ACME/software").await;
        let same = file.iter().find(|row| row[0] == CLIENT).unwrap();
        assert_eq!(same[3..], ["yes", "Acme Contact Centres, Zahler", "40", "7", "47"]);
    });
}

#[test]
fn the_requests_of_an_account_come_in_pages_and_whole_as_csv() {
    on_both(|store| async move {
        acme(&store).await;
        let (door, cookie) = carl(&store).await;
        let carl = grantor_portal::people::by_mail(store.read(), "carl@example.com").await.unwrap();
        let own = token(&store, &carl, &scopes(&carl)).await;
        for at in 0..52 {
            let fields = r#""first_name":"Carl","last_name":"C","mail":"carl@example.com","mail_again":"carl@example.com","employer":"Acme","description":"x""#;
            let body = format!(r#"{{"kind":"question","fields":{{{fields},"subject":"Question {at}"}}}}"#);
            // A portal takes few requests from one network at a time: here another one takes each.
            let api = Api::of(&store);
            api.done("/api/v1/accounts/ACME/requests", &own, &body, &format!("request {at:03}")).await;
        }
        let subjects = column(&door, &cookie, "/accounts/ACME/requests", 1).await;
        let once: BTreeSet<&String> = subjects.iter().collect();
        assert_eq!((subjects.len(), once.len()), (52, 52));
        let rows = csv(&door, &cookie, "/accounts/ACME/requests").await;
        assert_eq!(rows.into_iter().map(|row| row[2].clone()).collect::<Vec<_>>(), subjects);
    });
}
