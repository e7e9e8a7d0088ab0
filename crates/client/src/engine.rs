//! The background of the whole process: one thread that knows when each session's sign of life is due, and a few that
//! show them, together for sessions on the same server. However many sessions there are, there are no more threads.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use grantor_api::limits;

use crate::boot::Boot;
use crate::error::Error;
use crate::heart;
use crate::session::{Core, Life};

/// Most threads that wait for servers.
const WORKERS: usize = 8;
/// Sessions due so soon go along with those that are due: the more together, the fewer requests.
const ALONG: Duration = Duration::from_millis(500);
/// The clock is looked at so often: waiting itself does not count the time in which the machine sleeps.
const LOOK: Duration = Duration::from_secs(1);

/// A session's place in the schedule; 0 = it has none.
#[derive(Debug, Default)]
pub(crate) struct Pulse(AtomicU64);

impl Pulse {
    /// Something is to be done now.
    pub(crate) fn hurry(&self) {
        let number = self.0.load(Ordering::Acquire);
        if let (Some(engine), 1..) = (ENGINE.get(), number) {
            engine.hurry(number);
        }
    }
}

struct Entry {
    core: Weak<Core>,
    /// `None`: it is being seen to.
    due: Option<Boot>,
    again: bool,
}

#[derive(Default)]
struct Schedule {
    next: u64,
    entries: HashMap<u64, Entry>,
    due: BTreeSet<(Boot, u64)>,
}

type Beat = Vec<(u64, Arc<Core>)>;

#[derive(Default)]
struct Work {
    waiting: VecDeque<Beat>,
    idle: usize,
    workers: usize,
}

#[derive(Default)]
struct Engine {
    schedule: Mutex<Schedule>,
    changed: Condvar,
    work: Mutex<Work>,
    came: Condvar,
}

static ENGINE: OnceLock<Engine> = OnceLock::new();
static STARTED: Mutex<bool> = Mutex::new(false);

/// Takes care of a session until it ends.
pub(crate) fn watch(core: &Arc<Core>) -> Result<(), Error> {
    let engine = running().map_err(|error| Error::Local(format!("no thread for the heartbeat: {error}")))?;
    let due = Boot(Boot::now().0 + heart::pause(core));
    let mut schedule = engine.schedule();
    schedule.next += 1;
    let number = schedule.next;
    core.pulse.0.store(number, Ordering::Release);
    schedule.entries.insert(number, Entry { core: Arc::downgrade(core), due: Some(due), again: false });
    schedule.due.insert((due, number));
    drop(schedule);
    engine.changed.notify_one();
    Ok(())
}

/// The engine with the threads that it cannot do without.
fn running() -> std::io::Result<&'static Engine> {
    let engine = ENGINE.get_or_init(Engine::default);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*started {
        engine.add_worker(&mut engine.work())?;
        spawn("grantor-engine", || engine.run())?;
        *started = true;
    }
    Ok(engine)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

impl Engine {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hurry(&self, number: u64) {
        self.schedule().hurry(number);
        self.changed.notify_one();
    }

    fn run(&'static self) {
        let mut schedule = self.schedule();
        loop {
            let now = Boot::now();
            let taken = schedule.take(now);
            if taken.is_empty() {
                let next = schedule.due.first().map_or(LOOK, |(due, _)| due.since(now).min(LOOK));
                schedule =
                    self.changed.wait_timeout(schedule, next).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            drop(schedule);
            self.hand_out(by_server(taken));
            schedule = self.schedule();
        }
    }

    fn hand_out(&'static self, beats: Vec<Beat>) {
        let mut work = self.work();
        for beat in beats {
            work.waiting.push_back(beat);
            if work.idle < work.waiting.len() && work.workers < WORKERS {
                // There is one at the least: without another, it takes longer.
                let _slower = self.add_worker(&mut work);
            }
        }
        drop(work);
        self.came.notify_all();
    }

    fn add_worker(&'static self, work: &mut Work) -> std::io::Result<()> {
        spawn("grantor-heartbeat", || self.serve())?;
        work.workers += 1;
        Ok(())
    }

    fn serve(&self) {
        loop {
            let beat = self.next_beat();
            let (numbers, cores): (Vec<u64>, Vec<Arc<Core>>) = beat.into_iter().unzip();
            heart::beat(&cores);
            for (number, core) in numbers.into_iter().zip(cores) {
                self.rest(number, &core);
            }
            self.changed.notify_one();
        }
    }

    fn next_beat(&self) -> Beat {
        let mut work = self.work();
        loop {
            if let Some(beat) = work.waiting.pop_front() {
                return beat;
            }
            work.idle += 1;
            work = self.came.wait(work).unwrap_or_else(PoisonError::into_inner);
            work.idle -= 1;
        }
    }

    /// The session was seen to: when next?
    fn rest(&self, number: u64, core: &Core) {
        let is_open = core.state().life == Life::Open;
        let due = Boot(Boot::now().0 + heart::pause(core));
        self.schedule().put_back(number, due, is_open);
    }
}

impl Schedule {
    /// Whoever is due, and whoever nearly is. Sessions that are no more are forgotten.
    fn take(&mut self, now: Boot) -> Beat {
        let mut taken = Beat::new();
        if self.due.first().is_none_or(|(due, _)| *due > now) {
            return taken;
        }
        let along = Boot(now.0 + ALONG);
        while let Some((_, number)) = self.due.first().copied().filter(|(due, _)| *due <= along) {
            self.due.pop_first();
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            entry.due = None;
            match entry.core.upgrade() {
                Some(core) => taken.push((number, core)),
                None => drop(self.entries.remove(&number)),
            }
        }
        taken
    }

    fn put_back(&mut self, number: u64, due: Boot, is_open: bool) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        if !is_open {
            self.entries.remove(&number);
            return;
        }
        let due = if std::mem::take(&mut entry.again) { Boot::now() } else { due };
        entry.due = Some(due);
        self.due.insert((due, number));
    }

    fn hurry(&mut self, number: u64) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        match entry.due.replace(Boot::now()) {
            Some(before) => {
                self.due.remove(&(before, number));
                self.due.extend(entry.due.map(|now| (now, number)));
            }
            None => (entry.due, entry.again) = (None, true),
        }
    }
}

/// Sessions on the same server together, as many as one request may name.
fn by_server(taken: Beat) -> Vec<Beat> {
    let mut groups: HashMap<u64, Beat> = HashMap::new();
    for (number, core) in taken {
        groups.entry(core.set.line()).or_default().push((number, core));
    }
    let parts = groups.into_values().flat_map(|group| {
        let parts: Vec<Beat> = group.chunks(limits::SESSIONS).map(<[_]>::to_vec).collect();
        parts
    });
    parts.collect()
}
