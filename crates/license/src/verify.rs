//! Who signed which line (design §3). May not judge hosts, licenses or today's date: that is [`crate::admit()`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::date::{Expiry, parse_date};
use crate::document::Document;
use crate::encode::signed_bytes;
use crate::keys::{PublicKey, Trust, signature_parts};
use crate::reduce::signature;
use crate::statement::{Body, Statement};

/// What became of a line. Ordinary outcomes, each with its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineState {
    /// Signed, and in force as far as was asked.
    Valid,
    /// Signed by others: for reports and migration, never for granting.
    Reference,
    /// Carries no signature.
    Unsigned,
    /// Could not be read; the problems of the file say why.
    Malformed,
    /// The signature does not fit the line.
    BadSignature,
    /// The signing key, or the root key that certifies it, is not known.
    UnknownKey,
    /// No root key of the publisher is configured.
    UnknownPublisher,
    /// Issued before the signing key was certified for.
    KeyNotYetValid,
    /// Issued after the signing key had expired.
    KeyExpired,
    /// No valid `LICENSE` line has its license reference number.
    NoLicense,
    /// The file is bound to another machine.
    WrongHost,
    /// The license is activated for another installation.
    WrongInstallation,
    /// The last day is over.
    Expired,
    /// The first day has not come.
    NotYetValid,
    /// Works, but must be activated before this day begins.
    Inactive {
        /// 00:00 of this day ends it.
        dies: Date,
    },
    /// Was not activated in time.
    InactiveDead,
    /// Was given back.
    Deactivated,
    /// A newer line takes its place.
    Superseded,
    /// The same signed line is loaded already.
    Duplicate,
    /// The signing key was revoked by the root key.
    KeyRevoked,
    /// A later file of the same serial number was seen.
    OldGeneration,
}

/// A signing key with a certificate that holds.
#[derive(Debug, Clone)]
pub(crate) struct CertifiedKey {
    id: String,
    key: PublicKey,
    publisher: String,
    not_before: Date,
    not_after: Expiry,
    /// The `KEY` line, for proofs.
    pub(crate) line: String,
}

impl CertifiedKey {
    /// Whether the key may sign what was issued on this day.
    pub(crate) fn covers(&self, issued: Date) -> LineState {
        if issued < self.not_before {
            LineState::KeyNotYetValid
        } else if self.not_after.last_day().is_some_and(|last| issued > last) {
            LineState::KeyExpired
        } else {
            LineState::Valid
        }
    }

    pub(crate) fn publisher(&self) -> &str {
        &self.publisher
    }
}

/// The certified keys of a set of files.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    keys: BTreeMap<String, Vec<CertifiedKey>>,
    /// What is wrong with ids that have no valid certificate.
    refused: BTreeMap<String, LineState>,
    /// From which day on nothing counts that a publisher's key signed; of several words the earliest day.
    revoked: BTreeMap<(String, String), Date>,
}

impl KeyRing {
    pub(crate) fn of<'a>(docs: impl IntoIterator<Item = &'a Document>, trust: &Trust) -> Self {
        let mut ring = Self::default();
        for statement in docs.into_iter().flat_map(Document::statements) {
            ring.add(statement, trust);
        }
        ring
    }

    fn add(&mut self, statement: &Statement, trust: &Trust) {
        if let Body::Revoked(line) = &statement.body
            && root_state(statement, trust) == LineState::Valid
        {
            let from = self.revoked.entry((line.publisher.clone(), line.id.clone())).or_insert(line.from);
            *from = line.from.min(*from);
        }
        let Body::Key(line) = &statement.body else { return };
        match root_state(statement, trust) {
            LineState::Valid => {
                let Ok(key) = PublicKey::parse(&line.public_key) else { return };
                let certified = CertifiedKey {
                    id: line.id.clone(),
                    key,
                    publisher: line.publisher.clone(),
                    not_before: line.not_before,
                    not_after: line.not_after,
                    line: statement.to_line(),
                };
                let known = self.keys.entry(line.id.clone()).or_default();
                if !known.iter().any(|key| key.line == certified.line) {
                    known.push(certified);
                }
            }
            state => {
                self.refused.insert(line.id.clone(), state);
            }
        }
    }

    /// From which day on nothing counts that the key signed.
    pub(crate) fn revoked_from(&self, key: &CertifiedKey) -> Option<Date> {
        self.revoked.get(&(key.publisher.clone(), key.id.clone())).copied()
    }

    /// Checks the signature of a line or license. A line must be signed for its own vendor; a license for any.
    pub(crate) fn check(
        &self,
        statement: &Statement,
        bound_host_ids: &[String],
        trust: &Trust,
    ) -> Result<&CertifiedKey, LineState> {
        if statement.body == Body::Malformed {
            return Err(LineState::Malformed);
        }
        let sign = signature(&statement.attributes).ok_or_else(|| unsigned(statement))?;
        let (id, signature) = signature_parts(&sign).ok_or(LineState::Reference)?;
        let vendor = statement.capacity().map(|capacity| capacity.vendor.as_str());
        if vendor.is_some_and(|vendor| !trust.knows(vendor)) {
            return Err(LineState::UnknownPublisher);
        }
        let candidates = self.keys.get(id).map_or(&[][..], Vec::as_slice);
        let mut state = self.refused.get(id).copied().unwrap_or(LineState::UnknownKey);
        if state == LineState::BadSignature {
            // The certificate is what does not verify; the line itself cannot be judged.
            state = LineState::UnknownKey;
        }
        let signature = signature.ok_or(LineState::BadSignature)?;
        for key in candidates.iter().filter(|key| vendor.is_none_or(|vendor| vendor == key.publisher)) {
            state = match key
                .key
                .verifies(&signed_bytes(statement, &key.publisher, bound_host_ids), &signature)
            {
                true => issued(statement).map_or(LineState::Valid, |day| key.covers(day)),
                false => LineState::BadSignature,
            };
            if state == LineState::Valid {
                return Ok(key);
            }
        }
        Err(state)
    }
}

fn issued(statement: &Statement) -> Option<Date> {
    parse_date(statement.attributes.get("ISSUED")?).ok()
}

/// Without `SIGN=`: old keys and other signatures make it a line of others.
fn unsigned(statement: &Statement) -> LineState {
    let old_key = statement.capacity().is_some_and(|capacity| capacity.license_key.is_some());
    let other = ["SIGN2", "AUTH"].iter().any(|name| statement.attributes.has(name));
    if old_key || other { LineState::Reference } else { LineState::Unsigned }
}

/// Whether a root key that is trusted for its publisher signed this `KEY` or `REVOKED` line.
pub(crate) fn root_state(statement: &Statement, trust: &Trust) -> LineState {
    let publisher = match &statement.body {
        Body::Key(line) => &line.publisher,
        Body::Revoked(line) => &line.publisher,
        _ => return LineState::Malformed,
    };
    if !trust.knows(publisher) {
        return LineState::UnknownPublisher;
    }
    let Some(sign) = signature(&statement.attributes) else { return LineState::Unsigned };
    let Some((id, signature)) = signature_parts(&sign) else { return LineState::BadSignature };
    let Some(root) = trust.root(publisher, id) else { return LineState::UnknownKey };
    let message = signed_bytes(statement, publisher, &[]);
    match signature {
        Some(signature) if root.verifies(&message, &signature) => LineState::Valid,
        _ => LineState::BadSignature,
    }
}

/// Checks every signature of a file, and nothing else. Gives the index and state of each statement that carries one.
#[must_use]
pub fn verify(doc: &Document, trust: &Trust) -> Vec<(usize, LineState)> {
    let ring = KeyRing::of([doc], trust);
    let hosts = doc.bound_host_ids();
    let signable = doc.statements().iter().enumerate().filter(|(_, statement)| statement.is_signable());
    signable.map(|(i, statement)| (i, signature_state(statement, &ring, &hosts, trust))).collect()
}

fn signature_state(statement: &Statement, ring: &KeyRing, hosts: &[String], trust: &Trust) -> LineState {
    if statement.is_by_root() {
        return root_state(statement, trust);
    }
    match ring.check(statement, hosts, trust) {
        Ok(key) if ring.revoked_from(key).is_some() => LineState::KeyRevoked,
        Ok(_) => LineState::Valid,
        Err(state) => state,
    }
}

impl LineState {
    /// What it means for the line, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Valid => "valid",
            Self::Reference => "signed by others: shown for reference, grants nothing",
            Self::Unsigned => "not signed",
            Self::Malformed => "cannot be read",
            Self::BadSignature => "the signature does not fit the line",
            Self::UnknownKey => "signed with a key that is not certified",
            Self::UnknownPublisher => "no root key of this publisher is configured",
            Self::KeyNotYetValid => "issued before its signing key was valid",
            Self::KeyExpired => "issued after its signing key had expired",
            Self::NoLicense => "no valid LICENSE line has its reference number",
            Self::WrongHost => "bound to another machine",
            Self::WrongInstallation => "activated for another installation",
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::Inactive { .. } => "not activated yet",
            Self::InactiveDead => "was not activated within 30 days",
            Self::Deactivated => "deactivated",
            Self::Superseded => "superseded by a newer line",
            Self::OldGeneration => "of an earlier file than one that was loaded here before",
            Self::Duplicate => "already loaded",
            Self::KeyRevoked => "signed with a key that the publisher revoked",
        }
        .to_owned()
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Valid => return None,
            Self::Inactive { dies } => {
                return Some(format!("activate the license before {}", crate::date::format_date(*dies)));
            }
            Self::Reference => "order a file signed by the publisher for this server",
            Self::Unsigned => "use the line as delivered, with its `SIGN=`",
            Self::Malformed => "see the problems of the file",
            Self::BadSignature => {
                "restore the line as delivered; only host name, port, paths, spacing and comments may be edited"
            }
            Self::UnknownKey => {
                "add the file's KEY line as delivered, or configure the publisher's newer root key"
            }
            Self::UnknownPublisher => "configure the publisher's root key",
            Self::KeyNotYetValid | Self::KeyExpired => "ask the publisher to issue the file again",
            Self::NoLicense => "add the LICENSE line that was delivered with it",
            Self::WrongHost => "order a file for this machine, or load it on the machine it was issued for",
            Self::WrongInstallation => "activate the license for this installation",
            Self::Expired => "order a renewal",
            Self::NotYetValid => "wait for its first day",
            Self::InactiveDead => "activate the license; the activated file works at once",
            Self::Deactivated => "remove the file",
            Self::Superseded => "remove the line",
            Self::OldGeneration => "load the latest file of the license: what it gave back is not used twice",
            Self::Duplicate => "remove one of the copies",
            Self::KeyRevoked => "get the file from the publisher again: it is signed anew with another key",
        };
        Some(hint.to_owned())
    }
}
