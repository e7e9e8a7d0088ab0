//! The server that is driven: this program again, in a process of its own, so that its CPU and memory can be read.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use grantor_server::config::{Applications, Config, Publisher};

use crate::issue;

/// Runs a server in `folder` until it is killed; writes its port to a file when it serves.
pub(crate) fn serve(folder: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config {
        port: 0,
        data_dir: folder.join("data"),
        license_files: vec![folder.join("bench.lic")],
        publishers: vec![Publisher { name: issue::PUBLISHER.to_owned(), root_keys: vec![issue::root_key()] }],
        applications: Applications::Open,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = grantor_server::run::start(&config).await?;
        let port = server.address.port().to_string();
        std::fs::write(
            folder.join("port.new"),
            format!("{port} {}", server.setup_token.clone().unwrap_or_default()),
        )?;
        std::fs::rename(folder.join("port.new"), folder.join("port"))?;
        server.until_stopped().await?;
        Ok(())
    })
}

/// A server process, killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) setup_token: String,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts one with `features` features.
    pub(crate) fn start(features: usize) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("bench.lic"), issue::file(features, 2_000_000)?.to_bytes())?;
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(folder.path())
            .stderr(Stdio::null())
            .spawn()?;
        let (port, setup_token) = wait_for(&folder.path().join("port"))?;
        Ok(Self { child, port, setup_token, _folder: folder })
    }

    /// CPU time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(self.proc("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
        // Linux counts in hundredths of a second on every machine in use.
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory in megabytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn wait_for(file: &Path) -> Result<(u16, String), Box<dyn std::error::Error + Send + Sync>> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        if let Ok(text) = std::fs::read_to_string(file) {
            let (port, token) = text.split_once(' ').ok_or("the server wrote no port")?;
            return Ok((port.parse()?, token.to_owned()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("the server did not start within 30 seconds".into())
}
