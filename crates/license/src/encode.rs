//! The bytes that are signed (docs: `signed-bytes.md`). May not change: files signed once must verify for ever. A new
//! encoding gets a new domain tag.

use std::borrow::Cow;

use crate::attributes::Attributes;
use crate::statement::Statement;

const LINE: &str = "grantor/line/v1";
const LICENSE: &str = "grantor/license/v1";
const KEY: &str = "grantor/key/v1";
const REVOKED: &str = "grantor/revoked/v1";

struct Encoder(Vec<u8>);

impl Encoder {
    fn new(tag: &str) -> Self {
        let mut encoder = Self(Vec::with_capacity(256));
        encoder.item(tag);
        encoder
    }

    fn length(&mut self, length: usize) {
        // Input is bounded far below 4 GiB; saturating keeps the function total.
        self.0.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn item(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    fn list(&mut self, items: &[String]) {
        self.length(items.len());
        items.iter().for_each(|item| self.item(item));
    }

    /// Name in upper case, then `=value`, or nothing for a name alone; sorted by name, equal names in file order.
    fn attributes(&mut self, attributes: &Attributes) {
        let signed = attributes.iter().filter(|attribute| attribute.is_signed());
        let mut pairs: Vec<(String, Cow<'_, str>)> = signed
            .map(|attribute| {
                let value =
                    attribute.value.as_ref().map_or(Cow::Borrowed(""), |value| format!("={value}").into());
                (attribute.name.to_ascii_uppercase(), value)
            })
            .collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        self.length(pairs.len());
        for (name, value) in &pairs {
            self.item(name);
            self.item(value);
        }
    }
}

/// The bytes that the signature of a `KEY` line covers.
pub(crate) fn key_bytes(positionals: &[String], attributes: &Attributes) -> Vec<u8> {
    let mut encoder = Encoder::new(KEY);
    encoder.list(positionals);
    encoder.attributes(attributes);
    encoder.0
}

/// The bytes that the signature of a `REVOKED` line covers.
pub(crate) fn revoked_bytes(positionals: &[String], attributes: &Attributes) -> Vec<u8> {
    let mut encoder = Encoder::new(REVOKED);
    encoder.list(positionals);
    encoder.attributes(attributes);
    encoder.0
}

/// The bytes that the signature of a statement covers: domain tag, publisher and bound host ids (not for `KEY` and
/// `REVOKED`), keyword (not for these and `LICENSE`), positional words, attributes.
#[must_use]
pub fn signed_bytes(statement: &Statement, publisher: &str, bound_host_ids: &[String]) -> Vec<u8> {
    if statement.keyword == "KEY" {
        return key_bytes(&statement.positionals, &statement.attributes);
    }
    if statement.keyword == "REVOKED" {
        return revoked_bytes(&statement.positionals, &statement.attributes);
    }
    let license = statement.keyword == "LICENSE";
    let mut encoder = Encoder::new(if license { LICENSE } else { LINE });
    encoder.item(publisher);
    encoder.list(bound_host_ids);
    if !license {
        encoder.item(&statement.keyword);
    }
    encoder.list(&statement.positionals);
    encoder.attributes(&statement.attributes);
    encoder.0
}
