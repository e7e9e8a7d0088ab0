//! A license server process with an administrator, in a folder of its own, and the commands that one types. For the tests
//! beside it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    dead_code,
    unreachable_pub,
    reason = "each test uses its part of it, starts processes and reads clocks"
)]

use crate::issue;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use grantor_license::{DraftLine, Model};

const GRANTOR: &str = env!("CARGO_BIN_EXE_grantor");

/// A server process with an administrator, in a folder of its own.
pub struct Server {
    pub folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

fn sold(feature: &str, model: Model, count: u32) -> DraftLine {
    DraftLine { model, ..issue::line(feature, "8.0", count) }
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let lines = vec![
            sold("WFM", Model::Role, 40),
            sold("I3_ACCESS_CLIENT", Model::Assignable, 1),
            sold("I3_ACCESS_CLIENT", Model::Concurrent, 1),
            sold("I3_LICENSE_BASIC_STATION", Model::Assignable, 1),
        ];
        let license = issue::license(&issue::Keys::default(), lines);
        std::fs::write(folder.path().join("acme.lic"), license).unwrap();
        let key = issue::Keys::default().root.public();
        let text = format!(
            "port = {port}\nlisten = \"127.0.0.1\"\nlicense_files = [\"acme.lic\"]\nzone = \"UTC\"\n[[publishers]]\nname = \"acme\"\nroot_keys = [\"{key}\"]\n"
        );
        std::fs::write(folder.path().join("grantor.toml"), text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(GRANTOR);
        command.args(["server", "--config", "grantor.toml"]).current_dir(folder.path());
        let child = command.stderr(Stdio::from(log)).spawn().unwrap();
        let server = Self { folder, child, port };
        server.set_up();
        server
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn set_up(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while !std::fs::read_to_string(self.path("log")).unwrap().contains("license server up") {
            assert!(Instant::now() < end, "the server is not up");
            std::thread::yield_now();
        }
        let mut setup = self.command("setup --name ada --token grantor-data/setup-token");
        let mut setup = setup.stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut setup.stdin.take().unwrap(), b"correct horse battery\n").unwrap();
        assert!(setup.wait().unwrap().success());
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(GRANTOR);
        command.args(arguments.split(' ')).current_dir(self.folder.path()).stdin(Stdio::null());
        command
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("GRANTOR_SERVER_CERT", "grantor-data/server.crt");
        command.env("GRANTOR_LICENSE_FILE", format!("{}@localhost", self.port)).env_remove("GRANTOR_TOKEN");
        command.env_remove("GRANTOR_TENANT").stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Where the server listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that works says on standard output.
    pub fn ok(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code, standard output and standard error, as a user sees them.
    pub fn seen(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let text = format!("$ grantor {arguments}\n{out}{err}[exit {}]\n", output.status.code().unwrap());
        // Instants differ from run to run.
        let words = text.split_inclusive([' ', '\n']);
        words
            .map(|word| if word.starts_with("20") && word.contains("T") { "INSTANT\n" } else { word })
            .collect()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
