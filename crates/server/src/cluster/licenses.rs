//! What a server would grant by the license files it has at hand, so that servers of one cluster can make sure that they
//! have the same. Compares; loads nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// The signed lines of a server's license files and the publishers it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LicenseSet {
    /// Feature or license number by signature: what may be edited freely is not in it.
    lines: BTreeMap<String, String>,
    /// Publisher and root key.
    roots: BTreeSet<(String, String)>,
}

impl LicenseSet {
    /// Of these license files, under the publishers of the configuration.
    pub(crate) fn of<'a>(config: &Config, texts: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut lines = BTreeMap::new();
        for (name, bytes) in texts {
            let parsed = grantor_license::parse(name, bytes);
            for statement in parsed.document.statements() {
                if let Some(sign) = statement.attributes.get("SIGN") {
                    lines.insert(sign.split_whitespace().collect(), statement.name().to_owned());
                }
            }
        }
        let root = |publisher: &crate::config::Publisher| {
            let name = publisher.name.clone();
            publisher.root_keys.iter().map(move |key| (name.clone(), key.clone())).collect::<Vec<_>>()
        };
        Self { lines, roots: config.publishers.iter().flat_map(root).collect() }
    }

    /// Of the configured files as they are on this server's disk now.
    pub(crate) fn on_disk(config: &Config) -> Self {
        let texts = crate::loader::texts(&config.license_files);
        Self::of(config, texts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
    }

    /// What differs, in words; `None` if nothing does. A server without license files takes those of the others.
    pub(crate) fn differs(&self, other: &Self) -> Option<String> {
        if self.roots != other.roots {
            return Some(
                "they trust different publishers: the `publishers` of their configurations differ".to_owned(),
            );
        }
        if self.lines == other.lines || self.lines.is_empty() || other.lines.is_empty() {
            return None;
        }
        let lacks = |one: &Self, two: &Self| {
            let names: Vec<&str> = (one.lines.iter())
                .filter(|(sign, _)| !two.lines.contains_key(*sign))
                .map(|(_, name)| name.as_str())
                .collect();
            let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            if names.len() > 5 { format!("{shown} and {} more", names.len() - 5) } else { shown }
        };
        let (here, there) = (lacks(self, other), lacks(other, self));
        let part = |what: &str, names: String| (!names.is_empty()).then(|| format!("{what} {names}"));
        let parts =
            [part("only this server has lines for", here), part("only the other has lines for", there)];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(lines: &[(&str, &str)]) -> LicenseSet {
        let text: String = lines
            .iter()
            .map(|(feature, sign)| format!("INCREMENT {feature} acme 1.0 permanent 5 SIGN=\"{sign}\"\n"))
            .collect();
        LicenseSet::of(&Config::default(), [("a.lic", text.as_bytes())])
    }

    #[test]
    fn sets_differ_by_signed_lines_and_say_which() {
        let one = set(&[("cad", "k:AAAA"), ("cam", "k:BBBB")]);
        assert_eq!(one.differs(&set(&[("cam", "k:BB BB"), ("cad", "k:AAAA")])), None);
        assert_eq!(one.differs(&LicenseSet::default()), None);
        let text = one.differs(&set(&[("cam", "k:BBBB"), ("cae", "k:CCCC")])).unwrap();
        assert_eq!(text, "only this server has lines for cad; only the other has lines for cae");
    }
}
