//! A client: opens sessions, takes seats and gives them back, repeats what was not answered at another server with the
//! same key, shows signs of life or is late with them. It tells the oracle what it was promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use grantor_server::consensus::ServerId;
use grantor_site::command::{Amount, CheckOut, Command, EndReason, Identity, OpenSession};
use grantor_site::ids::{GrantId, RequestKey, SessionId};
use grantor_site::{Refusal, Reply};

use crate::bug::Bug;
use crate::history::Hold;
use crate::license::{FEATURE, version};
use crate::server::{Answer, Request};
use crate::world::World;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a request is repeated before the session is given up.
const INSISTENCE_MS: u64 = 20_000;

type Result<T> = std::result::Result<T, Lost>;

/// The session is of no use any more: it ended, or nobody knows.
pub(crate) struct Lost;

/// One client.
pub(crate) struct Client {
    world: Arc<World>,
    rng: fastrand::Rng,
    number: u32,
    server: ServerId,
    session: SessionId,
    /// Until then the servers have promised to keep the session, in milliseconds.
    kept_until: u64,
    is_lease: bool,
    grants: Vec<GrantId>,
}

impl Client {
    pub(crate) fn new(world: &Arc<World>, number: u32) -> Self {
        let rng = world.options.rng(100 + u64::from(number));
        Self {
            world: world.clone(),
            rng,
            number,
            server: 1,
            session: SessionId(0),
            kept_until: 0,
            is_lease: false,
            grants: Vec::new(),
        }
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Relaxed) {
            let _given_up = self.one_session(&stop).await;
            self.world.oracle.forget(self.session);
            self.pause(400).await;
        }
    }

    async fn one_session(&mut self, stop: &AtomicBool) -> Result<()> {
        self.open().await?;
        for _ in 0..self.rng.u32(1..6) {
            if stop.load(Relaxed) {
                break;
            }
            self.take().await?;
            self.hold().await?;
            if self.rng.bool() {
                self.look().await?;
            }
            self.give_back().await?;
        }
        // Some applications die without a word.
        if self.rng.u32(..4) > 0 {
            self.end().await?;
        }
        Ok(())
    }

    pub(crate) async fn open(&mut self) -> Result<()> {
        self.session = SessionId(self.rng.u128(..));
        self.grants.clear();
        self.is_lease = self.rng.u32(..5) == 0;
        let open = OpenSession {
            session: self.session,
            tenant: "main".into(),
            who: Identity { user: format!("u{}", self.number).into(), ..Identity::default() },
            machine: None,
            heartbeat_seconds: self.world.options.heartbeat_seconds,
            lease_until: None,
        };
        let asked = self.world.trace.now();
        let request = match self.is_lease {
            true => Request::Lease(open, self.rng.u32(3..20)),
            false => Request::Do(Command::OpenSession(open)),
        };
        self.kept_until = if self.is_lease { 0 } else { asked + self.heartbeat_ms() };
        self.insist(request).await?.map(drop).map_err(|_| Lost)
    }

    /// Takes a seat, and now and then asks for the same again elsewhere.
    pub(crate) async fn take(&mut self) -> Result<()> {
        let request = RequestKey(self.rng.u128(1..));
        let Ok(Reply::CheckedOut { grants }) = self.check_out(request).await? else { return Ok(()) };
        for granted in grants {
            self.grants.push(granted.grant);
            let until = self.kept_until;
            let hold = Hold { session: self.session, grant: granted.grant, count: granted.count, until };
            self.world.oracle.took(&self.world.trace, hold);
        }
        if self.rng.u32(..4) == 0 {
            let servers = self.world.servers();
            self.server = servers[self.rng.usize(..servers.len())];
            match self.check_out(request).await? {
                Ok(Reply::CheckedOut { grants }) if grants.iter().all(|g| self.grants.contains(&g.grant)) => {
                }
                other => self.fail(&format!("a repeated request was answered differently: {other:?}")),
            }
        }
        Ok(())
    }

    async fn check_out(&mut self, request: RequestKey) -> Result<std::result::Result<Reply, Refusal>> {
        let ask = CheckOut {
            session: self.session,
            request,
            feature: FEATURE.to_owned(),
            version: version(),
            amount: Amount::exactly(1),
            queue_until: None,
            share: None,
        };
        self.insist(Request::Do(Command::CheckOutOnce(ask))).await
    }

    /// Holds on for a while, with signs of life; some clients are late with them.
    async fn hold(&mut self) -> Result<()> {
        for _ in 0..self.rng.u32(..4) {
            let third = self.heartbeat_ms() / 3;
            let late = self.rng.u32(..12) == 0;
            let wait = if late { self.heartbeat_ms() + self.rng.u64(..3000) } else { self.rng.u64(..=third) };
            tokio::time::sleep(Duration::from_millis(wait)).await;
            self.show_life().await?;
        }
        Ok(())
    }

    async fn show_life(&mut self) -> Result<()> {
        if self.is_lease {
            return Ok(());
        }
        for _ in 0..3 {
            let asked = self.world.trace.now();
            match self.call(Request::Alive(self.session)).await {
                Some(Answer::Done(Ok(_))) => {
                    self.kept_until = asked + self.heartbeat_ms();
                    self.world.oracle.heard(&self.world.trace, self.session, self.kept_until);
                    return Ok(());
                }
                Some(Answer::Done(Err(refusal))) => return self.session_refused(&refusal),
                _ => self.pause(100).await,
            }
        }
        Ok(())
    }

    /// Reads who holds what: nothing acknowledged may be missing, and this client holds just what it knows of.
    pub(crate) async fn look(&mut self) -> Result<()> {
        let before = self.world.oracle.believed(self.world.trace.now());
        let Some(Answer::Holdings(holdings)) = self.call(Request::Look).await else { return Ok(()) };
        self.world.oracle.check_read(&self.world.trace, &before, &holdings);
        let own = holdings.get(&self.session);
        if own.is_some_and(|own| *own != self.grants) {
            self.fail(&format!("holds {own:?} and knows of {:?}", self.grants));
        }
        Ok(())
    }

    async fn give_back(&mut self) -> Result<()> {
        for grant in std::mem::take(&mut self.grants) {
            self.world.oracle.let_go(grant);
            let command = Command::CheckIn { session: self.session, grant };
            match self.insist(Request::Do(command)).await? {
                Ok(_) | Err(Refusal::AlreadyReturned | Refusal::NoSuchGrant) => self.world.oracle.gave_back(),
                Err(refusal) => self.fail(&format!("grant {grant} can't be given back: {refusal:?}")),
            }
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<()> {
        self.world.oracle.forget(self.session);
        // Asked for twice, the second answer is that there is no such session.
        self.kept_until = 0;
        let command = Command::EndSession { session: self.session, why: EndReason::Closed };
        self.insist(Request::Do(command)).await.map(drop)
    }

    /// Repeats a request at one server after the other until it is answered.
    async fn insist(&mut self, mut request: Request) -> Result<std::result::Result<Reply, Refusal>> {
        let started = self.world.trace.now();
        while self.world.trace.now() < started + INSISTENCE_MS {
            if let Some(Answer::Done(reply)) = self.call(request.clone()).await {
                if let Err(refusal @ Refusal::NoSuchSession) = &reply {
                    self.session_refused(refusal)?;
                }
                return Ok(reply);
            }
            if let (Some(Bug::RetryWithoutKey), Request::Do(Command::CheckOutOnce(ask))) =
                (self.world.options.bug, &mut request)
            {
                ask.request = RequestKey(0);
            }
            self.pause(200).await;
        }
        Err(Lost)
    }

    /// A session that was promised to last may not be gone.
    fn session_refused(&self, refusal: &Refusal) -> Result<()> {
        if self.world.trace.now() < self.kept_until {
            self.fail(&format!(
                "the session ended {} ms early: {refusal:?}",
                self.kept_until - self.world.trace.now()
            ));
        }
        Err(Lost)
    }

    /// Asks once. Follows a hint to the leader the next time, or else goes on to the next server.
    async fn call(&mut self, request: Request) -> Option<Answer> {
        let way = self.rng_way()?;
        let (world, server) = (self.world.clone(), self.server);
        let ask = async move {
            tokio::time::sleep(way).await;
            let live = world.live(server)?;
            let (there, process) = (world.clone(), live.clone());
            let answer = live.spawn(async move { process.answer(&there, request).await }).await.ok()?;
            let Some(back) = world.net.way() else { return std::future::pending().await };
            tokio::time::sleep(back).await;
            Some(answer)
        };
        let answer = tokio::time::timeout(PATIENCE, ask).await.ok().flatten();
        let next = self.world.next_to(server);
        match &answer {
            Some(Answer::NotNow(hint)) => self.server = hint.filter(|hint| *hint != server).unwrap_or(next),
            Some(_) => {}
            None => self.server = next,
        }
        self.world.trace.note(format_args!("c{} at {server}: {answer:?}", self.number));
        answer
    }

    /// The way to a server; a lost request is not sent at all.
    fn rng_way(&mut self) -> Option<Duration> {
        let way = self.world.net.way();
        if way.is_none() {
            self.server = self.world.next_to(self.server);
        }
        way
    }

    fn heartbeat_ms(&self) -> u64 {
        u64::from(self.world.options.heartbeat_seconds) * 1000
    }

    async fn pause(&mut self, most_ms: u64) {
        let wait = self.rng.u64(1..=most_ms);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    fn fail(&self, what: &str) {
        self.world.trace.fail(&format!("client {}: {what}", self.number));
    }
}
