//! Ours beside what teams run instead, measured in one go on one machine: the same job, the same connections, durable before
//! the answer. Peers talk in plain text, ours in TLS.

pub(crate) mod daemon;
mod etcd;
pub(crate) mod ours;
pub(crate) mod postgres;
mod redis;
mod verdict;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::drive::Failure;
use crate::job::{Row, Seats, measure};
use crate::process::{Servers, free_port};
use ours::Ours;
use postgres::{Layout, Postgres};
pub(crate) use verdict::verdict;

/// Names for `--only`.
pub(crate) const ALL: &[&str] = &["ours", "ours-logging", "redis", "postgres", "etcd", "etcd3", "ours3"];

/// What is measured, and how.
pub(crate) struct Options {
    pub(crate) clients: Vec<usize>,
    pub(crate) time: Duration,
    pub(crate) rounds: usize,
    pub(crate) only: Vec<String>,
}

/// Measures all that are asked for, one after the other, as often as asked for; prints and gives the medians.
pub(crate) async fn run(options: &Options) -> Result<Vec<Row>, Failure> {
    let mut rounds = Vec::new();
    for round in 1..=options.rounds.max(1) {
        if options.rounds > 1 {
            eprintln!("round {round}");
        }
        rounds.extend(one_round(options).await?);
    }
    let rows = Row::medians(&rounds);
    println!("{}", Row::title());
    rows.iter().for_each(|row| println!("{row}"));
    Ok(rows)
}

async fn one_round(options: &Options) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for name in
        ALL.iter().filter(|name| options.only.is_empty() || options.only.iter().any(|only| only == *name))
    {
        let folder = tempfile::tempdir()?;
        // PostgreSQL runs as a user of its own, who must be able to come by.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let mut bench = Bench { options, rows: &mut rows };
        match *name {
            "ours" => bench.ours(1, "ours, TLS", false).await?,
            "ours-logging" => bench.ours(1, "ours, TLS, a log line an event", true).await?,
            "ours3" => bench.ours(3, "ours, three servers, TLS", false).await?,
            "redis" => bench.redis(folder.path()).await?,
            "postgres" => bench.postgres(folder.path()).await?,
            "etcd" => bench.etcd(folder.path(), 1, "etcd").await?,
            _ => bench.etcd(folder.path(), 3, "etcd, three nodes").await?,
        }
    }
    Ok(rows)
}

struct Bench<'a> {
    options: &'a Options,
    rows: &'a mut Vec<Row>,
}

impl Bench<'_> {
    /// One setting after the other, each with fresh connections.
    async fn settings<S: Seats, F: Future<Output = Result<S, Failure>>>(
        &mut self,
        name: &str,
        pools: usize,
        processes: &[u32],
        open: impl Fn(usize) -> F,
    ) -> Result<(), Failure> {
        for clients in &self.options.clients {
            let mut ready = Vec::new();
            for number in 0..*clients {
                ready.push(open(number).await?);
            }
            let row = measure(name, pools, ready, self.options.time, processes).await?;
            eprintln!("{row}");
            self.rows.push(row);
        }
        Ok(())
    }

    async fn ours(&mut self, count: usize, name: &str, logs: bool) -> Result<(), Failure> {
        for pools in [1, 100] {
            let servers = Servers::start_and(count, pools, logs).await?;
            let port = servers.all.get(servers.leader().await?).map_or(0, |server| server.port);
            self.settings(name, pools, &servers.ids(), |number| Ours::open(port, number, pools)).await?;
        }
        Ok(())
    }

    async fn redis(&mut self, folder: &Path) -> Result<(), Failure> {
        daemon::install(Path::new("redis-server"), "redis-server")?;
        for pools in [1, 100] {
            let (home, port) = (folder.join(pools.to_string()), free_port()?);
            std::fs::create_dir(&home)?;
            let daemon = redis::start(&home, port, pools).await?;
            let open = |number| redis::Redis::open(port, number, pools);
            self.settings("Redis, append-only, fsync always", pools, &[daemon.id()], open).await?;
        }
        Ok(())
    }

    async fn postgres(&mut self, folder: &Path) -> Result<(), Failure> {
        let port = free_port()?;
        let daemon = postgres::start(folder, port).await?;
        for (name, pools, layout) in [
            ("PostgreSQL, seat rows, SKIP LOCKED", 1, Layout::SeatRows),
            ("PostgreSQL, seat rows, SKIP LOCKED", 10, Layout::SeatRows),
            ("PostgreSQL, counting row", 1, Layout::CountingRow),
            ("PostgreSQL, counting row", 100, Layout::CountingRow),
        ] {
            let open = |number| Postgres::open(port, number, pools, layout);
            self.settings(name, pools, &[daemon.id()], open).await?;
        }
        Ok(())
    }

    async fn etcd(&mut self, folder: &Path, count: usize, name: &str) -> Result<(), Failure> {
        daemon::install(Path::new("etcd"), "etcd-server")?;
        let etcd = etcd::start(folder, count).await?;
        let processes: Vec<u32> = etcd.nodes.iter().map(daemon::Daemon::id).collect();
        for pools in [1, 100] {
            self.settings(name, pools, &processes, |number| etcd::Seat::open(etcd.leader, number, pools))
                .await?;
        }
        Ok(())
    }
}
