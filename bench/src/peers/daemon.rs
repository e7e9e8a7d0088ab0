//! Other people's servers: installed if missing, started in a folder of their own, stopped when dropped.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::drive::Failure;

/// A server process and the tree below it.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts it; what it says goes to a file in `folder`.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Result<Self, Failure> {
        let log = std::fs::File::create(folder.join("bench-output"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self(command.spawn()?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Daemon {
    /// Asks first: what is killed leaves shared memory behind.
    fn drop(&mut self) {
        let _asked = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// A connection, as soon as the server takes one.
pub(crate) async fn connect(port: u16) -> Result<TcpStream, Failure> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if Instant::now() > end => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Has the distribution install `package` unless `program` is there; its services are not started.
pub(crate) fn install(program: &Path, package: &str) -> Result<(), Failure> {
    let is_there = program.is_file() || Path::new("/usr/bin").join(program).is_file();
    if is_there {
        return Ok(());
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "--no-install-recommends", package])
        .env("RUNLEVEL", "1")
        .stdout(Stdio::null());
    if apt.status()?.success() { Ok(()) } else { Err(format!("apt-get did not install {package}").into()) }
}

/// Whether this is the administrator of the machine.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
