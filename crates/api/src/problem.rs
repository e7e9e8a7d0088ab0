//! Refusals and errors as RFC 9457 problem details. `code` is for programs and never changes its meaning; `detail` and
//! `hint` are for people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What went wrong, for programs. The HTTP status and FlexNet's number follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Code {
    /// No loaded line names the feature.
    UnknownFeature,
    /// No line serves this version.
    VersionNotServed,
    /// Every line that would serve has run out.
    Expired,
    /// Every line that would serve begins later.
    NotYetValid,
    /// All seats are out.
    NoneLeft,
    /// Seats are free, but others wait for them.
    QueuedAhead,
    /// More was asked for than was ever bought.
    MoreThanExists,
    /// One session may not hold so many.
    LimitPerClient,
    /// So many wait already that nobody else may.
    QueueFull,
    /// The lines are locked to other machines or users.
    WrongHost,
    /// The feature is not consumed by checkout.
    NotForCheckout,
    /// There is no such session: it ended, or never was.
    NoSuchSession,
    /// A session of that name is open for somebody else.
    SessionTaken,
    /// As many sessions are open as may be.
    TooManySessions,
    /// The session is not a lease.
    NotALease,
    /// The grant was given back, revoked or removed before.
    AlreadyReturned,
    /// The grant never was, or is another session's.
    NoSuchGrant,
    /// The request was granted and given back before.
    RequestDone,
    /// The request's key was used for something else.
    RequestKeyReused,
    /// There is no such place in the queue.
    NoSuchTicket,
    /// The request makes no sense.
    BadRequest,
    /// A field is longer or larger than it may be.
    TooLarge,
    /// No license file of that name is loaded.
    NoSuchFile,
    /// The license file can't be loaded; `problems` says why.
    BadLicenseFile,
    /// The configuration can't be used; `problems` says why.
    BadConfiguration,
    /// There is no standing violation of that number.
    NoSuchViolation,
    /// The clock does not stand accused.
    ClockNotAccused,
    /// The set-up token is wrong, used or too old.
    SetupClosed,
    /// The name is taken.
    NameTaken,
    /// There is no token of that name.
    NoSuchToken,
    /// There is no such reservation: it ended, never was, or is another tenant's.
    NoSuchReservation,
    /// The reservation has too few seats of the feature left.
    NotReserved,
    /// The line does not let the seat be borrowed.
    NotBorrowable,
    /// The line does not let the seat be borrowed for so long.
    LoanTooLong,
    /// There is no such loan: it came back, ran out, or never was.
    NoSuchLoan,
    /// Nothing in the directory has that name.
    NoSuchName,
    /// The license can't be allocated in this way, or to this holder.
    NotAllocatable,
    /// The user has no license of the feature.
    NotLicensed,
    /// The user is disabled.
    UserDisabled,
    /// The user can't log on there.
    LogOnRefused,
    /// Nobody is named: no token, no password.
    Unauthenticated,
    /// Somebody is named who may not do this.
    Forbidden,
    /// Too many tries; wait.
    TooManyTries,
    /// There is no such page.
    NotFound,
    /// The page is there, the method isn't.
    MethodNotAllowed,
    /// The server can't take more at the moment.
    Busy,
    /// The server does not know whether it was done: ask again with the same request key.
    Unknown,
    /// The server is starting or stopping, or has no majority.
    Unavailable,
    /// The server's fault.
    Internal,
    /// Nobody who administers has that name.
    NoSuchPerson,
    /// It would leave nobody who may do everything and can sign in.
    LastAdministrator,
    /// It would leave the person nothing to sign in with.
    LastWayIn,
    /// The password is right, and a code is asked for beside it.
    CodeNeeded,
    /// What was shown signs nobody in, or not this person.
    NotSignedIn,
    /// The invitation was taken, replaced, or is too old.
    InvitationOver,
    /// It is not any more what the request was made for: look at it again.
    Changed,
}

impl Code {
    /// The HTTP status it travels with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::RequestKeyReused => 400,
            Self::Unauthenticated | Self::CodeNeeded | Self::NotSignedIn => 401,
            Self::Forbidden | Self::WrongHost | Self::SetupClosed => 403,
            Self::UnknownFeature
            | Self::NoSuchGrant
            | Self::NoSuchTicket
            | Self::NoSuchFile
            | Self::NoSuchViolation
            | Self::NoSuchToken
            | Self::NoSuchReservation
            | Self::NoSuchLoan
            | Self::NoSuchName
            | Self::NoSuchPerson
            | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::VersionNotServed
            | Self::Expired
            | Self::NotYetValid
            | Self::NoneLeft
            | Self::QueuedAhead
            | Self::MoreThanExists
            | Self::LimitPerClient
            | Self::NotForCheckout
            | Self::SessionTaken
            | Self::NotALease
            | Self::NotReserved
            | Self::NotBorrowable
            | Self::LoanTooLong
            | Self::NotAllocatable
            | Self::NotLicensed
            | Self::UserDisabled
            | Self::LogOnRefused
            | Self::ClockNotAccused
            | Self::LastAdministrator
            | Self::LastWayIn
            | Self::NameTaken => 409,
            Self::NoSuchSession | Self::AlreadyReturned | Self::RequestDone | Self::InvitationOver => 410,
            Self::Changed => 412,
            Self::TooLarge => 413,
            Self::BadLicenseFile | Self::BadConfiguration => 422,
            Self::TooManyTries | Self::QueueFull => 429,
            Self::Internal => 500,
            Self::Busy | Self::Unknown | Self::Unavailable | Self::TooManySessions => 503,
        }
    }

    /// FlexNet's number for the same thing, where there is one (flexnet-formats §8).
    #[must_use]
    pub const fn flexnet(self) -> Option<i32> {
        Some(match self {
            Self::UnknownFeature => -5,
            Self::VersionNotServed => -25,
            Self::Expired => -10,
            Self::NotYetValid => -31,
            Self::NoneLeft => -4,
            Self::QueuedAhead => -24,
            Self::MoreThanExists => -26,
            Self::LimitPerClient => -87,
            Self::WrongHost => -9,
            Self::AlreadyReturned => -105,
            Self::NoSuchGrant => -41,
            Self::NotBorrowable => -68,
            Self::LoanTooLong => -104,
            Self::BadLicenseFile => -2,
            Self::Unauthenticated | Self::Forbidden | Self::CodeNeeded | Self::NotSignedIn => -63,
            Self::Busy | Self::Unavailable | Self::Unknown => -23,
            _ => return None,
        })
    }
}

/// RFC 9457 problem details, and what a refusal adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// What went wrong, for programs.
    pub code: Code,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, in a few words.
    pub title: String,
    /// What went wrong here, in a sentence.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Who holds the seats, the one who has held longest first; ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// When the next seat comes free at the latest, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_free: Option<Timestamp>,
    /// Names near the one that is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// What is wrong with a file: one text a problem, with line and column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Which of several changes of the directory was refused, the first being 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u32>,
}

impl Problem {
    /// A problem with a code and its sentence.
    #[must_use]
    pub fn new(code: Code, title: &str, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            title: title.to_owned(),
            detail: detail.into(),
            hint: None,
            holders: Vec::new(),
            next_free: None,
            nearest: Vec::new(),
            problems: Vec::new(),
            change: None,
        }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Somebody who holds seats that another was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Holder {
    /// User, as claimed.
    pub user: String,
    /// Host, as claimed.
    pub host: String,
    /// Display, as claimed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display: String,
    /// How many seats.
    pub count: u32,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The grant's number, for `grantor remove`.
    pub grant: u64,
}
