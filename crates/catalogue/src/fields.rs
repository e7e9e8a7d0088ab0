//! Reads TOML field by field and collects every problem on the way, with its line and column.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::nearest::{did_you_mean, listed};
use crate::order::Place;
use crate::problem::{Problem, file_name};

/// A text being read, and what is wrong with it so far.
pub(crate) struct Reader<'t> {
    file: String,
    text: &'t str,
    pub(crate) problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(name: &str, text: &'t str) -> Self {
        Self { file: file_name(name), text, problems: Vec::new() }
    }

    /// The root table, unless the text is not TOML; then every line where it is not, for what else is wrong with a
    /// line mostly follows from the first.
    pub(crate) fn root(&mut self) -> Option<Spanned<DeTable<'t>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, format!("not TOML: {}", error.message()), None);
        }
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.dedup_by_key(|problem| problem.line);
        errors.is_empty().then_some(table)
    }

    pub(crate) fn error(&mut self, at: usize, message: impl Into<String>, hint: Option<String>) {
        let Place { line, column } = self.place(at);
        let message = message.into();
        self.problems.push(Problem { file: self.file.clone(), line, column, message, hint });
    }

    /// Line and column of a byte.
    pub(crate) fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place {
            line: number(before.matches('\n').count() + 1),
            column: number(before[line_start..].chars().count() + 1),
        }
    }

    /// What was read, unless something was wrong; problems in the order of the text.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Problem>> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems),
        }
    }
}

/// One value with its place: the byte it begins at.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// A table being read: remembers which keys were asked for, so that all others are unknown.
pub(crate) struct Fields<'a> {
    table: &'a DeTable<'a>,
    /// The byte at which the table begins.
    pub(crate) at: usize,
    what: &'static str,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(table: &'a DeTable<'a>, span: &Range<usize>, what: &'static str) -> Self {
        Self { table, at: span.start, what, asked: Vec::new() }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Whether the key is there at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A text, not empty and on one line.
    pub(crate) fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<At<String>> {
        let value = self.get(key)?;
        let text = text_of(reader, value, key)?;
        if text.value.trim().is_empty() {
            reader.error(text.at, format!("`{key}` is empty"), None);
            return None;
        }
        Some(text)
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<At<String>> {
        if !self.has(key) {
            self.missing(reader, key);
        }
        self.text(reader, key)
    }

    /// Says that a key is not there.
    pub(crate) fn missing(&mut self, reader: &mut Reader<'_>, key: &'static str) {
        let hint = Some(format!("add `{key} = …`"));
        reader.error(self.at, format!("{} has no `{key}`", self.what), hint);
    }

    /// A whole number within a range.
    pub(crate) fn number(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let value = self.get(key)?;
        let at = value.span().start;
        let Some(integer) = value.get_ref().as_integer() else {
            wrong_type(reader, at, key, "a whole number", value.get_ref());
            return None;
        };
        let digits = integer.as_str().replace('_', "");
        match i128::from_str_radix(&digits, integer.radix()).ok().and_then(|n| u32::try_from(n).ok()) {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let hint = Some(format!("write a whole number from {} to {}", range.start(), range.end()));
                reader.error(at, format!("`{key} = {integer}` is out of range"), hint);
                None
            }
        }
    }

    /// `true` or `false`; `false` if it is not there.
    pub(crate) fn flag(&mut self, reader: &mut Reader<'_>, key: &'static str) -> bool {
        let Some(value) = self.get(key) else { return false };
        match value.get_ref().as_bool() {
            Some(flag) => flag,
            None => {
                wrong_type(reader, value.span().start, key, "`true` or `false`", value.get_ref());
                false
            }
        }
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(reader, key)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let hint = format!("write one of {}", listed(words.iter().map(|(word, _)| *word)));
            reader.error(text.at, format!("`{key}` cannot be `{}`", text.value), Some(hint));
        }
        found
    }

    /// A list of texts; empty if it is not there.
    pub(crate) fn texts(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<At<String>> {
        let values = self.list(reader, key);
        values.iter().filter_map(|value| text_of(reader, value, key)).collect()
    }

    /// A list of anything; empty if it is not there.
    pub(crate) fn list(&mut self, reader: &mut Reader<'_>, key: &'static str) -> &'a [Spanned<DeValue<'a>>] {
        let Some(value) = self.get(key) else { return &[] };
        match value.get_ref().as_array() {
            Some(array) => items(array),
            None => {
                wrong_type(reader, value.span().start, key, "a list", value.get_ref());
                &[]
            }
        }
    }

    /// A table under a key.
    pub(crate) fn table(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        what: &'static str,
    ) -> Option<Fields<'a>> {
        let value = self.get(key)?;
        table_of(reader, value, key, what)
    }

    /// A list of tables, as `[[key]]` writes it.
    pub(crate) fn tables(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        what: &'static str,
    ) -> Vec<Fields<'a>> {
        let values = self.list(reader, key);
        values.iter().filter_map(|value| table_of(reader, value, key, what)).collect()
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self, reader: &mut Reader<'_>) {
        for key in self.table.keys().filter(|key| !self.asked.iter().any(|asked| *asked == key.get_ref())) {
            let known = || self.asked.iter().copied();
            let hint = did_you_mean(key.get_ref(), known())
                .unwrap_or_else(|| format!("{} may have {}", self.what, listed(known())));
            reader.error(key.span().start, format!("unknown key `{}`", key.get_ref()), Some(hint));
        }
    }
}

/// A value as a table.
pub(crate) fn table_of<'a>(
    reader: &mut Reader<'_>,
    value: &'a Spanned<DeValue<'a>>,
    key: &str,
    what: &'static str,
) -> Option<Fields<'a>> {
    let span = value.span();
    match value.get_ref().as_table() {
        Some(table) => Some(Fields::new(table, &span, what)),
        None => {
            wrong_type(reader, span.start, key, "a table", value.get_ref());
            None
        }
    }
}

/// A value as a text on one line.
pub(crate) fn text_of(
    reader: &mut Reader<'_>,
    value: &Spanned<DeValue<'_>>,
    key: &str,
) -> Option<At<String>> {
    let at = value.span().start;
    let Some(text) = value.get_ref().as_str() else {
        wrong_type(reader, at, key, "text in quotes", value.get_ref());
        return None;
    };
    if text.contains(['\n', '\r']) {
        reader.error(at, format!("`{key}` must stand on one line"), None);
        return None;
    }
    Some(At { value: text.to_owned(), at })
}

fn items<'a>(array: &'a DeArray<'a>) -> &'a [Spanned<DeValue<'a>>] {
    array
}

fn wrong_type(reader: &mut Reader<'_>, at: usize, key: &str, wanted: &str, value: &DeValue<'_>) {
    reader.error(at, format!("`{key}` must be {wanted}, not {}", kind(value)), None);
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
