//! 128-bit names chosen at random, written as 32 hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A session, a lease or a request: 128 bits, written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexId(pub u128);

impl fmt::Display for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for HexId {
    /// Shows the first eighth only: whoever knows a session's id may act for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HexId({:04x}…)", self.0 >> 112)
    }
}

/// What is not 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadId;

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 32 hex digits")
    }
}

impl std::error::Error for BadId {}

impl FromStr for HexId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        if text.len() != 32 {
            return Err(BadId);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(BadId);
        text.bytes().try_fold(0, |id, byte| Ok(id << 4 | u128::from(digit(byte)?))).map(Self)
    }
}

impl TryFrom<String> for HexId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<HexId> for String {
    fn from(id: HexId) -> Self {
        id.to_string()
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    use utoipa::openapi::{RefOr, Schema};
    use utoipa::{PartialSchema, ToSchema};

    impl PartialSchema for super::HexId {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-fA-F]{32}$")).into()
        }
    }

    impl ToSchema for super::HexId {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is() {
        let id = HexId(0x00ff << 64 | 5);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "5", "+0000000000000000000000000000005", "0000000000000000000000000000000g"] {
            assert_eq!(bad.parse::<HexId>(), Err(BadId), "{bad}");
        }
    }
}
