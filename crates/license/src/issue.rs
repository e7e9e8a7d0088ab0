//! Signing a document: adds `SIGN=` to lines and the `KEY` line, and touches nothing else. May not sign what cannot
//! be read.

use std::fmt::Write as _;

use std::convert::Infallible;

use crate::document::{Document, parse};
use crate::encode::signed_bytes;
use crate::keys::{KeyCertificate, SigningKey, sign_text};
use crate::statement::{Body, Statement};
use crate::verify::LineState;

/// Lines are kept to this width where they can be.
pub(crate) const WIDTH: usize = 78;

/// Signs every unsigned capacity-bearing line of the certificate's publisher and every unsigned `LICENSE` line, and
/// puts the `KEY` line above the first of them. All else stays as it is, byte for byte.
#[must_use]
pub fn sign(document: &Document, key: &SigningKey, certificate: &KeyCertificate) -> Document {
    let signed: Result<Document, Infallible> =
        sign_with(document, certificate, |message| Ok(key.sign(message)));
    match signed {
        Ok(document) => document,
        Err(never) => match never {},
    }
}

/// The same with a key that is not in this process's hands: `signature` gives its 64 bytes for a message.
///
/// # Errors
/// The first that `signature` gives; nothing is signed then.
pub fn sign_with<E>(
    document: &Document,
    certificate: &KeyCertificate,
    mut signature: impl FnMut(&[u8]) -> Result<[u8; 64], E>,
) -> Result<Document, E> {
    let newline = if document.bytes().windows(2).any(|pair| pair == b"\r\n") { "\r\n" } else { "\n" };
    let hosts = document.bound_host_ids();
    let has_key = document
        .statements()
        .iter()
        .any(|statement| KeyCertificate::from_statement(statement).as_ref() == Some(certificate));
    let mut out = Vec::with_capacity(document.bytes().len() * 2);
    let mut copied = 0;
    let mut key_line = (!has_key).then(|| wrap(&certificate.to_line(), newline) + newline);
    for statement in
        document.statements().iter().filter(|statement| awaits(statement, certificate.publisher()))
    {
        if let Some(line) = key_line.take() {
            out.extend(&document.bytes()[copied..statement.start]);
            out.extend(line.as_bytes());
            copied = statement.start;
        }
        let message = signed_bytes(statement, certificate.publisher(), &hosts);
        let sign = sign_text(certificate.id(), &signature(&message)?);
        out.extend(&document.bytes()[copied..statement.words_end]);
        out.extend(sign_attribute(&sign, newline).as_bytes());
        copied = statement.words_end;
    }
    out.extend(&document.bytes()[copied..]);
    Ok(parse(document.name(), &out).document)
}

/// Whether the statement can carry a signature of this publisher and has none.
fn awaits(statement: &Statement, publisher: &str) -> bool {
    let ours = match &statement.body {
        Body::Capacity(capacity) => capacity.vendor == publisher && capacity.license_key.is_none(),
        Body::License(_) => true,
        _ => false,
    };
    ours && !["SIGN", "SIGN2", "AUTH"].iter().any(|name| statement.attributes.has(name))
}

/// ` \` and a line with `SIGN="…"`, broken once because it is wider than a line.
fn sign_attribute(sign: &str, newline: &str) -> String {
    let (head, tail) = sign.split_at(sign.len().min(WIDTH - 12));
    let mut text = format!(" \\{newline}  SIGN=\"{head}");
    if !tail.is_empty() {
        let _ = write!(text, " \\{newline}  {tail}");
    }
    text + "\""
}

/// Breaks a statement at blanks, so that lines keep to [`WIDTH`] where words allow. A signature without blanks is
/// broken too: white space in `SIGN` does not count.
pub(crate) fn wrap(statement: &str, newline: &str) -> String {
    let (statement, sign) = match statement.rsplit_once(" SIGN=\"") {
        Some((head, sign)) => (head, Some(sign.trim_end_matches('"'))),
        None => (statement, None),
    };
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in statement.split(' ') {
        // A break before a keyword would look like a new statement, and one before `#` like a comment.
        let breakable = !crate::lexer::KEYWORDS.contains(&word) && !word.starts_with('#');
        if !line.is_empty() && breakable && line.chars().count() + word.chars().count() + 3 > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if line.is_empty() && !lines.is_empty() {
            line.push_str("  ");
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let text = lines.join(&format!(" \\{newline}"));
    text + &sign.map_or_else(String::new, |sign| sign_attribute(sign, newline))
}

/// What signing left unsigned, with the reason: for `grantor issue` to show.
impl Document {
    /// The statements that signing for `publisher` would pass over although they have no signature.
    #[must_use]
    pub fn unsignable(&self, publisher: &str) -> Vec<(usize, LineState)> {
        let unsigned = self.statements().iter().enumerate().filter(|(_, statement)| {
            statement.is_signable() && !statement.is_by_root() && !statement.attributes.has("SIGN")
        });
        let state = |statement: &Statement| match &statement.body {
            Body::Malformed => LineState::Malformed,
            Body::Capacity(capacity) if capacity.license_key.is_some() => LineState::Reference,
            _ => LineState::UnknownPublisher,
        };
        unsigned.filter(|(_, s)| !awaits(s, publisher)).map(|(i, s)| (i, state(s))).collect()
    }
}
