//! Partitions between servers, in every shape that has broken a system before. Each ends with what it cut joined again.

use grantor_server::consensus::ServerId;

use crate::options::Fault;
use crate::power::{any, wait};
use crate::world::{SERVERS, World};

pub(crate) async fn strike(world: &World, shape: Fault, rng: &mut fastrand::Rng) {
    match shape {
        Fault::IsolateLeader => {
            let leader = world.leader().map_or_else(|| any(rng), |leader| leader.id);
            for_a_while(world, &around(leader), rng).await;
        }
        Fault::IsolateAny => {
            let server = any(rng);
            for_a_while(world, &around(server), rng).await;
        }
        Fault::OneWay => {
            let (from, to) = pair(rng);
            for_a_while(world, &[(from, to)], rng).await;
        }
        Fault::Bridge => {
            let (one, other) = pair(rng);
            for_a_while(world, &[(one, other), (other, one)], rng).await;
        }
        Fault::Flapping => flap(world, rng).await,
        _ => swizzle(world, rng).await,
    }
}

fn pair(rng: &mut fastrand::Rng) -> (ServerId, ServerId) {
    let first = rng.usize(..3);
    (SERVERS[first], SERVERS[(first + rng.usize(1..3)) % 3])
}

/// All links of a server, both ways.
fn around(server: ServerId) -> Vec<(ServerId, ServerId)> {
    let others = SERVERS.into_iter().filter(move |other| *other != server);
    others.flat_map(|other| [(server, other), (other, server)]).collect()
}

async fn for_a_while(world: &World, links: &[(ServerId, ServerId)], rng: &mut fastrand::Rng) {
    links.iter().for_each(|(from, to)| world.net.cut(*from, *to));
    wait(rng, 300, 8000).await;
    links.iter().for_each(|(from, to)| world.net.join(*from, *to));
}

async fn flap(world: &World, rng: &mut fastrand::Rng) {
    let links = around(any(rng));
    for _ in 0..rng.u32(2..8) {
        links.iter().for_each(|(from, to)| world.net.cut(*from, *to));
        wait(rng, 100, 1000).await;
        links.iter().for_each(|(from, to)| world.net.join(*from, *to));
        wait(rng, 100, 1000).await;
    }
}

/// Links stop one by one and come back in another order.
async fn swizzle(world: &World, rng: &mut fastrand::Rng) {
    let mut links: Vec<(ServerId, ServerId)> = SERVERS.into_iter().flat_map(around).collect();
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
