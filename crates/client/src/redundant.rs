//! The servers of one redundant set: any of them takes any request, so the next one is asked when one does not answer.
//! Goes round once for each request; who calls knows how long to go on. Safe for requests that may be repeated only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grantor_api::session::Session;

use crate::error::Error;
use crate::http::Http;
use crate::servers::Server;
use crate::trust::ServerTrust;

/// Time for a connection to one server while there are others to ask.
const CONNECT: Duration = Duration::from_millis(1500);
/// Time for an answer while there are others to ask.
const ANSWER: Duration = Duration::from_secs(4);
/// Most servers that a set may grow to: an answer must not send the client round forever.
const MOST: usize = 16;

/// How to speak to servers of a set, also to those that are met later.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) trust: ServerTrust,
    pub(crate) token: Option<String>,
    pub(crate) answer: Duration,
}

impl Access {
    fn http(&self, server: &Server) -> Result<Http, Error> {
        let http = Http::shared(server.clone(), &self.trust)?;
        Ok(http.with_token(self.token.clone()).with_timeout(self.answer))
    }
}

#[derive(Debug)]
struct Members {
    all: Vec<Http>,
    /// The one that answered last, or that leads.
    first: usize,
}

/// A redundant set.
#[derive(Debug)]
pub(crate) struct Redundant {
    access: Arc<Access>,
    members: Mutex<Members>,
}

impl Redundant {
    pub(crate) fn new(set: &[Server], access: Arc<Access>) -> Result<Self, Error> {
        let all = set.iter().map(|server| access.http(server)).collect::<Result<_, _>>()?;
        Ok(Self { access, members: Mutex::new(Members { all, first: 0 }) })
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server that is asked first.
    pub(crate) fn server(&self) -> Option<Server> {
        let members = self.members();
        members.all.get(members.first).map(|http| http.server().clone())
    }

    /// Equal for sessions that are asked for over the same connections.
    pub(crate) fn line(&self) -> u64 {
        let members = self.members();
        members.all.get(members.first).map_or(0, Http::line)
    }

    /// Asks one server after the other until one answers. Repeat with an idempotency key only.
    pub(crate) fn ask<T>(&self, ask: impl Fn(&Http) -> Result<T, Error>) -> Result<T, Error> {
        let mut errors = Vec::new();
        for http in self.round() {
            match ask(&http) {
                Err(error) if error.is_elsewhere() => errors.push(error),
                answered => {
                    self.prefer(http.server());
                    return answered;
                }
            }
        }
        Err(Error::together(errors))
    }

    /// Every member once, the preferred one first. Where there are others, none is waited for at length.
    fn round(&self) -> Vec<Http> {
        let members = self.members();
        let (before, from) = members.all.split_at(members.first.min(members.all.len()));
        let round = from.iter().chain(before).cloned();
        if members.all.len() == 1 {
            return round.collect();
        }
        round.map(|http| http.within(ANSWER).with_connect(CONNECT)).collect()
    }

    pub(crate) fn prefer(&self, server: &Server) {
        let mut members = self.members();
        if let Some(at) = members.all.iter().position(|http| http.server() == server) {
            members.first = at;
        }
    }

    /// Takes in what the server says of its set: others to ask, trusted by the same rule, and who leads. A name that
    /// can't be used is passed over: the set that was given still stands.
    pub(crate) fn learn(&self, said: &Session) {
        for server in said.servers.iter().filter_map(|name| Server::of_authority(name)) {
            let Ok(http) = self.access.http(&server) else { continue };
            let mut members = self.members();
            let is_new = members.all.iter().all(|known| *known.server() != server);
            if is_new && members.all.len() < MOST {
                members.all.push(http);
            }
        }
        if let Some(leader) = said.leader.as_deref().and_then(Server::of_authority) {
            self.prefer(&leader);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use grantor_api::{Code, Problem};

    use super::*;

    fn set(text: &str) -> Redundant {
        let servers: Vec<Server> = text.split(',').map(|entry| entry.parse().unwrap()).collect();
        let trust = ServerTrust::Pinned("00".repeat(32).parse().unwrap());
        Redundant::new(&servers, Access { trust, token: None, answer: Duration::from_secs(10) }.into())
            .unwrap()
    }

    fn session(servers: &[&str], leader: Option<&str>) -> Session {
        let now = "2026-01-01T00:00:00Z";
        let json = serde_json::json!({"session": "00".repeat(16), "heartbeat_seconds": 9, "resumed": false, "now": now,
            "grants": [], "waiting": [], "servers": servers, "leader": leader});
        serde_json::from_value(json).unwrap()
    }

    fn no(code: Code) -> Error {
        Error::Problem(Problem::new(code, "no", "no"))
    }

    /// Who is asked, in order, when all say `code`.
    fn asked(set: &Redundant, code: Code) -> Vec<String> {
        let asked = RefCell::new(Vec::new());
        let _refused = set.ask(|http| {
            asked.borrow_mut().push(http.server().to_string());
            Err::<(), Error>(no(code))
        });
        asked.into_inner()
    }

    #[test]
    fn the_next_is_asked_when_one_does_not_answer_and_the_one_that_did_comes_first_from_then_on() {
        let set = set("1@a,2@b,3@c");
        let answer =
            set.ask(|http| if http.server().host == "c" { Ok("yes") } else { Err(no(Code::Unavailable)) });
        assert_eq!(answer.unwrap(), "yes");
        assert_eq!(asked(&set, Code::Unknown), ["3@c", "1@a", "2@b"]);
    }

    #[test]
    fn a_refusal_is_an_answer_and_silence_of_all_is_told_together() {
        let set = set("1@a,2@b");
        assert_eq!(asked(&set, Code::NoSuchSession), ["1@a"]);
        let error = set.ask(|_| Err::<(), Error>(no(Code::Unavailable))).unwrap_err();
        assert!(matches!(&error, Error::NoServer(all) if all.len() == 2) && error.is_passing(), "{error}");
    }

    #[test]
    fn servers_that_an_answer_names_join_the_set_and_the_leader_is_asked_first() {
        let set = set("1@a");
        set.learn(&session(&["a:1", "b:2", "[::1]:3", "nonsense", "x:0"], Some("b:2")));
        assert_eq!(asked(&set, Code::Unavailable), ["2@b", "3@[::1]", "1@a"]);
        let many: Vec<String> = (1..100).map(|port| format!("h:{port}")).collect();
        set.learn(&session(&many.iter().map(String::as_str).collect::<Vec<_>>(), Some("nobody:1")));
        assert_eq!(asked(&set, Code::Unavailable).len(), MOST);
    }
}
