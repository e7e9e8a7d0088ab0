//! Books are backed up and restored, also from one database into the other.

use crate::support::{NOW, acme, both, order};
use grantor_portal::accounts;
use grantor_portal::backup::{BackupError, backup, restore};
use grantor_portal::orders::book;
use grantor_portal::store::Store;

async fn text(store: &Store) -> String {
    let mut text = Vec::new();
    backup(store, &mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn a_backup_of_either_database_is_restored_into_either_and_work_goes_on_there() {
    block_on(async {
        for from in both().await {
            acme(&from.store).await;
            book(&from.store, &order("1", &[("SW-001-4.0-AL02", 50)]), "ann", NOW, 1).await.unwrap();
            let before = text(&from.store).await;
            for into in both().await {
                restore(&into.store, &mut before.as_bytes()).await.unwrap();
                assert_eq!(text(&into.store).await, before, "{} to {}", from.name, into.name);
                let next = order("2", &[("SW-001-4.0-AL06", 5)]);
                assert!(book(&into.store, &next, "ann", NOW, 2).await.unwrap().new);
                let again = restore(&into.store, &mut before.as_bytes()).await.unwrap_err();
                assert!(matches!(again, BackupError::NotEmpty), "{again}");
            }
        }
    });
}

#[test]
fn a_backup_that_was_cut_or_changed_restores_nothing() {
    block_on(async {
        for empty in both().await {
            let full = both().await.remove(0).store;
            acme(&full).await;
            let whole = text(&full).await;
            let lines: Vec<&str> = whole.lines().collect();
            let cut = lines[..lines.len() - 1].join("\n");
            let without_one = [&lines[..2], &lines[3..]].concat().join("\n");
            let headless = lines[1..].join("\n");
            let of_later = whole.replacen("tables\":\"0", "tables\":\"9", 1);
            let odd = whole.replacen("\"sites\"", "\"sights\"", 1);
            for wrong in [cut, without_one, headless, of_later, odd, "{".to_owned(), String::new()] {
                restore(&empty.store, &mut wrong.as_bytes()).await.unwrap_err();
                assert_eq!(accounts::search(&empty.store, "", 0, 1).await.unwrap().0, 0);
            }
            restore(&empty.store, &mut whole.as_bytes()).await.unwrap();
        }
    });
}
