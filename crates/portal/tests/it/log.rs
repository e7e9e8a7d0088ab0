//! Looking through the log, on both databases.

use std::time::Duration;

use crate::support::door::{Door, person, visit};
use crate::support::{NOW, acme, on_both, order};
use grantor_portal::log::{Wanted, head, search};
use grantor_portal::orders::book;
use grantor_portal::rights::Role;
use grantor_portal::sites::{self, Details};

const LONG: Duration = Duration::from_secs(60);

fn wanted(who: &str, what: &str, about: &str) -> Wanted {
    Wanted { who: who.to_owned(), what: what.to_owned(), about: about.to_owned() }
}

#[test]
fn the_log_is_searched_by_who_what_and_about_what_backwards_and_page_by_page() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        for number in 1..=7 {
            let by = if number % 2 == 0 { "Ann Ä" } else { "bob" };
            let order = order(&format!("SO_{number}"), &[("SW-001-4.0-AL02", number)]);
            book(&store, &order, by, NOW, u64::from(number)).await.unwrap();
        }
        let quoted = Details { name: "The \"Ü\" 100%".to_owned(), ..Details::default() };
        sites::create(&store, &account, &quoted, ("bob", NOW)).await.unwrap();
        let size = head(store.read()).await.unwrap().0;
        let count = |wanted: Wanted| {
            let store = store.clone();
            async move {
                let found = search(store.read(), &wanted, size, 100, LONG).await.unwrap();
                assert_eq!(found.next, None);
                found.entries.len()
            }
        };
        assert_eq!(count(wanted("", "ORDER", "")).await, 7);
        assert_eq!(count(wanted("ann Ä", "", "")).await, 3);
        assert_eq!(count(wanted("BOB", "order booked", "")).await, 4);
        assert_eq!(count(wanted("", "", "so_3")).await, 1);
        assert_eq!(count(wanted("", "", "so%3")).await, 0, "signs are signs");
        assert_eq!(count(wanted("", "", "\"Ü\" 100%")).await, 1);
        assert_eq!(count(wanted("", "", "order booked")).await, 0, "that is what, not about what");
        assert_eq!(count(wanted("nobody", "", "")).await, 0);
        let first = search(store.read(), &wanted("", "order", ""), size, 5, LONG).await.unwrap();
        let rest =
            search(store.read(), &wanted("", "order", ""), first.next.unwrap(), 5, LONG).await.unwrap();
        assert_eq!((first.entries.len(), rest.entries.len(), rest.next), (5, 2, None));
        assert!(first.entries[0].position > first.entries[4].position, "the latest first");
    });
}

#[test]
fn a_search_that_takes_too_long_says_how_far_it_got_and_goes_on_from_there() {
    on_both(|store| async move {
        acme(&store).await;
        let sql = |from: u64| {
            let rows: Vec<String> = (from..from + 500)
                .map(|at| format!("({at}, '{{\"at\":1,\"by\":\"x\",\"more\":{{}},\"v\":1,\"what\":\"y\"}}')"))
                .collect();
            format!("insert into log_entries (position, body) values {}", rows.join(","))
        };
        for from in (1000..6000).step_by(500) {
            sea_orm::ConnectionTrait::execute_unprepared(store.read(), &sql(from)).await.unwrap();
        }
        let wanted = wanted("", "account created", "");
        let (mut before, mut looks) = (6000, 0);
        loop {
            let found = search(store.read(), &wanted, before, 50, Duration::ZERO).await.unwrap();
            looks += 1;
            let Some(next) = found.next else {
                assert_eq!((found.entries.len(), looks), (1, 3));
                break;
            };
            assert!(found.entries.is_empty() && next < before);
            before = next;
        }
    });
}

#[test]
fn the_page_of_the_log_has_a_search_box_for_those_who_may_read_it() {
    on_both(|store| async move {
        acme(&store).await;
        let door = Door::open(&store, false);
        let admin = person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let admin = visit(&store, &admin).await;
        let page = door.get("/log?what=account+created&about=ACME", &admin).await.body;
        assert!(
            page.contains("<summary>account created</summary>") && !page.contains("site created"),
            "{page}"
        );
        assert!(page.contains("The whole log was looked through."), "{page}");
        let csv = door.get("/log?what=account+created&format=csv", &admin).await.body;
        assert_eq!(csv.lines().count(), 2, "{csv}");
    });
}
