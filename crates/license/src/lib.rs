//! The license file as a document: grammar, dates, versions, host ids, signing, verifying, pooling, merging.
//!
//! Pure: no clock, randomness or I/O. "Today" is always an argument, key material comes from the caller, and
//! everything a caller gathers about its machine is handed in as a [`Machine`].
//!
//! The way through: bytes → [`parse`] → [`Document`] → [`admit()`] → [`Offer`]s → [`pools`] → capacity.

mod admit;
mod attributes;
mod combine;
mod date;
mod diff;
mod document;
mod draft;
mod encode;
mod hostid;
mod internet;
mod issue;
mod keys;
mod lexer;
mod machine;
mod offer;
mod pool;
mod problem;
mod proof;
mod read;
mod read_ours;
mod read_server;
mod reduce;
mod revoked;
mod statement;
mod supersede;
mod verify;
mod version;
mod virtual_line;

pub use admit::{Admission, Admitted, Generations, LicenseInfo, RefusedLine, admit, admit_knowing};
pub use attributes::{Attribute, Attributes};
pub use combine::combine;
pub use date::{DateError, Expiry, format_date, parse_date};
pub use diff::{Change, ChangeKind, FieldChange, diff};
pub use document::{Document, MAX_BYTES, MAX_STATEMENTS, Parsed, parse};
pub use draft::{Draft, DraftLicense, DraftLine, DraftServer, DraftVendor};
pub use encode::signed_bytes;
pub use hostid::{HostId, HostIdError, parse_list as parse_host_ids};
pub use internet::AddressPattern;
pub use issue::{sign, sign_with};
pub use keys::{KeyCertificate, KeyError, PublicKey, RootKey, SigningKey, Trust};
pub use machine::{Fingerprint, FingerprintPart, Machine};
pub use offer::{Component, Count, DupGroup, Model, Offer, OfferKind, SuiteKind, Supersede, VersionRule};
pub use pool::{Ignored, Pool, Pools, SuiteUse, WhyIgnored, pools};
pub use problem::{Problem, Severity, nearest};
pub use proof::{join_proofs, verify_proof};
pub use revoked::{Revocation, carry};
pub use statement::{
    Body, Capacity, CapacityKind, KeyLine, LicenseLine, LicenseState, RevokedLine, Server, Statement, Vendor,
};
pub use verify::{LineState, verify};
pub use version::{Version, VersionError};
