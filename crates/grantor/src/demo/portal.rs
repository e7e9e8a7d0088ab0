//! The demo's publisher: a signer and a portal as processes of their own, an order booked there, and the license server that
//! activates it. Everything by the commands that a user has.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::server::{Server, free_port};
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Whose catalogue the order is of: its licenses count once they are activated.
pub(super) const PUBLISHER: &str = "wfo";
/// The order that is booked.
const ORDERS: &str =
    "order,account,site,catalogue,part,quantity\nSO-1,ACME,Antwerp,wfo,Interaction Recording,20\n";

/// A running signer and portal.
pub(super) struct Portal {
    folder: PathBuf,
    port: u16,
    signer: Child,
    pages: Option<Child>,
}

impl Portal {
    /// Starts both, with the publisher's `keys`, and books the order; gives its license reference number.
    pub(super) fn start(folder: &Path, keys: &Path) -> Result<(Self, String), Failure> {
        super::story::heading("The publisher's portal books an order");
        let folder = folder.join("portal");
        std::fs::create_dir_all(&folder).at(&folder)?;
        write_private(&folder.join("passphrase"), &super::random_text()?)?;
        let keys = keys.display().to_string();
        run(&folder, &["signer", "init", "signer", "--keys", &keys, "--passphrase-file", "passphrase"])?;
        let signer =
            spawn(&folder, &["signer", "run", "signer", "--passphrase-file", "passphrase"], "signer.log")?;
        let port = free_port()?;
        let mut portal = Self { folder, port, signer, pages: None };
        portal.wait_for("signer.log", "signing at")?;
        portal.run(&["portal", "catalogue", "load"])?;
        portal.run(&["portal", "account", "add", "ACME", "Acme Insurance"])?;
        portal.run(&["portal", "site", "add", "ACME", "Antwerp"])?;
        portal.write("orders.csv", ORDERS)?;
        let booked = portal.run(&["portal", "order", "import", "orders.csv", "--book"])?;
        output::raw(&booked);
        let lrn = booked.split_whitespace().nth(1).unwrap_or_default().to_owned();
        portal.write(
            "portal.toml",
            &format!("listen = \"127.0.0.1:{port}\"\naddress = \"https://localhost:{port}\"\nstaff_shows_codes = false\n"),
        )?;
        portal.pages =
            Some(spawn(&portal.folder, &["portal", "serve", "--config", "portal.toml"], "portal.log")?);
        portal.wait_for("portal.log", "certificate SHA-256")?;
        output::data(&format!(
            "The portal is at https://localhost:{port}, and its signer signs what is in its log."
        ));
        Ok((portal, lrn))
    }

    /// The license server activates the order: the portal's signed file comes to its other files, and is loaded.
    pub(super) fn activate(&self, server: &Server, lrn: &str) -> Result<(), Failure> {
        super::story::heading("The license server activates it");
        let at = format!("localhost:{}", self.port);
        let certificate = self.folder.join("portal-data").join("server.crt").display().to_string();
        let portal = ["--portal", &at, "--portal-cert", &certificate];
        let file = server.folder().join("licenses").join("activated.lic").display().to_string();
        let (address, own) = (server.address.to_string(), server.certificate());
        let way = ["-c", &address, "--cert", &own];
        let features = server.status()?.features.len();
        let told = self
            .as_administrator(server, &[&["activate", lrn, "--output", &file], &portal[..], &way].concat())?;
        output::data(told.lines().next().unwrap_or_default());
        self.as_administrator(server, &[&["reread"][..], &way].concat())?;
        let more = server.status()?.features.len().saturating_sub(features);
        let plural = if more == 1 { "feature" } else { "features" };
        output::data(&format!("The license server has {more} more {plural}."));
        let report = self.as_administrator(server, &[&["license", "report"], &portal[..], &way].concat())?;
        output::raw(&format!("What it has loaded, as the portal sees it: {report}"));
        Ok(())
    }

    /// A link to the portal's pages for an administrator of the demo's.
    pub(super) fn invite(&self) -> Result<String, Failure> {
        let address = format!("https://localhost:{}", self.port);
        let person = ["portal", "person", "add", "demo@example.com", "Demo", "--role", "administrator"];
        let link = self.run(&[&person[..], &["--address", &address]].concat())?;
        Ok(link.trim().to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        run(&self.folder, arguments)
    }

    fn as_administrator(&self, server: &Server, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = command(&self.folder, arguments)?;
        done(command.env("GRANTOR_TOKEN", server.token()), arguments)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).at(&path)
    }

    /// Waits until a process has said so.
    fn wait_for(&self, log: &str, word: &str) -> Result<(), Failure> {
        let (path, end) = (self.folder.join(log), Instant::now() + Duration::from_secs(30));
        while !std::fs::read_to_string(&path).at(&path)?.contains(word) {
            if Instant::now() > end {
                return Err(Failure::new(Exit::NoServer, "the portal or its signer did not start")
                    .hint(format!("see `{}`", path.display())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        // Killed at any time, both go on where they were: nothing is lost.
        for child in self.pages.iter_mut().chain([&mut self.signer]) {
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).at(path)?;
    file.write_all(text.as_bytes()).at(path)
}

/// This program again, on the portal's books. Relative names keep the socket's path short.
fn command(folder: &Path, arguments: &[&str]) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    // A process group of its own: Ctrl-C is for the demo.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
        .args(arguments)
        .current_dir(folder)
        .env("GRANTOR_PORTAL_DATABASE", "portal.db")
        .env("GRANTOR_SIGNER", "signer/signer.sock")
        .stdin(Stdio::null());
    Ok(command)
}

/// What a command of the demo says; it must go well.
fn run(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    done(&mut command(folder, arguments)?, arguments)
}

fn done(command: &mut Command, arguments: &[&str]) -> Result<String, Failure> {
    let output = command.output()?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let told = said(&output.stderr);
        return Err(Failure::new(Exit::Refused, format!("grantor {name}: {}", told.trim_end()))
            .hint("please report this"));
    }
    let told = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    Ok(said(told))
}

fn spawn(folder: &Path, arguments: &[&str], log: &str) -> Result<Child, Failure> {
    let path = folder.join(log);
    let log = std::fs::File::create(&path).at(&path)?;
    Ok(command(folder, arguments)?.stdout(Stdio::null()).stderr(log).spawn()?)
}
