//! Lists as people see them: page by page, sorted, and whole as CSV.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's support")]

use std::collections::BTreeSet;

use axum::http::StatusCode;
use grantor_portal::certifications;
use grantor_portal::rights::Role;
use grantor_portal::store::Store;

use super::NOW;
use super::door::{Door, person, visit};

/// A page's text without its marks; ends of cells stay as `|`.
pub fn plain(html: &str) -> String {
    let mut text = String::new();
    for piece in
        html.replace("</td>", "|").split('<').map(|piece| piece.split_once('>').unwrap_or(("", piece)).1)
    {
        text.push_str(piece);
    }
    text
}

/// What the rows of a page's tables show, cell by cell.
pub fn table(html: &str) -> Vec<Vec<String>> {
    let rows = html.split("<tr><td").skip(1).map(|row| row.split("</tr>").next().unwrap());
    let cells =
        |row: &str| plain(&format!("<td{row}")).split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// One column of every page of a list, as people turn from one to the next.
pub async fn column(door: &Door, cookie: &str, path: &str, at: usize) -> Vec<String> {
    let mut all = Vec::new();
    for page in 0.. {
        let mark = if path.contains('?') { '&' } else { '?' };
        let answer = door.get(&format!("{path}{mark}page={page}"), cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let rows = table(&answer.body);
        if rows.is_empty() {
            break;
        }
        assert!(rows.len() <= 50, "a page has 50 rows at most");
        all.extend(rows.into_iter().map(|mut row| row.swap_remove(at)));
    }
    all
}

/// A list as CSV, without its heading.
pub async fn csv(door: &Door, cookie: &str, path: &str) -> Vec<Vec<String>> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let answer = door.get(&format!("{path}{mark}format=csv"), cookie).await;
    assert!(answer.status == StatusCode::OK && answer.kind.starts_with("text/csv"), "{answer:?}");
    let mut reader = csv::Reader::from_reader(answer.body.trim_start_matches('\u{feff}').as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Somebody of ACME who may everything there.
pub async fn carl(store: &Store) -> (Door, String) {
    let door = Door::open(store, false);
    let carl = person(store, "carl@example.com", &[Role::Customer], Some("ACME")).await;
    certifications::enter(store, &carl, "pureconnect-4", "2999-12-31", ("ann", NOW)).await.unwrap();
    let cookie = visit(store, &carl).await;
    (door, cookie)
}

/// Whether a list by that column is in order, rising and falling, and has the same rows either way.
pub async fn sorts(door: &Door, cookie: &str, path: &str, (sort, at, key): (&str, usize, usize)) {
    let rising = column(door, cookie, &format!("{path}?sort={sort}"), at).await;
    let falling = column(door, cookie, &format!("{path}?sort={sort}&falling=1"), at).await;
    let mut wanted = rising.clone();
    wanted.sort();
    assert_eq!(rising, wanted, "{sort}");
    wanted.reverse();
    assert_eq!(falling, wanted, "{sort}, falling");
    for way in ["", "&falling=1"] {
        let keys = column(door, cookie, &format!("{path}?sort={sort}{way}"), key).await;
        let once: BTreeSet<&String> = keys.iter().collect();
        assert_eq!(once.len(), keys.len(), "{sort}{way}: no row is twice or left out between two pages");
        let again = column(door, cookie, &format!("{path}?sort={sort}{way}"), key).await;
        assert_eq!(keys, again, "{sort}{way}: those that are equal in it keep their order");
    }
}
