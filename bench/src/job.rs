//! The job that every server does alike: check a seat out, wait for the answer, check it in, again. Drives connections
//! and counts; knows no server.

use std::time::{Duration, Instant};

use crate::drive::Failure;
use crate::usage;

/// A connection that holds one seat at most.
pub(crate) trait Seats: Send + 'static {
    /// Takes a seat.
    fn check_out(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Gives it back.
    fn check_in(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Time before counting begins.
const WARM: Duration = Duration::from_secs(1);

/// What was measured in one setting.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) pools: usize,
    pub(crate) clients: usize,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) cpu: f64,
    pub(crate) memory: u64,
    pub(crate) errors: u64,
}

impl Row {
    /// The line above rows.
    pub(crate) fn title() -> String {
        format!(
            "{:<34} {:>5} {:>7} {:>8} {:>8} {:>8} {:>9} {:>7} {:>6}",
            "durable before the answer",
            "pools",
            "clients",
            "op/s",
            "p50 ms",
            "p99 ms",
            "CPU µs/op",
            "mem MB",
            "errors"
        )
    }
}

impl Row {
    /// The rows of all rounds as one for each setting: the median of every column, and the sum of errors.
    pub(crate) fn medians(rows: &[Self]) -> Vec<Self> {
        let is_same = |one: &Self, other: &Self| {
            (&one.name, one.pools, one.clients) == (&other.name, other.pools, other.clients)
        };
        let firsts = rows
            .iter()
            .enumerate()
            .filter(|(at, row)| !rows.iter().take(*at).any(|other| is_same(other, row)));
        let median = |first: &Self| {
            let same: Vec<&Self> = rows.iter().filter(|row| is_same(row, first)).collect();
            let of = |column: fn(&Self) -> f64| {
                let mut all: Vec<f64> = same.iter().map(|row| column(row)).collect();
                all.sort_by(f64::total_cmp);
                all.get(all.len() / 2).copied().unwrap_or_default()
            };
            Self {
                rate: of(|row| row.rate),
                p50: of(|row| row.p50),
                p99: of(|row| row.p99),
                cpu: of(|row| row.cpu),
                memory: of(|row| row.memory as f64) as u64,
                errors: same.iter().map(|row| row.errors).sum(),
                ..first.clone()
            }
        };
        firsts.map(|(_, row)| median(row)).collect()
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:<34} {:>5} {:>7} {:>8.0} {:>8.2} {:>8.2} {:>9.0} {:>7} {:>6}",
            self.name,
            self.pools,
            self.clients,
            self.rate,
            self.p50,
            self.p99,
            self.cpu,
            self.memory,
            self.errors
        )
    }
}

/// Has all connections work for `time` and gives what came of it; `processes` are the servers.
pub(crate) async fn measure<S: Seats>(
    name: &str,
    pools: usize,
    ready: Vec<S>,
    time: Duration,
    processes: &[u32],
) -> Result<Row, Failure> {
    let clients = ready.len();
    let begin = Instant::now() + WARM;
    let tasks: Vec<_> =
        ready.into_iter().map(|client| tokio::spawn(work(client, begin, begin + time))).collect();
    tokio::time::sleep_until(begin.into()).await;
    let before = usage::cpu(processes);
    tokio::time::sleep_until((begin + time).into()).await;
    let (cpu, memory) = (usage::cpu(processes).saturating_sub(before), usage::memory(processes));
    let (mut times, mut errors) = (Vec::new(), 0);
    for task in tasks {
        let (took, wrong) = task.await?;
        times.extend(took);
        errors += wrong;
    }
    times.sort_unstable();
    let operations = times.len().max(1) as f64;
    Ok(Row {
        name: name.to_owned(),
        pools,
        clients,
        rate: times.len() as f64 / time.as_secs_f64(),
        p50: at(&times, 0.5),
        p99: at(&times, 0.99),
        cpu: cpu.as_secs_f64() * 1e6 / operations,
        memory,
        errors,
    })
}

/// Milliseconds within which this part of all was answered.
pub(crate) fn at(sorted: &[Duration], part: f64) -> f64 {
    let place = (sorted.len() as f64 - 1.0).max(0.0) * part;
    sorted.get(place as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// How long each operation took that was answered between `begin` and `end`, and how many went wrong.
async fn work<S: Seats>(mut client: S, begin: Instant, end: Instant) -> (Vec<Duration>, u64) {
    let (mut times, mut errors) = (Vec::new(), 0);
    let mut count = |start: Instant, done: Result<(), Failure>| {
        let now = Instant::now();
        match done {
            Ok(()) if now >= begin && now < end => times.push(now - start),
            Ok(()) => {}
            Err(error) => {
                if errors == 0 {
                    eprintln!("{error}");
                }
                errors += 1;
            }
        }
        errors == 0 && now < end
    };
    loop {
        let start = Instant::now();
        let taken = client.check_out().await;
        count(start, taken);
        let start = Instant::now();
        let given = client.check_in().await;
        if !count(start, given) {
            return (times, errors);
        }
    }
}

/// Numbers that look random, from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.roll() >> 11) as usize % bound.max(1)
    }

    /// An id of 32 hexadecimal digits.
    pub(crate) fn id(&mut self) -> String {
        format!("{:016x}{:016x}", self.roll(), self.roll())
    }
}
