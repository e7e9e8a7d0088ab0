//! One server process in its namespace: started with what is to go wrong, stopped, killed, watched. Ends with the thread
//! that started it, however the test ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub struct Node {
    pub home: PathBuf,
    /// What is started: another version for upgrades.
    pub program: PathBuf,
    namespace: String,
    child: Option<Child>,
}

/// What is put before the server's command line.
#[derive(Default, Clone)]
pub struct Under {
    pub prefix: Vec<String>,
    pub env: Vec<(&'static str, String)>,
}

impl Under {
    pub fn words(words: &[&str]) -> Self {
        Self { prefix: words.iter().map(|word| (*word).to_owned()).collect(), env: Vec::new() }
    }

    /// Under strace with this fault injected.
    pub fn inject(calls: &str, fault: &str) -> Self {
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{fault}"));
        // `-D`: the server is our child, and strace looks on.
        Self::words(&["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject])
    }
}

impl Node {
    pub fn new(home: PathBuf, namespace: String) -> Self {
        Self { home, program: env!("CARGO_BIN_EXE_grantor").into(), namespace, child: None }
    }

    pub fn start(&mut self) {
        self.start_under(&Under::default());
    }

    pub fn start_under(&mut self, under: &Under) {
        assert!(self.child.is_none(), "it runs");
        self.child = Some(self.spawn(under, &self.home));
    }

    /// A process with this node's configuration, of which nobody takes care.
    pub fn spawn(&self, under: &Under, home: &Path) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(home.join("log")).unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "setpriv", "--pdeathsig", "KILL"]);
        command.args(&under.prefix).arg(&self.program).args(["server", "--config", "grantor.toml"]);
        command
            .current_dir(home)
            .envs(under.env.iter().cloned())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log));
        command.spawn().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.as_ref().unwrap().id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// How the process ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        self.child = None;
        Some(status)
    }

    /// Whether the process has ended; [`Node::end`] still says how.
    pub fn is_over(&self) -> bool {
        let Some(child) = self.child.as_ref() else { return true };
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('Z') || rest.is_empty())
    }

    /// Waits for the process to end by itself.
    pub fn end(&mut self, within: Duration) -> ExitStatus {
        let limit = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < limit, "it did not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How often the log says this.
    pub fn count(&self, words: &str) -> usize {
        std::fs::read_to_string(self.home.join("log")).unwrap_or_default().matches(words).count()
    }

    /// The last words of the log.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}
