//! Requests that stand still in the middle of their transactions, because the test holds rows that they want: there they are cut.

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::books::Books;
use crate::http::Answer;
use crate::office::{Office, within};

/// How a statement looks that takes rows to itself before it changes them, as all requests do that write into the log. Errands
/// that wait for the same rows don't.
pub const FOR_UPDATE: &str = "%for update%";

/// Nobody else writes into these rows as long as it is held.
pub struct Held<'a>(&'a Books, Option<DatabaseTransaction>);

impl<'a> Held<'a> {
    pub fn rows(books: &'a Books, of: &str) -> Self {
        let tx = books.wait(books.store.write()).unwrap();
        books.wait(tx.execute_unprepared(&format!("select 1 from {of} for update"))).unwrap();
        Self(books, Some(tx))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // The server may be gone meanwhile.
        if let Some(tx) = self.1.take() {
            let _gone = self.0.wait(tx.rollback());
        }
    }
}

/// The connections that stand still in a statement that looks so.
pub fn standing(books: &Books, statement: &str) -> Vec<String> {
    within(30, "a request stands still in its transaction", || {
        let asked = "select cast(pid as text) from pg_stat_activity where datname = current_database() \
                     and wait_event_type = 'Lock' and query ilike";
        let found = books.column(&format!("{asked} '{statement}'"));
        if found.is_empty() { Err(format!("none in {statement}")) } else { Ok(found) }
    })
}

/// Cuts them.
pub fn cut(books: &Books, statement: &str) {
    for pid in standing(books, statement) {
        books.column(&format!("select cast(pg_terminate_backend({pid}) as text)"));
    }
}

/// Asks while rows are held, has the database go away in the middle of it, then asks the same again.
pub fn interrupted(
    office: &Office,
    held: &str,
    gone: impl FnOnce(&Books),
    ask: impl Fn() -> Answer + Sync,
) -> Answer {
    let first = std::thread::scope(|scope| {
        let held = Held::rows(&office.books, held);
        let asked = scope.spawn(&ask);
        gone(&office.books);
        let first = asked.join().unwrap();
        drop(held);
        first
    });
    assert!(first.is_without_books(), "{first:?}\n{}", office.logs());
    ask()
}
