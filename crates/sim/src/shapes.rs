//! Partitions between servers, in every shape that has broken a system before. Each ends with what it cut joined again.

use grantor_server::consensus::ServerId;

use crate::options::Fault;
use crate::power::{any, wait};
use crate::world::World;

pub(crate) async fn strike(world: &World, shape: Fault, rng: &mut fastrand::Rng) {
    match shape {
        Fault::IsolateLeader => {
            let leader = world.leader().map_or_else(|| any(world, rng), |leader| leader.id);
            for_a_while(world, &around(world, leader), rng).await;
        }
        Fault::IsolateAny => {
            let server = any(world, rng);
            for_a_while(world, &around(world, server), rng).await;
        }
        Fault::OneWay => {
            let (from, to) = pair(world, rng);
            for_a_while(world, &[(from, to)], rng).await;
        }
        Fault::Bridge => {
            let (one, other) = pair(world, rng);
            for_a_while(world, &[(one, other), (other, one)], rng).await;
        }
        Fault::Flapping => flap(world, rng).await,
        _ => swizzle(world, rng).await,
    }
}

fn pair(world: &World, rng: &mut fastrand::Rng) -> (ServerId, ServerId) {
    let servers = world.servers();
    let first = rng.usize(..servers.len());
    (servers[first], servers[(first + rng.usize(1..servers.len())) % servers.len()])
}

/// All links of a server, both ways.
fn around(world: &World, server: ServerId) -> Vec<(ServerId, ServerId)> {
    let others = world.servers().into_iter().filter(move |other| *other != server);
    others.flat_map(|other| [(server, other), (other, server)]).collect()
}

async fn for_a_while(world: &World, links: &[(ServerId, ServerId)], rng: &mut fastrand::Rng) {
    links.iter().for_each(|(from, to)| world.net.cut(*from, *to));
    wait(rng, 300, 8000).await;
    links.iter().for_each(|(from, to)| world.net.join(*from, *to));
}

async fn flap(world: &World, rng: &mut fastrand::Rng) {
    let links = around(world, any(world, rng));
    for _ in 0..rng.u32(2..8) {
        links.iter().for_each(|(from, to)| world.net.cut(*from, *to));
        wait(rng, 100, 1000).await;
        links.iter().for_each(|(from, to)| world.net.join(*from, *to));
        wait(rng, 100, 1000).await;
    }
}

/// Links stop one by one and come back in another order.
async fn swizzle(world: &World, rng: &mut fastrand::Rng) {
    let servers = world.servers().into_iter();
    let mut links: Vec<(ServerId, ServerId)> = servers.flat_map(|server| around(world, server)).collect();
    links.sort_unstable();
    links.dedup();
    rng.shuffle(&mut links);
    for (from, to) in &links {
        world.net.cut(*from, *to);
        wait(rng, 0, 300).await;
    }
    rng.shuffle(&mut links);
    for (from, to) in &links {
        world.net.join(*from, *to);
        wait(rng, 0, 600).await;
    }
}
