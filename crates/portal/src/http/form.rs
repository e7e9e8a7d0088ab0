//! Fields of a form or a query: texts, read leniently and bounded.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Multipart, RawForm, Request};
use axum::http::request::Parts;

use super::Shared;
use super::fault::Fault;

/// Fields of one form or query, at most.
const FIELDS: usize = 5_000;

/// Fields in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(bytes: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(bytes).into_owned();
        Self(pairs.take(FIELDS).collect())
    }

    /// Fields with these texts.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// A field's text without blanks around it; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(has, _)| has == name).map_or("", |(_, value)| value.trim())
    }

    /// A field as it came.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(has, _)| has == name).map_or("", |(_, value)| value)
    }

    /// A field's text; `None` where it is empty or not there.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Whether there is anything in a field: how checkboxes are read.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// All values of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(has, _)| has == name).map(|(_, value)| value.trim())
    }

    /// Fields that begin so, by what follows.
    pub(super) fn beginning<'a>(&'a self, with: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(with)?, value.trim())))
    }

    /// The number of a list's page, from 0.
    pub(super) fn page(&self) -> u64 {
        self.text("page").parse().unwrap_or(0).min(1_000_000)
    }

    /// A whole number; nothing is 0.
    pub(super) fn number(&self, name: &str) -> Result<u32, Fault> {
        number(name, self.text(name))
    }

    /// The same query with some fields changed, or taken out where they are empty; without what says what was just done.
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> String {
        let changed: BTreeMap<&str, &str> = changes.iter().copied().collect();
        let stays = |name: &str| name != "done" && !changed.contains_key(name);
        let kept = self.0.iter().filter(|(name, value)| stays(name) && !value.is_empty());
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let new = changes.iter().copied().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(new)).finish();
        format!("?{query}")
    }

    /// All fields.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A whole number; nothing is 0.
pub(super) fn number(name: &str, text: &str) -> Result<u32, Fault> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| Fault::Senseless(format!("{name}: `{text}` is no whole number from 0 to 4294967295")))
}

impl FromRequestParts<Shared> for Fields {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

/// The fields of a form that was sent.
pub(super) struct Form(pub(super) Fields);

impl FromRequest<Shared> for Form {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Fault> {
        let RawForm(bytes) = RawForm::from_request(request, app)
            .await
            .map_err(|_| Fault::Senseless("this form is too long or is none".to_owned()))?;
        Ok(Self(Fields::parse(&bytes)))
    }
}

/// A form with one uploaded file: its bytes, and the fields beside it.
pub(super) struct Upload {
    pub(super) file: Vec<u8>,
    /// The file's own name.
    pub(super) name: String,
    pub(super) fields: Fields,
}

impl FromRequest<Shared> for Upload {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Fault> {
        let wrong = |_| Fault::Senseless("the file is too large, or did not arrive whole".to_owned());
        let mut parts = Multipart::from_request(request, app)
            .await
            .map_err(|_| Fault::Senseless("this form has no file".to_owned()))?;
        let mut upload = Self { file: Vec::new(), name: String::new(), fields: Fields::default() };
        while let Some(part) = parts.next_field().await.map_err(wrong)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
            if let Some(file) = file {
                upload.name = file;
                upload.file = part.bytes().await.map_err(wrong)?.to_vec();
            } else if upload.fields.0.len() < FIELDS {
                upload.fields.0.push((name, part.text().await.map_err(wrong)?));
            }
        }
        Ok(upload)
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
