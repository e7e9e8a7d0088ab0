//! Files attached to a request: bounded, of known types only, and given back as files, never as pages. Nothing in them is
//! opened or unpacked here.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use serde_json::json;

use super::Request;
use crate::catalogues::digest;
use crate::entity::attachment;
use crate::once::Once;
use crate::refusal::text;
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// Bytes of one file, at most.
pub const LARGEST: usize = 10 * 1024 * 1024;
/// Bytes of all files of one request, at most.
pub const ALL: i64 = 50 * 1024 * 1024;
/// Files of one request, at most.
pub const MOST: usize = 20;

/// What may be attached besides text, by what the bytes begin with.
const TYPES: [&str; 13] = [
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/x-7z-compressed",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "image/png",
    "image/jpeg",
    "image/gif",
];

/// What an attachment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The database's number of it.
    pub id: i64,
    /// The file's name.
    pub name: String,
    /// What its bytes are.
    pub kind: String,
    /// How many bytes.
    pub size: i64,
    /// Who attached it.
    pub author: String,
    /// When, in milliseconds since 1970.
    pub added_at: i64,
}

/// What the bytes are, if they may be attached: one of [`TYPES`], or text.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match infer::get(bytes) {
        Some(found) => {
            TYPES.into_iter().find(|kind| *kind == found.mime_type()).or_else(|| readable(bytes, found))
        }
        None => is_text(bytes).then_some("text/plain"),
    }
}

/// Texts such as mark-up or scripts are texts: they are only ever downloaded.
fn readable(bytes: &[u8], found: infer::Type) -> Option<&'static str> {
    let kind = found.mime_type();
    (kind.starts_with("text/") && kind != "text/x-shellscript" && is_text(bytes)).then_some("text/plain")
}

fn is_text(bytes: &[u8]) -> bool {
    let odd = |byte: &u8| *byte < 9 || (14..32).contains(byte) && *byte != 27;
    match bytes {
        // UTF-16, as Windows writes it.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => bytes.len().is_multiple_of(2),
        _ => !bytes.iter().any(odd),
    }
}

/// Attaches a file.
///
/// # Errors
/// Too large, too many, of a type that is not taken; the database's.
pub async fn add(
    store: &Store,
    request: &Request,
    file: (&str, &[u8]),
    by: (&str, i64),
) -> Result<Attachment, Failure> {
    let tx = store.write().await?;
    let added = add_in(&tx, request, file, by).await?;
    tx.commit().await?;
    Ok(added)
}

/// The same for a request that may be sent twice.
///
/// # Errors
/// As for [`add`]; [`Refusal::KeyReused`].
pub async fn add_once(
    store: &Store,
    request: &Request,
    file: (&str, &[u8]),
    by: (&str, i64),
    once: &Once,
) -> Result<Attachment, Failure> {
    let tx = store.write().await?;
    if let Some(id) = once.before::<i64>(&tx).await? {
        let before = list(&tx, request).await?.into_iter().find(|one| one.id == id);
        return before.ok_or_else(|| Refusal::UnknownAttachment(request.number.clone()).into());
    }
    let added = add_in(&tx, request, file, by).await?;
    once.keep(&tx, &added.id, by.1).await?;
    tx.commit().await?;
    Ok(added)
}

/// The same within a transaction; what is refused leaves nothing behind.
pub(super) async fn add_in(
    tx: &DatabaseTransaction,
    request: &Request,
    (name, bytes): (&str, &[u8]),
    (author, at): (&str, i64),
) -> Result<Attachment, Failure> {
    let name = text("file name", name.rsplit(['/', '\\']).next().unwrap_or(name), 200)?;
    if bytes.is_empty() {
        return Err(Failure::field("file", "is empty"));
    }
    if bytes.len() > LARGEST {
        return Err(Failure::field("file", format!("has more than {} MiB", LARGEST >> 20)));
    }
    let kind = kind(bytes).ok_or_else(|| {
        Failure::field(
            "file",
            "is none of what can be attached: text, PDF, pictures, Office documents, ZIP, GZIP, 7z",
        )
    })?;
    let there = list(tx, request).await?;
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    if there.len() >= MOST || there.iter().map(|one| one.size).sum::<i64>() + size > ALL {
        let message = format!("a request takes {MOST} files of {} MiB together", ALL >> 20);
        return Err(Failure::field("file", message));
    }
    let row = attachment::ActiveModel {
        request_id: Set(request.id),
        name: Set(name),
        kind: Set(kind.to_owned()),
        size: Set(size),
        data: Set(bytes.to_vec()),
        author: Set(author.to_owned()),
        added_at: Set(at),
        ..Default::default()
    };
    let added = attachment::Entity::insert(row).exec_with_returning(tx).await?;
    let more = json!({
        "number": request.number, "name": added.name, "kind": kind, "size": size, "sha256": digest(bytes),
    });
    log::append(tx, at, author, "file attached", more).await?;
    Ok(Attachment {
        id: added.id,
        name: added.name,
        kind: added.kind,
        size: added.size,
        author: added.author,
        added_at: added.added_at,
    })
}

/// A request's attachments, without their bytes.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, request: &Request) -> Result<Vec<Attachment>, Failure> {
    use attachment::Column::{AddedAt, Author, Id, Kind, Name, RequestId, Size};
    type Row = (i64, String, String, i64, String, i64);
    let rows: Vec<Row> = attachment::Entity::find()
        .select_only()
        .columns([Id, Name, Kind, Size, Author, AddedAt])
        .filter(RequestId.eq(request.id))
        .order_by_asc(Id)
        .into_tuple()
        .all(db)
        .await?;
    let one =
        |(id, name, kind, size, author, added_at)| Attachment { id, name, kind, size, author, added_at };
    Ok(rows.into_iter().map(one).collect())
}

/// One of a request's attachments: its name and its bytes.
///
/// # Errors
/// [`Refusal::UnknownAttachment`]; the database's.
pub async fn one(
    db: &impl ConnectionTrait,
    request: &Request,
    id: i64,
) -> Result<(String, Vec<u8>), Failure> {
    let of_request = attachment::Column::RequestId.eq(request.id);
    let row = attachment::Entity::find_by_id(id).filter(of_request).one(db).await?;
    let row = row.ok_or_else(|| Refusal::UnknownAttachment(request.number.clone()))?;
    Ok((row.name, row.data))
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn types_are_found_out_from_the_bytes_and_programs_are_refused() {
        assert_eq!(kind(b"SERVER this_host ANY\n"), Some("text/plain"));
        assert_eq!(kind("<i3lic>Grüße</i3lic>".as_bytes()), Some("text/plain"));
        assert_eq!(
            kind(b"<html><script>alert(1)</script></html>"),
            Some("text/plain"),
            "downloaded as text only"
        );
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n........"), Some("image/png"));
        assert_eq!(kind(b"%PDF-1.7 ..."), Some("application/pdf"));
        assert_eq!(kind(b"PK\x03\x04........................"), Some("application/zip"));
        assert_eq!(kind(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(kind(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"), None);
        assert_eq!(kind(b"#!/bin/sh\nrm -rf /\n"), None);
        assert_eq!(kind(b"text with \0 in it"), None);
    }
}
