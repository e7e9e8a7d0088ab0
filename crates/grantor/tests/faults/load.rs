//! Clients that take and give back at random over HTTP, and ask again with the same key until they are answered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::history::History;
use crate::http::{agent, ask, is_no_answer};
use crate::trio::{Trio, key, within};

/// Most seats that a client holds.
const HELD: usize = 3;

/// One client with a session of its own.
pub struct Client {
    urls: Vec<String>,
    at: usize,
    held: BTreeSet<u64>,
    /// A question that nobody has answered yet: it is asked again before any other.
    open: Option<(String, u32)>,
    pub repeats: u64,
    random: u64,
    agent: ureq::Agent,
}

/// What the clients share.
#[derive(Default)]
pub struct Load {
    pub history: History,
    pub stop: AtomicBool,
    pub answers: AtomicU64,
    pub silences: AtomicU64,
    pub effects: AtomicU64,
}

impl Load {
    /// Waits for so many more answers: the next fault is to meet a cluster at work.
    pub fn more(&self, answers: u64) {
        let wanted = self.answers.load(Ordering::Relaxed) + answers;
        within(30, "answers", || match self.answers.load(Ordering::Relaxed) {
            enough if enough >= wanted => Ok(()),
            few => Err(format!("{few} of {wanted}")),
        });
    }
}

impl Client {
    pub fn new(trio: &Trio, number: usize) -> Self {
        let session = trio.session(3600);
        let urls = (1..=3).map(|host| trio.url(host, &format!("/v1/sessions/{session}"))).collect();
        let random = (number as u64 + 1) * 0x9e37_79b9;
        Self { urls, at: number % 3, held: BTreeSet::new(), open: None, repeats: 1, random, agent: agent(3) }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % sides
    }

    /// Asks; without an answer, the next question goes to the next server.
    fn ask(&mut self, load: &Load, method: &str, rest: &str, body: &Value) -> Option<(u16, Value)> {
        let url = format!("{}{rest}", self.urls[self.at]);
        let (status, answer) = ask(&self.agent, method, &url, "", body);
        if is_no_answer(status) {
            load.silences.fetch_add(1, Ordering::Relaxed);
            self.at = (self.at + 1) % 3;
            std::thread::sleep(Duration::from_millis(10));
            return None;
        }
        load.answers.fetch_add(1, Ordering::Relaxed);
        Some((status, answer))
    }

    /// Works until told to stop, about `each` apart.
    pub fn work(&mut self, load: &Load, each: Duration) {
        while !load.stop.load(Ordering::Relaxed) {
            let from = Instant::now();
            self.step(load);
            std::thread::sleep(each.saturating_sub(from.elapsed()));
        }
    }

    fn step(&mut self, load: &Load) {
        let gives_back = self.held.len() >= HELD || (!self.held.is_empty() && self.roll(2) == 0);
        match self.held.first().copied() {
            Some(grant) if gives_back && self.open.is_none() => self.give_back(load, grant),
            _ => self.take(load),
        }
    }

    fn take(&mut self, load: &Load) {
        let times = u32::try_from(1 + self.roll(self.repeats)).unwrap();
        let (key, times) = self.open.take().unwrap_or_else(|| (key(), times));
        let body = json!({ "request": key, "feature": "cad", "version": "8.0" });
        for left in (1..=times).rev() {
            match self.ask(load, "POST", "/checkouts", &body) {
                None => return self.open = Some((key, left)),
                Some((201 | 200, answer)) => self.took(load, &key, &answer),
                Some((409, answer)) if answer["code"] == "none-left" => return,
                // The refusal was lost on its way, and a seat is free by now: the key is used up.
                Some((410, answer)) if answer["code"] == "request-done" => return,
                Some((status, answer)) => panic!("{status} {answer}"),
            }
            if self.repeats > 1 {
                self.at = (self.at + 1) % 3;
            }
        }
    }

    fn took(&mut self, load: &Load, key: &str, answer: &Value) {
        let grant = answer["grants"][0]["grant"].as_u64().unwrap();
        load.history.took(key, grant);
        if self.held.insert(grant) {
            load.effects.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn give_back(&mut self, load: &Load, grant: u64) {
        load.history.gives_back(grant);
        match self.ask(load, "DELETE", &format!("/checkouts/{grant}"), &Value::Null) {
            None => {}
            Some((200 | 410, _)) => drop(self.held.remove(&grant)),
            Some((status, answer)) => panic!("{status} {answer}"),
        }
    }

    /// All that was acknowledged is there, and nothing else, once the open question is answered.
    pub fn compare(&mut self, load: &Load) {
        let limit = Instant::now() + Duration::from_secs(30);
        while self.open.is_some() {
            assert!(Instant::now() < limit, "no answer");
            self.take(load);
        }
        let there = loop {
            if let Some((status, body)) = self.ask(load, "GET", "", &Value::Null) {
                assert_eq!(status, 200, "the session is gone: {body}");
                break grants(&body);
            }
            assert!(Instant::now() < limit, "no answer");
        };
        // A return that was not answered may have taken effect.
        let lost: Vec<_> = self.held.difference(&there).collect();
        assert!(lost.len() <= 1, "acknowledged and lost: {lost:?}");
        assert!(
            lost.iter().all(|grant| load.history.is_given_back(**grant)),
            "acknowledged and lost: {lost:?}"
        );
        assert!(there.is_subset(&self.held), "held without a word: {:?}", there.difference(&self.held));
    }
}

fn grants(session: &Value) -> BTreeSet<u64> {
    session["grants"].as_array().unwrap().iter().map(|grant| grant["grant"].as_u64().unwrap()).collect()
}

/// So many clients work, each request about `each` apart, while `faults` happen; then everything is compared. The faults
/// run on the caller's thread, whose processes end with it.
pub fn under(
    trio: &mut Trio,
    clients: usize,
    each: u64,
    repeats: u64,
    seats: i64,
    faults: impl FnOnce(&mut Trio, &Load),
) -> Load {
    let load = Load::default();
    let mut all: Vec<Client> =
        (0..clients).map(|number| Client { repeats, ..Client::new(trio, number) }).collect();
    std::thread::scope(|scope| {
        for client in &mut all {
            let load = &load;
            scope.spawn(move || client.work(load, Duration::from_millis(each)));
        }
        // The clients stop even if a fault's own check fails.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| faults(trio, &load)));
        load.stop.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            println!("{}", trio.logs());
            std::panic::resume_unwind(panic);
        }
    });
    all.iter_mut().for_each(|client| client.compare(&load));
    let most = load.history.check(seats);
    trio.agree();
    println!(
        "{} answers, {} without, {} grants, at most {most} of {seats} seats out",
        load.answers.load(Ordering::Relaxed),
        load.silences.load(Ordering::Relaxed),
        load.history.granted()
    );
    load
}
