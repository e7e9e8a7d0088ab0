//! What a site can be told to do. Durable: logs of earlier versions are replayed, and their encoding does not describe
//! itself. So variants are only ever appended, and what one carries never changes: a new need is a new variant. A saved
//! log guards this. Nothing here acts.

use std::sync::Arc;

use grantor_license::{LicenseInfo, Machine, Offer, Version};
use serde::{Deserialize, Serialize};

use crate::access::{Scope, Secret};
use crate::directory::{Change, Place};
use crate::ids::{GrantId, LoanKey, RequestKey, SessionId, TicketId};
use crate::notices::{NoticeRules, ServerIs};
use crate::people::{Beginning, NewPerson, PersonChange, Which};
use crate::settings::{FeaturePolicy, Settings};
use crate::time::Timestamp;

/// One entry of the replicated log. The leader stamps `at` once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When the leader took the command; the site's clock never runs backwards, whatever stands here.
    pub at: Timestamp,
    /// What is to be done.
    pub command: Command,
}

/// What a site can be told to do, in the imperative.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Let time pass: release what has expired by the entry's instant. The leader proposes it when something is due.
    Tick,
    /// Set limits that hold for the whole site.
    Configure(Settings),
    /// Set how one feature of one tenant is granted; `None` goes back to the defaults.
    SetPolicy { tenant: Arc<str>, feature: String, policy: Option<FeaturePolicy> },
    /// Load a license file, or replace the one of the same tenant and name.
    LoadFile(Arc<LicenseFile>),
    /// Forget a license file.
    RemoveFile { tenant: Arc<str>, name: String, by: String },
    /// Begin a session, or find it again after a lost answer.
    OpenSession(OpenSession),
    /// Move the end of a script's lease.
    RenewSession { session: SessionId, until: Timestamp },
    /// End a session and give back what it holds; hold windows still run.
    EndSession { session: SessionId, why: EndReason },
    /// Take seats; in logs of before [`Command::CheckOutOnce`].
    CheckOut(CheckOut),
    /// Give a grant back.
    CheckIn { session: SessionId, grant: GrantId },
    /// Give up a place in a queue.
    LeaveQueue { session: SessionId, ticket: TicketId },
    /// An administrator takes a grant away, hold window and all.
    RemoveGrant { grant: GrantId, by: String, reason: String },
    /// The leader's clock stood earlier than the site's by more than it may.
    ReportClockSetBack { wall: Timestamp },
    /// An administrator says that the clock is right now.
    ConfirmClock { by: String },
    /// An administrator dismisses a standing violation that nothing else would clear.
    ClearViolation { number: u64, by: String },
    /// Offer a single-use set-up token with which the first administrator is made.
    OfferSetup { token: Secret, until: Timestamp },
    /// Use the set-up token.
    CreateAdministrator { setup: Secret, name: String, password_hash: String },
    /// Let a program in.
    AddToken {
        token: Secret,
        name: String,
        scopes: Vec<Scope>,
        tenant: Option<Arc<str>>,
        until: Option<Timestamp>,
        by: String,
    },
    /// Lock a program out.
    RevokeToken { name: String, by: String },
    /// Load some license files of a tenant and forget others in one step: seats that move from one file to another are
    /// never counted twice, nor missing, in between.
    ReplaceFiles { tenant: Arc<str>, load: Vec<Arc<LicenseFile>>, remove: Vec<String>, by: String },
    /// Begin the session of a named instance of an application: it takes over what the instance's session before it
    /// holds, and that one ends.
    OpenInstance { open: OpenSession, instance: Box<str> },
    /// Take seats out of a lease; they go back to it while it lives.
    CheckOutReserved { ask: CheckOut, lease: SessionId },
    /// Borrow a grant that the session holds: it stands until then whatever becomes of the session. The key gives it back.
    Borrow { session: SessionId, grant: GrantId, loan: LoanKey, until: Timestamp },
    /// Give a borrowed grant back before its time.
    ReturnLoan { loan: LoanKey },
    /// The leader's clock stood later than the site's by more than it may, and no other server vouched for it.
    ReportClockSetAhead { wall: Timestamp },
    /// Change a tenant's directory: all of these changes in their order, or none.
    Direct { tenant: Arc<str>, changes: Arc<Vec<Change>>, by: String },
    /// Log the user of a session on, at a station or with a telephone number.
    LogOn { session: SessionId, place: Place },
    /// The application of a session opens a module: its user uses a license of the feature.
    OpenModule { session: SessionId, feature: Box<str> },
    /// Log the user of a session off; the session stays.
    LogOff { session: SessionId },
    /// What sessions hold under licenses of this type ends every so many minutes of the site's time; `None` = it doesn't.
    SetDisconnect { license_type: String, minutes: Option<u32> },
    /// Take seats; a refusal binds every copy of the request, also one that was on its way for longer.
    CheckOutOnce(CheckOut),
    /// Remember the latest generations of files by publisher and serial number; they only grow.
    RememberGenerations { latest: Vec<(String, String, u32)> },
    /// Set when notices are due and through which channels they go.
    SetNoticeRules(Arc<NoticeRules>),
    /// A server of the cluster no longer answers, answers again, or is none of them any more.
    ReportServer { server: Box<str>, is: ServerIs },
    /// A notice has gone through a channel; with a problem: it never will.
    MarkTold { number: u64, channel: Box<str>, problem: Option<Box<str>> },
    /// Make a notice, to see whether it arrives.
    TryNotices { tenant: Arc<str>, by: String },
    /// Let a person in who administers, by an invitation.
    AddPerson { new: NewPerson, by: String },
    /// Change what a person may do or how the person signs in.
    ChangePerson { name: String, change: PersonChange, by: String },
    /// Lock a person out, and end what the person could do.
    RemovePerson { name: String, by: String },
    /// Begin a person's visit by what was found to be right.
    SignIn(Box<Beginning>),
    /// End visits of a person.
    SignOut { name: String, which: Which, by: String },
    /// Every server knows the commands up to this level (see [`crate::level`]).
    AgreeOnLevel { level: u16 },
}

/// A license file as the leader admitted it: verified, bound to this machine, its dates turned into instants of the
/// configured zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LicenseFile {
    /// Whose pools it feeds.
    pub tenant: Arc<str>,
    /// Its name at this site; loading the same name again replaces it.
    pub name: String,
    /// SHA-256 of `text`.
    pub digest: [u8; 32],
    /// The file as it was read.
    pub text: String,
    /// Its `LICENSE` lines.
    pub licenses: Vec<LicenseInfo>,
    /// The lines that give capacity, now or at another time.
    pub lines: Vec<LoadedLine>,
}

impl LicenseFile {
    /// Whether loading `other` in this one's place would change nothing.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let lines = |file: &Self| {
            file.lines
                .iter()
                .map(|line| (line.offer.sign.clone(), line.starts, line.ends))
                .collect::<Vec<_>>()
        };
        self.tenant == other.tenant
            && self.name == other.name
            && self.digest == other.digest
            && lines(self) == lines(other)
    }
}

/// A line that gives capacity between two instants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadedLine {
    /// What the line offers.
    pub offer: Offer,
    /// A minimal document that proves the line on its own.
    pub proof: Arc<str>,
    /// First instant of its first day, if it has one.
    pub starts: Option<Timestamp>,
    /// First instant at which it no longer works, if there is one.
    pub ends: Option<Timestamp>,
}

impl LoadedLine {
    /// Whether the line gives capacity at `now`.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.starts.is_none_or(|starts| starts <= now) && self.ends.is_none_or(|ends| now < ends)
    }
}

/// Who asks, as the application claims it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// User name; compared with case.
    pub user: Box<str>,
    /// Host name; compared without case.
    pub host: Box<str>,
    /// Display, terminal or instance.
    pub display: Box<str>,
    /// The application's own name.
    pub application: Box<str>,
    /// Process number; 0 if unknown.
    pub process: u32,
}

/// Opens a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenSession {
    /// Chosen at random by the asker; asking again with the same one finds the same session.
    pub session: SessionId,
    /// Whose pools it takes from.
    pub tenant: Arc<str>,
    /// Who asks.
    pub who: Identity,
    /// The machine the application runs on, for lines locked to one.
    pub machine: Option<Box<Machine>>,
    /// Seconds without a sign of life after which the leader ends the session; 0 = the site's default.
    pub heartbeat_seconds: u32,
    /// For a script's lease: when it ends unless renewed.
    pub lease_until: Option<Timestamp>,
}

/// Why a session ended.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The application said good-bye.
    Closed,
    /// No sign of life in time.
    HeartbeatMissed,
    /// Its connection broke and it did not come back within the grace.
    ConnectionLost,
    /// A script's lease ran out.
    LeaseEnded,
    /// An administrator ended it.
    Removed { by: String, reason: String },
    /// A later session of the same instance took its place.
    Replaced,
    /// Its user logged on at another computer or station.
    LoggedOnElsewhere { host: String },
}

/// How many seats are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Fewer than these are of no use; at least 1.
    pub at_least: u32,
    /// More than these aren't wanted; `None` = all that are left.
    pub at_most: Option<u32>,
}

impl Amount {
    /// Just `count`, or nothing.
    #[must_use]
    pub const fn exactly(count: u32) -> Self {
        Self { at_least: count, at_most: Some(count) }
    }

    /// Up to `count`, but one at least.
    #[must_use]
    pub const fn up_to(count: u32) -> Self {
        Self { at_least: 1, at_most: Some(count) }
    }

    /// All that are left, but one at least.
    #[must_use]
    pub const fn all_left() -> Self {
        Self { at_least: 1, at_most: None }
    }
}

/// Asks for seats of one feature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckOut {
    /// Who asks.
    pub session: SessionId,
    /// The asker's name for this request; 0 = none, a retry then takes again.
    pub request: RequestKey,
    /// What is wanted; compared without case.
    pub feature: String,
    /// The application's version.
    pub version: Version,
    /// How many.
    pub amount: Amount,
    /// Wait in line until this instant when there are none left; `None` = don't wait.
    pub queue_until: Option<Timestamp>,
    /// Publisher-defined data for lines with `DUP_GROUP=V`: two servers of a redundant pair give the same.
    pub share: Option<Box<str>>,
}
