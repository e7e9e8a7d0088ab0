//! The whole of the books as one text, and back: for backups, and for moving from SQLite to PostgreSQL or the other way.
//!
//! Books of an earlier version are restored, too: columns that it did not have get what a later version gives them.
//!
//! Visits, links for new passwords and what browsers were asked are left out: they end with the books that they were made in.
//!
//! A heading, a line a row, and a last line that counts them, so that a file that was cut is noticed.

use std::io::{self, BufRead, Write};

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    IsolationLevel, Iterable, PrimaryKeyToColumn, QueryOrder, QuerySelect, TransactionOptions,
    TransactionTrait,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entity::{
    account, activation, api_token, attachment, certification, edition, entitlement, file, file_item, hook,
    identity, import, imported_order, key_change, log_entry, log_head, mail, moved, order, order_line,
    passkey, person, request, request_message, request_once, saved_filter, site, still_used,
};
use crate::migrations;
use crate::store::Store;

/// Rows read or written at a time.
const ROWS: u64 = 500;

/// Why books can't be backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database's.
    #[error("the database failed: {0}")]
    Database(#[from] sea_orm::DbErr),
    /// The file's.
    #[error("the backup can't be read or written: {0}")]
    File(#[from] io::Error),
    /// A line that is not what it should be.
    #[error("line {line} of the backup: {message}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// Tables of a later version, or of none.
    #[error("the backup is of tables {0}; this grantor knows them up to {1}")]
    Version(String, String),
    /// There is something already.
    #[error("there are books in this database already")]
    NotEmpty,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    GrantorPortalBackup { tables: String },
    Row { table: String, row: Value },
    End { rows: u64 },
}

/// Writes everything as it is at one moment, while others go on; gives how many rows.
///
/// # Errors
/// The database's, the writer's.
pub async fn backup(store: &Store, to: &mut impl Write) -> Result<u64, BackupError> {
    let tx = still(store).await?;
    put(to, &Line::GrantorPortalBackup { tables: migrations::latest() })?;
    let mut rows = 0;
    rows += table(account::Entity, &tx, to).await?;
    rows += table(site::Entity, &tx, to).await?;
    rows += table(edition::Entity, &tx, to).await?;
    rows += table(order::Entity, &tx, to).await?;
    rows += table(order_line::Entity, &tx, to).await?;
    rows += table(import::Entity, &tx, to).await?;
    rows += table(imported_order::Entity, &tx, to).await?;
    rows += table(entitlement::Entity, &tx, to).await?;
    rows += table(file::Entity, &tx, to).await?;
    rows += table(file_item::Entity, &tx, to).await?;
    rows += table(activation::Entity, &tx, to).await?;
    rows += table(moved::Entity, &tx, to).await?;
    rows += table(still_used::Entity, &tx, to).await?;
    rows += table(request_once::Entity, &tx, to).await?;
    rows += table(person::Entity, &tx, to).await?;
    rows += table(certification::Entity, &tx, to).await?;
    rows += table(passkey::Entity, &tx, to).await?;
    rows += table(identity::Entity, &tx, to).await?;
    rows += table(hook::Entity, &tx, to).await?;
    rows += table(api_token::Entity, &tx, to).await?;
    rows += table(saved_filter::Entity, &tx, to).await?;
    rows += table(request::Entity, &tx, to).await?;
    rows += table(request_message::Entity, &tx, to).await?;
    rows += table(attachment::Entity, &tx, to).await?;
    rows += table(mail::Entity, &tx, to).await?;
    rows += table(key_change::Entity, &tx, to).await?;
    rows += table(log_entry::Entity, &tx, to).await?;
    rows += table(log_head::Entity, &tx, to).await?;
    put(to, &Line::End { rows })?;
    to.flush()?;
    tx.rollback().await?;
    Ok(rows)
}

/// A transaction that sees nothing of what others do meanwhile; SQLite's always do so.
async fn still(store: &Store) -> Result<DatabaseTransaction, sea_orm::DbErr> {
    let is_postgres = store.read().get_database_backend() == DbBackend::Postgres;
    let isolation_level = is_postgres.then_some(IsolationLevel::RepeatableRead);
    let options = TransactionOptions { isolation_level, ..Default::default() };
    store.read().begin_with_options(options).await
}

fn put(to: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

/// A table's rows by their keys, which is the order in which they refer to each other.
async fn table<E: EntityTrait>(
    entity: E,
    tx: &DatabaseTransaction,
    to: &mut impl Write,
) -> Result<u64, BackupError>
where
    E::Model: Serialize,
{
    let mut rows = 0;
    loop {
        let mut query = E::find().limit(ROWS).offset(rows);
        for key in E::PrimaryKey::iter() {
            query = query.order_by_asc(key.into_column());
        }
        let found = query.all(tx).await?;
        for row in &found {
            let row = serde_json::to_value(row).map_err(io::Error::from)?;
            put(to, &Line::Row { table: entity.table_name().to_owned(), row })?;
        }
        rows += found.len() as u64;
        if (found.len() as u64) < ROWS {
            return Ok(rows);
        }
    }
}

/// Reads a backup into an empty database, all of it or nothing; gives how many rows.
///
/// # Errors
/// [`BackupError`]; nothing is restored then.
pub async fn restore(store: &Store, from: &mut impl BufRead) -> Result<u64, BackupError> {
    let tx = store.write().await?;
    if account::Entity::find().one(&tx).await?.is_some() || edition::Entity::find().one(&tx).await?.is_some()
    {
        return Err(BackupError::NotEmpty);
    }
    log_head::Entity::delete_many().exec(&tx).await?;
    let (mut number, mut rows, mut ended, mut later) = (0, 0, None, Vec::new());
    for text in from.lines() {
        number += 1;
        let wrong = |message: String| BackupError::Line { line: number, message };
        let line: Line = serde_json::from_str(&text?).map_err(|error| wrong(error.to_string()))?;
        match line {
            Line::GrantorPortalBackup { tables } if number == 1 => later = worked_out(&tx, &tables)?,
            Line::Row { table, row } if number > 1 && ended.is_none() => {
                insert(&tx, &table, row).await?.map_err(wrong)?;
                rows += 1;
            }
            Line::End { rows } if number > 1 && ended.is_none() => ended = Some(rows),
            _ => return Err(wrong("it does not belong here".to_owned())),
        }
    }
    if ended != Some(rows) {
        let message =
            format!("the backup is not whole: {rows} rows, and its end is missing or says another number");
        return Err(BackupError::Line { line: number, message });
    }
    for statement in later {
        tx.execute_unprepared(&statement).await?;
    }
    count_on(&tx).await?;
    tx.commit().await?;
    Ok(rows)
}

/// What is worked out of rows of that version of the tables once they are all there.
fn worked_out(tx: &DatabaseTransaction, tables: &str) -> Result<Vec<String>, BackupError> {
    let statements = migrations::worked_out_after(tables, tx.get_database_backend());
    statements.ok_or_else(|| BackupError::Version(tables.to_owned(), migrations::latest()))
}

/// What is wrong with a row is a message; the database's failure is an error.
type Inserted = Result<Result<(), String>, sea_orm::DbErr>;

async fn insert(tx: &DatabaseTransaction, table: &str, row: Value) -> Inserted {
    match table {
        "accounts" => insert_as::<account::Entity>(tx, row).await,
        "sites" => insert_as::<site::Entity>(tx, row).await,
        "editions" => insert_as::<edition::Entity>(tx, row).await,
        "orders" => insert_as::<order::Entity>(tx, row).await,
        "order_lines" => insert_as::<order_line::Entity>(tx, row).await,
        "imports" => insert_as::<import::Entity>(tx, row).await,
        "imported_orders" => insert_as::<imported_order::Entity>(tx, row).await,
        "entitlements" => insert_as::<entitlement::Entity>(tx, row).await,
        "files" => insert_as::<file::Entity>(tx, row).await,
        "file_items" => insert_as::<file_item::Entity>(tx, row).await,
        "activations" => insert_as::<activation::Entity>(tx, row).await,
        "moves" => insert_as::<moved::Entity>(tx, row).await,
        "still_used" => insert_as::<still_used::Entity>(tx, row).await,
        "requests_once" => insert_as::<request_once::Entity>(tx, row).await,
        "api_tokens" => insert_as::<api_token::Entity>(tx, row).await,
        "people" => insert_as::<person::Entity>(tx, row).await,
        "certifications" => insert_as::<certification::Entity>(tx, row).await,
        "saved_filters" => insert_as::<saved_filter::Entity>(tx, row).await,
        "passkeys" => insert_as::<passkey::Entity>(tx, row).await,
        "identities" => insert_as::<identity::Entity>(tx, row).await,
        "hooks" => insert_as::<hook::Entity>(tx, row).await,
        "requests" => insert_as::<request::Entity>(tx, row).await,
        "request_messages" => insert_as::<request_message::Entity>(tx, row).await,
        "attachments" => insert_as::<attachment::Entity>(tx, row).await,
        "key_changes" => insert_as::<key_change::Entity>(tx, row).await,
        "mails" => insert_as::<mail::Entity>(tx, row).await,
        "log_entries" => insert_as::<log_entry::Entity>(tx, row).await,
        "log_head" => insert_as::<log_head::Entity>(tx, row).await,
        other => Ok(Err(format!("there is no table `{other}`"))),
    }
}

async fn insert_as<E: EntityTrait>(tx: &DatabaseTransaction, row: Value) -> Inserted
where
    E::Model: DeserializeOwned + IntoActiveModel<E::ActiveModel>,
{
    let row: E::Model = match serde_json::from_value(row) {
        Ok(row) => row,
        Err(error) => return Ok(Err(error.to_string())),
    };
    E::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(Ok(()))
}

/// Tables whose keys the database counts.
const COUNTED: [&str; 25] = [
    "accounts",
    "sites",
    "editions",
    "orders",
    "order_lines",
    "entitlements",
    "files",
    "file_items",
    "people",
    "certifications",
    "saved_filters",
    "mails",
    "moves",
    "api_tokens",
    "passkeys",
    "hooks",
    "requests",
    "request_messages",
    "attachments",
    "key_changes",
    "identities",
    "still_used",
    "requests_once",
    "imports",
    "imported_orders",
];

/// PostgreSQL counts keys on from the highest that was restored; SQLite does so by itself.
async fn count_on(tx: &DatabaseTransaction) -> Result<(), sea_orm::DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for table in COUNTED {
        let sql = format!(
            "select setval(pg_get_serial_sequence('{table}', 'id'), (select coalesce(max(id), 0) + 1 from {table}), false)"
        );
        tx.execute_unprepared(&sql).await?;
    }
    Ok(())
}
