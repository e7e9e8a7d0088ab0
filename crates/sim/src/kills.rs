//! R01 in virtual time: the leader is killed again and again, and the two survivors must choose a new one and grant.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::client::Client;
use crate::options::Options;
use crate::run::begin;
use crate::world::World;

/// What came of killing leaders.
#[derive(Debug, Clone, Default)]
pub struct Kills {
    /// Milliseconds from each kill to the next grant.
    pub until_granted_ms: Vec<u64>,
    /// What was broken, if anything was.
    pub failure: Option<String>,
}

/// Kills the leader so many times, and waits for a grant each time.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
#[allow(clippy::expect_used, reason = "a machine without a timer runs no simulation")]
pub fn kill_leaders(seed: u64, times: u32) -> Kills {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let mut options = Options::of(seed);
    (options.seats, options.snapshot_entries) = (1000, 100);
    runtime.block_on(async move {
        let world = World::new(options);
        begin(&world).await;
        let mut kills = Kills::default();
        for number in 0..times {
            kills.until_granted_ms.push(one_kill(&world, number).await);
        }
        world.oracle.inspect(&world);
        kills.failure = world.trace.failure();
        world.servers().into_iter().for_each(|server| world.kill(server));
        kills
    })
}

async fn one_kill(world: &Arc<World>, number: u32) -> u64 {
    while !world.all_live().iter().all(|live| live.consensus.status().ready) || world.leader().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let Some(leader) = world.leader() else { return u64::MAX };
    let killed = world.trace.now();
    world.kill(leader.id);
    let mut client = Client::new(world, 1000 + number);
    while client.open().await.is_err() || client.take().await.is_err() {}
    let took = world.trace.now() - killed;
    let _looked = client.look().await;
    world.oracle.inspect(world);
    world.start(leader.id).await;
    took
}
