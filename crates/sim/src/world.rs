//! Everything that is there in a run: disks and clocks, which outlive processes; processes, which don't; the network;
//! what is checked. Starting and ending processes is done here and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grantor_server::consensus::{self, Clock, Role, ServerId, Settings, StartError, Timers};
use grantor_server::log::Options as LogOptions;
use grantor_site::Timestamp;

use crate::disk::{SharedStore, SimDisk, Store};
use crate::network::{End, Net};
use crate::options::Options;
use crate::oracle::Oracle;
use crate::server::Live;
use crate::trace::Trace;

/// The servers that found the cluster.
const FOUNDERS: [ServerId; 3] = [1, 2, 3];

/// Bytes of log, about, that one entry of these runs takes.
const ENTRY_BYTES: u64 = 330;

/// A machine: what is left of a server when its process ends.
pub(crate) struct Machine {
    pub(crate) store: SharedStore,
    /// How far its clock is off, in milliseconds.
    pub(crate) clock_off: Arc<AtomicI64>,
    pub(crate) live: Option<Arc<Live>>,
    pub(crate) starts: u32,
    starting: bool,
    /// Its election window.
    slot: usize,
    /// It has had a vote: only then is it struck by faults of machines.
    pub(crate) is_full: bool,
}

/// A run's world.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) trace: Trace,
    pub(crate) net: Net,
    pub(crate) oracle: Oracle,
    machines: Mutex<BTreeMap<ServerId, Machine>>,
    /// The membership is being changed.
    pub(crate) changing: AtomicBool,
    /// The number of the next new server.
    next: AtomicU64,
}

impl World {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        let trace = Trace::new(options.keep_trace);
        trace.note(format_args!("{options:?}"));
        let machine = |server: ServerId| Machine::new(&options, server, server as usize - 1);
        let machines = FOUNDERS.into_iter().map(|server| (server, machine(server))).collect();
        let (net, oracle) = (Net::new(&options), Oracle::new(options.seats));
        let (machines, changing, next) = (Mutex::new(machines), AtomicBool::new(false), AtomicU64::new(4));
        Arc::new(Self { options, trace, net, oracle, machines, changing, next })
    }

    /// Every machine that belongs, or is to belong, to the cluster.
    pub(crate) fn servers(&self) -> Vec<ServerId> {
        self.machines().keys().copied().collect()
    }

    /// Those that have, or had, a vote.
    pub(crate) fn full(&self) -> Vec<ServerId> {
        self.machines().iter().filter(|(_, machine)| machine.is_full).map(|(server, _)| *server).collect()
    }

    /// A new machine with an empty disk and an election window that is nobody's.
    pub(crate) fn add_machine(&self) -> ServerId {
        let server = self.next.fetch_add(1, Relaxed);
        let mut machines = self.machines();
        let free = (0..).find(|slot| machines.values().all(|machine| machine.slot != *slot)).unwrap_or(0);
        machines.insert(server, Machine { is_full: false, ..Machine::new(&self.options, server, free) });
        server
    }

    /// A machine that is thrown away.
    pub(crate) fn drop_machine(&self, server: ServerId) {
        self.kill(server);
        self.trace.note(format_args!("{server} is gone for good"));
        self.machines().remove(&server);
    }

    /// The server after this one, around the circle.
    pub(crate) fn next_to(&self, server: ServerId) -> ServerId {
        let servers = self.servers();
        let later = servers.iter().find(|other| **other > server);
        later.or(servers.first()).copied().unwrap_or(server)
    }

    pub(crate) fn machines(&self) -> MutexGuard<'_, BTreeMap<ServerId, Machine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn live(&self, server: ServerId) -> Option<Arc<Live>> {
        self.machines().get(&server)?.live.clone()
    }

    pub(crate) fn all_live(&self) -> Vec<Arc<Live>> {
        self.machines().values().filter_map(|machine| machine.live.clone()).collect()
    }

    /// The server that leads, as far as it knows itself; the one with the highest term if several do.
    pub(crate) fn leader(&self) -> Option<Arc<Live>> {
        let leads = |live: &Arc<Live>| live.consensus.status().role == Role::Leader;
        self.all_live().into_iter().filter(leads).max_by_key(|live| live.consensus.status().term)
    }

    /// Changes something of a machine.
    pub(crate) fn machine<T>(&self, server: ServerId, change: impl FnOnce(&mut Machine) -> T) -> Option<T> {
        self.machines().get_mut(&server).map(change)
    }

    fn settings(self: &Arc<Self>, server: ServerId, alive: &Arc<AtomicBool>) -> Option<Settings> {
        let start = self.trace_start();
        let (store, clock_off, starts, slot) = self.machine(server, |machine| {
            machine.starts += 1;
            (machine.store.clone(), machine.clock_off.clone(), machine.starts, machine.slot)
        })?;
        let end = End { me: server, alive: alive.clone(), world: Arc::downgrade(self) };
        Some(Settings {
            server,
            members: self.servers().into_iter().map(|id| (id, name(id))).collect(),
            slot: Some(slot),
            form_cluster: starts == 1,
            transport: Arc::new(end),
            timers: Timers::Near,
            snapshot_log_bytes: self.options.snapshot_entries * ENTRY_BYTES,
            log: LogOptions { segment_bytes: 16 << 10 },
            disk: Arc::new(SimDisk { store, alive: alive.clone() }),
            ..Settings::single(&PathBuf::from(format!("/data/{server}")), clock(start, clock_off))
        })
    }

    fn trace_start(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() - std::time::Duration::from_millis(self.trace.now())
    }

    /// Starts a server's process; once more if the disk fails in that very moment.
    pub(crate) async fn start(self: &Arc<Self>, server: ServerId) {
        let error = match self.try_to_start(server).await {
            Ok(()) => return,
            Err(_) if self.machine(server, |machine| machine.lock_store().has_failed) == Some(true) => {
                self.try_to_start(server).await.err()
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            self.trace.fail(&format!("server {server} does not start: {error}"));
        }
    }

    async fn try_to_start(self: &Arc<Self>, server: ServerId) -> Result<(), StartError> {
        let begin =
            |machine: &mut Machine| machine.live.is_none() && !std::mem::replace(&mut machine.starting, true);
        if self.machine(server, begin) != Some(true) {
            return Ok(());
        }
        let alive = Arc::new(AtomicBool::new(true));
        let Some(settings) = self.settings(server, &alive) else { return Ok(()) };
        self.machine(server, |machine| machine.lock_store().has_failed = false);
        let clock = settings.clock.clone();
        let started = consensus::start(settings).await;
        self.machine(server, |machine| machine.starting = false);
        let live = Live::new(server, started?, alive, clock);
        self.machine(server, |machine| machine.live = Some(live.clone()));
        self.trace.note(format_args!("{server} started"));
        live.begin(self);
        Ok(())
    }

    /// Ends a server's process at once. What it wrote is still with the operating system.
    pub(crate) fn kill(&self, server: ServerId) {
        let live = self.machine(server, |machine| machine.live.take()).flatten();
        if let Some(live) = live {
            self.trace.note(format_args!("{server} killed"));
            live.end();
        }
    }

    /// Ends a server's process and takes away what was not flushed.
    pub(crate) fn cut_power(&self, server: ServerId) {
        self.kill(server);
        self.trace.note(format_args!("{server} without power"));
        self.machine(server, |machine| machine.lock_store().lose_power());
    }
}

/// How a server's address is written down.
pub(crate) fn name(server: ServerId) -> String {
    format!("server-{server}")
}

impl Machine {
    fn new(options: &Options, server: ServerId, slot: usize) -> Self {
        Self {
            store: Store::new(options.rng(10 + server), options.bug),
            clock_off: Arc::new(AtomicI64::new(options.clock_hours[(server as usize - 1) % 3] * 3_600_000)),
            live: None,
            starts: 0,
            starting: false,
            slot,
            is_full: true,
        }
    }

    pub(crate) fn lock_store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A machine's wall clock: virtual time, and how far it is off.
fn clock(start: tokio::time::Instant, off: Arc<AtomicI64>) -> Clock {
    const BEGIN: i64 = 1_800_000_000_000;
    Arc::new(move || {
        let passed = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp(BEGIN + passed + off.load(Relaxed))
    })
}
