//! What is wrong with a text, where, and what to do about it. May not decide what a problem leads to: readers
//! report, callers judge.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The statement is used, but something about it will surprise.
    Warning,
    /// The statement cannot be used as it stands.
    Error,
}

/// One thing wrong in one place of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the statement can be used at all.
    pub severity: Severity,
    /// A stable name of the problem for scripts and tests, such as `bad-date`.
    pub code: &'static str,
    /// The file as the caller named it.
    pub file: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// Whether this is an error, not just a warning.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}:{}:{}: {severity}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// A problem without its file, as the readers make them.
pub(crate) struct Finding {
    severity: Severity,
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Finding {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), hint: None }
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// More problems than this in one file help nobody; a file of noise must not fill the memory with messages.
const MAX_PROBLEMS: usize = 10_000;
const MAX_SUGGESTIONS: u32 = 20_000;

/// Collects the problems of one file.
pub(crate) struct Problems {
    file: String,
    list: Vec<Problem>,
    errors: usize,
    suggestions: u32,
}

impl Problems {
    pub(crate) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new(), errors: 0, suggestions: 0 }
    }

    /// Records `finding` at `(line, column)`.
    pub(crate) fn add(&mut self, at: (u32, u32), finding: Finding) {
        self.errors += usize::from(finding.severity == Severity::Error);
        let finding = match self.list.len() {
            ..MAX_PROBLEMS => finding,
            MAX_PROBLEMS => Finding::error("too-many-problems", "too many problems; the rest are not listed")
                .hint("check that this is a license file"),
            _ => return,
        };
        self.list.push(Problem {
            severity: finding.severity,
            code: finding.code,
            file: self.file.clone(),
            line: at.0,
            column: at.1,
            message: finding.message,
            hint: finding.hint,
        });
    }

    /// Whether to look for the word that was meant. Looking is slow: a file of noise gets only so many looks.
    pub(crate) fn may_suggest(&mut self) -> bool {
        self.suggestions = self.suggestions.saturating_add(1);
        self.suggestions <= MAX_SUGGESTIONS
    }

    /// How many errors there were so far, listed or not.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|problem| (problem.line, problem.column));
        self.list
    }
}

/// The candidate nearest to `word`, if it is near enough to be what was meant (one slip in three letters).
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_uppercase();
    // A long word is not a slip of the pen; and the comparison is quadratic.
    if word.len() > 40 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_ascii_uppercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_place_severity_message_and_hint() {
        let mut problems = Problems::of("license.dat");
        problems.add((3, 14), Finding::error("bad-date", "`x` is not a date").hint("write `31-dec-2027`"));
        let shown = problems.into_list()[0].to_string();
        assert_eq!(shown, "license.dat:3:14: error: `x` is not a date\n  hint: write `31-dec-2027`");
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("FEATRUE", ["SERVER", "FEATURE"]), Some("FEATURE"));
        assert_eq!(nearest("nope", ["SERVER", "FEATURE"]), None);
    }

    #[test]
    fn problems_are_capped() {
        let mut problems = Problems::of("x");
        for _ in 0..MAX_PROBLEMS + 50 {
            problems.add((1, 1), Finding::warning("w", "w"));
        }
        let list = problems.into_list();
        assert_eq!(list.len(), MAX_PROBLEMS + 1);
        assert_eq!(list[MAX_PROBLEMS].code, "too-many-problems");
    }
}
