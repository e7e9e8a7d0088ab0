//! Where the portal keeps everything: one SQLite file, or PostgreSQL for several processes. One code path for both.
//!
//! May not know the tables: they are the business of `migrations` and `entity`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grantor_catalogue::Catalogue;
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::migrations::Migrations;

/// Connections to a PostgreSQL server, and readers of a SQLite file, at most.
const CONNECTIONS: u32 = 16;
/// How long a SQLite writer waits for another one, and anybody for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Names the lock of those who bring a PostgreSQL database's tables up to date.
const UP_TO_DATE: i64 = 0x6772_616e_746f_7200;

/// Brings the tables up to date. Of several processes that start at once, one does and the others wait for it.
async fn migrate(connection: &DatabaseConnection) -> Result<(), DbErr> {
    if connection.get_database_backend() != DbBackend::Postgres {
        return Migrations::up(connection, None).await;
    }
    let turn = connection.begin().await?;
    turn.execute_unprepared(&format!("select pg_advisory_xact_lock({UP_TO_DATE})")).await?;
    Migrations::up(connection, None).await?;
    turn.commit().await
}

/// Until the transaction ends, nobody else goes on here with the same words. Those who write a SQLite file do so anyway.
pub(crate) async fn one_at_a_time(tx: &DatabaseTransaction, what: &str) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    if backend == DbBackend::Postgres {
        let wait = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
        tx.execute_raw(Statement::from_sql_and_values(backend, wait, [what.into()])).await?;
    }
    Ok(())
}

/// The portal's database.
#[derive(Debug, Clone)]
pub struct Store {
    connection: DatabaseConnection,
    /// Catalogues by the number of their edition, which never changes: reading one takes longer than booking an order.
    pub(crate) catalogues: Arc<Mutex<BTreeMap<i64, Arc<Catalogue>>>>,
}

impl Store {
    /// Opens the SQLite file, made if it is not there, and brings its tables up to date. What is committed is on disk.
    ///
    /// # Errors
    /// A file that can't be opened, or is not such a database.
    pub async fn sqlite(file: &Path) -> Result<Self, DbErr> {
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
        options.map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(PATIENCE)
        });
        // A disk without room ends a transaction by itself: rolling it back fails then, and the connection believes that it goes on.
        // Whoever got it next would see the books as they were, and hold everybody up.
        options.map_sqlx_sqlite_pool_opts(|options| {
            options.after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
        });
        Self::open(options).await
    }

    /// Connects to a PostgreSQL database, `postgres://user:password@host:port/name`, and brings its tables up to date.
    ///
    /// # Errors
    /// A server that does not answer or does not let us in; a database of a later version.
    pub async fn postgres(url: &str) -> Result<Self, DbErr> {
        Self::open(ConnectOptions::new(url)).await
    }

    async fn open(mut options: ConnectOptions) -> Result<Self, DbErr> {
        options.max_connections(CONNECTIONS).acquire_timeout(PATIENCE).sqlx_logging(false);
        let connection = Database::connect(options).await?;
        migrate(&connection).await?;
        Ok(Self { connection, catalogues: Arc::default() })
    }

    /// For reading outside of a transaction.
    #[must_use]
    pub fn read(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Begins a transaction that only looks: it sees one state of the books, and nobody who writes waits for it.
    ///
    /// # Errors
    /// The database's.
    pub async fn look(&self) -> Result<DatabaseTransaction, DbErr> {
        self.connection.begin().await
    }

    /// Begins a transaction that writes. On SQLite it waits for its turn here, and not half-way through.
    ///
    /// # Errors
    /// The database's.
    pub async fn write(&self) -> Result<DatabaseTransaction, DbErr> {
        let immediate = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
        self.connection.begin_with_options(options).await
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionTrait, DbBackend, Statement, Store};

    #[tokio::test]
    async fn every_connection_to_a_sqlite_file_writes_ahead_and_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&folder.path().join("portal.db")).await.unwrap();
        // Held at once, so that each is a connection of its own.
        let held = [store.look().await.unwrap(), store.look().await.unwrap(), store.look().await.unwrap()];
        for connection in &held {
            let asked = async |name: &str| {
                let pragma = Statement::from_string(DbBackend::Sqlite, format!("pragma {name}"));
                connection.query_one_raw(pragma).await.unwrap().unwrap()
            };
            assert_eq!(asked("journal_mode").await.try_get_by_index::<String>(0).unwrap(), "wal");
            assert_eq!(asked("synchronous").await.try_get_by_index::<i32>(0).unwrap(), 2, "full");
            assert_eq!(asked("foreign_keys").await.try_get_by_index::<i32>(0).unwrap(), 1);
        }
    }
}
