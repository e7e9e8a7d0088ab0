//! A file as read: every statement, every problem, and the bytes themselves. May not change a byte: an unchanged
//! document prints as it was read.

use std::fmt;

use crate::hostid::HostId;
use crate::lexer::Lexer;
use crate::problem::{Finding, Problem, Problems};
use crate::read;
use crate::statement::{Body, Server, Statement};

/// Files larger than this are refused unread (16 MiB; 10,000 signed lines are about 4 MiB).
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Statements beyond this are not read: what a file can make us keep is bounded.
pub const MAX_STATEMENTS: usize = 100_000;

/// A license file: its name, its bytes, and the statements in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    name: String,
    bytes: Vec<u8>,
    statements: Vec<Statement>,
}

/// What reading a file gives: always a document, whatever was wrong.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Every statement, malformed ones too.
    pub document: Document,
    /// Every problem in the order of the file.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// Whether any problem is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}

/// Reads a license file. Total: any bytes give a document and a list of problems.
#[must_use]
pub fn parse(name: &str, bytes: &[u8]) -> Parsed {
    let mut problems = Problems::of(name);
    let statements = match unreadable(bytes) {
        Some(finding) => {
            problems.add((1, 1), finding);
            Vec::new()
        }
        None => statements(bytes, &mut problems),
    };
    let document = Document { name: name.to_owned(), bytes: bytes.to_vec(), statements };
    Parsed { document, problems: problems.into_list() }
}

/// Why a file is not even looked into.
fn unreadable(bytes: &[u8]) -> Option<Finding> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", bytes.len());
        return Some(Finding::error("too-large", message).hint("check that this is a license file"));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let finding = Finding::error("utf-16", "the file is written in UTF-16");
        return Some(finding.hint("save it as plain text (UTF-8) in the editor"));
    }
    None
}

fn statements(bytes: &[u8], problems: &mut Problems) -> Vec<Statement> {
    let mut lexer = Lexer::new(bytes);
    let mut statements = Vec::new();
    while let Some(raw) = lexer.next(problems) {
        let statement = read::statement(raw, problems);
        if statements.len() == MAX_STATEMENTS {
            let message = format!("the file has more than {MAX_STATEMENTS} statements; the rest is not read");
            let finding = Finding::error("too-many-statements", message);
            problems.add((statement.line, 1), finding.hint("load the license as several files"));
            break;
        }
        statements.push(statement);
    }
    read::check_whole(&statements, problems);
    statements
}

impl Document {
    /// The name of the file as the caller gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its statements in the order of the file.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The bytes as read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The `SERVER` lines.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.statements.iter().filter_map(|statement| match &statement.body {
            Body::Server(server) => Some(server),
            _ => None,
        })
    }

    /// Whose file it is: whom its first capacity-bearing line names or, as a file of a deactivated license has none, its `VENDOR` line.
    #[must_use]
    pub fn publisher(&self) -> Option<&str> {
        let capacity = self.statements.iter().find_map(Statement::capacity);
        let vendor = || {
            self.statements.iter().find_map(|statement| match &statement.body {
                Body::Vendor(line) => Some(line.name.as_str()),
                _ => None,
            })
        };
        capacity.map(|capacity| capacity.vendor.as_str()).or_else(vendor)
    }

    /// The host ids that every signature of this file covers: those of its `SERVER` lines in order and in upper
    /// case, each once, or `ANY` (design §3). Two files of a site pasted together still say the same.
    #[must_use]
    pub fn bound_host_ids(&self) -> Vec<String> {
        let servers = self.statements.iter().filter(|statement| statement.keyword == "SERVER");
        let ids: Vec<String> =
            servers.filter_map(|server| Some(server.positionals.get(1)?.to_ascii_uppercase())).collect();
        let mut once: Vec<String> = Vec::new();
        ids.into_iter().for_each(|id| {
            if !once.contains(&id) {
                once.push(id)
            }
        });
        if once.is_empty() { vec![HostId::Any.to_string()] } else { once }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}
