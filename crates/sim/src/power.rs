//! Faults of machines: processes killed, power lost, disks slow or failing, clocks that jump.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use grantor_server::consensus::ServerId;

use crate::disk::USUAL_MS;
use crate::members;
use crate::options::Fault;
use crate::shapes;
use crate::world::World;

/// One fault from its beginning to its end.
pub(crate) async fn strike(world: Arc<World>, fault: Fault, mut rng: fastrand::Rng) {
    world.trace.note(format_args!("fault {fault:?}"));
    match fault {
        Fault::Kill => crash(&world, &mut rng, World::kill).await,
        Fault::PowerLoss => crash(&world, &mut rng, World::cut_power).await,
        Fault::SlowDisk => slow_disk(&world, &mut rng).await,
        Fault::FailingFsync => {
            world.machine(any(&world, &mut rng), |machine| machine.lock_store().fail_next = true);
            wait(&mut rng, 500, 3000).await;
        }
        Fault::ClockJump => {
            let hours = rng.i64(-10..=10);
            world.machine(any(&world, &mut rng), |machine| {
                machine.clock_off.fetch_add(hours * 3_600_000, Relaxed)
            });
        }
        Fault::Membership => members::change(&world, &mut rng).await,
        partition => shapes::strike(&world, partition, &mut rng).await,
    }
    world.trace.note(format_args!("{fault:?} is over"));
}

pub(crate) fn any(world: &World, rng: &mut fastrand::Rng) -> ServerId {
    let servers = world.full();
    servers[rng.usize(..servers.len())]
}

pub(crate) async fn wait(rng: &mut fastrand::Rng, least_ms: u64, most_ms: u64) {
    let wait = rng.u64(least_ms..=most_ms);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

/// One, two or all three go down at once and come back one by one.
async fn crash(world: &Arc<World>, rng: &mut fastrand::Rng, down: fn(&World, ServerId)) {
    let mut servers = world.full();
    rng.shuffle(&mut servers);
    // The leader is the one whose loss matters most.
    if let Some(leader) = world.leader().filter(|_| rng.bool()) {
        let place = servers.iter().position(|id| *id == leader.id).unwrap_or(0);
        servers.swap(0, place);
    }
    let struck = [1, 1, 2, 3][rng.usize(..4)].min(servers.len());
    servers[..struck].iter().for_each(|server| down(world, *server));
    wait(rng, 0, 2000).await;
    rng.shuffle(&mut servers[..struck]);
    for server in &servers[..struck] {
        wait(rng, 0, 800).await;
        world.start(*server).await;
    }
}

async fn slow_disk(world: &World, rng: &mut fastrand::Rng) {
    let (server, slowest) = (any(world, rng), rng.u64(50..=2000));
    world.machine(server, |machine| machine.lock_store().slowest_ms = slowest);
    wait(rng, 1000, 6000).await;
    world.machine(server, |machine| machine.lock_store().slowest_ms = USUAL_MS);
}

/// Takes all machine faults away and starts what is down.
pub(crate) async fn repair(world: &Arc<World>) {
    for server in world.servers() {
        world.machine(server, |machine| {
            let mut store = machine.lock_store();
            (store.slowest_ms, store.fail_next) = (USUAL_MS, false);
        });
        world.start(server).await;
    }
}
