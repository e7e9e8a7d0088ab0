//! What `apply` answers: replies and named refusals. A refusal is a value, not an error; the texts for people are made
//! in `api`. Nothing here decides.

use std::sync::Arc;

use grantor_license::{Model, Version};
use serde::{Deserialize, Serialize};

use crate::directory::{Level, Media, Method, Named, StationKind, Warning};
use crate::event::Event;
use crate::ids::{GrantId, SessionId, TicketId};
use crate::time::Timestamp;
use crate::who::Who;

/// What came of one entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The answer to whoever asked.
    pub reply: Result<Reply, Refusal>,
    /// What happened, in order: also what fell due before the command and what followed from it.
    pub events: Vec<Event>,
}

/// The answer to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done; there is nothing to add.
    Done,
    /// The session is open.
    Opened {
        /// Its name.
        session: SessionId,
        /// Signs of life are due within so many seconds.
        heartbeat_seconds: u32,
        /// Whether it was open already: an answer had been lost, or the application came back.
        resumed: bool,
    },
    /// Seats were granted. Several grants when no single pool had enough.
    CheckedOut {
        /// One for each pool that seats came from.
        grants: Vec<Granted>,
    },
    /// The request waits in line.
    Queued {
        /// Its place.
        ticket: TicketId,
        /// How many requests for the feature stand before it.
        ahead: u32,
    },
    /// The grant was given back.
    CheckedIn {
        /// Its seats are kept out until then: a hold window runs.
        held_until: Option<Timestamp>,
    },
    /// The file is loaded; what changed in capacity.
    FileLoaded {
        /// Every pool whose capacity differs from before.
        changes: Vec<PoolChange>,
    },
    /// The grant is borrowed.
    Borrowed {
        /// It stands until then.
        until: Timestamp,
    },
    /// The directory is changed.
    Directed {
        /// What an administrator should see to; a hundred at most.
        warnings: Vec<Warning>,
    },
    /// The user is logged on.
    LoggedOn {
        /// As the directory spells it.
        user: Arc<str>,
        /// The station's name, or the telephone number.
        station: Arc<str>,
        /// The interaction types that the user receives.
        media: Media,
        /// What keeps the user from receiving more.
        warnings: Vec<Warning>,
    },
    /// The user may use the module.
    ModuleOpened {
        /// The seat by which the user may: the user's own, or the station's.
        grants: Vec<Granted>,
    },
}

/// Seats granted from one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The grant's number.
    pub grant: GrantId,
    /// How many.
    pub count: u32,
    /// The feature as its line spells it.
    pub feature: Arc<str>,
    /// The line's publisher.
    pub publisher: Arc<str>,
    /// The line's version.
    pub version: Version,
    /// When it was granted.
    pub since: Timestamp,
    /// Whether seats beyond the bought count were needed.
    pub overdraft: bool,
    /// A minimal license document that proves the line (design.md §6).
    pub proof: Arc<str>,
}

/// A pool whose capacity changed. `None` = uncounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolChange {
    /// Whose pool.
    pub tenant: Arc<str>,
    /// Its feature.
    pub feature: Arc<str>,
    /// Its version.
    pub version: Version,
    /// Seats before; `Some(0)` if it is new.
    pub from: Option<u32>,
    /// Seats now; `Some(0)` if it is gone.
    pub to: Option<u32>,
}

/// Somebody who holds seats of the pool in question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The grant's number.
    pub grant: GrantId,
    /// Who, as claimed.
    pub who: Who,
    /// How many.
    pub count: u32,
    /// Since when.
    pub since: Timestamp,
    /// Free again by then at the latest, if that is known.
    pub until: Option<Timestamp>,
}

/// Why nothing was granted, or a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No loaded line names the feature.
    UnknownFeature {
        /// As asked.
        feature: String,
        /// The nearest names that are loaded, best first, five at most.
        nearest: Vec<Arc<str>>,
    },
    /// The feature is loaded, but no line serves this version.
    VersionNotServed {
        /// As asked.
        requested: Version,
        /// What is loaded.
        served: Vec<Version>,
    },
    /// Every line that would serve has run out.
    Expired {
        /// When the last of them did.
        at: Timestamp,
    },
    /// Every line that would serve begins later.
    NotYetValid {
        /// When the first of them does.
        starts: Timestamp,
    },
    /// All seats are out.
    NoneLeft(Box<NoneLeft>),
    /// Seats are free, but others wait for them in line.
    QueuedAhead {
        /// How many requests wait.
        ahead: u32,
    },
    /// More was asked for than was ever bought.
    MoreThanExists {
        /// The fewest that were wanted.
        requested: u32,
        /// What the serving pools hold at best, overdraft included.
        capacity: u32,
    },
    /// One session may not hold so many of one feature.
    LimitPerClient {
        /// The limit.
        limit: u32,
        /// What the session holds.
        held: u32,
    },
    /// So many wait already that nobody else may.
    QueueFull {
        /// The bound.
        bound: u32,
    },
    /// The serving lines are locked to other machines or users.
    WrongHost {
        /// What they are locked to.
        locked_to: Vec<String>,
    },
    /// The feature is not consumed by checkout.
    NotForCheckout {
        /// How it is consumed.
        model: Model,
    },
    /// There is no such session: it ended, or never was. A heartbeat never revives one.
    NoSuchSession,
    /// A session of that name is open for somebody else.
    SessionTaken,
    /// As many sessions are open as may be.
    TooManySessions {
        /// The bound.
        bound: u32,
    },
    /// The session is not a lease: it has no end to move.
    NotALease,
    /// The grant was given back, revoked or removed before.
    AlreadyReturned,
    /// The grant never was, or is another session's.
    NoSuchGrant,
    /// The request was granted and given back before: its key can't take again.
    RequestDone,
    /// The key was used for a request for something else.
    RequestKeyReused,
    /// There is no such place in the queue.
    NoSuchTicket,
    /// The request makes no sense.
    BadAmount {
        /// At least, as asked.
        at_least: u32,
        /// At most, as asked.
        at_most: Option<u32>,
    },
    /// No license file of that name is loaded for the tenant.
    NoSuchFile {
        /// As asked.
        name: String,
    },
    /// There is no standing violation of that number.
    NoSuchViolation,
    /// The clock does not stand accused.
    ClockNotAccused,
    /// The set-up token is wrong, used or too old, or there is an administrator already.
    SetupClosed,
    /// There is a living token of that name.
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no token of that name.
    NoSuchToken {
        /// The name.
        name: String,
    },
    /// There is no such reservation: its lease ended, never was, or is another tenant's.
    NoSuchReservation,
    /// The reservation has too few seats of the feature left.
    NotReserved {
        /// How many it has.
        left: u32,
    },
    /// The line does not let the grant be borrowed, or the grant is a part of a suite or of a reservation.
    NotBorrowable,
    /// A loan ends after now and not later than the line lets it.
    LoanTooLong {
        /// When it would have to end.
        latest: Timestamp,
    },
    /// There is no such loan: it came back, ran out, or never was.
    NoSuchLoan,
    /// A later session of the same instance took this one's place: its opening came late.
    SessionReplaced,
    /// Who borrows has borrowed so many seats of the feature, on that host, that these would be more than a session may
    /// hold.
    TooManyLoans {
        /// The most.
        limit: u32,
        /// How many are borrowed.
        borrowed: u32,
    },
    /// Nothing in the directory has that name.
    NoSuchName {
        /// What was looked for.
        what: Named,
        /// As asked.
        name: Box<str>,
    },
    /// A name may not be blank.
    NameBlank {
        /// Of what.
        what: Named,
    },
    /// Another has that name; case and blanks around it make no other name.
    NameInUse {
        /// What has it.
        what: Named,
        /// As asked.
        name: Box<str>,
    },
    /// One change of several was refused, and so all were.
    InBatch {
        /// Which one, counted from 0.
        number: u32,
        /// Why.
        why: Box<Refusal>,
    },
    /// Fewer seats are free than the change would take; nobody got any.
    Shortfall(Box<Shortfall>),
    /// The feature is loaded, but not sold in this way.
    NotOffered {
        /// As its line spells it.
        feature: Arc<str>,
        /// How it was to be had.
        model: Model,
        /// How it can be had; empty = by nobody now.
        offered: Vec<Model>,
    },
    /// A user's licenses are all allocated by one method; switch them over, or take them away first.
    OneMethod {
        /// The user's.
        has: Method,
    },
    /// Licenses for stations are assignable only.
    StationsAreAssignable,
    /// Only stations may have this license.
    NotForUsers {
        /// Folded.
        feature: Arc<str>,
    },
    /// Only users may have this license.
    NotForStations {
        /// Folded.
        feature: Arc<str>,
    },
    /// Of ACD levels, process automation and analytics, one holder has one each: take the other away first.
    Excluded {
        /// What was to be allocated.
        feature: Arc<str>,
        /// What stands in its way.
        has: Arc<str>,
    },
    /// The seat is allocated: take the license or the role from its holder, or end the holder's sessions.
    Allocated,
    /// The user is disabled.
    UserDisabled {
        /// Who.
        user: Arc<str>,
    },
    /// The user has no license of the feature, and neither has the station that the user is at.
    NotLicensed {
        /// Who.
        user: Arc<str>,
        /// As its line spells it.
        feature: Arc<str>,
    },
    /// The user's level does not let so many interaction types be chosen.
    TooManyMedia {
        /// The level.
        level: Level,
        /// What was chosen.
        chosen: Media,
    },
    /// Nobody logs on at such a station.
    NotForLogOn {
        /// Which.
        station: Arc<str>,
        /// What it is.
        kind: StationKind,
    },
    /// The station is disabled.
    StationDisabled {
        /// Which.
        station: Arc<str>,
    },
    /// Somebody else is logged on at the station and has its licenses meanwhile.
    StationInUse {
        /// Which.
        station: Arc<str>,
        /// Who.
        by: Arc<str>,
    },
    /// The station has no Basic Station license, or it is out of force.
    NoBasicStation {
        /// Which.
        station: Arc<str>,
    },
    /// Neither the user nor the station has a Client Access or ACD Access license.
    NoClientAccess {
        /// Who.
        user: Arc<str>,
        /// Where.
        station: Arc<str>,
    },
    /// No stations are available: all Basic Station licenses are in use.
    NoStationLeft {
        /// How many were bought.
        capacity: u32,
        /// How many are out.
        in_use: u32,
    },
    /// The user lacks the right to log on with a telephone number of one's own.
    NoOwnNumber,
    /// The telephone number of a remote log-on may not be blank.
    NumberBlank,
    /// The session's user is not logged on by it.
    NotLoggedOn,
    /// There is no notice of that number that waits for that channel.
    NoSuchNotice,
    /// Nobody who administers has that name.
    NoSuchPerson {
        /// As asked.
        name: String,
    },
    /// Somebody who administers has that name, or it is blank; case makes no other name.
    PersonExists {
        /// As asked.
        name: String,
    },
    /// As many people administer as may.
    TooManyPeople {
        /// The most.
        most: u32,
    },
    /// A person has one role at least, and not more than so many.
    NoRole {
        /// The most.
        most: u32,
    },
    /// Nobody else may do everything and can sign in: the last one stays.
    LastAdministrator,
    /// Nothing else signs the person in: the last one stays.
    LastWayIn,
    /// The person has as many ways to sign in of this kind as may be.
    TooManyWays {
        /// The most.
        most: u32,
    },
    /// The passkey is somebody's already.
    PasskeyTaken,
    /// The account elsewhere is somebody's already, or the person has another one there.
    AccountTaken {
        /// Who vouches for it.
        issuer: String,
    },
    /// What was shown signs nobody in, or not this person.
    NotSignedInSo,
    /// The person shows a code beside the password.
    CodeNeeded,
    /// The code was used, or a later one was.
    CodeUsed,
    /// The invitation was taken, replaced, or is too old.
    InvitationOver,
    /// An identity provider knows another user or group by that id.
    ExternalIdInUse {
        /// What has it.
        what: Named,
        /// The id.
        id: Box<str>,
        /// The name of whoever has it.
        by: Arc<str>,
    },
    /// It is not any more what was looked at.
    ChangedMeanwhile {
        /// What was looked at.
        what: Named,
        /// Its name.
        name: Box<str>,
    },
}

/// Seats that a change would have taken, and how many were missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// The feature as its line spells it.
    pub feature: Arc<str>,
    /// How it was to be taken.
    pub model: Model,
    /// Seats that the change would take on top.
    pub needed: u32,
    /// Seats that are left.
    pub free: u32,
    /// Seats that were bought.
    pub capacity: u32,
    /// Seats that are out.
    pub in_use: u32,
    /// Who has held longest; ten at most.
    pub holders: Vec<Held>,
}

impl Shortfall {
    /// How many seats are missing.
    #[must_use]
    pub const fn short(&self) -> u32 {
        self.needed.saturating_sub(self.free)
    }
}

/// All seats are out: who holds them, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoneLeft {
    /// The feature as its line spells it.
    pub feature: Arc<str>,
    /// The fewest that were wanted.
    pub requested: u32,
    /// What the serving pools hold, overdraft not included.
    pub capacity: u32,
    /// What is out.
    pub in_use: u32,
    /// What is left, fewer than wanted.
    pub free: u32,
    /// How many requests wait in line.
    pub queued: u32,
    /// Who has held longest; ten at most.
    pub holders: Vec<Held>,
    /// When the next seat comes free at the latest, if that is known.
    pub next_free: Option<Timestamp>,
    /// Whether the pool holds more grants than seats, as it shrank.
    pub over_capacity: bool,
}
