//! The tables as Rust sees them; what each column means stands in `migrations/`. May hold no rules.
#![allow(missing_docs, unreachable_pub, reason = "columns are described where the tables are made")]

pub mod account;
pub mod activation;
pub mod api_token;
pub mod certification;
pub mod edition;
pub mod entitlement;
pub mod file;
pub mod file_item;
pub mod key_change;
pub mod log_entry;
pub mod log_head;
pub mod mail;
pub mod moved;
pub mod order;
pub mod order_line;
pub mod person;
pub mod saved_filter;
pub mod site;
pub mod ticket;
pub mod visit;
