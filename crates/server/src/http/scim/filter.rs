//! Filters and paths of SCIM (RFC 7644, sections 3.4.2.2 and 3.5.2): a bounded reader, and whether a resource fits. Pure:
//! knows attributes by name only. No crate is used: those that there are have no bounds on depth, and match JSON.

use std::borrow::Cow;

use super::answer::{Fault, Kind};

mod read;
#[cfg(test)]
mod tests;

use read::Reader;

/// An attribute, perhaps a part of it; lower case, without the name of its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) part: Option<String>,
}

impl Attribute {
    /// Reads `name` or `name.part`, with or without the name of a schema in front.
    pub(super) fn new(text: &str) -> Self {
        let text = without_schema(text).to_lowercase();
        match text.split_once('.') {
            // The name of an extension has dots of its own.
            Some((name, part)) if !text.starts_with("urn:") => {
                Self { name: name.to_owned(), part: Some(part.to_owned()) }
            }
            _ => Self { name: text, part: None },
        }
    }
}

/// An attribute's name without that of one of the two core schemas.
fn without_schema(text: &str) -> &str {
    let schemas = [super::schema::USER, super::schema::GROUP];
    let behind = |schema: &str| {
        let (start, rest) = text.split_at_checked(schema.len())?;
        start.eq_ignore_ascii_case(schema).then(|| rest.strip_prefix(':')).flatten()
    };
    schemas.into_iter().find_map(behind).unwrap_or(text)
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The operators as they are spelled.
pub(super) const OPERATORS: [(&str, Operator); 9] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("co", Operator::Contains),
    ("sw", Operator::StartsWith),
    ("ew", Operator::EndsWith),
    ("gt", Operator::Greater),
    ("ge", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("le", Operator::LessOrEqual),
];

/// What a filter compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Flag(bool),
    /// As it is spelled: nothing here is a number.
    Number(String),
    Null,
}

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Compare(Attribute, Operator, Literal),
    Present(Attribute),
    /// One value of the attribute fits all of the filter.
    Within(String, Box<Filter>),
    Not(Box<Filter>),
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

/// Where a change goes: an attribute, those of its values that fit, and a part of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) attribute: Attribute,
    pub(super) filter: Option<Filter>,
}

/// What a resource has.
#[derive(Clone, Debug)]
pub(super) enum Held<'a> {
    /// Compared without regard to case.
    Text(Cow<'a, str>),
    /// Compared with it.
    Exact(Cow<'a, str>),
    Flag(bool),
}

/// One value of an attribute with its parts; a plain value is the part `value`.
pub(super) type Value<'a> = Vec<(&'static str, Held<'a>)>;

/// What filters are asked about.
pub(super) trait Resource {
    /// The values of an attribute, by its name in lower case; empty if there is none.
    fn values(&self, attribute: &str) -> Vec<Value<'_>>;
}

impl Filter {
    /// Reads a filter.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        Reader::new(text, Kind::InvalidFilter)?.filter()
    }

    /// Whether a resource fits.
    pub(super) fn fits(&self, resource: &impl Resource) -> bool {
        match self {
            Self::Compare(attribute, operator, literal) => {
                let values = resource.values(&attribute.name);
                let part = attribute.part.as_deref();
                compares(values.iter().flat_map(|value| held(value, part)), *operator, literal)
            }
            Self::Present(attribute) => {
                let values = resource.values(&attribute.name);
                values.iter().any(|value| held(value, attribute.part.as_deref()).next().is_some())
            }
            Self::Within(name, filter) => resource.values(name).iter().any(|value| filter.fits_value(value)),
            Self::Not(filter) => !filter.fits(resource),
            Self::And(all) => all.iter().all(|filter| filter.fits(resource)),
            Self::Or(any) => any.iter().any(|filter| filter.fits(resource)),
        }
    }

    /// Whether one value of an attribute fits, whose parts the filter names.
    pub(super) fn fits_value(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Compare(part, operator, literal) => {
                compares(held(value, Some(&part.name)), *operator, literal)
            }
            Self::Present(part) => held(value, Some(&part.name)).next().is_some(),
            Self::Within(..) => false,
            Self::Not(filter) => !filter.fits_value(value),
            Self::And(all) => all.iter().all(|filter| filter.fits_value(value)),
            Self::Or(any) => any.iter().any(|filter| filter.fits_value(value)),
        }
    }

    /// The text that an attribute must be equal to, so that only one resource needs to be looked at.
    pub(super) fn wants(&self, attribute: &str) -> Option<&str> {
        match self {
            Self::Compare(of, Operator::Equal, Literal::Text(text)) => {
                let is_plain = of.part.as_deref().is_none_or(|part| part == "value");
                (of.name == attribute && is_plain).then_some(text)
            }
            Self::And(all) => all.iter().find_map(|filter| filter.wants(attribute)),
            _ => None,
        }
    }
}

/// The parts of a value that are meant.
fn held<'a>(value: &'a Value<'_>, part: Option<&'a str>) -> impl Iterator<Item = &'a Held<'a>> {
    let part = part.unwrap_or("value");
    value.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(part)).map(|(_, held)| held)
}

fn compares<'a>(mut held: impl Iterator<Item = &'a Held<'a>>, operator: Operator, literal: &Literal) -> bool {
    match (operator, literal) {
        (Operator::Equal, Literal::Null) => held.next().is_none(),
        (Operator::NotEqual, Literal::Null) => held.next().is_some(),
        (Operator::NotEqual, _) => !held.any(|held| compare(held, Operator::Equal, literal)),
        _ => held.any(|held| compare(held, operator, literal)),
    }
}

fn compare(held: &Held<'_>, operator: Operator, literal: &Literal) -> bool {
    match (held, literal) {
        (Held::Flag(held), Literal::Flag(flag)) => operator == Operator::Equal && held == flag,
        // Some send `active eq "true"`.
        (Held::Flag(held), Literal::Text(text)) => {
            operator == Operator::Equal && text.eq_ignore_ascii_case(&held.to_string())
        }
        (Held::Exact(held), Literal::Text(text) | Literal::Number(text)) => texts(held, operator, text),
        (Held::Text(held), Literal::Text(text) | Literal::Number(text)) => {
            texts(&held.to_lowercase(), operator, &text.to_lowercase())
        }
        _ => false,
    }
}

fn texts(held: &str, operator: Operator, text: &str) -> bool {
    match operator {
        Operator::Equal => held == text,
        Operator::NotEqual => held != text,
        Operator::Contains => held.contains(text),
        Operator::StartsWith => held.starts_with(text),
        Operator::EndsWith => held.ends_with(text),
        Operator::Greater => held > text,
        Operator::GreaterOrEqual => held >= text,
        Operator::Less => held < text,
        Operator::LessOrEqual => held <= text,
    }
}

impl Path {
    /// Reads a path.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        Reader::new(text.trim(), Kind::InvalidPath)?.path()
    }
}
