//! What a browser was asked, kept until its answer comes, and used once. In memory of the server that leads: when another one
//! takes the lead, whoever was in the middle of it begins anew. Nothing of a stranger's reaches the log by this.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use grantor_api::{Code, Problem};
use grantor_site::access::Secret;
use grantor_site::people::{Proof, Second};
use grantor_web::providers;

use crate::http::{App, Failure};
use crate::secret;

/// How long an answer may take.
const TIME: Duration = Duration::from_secs(10 * 60);
/// Most questions at a time.
const MOST: usize = 10_000;

/// What a browser was sent to another house for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To sign in.
    SignIn,
    /// To link the account there to this person.
    Link(String),
    /// To take the invitation with this hash.
    Invitation(Secret),
}

/// What is kept until it comes back from there.
#[derive(Clone)]
pub(crate) struct Began {
    pub(crate) provider: String,
    pub(crate) purpose: Purpose,
    /// The hash of what the browser's cookie has: nobody is signed in by what somebody else began.
    pub(crate) browser: String,
    pub(crate) next: String,
    pub(crate) kept: providers::Kept,
}

/// What was asked.
#[derive(Clone)]
pub(crate) enum Question {
    /// For a code beside what was right already.
    Code { person: String, proof: Proof },
    /// For a new passkey of this person, known by the handle.
    NewPasskey { person: String, handle: [u8; 16], state: Vec<u8> },
    /// For any passkey.
    Passkey { state: Vec<u8> },
    /// Another house, who this is.
    Elsewhere(Box<Began>),
}

impl Question {
    /// What was right already, with the code that was missing.
    pub(crate) fn with_code(proof: Proof, second: Second) -> Proof {
        match proof {
            Proof::Password(_) => Proof::Password(second),
            Proof::Elsewhere { account, links, is_enough, .. } => {
                Proof::Elsewhere { account, links, is_enough, second }
            }
            other => other,
        }
    }
}

#[derive(Default)]
pub(crate) struct Asked(Mutex<BTreeMap<Secret, (Question, Instant)>>);

fn over() -> Failure {
    Problem::new(Code::NotSignedIn, "that was too late", "the answer was given already, or took too long")
        .hint("begin once more")
        .into()
}

impl Asked {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<Secret, (Question, Instant)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what is asked; gives the secret that brings the answer back.
    pub(crate) fn keep(&self, question: Question) -> Result<String, Failure> {
        let (text, _) = secret::new_token().map_err(|_| App::confused())?;
        self.keep_as(&text, question)?;
        Ok(text)
    }

    /// Keeps what is asked under a secret that is chosen already.
    pub(crate) fn keep_as(&self, text: &str, question: Question) -> Result<(), Failure> {
        let is_kept = self.with(|asked| {
            if asked.len() >= MOST {
                asked.retain(|_, (_, since)| since.elapsed() < TIME);
            }
            let has_room = asked.len() < MOST;
            if has_room {
                asked.insert(secret::hash(text), (question, Instant::now()));
            }
            has_room
        });
        if is_kept {
            return Ok(());
        }
        let problem = Problem::new(Code::Busy, "the server is busy", "too many people sign in at a time");
        Err(problem.hint("try again in a minute").into())
    }

    /// What was asked; it may be answered once more.
    pub(crate) fn look(&self, text: &str) -> Result<Question, Failure> {
        let found = self.with(|asked| asked.get(&secret::hash(text)).cloned());
        found.filter(|(_, since)| since.elapsed() < TIME).map(|(question, _)| question).ok_or_else(over)
    }

    /// Takes what was asked; nobody else can after that.
    pub(crate) fn take(&self, text: &str) -> Result<Question, Failure> {
        let found = self.with(|asked| asked.remove(&secret::hash(text)));
        found.filter(|(_, since)| since.elapsed() < TIME).map(|(question, _)| question).ok_or_else(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_once_and_only_by_who_was_asked() {
        let asked = Asked::default();
        let text = asked.keep(Question::Passkey { state: vec![1] }).unwrap();
        assert!(asked.take("grt_of_somebody_else").is_err());
        assert!(asked.look(&text).is_ok() && asked.take(&text).is_ok());
        assert!(asked.look(&text).is_err() && asked.take(&text).is_err());
    }

    #[test]
    fn there_is_room_for_so_many_questions_and_no_more() {
        let asked = Asked::default();
        for _ in 0..MOST {
            asked.keep(Question::Passkey { state: Vec::new() }).unwrap();
        }
        assert_eq!(asked.keep(Question::Passkey { state: Vec::new() }).err().unwrap().0.code, Code::Busy);
    }
}
