//! A PostgreSQL server of a test's own, which it stops and starts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Server {
    folder: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    found.retain(|bin| bin.join("postgres").exists());
    found.sort();
    found.pop()
}

/// PostgreSQL does not run as root.
fn command(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
    command
}

impl Server {
    /// `None`, and a word on it: there is no PostgreSQL here. CI must have it.
    pub fn new() -> Option<Self> {
        let Some(bin) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "postgresql is missing; ./test installs it");
            eprintln!("SKIPPED: postgresql is missing; ./test installs it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        if rustix::process::geteuid().is_root() {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, bin, port };
        let mut made = command(&server.bin.join("initdb"));
        made.arg("-D").arg(server.data()).args(["-U", "grantor", "-A", "trust", "--no-sync"]);
        assert!(made.stdout(Stdio::null()).status().unwrap().success());
        server.start();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn control(&self, arguments: &[&str]) -> bool {
        let mut control = command(&self.bin.join("pg_ctl"));
        control.arg("-D").arg(self.data()).args(arguments);
        control.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    pub fn start(&self) {
        let folder = self.folder.path().display();
        let options = format!("-c listen_addresses=127.0.0.1 -p {} -k {folder}", self.port);
        assert!(self.control(&["-w", "-l", &format!("{folder}/log"), "-o", &options, "start"]));
    }

    /// As a machine that loses its power: nothing is told to anybody, and nothing tidied up.
    pub fn stop(&self) {
        assert!(self.control(&["-w", "-m", "immediate", "stop"]));
    }

    /// `postgres://user@host:port`
    pub fn address(&self) -> String {
        format!("postgres://grantor@127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _stopped = self.control(&["-m", "immediate", "stop"]);
    }
}
