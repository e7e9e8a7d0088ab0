//! What a file says, statement by statement, as plain data. May not judge signatures, dates or hosts.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::attributes::{Attribute, Attributes, quoted};
use crate::date::Expiry;
use crate::hostid::HostId;
use crate::offer::Count;
use crate::version::Version;

/// One statement: its words, what they mean, and where it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The keyword in upper case; `DAEMON` is kept apart from `VENDOR`.
    pub keyword: String,
    /// The words of fixed place behind the keyword.
    pub positionals: Vec<String>,
    /// The rest, in the order of the file.
    pub attributes: Attributes,
    /// What it means.
    pub body: Body,
    /// The line it begins on, from 1.
    pub line: u32,
    pub(crate) column: u32,
    /// The bytes of its lines, line end included.
    pub(crate) start: usize,
    pub(crate) words_end: usize,
    pub(crate) end: usize,
}

/// What a statement means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `SERVER`
    Server(Server),
    /// `VENDOR` or `DAEMON`
    Vendor(Vendor),
    /// `USE_SERVER`
    UseServer,
    /// `FEATURE`, `INCREMENT`, `PACKAGE` or `UPGRADE`
    Capacity(Capacity),
    /// `LICENSE`
    License(LicenseLine),
    /// `KEY`
    Key(KeyLine),
    /// `REVOKED`
    Revoked(RevokedLine),
    /// A statement with an error: its problems say which. Its words are kept.
    Malformed,
}

/// `SERVER host hostid [port] [PRIMARY_IS_MASTER] [HEARTBEAT_INTERVAL=seconds]` (flexnet-formats §1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address; `this_host` and `ANY` are placeholders.
    pub host: String,
    /// Any one of these is enough: a switchover pair names both machines.
    pub host_ids: Vec<HostId>,
    /// `None`: the default port.
    pub port: Option<u16>,
    /// The first server of three takes over again when it is back.
    pub primary_is_master: bool,
    /// Seconds.
    pub heartbeat_interval: Option<u32>,
}

/// `VENDOR name [path] [[OPTIONS=]path] [[PORT=]port]` (flexnet-formats §1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// The publisher's name on the lines of this file.
    pub name: String,
    /// Where the publisher's daemon was; not used by Grantor.
    pub path: Option<String>,
    /// The options file.
    pub options: Option<String>,
    /// `None` or 0: chosen by the system.
    pub port: Option<u16>,
}

/// Which of the four capacity-bearing statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapacityKind {
    /// `FEATURE`: the first of a name counts.
    Feature,
    /// `INCREMENT`: each adds.
    Increment,
    /// `PACKAGE`: names what a feature of the same name consists of.
    Package,
    /// `UPGRADE`: makes some of what is above newer.
    Upgrade,
}

/// The fixed words of a `FEATURE`, `INCREMENT`, `PACKAGE` or `UPGRADE` line (flexnet-formats §§1.5–1.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Which statement.
    pub kind: CapacityKind,
    /// Name of the feature or package.
    pub feature: String,
    /// The publisher.
    pub vendor: String,
    /// `None` only on an old `PACKAGE` line. On `UPGRADE` the version it makes.
    pub version: Option<Version>,
    /// On `UPGRADE` the version it starts from.
    pub from_version: Option<Version>,
    /// `None` on `PACKAGE`.
    pub expiry: Option<Expiry>,
    /// `Uncounted` on `PACKAGE`.
    pub count: Count,
    /// The old-style key before the attributes.
    pub license_key: Option<String>,
}

/// How far a license has got (design §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LicenseState {
    /// Delivered, to be activated within 30 days of issue.
    Inactive,
    /// Needs no activation.
    Temporary,
    /// Activated.
    Active,
    /// Given back.
    Deactivated,
}

/// `LICENSE lrn CUSTOMER="…" SITE="…" TYPE=… PRODUCT=… STATE=… ISSUED=… [EXPIRES=…] [RK=…] [DISCONNECT=…]` (design §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseLine {
    /// License reference number.
    pub lrn: String,
    /// Whose it is.
    pub customer: String,
    /// Where it is used.
    pub site: String,
    /// `production`, `test`, `demo`, ….
    pub license_type: String,
    /// What was bought.
    pub product: String,
    /// How far it has got.
    pub state: LicenseState,
    /// The day of issue.
    pub issued: Date,
    /// Through which day all its lines work at most.
    pub expires: Expiry,
    /// The registration key of the installation that it was activated for.
    pub rk: Option<String>,
    /// Which files follow one another; empty = none does.
    pub serial: String,
    /// Which of these files it is, from 1; 0 = none.
    pub generation: u32,
    /// Minutes after which what sessions hold of its lines is disconnected, from 1 (seed 002, "Server License Types").
    pub disconnect: Option<u32>,
}

/// `KEY keyid publisher public-key NOT_BEFORE=… NOT_AFTER=…`: the certificate of a signing key (design §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// Short hash of the public key.
    pub id: String,
    /// Who may sign with it.
    pub publisher: String,
    /// 32 bytes in base64.
    pub public_key: String,
    /// First day of issue it may sign for.
    pub not_before: Date,
    /// Last day of issue it may sign for.
    pub not_after: Expiry,
}

/// `REVOKED keyid publisher FROM=…`: the root key's word that a signing key is not to be trusted any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedLine {
    /// The key.
    pub id: String,
    /// Whose key it was.
    pub publisher: String,
    /// From this day on nothing that it signed counts, whenever that was issued: who has the key can write any date.
    pub from: Date,
}

impl Statement {
    /// The capacity-bearing line this is, if it is one.
    #[must_use]
    pub fn capacity(&self) -> Option<&Capacity> {
        match &self.body {
            Body::Capacity(capacity) => Some(capacity),
            _ => None,
        }
    }

    /// Whether this kind of statement carries a signature.
    #[must_use]
    pub fn is_signable(&self) -> bool {
        let by_signing_key = ["FEATURE", "INCREMENT", "PACKAGE", "UPGRADE", "LICENSE"];
        by_signing_key.contains(&self.keyword.as_str()) || self.is_by_root()
    }

    /// Whether it is a root key that signs this kind of statement.
    #[must_use]
    pub fn is_by_root(&self) -> bool {
        matches!(self.keyword.as_str(), "KEY" | "REVOKED")
    }

    /// The name to show: feature, package, license reference number or key id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.positionals.first().map_or("", String::as_str)
    }

    /// The license reference number that a capacity-bearing line belongs to.
    #[must_use]
    pub fn lrn(&self) -> Option<&str> {
        self.attributes.get("LRN")
    }

    /// The statement on one line, without the administrator's attributes.
    #[must_use]
    pub fn to_line(&self) -> String {
        let signed = |attribute: &&Attribute| attribute.is_signed() || attribute.is("SIGN");
        let attributes = self.attributes.iter().filter(signed).map(ToString::to_string);
        let words = self.positionals.iter().map(|word| quoted(word));
        let all: Vec<String> = std::iter::once(self.keyword.clone()).chain(words).chain(attributes).collect();
        all.join(" ")
    }
}
