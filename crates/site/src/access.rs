//! Who may administer a site: the set-up token, scoped tokens, and administrators of before people had roles (see
//! [`crate::people`]). Holds only hashes; making secrets and checking passwords is the server's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::outcome::{Refusal, Reply};
use crate::people::People;
use crate::time::Timestamp;

/// SHA-256 of a random token of at least 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Secret(pub [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything, tokens included.
    Admin,
    /// Load, replace and remove license files; set policies.
    Licenses,
    /// Take grants away and end sessions.
    Release,
    /// See status, files and violations.
    Read,
    /// Open sessions where applications aren't let in freely.
    Checkout,
    /// Bring a new server into the cluster, once.
    Join,
    /// Change who may use what: users, stations, groups, roles, allocation.
    Allocate,
}

/// A person who may do everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrator {
    /// argon2id in PHC format.
    pub password_hash: String,
    /// When the account was made.
    pub since: Timestamp,
}

/// A program's right to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Unique among the living tokens.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Only for this tenant; `None` = for all.
    pub tenant: Option<Arc<str>>,
    /// Of no use from here on.
    pub until: Option<Timestamp>,
    /// When it was made, and by whom.
    pub since: Timestamp,
    /// Who made it.
    pub by: String,
}

/// Everyone who may administer the site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Access {
    setup: Option<(Secret, Timestamp)>,
    administrators: BTreeMap<String, Administrator>,
    tokens: BTreeMap<Secret, Token>,
    /// Saved behind the rest of the site: the first format has no place for it.
    #[serde(skip)]
    pub(crate) people: People,
}

impl Access {
    /// Whether no administrator was made yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.head_count() == 0
    }

    /// The administrator of that name, of before people had roles.
    pub(crate) fn administrator(&self, name: &str) -> Option<&Administrator> {
        self.administrators.get(name)
    }

    /// The token with that hash, if it is of use at `now`.
    #[must_use]
    pub fn token(&self, secret: &Secret, now: Timestamp) -> Option<&Token> {
        self.tokens.get(secret).filter(|token| token.until.is_none_or(|until| now < until))
    }

    /// Every token that is of use at `now`, with its hash.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = (&Secret, &Token)> {
        self.tokens.iter().filter(move |(_, token)| token.until.is_none_or(|until| now < until))
    }

    /// Every token, without its hash.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The name of every administrator who is written down as they were before people had roles.
    pub(crate) fn administrators(&self) -> impl Iterator<Item = &str> {
        self.administrators.keys().map(String::as_str)
    }

    pub(crate) fn offer_setup(&mut self, token: Secret, until: Timestamp) -> Result<Reply, Refusal> {
        if !self.is_new() {
            return Err(Refusal::SetupClosed);
        }
        self.setup = Some((token, until));
        Ok(Reply::Done)
    }

    pub(crate) fn create_administrator(
        &mut self,
        setup: Secret,
        name: String,
        password_hash: String,
        now: Timestamp,
    ) -> Result<(Reply, Event), Refusal> {
        if !self.setup.is_some_and(|(token, until)| token == setup && now < until) {
            return Err(Refusal::SetupClosed);
        }
        self.setup = None;
        self.administrators.insert(name.clone(), Administrator { password_hash, since: now });
        Ok((Reply::Done, Event::AdministratorCreated { name }))
    }

    pub(crate) fn add_token(&mut self, secret: Secret, token: Token) -> Result<(Reply, Event), Refusal> {
        if self.tokens.contains_key(&secret) || self.tokens.values().any(|other| other.name == token.name) {
            return Err(Refusal::NameTaken { name: token.name });
        }
        let event = Event::TokenAdded {
            name: token.name.clone(),
            scopes: token.scopes.clone(),
            by: token.by.clone(),
        };
        self.tokens.insert(secret, token);
        Ok((Reply::Done, event))
    }

    pub(crate) fn revoke_token(&mut self, name: &str, by: String) -> Result<(Reply, Event), Refusal> {
        let found = self.tokens.iter().find(|(_, token)| token.name == name).map(|(secret, _)| *secret);
        let secret = found.ok_or_else(|| Refusal::NoSuchToken { name: name.to_owned() })?;
        self.tokens.remove(&secret);
        Ok((Reply::Done, Event::TokenRevoked { name: name.to_owned(), by }))
    }

    /// The person stands elsewhere now.
    pub(crate) fn forget_old(&mut self, name: &str) {
        self.administrators.remove(name);
    }

    /// The tokens that somebody made.
    pub fn tokens_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Token> {
        self.tokens.values().filter(move |token| is_by(token, name))
    }

    /// Takes away the tokens that somebody made; gives their names.
    pub(crate) fn take_tokens_of(&mut self, name: &str) -> Vec<String> {
        let taken = self.tokens_of(name).map(|token| token.name.clone()).collect();
        self.tokens.retain(|_, token| !is_by(token, name));
        taken
    }
}

/// Whether that person made the token, in this version or in one of before, where visits had names of their own.
fn is_by(token: &Token, name: &str) -> bool {
    let rest = token.by.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(", signed in "))
}
