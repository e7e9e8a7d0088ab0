//! License files made from entitlement: chosen, previewed, planned and logged in one transaction, then signed; deactivated,
//! which gives the quantities back (seed 002, "Generate a Production License", "Update a License", "Deactivate a License").
//!
//! A file without signature is on its way: whoever finds one (a retry, the next start) has it signed. May not sign.

pub(crate) mod binding;
mod contents;
mod end;
mod heading;
mod make;
mod pass;
mod show;
mod signed_by;
mod trial;
mod types;

use grantor_license::Change;
use serde::{Deserialize, Serialize};

pub use contents::STANDARD;
pub use end::deactivate;
pub(crate) use heading::serial_of;
pub(crate) use make::{Leave, generate_in};
pub use make::{Request, generate, preview};
pub(crate) use show::selection_of;
pub use show::{Details, Filter, Sort, details, document, list, unsigned, was_signed};
pub(crate) use signed_by::was_signed_anew;
pub use signed_by::{Origin, SignedFile, key_of, origins, signed_by};
pub use types::{may_make, offered};

use crate::Failure;

/// A machine that a file is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its host id, as `grantor hostid` tells it there.
    pub host_id: String,
    /// Its name.
    pub name: String,
}

/// A part that is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Its part number.
    pub part: String,
    /// How many, from 1.
    pub quantity: u32,
    /// Of them pooled ones, where the part is divided into assigned and pooled ones.
    #[serde(default)]
    pub pooled: u32,
}

/// What the tab "New Activation File" asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Product and version: a catalogue.
    pub catalogue: String,
    /// One of the catalogue's license types.
    pub license_type: String,
    /// The machine.
    pub machine: Machine,
    /// The other machine of a switchover pair; `None`: "at another time".
    #[serde(default)]
    pub switchover: Option<Machine>,
    /// For example "Media Server Based".
    #[serde(default)]
    pub system_type: String,
    /// For example "Microsoft Exchange Server".
    #[serde(default)]
    pub mail_connector: String,
    /// Where the license type asks for activation: the installation's own key. Without, the file is inactive.
    #[serde(default)]
    pub registration_key: Option<String>,
    /// The server item and add-ons.
    pub items: Vec<Chosen>,
}

/// A key as license servers write it: capitals, digits and dashes.
pub(crate) fn registration_key(said: &str) -> Result<String, Failure> {
    let key = crate::refusal::text("registration key", said, 64)?.to_uppercase();
    let plain = key.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-');
    if plain && key.len() >= 8 {
        Ok(key)
    } else {
        Err(Failure::field("registration key", format!("`{key}` is none")))
    }
}

impl Selection {
    /// The same with the installation's key as its license server writes it: servers compare it sign by sign.
    fn as_servers_write(&self) -> Result<Self, Failure> {
        let key = self.registration_key.as_deref().map(registration_key).transpose()?;
        Ok(Self { registration_key: key, ..self.clone() })
    }

    /// One part, for no machine yet.
    fn of(catalogue: &str, license_type: &str, item: Chosen) -> Self {
        Self {
            catalogue: catalogue.to_owned(),
            license_type: license_type.to_owned(),
            machine: Machine { host_id: String::new(), name: String::new() },
            switchover: None,
            system_type: String::new(),
            mail_connector: String::new(),
            registration_key: None,
            items: vec![item],
        }
    }
}

/// A file as it would be.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Its text, without signatures.
    pub text: String,
    /// What each part becomes, and why.
    pub explained: String,
    /// What to think about first.
    pub warnings: Vec<String>,
    /// What is different from the file it takes the place of.
    pub changes: Vec<Change>,
    /// Through which day, `yyyy-mm-dd`.
    pub last_day: String,
}

/// A license file in the portal's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LicenseFile {
    /// Its number, `AF-000123`.
    pub number: String,
    /// License reference number on its `LICENSE` line.
    pub lrn: String,
    /// The install site's name.
    pub site: String,
    /// Product and version.
    pub catalogue: String,
    /// Its type.
    pub license_type: String,
    /// The machine's name.
    pub machine: String,
    /// The other machine's name, in a switchover pair.
    pub switchover_machine: Option<String>,
    /// How many files it is the successor of.
    pub generation: u64,
    /// The day it was generated, `yyyy-mm-dd`.
    pub generated_on: String,
    /// By whom.
    pub generated_by: String,
    /// Through which day, `yyyy-mm-dd`; [`crate::entitlements::NEVER`]: permanent.
    pub last_day: String,
    /// Whether it counts; if not, its quantities were given back.
    pub active: bool,
    /// Whether it has its signatures and can be downloaded.
    pub signed: bool,
}

/// The number people see.
pub(crate) fn number(id: i64) -> String {
    format!("AF-{id:06}")
}

/// The row behind a number.
pub(crate) fn id_of(number: &str) -> Option<i64> {
    number.trim().strip_prefix("AF-").and_then(|digits| digits.parse().ok())
}
