//! Clients that order, make files, end, activate, move and import at random over HTTP, and ask again what was not answered, in the
//! same words. Each has an account of its own, whose books it knows; for one more account's few licenses they compete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::http::{Answer, Caller};
use crate::office::{Office, within};
use crate::questions::Question;

/// The account whose licenses are too few for all.
pub const POOL: &str = "POOL";

/// What clients were told, or asked until it was told.
#[derive(Default)]
pub struct Told {
    /// License reference numbers by order.
    pub orders: BTreeMap<String, String>,
    /// Files by their request's key.
    pub files: BTreeMap<String, String>,
    pub ended: BTreeSet<String>,
    /// License reference numbers.
    pub activated: BTreeSet<String>,
    /// The new installations' registration keys.
    pub moved: BTreeSet<String>,
    /// Numbers of imported orders.
    pub imported: BTreeSet<String>,
}

/// What the clients share.
#[derive(Default)]
pub struct Load {
    pub told: Mutex<Told>,
    pub stop: AtomicBool,
    pub answers: AtomicU64,
    pub silences: AtomicU64,
    /// Questions that had no answer at first.
    pub repeated: AtomicU64,
}

impl Load {
    /// Waits for so many more answers: the next fault is to meet portals at work.
    pub fn more(&self, answers: u64) {
        let wanted = self.answers.load(Ordering::Relaxed) + answers;
        within(90, "answers", || match self.answers.load(Ordering::Relaxed) {
            enough if enough >= wanted => Ok(()),
            few => Err(format!("{few} of {wanted}")),
        });
    }
}

/// A random number from a seed that is printed, so that a run can be repeated: `GRANTOR_SEED`.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Self {
        let given = std::env::var("GRANTOR_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| crate::office::now().unsigned_abs());
        println!("GRANTOR_SEED={seed}");
        Self(seed)
    }

    /// Another one for a client.
    pub fn of(&self, number: u64) -> Self {
        Self((self.0 ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 |= u64::from(self.0 == 0);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }
}

pub struct Client {
    caller: Caller,
    portals: Vec<String>,
    at: usize,
    pub account: String,
    dice: Dice,
    count: u64,
    /// A question that nobody has answered yet, and how often it was asked: it is asked again before any other.
    open: Option<(Question, u32)>,
    /// An activation that came too soon after others.
    later: Option<Question>,
    /// Servers and clients that no file has.
    pub free: (u32, u32),
    /// Active files with their clients.
    pub files: BTreeMap<String, u32>,
    /// Active files of the pool.
    pool: BTreeSet<String>,
    /// Files that were asked for and made.
    made: Vec<Question>,
    /// Quantities of orders that wait for their activation, by license reference number.
    waiting: BTreeMap<String, u32>,
    /// The installation's key, its file, and how many it has.
    pub installation: (String, Option<String>, u32),
}

impl Client {
    pub fn new(office: &Office, number: usize, dice: &Dice) -> Self {
        let portals: Vec<String> = (0..office.portals.len()).map(|at| office.url(at, "")).collect();
        Self {
            caller: office.caller.clone(),
            at: number % portals.len(),
            portals,
            account: format!("C{number}"),
            dice: dice.of(number as u64),
            count: 0,
            open: None,
            later: None,
            free: (0, 0),
            files: BTreeMap::new(),
            pool: BTreeSet::new(),
            made: Vec::new(),
            waiting: BTreeMap::new(),
            installation: (format!("KEY-{number}-0000"), None, 0),
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}-{}-{:05}", self.account, self.count)
    }

    /// Works until told to stop.
    pub fn work(&mut self, load: &Load) {
        while !load.stop.load(Ordering::Relaxed) {
            self.step(load);
        }
    }

    /// Has every open question answered.
    pub fn finish(&mut self, load: &Load) {
        within(180, "every question is answered", || {
            self.open = self.open.take().or_else(|| self.later.take().map(|question| (question, 1)));
            if self.open.is_some() {
                self.step(load);
            }
            match (&self.open, &self.later) {
                (None, None) => Ok(()),
                open => Err(format!("{open:?}")),
            }
        });
    }

    fn step(&mut self, load: &Load) {
        let (question, asked) = self.open.take().unwrap_or_else(|| (self.choose(load), 0));
        let answer = question.ask(&self.caller, &self.portals[self.at]);
        if answer.is_none() {
            load.silences.fetch_add(1, Ordering::Relaxed);
            load.repeated.fetch_add(u64::from(asked == 0), Ordering::Relaxed);
            self.at = (self.at + 1) % self.portals.len();
            self.open = Some((question, asked + 1));
            // Nobody listens while a portal starts.
            return std::thread::sleep(Duration::from_millis(20));
        }
        load.answers.fetch_add(1, Ordering::Relaxed);
        if answer.status == 429 {
            self.later = Some(question);
            return std::thread::sleep(Duration::from_millis(100));
        }
        self.take(load, question, asked, &answer);
    }

    fn choose(&mut self, load: &Load) -> Question {
        if self.dice.roll(4) == 0
            && let Some(question) = self.later.take()
        {
            return question;
        }
        let latest = self.files.keys().next_back().cloned();
        match (self.dice.roll(20), latest) {
            (0..=4, _) if self.free.0 > 0 => self.file(None),
            (5..=6, Some(file)) if self.free.1 > 0 => self.file(Some(file)),
            (7..=8, Some(file)) => Question::End { account: self.account.clone(), file },
            (9..=10, _) => self.of_pool(),
            (11..=12, _) => self.of_installation(),
            (13, _) => self.import(load),
            (14, _) if !self.made.is_empty() => {
                // Something that was answered long ago.
                let one = self.dice.roll(self.made.len() as u64);
                self.made[usize::try_from(one).unwrap()].clone()
            }
            _ => self.order(),
        }
    }

    fn order(&mut self) -> Question {
        let (number, recording) = (self.name("SO"), self.dice.roll(3) == 0);
        let quantity = 1 + u32::try_from(self.dice.roll(9)).unwrap();
        Question::Order { number, account: self.account.clone(), recording, quantity }
    }

    fn file(&mut self, replaces: Option<String>) -> Question {
        let has = replaces.as_ref().and_then(|file| self.files.get(file)).copied().unwrap_or(0);
        let most = u64::from(self.free.1 + has);
        let quantity = u32::try_from(self.dice.roll(most + 1)).unwrap();
        Question::File { key: self.name("file"), account: self.account.clone(), quantity, replaces }
    }

    fn of_pool(&mut self) -> Question {
        let account = POOL.to_owned();
        match self.pool.first().cloned() {
            Some(file) if self.dice.roll(2) == 0 => Question::End { account, file },
            _ => Question::File { key: self.name("pool"), account, quantity: 0, replaces: None },
        }
    }

    /// Another order joins the installation's file, or the license moves to another installation.
    fn of_installation(&mut self) -> Question {
        let (key, file, _) = self.installation.clone();
        let lrn = self.waiting.keys().next().cloned();
        match (file, lrn) {
            (Some(file), _) if self.dice.roll(3) == 0 && self.later.is_none() => {
                let to = self.name("KEY").to_uppercase();
                Question::Move { account: self.account.clone(), file, once: format!("move-{to}"), to }
            }
            (_, Some(lrn)) if self.later.is_none() => Question::Activate { lrn, key },
            _ => self.order(),
        }
    }

    fn import(&mut self, load: &Load) -> Question {
        let numbers: Vec<String> = (0..2 + self.dice.roll(5)).map(|_| self.name("CSV")).collect();
        load.told.lock().unwrap().imported.extend(numbers.iter().cloned());
        Question::Import { once: self.name("form"), account: self.account.clone(), numbers }
    }

    /// What an answer that came means. `asked`: how often the question had no answer before.
    fn take(&mut self, load: &Load, question: Question, asked: u32, answer: &Answer) {
        let mut told = load.told.lock().unwrap();
        match (question.clone(), answer.status) {
            (Question::Order { number, recording, quantity, .. }, 200 | 201) => {
                let body = answer.json();
                assert!(asked > 0 || body["new"] == true, "booked by nobody: {answer:?}");
                let lrn = body["lrn"].as_str().unwrap().to_owned();
                if recording {
                    self.waiting.insert(lrn.clone(), quantity);
                } else {
                    self.free = (self.free.0 + 1, self.free.1 + quantity);
                }
                assert!(told.orders.insert(number, lrn).is_none());
            }
            (Question::File { key, account, quantity, replaces }, 201) => {
                let file = answer.json()["file"].as_str().unwrap().to_owned();
                match told.files.insert(key.clone(), file.clone()) {
                    Some(before) => assert_eq!(before, file, "the same request, {key}, gives another file"),
                    None if account == POOL => drop(self.pool.insert(file)),
                    None => self.was_made(file, quantity, replaces),
                }
                self.made.push(question);
            }
            // Others were faster.
            (Question::File { account, .. }, 422) if account == POOL => {
                assert!(answer.body.contains("are available"), "{answer:?}");
            }
            (Question::End { account, file }, status) if status == 200 || (status == 409 && asked > 0) => {
                told.ended.insert(file.clone());
                self.was_ended(&account, &file);
            }
            (Question::Activate { lrn, .. }, 200) => {
                let body = answer.json();
                let text = body["license_file"].as_str().unwrap();
                assert!(text.contains(&self.installation.0) && text.contains("SIGN="), "{text}");
                self.installation.1 = Some(body["file"].as_str().unwrap().to_owned());
                self.installation.2 += self.waiting.remove(&lrn).unwrap();
                told.activated.insert(lrn);
            }
            (Question::Move { to, .. }, 303) => {
                let file = answer.location.rsplit('/').next().unwrap().split('?').next().unwrap();
                (self.installation.0, self.installation.1) = (to.clone(), Some(file.to_owned()));
                told.moved.insert(to);
            }
            (Question::Import { .. }, 303) => assert!(answer.location.starts_with("/orders/imports/")),
            (question, _) => panic!("asked {asked} times before, {question:?}: {answer:?}"),
        }
    }

    fn was_made(&mut self, file: String, quantity: u32, replaces: Option<String>) {
        if let Some(before) = replaces {
            let had = self.files.remove(&before).unwrap();
            self.free = (self.free.0 + 1, self.free.1 + had);
        }
        self.free = (self.free.0 - 1, self.free.1 - quantity);
        self.files.insert(file, quantity);
    }

    fn was_ended(&mut self, account: &str, file: &str) {
        if account == POOL {
            self.pool.remove(file);
            return;
        }
        let had = self.files.remove(file).unwrap();
        self.free = (self.free.0 + 1, self.free.1 + had);
    }
}

/// So many clients work while `faults` happen on the caller's thread; then every question is answered.
pub fn under(
    office: &mut Office,
    clients: usize,
    dice: &mut Dice,
    faults: impl FnOnce(&mut Office, &Load, &mut Dice),
) -> (Load, Vec<Client>) {
    let load = Load::default();
    let mut all: Vec<Client> = (0..clients).map(|number| Client::new(office, number, dice)).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = all
            .iter_mut()
            .map(|client| {
                let load = &load;
                scope.spawn(move || client.work(load))
            })
            .collect();
        // The clients stop even if a fault's own check fails.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| faults(office, &load, dice)));
        load.stop.store(true, Ordering::Relaxed);
        let ended: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        if let Some(failed) = ended.into_iter().chain([outcome]).find_map(Result::err) {
            println!("{}", office.logs());
            std::panic::resume_unwind(failed);
        }
    });
    all.iter_mut().for_each(|client| client.finish(&load));
    (load, all)
}
