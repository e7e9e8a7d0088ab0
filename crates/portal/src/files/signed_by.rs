//! Files by the key that signed them: which there are, what is kept when one is signed anew, and whether a line that turned up
//! somewhere comes from the books at all. For the day that a key is compromised. May not sign.

use grantor_license::{Body, Document, parse, signed_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::json;

use super::number;
use crate::catalogues::digest;
use crate::entity::{account, file};
use crate::store::Store;
use crate::{Failure, log, mails, people};

/// A file that a key signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedFile {
    /// Its number.
    pub number: String,
    /// Its account's reference number.
    pub account: String,
    /// License reference number.
    pub lrn: String,
    /// When it was signed, in milliseconds since 1970; when it was generated where that was not kept.
    pub signed_at: i64,
    /// Whether it counts.
    pub active: bool,
    #[serde(skip)]
    pub(crate) id: i64,
    #[serde(skip)]
    pub(crate) account_id: i64,
    #[serde(skip)]
    pub(crate) unsigned: String,
}

/// The id of the key that signed a file: its `LICENSE` line says it.
#[must_use]
pub fn key_of(document: &Document) -> Option<String> {
    let line = document.statements().iter().find(|line| matches!(line.body, Body::License(_)))?;
    let (key, _) = line.attributes.get("SIGN")?.split_once(':')?;
    Some(key.trim().to_owned())
}

/// Files of before the column was there say it in their text.
fn by(key: &str) -> Condition {
    let kept = file::Column::SigningKey.eq(key);
    let of_before =
        file::Column::SigningKey.is_null().and(file::Column::Signed.contains(format!("SIGN=\"{key}:")));
    Condition::any().add(kept).add(of_before)
}

/// The files that a key signed at an instant or later, the oldest first.
///
/// # Errors
/// The database's.
pub async fn signed_by(store: &Store, key: &str, since: i64) -> Result<Vec<SignedFile>, Failure> {
    let rows = file::Entity::find()
        .find_also_related(account::Entity)
        .filter(by(key))
        .order_by_asc(file::Column::Id)
        .all(store.read())
        .await?;
    let shown = rows.into_iter().map(|(row, account)| SignedFile {
        number: number(row.id),
        account: account.map_or_else(String::new, |account| account.reference),
        lrn: row.lrn,
        signed_at: row.signed_at.unwrap_or(row.generated_at),
        active: row.active,
        id: row.id,
        account_id: row.account_id,
        unsigned: row.unsigned,
    });
    Ok(shown.filter(|file| file.signed_at >= since).collect())
}

/// Keeps a file's text as another key signed it, logs that, and writes to whoever looks after the account. `false`: somebody else has done it.
pub(crate) async fn was_signed_anew(
    store: &Store,
    one: &SignedFile,
    from: &str,
    text: &str,
    (who, at): (&str, i64),
) -> Result<bool, Failure> {
    let to = key_of(&parse("license", text.as_bytes()).document);
    let tx = store.write().await?;
    let changed = file::Entity::update_many()
        .col_expr(file::Column::Signed, Expr::value(text))
        .col_expr(file::Column::SigningKey, Expr::value(to.clone()))
        .col_expr(file::Column::SignedAt, Expr::value(at))
        .filter(file::Column::Id.eq(one.id))
        .filter(by(from))
        .exec(&tx)
        .await?;
    if changed.rows_affected == 0 {
        return Ok(false);
    }
    let more = json!({
        "file": one.number, "account": one.account, "lrn": one.lrn, "from": from, "to": to,
        "sha256": digest(one.unsigned.as_bytes()),
    });
    log::append(&tx, at, who, "file signed anew", more).await?;
    for person in people::contacts(&tx, one.account_id).await? {
        mails::signed_anew(&tx, &person, &one.number, &one.lrn, at).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Where a line of a license file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Line in the file, from 1.
    pub line: u32,
    /// Keyword and name.
    pub what: String,
    /// The key that is named in its signature.
    pub key: String,
    /// The number of the file that it stands in, if that is in the log.
    pub file: Option<String>,
}

/// For each signed line of a file that turned up: which file of the books has exactly this line, bound to the same hosts, and is
/// in the log. A line of none was signed by somebody else who has the key.
///
/// # Errors
/// The database's.
pub async fn origins(store: &Store, document: &Document) -> Result<Vec<Origin>, Failure> {
    let publisher = document.publisher().unwrap_or_default();
    let hosts = document.bound_host_ids();
    let mut origins = Vec::new();
    let mut known: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    let mut looked_up: Vec<String> = Vec::new();
    for line in document.statements().iter().filter(|line| line.is_signable() && !line.is_by_root()) {
        let lrn = line.lrn().unwrap_or(line.name()).to_owned();
        if !looked_up.contains(&lrn) {
            known.extend(lines_of(store, &lrn, publisher).await?);
            looked_up.push(lrn);
        }
        let bytes = signed_bytes(line, publisher, &hosts);
        let file = known.iter().find(|(_, lines)| lines.contains(&bytes));
        let key = line.attributes.get("SIGN").and_then(|sign| sign.split_once(':'));
        origins.push(Origin {
            line: line.line,
            what: format!("{} {}", line.keyword, line.name()),
            key: key.map_or_else(String::new, |(key, _)| key.trim().to_owned()),
            file: file.map(|(number, _)| number.clone()),
        });
    }
    Ok(origins)
}

/// What the lines of every file with a license reference number were signed for, as far as the log has the file.
async fn lines_of(store: &Store, lrn: &str, publisher: &str) -> Result<Vec<(String, Vec<Vec<u8>>)>, Failure> {
    let rows = file::Entity::find().filter(file::Column::Lrn.eq(lrn)).all(store.read()).await?;
    let mut all = Vec::new();
    for row in rows {
        // Whoever could write into the table could not write into the log.
        if !log::names(store.read(), &digest(row.unsigned.as_bytes())).await? {
            continue;
        }
        let document = parse("license", row.unsigned.as_bytes()).document;
        let hosts = document.bound_host_ids();
        let lines = document.statements().iter().map(|line| signed_bytes(line, publisher, &hosts));
        all.push((number(row.id), lines.collect()));
    }
    Ok(all)
}
