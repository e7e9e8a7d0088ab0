//! Letters of a portal that is killed while it hands one over: each comes, and a second time only under the same Message-ID.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::books::{Books, server};
use crate::check::message_id;
use crate::means;
use crate::office::{Office, within};
use crate::questions::{SERVER, file, order};

/// How far a letter's conversation goes before the mail server says nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It was not asked for the letter yet.
    Sender,
    /// It asked for the letter, which is on its way.
    Data,
    /// It has the whole letter, and has not said so.
    Kept,
    /// It said so; whether the portal has noted it nobody knows.
    Answered,
}

const STAGES: [Stage; 4] = [Stage::Sender, Stage::Data, Stage::Kept, Stage::Answered];

/// A stage to wait at, once: whoever gets there says so, and waits to be let go.
type Stop = (Stage, Sender<()>, Receiver<()>);

/// A mail server that keeps letters and stops where it is told to.
#[derive(Clone, Default)]
struct Slow {
    letters: Arc<Mutex<Vec<String>>>,
    stop: Arc<Mutex<Option<Stop>>>,
}

impl Slow {
    fn open() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let slow = Self::default();
        let shared = slow.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let slow = shared.clone();
                std::thread::spawn(move || drop(slow.talk(stream)));
            }
        });
        (slow, port)
    }

    /// The next conversation stops there: gives what tells of it, and what lets it go on.
    fn stop_at(&self, stage: Stage) -> (Receiver<()>, Sender<()>) {
        let ((reached, is_reached), (go_on, goes_on)) = (channel(), channel());
        *self.stop.lock().unwrap() = Some((stage, reached, goes_on));
        (is_reached, go_on)
    }

    fn reached(&self, stage: Stage) {
        let stop = self.stop.lock().unwrap().take_if(|(wanted, ..)| *wanted == stage);
        if let Some((_, reached, goes_on)) = stop {
            reached.send(()).unwrap();
            let _let_go = goes_on.recv();
        }
    }

    fn talk(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        stream.write_all(b"220 slow\r\n")?;
        while let Some(line) = lines.next() {
            match line?.to_ascii_uppercase().as_str() {
                "DATA" => {
                    stream.write_all(b"354 go\r\n")?;
                    self.reached(Stage::Data);
                    self.letter(&mut lines)?;
                    self.reached(Stage::Kept);
                    stream.write_all(b"250 kept\r\n")?;
                    self.reached(Stage::Answered);
                }
                "QUIT" => stream.write_all(b"221 bye\r\n")?,
                from if from.starts_with("MAIL FROM") => {
                    self.reached(Stage::Sender);
                    stream.write_all(b"250 ok\r\n")?;
                }
                _ => stream.write_all(b"250 ok\r\n")?,
            }
        }
        Ok(())
    }

    /// Keeps a letter that came whole.
    fn letter(&self, lines: &mut impl Iterator<Item = std::io::Result<String>>) -> std::io::Result<()> {
        let mut letter = Vec::new();
        for line in lines {
            let line = line?;
            if line == "." {
                self.letters.lock().unwrap().push(letter.join("\n").replace("=\n", ""));
                return Ok(());
            }
            letter.push(line);
        }
        Ok(())
    }

    /// The Message-IDs under which the letter of an order came.
    fn ids(&self, order: &str) -> Vec<String> {
        let subject = format!("Subject: License letter for order {order}\n");
        let letters = self.letters.lock().unwrap();
        letters
            .iter()
            .filter(|letter| letter.contains(&subject))
            .map(|letter| message_id(letter).to_owned())
            .collect()
    }
}

fn killed_while_it_writes(books: Books, folder: tempfile::TempDir) {
    let (slow, port) = Slow::open();
    let mut office = Office::new(folder, books, 1, Some(port));
    office.account("ACME");
    office.open();
    within(60, "what was there before is sent", || {
        let waits = office.books.count("mails where sent_at is null");
        if waits == 0 { Ok(()) } else { Err(waits.to_string()) }
    });
    let rounds = means::rounds(1, 15);
    let mut doubled = 0;
    for round in 0..rounds {
        for stage in STAGES {
            let number = format!("SO-{round}-{stage:?}");
            let (reached, go_on) = slow.stop_at(stage);
            let body = order(&number, "ACME", &[("pureconnect-4", SERVER, 1)]);
            let answer = office.caller.program("POST", &office.url(0, "/api/v1/orders"), "", &body);
            assert_eq!(answer.status, 201, "{answer:?}");
            reached.recv_timeout(Duration::from_secs(30)).expect("the letter is on its way");
            office.kill(0);
            drop(go_on);
            office.books.time_passes();
            office.start(0);
            office.ready(0);
            within(30, "the letter is sent", || {
                let waits = office.books.count("mails where sent_at is null");
                if waits == 0 { Ok(()) } else { Err(format!("{waits}\n{}", office.logs())) }
            });
            let ids = slow.ids(&number);
            let different: BTreeSet<&String> = ids.iter().collect();
            assert_eq!(different.len(), 1, "{stage:?}: {ids:?}");
            if stage == Stage::Sender {
                assert_eq!(ids.len(), 1, "nothing was handed over before: {ids:?}");
            }
            doubled += ids.len() - 1;
        }
    }
    let result = format!("each letter came, {doubled} twice, under one Message-ID each");
    let what = format!("portal killed before, within and after DATA, {}", office.books.name);
    means::report("portal", &what, rounds * 4, &result);
}

#[test]
fn a_portal_killed_while_it_hands_a_letter_over_sends_it_again_under_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    killed_while_it_writes(Books::sqlite(&folder.path().join("portal.db")), folder);
    let Some(server) = server() else { return };
    killed_while_it_writes(Books::postgres(&server), tempfile::tempdir().unwrap());
}

#[test]
fn a_mail_server_that_says_nothing_holds_up_no_signature_and_no_webhook() {
    let (slow, port) = Slow::open();
    let folder = tempfile::tempdir().unwrap();
    let books = Books::sqlite(&folder.path().join("portal.db"));
    let mut office = Office::new(folder, books, 1, Some(port));
    office.account("ACME");
    let (reached, _go_on) = slow.stop_at(Stage::Sender);
    office.start(0);
    office.ready(0);
    reached.recv_timeout(Duration::from_secs(30)).expect("a letter is on its way");
    let ask = |path: &str, body| office.caller.program("POST", &office.url(0, path), "the first file", &body);
    let body = order("SO-1", "ACME", &[("pureconnect-4", SERVER, 1)]);
    assert_eq!(ask("/api/v1/orders", body).status, 201);
    assert_eq!(ask("/api/v1/accounts/ACME/files", file(0, None)).status, 201);
    office.start_signer();
    // A letter has half a minute; the others are not to wait so long.
    within(20, "the file is signed and told of", || {
        let left = office.books.count("files where signed is null")
            + office.books.count("hooks, log_head where next_position < size");
        if left == 0 { Ok(()) } else { Err(office.logs()) }
    });
    assert_eq!(office.books.count("mails where sent_at is not null"), 0, "the mail server went on");
}
