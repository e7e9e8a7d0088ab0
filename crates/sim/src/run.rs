//! One run from its seed: a cluster forms, faults strike while clients work, then the faults end and the cluster must
//! serve again within thirty seconds.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::runtime::Builder;

use crate::client::Client;
use crate::license;
use crate::members;
use crate::options::Options;
use crate::power;
use crate::world::World;

/// How long a cluster without faults may take to serve again, in milliseconds (R04).
const RECOVERY_MS: u64 = 30_000;
/// No run is longer than this.
const END: Duration = Duration::from_secs(1200);
/// How often the servers' states are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What the seed decided.
    pub options: Options,
    /// What was broken, if anything was.
    pub failure: Option<String>,
    /// Hash of every line of the trace, and how many lines there were.
    pub trace: (u64, u64),
    /// The last lines, or all of them.
    pub lines: Vec<String>,
    /// Grants acknowledged, grants given back, states looked at.
    pub counts: (u64, u64, u64),
    /// How long it took in virtual time, in milliseconds.
    pub lasted_ms: u64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{:?}", self.options)?;
        let (granted, given_back, states) = self.counts;
        writeln!(
            f,
            "{} ms, {granted} grants, {given_back} given back, {states} states, trace {:016x} of {} lines",
            self.lasted_ms, self.trace.0, self.trace.1
        )?;
        match &self.failure {
            Some(failure) => {
                writeln!(
                    f,
                    "seed {}: {failure}\n  {}",
                    self.options.seed,
                    crate::replay_command(self.options.seed)
                )
            }
            None => writeln!(f, "seed {}: all is well", self.options.seed),
        }
    }
}

/// Runs what the options say, in virtual time, in this thread.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
#[allow(clippy::expect_used, reason = "a machine without a timer runs no simulation")]
pub fn run(options: Options) -> Run {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async move {
        let world = World::new(options);
        if tokio::time::timeout(END, live_through(&world)).await.is_err() {
            world.trace.fail("the run does not come to its end");
        }
        let run = Run {
            options: world.options.clone(),
            failure: world.trace.failure(),
            trace: world.trace.hash(),
            lines: world.trace.lines(),
            counts: world.oracle.counts(),
            lasted_ms: world.trace.now(),
        };
        world.servers().into_iter().for_each(|server| world.kill(server));
        run
    })
}

async fn live_through(world: &Arc<World>) {
    let looking = tokio::spawn(look_on(world.clone()));
    begin(world).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..world.options.clients)
        .map(|number| tokio::spawn(Client::new(world, number).run(stop.clone())))
        .collect();
    faults(world).await;
    stop.store(true, Relaxed);
    end_well(world).await;
    // A client that found no leader gives up by itself; what it believes by then is looked at, too.
    for client in clients {
        let _ended = client.await;
    }
    world.oracle.inspect(world);
    looking.abort();
}

async fn look_on(world: Arc<World>) {
    loop {
        tokio::time::sleep(LOOK).await;
        world.oracle.inspect(&world);
    }
}

/// Starts the servers and loads the license file.
pub(crate) async fn begin(world: &Arc<World>) {
    for server in world.servers() {
        world.start(server).await;
    }
    while world.trace.failure().is_none() && world.trace.now() < RECOVERY_MS {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let Some(leader) = world.leader() else { continue };
        if leader.consensus.propose(license::load(world.options.seats)).await.is_ok() {
            return;
        }
    }
    world.trace.fail("no cluster forms");
}

/// The faults, one after the other, sometimes two at once.
async fn faults(world: &Arc<World>) {
    let mut rng = world.options.rng(2);
    world.net.disturb(&world.options);
    for _ in 0..world.options.rounds {
        power::wait(&mut rng, 0, world.options.calm_ms).await;
        let strikes: Vec<_> = (0..rng.u32(1..3))
            .map(|_| {
                let fault = world.options.faults[rng.usize(..world.options.faults.len())];
                tokio::spawn(power::strike(world.clone(), fault, rng.fork()))
            })
            .collect();
        for strike in strikes {
            let _over = strike.await;
        }
        if world.trace.failure().is_some() {
            return;
        }
    }
}

/// Without faults the cluster agrees and serves again.
async fn end_well(world: &Arc<World>) {
    world.trace.note(format_args!("the faults end"));
    world.net.heal();
    power::repair(world).await;
    let until = world.trace.now() + RECOVERY_MS;
    while world.trace.failure().is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        members::drop_those_taken_out(world);
        if agree(world) && serves(world).await {
            return;
        }
        if world.trace.now() > until {
            let status: Vec<_> = world.all_live().iter().map(|live| live.consensus.status()).collect();
            world.trace.fail(&format!("the cluster does not recover: {status:?}"));
        }
    }
}

/// All servers are up, know one leader, and are equal.
fn agree(world: &World) -> bool {
    let live = world.all_live();
    let statuses: Vec<_> = live.iter().map(|live| live.consensus.status()).collect();
    let leaders: BTreeSet<_> = statuses.iter().map(|status| status.leader).collect();
    let states: BTreeSet<_> = live
        .iter()
        .map(|live| {
            let (index, site) = live.consensus.view_at();
            (index, site.hash())
        })
        .collect();
    live.len() == world.servers().len()
        && leaders.len() == 1
        && states.len() == 1
        && statuses.iter().all(|status| status.ready)
}

/// A read and a write are served.
async fn serves(world: &Arc<World>) -> bool {
    let mut probe = Client::new(world, 999);
    let opened = probe.open().await.is_ok();
    opened && probe.look().await.is_ok()
}
