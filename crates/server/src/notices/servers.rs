//! Which servers of the cluster are lost, as the leader sees it: whoever gave no sign of life for so long. Tells the site when that
//! changes; the site makes the notice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use grantor_site::Command;
use grantor_site::notices::ServerIs;
use tokio::time::Instant;

use crate::cluster::Member;
use crate::http::App;

/// How often the others are asked for a sign of life.
const ASK: Duration = Duration::from_secs(2);

/// When each of the other servers was last heard of.
#[derive(Default)]
pub(super) struct Watch {
    heard: BTreeMap<String, Instant>,
    asked: Option<Instant>,
}

impl Watch {
    /// Asks the others, if it is time to.
    pub(super) async fn look(&mut self, app: &App) {
        let now = Instant::now();
        if self.asked.is_some_and(|asked| now < asked + ASK) {
            return;
        }
        self.asked = Some(now);
        let others: Vec<Member> = others(app);
        let alive = alive(app, &others).await;
        let silence = Duration::from_secs(app.rules().channels.setting.silence_seconds.into());
        let lost: BTreeSet<String> =
            app.consensus.look(|site| site.lost_servers().map(str::to_owned).collect());
        let addresses: BTreeSet<String> = others.into_iter().map(|member| member.address).collect();
        for (server, is) in self.changes(&addresses, &alive, &lost, now, silence) {
            report(app, server, is).await;
        }
    }

    /// What the site does not know yet. A new leader gives everybody the whole time again.
    fn changes(
        &mut self,
        others: &BTreeSet<String>,
        alive: &BTreeSet<String>,
        lost: &BTreeSet<String>,
        now: Instant,
        silence: Duration,
    ) -> Vec<(String, ServerIs)> {
        self.heard.retain(|server, _| others.contains(server));
        let mut changes: Vec<(String, ServerIs)> =
            lost.difference(others).map(|server| (server.clone(), ServerIs::Removed)).collect();
        for server in others {
            let heard = self.heard.entry(server.clone()).or_insert(now);
            if alive.contains(server) {
                *heard = now;
            }
            match (now.duration_since(*heard) >= silence, lost.contains(server)) {
                (true, false) => changes.push((server.clone(), ServerIs::Lost)),
                (false, true) if alive.contains(server) => changes.push((server.clone(), ServerIs::Back)),
                _ => {}
            }
        }
        changes
    }
}

fn others(app: &App) -> Vec<Member> {
    let seen = app.consensus.members();
    let others = seen.iter().filter(|(server, _)| **server != app.consensus.server());
    others.filter_map(|(_, seen)| seen.node.parse().ok()).collect()
}

/// Those who answer in time.
async fn alive(app: &App, others: &[Member]) -> BTreeSet<String> {
    let answers = futures::future::join_all(others.iter().map(|member| is_alive(app, member))).await;
    let alive = others.iter().zip(answers).filter(|(_, is_alive)| *is_alive);
    alive.map(|(member, _)| member.address.clone()).collect()
}

async fn is_alive(app: &App, member: &Member) -> bool {
    let answer = tokio::time::timeout(ASK, app.cluster.ask(member, "/peer/clock", &())).await;
    answer.is_ok_and(|answer| answer.is_ok())
}

async fn report(app: &App, server: String, is: ServerIs) {
    if let Err(failure) = app.propose(Command::ReportServer { server: server.into(), is }).await {
        tracing::warn!("how a server is could not be written down: {}", failure.0.detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_server_is_lost_after_its_silence_and_back_at_its_first_sign_of_life() {
        let (mut watch, start, silence) = (Watch::default(), Instant::now(), Duration::from_secs(30));
        let others = set(&["b", "c"]);
        let mut at = |seconds: u64, alive: &[&str], lost: &[&str]| {
            let now = start + Duration::from_secs(seconds);
            watch.changes(&others, &set(alive), &set(lost), now, silence)
        };
        assert_eq!(at(0, &["b"], &[]), []);
        assert_eq!(at(29, &["b"], &[]), []);
        assert_eq!(at(30, &["b"], &[]), [("c".to_owned(), ServerIs::Lost)]);
        assert_eq!(at(40, &["b"], &["c"]), []);
        assert_eq!(at(50, &["b", "c"], &["c"]), [("c".to_owned(), ServerIs::Back)]);
        assert_eq!(at(60, &["b", "c"], &["d"]), [("d".to_owned(), ServerIs::Removed)]);
    }

    #[tokio::test]
    async fn a_new_leader_gives_a_lost_server_no_second_notice_and_a_living_one_the_whole_time() {
        let (mut watch, now, silence) = (Watch::default(), Instant::now(), Duration::from_secs(30));
        assert_eq!(watch.changes(&set(&["b"]), &set(&[]), &set(&["b"]), now, silence), []);
        let later = now + Duration::from_secs(31);
        assert_eq!(watch.changes(&set(&["b"]), &set(&[]), &set(&["b"]), later, silence), []);
    }
}
