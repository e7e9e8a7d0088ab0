//! What part of resources a client wants: which attributes, and which page of a list (RFC 7644, sections 3.4.2.4 and 3.9).

use std::collections::{BTreeMap, BTreeSet};

use grantor_api::limits;

use super::answer::{Fault, Kind};
use super::filter::{Attribute, Filter};

/// Resources of a list, unless so many are asked for.
const COUNT: usize = 100;

/// The words behind the question mark.
pub(super) type Query = BTreeMap<String, String>;

/// Which attributes are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    only: Option<BTreeSet<String>>,
    without: BTreeSet<String>,
}

impl Shown {
    pub(super) fn of(query: &Query) -> Self {
        let names = |word: &str| -> Option<BTreeSet<String>> {
            let text = query.get(word).filter(|text| !text.trim().is_empty())?;
            Some(text.split(',').map(|name| Attribute::new(name.trim()).name).collect())
        };
        Self { only: names("attributes"), without: names("excludedAttributes").unwrap_or_default() }
    }

    /// Whether an attribute is shown. A resource's id and schemas always are.
    pub(super) fn has(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        match &self.only {
            _ if name == "id" || name == "schemas" => true,
            Some(only) => only.contains(&name),
            None => !self.without.contains(&name),
        }
    }

    /// Whether the client names attributes, and so wants to see something.
    pub(super) fn is_asked(&self) -> bool {
        self.only.is_some()
    }
}

/// Which part of a list is wanted.
pub(super) struct Part {
    pub(super) filter: Option<Filter>,
    /// The first one's place, from 1.
    pub(super) start: usize,
    /// So many at most.
    pub(super) count: usize,
}

impl Part {
    pub(super) fn of(query: &Query) -> Result<Self, Fault> {
        let number = |word: &str, usual: usize| match query.get(word).map(|text| text.trim()) {
            None | Some("") => Ok(usual),
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(usize::try_from(number).unwrap_or(0)),
                Err(_) => {
                    Err(Fault::bad(Kind::InvalidValue, format!("`{word}` is `{text}`, which is no number")))
                }
            },
        };
        let filter = query.get("filter").map(String::as_str).filter(|text| !text.trim().is_empty());
        Ok(Self {
            filter: filter.map(Filter::read).transpose()?,
            start: number("startIndex", 1)?.max(1),
            count: number("count", COUNT)?.min(limits::PAGE),
        })
    }

    /// Those of all that were found which are on the page.
    pub(super) fn page<'a, T>(&self, found: &'a [T]) -> &'a [T] {
        let rest = found.get(self.start - 1..).unwrap_or_default();
        &rest[..rest.len().min(self.count)]
    }
}
