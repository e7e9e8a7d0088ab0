//! What changed from one file to the next, line by line. May not judge signatures: a change is a change.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

use crate::document::Document;
use crate::statement::Statement;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Added, removed or changed.
    pub kind: ChangeKind,
    /// `FEATURE`, `LICENSE`, `SERVER`, ….
    pub keyword: String,
    /// Feature, license reference number, host or key id.
    pub name: String,
    /// Line in the old file.
    pub old_line: Option<u32>,
    /// Line in the new file.
    pub new_line: Option<u32>,
    /// What is different; empty for added and removed lines.
    pub fields: Vec<FieldChange>,
}

/// How a line differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only in the new file.
    Added,
    /// Only in the old file.
    Removed,
    /// In both, with other fields.
    Changed,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// `count`, `expiry`, or the name of the attribute.
    pub field: String,
    /// In the old file; `None`: not there.
    pub old: Option<String>,
    /// In the new file; `None`: not there.
    pub new: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
        };
        write!(f, "{sign} {} {}", self.keyword, self.name)?;
        for (i, change) in self.fields.iter().enumerate() {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let joint = if i == 0 { ": " } else { ", " };
            write!(f, "{joint}{} {} -> {}", change.field, text(&change.old), text(&change.new))?;
        }
        Ok(())
    }
}

/// What is different in `new`. Signatures, comments, spacing and order are not compared.
#[must_use]
pub fn diff(old: &Document, new: &Document) -> Vec<Change> {
    let mut waiting: BTreeMap<Vec<String>, VecDeque<&Statement>> = BTreeMap::new();
    for statement in old.statements() {
        waiting.entry(identity(statement)).or_default().push_back(statement);
    }
    let mut changes = Vec::new();
    for statement in new.statements() {
        let same = waiting.get_mut(&identity(statement)).and_then(|queue| take_nearest(queue, statement));
        match same {
            None => {
                changes.push(change(ChangeKind::Added, statement, None, Some(statement.line), Vec::new()))
            }
            Some(before) => {
                let fields = changed_fields(before, statement);
                if !fields.is_empty() {
                    let lines = (Some(before.line), Some(statement.line));
                    changes.push(change(ChangeKind::Changed, statement, lines.0, lines.1, fields));
                }
            }
        }
    }
    let gone = waiting.into_values().flatten();
    let mut gone: Vec<Change> =
        gone.map(|old| change(ChangeKind::Removed, old, Some(old.line), None, Vec::new())).collect();
    gone.sort_by_key(|change| change.old_line);
    gone.extend(changes);
    gone
}

fn change(
    kind: ChangeKind,
    statement: &Statement,
    old_line: Option<u32>,
    new_line: Option<u32>,
    fields: Vec<FieldChange>,
) -> Change {
    let (keyword, name) = (statement.keyword.clone(), statement.name().to_owned());
    Change { kind, keyword, name, old_line, new_line, fields }
}

/// Of several lines with one identity, the equal one if there is one, else the next.
fn take_nearest<'a>(queue: &mut VecDeque<&'a Statement>, statement: &Statement) -> Option<&'a Statement> {
    let equal = queue.iter().take(64).position(|old| changed_fields(old, statement).is_empty());
    queue.remove(equal.unwrap_or(0))
}

/// What a line is about: lines that agree in this are the same line, changed.
fn identity(statement: &Statement) -> Vec<String> {
    let words = &statement.positionals;
    let places: &[usize] = match statement.keyword.as_str() {
        "FEATURE" | "INCREMENT" | "PACKAGE" => &[0, 1, 2],
        "UPGRADE" => &[0, 1, 2, 3],
        _ => &[0],
    };
    let keyword = if statement.keyword == "DAEMON" { "VENDOR" } else { &statement.keyword };
    let lrn = statement.lrn().unwrap_or_default();
    let words = places.iter().map(|place| words.get(*place).map_or("", String::as_str));
    [keyword, lrn].into_iter().chain(words).map(str::to_owned).collect()
}

fn changed_fields(old: &Statement, new: &Statement) -> Vec<FieldChange> {
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<&String> =
        old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))).collect();
    names.sort();
    let differ = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    differ
        .map(|name| FieldChange {
            field: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

/// Every field by name; positional words by what they are.
fn fields(statement: &Statement) -> BTreeMap<String, String> {
    let names: &[&str] = match statement.keyword.as_str() {
        "FEATURE" | "INCREMENT" => &["feature", "vendor", "version", "expiry", "count", "key"],
        "UPGRADE" => &["feature", "vendor", "from", "version", "expiry", "count", "key"],
        "PACKAGE" => &["package", "vendor", "version", "key"],
        "SERVER" => &["host", "host id", "port"],
        "VENDOR" | "DAEMON" => &["vendor", "path", "options", "port"],
        "LICENSE" => &["lrn"],
        _ => &["id", "publisher", "public key"],
    };
    let positionals =
        names.iter().zip(&statement.positionals).map(|(name, word)| ((*name).to_owned(), word.clone()));
    let attributes = statement
        .attributes
        .iter()
        .filter(|attribute| !["SIGN", "SIGN2", "AUTH", "ck"].iter().any(|name| attribute.is(name)));
    let attributes = attributes.map(|a| (a.name.to_ascii_uppercase(), a.value.clone().unwrap_or_default()));
    positionals.chain(attributes).collect()
}
