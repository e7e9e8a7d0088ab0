//! The keys that a signer has, by publisher: which one signs is the log's word, or the configuration's where the log has none.
//! May not sign what the witness has not seen: [`super::serve`] asks it first.

use std::collections::BTreeMap;

use grantor_license::{
    Body, Document, KeyCertificate, LicenseState, LineState, Revocation, SigningKey, Statement, Trust, carry,
    parse, sign_with, verify,
};
use serde::{Deserialize, Serialize};
use signed_note::StandardSigner;

use super::config::Config;
use super::decided::Decided;
use super::token::{OnToken, Token, TokenError};
use super::{LogKey, SignerRefusal};

/// A key that can sign.
enum Key {
    Here(Box<SigningKey>),
    OnToken(OnToken),
}

struct Publisher {
    trust: Trust,
    /// Of the key that signs until the log names another.
    first: KeyCertificate,
}

/// Everything that a signer signs with; never shown.
pub struct Ring {
    pub(super) log: StandardSigner,
    /// To verify checkpoints with; public.
    pub log_key: String,
    publishers: BTreeMap<String, Publisher>,
    keys: BTreeMap<String, Key>,
    token: Option<Token>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("log_key", &self.log_key).finish_non_exhaustive()
    }
}

/// What a signer says of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// Its id.
    pub key: String,
    /// Whose files it signs; nothing: none yet.
    pub publisher: Option<String>,
    /// `in-use`, `retired`, `revoked`, or `waits`.
    pub state: String,
    /// Whether it is on a token.
    pub on_token: bool,
}

impl Ring {
    /// Puts the keys together with what they are for.
    ///
    /// # Errors
    /// A configuration that makes no sense; a token that can't be read.
    pub fn new(
        (log, log_key): LogKey,
        config: &Config,
        keys: Vec<SigningKey>,
        token: Option<Token>,
    ) -> Result<Self, String> {
        let mut publishers = BTreeMap::new();
        for one in &config.publishers {
            let publisher = Publisher { trust: one.trust()?, first: one.certified()? };
            publishers.insert(one.name.clone(), publisher);
        }
        let mut keys: BTreeMap<String, Key> =
            keys.into_iter().map(|key| (key.id(), Key::Here(Box::new(key)))).collect();
        if let Some(token) = &token {
            let there = token.keys().map_err(|error| error.to_string())?;
            keys.extend(there.into_iter().map(|(id, key)| (id, Key::OnToken(key))));
        }
        Ok(Self { log, log_key, publishers, keys, token })
    }

    /// The certificate of the key that signs for a publisher.
    fn in_use(&self, publisher: &str, decided: &Decided) -> Result<KeyCertificate, SignerRefusal> {
        let known = self.publishers.get(publisher);
        let known = known.ok_or_else(|| SignerRefusal::UnknownPublisher(publisher.to_owned()))?;
        let Some(line) = decided.in_use(publisher) else { return Ok(known.first.clone()) };
        let certificate = KeyCertificate::parse(line).filter(|one| one.publisher() == publisher);
        certificate
            .filter(|certificate| certificate.is_certified(&known.trust))
            .ok_or_else(|| SignerRefusal::NotCertified(publisher.to_owned()))
    }

    /// The key that signs for a publisher, unless it is at its end.
    fn choose(&self, publisher: &str, decided: &Decided) -> Result<(KeyCertificate, &Key), SignerRefusal> {
        let certificate = self.in_use(publisher, decided)?;
        let key = certificate.id().to_owned();
        match (decided.ended(&key), self.keys.get(&key)) {
            (Some(true), _) => Err(SignerRefusal::Revoked(key)),
            (Some(false), _) => Err(SignerRefusal::Retired(key)),
            (None, None) => Err(SignerRefusal::NoKey { key, publisher: publisher.to_owned() }),
            (None, Some(held)) => Ok((certificate, held)),
        }
    }

    /// Signs a license file with its publisher's key, and has it tell of keys that were revoked.
    pub(super) fn sign(&self, document: &Document, decided: &Decided) -> Result<Document, SignerRefusal> {
        let publisher = publisher(document)?;
        let (certificate, key) = self.choose(&publisher, decided)?;
        if let Some((_, state)) = document.unsignable(&publisher).first() {
            return Err(SignerRefusal::Document(state.message().to_owned()));
        }
        let signed = sign_with(document, &certificate, |message| self.signature(key, message));
        let signed = signed.map_err(|error| SignerRefusal::Failed(error.to_string()))?;
        self.proofread(&publisher, &certificate, &signed)?;
        Ok(carry(&signed, &self.revocations(&publisher, decided)))
    }

    /// What the root key said of this publisher's other keys.
    fn revocations(&self, publisher: &str, decided: &Decided) -> Vec<Revocation> {
        let Some(known) = self.publishers.get(publisher) else { return Vec::new() };
        let lines = decided.revocations(publisher).join("\n");
        Revocation::all_in(&parse("revoked", lines.as_bytes()).document, &known.trust)
    }

    /// Whether a `KEY` line of the log could be followed, or a `REVOKED` line is by a root key: before anybody decides on it.
    pub(super) fn check(&self, line: &str) -> Result<(), SignerRefusal> {
        let (certificate, revocation) = (KeyCertificate::parse(line), Revocation::parse(line));
        let publisher = match (&certificate, &revocation) {
            (Some(certificate), _) => certificate.publisher(),
            (None, Some(revocation)) => revocation.publisher(),
            (None, None) => return Err(SignerRefusal::Document("it is no KEY or REVOKED line".to_owned())),
        };
        let known = self.publishers.get(publisher);
        let known = known.ok_or_else(|| SignerRefusal::UnknownPublisher(publisher.to_owned()))?;
        let held = Revocation::all_in(&parse("line", line.as_bytes()).document, &known.trust);
        match &certificate {
            None if held.is_empty() => Err(SignerRefusal::NotCertified(publisher.to_owned())),
            None => Ok(()),
            Some(one) if !one.is_certified(&known.trust) => {
                Err(SignerRefusal::NotCertified(publisher.to_owned()))
            }
            Some(one) if !self.keys.contains_key(one.id()) => {
                Err(SignerRefusal::NoKey { key: one.id().to_owned(), publisher: publisher.to_owned() })
            }
            Some(_) => Ok(()),
        }
    }

    fn signature(&self, key: &Key, message: &[u8]) -> Result<[u8; 64], TokenError> {
        match (key, &self.token) {
            (Key::Here(key), _) => Ok(key.sign(message)),
            (Key::OnToken(key), Some(token)) => token.sign(*key, message),
            (Key::OnToken(_), None) => Err(TokenError::Key),
        }
    }

    /// A file that a license server would refuse never leaves the house: it may say that it was issued on a day that the key's
    /// certificate does not cover.
    fn proofread(
        &self,
        publisher: &str,
        certificate: &KeyCertificate,
        signed: &Document,
    ) -> Result<(), SignerRefusal> {
        let Some(known) = self.publishers.get(publisher) else { return Ok(()) };
        let wrong = verify(signed, &known.trust).into_iter().find(|(_, state)| *state != LineState::Valid);
        let Some((_, state)) = wrong else { return Ok(()) };
        Err(SignerRefusal::WouldBeRefused {
            key: certificate.id().to_owned(),
            why: state.message().to_owned(),
        })
    }

    /// Every key that is here, and what became of it.
    pub(super) fn held(&self, decided: &Decided) -> Vec<HeldKey> {
        let in_use: BTreeMap<String, &String> = (self.publishers.keys())
            .filter_map(|name| Some((self.in_use(name, decided).ok()?.id().to_owned(), name)))
            .collect();
        let held = self.keys.iter().map(|(id, key)| {
            let publisher = in_use.get(id).map(|name| (*name).clone());
            let state = match (decided.ended(id), &publisher) {
                (Some(true), _) => "revoked",
                (Some(false), _) => "retired",
                (None, Some(_)) => "in-use",
                (None, None) => "waits",
            };
            let on_token = matches!(key, Key::OnToken(_));
            HeldKey { key: id.clone(), publisher, state: state.to_owned(), on_token }
        });
        held.collect()
    }
}

/// Whose file it is. Without a line that gives licenses it must be the end of one.
fn publisher(document: &Document) -> Result<String, SignerRefusal> {
    let ends = |statement: &Statement| matches!(&statement.body, Body::License(line) if line.state == LicenseState::Deactivated);
    let gives = document.statements().iter().any(|line| line.capacity().is_some());
    let found = document.publisher().filter(|_| gives || document.statements().iter().any(ends));
    let none = || SignerRefusal::Document("it has no line that gives licenses".to_owned());
    found.map(str::to_owned).ok_or_else(none)
}
