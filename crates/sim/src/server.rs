//! A running server's process: consensus, and above it what the product's HTTP layer and watch do, reduced to what
//! matters here. Signs of life are in the leader's memory only, and a new leader starts every clock anew.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grantor_server::consensus::{Clock, Consensus, ProposeError, Role, ServerId, Stopped};
use grantor_site::command::{Command, EndReason, OpenSession};
use grantor_site::ids::{GrantId, SessionId};
use grantor_site::{Refusal, Reply, Site};
use tokio::task::{AbortHandle, JoinHandle};

use crate::bug::Bug;
use crate::world::World;

/// How often signs of life and what falls due are looked at, as in the product.
const WATCH: Duration = Duration::from_millis(500);

/// What a client asks a server.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Do(Command),
    /// Opens a script's lease of so many seconds.
    Lease(OpenSession, u32),
    Alive(SessionId),
    /// Who holds what.
    Look,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Done(Result<Reply, Refusal>),
    Holdings(BTreeMap<SessionId, Vec<GrantId>>),
    /// Not here, or not known; with the leader, if there is one.
    NotNow(Option<ServerId>),
}

/// When a session must be heard of again, in milliseconds; `None` while it is being ended.
type Due = Option<i64>;

/// A process.
pub(crate) struct Live {
    pub(crate) id: ServerId,
    pub(crate) consensus: Consensus,
    alive: Arc<AtomicBool>,
    clock: Clock,
    living: Mutex<BTreeMap<SessionId, Due>>,
    /// The term in which `living` was begun.
    led: Mutex<Option<u64>>,
    tasks: Mutex<Vec<AbortHandle>>,
    /// The index of the state that was looked at last.
    looked: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    pub(crate) fn new(id: ServerId, consensus: Consensus, alive: Arc<AtomicBool>, clock: Clock) -> Arc<Self> {
        let (living, led, tasks, looked) = Default::default();
        Arc::new(Self { id, consensus, alive, clock, living, led, tasks, looked })
    }

    /// Runs something that ends when the process does.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let handle = tokio::spawn(work);
        let mut tasks = locked(&self.tasks);
        tasks.retain(|task| !task.is_finished());
        tasks.push(handle.abort_handle());
        handle
    }

    pub(crate) fn begin(self: &Arc<Self>, world: &Arc<World>) {
        self.spawn(follow(self.clone(), world.clone()));
        self.spawn(watch(self.clone(), world.clone()));
        tokio::spawn(report_stop(self.clone(), world.clone()));
    }

    /// The process is gone: nothing it does from now on reaches anybody.
    pub(crate) fn end(self: Arc<Self>) {
        self.alive.store(false, Relaxed);
        locked(&self.tasks).drain(..).for_each(|task| task.abort());
        tokio::spawn(async move { self.consensus.shutdown().await });
    }

    /// Whether the state of this index was not looked at yet.
    pub(crate) fn is_news(&self, index: u64) -> bool {
        self.looked.swap(index, Relaxed) != index
    }

    fn leads(&self) -> bool {
        self.consensus.status().role == Role::Leader
    }

    async fn propose(&self, command: Command) -> Answer {
        match self.consensus.propose(command).await {
            Ok(reply) => Answer::Done(reply),
            Err(ProposeError::NotLeader { leader }) => Answer::NotNow(leader),
            Err(_) => Answer::NotNow(None),
        }
    }

    pub(crate) async fn answer(&self, world: &World, request: Request) -> Answer {
        match request {
            Request::Do(command) => self.propose(command).await,
            Request::Lease(mut open, seconds) => {
                let until = (self.clock)().max(self.consensus.view().now()).plus_seconds(seconds);
                world.oracle.lease_asked(open.session, until);
                open.lease_until = Some(until);
                self.propose(Command::OpenSession(open)).await
            }
            Request::Alive(session) => self.alive(world, session).await,
            Request::Look => self.look(world).await,
        }
    }

    /// Reads and signs of life are for a leader that has just made sure that it still leads.
    async fn surely_leads(&self, world: &World, skipped_by: Bug) -> bool {
        if world.options.bug == Some(skipped_by) {
            return self.leads();
        }
        self.leads() && self.consensus.caught_up().await
    }

    async fn look(&self, world: &World) -> Answer {
        if !self.surely_leads(world, Bug::StaleRead).await {
            return Answer::NotNow(self.consensus.status().leader);
        }
        Answer::Holdings(holdings(&self.consensus.view()))
    }

    async fn alive(&self, world: &World, session: SessionId) -> Answer {
        if !self.surely_leads(world, Bug::DeposedHeartbeat).await {
            return Answer::NotNow(self.consensus.status().leader);
        }
        let known = self.consensus.view().session(session).map(|session| session.heartbeat_seconds);
        let Some(seconds) = known else {
            let revived = world.options.bug == Some(Bug::HeartbeatAfterExpiry);
            return Answer::Done(if revived { Ok(Reply::Done) } else { Err(Refusal::NoSuchSession) });
        };
        let due = self.now(world) + i64::from(seconds) * 1000;
        let mut living = locked(&self.living);
        match living.get(&session) {
            // Its end is on its way; to say that it lives would be a promise that is broken at once.
            Some(None) => Answer::NotNow(None),
            _ => {
                living.insert(session, Some(due));
                Answer::Done(Ok(Reply::Done))
            }
        }
    }

    /// Signs of life are timed by a clock that nobody sets.
    fn now(&self, world: &World) -> i64 {
        match world.options.bug {
            Some(Bug::LocalClock) => (self.clock)().0,
            _ => world.trace.now() as i64,
        }
    }

    /// Begins every clock anew when this server has begun to lead; returns whether it leads.
    async fn take_over(&self, world: &World) -> bool {
        let status = self.consensus.status();
        if status.role != Role::Leader {
            *locked(&self.led) = None;
            return false;
        }
        if *locked(&self.led) == Some(status.term) {
            return true;
        }
        if !self.consensus.caught_up().await {
            return false;
        }
        locked(&self.living).clear();
        *locked(&self.led) = Some(status.term);
        world.trace.note(format_args!("{} watches over sessions in term {}", self.id, status.term));
        if world.options.bug == Some(Bug::DoubleGrantAtFailover) {
            let sessions: Vec<SessionId> = self.consensus.view().sessions().map(|(id, _)| id).collect();
            for session in sessions {
                self.propose(Command::EndSession { session, why: EndReason::ConnectionLost }).await;
            }
        }
        true
    }

    /// Brings the clocks in line with the sessions there are; returns those not heard of in time, now being ended.
    fn overdue(&self, world: &World) -> Vec<SessionId> {
        let (now, view) = (self.now(world), self.consensus.view());
        let mut living = locked(&self.living);
        living.retain(|id, _| view.session(*id).is_some());
        for (id, session) in view.sessions().filter(|(_, session)| session.lease_until().is_none()) {
            living.entry(id).or_insert(Some(now + i64::from(session.heartbeat_seconds) * 1000));
        }
        let late: Vec<SessionId> =
            living.iter().filter(|(_, due)| due.is_none_or(|due| due <= now)).map(|(id, _)| *id).collect();
        for id in &late {
            living.insert(*id, None);
        }
        late
    }
}

fn holdings(site: &Site) -> BTreeMap<SessionId, Vec<GrantId>> {
    site.sessions().map(|(id, session)| (id, session.grants().to_vec())).collect()
}

/// Ends sessions that are not heard of and lets time pass, as the product's watch does.
async fn watch(live: Arc<Live>, world: Arc<World>) {
    loop {
        tokio::time::sleep(WATCH).await;
        if !live.take_over(&world).await {
            continue;
        }
        for session in live.overdue(&world) {
            live.propose(Command::EndSession { session, why: EndReason::HeartbeatMissed }).await;
        }
        if live.consensus.view().next_due().is_some_and(|due| due <= (live.clock)()) {
            live.propose(Command::Tick).await;
        }
    }
}

/// Tells the checks of everything that this server applies.
async fn follow(live: Arc<Live>, world: Arc<World>) {
    let mut events = live.consensus.events();
    while let Ok(applied) = events.recv().await {
        world.oracle.applied(&world.trace, live.id, &applied);
    }
}

/// A server may stop by itself only if its disk failed; it is started again a second later.
async fn report_stop(live: Arc<Live>, world: Arc<World>) {
    let id = live.id;
    let stopped = live.consensus.stopped();
    let alive = live.alive.clone();
    drop(live);
    let Stopped::Failed(reason) = stopped.await else { return };
    if !alive.load(Relaxed) {
        return;
    }
    let excused = world.machine(id, |machine| machine.lock_store().has_failed).unwrap_or(false);
    if !excused {
        world.trace.fail(&format!("server {id} stopped: {reason}"));
    }
    world.kill(id);
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.start(id).await;
}
