//! The servers that are driven: this program again, in processes of their own, so that their CPU and memory can be read and
//! they can be killed.

use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use grantor_server::cluster::JoinToken;
use grantor_server::config::Config;
use serde_json::{Value, json};

use crate::drive::Failure;
use crate::https::Https;
use crate::issue;

/// Runs the server of `folder` until it is stopped.
pub(crate) fn serve(folder: &Path, log: bool) -> Result<(), Failure> {
    let config = Config::read(&folder.join("grantor.toml"))?;
    if log {
        grantor_server::logging::start(&config.log);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        grantor_server::run::start(&config).await?.until_stopped().await?;
        Ok(())
    })
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A server process, killed when dropped.
pub(crate) struct Server {
    child: Option<Child>,
    /// Whether it writes a line for each event.
    logs: bool,
    pub(crate) port: u16,
    pub(crate) home: PathBuf,
}

impl Server {
    /// Starts it, for the first time or again.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(&self.home)
            .args(self.logs.then_some("--log"))
            .stderr(Stdio::from(std::fs::File::create(self.home.join("log"))?))
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends it at once, as a power cut of the process would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }

    /// Its number among processes.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One server, or several as one.
pub(crate) struct Servers {
    pub(crate) all: Vec<Server>,
    /// An administrator's token.
    pub(crate) admin: String,
    _folder: tempfile::TempDir,
}

impl Servers {
    /// Starts `count` servers with a license file of `features` features, and makes an administrator.
    pub(crate) async fn start(count: usize, features: usize) -> Result<Self, Failure> {
        Self::start_and(count, features, false).await
    }

    /// The same; with `logs`, each writes a line for each event, as the shipped server does.
    pub(crate) async fn start_and(count: usize, features: usize, logs: bool) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect::<Result<_, _>>()?;
        let token = JoinToken::new(Vec::new())?;
        let license = issue::file(features, 2_000_000)?.to_bytes();
        let mut all = Vec::new();
        for (number, port) in ports.iter().enumerate() {
            let home = folder.path().join(number.to_string());
            std::fs::create_dir_all(&home)?;
            std::fs::write(home.join("bench.lic"), &license)?;
            std::fs::write(home.join("grantor.toml"), configuration(*port, &ports))?;
            let mut private = std::fs::OpenOptions::new();
            let mut file =
                private.write(true).create(true).truncate(true).mode(0o600).open(home.join("join-token"))?;
            std::io::Write::write_all(&mut file, token.reveal().as_bytes())?;
            let mut server = Server { child: None, logs, port: *port, home };
            server.start()?;
            all.push(server);
        }
        let mut servers = Self { all, admin: String::new(), _folder: folder };
        servers.admin = servers.set_up().await?;
        servers.ready().await?;
        Ok(servers)
    }

    /// Waits until each of them serves: one that is told last that the cluster is founded closes the connections that it has by then.
    async fn ready(&self) -> Result<(), Failure> {
        let end = Instant::now() + Duration::from_secs(30);
        for server in &self.all {
            while !is_ready(server.port).await {
                if Instant::now() > end {
                    return Err(format!(
                        "the server at port {} was not ready within 30 seconds",
                        server.port
                    )
                    .into());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    async fn set_up(&self) -> Result<String, Failure> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let files = self.all.iter().map(|server| server.home.join("data/setup-token"));
            let token =
                files.filter_map(|path| std::fs::read_to_string(path).ok()).find(|token| token.len() > 40);
            if let Some(token) = token
                && let Ok(admin) = set_up(self.all.first().map_or(0, |server| server.port), &token).await
            {
                return Ok(admin);
            }
            if Instant::now() > end {
                return Err("the servers did not start within 30 seconds".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Processes of all of them.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.all.iter().filter_map(Server::id).collect()
    }

    /// Ports of all of them.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.all.iter().map(|server| server.port).collect()
    }

    /// Which one leads.
    pub(crate) async fn leader(&self) -> Result<usize, Failure> {
        let end = Instant::now() + Duration::from_secs(30);
        while self.all.len() > 1 {
            for server in &self.all {
                if let Ok(Some(port)) = leader(server.port, &self.admin).await
                    && let Some(place) =
                        self.all.iter().position(|server| server.port == port && server.id().is_some())
                {
                    return Ok(place);
                }
            }
            if Instant::now() > end {
                return Err("no server leads".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(0)
    }
}

fn configuration(port: u16, ports: &[u16]) -> String {
    let servers: Vec<String> = ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    let cluster = format!(
        "[cluster]\naddress = \"127.0.0.1:{port}\"\nservers = [{}]\ntoken_file = \"join-token\"\n",
        servers.join(", ")
    );
    format!(
        "listen = \"127.0.0.1\"\nport = {port}\ndata_dir = \"data\"\nlicense_files = [\"bench.lic\"]\nzone = \"UTC\"\napplications = \"open\"\n\
         [[publishers]]\nname = \"{}\"\nroot_keys = [\"{}\"]\n[limits]\nheartbeat_seconds = 86400\nheader_seconds = 600\nreconnect_seconds = 300\n{}",
        issue::PUBLISHER,
        issue::root_key(),
        if ports.len() > 1 { cluster } else { String::new() },
    )
}

async fn is_ready(port: u16) -> bool {
    let Ok(mut connection) = Https::open(port).await else { return false };
    matches!(connection.send("GET", "/readyz", "", None).await, Ok((200, _)))
}

async fn set_up(port: u16, token: &str) -> Result<String, Failure> {
    let body = json!({ "setup_token": token, "name": "bench", "password": "only for measuring" });
    let mut connection = Https::open(port).await?;
    let (status, body) = connection.send("POST", "/v1/admin/setup", &body.to_string(), None).await?;
    if status != 201 {
        return Err(format!("set-up: {status} {body}").into());
    }
    let body: Value = serde_json::from_str(body)?;
    Ok(body["token"].as_str().unwrap_or_default().to_owned())
}

/// Port of the server that leads by the word of the one at `port`.
async fn leader(port: u16, admin: &str) -> Result<Option<u16>, Failure> {
    let ask = async {
        let mut connection = Https::open(port).await?;
        let (_, body) = connection.send("GET", "/v1/admin/cluster", "", Some(admin)).await?;
        Ok::<Value, Failure>(serde_json::from_str(body)?)
    };
    let cluster = tokio::time::timeout(Duration::from_secs(1), ask).await??;
    let servers = cluster["servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let leads =
        servers.iter().find(|server| !cluster["leader"].is_null() && server["server"] == cluster["leader"]);
    let port = |server: &Value| server["address"].as_str()?.rsplit_once(':')?.1.parse().ok();
    Ok(leads.and_then(port))
}
