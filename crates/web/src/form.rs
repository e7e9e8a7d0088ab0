//! Fields of a form or a query: texts, read leniently and bounded. How a body arrives is the service's.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// A text that makes no sense in its field, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Senseless(pub String);

/// Fields of one form or query, at most.
const FIELDS: usize = 5_000;

/// Fields in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`, as many fields as are allowed.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(bytes).into_owned();
        Self(pairs.take(FIELDS).collect())
    }

    /// Fields with these texts.
    #[must_use]
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// One more field, as long as there may be one.
    pub fn add(&mut self, name: String, value: String) {
        if self.0.len() < FIELDS {
            self.0.push((name, value));
        }
    }

    /// A field's text without blanks around it; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(has, _)| has == name).map_or("", |(_, value)| value.trim())
    }

    /// A field as it came.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(has, _)| has == name).map_or("", |(_, value)| value)
    }

    /// A field's text; `None` where it is empty or not there.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Whether there is anything in a field: how checkboxes are read.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(has, _)| has == name).map(|(_, value)| value.trim())
    }

    /// Fields that begin so, by what follows.
    pub fn beginning<'a>(&'a self, with: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(with)?, value.trim())))
    }

    /// The number of a list's page, from 0.
    #[must_use]
    pub fn page(&self) -> u64 {
        self.text("page").parse().unwrap_or(0).min(1_000_000)
    }

    /// A whole number; nothing is 0.
    ///
    /// # Errors
    /// Another text, or a number past 4,294,967,295.
    pub fn number(&self, name: &str) -> Result<u32, Senseless> {
        number(name, self.text(name))
    }

    /// The same query with some fields changed, or taken out where they are empty; without what says what was just done.
    #[must_use]
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let changed: BTreeMap<&str, &str> = changes.iter().copied().collect();
        let stays = |name: &str| name != "done" && !changed.contains_key(name);
        let kept = self.0.iter().filter(|(name, value)| stays(name) && !value.is_empty());
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let new = changes.iter().copied().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(new)).finish();
        format!("?{query}")
    }

    /// Where somebody wanted to go (`next`): a path of ours, and nothing else.
    #[must_use]
    pub fn next(&self) -> String {
        let path = self.text("next");
        let ours =
            path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']);
        if ours { path.to_owned() } else { "/".to_owned() }
    }

    /// All fields.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A whole number; nothing is 0.
///
/// # Errors
/// Another text, or a number past 4,294,967,295.
pub fn number(name: &str, text: &str) -> Result<u32, Senseless> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| Senseless(format!("{name}: `{text}` is no whole number from 0 to 4294967295")))
}

impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn a_link_made_from_a_query_does_not_say_again_what_was_done() {
        let asked = Fields::parse(b"text=acme&done=saved&page=2");
        assert_eq!(asked.text("done"), "saved");
        assert_eq!(asked.with(&[("page", "3")]), "?text=acme&page=3");
    }
}
