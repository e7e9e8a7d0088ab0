//! What those who look after licenses are told, once each: licenses that run out, attempts beyond what was bought, violations and
//! their clearance, servers lost and back. A notice is part of the state, with a number and the channels it has yet to go
//! through, so a new leader goes on where the one before it stopped. Written only after rules were set. Makes no words and sends
//! nothing: that is the server's.

mod dates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Site;
use crate::directory::Change;
use crate::event::Event;
use crate::outcome::{Refusal, Reply};
use crate::pool::FeatureKey;
use crate::time::Timestamp;
use crate::violation::{Breach, Violation};

/// Notices that are kept to be looked at; those that have yet to go through a channel are kept in any case, up to [`OPEN`].
const KEPT: usize = 200;
/// Notices that wait for a channel, at most: beyond these the oldest are given up.
const OPEN: usize = 2000;
/// Attempts beyond a feature's limit are gathered for so long after one that was told of, in milliseconds.
const GATHER: i64 = 60 * 60 * 1000;
/// The role of those who manage a tenant's licenses (seed 001, "Manage Licenses").
pub const MANAGERS: &str = "manage-licenses";
/// Users with that role who are written to, at most.
const MOST_MANAGERS: usize = 20;
/// What the name of a channel by mail begins with; the address follows.
pub const BY_MAIL: &str = "mail ";

/// When notices are due and where they go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRules {
    /// For what is no tenant's, and for tenants without a plan of their own.
    pub plan: NoticePlan,
    /// By tenant.
    pub tenants: BTreeMap<Arc<str>, NoticePlan>,
}

impl NoticeRules {
    fn of(&self, tenant: Option<&Arc<str>>) -> &NoticePlan {
        tenant.and_then(|tenant| self.tenants.get(tenant)).unwrap_or(&self.plan)
    }

    fn has(&self, channel: &str) -> bool {
        let mut plans = std::iter::once(&self.plan).chain(self.tenants.values());
        plans.any(|plan| plan.channels.contains(channel) || plan.to_managers && channel.starts_with(BY_MAIL))
    }
}

/// How many days before and after a license ends there is a notice, and where notices go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePlan {
    /// Days before; 1 at least.
    pub before: BTreeSet<u16>,
    /// Days after; 0 is the end itself.
    pub after: BTreeSet<u16>,
    /// Names of the channels that every notice goes through, such as `mail ada@example.com`.
    pub channels: BTreeSet<Box<str>>,
    /// Whether they also go by mail to each enabled user of the tenant who has the role [`MANAGERS`] and an address.
    pub to_managers: bool,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number, given once.
    pub number: u64,
    /// When it came about.
    pub at: Timestamp,
    /// What it is about.
    pub about: About,
    /// Channels it has yet to go through.
    pub open: BTreeSet<Box<str>>,
    /// Channels that never took it, and why.
    pub failed: BTreeMap<Box<str>, Box<str>>,
}

/// What a notice is about.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// Licenses end in so many days; `inactive`: because they are not activated (seed 001, grace of 30 days).
    Ending { tenant: Arc<str>, ends: Timestamp, days: u16, inactive: bool, losses: Vec<Loss> },
    /// Licenses ended so many days ago.
    Ended { tenant: Arc<str>, ended: Timestamp, days: u16, inactive: bool, losses: Vec<Loss> },
    /// More was wanted than was bought; `before` such attempts were not told of by themselves within the hour before.
    Limit { tenant: Arc<str>, feature: Arc<str>, attempt: Attempt, before: u32 },
    /// A violation began to stand.
    Violation(Violation),
    /// A violation was cleared.
    Cleared { violation: Violation, by: Option<Box<str>> },
    /// A server of the cluster no longer answers.
    ServerLost { server: Box<str> },
    /// It answers again.
    ServerBack { server: Box<str> },
    /// Somebody tries whether notices arrive.
    Test { tenant: Arc<str>, by: Box<str> },
}

impl About {
    /// Whose it is; `None` = the whole site's.
    #[must_use]
    pub fn tenant(&self) -> Option<&Arc<str>> {
        match self {
            Self::Ending { tenant, .. }
            | Self::Ended { tenant, .. }
            | Self::Limit { tenant, .. }
            | Self::Test { tenant, .. } => Some(tenant),
            Self::Violation(violation) | Self::Cleared { violation, .. } => violation.breach.tenant(),
            Self::ServerLost { .. } | Self::ServerBack { .. } => None,
        }
    }

    /// One word for filters and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ending { inactive: true, .. } => "grace",
            Self::Ending { .. } => "ending",
            Self::Ended { .. } => "ended",
            Self::Limit { .. } => "limit",
            Self::Violation(_) => "violation",
            Self::Cleared { .. } => "cleared",
            Self::ServerLost { .. } => "server-lost",
            Self::ServerBack { .. } => "server-back",
            Self::Test { .. } => "test",
        }
    }
}

/// A feature whose seats become fewer; `None` = uncounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// As its line spells it.
    pub feature: Arc<str>,
    /// Seats until then.
    pub from: Option<u32>,
    /// Seats from then on.
    pub to: Option<u32>,
}

/// Who tried what.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attempt {
    /// A change of the directory.
    Change { change: Box<Change>, by: Box<str> },
    /// An application asked for a seat.
    Request { user: Box<str>, host: Box<str> },
}

/// How a server of the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerIs {
    /// It does not answer.
    Lost,
    /// It answers.
    Back,
    /// It is no longer one of the cluster's.
    Removed,
}

/// Attempts that followed one that was told of.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gathered {
    until: Timestamp,
    more: u32,
    latest: Attempt,
}

/// What ended at an instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ended {
    inactive: bool,
    losses: Vec<Loss>,
}

/// The book of notices.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Notices {
    rules: Option<Arc<NoticeRules>>,
    last: u64,
    kept: Arc<BTreeMap<u64, Notice>>,
    gathered: BTreeMap<FeatureKey, Gathered>,
    /// What ended lately, as long as days after it are to come.
    ended: BTreeMap<(Arc<str>, Timestamp), Ended>,
    lost: BTreeSet<Box<str>>,
    due: Option<Timestamp>,
}

impl Notices {
    /// Whether there is nothing that a snapshot must have a place for.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_none() && self.last == 0
    }

    fn trim(kept: &mut BTreeMap<u64, Notice>) {
        let is_open = |notice: &Notice| !notice.open.is_empty();
        let open = kept.values().filter(|notice| is_open(notice)).count();
        let many = kept.len().saturating_sub(KEPT.max(open));
        let done: Vec<u64> = kept
            .iter()
            .filter(|(_, notice)| !is_open(notice))
            .map(|(number, _)| *number)
            .take(many)
            .collect();
        done.iter().for_each(|number| drop(kept.remove(number)));
        while kept.len() > OPEN {
            kept.pop_first();
        }
    }
}

impl Site {
    /// When notices are due and where they go, once that was set.
    #[must_use]
    pub fn notice_rules(&self) -> Option<&Arc<NoticeRules>> {
        self.notices.rules.as_ref()
    }

    /// The latest notices, and those that have yet to be told, in their order.
    pub fn notices(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.notices.kept.values()
    }

    /// Servers that were reported lost and not back yet.
    pub fn lost_servers(&self) -> impl Iterator<Item = &str> {
        self.notices.lost.iter().map(|server| &**server)
    }

    /// A channel that is no more takes its notices with it: nobody would ever send them.
    pub(crate) fn set_notice_rules(&mut self, rules: &Arc<NoticeRules>) -> Reply {
        let kept = Arc::make_mut(&mut self.notices.kept);
        kept.values_mut().for_each(|notice| notice.open.retain(|channel| rules.has(channel)));
        self.notices.rules = Some(rules.clone());
        self.schedule_notices();
        Reply::Done
    }

    /// Without rules there is nobody to tell, and nothing happens.
    pub(crate) fn try_notices(&mut self, tenant: &Arc<str>, by: &str) -> Reply {
        self.announce(About::Test { tenant: tenant.clone(), by: by.into() });
        Reply::Done
    }

    pub(crate) fn report_server(&mut self, server: &str, is: ServerIs) -> Reply {
        let named = || Box::<str>::from(server);
        let about = match is {
            ServerIs::Lost if self.notices.lost.insert(named()) => About::ServerLost { server: named() },
            ServerIs::Back if self.notices.lost.remove(server) => About::ServerBack { server: named() },
            ServerIs::Removed => {
                self.notices.lost.remove(server);
                return Reply::Done;
            }
            _ => return Reply::Done,
        };
        self.announce(about);
        Reply::Done
    }

    /// The notice has gone through the channel, or never will.
    pub(crate) fn mark_told(
        &mut self,
        number: u64,
        channel: &str,
        problem: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let kept = Arc::make_mut(&mut self.notices.kept);
        let notice = kept.get_mut(&number).ok_or(Refusal::NoSuchNotice)?;
        if !notice.open.remove(channel) {
            return Err(Refusal::NoSuchNotice);
        }
        if let Some(problem) = problem {
            notice.failed.insert(channel.into(), problem.into());
        }
        Ok(Reply::Done)
    }

    /// Makes notices of what the entry at hand has brought about. Called at its end.
    pub(crate) fn note_events(&mut self) {
        if self.notices.rules.is_none() {
            return;
        }
        let told: Vec<About> = self.events().iter().filter_map(plain).collect();
        let attempts: Vec<(FeatureKey, Arc<str>, Attempt)> =
            self.events().iter().filter_map(attempt).collect();
        told.into_iter().for_each(|about| self.announce(about));
        for (key, feature, attempt) in attempts {
            self.note_attempt(key, feature, attempt);
        }
    }

    /// The first attempt beyond a limit is told of at once; those of the hour after it together.
    fn note_attempt(&mut self, key: FeatureKey, feature: Arc<str>, attempt: Attempt) {
        if let Some(gathered) = self.notices.gathered.get_mut(&key) {
            gathered.more = gathered.more.saturating_add(1);
            gathered.latest = attempt;
            return;
        }
        let until = Timestamp(self.now.0.saturating_add(GATHER));
        let tenant = key.tenant.clone();
        self.notices.gathered.insert(key, Gathered { until, more: 0, latest: attempt.clone() });
        self.announce(About::Limit { tenant, feature, attempt, before: 0 });
        self.schedule_notices();
    }

    fn tell_of_gathered(&mut self) {
        let over: Vec<FeatureKey> = self
            .notices
            .gathered
            .iter()
            .filter(|(_, one)| one.until <= self.now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            let Some(gathered) = self.notices.gathered.remove(&key).filter(|gathered| gathered.more > 0)
            else {
                continue;
            };
            let about = About::Limit {
                tenant: key.tenant.clone(),
                feature: self.spelled(&key),
                attempt: gathered.latest.clone(),
                before: gathered.more - 1,
            };
            let until = Timestamp(self.now.0.saturating_add(GATHER));
            self.notices.gathered.insert(key, Gathered { until, more: 0, ..gathered });
            self.announce(about);
        }
    }

    fn channels(&self, rules: &NoticeRules, tenant: Option<&Arc<str>>) -> BTreeSet<Box<str>> {
        let plan = rules.of(tenant);
        let managers =
            tenant.filter(|_| plan.to_managers).map(|tenant| self.directory.mails_of(tenant, MANAGERS));
        let managers = managers.into_iter().flatten().take(MOST_MANAGERS);
        let managers = managers.map(|address| format!("{BY_MAIL}{address}").into_boxed_str());
        plan.channels.iter().cloned().chain(managers).collect()
    }

    fn announce(&mut self, about: About) {
        let Some(rules) = self.notices.rules.clone() else { return };
        self.notices.last += 1;
        let (number, open) = (self.notices.last, self.channels(&rules, about.tenant()));
        let notice = Notice { number, at: self.now, about, open, failed: BTreeMap::new() };
        let kept = Arc::make_mut(&mut self.notices.kept);
        kept.insert(number, notice.clone());
        Notices::trim(kept);
        self.tell(Event::Noticed(Box::new(notice)));
    }
}

/// Violations that come and go with every seat, or that any application can cause, are no news: the first are told of as
/// attempts, the others stand on the console.
fn is_news(violation: &Violation) -> bool {
    !matches!(violation.breach, Breach::NoneLeft { .. } | Breach::UnknownFeature { .. })
}

fn plain(event: &Event) -> Option<About> {
    match event {
        Event::ViolationStarted(violation) if is_news(violation) => Some(About::Violation(violation.clone())),
        Event::ViolationCleared { violation, by, .. } if is_news(violation) => {
            Some(About::Cleared { violation: violation.clone(), by: by.as_deref().map(Into::into) })
        }
        _ => None,
    }
}

fn attempt(event: &Event) -> Option<(FeatureKey, Arc<str>, Attempt)> {
    match event {
        Event::LimitReached { tenant, feature, attempt, by, .. } => Some((
            FeatureKey::new(tenant, feature),
            feature.clone(),
            Attempt::Change { change: attempt.clone(), by: by.as_str().into() },
        )),
        Event::Denied { tenant, who, feature, refusal: Refusal::NoneLeft(_), .. } => Some((
            FeatureKey::new(tenant, feature),
            feature.as_str().into(),
            Attempt::Request { user: who.user().into(), host: who.host().into() },
        )),
        _ => None,
    }
}
