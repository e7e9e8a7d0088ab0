//! The lines of a table and what stands in their cells. A cell that says nothing that can be understood is told with its line
//! and column, and reading goes on behind it.

use std::collections::BTreeSet;
use std::fmt;

use grantor_api::directory::Medium;
use grantor_api::limits;
use grantor_web::answer::harmless;
use serde::de::DeserializeOwned;

use super::COLUMNS;

/// What is wrong in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; the first one names the columns.
    pub line: u64,
    /// The column; none where the whole line is meant.
    pub column: Option<&'static str>,
    /// What is wrong, for people.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(to, "{}: `{column}`: {}", self.line, self.text),
            None => write!(to, "{}: {}", self.line, self.text),
        }
    }
}

/// A line with its cells, in the order of [`COLUMNS`]; those of columns that the table has not are empty.
pub(super) struct Line {
    pub(super) number: u64,
    cells: [String; COLUMNS.len()],
    pub(super) problems: Vec<Problem>,
}

/// The lines behind the first; nothing if the first can't be understood.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, Problem> {
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    // Where a comma is used for fractions, spreadsheets put semicolons between cells.
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| first(error.to_string()))?;
    let places = places(head)?;
    let mut last = 1;
    let line = |record: Result<csv::StringRecord, csv::Error>| {
        let at = match &record {
            Ok(record) => record.position(),
            Err(error) => error.position(),
        };
        last = at.map_or(last, csv::Position::line);
        line(last, record, &places)
    };
    Ok(reader.records().map(line).collect())
}

fn first(text: String) -> Problem {
    Problem { line: 1, column: None, text }
}

/// Where in [`COLUMNS`] each column of the table stands.
fn places(head: &csv::StringRecord) -> Result<Vec<usize>, Problem> {
    let mut places = Vec::new();
    for name in head {
        let Some(place) = COLUMNS.iter().position(|column| *column == name) else {
            let known = COLUMNS.join(", ");
            return Err(first(format!("no column is called `{name}`; there are {known}")));
        };
        places.push(place);
    }
    if places.iter().collect::<BTreeSet<_>>().len() < places.len() {
        return Err(first("a column is named twice".to_owned()));
    }
    if !places.contains(&0) {
        return Err(first("the column `what` is missing; the first line names the columns".to_owned()));
    }
    Ok(places)
}

fn line(number: u64, record: Result<csv::StringRecord, csv::Error>, places: &[usize]) -> Line {
    let mut line = Line { number, cells: Default::default(), problems: Vec::new() };
    let record = match record {
        Ok(record) => record,
        Err(error) => {
            line.wrong(None, error.to_string());
            return line;
        }
    };
    if record.len() > places.len() {
        line.wrong(None, format!("{} fields, and {} columns", record.len(), places.len()));
        return line;
    }
    for (cell, place) in record.iter().zip(places) {
        line.put(*place, cell);
    }
    line
}

impl Line {
    fn put(&mut self, place: usize, cell: &str) {
        let (cell, column) = (unguarded(cell), COLUMNS.get(place).copied());
        if cell.len() > limits::NAME {
            self.wrong(column, format!("it has {} bytes, and {} are the most", cell.len(), limits::NAME));
        } else if cell.chars().any(char::is_control) {
            self.wrong(column, "it has control characters, such as a line's end".to_owned());
        } else if let Some(own) = self.cells.get_mut(place) {
            cell.clone_into(own);
        }
    }

    pub(super) fn wrong(&mut self, column: Option<&'static str>, text: String) {
        self.problems.push(Problem { line: self.number, column, text });
    }

    pub(super) fn cell(&self, column: &str) -> &str {
        let cell = COLUMNS.iter().zip(&self.cells).find(|(name, _)| **name == column);
        cell.map_or("", |(_, cell)| cell)
    }

    pub(super) fn has(&self, column: &str) -> bool {
        !self.cell(column).is_empty()
    }

    /// What stands in a cell; nothing where it is empty.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        Some(self.cell(column)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// What stands in a cell that must not be empty.
    pub(super) fn needed(&mut self, column: &'static str) -> Option<String> {
        let text = self.text(column);
        if text.is_none() && self.problems.iter().all(|problem| problem.column != Some(column)) {
            self.wrong(Some(column), "it is empty".to_owned());
        }
        text
    }

    /// A word as the API spells it.
    pub(super) fn word<T: DeserializeOwned>(&mut self, column: &'static str) -> Option<T> {
        let word = self.text(column)?;
        self.read_word(column, &word)
    }

    fn read_word<T: DeserializeOwned>(&mut self, column: &'static str, word: &str) -> Option<T> {
        let read = serde_json::from_value(word.to_lowercase().into());
        read.map_err(|error| self.wrong(Some(column), error.to_string())).ok()
    }

    pub(super) fn yes_or_no(&mut self, column: &'static str) -> Option<bool> {
        match &*self.cell(column).to_lowercase() {
            "" => None,
            "yes" | "true" | "1" => Some(true),
            "no" | "false" | "0" => Some(false),
            other => {
                let text = format!("it is `{other}`; write yes or no");
                self.wrong(Some(column), text);
                None
            }
        }
    }

    /// Interaction types with blanks or semicolons between them; nothing where the cell is empty.
    pub(super) fn media(&mut self) -> Option<Vec<Medium>> {
        let cell = self.text("media")?;
        let words = cell.split([' ', ';']).filter(|word| !word.is_empty());
        let media: Vec<Medium> = words.filter_map(|word| self.read_word("media", word)).collect();
        (!media.is_empty()).then_some(media)
    }
}

/// Whether a spreadsheet would take the cell for a formula, were it not for apostrophes at its beginning.
fn is_formula(cell: &str) -> bool {
    let bare = cell.trim_start_matches('\'');
    !bare.is_empty() && harmless(bare.to_owned()) != bare
}

/// A cell that no spreadsheet takes for a formula: an apostrophe more where one would, or where [`unguarded`] would take one
/// away.
pub(super) fn guarded(cell: &str) -> String {
    if is_formula(cell) { format!("'{cell}") } else { cell.to_owned() }
}

fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}
