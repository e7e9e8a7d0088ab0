//! The state of one site, and `apply`: time passes, then the command is carried out. No I/O, no clock, no randomness;
//! the same entries give the same state on every server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use grantor_license::Generations;

use crate::access::{Access, Token};
use crate::acts::Acts;
use crate::answered::Answered;
use crate::command::{Command, EndReason, Entry, LicenseFile};
use crate::directory::Directory;
use crate::disconnect::Disconnects;
use crate::event::Event;
use crate::files::Index;
use crate::grant::Grant;
use crate::ids::{GrantId, PoolId, SessionId, TicketId};
use crate::loan::Loans;
use crate::notices::Notices;
use crate::outcome::{Outcome, Refusal, Reply};
use crate::pool::{FeatureKey, Pool};
use crate::queue::Waiting;
use crate::session::Session;
use crate::settings::{FeaturePolicy, Settings};
use crate::shards::Shards;
use crate::ties::Ties;
use crate::time::Timestamp;
use crate::timers::{Due, Timers};
use crate::violation::{Breach, Violations};

/// One customer's site. Cloning is cheap: a clone shares what neither side has changed since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Site {
    pub(crate) now: Timestamp,
    pub(crate) settings: Settings,
    pub(crate) policies: Arc<BTreeMap<FeatureKey, FeaturePolicy>>,
    pub(crate) files: BTreeMap<(Arc<str>, String), Arc<LicenseFile>>,
    pub(crate) index: Arc<Index>,
    pub(crate) pools: Shards<PoolId, Pool>,
    pub(crate) sessions: Shards<SessionId, Session>,
    pub(crate) grants: Shards<GrantId, Grant>,
    pub(crate) tickets: Shards<TicketId, Waiting>,
    pub(crate) queues: BTreeMap<FeatureKey, BTreeSet<TicketId>>,
    pub(crate) timers: Timers,
    pub(crate) pools_due: Option<Timestamp>,
    pub(crate) violations: Violations,
    pub(crate) access: Arc<Access>,
    pub(crate) next_grant: u64,
    pub(crate) next_pool: u32,
    pub(crate) next_ticket: u64,
    /// Saved behind the rest: the first format has no place for it.
    #[serde(skip)]
    pub(crate) ties: Ties,
    /// Saved behind the ties.
    #[serde(skip)]
    pub(crate) loans: Loans,
    /// Saved behind the loans.
    #[serde(skip)]
    pub(crate) directory: Directory,
    /// Saved behind the directory.
    #[serde(skip)]
    pub(crate) disconnects: Disconnects,
    /// Saved behind the license types that disconnect.
    #[serde(skip)]
    pub(crate) answered: Answered,
    /// Saved behind these.
    #[serde(skip)]
    pub(crate) generations: Arc<Generations>,
    /// Saved behind what came fourth.
    #[serde(skip)]
    pub(crate) notices: Notices,
    /// Saved behind the notices.
    #[serde(skip)]
    pub(crate) acts: Acts,
    /// Saved behind the profiles of the directory.
    #[serde(skip)]
    pub(crate) level: u16,
    /// Names of tenants, for sessions to share.
    #[serde(skip)]
    pub(crate) tenants: Arc<BTreeSet<Arc<Arc<str>>>>,
    /// What the entry at hand has brought about so far; empty between entries.
    #[serde(skip)]
    events: Vec<Event>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            now: Timestamp::default(),
            settings: Settings::default(),
            policies: Arc::default(),
            files: BTreeMap::new(),
            index: Arc::default(),
            pools: Shards::default(),
            sessions: Shards::default(),
            grants: Shards::default(),
            tickets: Shards::default(),
            queues: BTreeMap::new(),
            timers: Timers::default(),
            pools_due: None,
            violations: Violations::default(),
            access: Arc::default(),
            next_grant: 1,
            next_pool: 1,
            next_ticket: 1,
            ties: Ties::default(),
            loans: Loans::default(),
            directory: Directory::default(),
            disconnects: Disconnects::default(),
            answered: Answered::default(),
            generations: Arc::default(),
            notices: Notices::default(),
            acts: Acts::default(),
            level: 0,
            tenants: Arc::default(),
            events: Vec::new(),
        }
    }
}

impl Site {
    /// A site where nothing is loaded.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out one entry. Total: whatever the command says, the answer is a reply or a named refusal, and a refused
    /// command changes nothing but what its refusal makes known (a violation) and what time itself changed.
    pub fn apply(&mut self, entry: &Entry) -> Outcome {
        self.pass_time(entry.at);
        let reply = self.carry_out(&entry.command);
        // A lease may have been asked to end in the past: it does at once.
        self.pass_time(entry.at);
        self.note_events();
        self.note_acts();
        Outcome { reply, events: std::mem::take(&mut self.events) }
    }

    /// Releases what has expired by `at`, each at its own instant, before anything else happens (design.md §4).
    fn pass_time(&mut self, at: Timestamp) {
        let end = self.now.max(at);
        while let Some((instant, due)) = self.timers.pop(end) {
            self.now = self.now.max(instant);
            self.fall_due(due);
        }
        self.now = end;
    }

    fn fall_due(&mut self, due: Due) {
        match due {
            Due::Pools => self.dates_passed(),
            Due::Lease(session) => {
                let _ended = self.end_session(session, &EndReason::LeaseEnded);
            }
            Due::Hold(grant) => self.end_hold(grant),
            Due::Ticket(ticket) => self.time_out(ticket),
            Due::Disconnect(minutes) => self.disconnect(minutes),
            Due::Notices => self.notices_due(),
        }
    }

    fn carry_out(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Tick => Ok(Reply::Done),
            Command::Configure(settings) => self.configure(settings),
            Command::SetPolicy { tenant, feature, policy } => {
                self.set_policy(tenant, feature, policy.as_ref())
            }
            Command::LoadFile(file) => self.load_file(file),
            Command::RemoveFile { tenant, name, by } => self.remove_file(tenant, name, by),
            Command::ReplaceFiles { tenant, load, remove, by } => {
                Ok(self.replace_files(tenant, load, remove, by))
            }
            Command::OpenSession(open) => self.open_session(open),
            Command::OpenInstance { open, instance } => self.open_instance(open, instance),
            Command::RenewSession { session, until } => self.renew_session(*session, *until),
            Command::EndSession { session, why } => self.end_session(*session, why),
            Command::CheckOut(ask) => self.check_out(ask),
            Command::CheckOutReserved { ask, lease } => self.check_out_reserved(ask, *lease),
            Command::CheckIn { session, grant } => self.check_in(*session, *grant),
            Command::Borrow { session, grant, loan, until } => self.borrow(*session, *grant, *loan, *until),
            Command::ReturnLoan { loan } => self.return_loan(*loan),
            Command::LeaveQueue { session, ticket } => self.leave_queue(*session, *ticket),
            Command::RemoveGrant { grant, by, reason } => self.remove_grant(*grant, by, reason),
            Command::ReportClockSetBack { wall } => self.report_clock(Breach::ClockSetBack { wall: *wall }),
            Command::ReportClockSetAhead { wall } => self.report_clock(Breach::ClockSetAhead { wall: *wall }),
            Command::ConfirmClock { by } => self.confirm_clock(by),
            Command::ClearViolation { number, by } => self.dismiss_violation(*number, by),
            other => self.carry_out_rest(other),
        }
    }

    fn carry_out_rest(&mut self, command: &Command) -> Result<Reply, Refusal> {
        match command {
            Command::Direct { tenant, changes, by } => self.direct(tenant, changes, by),
            Command::LogOn { session, place } => self.log_on(*session, place),
            Command::OpenModule { session, feature } => self.open_module(*session, feature),
            Command::CheckOutOnce(ask) => self.check_out_once(ask),
            Command::RememberGenerations { latest } => Ok(self.remember_generations(latest)),
            Command::LogOff { session } => self.log_off(*session),
            Command::SetDisconnect { license_type, minutes } => self.set_disconnect(license_type, *minutes),
            Command::SetNoticeRules(rules) => Ok(self.set_notice_rules(rules)),
            Command::ReportServer { server, is } => Ok(self.report_server(server, *is)),
            Command::MarkTold { number, channel, problem } => {
                self.mark_told(*number, channel, problem.as_deref())
            }
            Command::AgreeOnLevel { level } => Ok(self.agree_on_level(*level)),
            Command::TryNotices { tenant, by } => Ok(self.try_notices(tenant, by)),
            Command::AddPerson { .. }
            | Command::ChangePerson { .. }
            | Command::RemovePerson { .. }
            | Command::SignIn(_)
            | Command::SignOut { .. } => self.keep_people(command),
            access => self.administer(access),
        }
    }

    /// Does what `act` does, whole or not at all. A clone shares what is not changed, so looking back costs little.
    pub(crate) fn whole<T, E>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let before = self.clone();
        let done = act(self);
        if done.is_err() {
            *self = before;
        }
        done
    }

    fn administer(&mut self, command: &Command) -> Result<Reply, Refusal> {
        let (now, access) = (self.now, Arc::make_mut(&mut self.access));
        let (reply, event) = match command {
            Command::OfferSetup { token, until } => return access.offer_setup(*token, *until),
            Command::CreateAdministrator { setup, name, password_hash } => {
                access.create_administrator(*setup, name.clone(), password_hash.clone(), now)?
            }
            Command::AddToken { token, name, scopes, tenant, until, by } => {
                let (name, scopes, by) = (name.clone(), scopes.clone(), by.clone());
                access.add_token(
                    *token,
                    Token { name, scopes, tenant: tenant.clone(), until: *until, since: now, by },
                )?
            }
            Command::RevokeToken { name, by } => access.revoke_token(name, by.clone())?,
            _ => return Ok(Reply::Done),
        };
        self.tell(event);
        Ok(reply)
    }

    /// Changes people and their visits, whole or not at all.
    fn keep_people(&mut self, command: &Command) -> Result<Reply, Refusal> {
        let (now, mut access) = (self.now, Access::clone(&self.access));
        let events = match command {
            Command::AddPerson { new, by } => access.add_person(new, by, now)?,
            Command::ChangePerson { name, change, by } => access.change_person(name, change, by, now)?,
            Command::RemovePerson { name, by } => access.remove_person(name, by)?,
            Command::SignIn(begin) => access.sign_in(begin, now)?,
            Command::SignOut { name, which, by } => access.sign_out(name, which, by),
            _ => Vec::new(),
        };
        self.access = Arc::new(access);
        events.into_iter().for_each(|event| self.tell(event));
        Ok(Reply::Done)
    }

    fn configure(&mut self, settings: &Settings) -> Result<Reply, Refusal> {
        self.settings = settings.clone();
        self.serve_queues();
        Ok(Reply::Done)
    }

    fn set_policy(
        &mut self,
        tenant: &Arc<str>,
        feature: &str,
        policy: Option<&FeaturePolicy>,
    ) -> Result<Reply, Refusal> {
        let key = FeatureKey::new(tenant, feature);
        let policies = Arc::make_mut(&mut self.policies);
        match policy {
            Some(policy) => policies.insert(key, policy.clone()),
            None => policies.remove(&key),
        };
        self.serve_queue(&FeatureKey::new(tenant, feature));
        Ok(Reply::Done)
    }

    /// A file of a later generation was seen: earlier ones are of no use from here on, on any server.
    fn remember_generations(&mut self, latest: &[(String, String, u32)]) -> Reply {
        let known = Arc::make_mut(&mut self.generations);
        for (publisher, serial, generation) in latest {
            let known = known.entry((publisher.clone(), serial.clone())).or_default();
            *known = (*known).max(*generation);
        }
        Reply::Done
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    pub(crate) fn policy(&self, key: &FeatureKey) -> FeaturePolicy {
        self.policies.get(key).cloned().unwrap_or_default()
    }

    pub(crate) fn pool_of(&self, grant: GrantId) -> Option<&Pool> {
        self.pools.get(self.grants.get(grant)?.pool)
    }

    /// The feature as its line spells it; folded if no line names it.
    pub(crate) fn spelled(&self, key: &FeatureKey) -> Arc<str> {
        self.index.features.get(key).map_or_else(|| key.feature.clone(), |known| known.spelled.clone())
    }
}

/// Reading a site. Nothing here changes it.
impl Site {
    /// The latest generations of license files that were ever loaded.
    #[must_use]
    pub fn generations(&self) -> &Generations {
        &self.generations
    }

    /// The latest instant the site has seen.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something will fall due on its own: the leader proposes [`Command::Tick`] then.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// The limits in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The loaded license files, by tenant and name.
    pub fn files(&self) -> impl Iterator<Item = &Arc<LicenseFile>> {
        self.files.values()
    }

    /// The loaded features and their pools, by tenant and folded name.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// A pool by its number.
    #[must_use]
    pub fn pool(&self, id: PoolId) -> Option<&Pool> {
        self.pools.get(id)
    }

    /// An open session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// Every open session, in no telling order.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter()
    }

    /// How many sessions are open.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// A grant that is out.
    #[must_use]
    pub fn grant_by_id(&self, id: GrantId) -> Option<&Grant> {
        self.grants.get(id)
    }

    /// How many grants are out.
    #[must_use]
    pub fn grant_count(&self) -> usize {
        self.grants.len()
    }

    /// Who waits for a feature, in order.
    pub fn waiting(&self, key: &FeatureKey) -> impl Iterator<Item = (TicketId, &Waiting)> {
        let queue = self.queues.get(key).into_iter().flatten();
        queue.filter_map(|ticket| Some((*ticket, self.tickets.get(*ticket)?)))
    }

    /// Somebody who waits, by place.
    #[must_use]
    pub fn ticket(&self, id: TicketId) -> Option<&Waiting> {
        self.tickets.get(id)
    }

    /// The standing breaches.
    #[must_use]
    pub fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Who may administer.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }
}
