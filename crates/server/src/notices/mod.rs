//! Notices on their way to people and programs. The site says what is to be told and through which channels; the server that leads
//! sends it and has that written down, so each notice goes through each channel once, whoever leads when. Only when a
//! server dies between the two does a notice go twice, with the same id. Also sees which servers are lost.

mod channels;
mod servers;
mod setting;
mod words;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use grantor_site::Command;
use grantor_site::notices::Notice;
use grantor_web::post::Unsent;
use tokio::time::Instant;

pub(crate) use self::channels::Channels;
use self::channels::Told;
use self::servers::Watch;
pub use self::setting::{Hook, Setting};
pub(crate) use self::words::{body, subject};
use crate::clock::instant;
use crate::http::App;

/// How often the site is asked for notices.
const LOOK: Duration = Duration::from_secs(1);
/// A channel that fails is tried again after this, and after twice as long each time it fails again.
const AGAIN: Duration = Duration::from_secs(5);
/// At least so often.
const SELDOM: Duration = Duration::from_secs(15 * 60);
/// A notice that could not be sent for so long is given up: in seconds.
const HOPELESS: u64 = 3 * 24 * 3600;
/// Notices sent at one look.
const BATCH: usize = 100;

/// A channel that failed.
struct Failing {
    times: u32,
    not_before: Instant,
}

/// Sends what waits, as long as this server leads, until it stops.
pub(crate) async fn look_after(app: App) {
    let mut stop = app.stop.subscribe();
    let (mut failing, mut watch) = (HashMap::new(), Watch::default());
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if app.is_open.load(Ordering::SeqCst) {
            watch.look(&app).await;
            send_waiting(&app, &mut failing).await;
        } else {
            (failing, watch) = (HashMap::new(), Watch::default());
        }
    }
}

async fn send_waiting(app: &App, failing: &mut HashMap<Box<str>, Failing>) {
    let waiting: Vec<Notice> = app
        .consensus
        .look(|site| site.notices().filter(|notice| !notice.open.is_empty()).take(BATCH).cloned().collect());
    for notice in waiting {
        let told = told(app, &notice);
        for channel in &notice.open {
            // After a failure nothing overtakes: a channel's notices come in their order.
            if failing.get(channel).is_some_and(|failing| Instant::now() < failing.not_before) {
                continue;
            }
            let now = app.now();
            let sent = app.rules().channels.send(channel, &told, now.0 / 1000).await;
            let age = now.millis_since(notice.at) / 1000;
            let Some(problem) = judge(failing, channel, sent, age) else { continue };
            let mark = Command::MarkTold { number: notice.number, channel: channel.clone(), problem };
            if let Err(failure) = app.propose(mark).await {
                tracing::warn!("a notice went out, and that could not be written down: {}", failure.0.detail);
                return;
            }
        }
    }
}

/// Whether the site is to be told, and of which problem; `None` = it is tried again.
#[expect(clippy::option_option, reason = "done, never to be done, and to be tried again")]
fn judge(
    failing: &mut HashMap<Box<str>, Failing>,
    channel: &str,
    sent: Result<(), Unsent>,
    age: u64,
) -> Option<Option<Box<str>>> {
    let Err(unsent) = sent else {
        failing.remove(channel);
        return Some(None);
    };
    let is_over = unsent.refused || age > HOPELESS;
    tracing::warn!(channel, problem = unsent.message, given_up = is_over, "a notice was not sent");
    if is_over {
        return Some(Some(unsent.message.into()));
    }
    let times = failing.get(channel).map_or(0, |failing| failing.times);
    let wait = AGAIN.saturating_mul(2_u32.saturating_pow(times)).min(SELDOM);
    failing.insert(
        channel.into(),
        Failing { times: times.saturating_add(1), not_before: Instant::now() + wait },
    );
    None
}

fn told(app: &App, notice: &Notice) -> Told {
    let cluster = app.consensus.identity().cluster.to_string();
    Told {
        id: format!("notice-{}@{}.grantor", notice.number, cluster.to_lowercase()),
        kind: notice.about.kind(),
        tenant: notice.about.tenant().map(ToString::to_string),
        at: instant(notice.at).to_string(),
        subject: format!("[Grantor] {}", subject(&notice.about)),
        body: body(&notice.about, app.rules().loader.zone(), &app.servers_or_self()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(refused: bool) -> Result<(), Unsent> {
        Err(Unsent { message: "no".to_owned(), refused })
    }

    #[test]
    fn a_channel_that_fails_is_tried_ever_more_seldom_and_given_up_after_three_days_or_a_refusal() {
        let mut failing = HashMap::new();
        assert_eq!(judge(&mut failing, "mail a", Ok(()), 0), Some(None));
        let mut waits = Vec::new();
        for _ in 0..10 {
            let before = Instant::now();
            assert_eq!(judge(&mut failing, "mail a", failure(false), 60), None);
            waits.push((failing["mail a"].not_before - before).as_secs());
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(judge(&mut failing, "mail a", failure(false), HOPELESS + 1), Some(Some("no".into())));
        assert_eq!(judge(&mut failing, "mail b", failure(true), 0), Some(Some("no".into())));
        assert_eq!(judge(&mut failing, "mail a", Ok(()), 0), Some(None));
        assert!(!failing.contains_key("mail a"));
    }
}
