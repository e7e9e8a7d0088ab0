//! The attributes of a statement: `NAME=value`, or a name alone. May not know what they mean; unknown ones are kept.

use std::fmt;

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name as written.
    pub name: String,
    /// The value with quotes taken off; `None` when the name stands alone.
    pub value: Option<String>,
    /// Where it stands: line and column, from 1.
    pub at: (u32, u32),
}

/// Written by the administrator, in lower case, and not signed (flexnet-formats §1.5).
const ADMINISTRATORS: [&str; 4] = ["asset_info", "dist_info", "user_info", "sort"];
/// Hold or repeat a signature and so cannot be signed themselves.
const SIGNATURES: [&str; 4] = ["SIGN", "SIGN2", "AUTH", "CK"];

impl Attribute {
    /// Whether the signature covers it: all do, but the administrator's four and the signatures themselves.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let own = ADMINISTRATORS.contains(&self.name.as_str());
        !own && !SIGNATURES.iter().any(|name| self.is(name))
    }

    /// Whether this is its name; case does not matter.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            None => f.write_str(&quoted(&self.name)),
            Some(value) if quoted(&self.name) == self.name => write!(f, "{}={}", self.name, quoted(value)),
            Some(value) => f.write_str(&quoted(&format!("{}={value}", self.name))),
        }
    }
}

/// The value as the file needs it: in quotes if it would be read as anything but one word.
pub(crate) fn quoted(value: &str) -> String {
    // A quote can only have come from inside braces, which need none around them.
    let plain = |c: char| !c.is_whitespace() && !"\"{}()#\\".contains(c);
    let bare = value.contains('"') || (!value.is_empty() && value.chars().all(plain));
    if bare { value.to_owned() } else { format!("\"{value}\"") }
}

/// The attributes of one statement in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    pub(crate) fn push(&mut self, attribute: Attribute) {
        self.0.push(attribute);
    }

    /// The first attribute of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find(|attribute| attribute.is(name))
    }

    /// Whether the name occurs, with or without value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of the first attribute of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name)?.value.as_deref()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_and_signatures_are_not_signed_and_all_else_is() {
        let signed = |name: &str| Attribute { name: name.into(), value: None, at: (1, 1) }.is_signed();
        for name in ["asset_info", "dist_info", "user_info", "sort", "SIGN", "sign2", "AUTH", "ck"] {
            assert!(!signed(name), "{name}");
        }
        for name in ["vendor_info", "SORT", "dup_group", "NOTICE", "anything"] {
            assert!(signed(name), "{name}");
        }
    }

    #[test]
    fn values_are_quoted_when_they_need_it() {
        assert_eq!(quoted("a=b;c"), "a=b;c");
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("{f1:x}"), "\"{f1:x}\"");
        assert_eq!(quoted("{a=\"x y\"}"), "{a=\"x y\"}");
    }
}
