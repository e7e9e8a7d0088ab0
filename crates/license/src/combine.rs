//! Puts several files of one site into one, as the Genesys guide has administrators do by hand (§ "Combining New and
//! Existing Licenses"; flexnet-formats §3). May not re-sign or reword a line.

use std::collections::BTreeSet;

use crate::document::{Document, parse};
use crate::problem::{Problem, Severity};
use crate::statement::Statement;

/// Combines files with the same `SERVER` host ids: the first file as it is, then what the others add, comments
/// included. `SERVER` lines, vendors named already and lines that are there already are left out.
///
/// # Errors
/// A problem for each file whose `SERVER` lines name other hosts, or another number of them; one when there is no
/// file.
pub fn combine(docs: &[Document]) -> Result<Document, Vec<Problem>> {
    let Some((first, rest)) = docs.split_first() else {
        return Err(vec![problem(
            "",
            1,
            "no-files",
            "there is no file to combine",
            "name at least one file",
        )]);
    };
    let problems: Vec<Problem> = rest.iter().filter_map(|doc| other_site(first, doc)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut seen: BTreeSet<String> = first.statements().iter().map(identity).collect();
    let mut bytes = first.to_bytes();
    for doc in rest {
        append(&mut bytes, doc, &mut seen);
    }
    Ok(parse(first.name(), &bytes).document)
}

fn problem(file: &str, line: u32, code: &'static str, message: &str, hint: &str) -> Problem {
    let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
    Problem { severity: Severity::Error, code, file: file.to_owned(), line, column: 1, message, hint }
}

fn other_site(first: &Document, doc: &Document) -> Option<Problem> {
    let (ours, theirs) = (first.bound_host_ids(), doc.bound_host_ids());
    if ours == theirs {
        return None;
    }
    let line = doc.statements().iter().find(|statement| statement.keyword == "SERVER").map_or(1, |s| s.line);
    let message =
        format!("bound to {} while `{}` is bound to {}", theirs.join(", "), first.name(), ours.join(", "));
    let hint = "combine only files issued for the same host ids; order the lines for this host anew";
    Some(problem(doc.name(), line, "other-site", &message, hint))
}

/// What makes a statement the same as another for combining: a vendor's name; all words otherwise.
fn identity(statement: &Statement) -> String {
    match statement.keyword.as_str() {
        "VENDOR" | "DAEMON" => format!("VENDOR {}", statement.name()),
        "USE_SERVER" => "USE_SERVER".to_owned(),
        _ => statement.to_line(),
    }
}

fn append(bytes: &mut Vec<u8>, doc: &Document, seen: &mut BTreeSet<String>) {
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    let source = doc.bytes();
    // A byte order mark makes sense at the start of a file only.
    let mut copied = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for statement in doc.statements() {
        let keep = statement.keyword != "SERVER" && seen.insert(identity(statement));
        if !keep {
            bytes.extend(&source[copied..statement.start]);
            copied = statement.end;
        }
    }
    bytes.extend(&source[copied..]);
}
