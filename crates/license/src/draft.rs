//! A license file put together from its parts, for issuing. May not sign: see [`crate::sign`].

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::attributes::quoted;
use crate::date::{Expiry, format_date};
use crate::document::{Document, parse};
use crate::issue::wrap;
use crate::offer::{Count, Model, VersionRule};
use crate::problem::{Problem, Severity};
use crate::statement::LicenseState;

/// The parts of a license file.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Comment lines at the top, without `#`.
    pub comments: Vec<String>,
    /// None, one, or three.
    pub servers: Vec<DraftServer>,
    /// The publisher.
    pub vendor: DraftVendor,
    /// Whose it is.
    pub licenses: Vec<DraftLicense>,
    /// What it grants.
    pub lines: Vec<DraftLine>,
}

/// A `SERVER` line.
#[derive(Debug, Clone)]
pub struct DraftServer {
    /// Host name, or `this_host`.
    pub host: String,
    /// One host id, or several separated by blanks of which any one is enough.
    pub host_id: String,
    /// `None`: the default port.
    pub port: Option<u16>,
}

/// The `VENDOR` line.
#[derive(Debug, Clone, Default)]
pub struct DraftVendor {
    /// The publisher's name.
    pub name: String,
    /// `None`: chosen by the system.
    pub port: Option<u16>,
}

/// A `LICENSE` line.
#[derive(Debug, Clone)]
pub struct DraftLicense {
    /// License reference number.
    pub lrn: String,
    /// Whose it is.
    pub customer: String,
    /// Where it is used.
    pub site: String,
    /// `production`, `test`, ….
    pub license_type: String,
    /// What was bought.
    pub product: String,
    /// How far it has got.
    pub state: LicenseState,
    /// Day of issue.
    pub issued: Date,
    /// Last day of all its lines.
    pub expires: Expiry,
    /// The installation it is activated for.
    pub rk: Option<String>,
    /// The files that follow one another, and which of them this is, from 1.
    pub generation: Option<(String, u32)>,
    /// Minutes after which what sessions hold of its lines is disconnected, from 1.
    pub disconnect: Option<u32>,
}

/// A `FEATURE` or `INCREMENT` line.
#[derive(Debug, Clone)]
pub struct DraftLine {
    /// `FEATURE` counts once by name, `INCREMENT` adds up.
    pub increment: bool,
    /// What applications ask for.
    pub feature: String,
    /// A decimal number.
    pub version: String,
    /// Through which day it works.
    pub expiry: Expiry,
    /// How many.
    pub count: Count,
    /// License reference number.
    pub lrn: String,
    /// How it is consumed.
    pub model: Model,
    /// Which versions it serves.
    pub version_rule: VersionRule,
    /// Further attributes: name, and value or nothing.
    pub attributes: Vec<(String, Option<String>)>,
}

impl Draft {
    /// Writes the file and reads it back.
    ///
    /// # Errors
    /// Every problem of the result that is an error; two equal lines, which would count once; a value that cannot be
    /// written.
    pub fn to_document(&self, name: &str) -> Result<Document, Vec<Problem>> {
        let unwritable = self.words().find(|word| word.contains(['"', '\n', '\r', '\\']));
        if let Some(word) = unwritable {
            return Err(vec![unwritable_problem(name, word)]);
        }
        let parsed = parse(name, self.text().as_bytes());
        let blocks = |problem: &Problem| problem.is_error() || problem.code == "repeated-line";
        let problems: Vec<Problem> = parsed.problems.into_iter().filter(blocks).collect();
        if problems.is_empty() { Ok(parsed.document) } else { Err(problems) }
    }

    fn words(&self) -> impl Iterator<Item = &String> {
        let servers = self.servers.iter().flat_map(|server| [&server.host, &server.host_id]);
        let licenses = self.licenses.iter().flat_map(|license| {
            [&license.lrn, &license.customer, &license.site, &license.license_type, &license.product]
                .into_iter()
                .chain(&license.rk)
        });
        let lines = self.lines.iter().flat_map(|line| {
            let attributes =
                line.attributes.iter().flat_map(|(name, value)| std::iter::once(name).chain(value));
            [&line.feature, &line.version, &line.lrn].into_iter().chain(attributes)
        });
        servers.chain([&self.vendor.name]).chain(licenses).chain(lines)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for comment in self.comments.iter().flat_map(|comment| comment.lines()) {
            let _ = writeln!(text, "# {}", comment.trim_end_matches('\\'));
        }
        for server in &self.servers {
            let port = server.port.map_or_else(String::new, |port| format!(" {port}"));
            let _ = writeln!(text, "SERVER {} {}{port}", quoted(&server.host), quoted(&server.host_id));
        }
        let port = self.vendor.port.map_or_else(String::new, |port| format!(" PORT={port}"));
        let _ = writeln!(text, "VENDOR {}{port}", quoted(&self.vendor.name));
        for license in &self.licenses {
            let _ = writeln!(text, "{}", wrap(&license.line(), "\n"));
        }
        for line in &self.lines {
            let _ = writeln!(text, "{}", wrap(&line.line(&self.vendor.name), "\n"));
        }
        text
    }
}

fn unwritable_problem(name: &str, word: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        code: "unwritable",
        file: name.to_owned(),
        line: 1,
        column: 1,
        message: format!("{word:?} cannot be written in a license file"),
        hint: Some("leave out quotes, backslashes and line breaks".to_owned()),
    }
}

impl DraftLicense {
    fn line(&self) -> String {
        let mut text = format!("LICENSE {}", quoted(&self.lrn));
        let fields = [
            ("CUSTOMER", &self.customer),
            ("SITE", &self.site),
            ("TYPE", &self.license_type),
            ("PRODUCT", &self.product),
        ];
        for (name, value) in fields {
            let _ = write!(text, " {name}={}", quoted(value));
        }
        let _ = write!(text, " STATE={} ISSUED={}", self.state.name(), format_date(self.issued));
        if let Expiry::On(date) = self.expires {
            let _ = write!(text, " EXPIRES={}", format_date(date));
        }
        if let Some(rk) = &self.rk {
            let _ = write!(text, " RK={}", quoted(rk));
        }
        if let Some((serial, generation)) = &self.generation {
            let _ = write!(text, " SERIAL={} GENERATION={generation}", quoted(serial));
        }
        if let Some(minutes) = self.disconnect {
            let _ = write!(text, " DISCONNECT={minutes}");
        }
        text
    }
}

impl DraftLine {
    fn line(&self, vendor: &str) -> String {
        let keyword = if self.increment { "INCREMENT" } else { "FEATURE" };
        let expiry = self.expiry.last_day().map_or_else(|| "permanent".to_owned(), format_date);
        let count = match self.count {
            Count::Uncounted => "uncounted".to_owned(),
            Count::Counted(count) => count.to_string(),
        };
        let mut text = format!(
            "{keyword} {} {} {} {expiry} {count}",
            quoted(&self.feature),
            quoted(vendor),
            self.version
        );
        if self.count != Count::Uncounted && self.model != Model::Floating {
            let _ = write!(text, " MODEL={}", self.model.name());
        }
        if self.version_rule != VersionRule::AtLeast {
            let _ = write!(text, " VERSION_RULE={}", self.version_rule.name());
        }
        let _ = write!(text, " LRN={}", quoted(&self.lrn));
        for (name, value) in &self.attributes {
            let _ = write!(text, " {name}");
            if let Some(value) = value {
                let _ = write!(text, "={}", quoted(value));
            }
        }
        text
    }
}
