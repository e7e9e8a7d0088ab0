//! What happened, in the past tense. Each event carries all that log, mail, webhook, meter and audit need.

use std::sync::Arc;

use grantor_license::Version;
use serde::{Deserialize, Serialize};

use crate::access::Scope;
use crate::command::EndReason;
use crate::directory::{Change, Place, Warning};
use crate::ids::{GrantId, SessionId, TicketId};
use crate::notices::Notice;
use crate::outcome::{PoolChange, Refusal};
use crate::people::{Means, PersonAct, Post};
use crate::time::Timestamp;
use crate::violation::Violation;
use crate::who::Who;

/// What happened.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A license file was loaded or replaced.
    FileLoaded { tenant: Arc<str>, name: String, digest: [u8; 32], changes: Vec<PoolChange> },
    /// A license file was removed.
    FileRemoved { tenant: Arc<str>, name: String, by: String, changes: Vec<PoolChange> },
    /// Lines came into force or ran out at their time.
    CapacityChanged { at: Timestamp, changes: Vec<PoolChange> },
    /// A session began.
    SessionOpened { session: SessionId, tenant: Arc<str>, who: Who },
    /// A session ended.
    SessionEnded { session: SessionId, tenant: Arc<str>, who: Who, why: EndReason },
    /// Seats were granted (log event 07101).
    CheckedOut(GrantEvent),
    /// Seats were given back; `held_until` says that a hold window still keeps them.
    CheckedIn { grant: GrantEvent, held_until: Option<Timestamp> },
    /// A hold window ended and the seats are free.
    HoldEnded(GrantEvent),
    /// Seats were taken away from their holder.
    Revoked { grant: GrantEvent, why: RevokeReason },
    /// A request was refused (log event 07100).
    Denied {
        tenant: Arc<str>,
        who: Who,
        session: SessionId,
        feature: String,
        version: Version,
        refusal: Refusal,
    },
    /// A request waits in line.
    Queued { ticket: TicketId, session: SessionId, tenant: Arc<str>, who: Who, feature: String, ahead: u32 },
    /// A request left the line; it was granted if a `CheckedOut` with its ticket follows.
    Dequeued {
        ticket: TicketId,
        session: SessionId,
        tenant: Arc<str>,
        who: Who,
        feature: String,
        why: DequeueReason,
    },
    /// A breach began to stand (07100).
    ViolationStarted(Violation),
    /// A breach ended (07105).
    ViolationCleared { violation: Violation, cleared: Timestamp, by: Option<String> },
    /// The first administrator was made.
    AdministratorCreated { name: String },
    /// A token was made.
    TokenAdded { name: String, scopes: Vec<Scope>, by: String },
    /// A token was revoked.
    TokenRevoked { name: String, by: String },
    /// A grant passed to the instance's next session; nothing was free in between.
    HandedOver { grant: GrantEvent, from: SessionId },
    /// A grant was borrowed: it stands until then without its session.
    Borrowed { grant: GrantEvent, until: Timestamp },
    /// A tenant's directory was changed. Seats that were taken or freed by it are told of as any others.
    DirectoryChanged { tenant: Arc<str>, changes: Arc<Vec<Change>>, by: String },
    /// An attempt to use more of an application than was bought was refused: those who manage licenses should know
    /// (seed 001: which realm, which application, and what was tried).
    LimitReached {
        tenant: Arc<str>,
        feature: Arc<str>,
        needed: u32,
        free: u32,
        attempt: Box<Change>,
        by: String,
    },
    /// Somebody logged on at a station, or with a telephone number.
    LoggedOn {
        tenant: Arc<str>,
        user: Arc<str>,
        session: SessionId,
        station: Arc<str>,
        host: Box<str>,
        warnings: Vec<Warning>,
    },
    /// Somebody logged off, or was.
    LoggedOff { tenant: Arc<str>, user: Arc<str>, station: Arc<str>, host: Box<str> },
    /// A log-on or a module was refused; `place` is `None` for a module.
    LogOnRefused { tenant: Arc<str>, who: Who, session: SessionId, place: Option<Place>, refusal: Refusal },
    /// There is something that those who look after licenses are told of.
    Noticed(Box<Notice>),
    /// A person was invited to administer.
    PersonAdded { name: String, posts: Vec<Post>, by: String },
    /// What a person may do, or how the person signs in, was changed.
    PersonChanged { name: String, what: PersonAct, by: String },
    /// A person administers no more.
    PersonRemoved { name: String, by: String },
    /// A person signed in.
    SignedIn { name: String, means: Means, from: Box<str> },
    /// Visits of a person were ended.
    SignedOut { name: String, visits: u32, by: String },
    /// A license file was loaded or replaced by somebody; in place of [`Event::FileLoaded`] where a command says by whom, from
    /// level 2 on. What it changed is told by [`Event::CapacityChanged`].
    FileLoadedBy { tenant: Arc<str>, name: String, digest: [u8; 32], by: String },
}

/// A grant as an event tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantEvent {
    /// The grant's number.
    pub grant: GrantId,
    /// The session that took it.
    pub session: SessionId,
    /// Whose pool.
    pub tenant: Arc<str>,
    /// Who, as claimed.
    pub who: Who,
    /// The feature as its line spells it.
    pub feature: Arc<str>,
    /// The version asked for.
    pub version: Arc<Version>,
    /// How many.
    pub count: u32,
    /// Since when.
    pub since: Timestamp,
    /// When this happened.
    pub at: Timestamp,
    /// The place in the queue it was granted from.
    pub ticket: Option<TicketId>,
}

/// Why seats were taken away.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevokeReason {
    /// The pool shrank below what was held, and its policy says so.
    Shrunk,
    /// An administrator took them.
    Removed { by: String, reason: String },
    /// Their license disconnects every so many minutes.
    Disconnected { minutes: u32 },
}

/// Why a request left the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DequeueReason {
    /// It was its turn.
    Granted,
    /// It had waited as long as it would.
    TimedOut,
    /// Its session gave up or ended.
    Left,
    /// What it waited for is no longer licensed.
    Gone,
}
