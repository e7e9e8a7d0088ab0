//! Revoked signing keys: the root key's word that nothing signed with a key counts from a day on (reliability reference
//! §4.3). It only ever takes trust away, so it may be taken from any file. May not be made without the root key.

use jiff::civil::Date;

use crate::attributes::{Attribute, Attributes};
use crate::date::format_date;
use crate::document::{Document, parse};
use crate::encode::revoked_bytes;
use crate::issue::wrap;
use crate::keys::{RootKey, Trust};
use crate::statement::{Body, RevokedLine, Statement};
use crate::verify::{LineState, root_state};

/// A `REVOKED` line with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    line: RevokedLine,
    sign: String,
}

impl RootKey {
    /// Says that from this day on nothing counts that the key with this id signed for `publisher`.
    #[must_use]
    pub fn revoke(&self, publisher: &str, key: &str, from: Date) -> Revocation {
        let line = RevokedLine { id: key.to_owned(), publisher: publisher.to_owned(), from };
        let mut revocation = Revocation { line, sign: String::new() };
        let message = revoked_bytes(&revocation.positionals(), &revocation.attributes());
        revocation.sign = self.sign_text(&message);
        revocation
    }
}

impl Revocation {
    /// The revocation in a parsed `REVOKED` statement; it is not verified here.
    #[must_use]
    pub fn from_statement(statement: &Statement) -> Option<Self> {
        let Body::Revoked(line) = &statement.body else { return None };
        let sign: String = statement.attributes.get("SIGN")?.split_whitespace().collect();
        Some(Self { line: line.clone(), sign })
    }

    /// Every revocation in a text that a root key of its publisher signed.
    #[must_use]
    pub fn all_in(document: &Document, trust: &Trust) -> Vec<Self> {
        let statements = document.statements().iter();
        statements
            .filter(|statement| root_state(statement, trust) == LineState::Valid)
            .filter_map(Self::from_statement)
            .collect()
    }

    /// Reads a `REVOKED` line, without verifying it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse("REVOKED", text.as_bytes()).document.statements().iter().find_map(Self::from_statement)
    }

    /// The revoked key's id.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.line.id
    }

    /// Whose key it was.
    #[must_use]
    pub fn publisher(&self) -> &str {
        &self.line.publisher
    }

    /// From this day on nothing that the key signed counts.
    #[must_use]
    pub fn from(&self) -> Date {
        self.line.from
    }

    /// The `REVOKED` line of a license file, without line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let attributes: Vec<String> = self.attributes().iter().map(ToString::to_string).collect();
        format!("REVOKED {} {} SIGN=\"{}\"", self.positionals().join(" "), attributes.join(" "), self.sign)
    }

    fn positionals(&self) -> Vec<String> {
        vec![self.line.id.clone(), self.line.publisher.clone()]
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        let value = Some(format_date(self.line.from));
        attributes.push(Attribute { name: "FROM".to_owned(), value, at: (1, 1) });
        attributes
    }
}

/// The document with these revocations above its first `KEY` line, so that every server that loads it learns of them.
/// Those that stand in it already are left out.
#[must_use]
pub fn carry(document: &Document, revocations: &[Revocation]) -> Document {
    let known: Vec<Revocation> =
        document.statements().iter().filter_map(Revocation::from_statement).collect();
    let new = revocations.iter().filter(|revocation| !known.contains(revocation));
    let lines: String = new.map(|revocation| wrap(&revocation.to_line(), "\n") + "\n").collect();
    let statements = document.statements();
    let at = statements.iter().find(|statement| statement.keyword == "KEY").map_or(0, |key| key.start);
    let (before, behind) = document.bytes().split_at(at);
    parse(document.name(), &[before, lines.as_bytes(), behind].concat()).document
}
