//! A second site, written from the design alone: plain lists, everything worked out anew at each step. Slow and
//! obvious, so that it can judge the first.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code, of which each program uses its part"
)]

mod loans;
mod pools;
mod seats;
mod ties;
mod time;

use std::sync::Arc;

use grantor_license::Version;
use grantor_site::command::{Amount, CheckOut, Command, Entry, Identity, LicenseFile, OpenSession};
use grantor_site::ids::{GrantId, LoanKey, RequestKey, SessionId, TicketId};
use grantor_site::settings::{FeaturePolicy, Settings};
use grantor_site::violation::Breach;
use grantor_site::{Refusal, Reply, Timestamp};

pub use pools::Pool;

/// Tenant and folded feature.
pub type Key = (Arc<str>, String);

pub fn key(tenant: &Arc<str>, feature: &str) -> Key {
    (tenant.clone(), feature.to_lowercase())
}

#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub open: OpenSession,
    pub heartbeat: u32,
    pub lease: Option<Timestamp>,
    pub done: Vec<RequestKey>,
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub id: GrantId,
    /// Tenant and identity of its pool.
    pub pool: (Arc<str>, String),
    pub session: Option<SessionId>,
    pub taken_by: SessionId,
    pub who: Identity,
    pub share: Option<Box<str>>,
    pub count: u32,
    pub since: Timestamp,
    pub asked: Version,
    pub until: Option<Timestamp>,
    pub request: RequestKey,
    /// The grant that this one came with as the seat of its suite.
    pub came_with: Option<GrantId>,
    pub loan: Option<LoanKey>,
}

#[derive(Clone, Debug)]
pub struct Ticket {
    pub id: TicketId,
    pub key: Key,
    pub ask: CheckOut,
    pub since: Timestamp,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub now: Timestamp,
    pub settings: Settings,
    pub policies: Vec<(Key, FeaturePolicy)>,
    pub files: Vec<Arc<LicenseFile>>,
    pub pools: Vec<Pool>,
    pub built_at: Timestamp,
    pub sessions: Vec<Session>,
    pub grants: Vec<Grant>,
    pub tickets: Vec<Ticket>,
    pub none_left: Vec<Key>,
    pub unknown: Vec<Key>,
    pub instances: Vec<ties::Instance>,
    /// Grants and the leases that they came out of.
    pub reserved: Vec<(GrantId, SessionId)>,
    /// Requests that were answered in this minute of theirs, and in the one before.
    pub answered: [Vec<(SessionId, RequestKey)>; 2],
    pub answered_since: Timestamp,
    pub last_grant: u64,
    pub last_ticket: u64,
}

impl Oracle {
    pub fn apply(&mut self, entry: &Entry) -> Result<Reply, Refusal> {
        let end = self.now.max(entry.at);
        self.pass_time(end);
        let reply = self.carry_out(&entry.command);
        self.pass_time(end);
        reply
    }

    fn carry_out(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Configure(settings) => {
                self.settings = settings.clone();
                let keys: std::collections::BTreeSet<Key> =
                    self.tickets.iter().map(|t| t.key.clone()).collect();
                for key in keys {
                    self.serve(&key);
                }
                Ok(Reply::Done)
            }
            Command::SetPolicy { tenant, feature, policy } => {
                let key = key(tenant, feature);
                self.policies.retain(|(other, _)| *other != key);
                self.policies.extend(policy.clone().map(|policy| (key.clone(), policy)));
                self.serve(&key);
                Ok(Reply::Done)
            }
            Command::LoadFile(file) => {
                let same = |other: &&Arc<LicenseFile>| other.tenant == file.tenant && other.name == file.name;
                self.files.retain(|other| !same(&other));
                self.files.push(file.clone());
                self.rebuild(&file.tenant);
                Ok(Reply::FileLoaded { changes: Vec::new() })
            }
            Command::RemoveFile { tenant, name, .. } => {
                let before = self.files.len();
                self.files.retain(|file| !(file.tenant == *tenant && file.name == *name));
                if self.files.len() == before {
                    return Err(Refusal::NoSuchFile { name: name.clone() });
                }
                self.rebuild(tenant);
                Ok(Reply::FileLoaded { changes: Vec::new() })
            }
            other => self.session_command(other),
        }
    }

    fn session_command(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::OpenSession(open) => self.open(open),
            Command::OpenInstance { open, instance } => self.open_instance(open, instance),
            Command::CheckOutReserved { ask, lease } => self.check_out_reserved(ask, *lease),
            Command::RenewSession { session, until } => {
                let session = self.session_mut(*session).ok_or(Refusal::NoSuchSession)?;
                if session.lease.is_none() {
                    return Err(Refusal::NotALease);
                }
                session.lease = Some(*until);
                Ok(Reply::Done)
            }
            Command::EndSession { session, .. } => self.end(*session),
            Command::CheckOut(ask) => self.check_out(ask),
            Command::CheckOutOnce(ask) => self.check_out_once(ask),
            Command::CheckIn { session, grant } => self.check_in(*session, *grant),
            Command::Borrow { session, grant, loan, until } => self.borrow(*session, *grant, *loan, *until),
            Command::ReturnLoan { loan } => self.return_loan(*loan),
            Command::LeaveQueue { session, ticket } => {
                self.session(*session).ok_or(Refusal::NoSuchSession)?;
                let own = |other: &&Ticket| other.id == *ticket && other.ask.session == *session;
                let key = self.tickets.iter().find(own).ok_or(Refusal::NoSuchTicket)?.key.clone();
                self.tickets.retain(|other| other.id != *ticket);
                self.serve(&key);
                Ok(Reply::Done)
            }
            Command::RemoveGrant { grant, .. } => {
                self.grant(*grant).ok_or_else(|| self.gone(*grant))?;
                self.revoke(*grant);
                Ok(Reply::Done)
            }
            _ => Ok(Reply::Done),
        }
    }

    pub fn open(&mut self, open: &OpenSession) -> Result<Reply, Refusal> {
        if let Some(session) = self.session(open.session) {
            if session.open.who != open.who || session.open.tenant != open.tenant {
                return Err(Refusal::SessionTaken);
            }
            let heartbeat_seconds = session.heartbeat;
            return Ok(Reply::Opened { session: open.session, heartbeat_seconds, resumed: true });
        }
        let bound = self.settings.max_sessions;
        if self.sessions.len() >= bound as usize {
            return Err(Refusal::TooManySessions { bound });
        }
        let heartbeat = [open.heartbeat_seconds, self.settings.heartbeat_seconds]
            .into_iter()
            .find(|seconds| *seconds > 0)
            .unwrap_or(0);
        self.sessions.push(Session {
            id: open.session,
            open: open.clone(),
            heartbeat,
            lease: open.lease_until,
            done: Vec::new(),
        });
        Ok(Reply::Opened { session: open.session, heartbeat_seconds: heartbeat, resumed: false })
    }

    /// An administrator dismisses a breach: one that a refusal started is gone, another is looked at again.
    pub fn dismiss(&mut self, breach: Option<Breach>) {
        match breach {
            Some(Breach::NoneLeft { tenant, feature }) => {
                self.none_left.retain(|other| *other != key(&tenant, &feature));
            }
            Some(Breach::UnknownFeature { tenant, feature }) => {
                self.unknown.retain(|other| *other != key(&tenant, &feature));
            }
            Some(Breach::Expired { tenant, feature } | Breach::OverCapacity { tenant, feature }) => {
                self.review(&key(&tenant, &feature));
            }
            _ => {}
        }
    }

    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    pub fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.id == id)
    }

    /// Why a grant that is not out can't be given back.
    pub fn gone(&self, grant: GrantId) -> Refusal {
        if grant.0 >= 1 && grant.0 <= self.last_grant {
            Refusal::AlreadyReturned
        } else {
            Refusal::NoSuchGrant
        }
    }

    pub fn policy(&self, key: &Key) -> FeaturePolicy {
        self.policies
            .iter()
            .find(|(other, _)| other == key)
            .map(|(_, policy)| policy.clone())
            .unwrap_or_default()
    }

    /// Whether the amount makes sense.
    pub fn sensible(amount: &Amount) -> bool {
        amount.at_least >= 1 && amount.at_most.is_none_or(|most| most >= amount.at_least)
    }
}
