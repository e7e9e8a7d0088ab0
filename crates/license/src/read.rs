//! From words to statements, with every problem on the way. May not check signatures, dates against today, or hosts.

use std::collections::BTreeMap;

use crate::attributes::{Attribute, Attributes};
use crate::date::{DateError, Expiry};
use crate::lexer::{KEYWORDS, RawStatement, Word};
use crate::offer::Count;
use crate::problem::{Finding, Problems, nearest};
use crate::read_ours;
use crate::read_server;
use crate::reduce;
use crate::statement::{Body, Capacity, CapacityKind, Statement};
use crate::version::{Version, VersionError};

/// The words of a statement behind its keyword, taken one by one.
pub(crate) struct Reader<'a> {
    pub(crate) keyword: &'a Word,
    rest: &'a [Word],
    pub(crate) positionals: Vec<String>,
    pub(crate) attributes: Attributes,
    pub(crate) problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// Takes the next word of fixed place, or reports that `what` is missing.
    pub(crate) fn need(&mut self, what: &str) -> Option<&'a Word> {
        let word = self.take();
        if word.is_none() {
            let message = format!("`{}` needs {what}", self.keyword.text);
            let hint = usage(&self.keyword.text.to_ascii_uppercase());
            self.problems.add(self.keyword.at(), Finding::error("missing-field", message).hint(hint));
        }
        word
    }

    /// Takes the next word of fixed place.
    pub(crate) fn take(&mut self) -> Option<&'a Word> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.positionals.push(word.text.clone());
        Some(word)
    }

    /// Takes the next word if it looks right.
    pub(crate) fn take_if(&mut self, fits: impl Fn(&str) -> bool) -> Option<&'a Word> {
        if fits(&self.rest.first()?.text) { self.take() } else { None }
    }

    /// Takes the next word, of any kind, without keeping it in its place.
    pub(crate) fn next_word(&mut self) -> Option<&'a Word> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(word)
    }

    /// Takes all that is left as attributes.
    pub(crate) fn take_attributes(&mut self) {
        while let Some(word) = self.next_word() {
            let attribute = attribute(word);
            if attribute.is_signed() && self.attributes.has(&attribute.name) {
                let message = format!("`{}` is given twice; the first one counts", attribute.name);
                let finding = Finding::warning("repeated-attribute", message);
                self.problems.add(word.at(), finding.hint("delete one of them"));
            }
            self.attributes.push(attribute);
        }
    }

    /// Reports and gives nothing.
    pub(crate) fn fail<T>(&mut self, at: (u32, u32), finding: Finding) -> Option<T> {
        self.problems.add(at, finding);
        None
    }

    pub(crate) fn version(&mut self, word: &Word) -> Option<Version> {
        let error = match Version::parse(&word.text) {
            Ok(version) => return Some(version),
            Err(error) => error,
        };
        let hint = match error {
            VersionError::NotDecimal(_) => "a version is one decimal number without letters, such as `8.5`",
            VersionError::TooLong(_) => "use at most nine digits before and behind the point",
        };
        self.fail(word.at(), Finding::error("bad-version", format!("bad version number: {error}")).hint(hint))
    }

    pub(crate) fn expiry(&mut self, word: &Word) -> Option<Expiry> {
        Expiry::parse(&word.text)
            .map_err(|error| self.problems.add(word.at(), bad_date(&word.text, error)))
            .ok()
    }

    fn count(&mut self, word: &Word) -> Option<Count> {
        if word.text.eq_ignore_ascii_case("uncounted") {
            return Some(Count::Uncounted);
        }
        match number(&word.text) {
            Some(0) => Some(Count::Uncounted),
            Some(count) => Some(Count::Counted(count)),
            None => {
                let finding =
                    Finding::error("bad-count", format!("`{}` is not a number of licenses", word.text));
                self.fail(word.at(), finding.hint("write a whole number, or `uncounted`"))
            }
        }
    }
}

/// A whole number of 32 bits, digits only.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(crate) fn bad_date(text: &str, error: DateError) -> Finding {
    let shown: String = text.chars().take(40).collect();
    Finding::error("bad-date", format!("`{shown}` {error}")).hint(error.hint())
}

pub(crate) fn attribute(word: &Word) -> Attribute {
    let (name, value) = match word.text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word.text.as_str(), None),
    };
    Attribute { name: name.to_owned(), value, at: word.at() }
}

fn usage(keyword: &str) -> &'static str {
    match keyword {
        "SERVER" => "write `SERVER host hostid [port]`",
        "VENDOR" | "DAEMON" => "write `VENDOR name [path] [OPTIONS=path] [PORT=number]`",
        "PACKAGE" => "write `PACKAGE name vendor version COMPONENTS=\"a b\" …`",
        "UPGRADE" => "write `UPGRADE feature vendor from_version to_version expiry count …`",
        "LICENSE" => "write `LICENSE lrn CUSTOMER=\"…\" STATE=… ISSUED=dd-mmm-yyyy …`",
        "KEY" => "write `KEY keyid publisher public-key NOT_BEFORE=… NOT_AFTER=… SIGN=…`",
        "REVOKED" => "write `REVOKED keyid publisher FROM=dd-mmm-yyyy SIGN=…`",
        _ => "write `FEATURE feature vendor version expiry count …`",
    }
}

/// Reads one statement. Words that cannot be understood leave it malformed, and a problem says why.
pub(crate) fn statement(raw: RawStatement, problems: &mut Problems) -> Statement {
    let blank = Word { text: String::new(), line: 1, column: 1 };
    let keyword = raw.words.first().unwrap_or(&blank);
    let errors = problems.errors();
    let rest = raw.words.get(1..).unwrap_or_default();
    let mut reader =
        Reader { keyword, rest, positionals: Vec::new(), attributes: Attributes::default(), problems };
    let name = keyword.text.to_ascii_uppercase();
    let body = body(&name, &mut reader);
    // Whatever an unreadable statement still has is kept.
    while let Some(word) = reader.next_word() {
        reader.attributes.push(attribute(word));
    }
    let (positionals, attributes) = (reader.positionals, reader.attributes);
    let whole = problems.errors() == errors && !raw.broken;
    Statement {
        body: body.filter(|_| whole).unwrap_or(Body::Malformed),
        keyword: name,
        positionals,
        attributes,
        line: keyword.line,
        column: keyword.column,
        start: raw.start,
        words_end: raw.words_end,
        end: raw.end,
    }
}

fn body(keyword: &str, reader: &mut Reader) -> Option<Body> {
    match keyword {
        "SERVER" => read_server::server(reader).map(Body::Server),
        "VENDOR" | "DAEMON" => read_server::vendor(reader).map(Body::Vendor),
        "USE_SERVER" => read_server::use_server(reader),
        "FEATURE" => feature(reader, CapacityKind::Feature).map(Body::Capacity),
        "INCREMENT" => feature(reader, CapacityKind::Increment).map(Body::Capacity),
        "PACKAGE" => package(reader).map(Body::Capacity),
        "UPGRADE" => upgrade(reader).map(Body::Capacity),
        "LICENSE" => read_ours::license(reader).map(Body::License),
        "KEY" => read_ours::key(reader).map(Body::Key),
        "REVOKED" => read_ours::revoked(reader).map(Body::Revoked),
        _ => unknown(keyword, reader),
    }
}

fn unknown(keyword: &str, reader: &mut Reader) -> Option<Body> {
    let at = reader.keyword.at();
    let shown: String = reader.keyword.text.chars().take(40).collect();
    if keyword.contains('=') {
        let finding =
            Finding::error("no-keyword", format!("the line begins with `{shown}`, not with a keyword"));
        let hint = format!("if it belongs to the line above, end line {} with `\\`", at.0.saturating_sub(1));
        return reader.fail(at, finding.hint(hint));
    }
    if keyword == "FEATURESET" {
        let finding = Finding::error("obsolete", "`FEATURESET` is obsolete and has no effect");
        return reader.fail(at, finding.hint("delete the line"));
    }
    let meant = if reader.problems.may_suggest() { nearest(keyword, KEYWORDS) } else { None };
    let hint = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            "a line begins with SERVER, VENDOR, FEATURE, INCREMENT or another keyword; `#` begins a comment"
                .to_owned()
        }
    };
    reader.fail(at, Finding::error("unknown-keyword", format!("`{shown}` is not a keyword")).hint(hint))
}

/// `FEATURE` and `INCREMENT` (flexnet-formats §1.5).
fn feature(reader: &mut Reader, kind: CapacityKind) -> Option<Capacity> {
    let feature = reader.need("a feature name")?.text.clone();
    let vendor = reader.need("a vendor name")?.text.clone();
    let version = reader.need("a version")?;
    let expiry = reader.need("an expiry date")?;
    let count = reader.need("a number of licenses")?;
    // All three are looked at even if one is wrong: a problem each.
    let (version, expiry, count) = (reader.version(version), reader.expiry(expiry), reader.count(count));
    let license_key = terms(reader);
    let (version, expiry) = (Some(version?), Some(expiry?));
    Some(Capacity { kind, feature, vendor, version, from_version: None, expiry, count: count?, license_key })
}

/// `UPGRADE` (flexnet-formats §1.7).
fn upgrade(reader: &mut Reader) -> Option<Capacity> {
    let feature = reader.need("a feature name")?.text.clone();
    let vendor = reader.need("a vendor name")?.text.clone();
    let from = reader.need("a version to start from")?;
    let to = reader.need("a version to make")?;
    let expiry = reader.need("an expiry date")?;
    let count = reader.need("a number of licenses")?;
    let (from_version, version) = (reader.version(from), reader.version(to));
    let (expiry, count) = (reader.expiry(expiry), reader.count(count));
    let license_key = terms(reader);
    let (from_version, version) = (from_version?, version?);
    if from_version >= version {
        let finding =
            Finding::error("bad-upgrade", format!("`{from_version}` is not older than `{version}`"));
        return reader.fail(from.at(), finding.hint("write the older version first"));
    }
    Some(Capacity {
        kind: CapacityKind::Upgrade,
        feature,
        vendor,
        version: Some(version),
        from_version: Some(from_version),
        expiry: Some(expiry?),
        count: count?,
        license_key,
    })
}

/// `PACKAGE` (flexnet-formats §1.6).
fn package(reader: &mut Reader) -> Option<Capacity> {
    let feature = reader.need("a package name")?.text.clone();
    let vendor = reader.need("a vendor name")?.text.clone();
    let version = reader.take_if(|word| !word.contains('=') && !is_license_key(word));
    let version = version.map(|word| reader.version(word));
    let license_key = terms(reader);
    if !reader.attributes.has("COMPONENTS") {
        let finding = Finding::error("no-components", "the package has no `COMPONENTS`");
        let at = reader.keyword.at();
        return reader.fail(at, finding.hint(usage("PACKAGE")));
    }
    Some(Capacity {
        kind: CapacityKind::Package,
        feature,
        vendor,
        version: version.map_or(Some(None), |read| read.map(Some))?,
        from_version: None,
        expiry: None,
        count: Count::Uncounted,
        license_key,
    })
}

/// The old-style key, the version 2 vendor string, and the attributes.
fn terms(reader: &mut Reader) -> Option<String> {
    let key = reader.take_if(is_license_key).map(|word| word.text.clone());
    reader.take_attributes();
    reduce::report(&reader.attributes, reader.problems);
    key
}

/// 12 to 20 digits and capital letters as the word before the attributes: a signature of before version 8.1.
fn is_license_key(word: &str) -> bool {
    let digits = word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    matches!(word.len(), 12 | 16 | 20) && digits && word.bytes().any(|b| b.is_ascii_digit())
}

/// Problems that only the whole file shows.
pub(crate) fn check_whole(statements: &[Statement], problems: &mut Problems) {
    read_server::check_servers(statements, problems);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for statement in statements.iter().filter(|statement| statement.capacity().is_some()) {
        if let Some(first) = seen.insert(statement.to_line(), statement.line) {
            let message = format!("the same as line {first}; it counts once");
            let finding = Finding::warning("repeated-line", message).hint("delete one of them");
            problems.add((statement.line, statement.column), finding);
        }
    }
}
