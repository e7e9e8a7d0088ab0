//! A process that was stopped for longer than the server waits learns that its seat is gone before it uses it.
//!
//! `GRANTOR_SUSPENDED=100` stops a hundred processes instead of a handful.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::support::{LONG, PUBLISHER, Site, line, root, wait_until};
use grantor_client::{Client, Server, ServerTrust};
use rustix::process::{Pid, Signal, kill_process};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The application: takes a seat, and says of each line that it reads whether the seat is valid.
#[test]
#[ignore = "the child process of the test below"]
fn application() {
    let Ok(server) = std::env::var("GRANTOR_TEST_SERVER") else { return };
    let trust = ServerTrust::parse(&std::env::var("GRANTOR_TEST_FINGERPRINT").unwrap()).unwrap();
    let builder = Client::builder("suspended").servers(server.parse::<Server>().unwrap().into()).trust(trust);
    let builder = builder.publisher(PUBLISHER, &root().public()).heartbeat(TIMEOUT).grace(LONG);
    let client = builder.connect().unwrap();
    let seats = client.checkout("drawing", "8.1").take().unwrap();
    println!("\nready");
    for _ in std::io::stdin().lines() {
        println!("valid={}", seats.is_valid());
    }
}

struct Application {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Application {
    fn start(site: &Site) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "suspend::application", "--ignored", "--nocapture"])
            .env("GRANTOR_TEST_SERVER", site.server().to_string())
            .env("GRANTOR_TEST_FINGERPRINT", site.fingerprint())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asks, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut application = Self { child, asks, answers };
        application.read_until("ready");
        application
    }

    fn read_until(&mut self, beginning: &str) -> String {
        let lines = self.answers.by_ref().lines().map(Result::unwrap);
        lines.into_iter().find(|line| line.starts_with(beginning)).expect("an answer")
    }

    fn ask(&mut self) {
        self.asks.write_all(b"?\n").unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn who_slept_longer_than_the_server_waits_learns_of_it_before_the_first_use() {
    let many = std::env::var("GRANTOR_SUSPENDED").ok().and_then(|many| many.parse().ok()).unwrap_or(5);
    let site = Site::with(vec![line("drawing", "8.1", many)]);
    let mut applications: Vec<Application> = (0..many).map(|_| Application::start(&site)).collect();
    for application in &mut applications {
        application.ask();
        assert_eq!(application.read_until("valid="), "valid=true");
        application.signal(Signal::STOP);
    }
    wait_until(|| site.status().sessions == 0);
    for application in &mut applications {
        // The question is there before it wakes: nothing else comes first.
        application.ask();
        application.signal(Signal::CONT);
    }
    let answers: Vec<String> = applications.iter_mut().map(|app| app.read_until("valid=")).collect();
    assert_eq!(answers, vec!["valid=false"; applications.len()]);
}
