//! Activation File Activity: its filters, its pages, what stands on a file's page, and filters that are saved.

use std::collections::BTreeSet;

use crate::support::door::{person, visit};
use crate::support::tables::{carl, column, csv, plain, sorts};
use crate::support::{NOW, TODAY, acme, on_both, order};
use grantor_portal::accounts::Account;
use grantor_portal::files::{Chosen, Machine, Request, Selection, generate};
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::rights::Role;
use grantor_portal::sites::{self, Details, Site};
use grantor_portal::store::Store;

const BY: (&str, i64) = ("ann", NOW);
const SERVER: &str = "SW-001-4.0-SL03";
const CLIENT: &str = "SW-001-4.0-AL02";

/// So many files of ACME, each for a machine of its own; every other one is by somebody else, and of an earlier day.
async fn files(store: &Store, (account, site): &(Account, Site), count: u32) {
    book(store, &order("1", &[(SERVER, count), (CLIENT, count)]), "ann", NOW, 1).await.unwrap();
    for at in 0..count {
        let chosen = |part: &str| Chosen { part: part.to_owned(), quantity: 1, pooled: 0 };
        let selection = Selection {
            catalogue: "pureconnect-4".to_owned(),
            license_type: if at == 0 { "training" } else { "production" }.to_owned(),
            machine: Machine {
                host_id: format!("0050569a{at:04x}"),
                name: format!("cic{:02}", (at * 7) % count),
            },
            switchover: None,
            system_type: "Media Server Based".to_owned(),
            mail_connector: "Microsoft Exchange Server".to_owned(),
            registration_key: None,
            items: vec![chosen(SERVER), chosen(CLIENT)],
        };
        let (by, day) = if at % 2 == 0 { ("bob", TODAY) } else { ("dora", "2026-11-20") };
        let (today, at_then) = (day.parse().unwrap(), NOW + i64::from(at));
        let (by, selection) = (Actor::House(by), &selection);
        let request = Request { account, site, selection, replaces: None, by, at: at_then, today };
        generate(store, &request, &format!("file {at}")).await.unwrap();
    }
}

#[test]
fn each_filter_of_the_activity_narrows_the_list_its_pages_and_its_csv() {
    on_both(|store| async move {
        let owner = acme(&store).await;
        files(&store, &owner, 60).await;
        let rome =
            sites::create(&store, &owner.0, &Details { name: "Rome".to_owned(), ..Details::default() }, BY)
                .await
                .unwrap();
        let (door, cookie) = carl(&store).await;
        let path = "/accounts/ACME/files";
        let berlin = owner.1.id;
        for (query, count) in [
            ("", 60),
            (&*format!("site={berlin}"), 60),
            (&*format!("site={}", rome.id), 0),
            ("active=no", 0),
            ("active=all", 60),
            ("from=2026-11-24", 30),
            ("until=2026-11-23", 30),
            ("from=2026-11-20&until=2026-11-24", 60),
            ("product=pureconnect-4", 60),
            ("product=wfo", 0),
            ("type=training", 1),
            ("type=production", 59),
            ("by=dora", 30),
            ("machine=cic1", 10),
            ("machine=cic1&by=nobody", 0),
        ] {
            let path = format!("{path}?{query}");
            let pages = column(&door, &cookie, &path, 8).await;
            assert_eq!(pages.len(), count, "{query}");
            let once: BTreeSet<&String> = pages.iter().collect();
            assert_eq!(once.len(), count, "{query}: each once");
            let file: Vec<String> =
                csv(&door, &cookie, &path).await.into_iter().map(|row| row[0].clone()).collect();
            assert_eq!(file, pages, "{query}: the file has every row, in the same order");
        }
        sorts(&door, &cookie, path, ("machine", 2, 8)).await;
        let second = door.get(&format!("{path}?by=dora&sort=machine&machine=cic"), &cookie).await.body;
        assert!(second.contains("30 results") && second.contains("1 to 30 of 30"), "{second}");
        let first = door.get(&format!("{path}?machine=cic&sort=machine"), &cookie).await.body;
        let next = first.split("rel=\"next\"").next().unwrap_or(&first);
        assert!(
            first.contains("1 to 50 of 60") && next.contains("machine=cic"),
            "the next page keeps filter and order: {first}"
        );
    });
}

#[test]
fn a_files_page_has_its_server_its_features_its_licenses_and_the_ordered_items_that_it_uses() {
    on_both(|store| async move {
        let owner = acme(&store).await;
        files(&store, &owner, 2).await;
        let (door, cookie) = carl(&store).await;
        let body = door.get("/accounts/ACME/files/AF-000002", &cookie).await.body;
        let fact = |label: &str| {
            let behind =
                body.split(&format!("<dt>{label}</dt>")).nth(1).unwrap_or_else(|| panic!("{label}: {body}"));
            plain(behind.split("</dd>").next().unwrap()).trim().to_owned()
        };
        for (label, shown) in [
            ("Product", "PureConnect 4.0"),
            ("Type", "production"),
            ("Generation Date", "2026-11-20"),
            ("Expiration Date", "permanent"),
            ("Generated By", "dora"),
            ("Company Name", "Acme Contact Centres"),
            ("Site Name", "Berlin"),
            ("Server", "cic01, 0050569a0001"),
            ("Machine Type", "Media Server Based"),
            ("Mail Connector", "Microsoft Exchange Server"),
        ] {
            assert_eq!(fact(label), shown, "{label}");
        }
        assert!(fact("Bundle").starts_with("PureConnect 4.0 "), "{}", fact("Bundle"));
        assert!(!fact("Description").is_empty());
        let list = |title: &str| {
            let behind = body.split(&format!("<h3>{title}</h3>")).nth(1).unwrap();
            behind.split("</section>").next().unwrap().to_owned()
        };
        assert!(list("Features").contains("<code>I3_FEATURE_"), "{}", list("Features"));
        let licenses = list("Licenses");
        assert!(licenses.contains("<code>I3_ACCESS_CLIENT (1"), "{licenses}");
        let used = plain(&list("Ordered Items Used"));
        for item in [format!("{SERVER} Intermediate Server (1)"), format!("{CLIENT} Business Client (1)")] {
            assert!(used.contains(&item), "{used}");
        }
    });
}

#[test]
fn a_saved_filter_is_made_opened_and_removed_and_is_its_persons_alone() {
    on_both(|store| async move {
        let owner = acme(&store).await;
        files(&store, &owner, 3).await;
        let (door, cookie) = carl(&store).await;
        let path = "/accounts/ACME/files";
        let form =
            "page=files&name=the+tens&query=%3Fmachine%3Dcic0%26sort%3Dmachine&next=/accounts/ACME/files";
        let saved = door.post("/me/filters", &cookie, form).await;
        assert!(saved.location.starts_with(path) && saved.location.contains("done=saved"), "{saved:?}");
        let body = door.get(path, &cookie).await.body;
        let before = body.split("the tens</a>").next().unwrap();
        let query = before
            .rsplit("href=\"")
            .next()
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        assert_eq!(query, "?machine=cic0&sort=machine");
        assert_eq!(column(&door, &cookie, &format!("{path}{query}"), 2).await, ["cic00", "cic01", "cic02"]);
        let dora = person(&store, "dora@example.com", &[Role::Customer], Some("ACME")).await;
        let other = visit(&store, &dora).await;
        assert!(!door.get(path, &other).await.body.contains("the tens"));
        let remove = body.split("/me/filters/").nth(1).unwrap().split('/').next().unwrap();
        door.post(&format!("/me/filters/{remove}/remove"), &other, "next=/").await;
        assert!(door.get(path, &cookie).await.body.contains("the tens"), "nobody removes another one's");
        door.post(&format!("/me/filters/{remove}/remove"), &cookie, &format!("next={path}")).await;
        assert!(!door.get(path, &cookie).await.body.contains("the tens"));
    });
}
