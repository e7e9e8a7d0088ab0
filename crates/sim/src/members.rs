//! Changes of the membership while faults happen: a new server comes in as a learner, gets its vote when it has caught up,
//! and an old one is taken out. Does what the product's administrator and its watch over new servers do.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use grantor_server::consensus::ServerId;

use crate::power::wait;
use crate::world::{World, name};

/// How often it is tried and looked at, as in the product.
const LOOK: Duration = Duration::from_millis(500);
/// How long a change is insisted on, in milliseconds.
const INSISTENCE_MS: u64 = 15_000;

/// One server comes and another one goes. One change at a time, as the product's leader takes care of.
pub(crate) async fn change(world: &Arc<World>, rng: &mut fastrand::Rng) {
    if world.changing.swap(true, Relaxed) {
        return;
    }
    // No administrator changes what is not whole: whoever is away while all others are replaced knows nobody any more.
    if !all_keep_up(world).await {
        world.changing.store(false, Relaxed);
        return;
    }
    let new = world.add_machine();
    world.start(new).await;
    let old = world.full();
    let mut goes = old[rng.usize(..old.len())];
    if comes_in(world, new).await && all_keep_up(world).await {
        world.machine(new, |machine| machine.is_full = true);
        world.trace.note(format_args!("{new} has its vote"));
    } else {
        goes = new;
    }
    take_out(world, goes).await;
    // A server that was taken out may not know of it for a while.
    wait(rng, 0, 3000).await;
    drop_those_taken_out(world);
    world.changing.store(false, Relaxed);
}

/// Whether every server with a vote has, before long, what the leader has, and has applied it.
async fn all_keep_up(world: &World) -> bool {
    let until = world.trace.now() + INSISTENCE_MS;
    while world.trace.now() < until && world.trace.failure().is_none() {
        let keeps_up =
            |server: ServerId| world.live(server).is_some_and(|live| live.consensus.status().ready);
        let members = world.leader().map(|leader| leader.consensus.members()).unwrap_or_default();
        if !members.is_empty() && members.keys().all(|server| keeps_up(*server)) {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

/// Whether the new server got its vote.
async fn comes_in(world: &World, new: ServerId) -> bool {
    let until = world.trace.now() + INSISTENCE_MS;
    while world.trace.now() < until && world.trace.failure().is_none() {
        tokio::time::sleep(LOOK).await;
        let Some(leader) = world.leader() else { continue };
        match leader.consensus.members().get(&new) {
            Some(seen) if seen.votes => return true,
            Some(_) => drop(leader.consensus.promote(|_| true).await),
            None => drop(leader.consensus.add_learner(new, &name(new)).await),
        }
    }
    false
}

async fn take_out(world: &World, old: ServerId) {
    let until = world.trace.now() + INSISTENCE_MS;
    while world.trace.now() < until && world.trace.failure().is_none() {
        let Some(leader) = world.leader() else {
            tokio::time::sleep(LOOK).await;
            continue;
        };
        if leader.consensus.remove(old).await.is_ok() {
            world.trace.note(format_args!("{old} is taken out"));
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Machines that are in nobody's membership any more are thrown away.
pub(crate) fn drop_those_taken_out(world: &World) {
    let Some(leader) = world.leader() else { return };
    // What is not agreed on yet may come to nothing.
    if !leader.consensus.status().ready {
        return;
    }
    let members = leader.consensus.members();
    let gone = world.servers().into_iter().filter(|server| !members.contains_key(server));
    gone.for_each(|server| world.drop_machine(server));
}
