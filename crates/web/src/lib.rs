//! The console kit: what every page of Grantor has in common, whoever serves it.
//!
//! Connections come in by [`listen`] with [`tls`]; [`guard`] says what may change something and gives every answer its
//! headers; [`cookie`] is what a browser is known by, [`password`], [`totp`] and [`passkey`] what a person is, [`providers`] who else vouches for one ([`outside`] asks them), [`limit`] how often one may try; [`sealed`] keeps secrets that must be read again;
//! [`assets`] and [`frame`] are how it looks, [`form`], [`list`] and [`answer`] what goes in and out;
//! [`post`] and [`hook`] tell people and programs elsewhere. Templates that build on `templates/layout.html` name this crate's folder in their
//! `askama.toml`. Knows no account, no site, no database.

pub mod answer;
pub mod assets;
pub mod cookie;
pub mod form;
pub mod frame;
pub mod guard;
pub mod hook;
pub mod limit;
pub mod list;
pub mod listen;
pub mod outside;
pub mod passkey;
pub mod password;
pub mod post;
pub mod providers;
pub mod sealed;
pub mod tls;
pub mod totp;
pub mod unread;
