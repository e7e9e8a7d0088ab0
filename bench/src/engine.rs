//! The rules on the engine, in one process: commands through consensus and the log to disk, without HTTP and TLS. Beside
//! them, in the same run, commands of the same size that the site turns away at its first look: what the bare engine does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use grantor_license::Version;
use grantor_server::consensus::{self, Consensus, Settings};
use grantor_site::command::{Amount, CheckOut};
use grantor_site::ids::{GrantId, RequestKey, SessionId};
use grantor_site::{Command, Reply, Timestamp};

use crate::core;
use crate::drive::Failure;

/// Pools that checkouts are spread over.
const POOLS: u64 = 100;

/// What proposers do.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    Bare,
    Rules,
}

/// Prints a line for each number of proposers.
pub(crate) async fn run(proposers: &[u64], time: Duration) -> Result<(), Failure> {
    println!(
        "{:>9} {:>12} {:>12} {:>7} {:>15} {:>15}",
        "proposers", "bare op/s", "ours op/s", "ratio", "bare per batch", "ours per batch"
    );
    for count in proposers {
        let bare = measure(Work::Bare, *count, time).await?;
        let ours = measure(Work::Rules, *count, time).await?;
        println!(
            "{count:>9} {:>12.0} {:>12.0} {:>7.2} {:>15.0} {:>15.0}",
            bare.0,
            ours.0,
            ours.0 / bare.0,
            bare.1,
            ours.1
        );
    }
    Ok(())
}

/// Operations a second, and how many went together on average.
async fn measure(work: Work, proposers: u64, time: Duration) -> Result<(f64, f64), Failure> {
    let folder = tempfile::tempdir()?;
    let consensus = Arc::new(consensus::start(Settings::single(folder.path(), Arc::new(now))).await?);
    let file = Command::LoadFile(Arc::new(core::file(usize::try_from(POOLS)?)));
    let _loaded = consensus.propose(file).await?;
    for number in 0..proposers {
        let _opened = consensus.propose(core::open(number)).await?;
    }
    let (done, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + time);
    let before = consensus.status();
    let tasks: Vec<_> = (0..proposers)
        .map(|number| tokio::spawn(propose(work, number, consensus.clone(), done.clone(), end)))
        .collect();
    for task in tasks {
        task.await??;
    }
    let after = consensus.status();
    consensus.shutdown().await;
    let batches = (after.batches - before.batches).max(1) as f64;
    Ok((done.load(Relaxed) as f64 / time.as_secs_f64(), (after.commands - before.commands) as f64 / batches))
}

async fn propose(
    work: Work,
    number: u64,
    consensus: Arc<Consensus>,
    done: Arc<AtomicU64>,
    end: Instant,
) -> Result<(), Failure> {
    let version = Version::parse("8.0")?;
    for turn in 1.. {
        if Instant::now() >= end {
            break;
        }
        let request = number << 32 | turn;
        if work == Work::Bare {
            let _turned_away = consensus.propose(nothing(request)).await?;
            done.fetch_add(1, Relaxed);
            continue;
        }
        let ask = CheckOut {
            session: SessionId(number.into()),
            request: RequestKey(request.into()),
            feature: format!("f{}", request % POOLS),
            version: version.clone(),
            amount: Amount::exactly(1),
            queue_until: None,
            share: None,
        };
        let Ok(Reply::CheckedOut { grants }) = consensus.propose(Command::CheckOutOnce(ask)).await? else {
            return Err("nothing was granted".into());
        };
        let grant = grants.first().map_or(GrantId(0), |granted| granted.grant);
        let back = Command::CheckIn { session: SessionId(number.into()), grant };
        consensus.propose(back).await?.map_err(|refusal| format!("{refusal:?}"))?;
        done.fetch_add(2, Relaxed);
    }
    Ok(())
}

/// As long as a checkout is when it is encoded, and turned away at the first look.
fn nothing(request: u64) -> Command {
    Command::RemoveGrant { grant: GrantId(0), by: format!("{request:020}"), reason: String::new() }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
