//! Many orders at once, on both databases: booked in the background, each once and as a whole, whatever is killed.

use crate::support::door::{Door, now, person, visit};
use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_portal::Failure;
use grantor_portal::entitlements::balances;
use grantor_portal::orders::bulk::{self, State};
use grantor_portal::orders::{NewOrder, search};
use grantor_portal::rights::Role;
use grantor_portal::sites;

fn many(count: u32) -> Vec<NewOrder> {
    (1..=count).map(|number| order(&format!("B-{number}"), &[("SW-001-4.0-AL02", 2)])).collect()
}

#[test]
fn an_import_is_booked_in_the_background_by_however_many_processes_each_order_once() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        let orders = many(150);
        let id = bulk::begin(&store, "form", &orders, ("ann", NOW)).await.unwrap();
        assert_eq!(bulk::begin(&store, "form", &orders, ("ann", NOW)).await.unwrap(), id, "sent twice");
        let before = bulk::progress(&store, id).await.unwrap().unwrap();
        assert_eq!((before.total, before.decided(), before.ended_at), (150, 0, None));
        let (one, other) = tokio::join!(bulk::work(&store, || NOW), bulk::work(&store, || NOW));
        assert_eq!(one.unwrap() + other.unwrap(), 150, "one of them had it to itself");
        let after = bulk::progress(&store, id).await.unwrap().unwrap();
        assert_eq!((after.booked, after.ended_at), (150, Some(NOW)));
        let owned = balances(store.read(), account.id, None, TODAY).await.unwrap();
        assert_eq!(owned[0].total(), 300);
        let (total, rows) = bulk::outcome(&store, id, None, (1, 100)).await.unwrap();
        assert_eq!((total, rows.len(), rows[0].number.as_str()), (150, 50, "B-101"));
        assert!(rows.iter().all(|row| row.state == State::Booked && row.lrn.is_some()));
        // The same file again: nothing is booked twice.
        let again = bulk::begin(&store, "another form", &orders, ("ann", NOW)).await.unwrap();
        bulk::work(&store, || NOW).await.unwrap();
        assert_eq!(bulk::progress(&store, again).await.unwrap().unwrap().before, 150);
    });
}

#[test]
fn an_import_whose_process_was_killed_is_gone_on_with_and_no_order_is_booked_in_part_or_twice() {
    on_both(|store| async move {
        let (account, _) = acme(&store).await;
        let id = bulk::begin(&store, "form", &many(60), ("ann", NOW)).await.unwrap();
        // Let go in the middle of whatever it is at, as a process that is killed does.
        let working = bulk::work(&store, || NOW);
        let some = async {
            while bulk::progress(&store, id).await.unwrap().unwrap().decided() < 10 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            done = working => panic!("it was to be killed half-way: {done:?}"),
            () = some => {}
        }
        assert_eq!(bulk::work(&store, || NOW + 1000).await.unwrap(), 0, "it may only be slow");
        let killed = bulk::progress(&store, id).await.unwrap().unwrap();
        assert!(killed.decided() < 60 && killed.ended_at.is_none(), "{killed:?}");
        let rest = bulk::work(&store, || NOW + 60_000).await.unwrap();
        // The one that it was at may have been on its way into the books, and is seen there only now.
        assert!((59..=60).contains(&(rest + killed.decided())), "{rest} after {killed:?}");
        let after = bulk::progress(&store, id).await.unwrap().unwrap();
        assert_eq!((after.booked, after.before, after.ended_at), (60, 0, Some(NOW + 60_000)));
        let owned = balances(store.read(), account.id, None, TODAY).await.unwrap();
        assert_eq!(owned[0].total(), 120);
    });
}

#[test]
fn an_order_of_an_import_that_can_not_be_booked_by_then_is_told_and_the_others_are_booked() {
    on_both(|store| async move {
        acme(&store).await;
        let elsewhere = NewOrder { site: "Paris".to_owned(), ..order("B-2", &[("SW-001-4.0-AL02", 2)]) };
        let differs = order("B-1", &[("SW-001-4.0-AL02", 9)]);
        let orders = [many(1), vec![elsewhere, differs], many(3)[2..].to_vec()].concat();
        let id = bulk::begin(&store, "form", &orders, ("ann", NOW)).await.unwrap();
        bulk::work(&store, || NOW).await.unwrap();
        let after = bulk::progress(&store, id).await.unwrap().unwrap();
        assert_eq!((after.booked, after.refused), (2, 2));
        let (_, refused) = bulk::outcome(&store, id, Some(State::Refused), (0, 10)).await.unwrap();
        let problems: Vec<_> = refused.into_iter().filter_map(|row| row.problem).collect();
        assert!(problems[0].contains("no install site `Paris`"), "{problems:?}");
        assert!(problems[1].contains("with other contents"), "{problems:?}");
    });
}

#[test]
fn an_import_that_is_stopped_books_nothing_more() {
    on_both(|store| async move {
        acme(&store).await;
        let id = bulk::begin(&store, "form", &many(5), ("ann", NOW)).await.unwrap();
        bulk::stop(&store, id, ("ann", NOW)).await.unwrap();
        assert_eq!(bulk::work(&store, || NOW).await.unwrap(), 0);
        let after = bulk::progress(&store, id).await.unwrap().unwrap();
        assert_eq!((after.stopped, after.booked, after.ended_at), (5, 0, Some(NOW)));
        assert!(matches!(bulk::begin(&store, "none", &[], ("ann", NOW)).await, Err(Failure::Refused(_))));
    });
}

#[test]
fn the_page_of_an_import_shows_how_far_it_is_and_then_what_became_of_each_order() {
    on_both(|store| async move {
        acme(&store).await;
        let door = Door::open(&store, false);
        let otto = person(&store, "otto@example.com", &[Role::Orders], None).await;
        let otto = visit(&store, &otto).await;
        let csv =
            "order,account,site,catalogue,part,quantity\nB-1,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,7\n";
        let form = format!("once=x&text={}", csv.replace(',', "%2C").replace('\n', "%0A"));
        let sent = door.post("/orders/import/book", &otto, &form).await;
        assert!(sent.location.starts_with("/orders/imports/"), "{sent:?}");
        assert_eq!(door.post("/orders/import/book", &otto, &form).await.location, sent.location);
        let running = door.get(&sent.location, &otto).await.body;
        assert!(
            running.contains("0 of 1 orders") && running.contains("hx-trigger=\"every 1s\""),
            "{running}"
        );
        assert!(running.contains("<noscript><meta http-equiv=\"refresh\""), "{running}");
        bulk::work(&store, now).await.unwrap();
        let ended = door.get(&sent.location, &otto).await.body;
        assert!(ended.contains("1 booked, 0 booked before, 0 refused") && ended.contains("LRN-"), "{ended}");
        assert!(!ended.contains("hx-trigger") && !ended.contains("http-equiv=\"refresh\""), "{ended}");
        let csv = door.get(&format!("{}?format=csv", sent.location), &otto).await.body;
        assert!(csv.contains("B-1,ACME,booked,LRN-"), "{csv}");
    });
}

/// The text that a form's field has.
fn field<'a>(page: &'a str, before: &str) -> &'a str {
    page.split(before).nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_file_that_was_checked_on_the_page_is_not_checked_again_when_it_is_booked_unless_it_was_changed() {
    on_both(|store| async move {
        let (account, site) = acme(&store).await;
        let door = Door::open(&store, false);
        let otto = visit(&store, &person(&store, "otto@example.com", &[Role::Orders], None).await).await;
        let csv =
            "order,account,site,catalogue,part,quantity\nB-1,ACME,Berlin,pureconnect-4,SW-001-4.0-AL02,7\n";
        let upload = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"orders.csv\"\r\nContent-Type: text/csv\r\n\r\n\
             {csv}\r\n--b--\r\n"
        );
        let kind = "multipart/form-data; boundary=b";
        let checked = door.send_bytes_as("/orders/import", &otto, kind, upload.into_bytes()).await;
        assert!(checked.body.contains("1 orders, no mistakes"), "{}", checked.body);
        let once = field(&checked.body, "name=\"once\" value=\"").to_owned();
        // From now on a second look would find a mistake.
        sites::edit(&store, &account, &site, &site.details, false, ("ann", NOW)).await.unwrap();
        let form = |once: &str, csv: &str| {
            let text: String = form_urlencoded::byte_serialize(csv.as_bytes()).collect();
            format!("once={once}&text={text}")
        };
        let changed = door.post("/orders/import/book", &otto, &form(&once, &csv.replace(",7", ",70"))).await;
        assert!(changed.body.contains("is not active"), "another file is checked: {}", changed.body);
        let other = once.replace(|sign: char| sign.is_ascii_digit(), "x");
        let made_up = door.post("/orders/import/book", &otto, &form(&other, csv)).await;
        assert!(made_up.body.contains("is not active"), "{}", made_up.body);
        // Browsers send a form's lines with a line end of their own.
        let booked = door.post("/orders/import/book", &otto, &form(&once, &csv.replace('\n', "\r\n"))).await;
        assert!(booked.location.starts_with("/orders/imports/"), "{booked:?}");
        bulk::work(&store, || NOW).await.unwrap();
        let page = door.get(&booked.location, &otto).await.body;
        assert!(page.contains("0 booked, 0 booked before, 1 refused"), "what changed is told: {page}");
    });
}

#[test]
fn a_search_that_fits_too_many_orders_says_so_and_gives_the_first_thousand() {
    on_both(|store| async move {
        acme(&store).await;
        bulk::begin(&store, "form", &many(1005), ("ann", NOW)).await.unwrap();
        bulk::work(&store, || NOW).await.unwrap();
        let found = search(&store, "b-", 19, 50).await.unwrap();
        assert_eq!((found.total, found.more, found.rows.len()), (1000, true, 50));
        assert_eq!(search(&store, "b-1005", 0, 50).await.unwrap().total, 1);
    });
}
