//! What the servers' clocks say of each other: a leader takes the site's time from a majority of them, and a server whose
//! wall clock leapt asks whether another one vouches for it. Reckons nothing itself: see [`crate::clock`].

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use grantor_site::{Command, Timestamp};

use super::Member;
use super::wire::FromMember;
use crate::clock::Wrong;
use crate::http::App;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks pass before a leader compares clocks though its own seems right. Time is right to much less than a
/// minute.
const COMPARE: u32 = 20;
/// Time for the others to tell their time.
const PATIENCE: Duration = Duration::from_millis(500);

/// A peer asks for this server's own time, in milliseconds since 1970.
pub(crate) async fn own(State(app): State<App>, _: FromMember) -> Json<i64> {
    Json(app.clock.own().0)
}

/// Watches the clock, whether this server leads or not.
pub(crate) async fn look_after(app: App) {
    let mut stop = app.stop.subscribe();
    let (mut looks, mut warned) = (0_u32, false);
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        app.clock.has_seen(app.consensus.view().now());
        looks = looks.wrapping_add(1);
        if app.is_open.load(std::sync::atomic::Ordering::SeqCst) {
            watch_lead(&app, looks.is_multiple_of(COMPARE)).await;
        } else if app.clock.has_leapt() {
            app.clock.vouched(&ask(&app, usize::MAX).await);
            let wrong = app.clock.has_leapt();
            if wrong && !warned {
                tracing::warn!(
                    "this server's wall clock has leapt, and no other server's stands there: it is not followed"
                );
            }
            warned = wrong;
        }
    }
}

/// The leader's clock: followed as far as a majority's go, told of when it is off.
async fn watch_lead(app: &App, compare: bool) {
    if !app.clock.is_doubtful() && !compare {
        return;
    }
    // Too few answered: nothing is said of a clock that nobody was asked about.
    if !settle(app).await {
        return;
    }
    let report = match app.clock.wrong() {
        Some(Wrong::Behind(wall)) => Command::ReportClockSetBack { wall },
        Some(Wrong::Ahead(wall)) => Command::ReportClockSetAhead { wall },
        None => return,
    };
    if let Err(failure) = app.propose(report).await {
        tracing::warn!("the wall clock is wrong, and that could not be written down: {}", failure.0.detail);
    }
}

/// Takes the site's time from a majority of the servers with a vote. `false`: too few of them answered.
pub(crate) async fn settle(app: &App) -> bool {
    let voters = app.consensus.members().values().filter(|seen| seen.votes).count();
    let majority = voters / 2 + 1;
    // With doubts all are asked: of two that answer, the one whose clock is right may be the second.
    app.clock.settle(&ask(app, voters.saturating_sub(1)).await, majority)
}

/// The own time of up to `enough` other servers with a vote; those who don't answer in time are left out.
async fn ask(app: &App, enough: usize) -> Vec<Timestamp> {
    let seen = app.consensus.members();
    let others = seen.iter().filter(|(server, seen)| **server != app.consensus.server() && seen.votes);
    let members: Vec<Member> = others.filter_map(|(_, seen)| seen.node.parse().ok()).collect();
    let asked: FuturesUnordered<_> =
        members.iter().map(|member| app.cluster.ask(member, "/peer/clock", &())).collect();
    let mut told =
        asked.filter_map(async |answer| serde_json::from_slice(&answer.ok()?).ok()).map(Timestamp).boxed();
    let (mut clocks, until) = (Vec::new(), tokio::time::Instant::now() + PATIENCE);
    while clocks.len() < enough
        && let Ok(Some(clock)) = tokio::time::timeout_at(until, told.next()).await
    {
        clocks.push(clock);
    }
    clocks
}
