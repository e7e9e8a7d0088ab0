//! The tables as Rust sees them; what each column means stands in `migrations/`. May hold no rules.
#![allow(missing_docs, unreachable_pub, reason = "columns are described where the tables are made")]

pub mod account;
pub mod activation;
pub mod api_token;
pub mod attachment;
pub mod certification;
pub mod challenge;
pub mod edition;
pub mod entitlement;
pub mod file;
pub mod file_item;
pub mod hook;
pub mod identity;
pub mod import;
pub mod imported_order;
pub mod key_change;
pub mod log_entry;
pub mod log_head;
pub mod mail;
pub mod moved;
pub mod order;
pub mod order_line;
pub mod passkey;
pub mod person;
pub mod request;
pub mod request_message;
pub mod request_once;
pub mod saved_filter;
pub mod site;
pub mod still_used;
pub mod ticket;
pub mod visit;

/// Bytes as base64 in backups: a third longer than they are, where a list of numbers is four times as long.
mod base64_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
