//! The demo's license server: this program again, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use grantor_api::admin::{Setup, TokenMade};
use grantor_api::status::Status;
use grantor_client::{Http, Server as Address, ServerTrust};

use super::Publisher;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// A running server and an administrator's way to it.
pub(super) struct Server {
    folder: PathBuf,
    child: Child,
    pub(super) address: Address,
    pub(super) trust: ServerTrust,
    http: Http,
    token: String,
}

impl Server {
    /// Writes the configuration, starts the server and makes the administrator.
    pub(super) fn start(folder: &Path, publishers: &[Publisher]) -> Result<Self, Failure> {
        super::story::heading("A license server loads them");
        let port = free_port()?;
        configure(folder, port, publishers)?;
        let child = spawn(folder)?;
        let address = Address { host: "localhost".to_owned(), port };
        wait_for(&folder.join("grantor-data").join("setup-token"), folder)?;
        let trust =
            ServerTrust::parse(&folder.join("grantor-data").join("server.crt").display().to_string())?;
        let http = Http::new(address.clone(), &trust)?;
        let token = String::new();
        let mut server = Self { folder: folder.to_owned(), child, address, trust, http, token };
        server.until_ready()?;
        server.sign_in()?;
        let status = server.status()?;
        output::data(&format!(
            "{} features of {} files on {}.",
            status.features.len(),
            status.files.len(),
            server.address
        ));
        Ok(server)
    }

    fn sign_in(&mut self) -> Result<(), Failure> {
        let path = self.folder.join("grantor-data").join("setup-token");
        let setup_token = std::fs::read_to_string(&path).at(&path)?.trim().to_owned();
        let password = super::random_text()?;
        let made: TokenMade =
            self.http.post("/v1/admin/setup", &Setup { setup_token, name: "demo".to_owned(), password })?;
        self.http = Http::new(self.address.clone(), &self.trust)?.with_token(Some(made.token.clone()));
        self.token = made.token;
        self.write_env(&self.token)
    }

    /// For the commands that the demo names at its end; only this user can read it.
    fn write_env(&self, token: &str) -> Result<(), Failure> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.folder.join("env");
        let text = format!(
            "export GRANTOR_LICENSE_FILE={}\nexport GRANTOR_SERVER_CERT={}/grantor-data/server.crt\nexport GRANTOR_TOKEN={token}\n",
            self.address,
            self.folder.display()
        );
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .at(&path)?;
        file.write_all(text.as_bytes()).at(&path)
    }

    /// An administrator's token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The demo's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that holds its certificate.
    pub(super) fn certificate(&self) -> String {
        self.folder.join("grantor-data").join("server.crt").display().to_string()
    }

    /// A file for what a process of the demo has to say.
    pub(super) fn log_file(&self, name: &str) -> Result<std::fs::File, Failure> {
        let path = self.folder.join(name);
        std::fs::File::create(&path).at(&path)
    }

    /// The state as an administrator sees it.
    pub(super) fn status(&self) -> Result<Status, Failure> {
        Ok(self.http.get("/v1/admin/status")?)
    }

    /// Ends the process without a word and starts it again on the same folder.
    pub(super) fn kill_and_restart(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        let start = Instant::now();
        self.child = spawn(&self.folder)?;
        self.until_ready()?;
        output::data(&format!(
            "killed, started, and serving again after {} ms.",
            start.elapsed().as_millis()
        ));
        Ok(())
    }

    fn until_ready(&self) -> Result<(), Failure> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match self.http.get_text("/readyz") {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > end => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Stops it in good order.
    pub(super) fn stop(&mut self) -> Result<(), Failure> {
        self.http.post::<_, ()>("/v1/admin/down", &())?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Stopped already, unless the demo failed half-way.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

pub(super) fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn configure(folder: &Path, port: u16, publishers: &[Publisher]) -> Result<(), Failure> {
    let mut text = format!("listen = \"127.0.0.1\"\nport = {port}\nlicense_files = [\"licenses\"]\n");
    for publisher in publishers {
        text.push_str(&format!(
            "\n[[publishers]]\nname = \"{}\"\nroot_keys = [\"{}\"]\n",
            publisher.name, publisher.root_key
        ));
    }
    let path = folder.join("grantor.toml");
    std::fs::write(&path, text).at(&path)
}

fn spawn(folder: &Path) -> Result<Child, Failure> {
    let log = folder.join("server.log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&log).at(&log)?;
    let program = std::env::current_exe()?;
    // A process group of its own: Ctrl-C is for the demo, which stops the server in good order.
    let mut command = Command::new(program);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command
        .args(["server", "--config"])
        .arg(folder.join("grantor.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?)
}

fn wait_for(file: &Path, folder: &Path) -> Result<(), Failure> {
    let end = Instant::now() + Duration::from_secs(30);
    while !file.exists() {
        if Instant::now() > end {
            return Err(Failure::new(Exit::NoServer, "the server did not start")
                .hint(format!("see `{}`", folder.join("server.log").display())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
