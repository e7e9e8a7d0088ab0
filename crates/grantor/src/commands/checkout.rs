//! `grantor checkout`: seats are held while a command runs, and its exit code is passed on.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use grantor_client::{Client, Event, Seats};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::{Checkout, OnLoss};
use crate::commands::remote;
use crate::failure::{Exit, Failure};
use crate::output;

/// Takes the seats, runs the command, gives the seats back.
pub(crate) fn run(args: &Checkout) -> Result<ExitCode, Failure> {
    let child = Arc::new(AtomicI32::new(0));
    let client = connect(args, &child)?;
    let seats = take(&client, args)?;
    let status = run_command(args, &child);
    if let Err(error) = seats.give_back() {
        output::error(&format!("warning: the seats were not given back: {error}"));
    }
    client.close()?;
    Ok(exit_code(status?))
}

fn connect(args: &Checkout, child: &Arc<AtomicI32>) -> Result<Client, Failure> {
    let servers = remote::servers(&args.at)?;
    let token = servers.iter().find_map(remote::token);
    let (on_loss, child) = (args.on_loss, child.clone());
    let mut builder =
        Client::builder("grantor checkout").servers(servers).trust(remote::trust(&args.at)?).listen();
    builder = builder.on_event(move |event| tell(&event, on_loss, &child));
    if let Some(seconds) = args.heartbeat {
        builder = builder.heartbeat(Duration::from_secs(seconds.into()));
    }
    if let Some(token) = token {
        builder = builder.token(&token);
    }
    if args.root.is_empty() {
        builder = builder.any_publisher();
    }
    for root in &args.root {
        let (publisher, key) = super::license::root(root)?;
        builder = builder.publisher(&publisher, &key);
    }
    Ok(builder.connect()?)
}

fn take(client: &Client, args: &Checkout) -> Result<Seats, Failure> {
    let mut checkout = client.checkout(&args.feature, args.feature_version.as_deref().unwrap_or_default());
    checkout = match (args.up_to, args.all_left) {
        (Some(most), _) => checkout.up_to(most),
        (None, true) => checkout.all_left(),
        (None, false) => checkout.count(args.count),
    };
    if let Some(seconds) = args.queue {
        checkout = checkout.queue(Duration::from_secs(seconds.into()));
    }
    if let Some(token) = args.reservation {
        checkout = checkout.reservation(token);
    }
    let seats = checkout.take()?;
    output::error(&format!("{} of `{}` {} checked out", seats.count(), seats.feature(), seats.version()));
    Ok(seats)
}

fn tell(event: &Event, on_loss: OnLoss, child: &AtomicI32) {
    let lost = match event {
        Event::Revoked { feature, reason, .. } => {
            format!("the seats of `{feature}` were taken away: {reason}")
        }
        Event::SessionLost { reason } => format!("the seats are lost: {reason}"),
        Event::ServerSilent { since, .. } => {
            return output::error(&format!("warning: the license server is silent since {since}"));
        }
        Event::Resumed => return output::error("the license server answers again"),
        _ => return,
    };
    output::error(&format!("warning: {lost}"));
    if on_loss == OnLoss::Terminate {
        send(child, Signal::TERM);
    }
}

fn send(child: &AtomicI32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(child.load(Ordering::SeqCst)) {
        // It may have ended a moment ago.
        let _gone = kill_process(pid, signal);
    }
}

fn run_command(args: &Checkout, pid: &Arc<AtomicI32>) -> Result<ExitStatus, Failure> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::new(Exit::Usage, "there is no command to run"));
    };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let cannot = |error| {
        Failure::new(Exit::Usage, format!("`{program}` can't be run: {error}"))
            .hint("the command stands behind `--`")
    };
    let mut child: Child = Command::new(program).args(arguments).spawn().map_err(cannot)?;
    pid.store(i32::try_from(child.id()).unwrap_or(0), Ordering::SeqCst);
    let (passing, to) = (signals.handle(), pid.clone());
    let passer = std::thread::spawn(move || {
        // The terminal sends SIGINT to the child itself; the others are for us alone, and the child should know.
        for signal in signals.forever().filter(|signal| *signal != SIGINT) {
            send(&to, if signal == SIGHUP { Signal::HUP } else { Signal::TERM });
        }
    });
    let status = child.wait();
    pid.store(0, Ordering::SeqCst);
    passing.close();
    if passer.join().is_err() {
        output::error("warning: signals were not passed on");
    }
    Ok(status?)
}

/// The command's own, or 128 and the signal that ended it, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
