//! The demo's applications: threads with the SDK, as a T-Server, a router or an agent's desktop would use it, and one real
//! process that crashes.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use grantor_client::{Client, Error, Event, Seats, Server as Address, ServerTrust, Servers};

use super::Publisher;
use super::server::Server;
use crate::failure::{Exit, Failure};
use crate::output;

/// What an application asks for.
enum Wish {
    Just(u32),
    UpTo(u32),
    AllLeft,
}

/// An application: its name, who and where it is, and what it asks for.
struct App {
    name: &'static str,
    user: String,
    feature: &'static str,
    version: &'static str,
    wish: Wish,
}

/// A dozen of them. The desktops want more seats than were ordered; two ask for what is not licensed.
fn cast() -> Vec<App> {
    let app = |name, user: &str, feature, version, wish| App {
        name,
        user: user.to_owned(),
        feature,
        version,
        wish,
    };
    let mut cast = vec![
        app("T-Server", "tserver_1", "tserver_sdn", "8.0", Wish::Just(40)),
        app("T-Server", "tserver_2", "tserver_sdn", "8.0", Wish::Just(30)),
        app("T-Server", "tserver_3", "tserver_sdn", "8.0", Wish::UpTo(50)),
        app("Universal Routing Server", "urs", "router_seats", "8.0", Wish::AllLeft),
        app("T-Server 9", "tserver_9", "tserver_sdn", "9.0", Wish::Just(1)),
        app("Mistyped", "typo", "tserver_snd", "8.0", Wish::Just(1)),
    ];
    cast.extend((1..=6).map(|number| {
        app("Agent desktop", &format!("agent_{number}"), "desktop_agent", "7.0", Wish::Just(1))
    }));
    cast
}

/// Says when the applications may go.
type Curtain = Arc<(Mutex<bool>, Condvar)>;

/// The applications at work.
pub(super) struct Apps {
    threads: Vec<JoinHandle<()>>,
    curtain: Curtain,
    lines: Receiver<String>,
    crasher: Option<Child>,
    told: Vec<String>,
}

impl Apps {
    /// Lets them loose, one after the other so that the story is the same each time.
    pub(super) fn start(server: &Server, publishers: &[Publisher]) -> Result<Self, Failure> {
        let (tell, lines) = channel();
        let curtain = Curtain::default();
        let keys: Arc<Vec<(String, String)>> = Arc::new(
            publishers.iter().map(|publisher| (publisher.name.clone(), publisher.root_key.clone())).collect(),
        );
        let mut apps = Self {
            threads: Vec::new(),
            curtain,
            lines,
            crasher: Some(crasher(server, publishers)?),
            told: Vec::new(),
        };
        apps.wait_for_crasher(server)?;
        for app in cast() {
            let (address, trust, keys) = (server.address.clone(), server.trust.clone(), keys.clone());
            let (tell, curtain) = (tell.clone(), apps.curtain.clone());
            apps.threads.push(std::thread::spawn(move || play(&app, address, trust, &keys, &tell, &curtain)));
            apps.hear(Duration::from_secs(20));
        }
        Ok(apps)
    }

    /// Waits for the next application's word.
    fn hear(&mut self, time: Duration) {
        if let Ok(line) = self.lines.recv_timeout(time) {
            output::data(&line);
            self.told.push(line);
        }
    }

    fn wait_for_crasher(&mut self, server: &Server) -> Result<(), Failure> {
        let end = Instant::now() + Duration::from_secs(20);
        while held(server, "vcb_full")? == 0 {
            if Instant::now() > end {
                return Err(Failure::new(Exit::NoServer, "the application that is to crash did not start"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A working day for the live picture: supervisors come and go, lines are opened and closed.
    pub(super) fn keep_busy(&mut self, server: &Server, publishers: &[Publisher]) {
        let keys: Vec<(String, String)> =
            publishers.iter().map(|publisher| (publisher.name.clone(), publisher.root_key.clone())).collect();
        let busy = [
            ("DESKTOP_SUPERVISOR", "7.0", 1, 1500),
            ("DESKTOP_SUPERVISOR", "7.0", 2, 2300),
            ("tserver_tdn", "8.0", 250_000, 3100),
        ];
        for (number, (feature, version, most, pause)) in busy.into_iter().enumerate() {
            let user = format!("busy_{number}");
            let app = App { name: "Day's work", user, feature, version, wish: Wish::UpTo(most) };
            let (address, trust, keys, curtain) =
                (server.address.clone(), server.trust.clone(), keys.clone(), self.curtain.clone());
            self.threads.push(std::thread::spawn(move || {
                come_and_go(&app, &address, &trust, &keys, Duration::from_millis(pause), &curtain);
            }));
        }
    }

    /// Kills the process that holds a seat, and waits until the server has noticed.
    pub(super) fn crash(&mut self, server: &Server) -> Result<Duration, Failure> {
        let Some(mut child) = self.crasher.take() else { return Ok(Duration::ZERO) };
        let sessions = server.status()?.sessions;
        // The command that it ran goes with it: it is in the same process group.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, Signal::KILL).map_err(std::io::Error::from)?;
        }
        child.wait()?;
        let start = Instant::now();
        while server.status()?.sessions >= sessions {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(Failure::new(Exit::Refused, "the server did not notice the crash")
                    .hint("please report this"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(start.elapsed())
    }

    /// What they have met with.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    /// Lets them go: each gives back what it holds.
    pub(super) fn stop(&mut self) {
        let (lock, bell) = &*self.curtain;
        *lock.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                output::error("warning: an application of the demo panicked");
            }
        }
    }
}

fn held(server: &Server, feature: &str) -> Result<u32, Failure> {
    let status = server.status()?;
    Ok(status.features.iter().find(|known| known.feature == feature).map_or(0, |known| known.in_use))
}

/// `grantor checkout` around a command that would run for long; it is killed later.
fn crasher(server: &Server, publishers: &[Publisher]) -> Result<Child, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["checkout", "-c", &server.address.to_string(), "--cert", &server.certificate()]);
    for publisher in publishers {
        command.arg("--root").arg(format!("{}={}", publisher.name, publisher.root_key));
    }
    command.args(["--heartbeat", "5", "vcb_full", "--version", "7.0", "--", "sleep", "600"]);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(server.log_file("crasher.log")?).spawn()?)
}

fn play(
    app: &App,
    address: Address,
    trust: ServerTrust,
    keys: &[(String, String)],
    tell: &Sender<String>,
    curtain: &Curtain,
) {
    let told = match take(app, address, trust, keys) {
        Ok((client, seats)) => {
            say(app, tell, &format!("holds {} of {}", seats.count(), seats.feature()));
            wait_for(curtain);
            seats.give_back().and_then(|_| client.close())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        say(app, tell, &refusal(&error));
    }
}

fn take(
    app: &App,
    address: Address,
    trust: ServerTrust,
    keys: &[(String, String)],
) -> Result<(Client, Seats), Error> {
    let servers = Servers::parse(&address.to_string())?;
    let mut builder = Client::builder(app.name)
        .servers(servers)
        .trust(trust)
        .user(&app.user)
        .on_event(|event: Event| drop(event));
    for (name, key) in keys {
        builder = builder.publisher(name, key);
    }
    let client = builder.connect()?;
    let checkout = client.checkout(app.feature, app.version);
    let seats = match app.wish {
        Wish::Just(count) => checkout.count(count),
        Wish::UpTo(most) => checkout.up_to(most),
        Wish::AllLeft => checkout.all_left(),
    };
    Ok((client, seats.take()?))
}

/// Takes seats and gives them back in turn until the curtain falls.
fn come_and_go(
    app: &App,
    address: &Address,
    trust: &ServerTrust,
    keys: &[(String, String)],
    pause: Duration,
    curtain: &Curtain,
) {
    loop {
        let held = take(app, address.clone(), trust.clone(), keys);
        if is_over_within(curtain, pause) {
            return;
        }
        // Giving back may fail when the server is gone; the next round finds out.
        let _given = held.map(|(client, seats)| seats.give_back().and_then(|_| client.close()));
        if is_over_within(curtain, pause / 2) {
            return;
        }
    }
}

fn is_over_within(curtain: &Curtain, time: Duration) -> bool {
    let (lock, bell) = &**curtain;
    let over = lock.lock().unwrap_or_else(PoisonError::into_inner);
    let (over, _) =
        bell.wait_timeout_while(over, time, |over| !*over).unwrap_or_else(PoisonError::into_inner);
    *over
}

fn say(app: &App, tell: &Sender<String>, what: &str) {
    // The demo may be over.
    let _heard = tell.send(format!("{:26} {:10} {what}", app.name, app.user));
}

/// The refusal in one line, with what would help.
fn refusal(error: &Error) -> String {
    match error {
        Error::Problem(problem) => {
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("refused: {}{hint}", problem.detail)
        }
        other => format!("failed: {other}"),
    }
}

fn wait_for(curtain: &Curtain) {
    let (lock, bell) = &**curtain;
    let mut over = lock.lock().unwrap_or_else(PoisonError::into_inner);
    while !*over {
        over = bell.wait(over).unwrap_or_else(PoisonError::into_inner);
    }
}
