//! A test's books: a SQLite file, or a database of its own on a PostgreSQL server. The test looks into them beside the portals.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use grantor_portal::store::Store;
use sea_orm::{ConnectionTrait, Database, Statement};
use tokio::runtime::Runtime;

pub struct Books {
    pub name: &'static str,
    /// As `--database` takes it.
    pub address: String,
    pub store: Store,
    runtime: Runtime,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The server that `./test` starts. Without it a test is skipped and says so; CI must have it.
pub fn server() -> Option<String> {
    let server = std::env::var("GRANTOR_TEST_POSTGRES").ok();
    assert!(
        server.is_some() || std::env::var_os("CI").is_none(),
        "GRANTOR_TEST_POSTGRES is not set; ./test sets it"
    );
    if server.is_none() {
        eprintln!("SKIPPED on PostgreSQL: GRANTOR_TEST_POSTGRES is not set; ./test sets it");
    }
    server
}

impl Books {
    pub fn sqlite(file: &Path) -> Self {
        let runtime = runtime();
        let store = runtime.block_on(Store::sqlite(file)).unwrap();
        Self { name: "SQLite", address: file.display().to_string(), store, runtime }
    }

    /// A database of its own on the server with that URL, `postgres://user@host:port`.
    pub fn postgres(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("faults_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let runtime = runtime();
        let address = format!("{server}/{name}");
        let store = runtime.block_on(async {
            let admin = Database::connect(format!("{server}/postgres")).await.unwrap();
            admin.execute_unprepared(&format!("drop database if exists {name}")).await.unwrap();
            admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
            admin.close().await.unwrap();
            Store::postgres(&address).await.unwrap()
        });
        Self { name: "PostgreSQL", address, store, runtime }
    }

    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Lets the database go; nothing can be looked at any more.
    pub fn close(&self) {
        self.wait(self.store.read().close_by_ref()).unwrap();
    }

    pub fn run(&self, sql: &str) {
        self.wait(self.store.read().execute_unprepared(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Brings what a SQLite file's changes hold into the file, and empties them: whether that was done, or who stood in the way.
    pub fn checkpoint(&self) -> Result<(), String> {
        let db = self.store.read();
        let asked = Statement::from_string(db.get_database_backend(), "pragma wal_checkpoint(truncate)");
        let row = self.wait(db.query_one_raw(asked)).map_err(|error| error.to_string())?.unwrap();
        let told = [0, 1, 2].map(|at| row.try_get_by_index::<i32>(at).unwrap());
        if told[0] == 0 { Ok(()) } else { Err(format!("busy, in it, done: {told:?}")) }
    }

    /// What a query gives, whose columns are all texts.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let db = self.store.read();
        let asked = Statement::from_string(db.get_database_backend(), sql.to_owned());
        let rows = self.wait(db.query_all_raw(asked)).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let text = |row: &sea_orm::QueryResult, at: usize| -> String {
            row.try_get_by_index::<Option<String>>(at).unwrap().unwrap_or_default()
        };
        rows.iter().map(|row| (0..row.column_names().len()).map(|at| text(row, at)).collect()).collect()
    }

    /// The first column of a query.
    pub fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.swap_remove(0)).collect()
    }

    /// `select count(*) from …`.
    pub fn count(&self, from: &str) -> u64 {
        self.column(&format!("select cast(count(*) as text) from {from}"))[0].parse().unwrap()
    }

    /// Half an hour goes by for whatever was in the hands of a process that is gone: mail, webhooks, imports.
    pub fn time_passes(&self) {
        self.run("update mails set next_at = 0 where sent_at is null");
        self.run("update hooks set next_at = 0");
        self.run("update imports set held_until = 0 where ended_at is null");
    }
}
