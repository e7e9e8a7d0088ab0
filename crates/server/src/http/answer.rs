//! Refusals of the site as problem details for people and programs. The one place where a refusal gets its words.

mod directory;
mod people;

use crate::clock::instant;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use grantor_api::{Code, Holder, Problem};
use grantor_license::{Version, format_date};
use grantor_site::outcome::{Held, NoneLeft};
use grantor_site::{Refusal, Timestamp};

/// What a handler gives when it doesn't give what was asked for.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Problem);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.0.code {
            Code::Unauthenticated => {
                drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Code::Busy | Code::Unknown | Code::Unavailable | Code::TooManyTries => {
                drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")));
            }
            _ => {}
        }
        response
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(problem(refusal))
    }
}

/// An instant for people, to the second.
fn when(at: Timestamp) -> String {
    instant(at).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A request that makes no sense, with the field that doesn't.
pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, "the request makes no sense", detail)
}

/// A refusal in one sentence, for the log.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    let problem = problem(refusal.clone());
    format!("{}: {}", problem.title, problem.detail)
}

/// A refusal in words.
pub(crate) fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoneLeft(none) => none_left(*none),
        Refusal::UnknownFeature { feature, nearest } => unknown_feature(&feature, &nearest),
        Refusal::VersionNotServed { requested, served } => version_not_served(&requested, &served),
        Refusal::Expired { at } => Problem::new(
            Code::Expired,
            "the license has expired",
            format!("the last line that would serve ran out at {}", when(at)),
        )
        .hint("load a renewed license file and run `grantor reread`"),
        Refusal::NotYetValid { starts } => Problem::new(
            Code::NotYetValid,
            "the license is not yet valid",
            format!("the first line that would serve begins at {}", when(starts)),
        ),
        Refusal::QueuedAhead { ahead } => Problem::new(
            Code::QueuedAhead,
            "others wait for these seats",
            format!("{ahead} requests stand in line for the feature"),
        )
        .hint("wait in line too: `queue_seconds` in the request, `--queue` for `grantor checkout`"),
        Refusal::MoreThanExists { requested, capacity } => Problem::new(
            Code::MoreThanExists,
            "more seats than were ever bought",
            format!("{requested} were asked for, and there are {capacity} in all"),
        )
        .hint("ask for fewer, or order more"),
        Refusal::LimitPerClient { limit, held } => Problem::new(
            Code::LimitPerClient,
            "one session may not hold so many",
            format!("a session may hold {limit} seats of a feature, and this one holds {held}"),
        )
        .hint("spread the load over several applications, or raise `limits.seats_per_client`"),
        Refusal::QueueFull { bound } => {
            Problem::new(Code::QueueFull, "the queue is full", format!("{bound} requests wait already"))
                .hint("try again later")
        }
        Refusal::WrongHost { locked_to } => Problem::new(
            Code::WrongHost,
            "the license is locked to another machine",
            format!("its lines are locked to {}", locked_to.join(", ")),
        )
        .hint("`grantor hostid` on the machine shows its host ids; send them with the request"),
        Refusal::NotForCheckout { model } => Problem::new(
            Code::NotForCheckout,
            "the feature is not checked out",
            format!("its lines say MODEL={}", model.name()),
        )
        .hint("it is allocated to users or stations by an administrator"),
        Refusal::BadAmount { at_least, at_most } => bad_request(format!(
            "at least {at_least} and at most {} seats",
            at_most.map_or_else(|| "all".to_owned(), |most| most.to_string())
        ))
        .hint("ask for 1 at least, and not for fewer at most than at least"),
        other => about_names(other),
    }
}

/// Versions that are days are those of updates, which a license has through the day that maintenance is paid.
fn version_not_served(requested: &Version, served: &[Version]) -> Problem {
    let hint = match (requested.day(), served.iter().filter_map(Version::day).max()) {
        (Some(of), Some(through)) if of > through => format!(
            "it is of {}, and maintenance is paid through {}: renew it and load the license file that is made then, \
             or take what was released by that day",
            format_date(of),
            format_date(through)
        ),
        _ => "load a license file for the newer version, or start the version of the application that is licensed"
            .to_owned(),
    };
    let served: Vec<String> = served.iter().map(ToString::to_string).collect();
    let detail =
        format!("version {requested} was asked for, and the loaded lines have {}", served.join(", "));
    Problem::new(Code::VersionNotServed, "no line serves this version", detail).hint(hint)
}

fn none_left(none: NoneLeft) -> Problem {
    let NoneLeft { feature, requested, capacity, in_use, free, queued, .. } = &none;
    let left =
        if *free == 0 { String::new() } else { format!(", {free} are left and {requested} were wanted") };
    let line = if *queued == 0 { String::new() } else { format!(", and {queued} requests wait") };
    let detail = format!("{in_use} of {capacity} seats of `{feature}` are out{left}{line}");
    let mut problem = Problem::new(Code::NoneLeft, "all seats are out", detail).hint(what_helps(&none));
    problem.next_free = none.next_free.map(instant);
    problem.holders = none.holders.iter().map(holder).collect();
    problem
}

fn what_helps(none: &NoneLeft) -> String {
    if none.over_capacity {
        return "the pool shrank below what is held: load a license file with more seats, or take grants away with `grantor remove`".to_owned();
    }
    match none.holders.first() {
        Some(held) => format!(
            "`{}@{}` has held {} longest, since {}; wait in line with `--queue`, free it with `grantor remove {}`, or order more seats",
            held.who.user(),
            held.who.host(),
            held.count,
            when(held.since),
            held.grant
        ),
        None => "order more seats".to_owned(),
    }
}

fn holder(held: &Held) -> Holder {
    Holder {
        user: held.who.user().to_owned(),
        host: held.who.host().to_owned(),
        display: held.who.display().to_owned(),
        count: held.count,
        since: instant(held.since),
        grant: held.grant.0,
    }
}

fn unknown_feature(feature: &str, nearest: &[std::sync::Arc<str>]) -> Problem {
    let detail = format!("no loaded line names `{feature}`");
    let hint = match nearest.first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "`grantor stat -a` shows what is loaded; load a license file that names the feature".to_owned()
        }
    };
    let mut problem = Problem::new(Code::UnknownFeature, "no such feature", detail).hint(hint);
    problem.nearest = nearest.iter().map(ToString::to_string).collect();
    problem
}

/// Refusals about sessions, grants and requests that are not there, or not any more.
fn about_names(refusal: Refusal) -> Problem {
    let (code, title, detail, hint) = match refusal {
        Refusal::NoSuchSession => (
            Code::NoSuchSession,
            "there is no such session",
            "it ended, or never was; nothing revives one".to_owned(),
            "open a new session and check out again",
        ),
        Refusal::SessionReplaced => (
            Code::SessionTaken,
            "the instance was started anew",
            "a later session of the same instance took this one's place".to_owned(),
            "this is a late retry of its opening; nothing is to be done",
        ),
        Refusal::SessionTaken => (
            Code::SessionTaken,
            "the session belongs to somebody else",
            "a session of this id is open for another user, host or application".to_owned(),
            "choose session ids at random",
        ),
        Refusal::TooManySessions { bound } => (
            Code::TooManySessions,
            "too many sessions",
            format!("{bound} sessions are open"),
            "try again later",
        ),
        Refusal::NotALease => (
            Code::NotALease,
            "the session is not a lease",
            "it lives as long as it shows signs of life".to_owned(),
            "`PUT /v1/sessions/{id}` is a sign of life",
        ),
        Refusal::AlreadyReturned => (
            Code::AlreadyReturned,
            "the grant is back already",
            "it was given back, revoked or removed before".to_owned(),
            "there is nothing to do",
        ),
        Refusal::NoSuchGrant => (
            Code::NoSuchGrant,
            "there is no such grant",
            "it never was, or is another session's".to_owned(),
            "`grantor stat -a` shows the numbers of grants",
        ),
        Refusal::RequestDone => (
            Code::RequestDone,
            "the request is over",
            "its seats were granted and given back before".to_owned(),
            "choose a new request key",
        ),
        Refusal::RequestKeyReused => (
            Code::RequestKeyReused,
            "the request key was used before",
            "it stands for a request for another feature".to_owned(),
            "choose request keys at random",
        ),
        other => return about_loans(other),
    };
    Problem::new(code, title, detail).hint(hint)
}

/// Refusals about what is borrowed.
fn about_loans(refusal: Refusal) -> Problem {
    let (code, title, detail, hint) = match refusal {
        Refusal::NotBorrowable => (
            Code::NotBorrowable,
            "the seat cannot be borrowed",
            "its line does not say BORROW, or it is part of a suite or of a reservation".to_owned(),
            "order a line that can be borrowed, or use the seat while the server can be reached",
        ),
        Refusal::LoanTooLong { latest } => (
            Code::LoanTooLong,
            "the seat cannot be borrowed for so long",
            format!(
                "a loan that begins now ends at {} at the latest, and not before it begins",
                when(latest)
            ),
            "ask for an earlier end",
        ),
        Refusal::TooManyLoans { limit, borrowed } => (
            Code::LimitPerClient,
            "one user may not borrow so many",
            format!("a user on one host may borrow {limit} seats of a feature, and has borrowed {borrowed}"),
            "give a loan back first, or raise `limits.seats_per_client`",
        ),
        Refusal::NoSuchLoan => (
            Code::NoSuchLoan,
            "there is no such loan",
            "it came back, ran out, was taken away, or never was".to_owned(),
            "`grantor stat -a` shows who holds what",
        ),
        other => return about_administration(other),
    };
    Problem::new(code, title, detail).hint(hint)
}

/// Refusals about files, violations, tokens and set-up.
fn about_administration(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchTicket => Problem::new(
            Code::NoSuchTicket,
            "there is no such place in the queue",
            "it was served, lapsed, or is another session's",
        ),
        Refusal::NoSuchFile { name } => Problem::new(
            Code::NoSuchFile,
            "no such license file is loaded",
            format!("`{name}` is not loaded"),
        )
        .hint("`grantor stat -i` shows what is"),
        Refusal::NoSuchViolation => Problem::new(
            Code::NoSuchViolation,
            "there is no such violation",
            "it was cleared, or never stood",
        ),
        Refusal::NoSuchNotice => {
            Problem::new(Code::NotFound, "there is no such notice", "it was told already, or never was")
        }
        Refusal::ClockNotAccused => Problem::new(
            Code::ClockNotAccused,
            "the clock is not in question",
            "no violation says that it was set back or ahead",
        ),
        Refusal::SetupClosed => Problem::new(
            Code::SetupClosed,
            "set-up is closed",
            "the set-up token is wrong, used or older than it may be, or there is an administrator already",
        )
        .hint("restart the server for a new token; it is printed until there is an administrator"),
        Refusal::NameTaken { name } => {
            Problem::new(Code::NameTaken, "the name is taken", format!("there is a token called `{name}`"))
                .hint("revoke it first, or choose another name")
        }
        Refusal::NoSuchToken { name } => {
            Problem::new(Code::NoSuchToken, "there is no such token", format!("none is called `{name}`"))
        }
        Refusal::NoSuchReservation => {
            Problem::new(Code::NoSuchReservation, "there is no such reservation", "it ended, or never was")
                .hint("`POST /v1/checkouts` makes one; renew it while it is needed")
        }
        Refusal::NotReserved { left } => {
            let detail = format!("the reservation has {left} seats of this feature left");
            Problem::new(Code::NotReserved, "too few seats are reserved", detail)
                .hint("ask for fewer, or without the reservation")
        }
        other => people::about_people(&other)
            .or_else(|| directory::about_directory(other))
            .unwrap_or_else(|| Problem::new(Code::Internal, "a refusal without words", "please report this")),
    }
}
