//! A capacity-bearing line reduced to what granting needs. Durable: the state machine's log
//! and snapshots hold offers in an encoding that does not describe itself, so their fields never change; a new need is a
//! new type beside them. May not know files, signatures or today's date.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::hostid::HostId;
use crate::version::Version;

/// How many licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Count {
    /// As many as wanted: `uncounted`, or `0`.
    Uncounted,
    /// So many.
    Counted(u32),
}

impl Count {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Counted(a), Self::Counted(b)) => Self::Counted(a.saturating_add(b)),
            _ => Self::Uncounted,
        }
    }

    /// So many times as many.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        match self {
            Self::Counted(count) => Self::Counted(count.saturating_mul(factor)),
            Self::Uncounted => Self::Uncounted,
        }
    }
}

/// How a pool is consumed (design §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Checked out by application sessions.
    Floating,
    /// Allocated to users or stations.
    Assignable,
    /// Configured on users, taken at log-on.
    Concurrent,
    /// Consumed by enabled users with a role.
    Role,
    /// Granted to everyone.
    Uncounted,
}

impl Model {
    pub(crate) const NAMES: [&'static str; 5] = ["floating", "assignable", "concurrent", "role", "uncounted"];

    /// Reads `MODEL=`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "floating" => Self::Floating,
            "assignable" => Self::Assignable,
            "concurrent" => Self::Concurrent,
            "role" => Self::Role,
            "uncounted" => Self::Uncounted,
            _ => return None,
        })
    }

    /// The word of the license file.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Which versions a line serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionRule {
    /// Its own and every older one (FlexNet).
    AtLeast,
    /// The same, within the same major version: an 8.x application takes only 8.x lines.
    SameMajor,
}

impl VersionRule {
    pub(crate) const NAMES: [&'static str; 2] = ["at-least", "same-major"];

    /// Reads `VERSION_RULE=`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "at-least" => Self::AtLeast,
            "same-major" => Self::SameMajor,
            _ => return None,
        })
    }

    /// The word of the license file.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Whether a line of version `has` serves a request for `wants`.
    #[must_use]
    pub fn serves(self, has: &Version, wants: &Version) -> bool {
        has >= wants && (self == Self::AtLeast || has.major() == wants.major())
    }
}

/// Which checkouts share one license: those that are equal in every part named here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DupGroup {
    /// `U`
    pub user: bool,
    /// `H`
    pub host: bool,
    /// `D`
    pub display: bool,
    /// `V`: the checkout data.
    pub vendor: bool,
    /// `SITE`: all checkouts share one.
    pub site: bool,
}

impl DupGroup {
    /// Reads `DUP_GROUP=NONE|SITE|[UHDV]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let mut group = Self::default();
        match text.as_str() {
            "NONE" => return Some(group),
            "SITE" => return Some(Self { site: true, ..group }),
            "" => return None,
            _ => {}
        }
        for letter in text.chars() {
            let flag = match letter {
                'U' => &mut group.user,
                'H' => &mut group.host,
                'D' => &mut group.display,
                'V' => &mut group.vendor,
                _ => return None,
            };
            *flag = true;
        }
        Some(group)
    }

    /// One spelling for equal groups.
    #[must_use]
    pub fn canonical(self) -> String {
        if self.site {
            return "SITE".to_owned();
        }
        let parts = [(self.user, 'U'), (self.host, 'H'), (self.display, 'D'), (self.vendor, 'V')];
        let letters: String = parts.into_iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect();
        if letters.is_empty() { "NONE".to_owned() } else { letters }
    }
}

/// `name[:version[:count]]` of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The feature that the package contains.
    pub feature: String,
    /// `None`: the version of the enabling line.
    pub version: Option<Version>,
    /// How many for each license of the package.
    pub count: u32,
}

/// How the components of a suite depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SuiteKind {
    /// `OPTIONS=SUITE`: a component also takes one license of the suite.
    Suite,
    /// `OPTIONS=SUITE_RESERVED`: the rest of the suite is kept for the same user.
    Reserved,
}

/// Which statement an offer comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OfferKind {
    /// `FEATURE`
    Feature,
    /// `INCREMENT`
    Increment,
    /// `UPGRADE`
    Upgrade {
        /// The oldest version that it can be made of.
        from: Version,
    },
    /// `PACKAGE`
    Package {
        /// What it consists of.
        components: Vec<Component>,
        /// Whether components also take a license of the package.
        suite: Option<SuiteKind>,
        /// Whether the line names a version; if not, it goes with every version of its feature.
        versioned: bool,
    },
}

/// Which older lines a line puts out of force (flexnet-formats §1.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supersede {
    /// None.
    #[default]
    None,
    /// Older lines, and lines without issue date, of these features.
    Features(Vec<String>),
    /// Exactly the lines with these features and signatures.
    Signatures(Vec<(String, String)>),
}

/// What one line offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Which statement.
    pub kind: OfferKind,
    /// Name of the feature or package, as written.
    pub feature: String,
    /// Who grants.
    pub publisher: String,
    /// Of the feature; of what an upgrade makes.
    pub version: Version,
    /// Which requests the version serves.
    pub version_rule: VersionRule,
    /// How it is consumed.
    pub model: Model,
    /// How many.
    pub count: Count,
    /// How many more may be taken on top.
    pub overdraft: u32,
    /// How long a grant outlives its release, because the use is priced by the window.
    pub hold_seconds: u32,
    /// How long a grant outlives its release, as FlexNet's `LINGER`.
    pub linger_seconds: u32,
    /// For how many hours a license may be borrowed at most; `None`: not at all.
    pub borrow_hours: Option<u32>,
    /// Which checkouts share one license.
    pub dup_group: DupGroup,
    /// Any one of these hosts; empty: every host.
    pub locks: Vec<HostId>,
    /// License reference number.
    pub lrn: String,
    /// First day in force.
    pub starts: Option<Date>,
    /// Last day in force; `None`: permanent.
    pub last_day: Option<Date>,
    /// When the line was issued.
    pub issued: Option<Date>,
    /// Which other lines it puts out of force.
    pub supersede: Supersede,
    /// The line's signature, which names it.
    pub sign: String,
    /// Place in the order of lines: 100 unless the administrator gave another.
    pub sort: u8,
    /// Canonical text of every field in which lines of one pool are equal, but feature and version.
    pub pool_key: String,
    /// Which of the loaded files.
    pub file: u32,
    /// Line in that file.
    pub line: u32,
    /// `SN=`
    pub serial: Option<String>,
    /// `VENDOR_STRING=`
    pub vendor_string: Option<String>,
    /// `SUITE_DUP_GROUP=`: the suite's own duplicate grouping.
    pub suite_dup_group: Option<DupGroup>,
}

impl Offer {
    /// Whether the line grants by itself: no package, no upgrade.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.kind, OfferKind::Feature | OfferKind::Increment)
    }
}
