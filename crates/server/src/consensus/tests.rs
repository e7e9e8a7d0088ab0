//! Consensus against restarts, full queues, failing disks and lost leaders.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use futures::future::join_all;
use grantor_site::{Reply, Timestamp};
use openraft::StorageError;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::testing::{StoreBuilder, Suite};

use super::machine::Machine;
use super::snapshot::Snapshots;
use super::store::Store;
use super::testing::{Cluster, eventually_status, open, open_for, single};
use super::*;
use crate::log::{LogError, Options};

/// Builds an empty store in a folder of its own, for openraft's own tests.
struct Builder;

impl StoreBuilder<TypeConfig, Store, Machine, tempfile::TempDir> for Builder {
    async fn build(&self) -> Result<(tempfile::TempDir, Store, Machine), StorageError<ServerId>> {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), 1).unwrap();
        let (snapshots, held) =
            Snapshots::open(Arc::new(crate::log::Files), dir.path(), folder.identity().cluster).unwrap();
        let opened = Log::open(folder, &Options { segment_bytes: 1024 }).unwrap();
        let log = Arc::new(opened.log);
        let store = Store::new(log.clone(), &opened.meta)?;
        Ok((dir, store, Machine::new(log, Arc::new(snapshots), held, 1 << 20)?))
    }
}

#[test]
fn the_store_passes_the_suite_of_openraft() {
    Suite::test_all(Builder).unwrap();
}

fn opened(outcome: Result<Result<Reply, Refusal>, ProposeError>) -> bool {
    matches!(outcome.unwrap(), Ok(Reply::Opened { resumed: false, .. }))
}

/// Proposes `count` commands at once; all must take effect.
async fn open_many(server: &Consensus, from: u128, count: u128) {
    let outcomes = join_all((from..from + count).map(|session| server.propose(open(session)))).await;
    assert!(outcomes.into_iter().all(opened));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_server_keeps_what_it_acknowledged_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(single(dir.path())).await.unwrap();
    open_many(&server, 0, 500).await;
    let hash = server.view().hash();
    server.shutdown().await;
    let again = start(single(dir.path())).await.unwrap();
    assert_eq!(again.view().hash(), hash);
    assert!(again.status().ready && again.status().role == Role::Leader);
    assert!(opened(again.propose(open(500)).await));
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_after_an_answer_still_has_what_it_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (live, killed) = (dir.path().join("live"), dir.path().join("killed"));
    let server = start(single(&live)).await.unwrap();
    open_many(&server, 0, 100).await;
    copy_folder(&live, &killed);
    let after = start(single(&killed)).await.unwrap();
    assert_eq!(after.view().hash(), server.view().hash());
    after.shutdown().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_wait_go_together_in_one_flush() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(single(dir.path())).await.unwrap();
    open_many(&server, 0, 5000).await;
    let status = server.status();
    assert_eq!(status.commands, 5000);
    assert!(status.batches < 1000 && status.fsyncs < 1000, "{status:?}");
    assert_eq!(server.view().session_count(), 5000);
    server.shutdown().await;
}

#[tokio::test]
async fn a_full_queue_is_answered_busy() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = single(dir.path());
    settings.limits.queue = 3;
    let server = start(settings).await.unwrap();
    let outcomes = join_all((0..10).map(|session| server.propose(open(session)))).await;
    let busy = outcomes.iter().filter(|outcome| matches!(outcome, Err(ProposeError::Busy))).count();
    assert_eq!((busy, server.view().session_count()), (7, 3));
    server.shutdown().await;
}

#[tokio::test]
async fn a_command_too_large_is_refused_and_the_others_go_through() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = single(dir.path());
    settings.limits.batch_bytes = 1000;
    let server = start(settings).await.unwrap();
    let commands = [open(1), open_for(&"x".repeat(2000), 2), open(3)];
    let outcomes = join_all(commands.map(|command| server.propose(command))).await;
    assert!(matches!(outcomes[1], Err(ProposeError::TooLarge { max_bytes: 1000 })));
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    server.shutdown().await;
}

#[tokio::test]
async fn time_never_runs_backwards_when_the_clock_does() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(5_000));
    let clock = now.clone();
    let settings = || Settings {
        clock: {
            let clock = clock.clone();
            Arc::new(move || Timestamp(clock.load(Relaxed)))
        },
        ..single(dir.path())
    };
    let server = start(settings()).await.unwrap();
    let mut events = server.events();
    for (session, clock) in [(1, 5_000), (2, 4_000), (3, 6_000)] {
        now.store(clock, Relaxed);
        assert!(opened(server.propose(open(session)).await));
    }
    let mut stamped = vec![];
    for _ in 0..3 {
        stamped.push(events.recv().await.unwrap().at.0);
    }
    assert_eq!(stamped, [5_000, 5_000, 6_000]);
    server.shutdown().await;
    now.store(0, Relaxed);
    let again = start(settings()).await.unwrap();
    let mut events = again.events();
    assert!(opened(again.propose(open(4)).await));
    assert_eq!(events.recv().await.unwrap().at.0, 6_000);
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_see_every_outcome_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(single(dir.path())).await.unwrap();
    let mut events = server.events();
    open_many(&server, 0, 300).await;
    let (mut seen, mut last) = (0, 0);
    while seen < 300 {
        let applied = events.recv().await.unwrap();
        assert!(applied.index > last);
        last = applied.index;
        seen += applied.outcomes.len();
    }
    assert_eq!(seen, 300);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_becomes_a_snapshot_and_is_purged() {
    let dir = tempfile::tempdir().unwrap();
    let log = Options { segment_bytes: 8192 };
    let settings = || Settings { snapshot_log_bytes: 30_000, log: log.clone(), ..single(dir.path()) };
    let server = start(settings()).await.unwrap();
    for round in 0..40 {
        open_many(&server, round * 100, 100).await;
    }
    eventually_status(&server, |status| status.purged.is_some() && status.purged == status.snapshot).await;
    let status = server.status();
    assert!(status.log_bytes < status.written_bytes, "{status:?}");
    let hash = server.view().hash();
    server.shutdown().await;
    let again = start(settings()).await.unwrap();
    assert_eq!(again.view().hash(), hash);
    // It may write another one meanwhile.
    again.shutdown().await;
    let files = std::fs::read_dir(dir.path().join("snapshots")).unwrap();
    let snapshots = files.filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "snapshot");
    assert_eq!(snapshots.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_write_the_server_answers_nothing_and_says_that_it_has_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(single(dir.path())).await.unwrap();
    let stopped = server.stopped();
    open_many(&server, 0, 10).await;
    // The next segment cannot be put there.
    std::fs::rename(dir.path().join("log"), dir.path().join("gone")).unwrap();
    let mut session = 10;
    while server.propose(open(session)).await.is_ok() {
        session += 1;
    }
    let Stopped::Failed(reason) = stopped.await else { panic!("stopped on request") };
    assert!(reason.starts_with("cannot "), "{reason}");
    assert!(server.propose(open(session + 1)).await.is_err());
    server.shutdown().await;
    std::fs::rename(dir.path().join("gone"), dir.path().join("log")).unwrap();
    let again = start(single(dir.path())).await.unwrap();
    assert!(again.view().session_count() as u128 >= session);
    again.shutdown().await;
}

#[tokio::test]
async fn a_stop_on_request_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(single(dir.path())).await.unwrap();
    let stopped = server.stopped();
    server.shutdown().await;
    assert_eq!(stopped.await, Stopped::OnRequest);
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(single(dir.path())).await.unwrap();
    let second = start(single(dir.path())).await;
    assert!(matches!(second, Err(StartError::Log(LogError::InUse(_)))));
    server.shutdown().await;
    start(single(dir.path())).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_lost_its_folder_does_not_come_back() {
    let mut cluster = Cluster::start(|_| {}).await;
    cluster.leader(None).await;
    cluster.stop_server(3).await;
    std::fs::remove_dir_all(&cluster.settings(3).data_dir).unwrap();
    for _ in 0..2 {
        let refused = start(cluster.settings(3)).await;
        assert!(matches!(refused, Err(StartError::EmptyFolder { server: 3, .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_agree_and_go_on_when_the_leader_is_lost() {
    let mut cluster = Cluster::start(|_| {}).await;
    let first = cluster.leader(None).await;
    open_many(&cluster.servers[&first], 0, 300).await;
    cluster.agree().await;
    cluster.stop_server(first).await;
    let second = cluster.leader(None).await;
    assert!(opened(cluster.servers[&second].propose(open(300)).await));
    cluster.start_server(first, false).await;
    eventually_status(&cluster.servers[&first], |status| status.ready).await;
    cluster.agree().await;
    assert_eq!(cluster.servers[&first].view().session_count(), 301);
}

/// Found by simulation: openraft alone calls such a leader caught up while its state is older than its answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_restarts_is_not_caught_up_before_it_has_applied_what_it_answered() {
    let mut cluster = Cluster::start(|_| {}).await;
    let leader = cluster.leader(None).await;
    open_many(&cluster.servers[&leader], 0, 300).await;
    cluster.agree().await;
    for restart in 0..5 {
        let leader = cluster.leader(None).await;
        open_many(&cluster.servers[&leader], 300 + restart, 1).await;
        cluster.stop_server(leader).await;
        cluster.start_server(leader, false).await;
        while !cluster.servers[&cluster.leader(None).await].caught_up().await {}
        let leader = cluster.leader(None).await;
        assert_eq!(cluster.servers[&leader].view().session_count() as u128, 301 + restart);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_names_the_leader() {
    let cluster = Cluster::start(|_| {}).await;
    let leader = cluster.leader(None).await;
    let (_, follower) = cluster.servers.iter().find(|(id, _)| **id != leader).unwrap();
    eventually_status(follower, |status| status.leader.is_some()).await;
    let refused = follower.propose(open(1)).await.unwrap_err();
    assert_eq!(refused, ProposeError::NotLeader { leader: Some(leader) });
    assert!(!follower.caught_up().await && cluster.servers[&leader].caught_up().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_cut_off_acknowledges_nothing_and_its_writes_are_undone() {
    let cluster = Cluster::start(|settings| settings.limits.patience = Duration::from_millis(300)).await;
    let old = cluster.leader(None).await;
    open_many(&cluster.servers[&old], 0, 50).await;
    cluster.cut_off(old);
    let lost = cluster.servers[&old].propose(open(50)).await.unwrap_err();
    assert_eq!(lost, ProposeError::Unknown);
    let new = cluster.leader(Some(old)).await;
    open_many(&cluster.servers[&new], 51, 50).await;
    cluster.join_again(old);
    eventually_status(&cluster.servers[&old], |status| status.leader == Some(new) && status.ready).await;
    cluster.agree().await;
    assert_eq!(cluster.servers[&old].view().session_count(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_far_behind_gets_a_snapshot() {
    let mut cluster = Cluster::start(|settings| settings.snapshot_log_bytes = 50_000).await;
    let leader = cluster.leader(None).await;
    let behind = cluster.servers.keys().copied().find(|id| *id != leader).unwrap();
    cluster.stop_server(behind).await;
    for round in 0..200 {
        open_many(&cluster.servers[&leader], round * 20, 20).await;
    }
    eventually_status(&cluster.servers[&leader], |status| status.purged > Some(20)).await;
    cluster.start_server(behind, false).await;
    eventually_status(&cluster.servers[&behind], |status| status.ready && status.snapshot.is_some()).await;
    cluster.agree().await;
    assert_eq!(cluster.servers[&behind].view().session_count(), 4000);
}

/// openraft 0.10 with its defaults acknowledged the command here and then lost it on one server.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_write_is_held_acknowledges_nothing_and_after_a_power_cut_all_are_equal() {
    let change: fn(&mut Settings) = |settings| settings.limits.patience = Duration::from_millis(300);
    let cluster = Cluster::start(change).await;
    let leader = cluster.leader(None).await;
    open_many(&cluster.servers[&leader], 0, 50).await;
    cluster.agree().await;
    let after = tempfile::tempdir().unwrap();
    let log = cluster.servers[&leader].log.clone();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (holding, is_held) = tokio::sync::oneshot::channel();
    let holder = std::thread::spawn(move || {
        let _gate = log.hold_writes();
        holding.send(()).unwrap();
        let _until_dropped = held.recv();
    });
    is_held.await.unwrap();
    let lost = cluster.servers[&leader].propose(open(50)).await.unwrap_err();
    assert_eq!(lost, ProposeError::Unknown);
    copy_folder(cluster.path(), after.path());
    drop(hold);
    holder.join().unwrap();
    let again = Cluster::restart(after, change).await;
    // The first of them leads before the others have been started.
    while again.servers[&again.leader(None).await].propose(open(51)).await.is_err() {}
    again.agree().await;
    let sessions = again.servers[&1].view().session_count();
    assert!((51..=52).contains(&sessions), "{sessions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_lost_its_snapshot_or_its_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = Options { segment_bytes: 8192 };
    let settings = || Settings { snapshot_log_bytes: 10_000, log: log.clone(), ..single(dir.path()) };
    let server = start(settings()).await.unwrap();
    for round in 0..20 {
        open_many(&server, round * 100, 100).await;
    }
    eventually_status(&server, |status| status.purged.is_some()).await;
    server.shutdown().await;
    for part in ["snapshots", "log"] {
        std::fs::rename(dir.path().join(part), dir.path().join("gone")).unwrap();
        let refused = start(settings()).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, StartError::Log(LogError::Damaged { .. })), "{part}: {refused}");
        std::fs::remove_dir_all(dir.path().join(part)).unwrap();
        std::fs::rename(dir.path().join("gone"), dir.path().join(part)).unwrap();
    }
    let again = start(settings()).await.unwrap();
    assert_eq!(again.view().session_count(), 2000);
    again.shutdown().await;
}

/// An empty store that purges only what snapshots cover, and these.
fn behind_snapshots() -> (tempfile::TempDir, Arc<Log>, Store, Machine, Arc<Snapshots>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path(), 1).unwrap();
    let files = Arc::new(crate::log::Files);
    let (snapshots, held) = Snapshots::open(files, dir.path(), folder.identity().cluster).unwrap();
    let snapshots = Arc::new(snapshots);
    let opened = Log::open(folder, &Options::default()).unwrap();
    let log = Arc::new(opened.log);
    let store = Store::new(log.clone(), &opened.meta).unwrap().behind(snapshots.clone());
    let machine = Machine::new(log.clone(), snapshots.clone(), held, 1 << 20).unwrap();
    (dir, log, store, machine, snapshots)
}

fn blank(index: u64) -> Entry {
    Entry { log_id: testing::log_id(index), payload: openraft::EntryPayload::Blank }
}

/// A server that was killed while the leader's snapshot was being written had purged its log already, and did not start again.
#[tokio::test]
async fn the_log_is_kept_until_the_snapshot_in_its_place_is_on_disk_and_votes_do_not_wait_for_it() {
    let (_dir, log, mut store, _machine, snapshots) = behind_snapshots();
    store.blocking_append((0..5).map(blank)).await.unwrap();
    store.purge(testing::log_id(9)).await.unwrap();
    store.save_vote(&Vote::new(2, 2)).await.unwrap();
    assert_eq!(log.range(), 0..5, "there is no snapshot yet");
    let mut next = store.clone();
    let mut appending = std::pin::pin!(next.blocking_append([blank(10)]));
    assert!(futures::poll!(&mut appending).is_pending(), "what follows the snapshot waits for it");
    let meta = |index| SnapshotMeta { last_log_id: Some(testing::log_id(index)), ..Default::default() };
    snapshots.save(&meta(8), b"the state").unwrap();
    assert!(futures::poll!(&mut appending).is_pending(), "it does not reach so far");
    assert_eq!(log.range(), 0..5);
    snapshots.save(&meta(9), b"the state").unwrap();
    appending.await.unwrap();
    assert_eq!(log.range(), 10..11);
}

#[tokio::test]
async fn nobody_waits_for_a_snapshot_that_will_not_come() {
    let (_dir, log, mut store, machine, _snapshots) = behind_snapshots();
    store.blocking_append((0..5).map(blank)).await.unwrap();
    store.purge(testing::log_id(9)).await.unwrap();
    drop(machine);
    store.blocking_append([blank(10)]).await.unwrap_err();
    assert_eq!(log.range(), 0..5);
}

/// It may have confirmed a leader a moment before it was stopped (R22).
#[tokio::test]
async fn a_server_that_was_just_started_gives_no_vote_while_a_lead_that_it_confirmed_before_may_hold() {
    let dir = tempfile::tempdir().unwrap();
    let members = (1..=3).map(|id| (id, format!("server-{id}"))).collect();
    let settings = Settings { server: 2, members, form_cluster: true, ..single(dir.path()) };
    let server = super::start(settings).await.unwrap();
    let started = server.started;
    let request = openraft::raft::VoteRequest::<super::ServerId>::new(super::Vote::new(7, 1), None);
    let message = postcard::to_stdvec(&(1u8, request)).unwrap();
    let answer = server.receive(&message).await.unwrap();
    assert!(started.elapsed() >= super::members::LEAD);
    let (refused, term, candidate) = postcard::take_from_bytes::<(u8, u64, u64)>(&answer).unwrap().0;
    assert_eq!((refused, term, candidate), (0, 7, 1), "it votes then");
    server.shutdown().await;
}
