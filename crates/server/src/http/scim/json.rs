//! Reading what clients of SCIM send: names of attributes without regard to case, and truth values that some spell as texts.

use serde_json::{Map, Value};

use super::answer::{Fault, Kind};

/// A field by its name in any case.
pub(super) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A text; an empty one says nothing, as null does.
pub(super) fn text(name: &str, value: Option<&Value>) -> Result<Option<String>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(Fault::bad(Kind::InvalidValue, format!("`{name}` is not a text"))),
    }
}

/// True or false, also as `"True"` (Entra ID).
pub(super) fn flag(name: &str, value: Option<&Value>) -> Result<Option<bool>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(Fault::bad(Kind::InvalidValue, format!("`{name}` is neither true nor false"))),
    }
}

/// A body that is one JSON object.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    serde_json::from_slice(bytes)
        .map_err(|error| Fault::bad(Kind::InvalidSyntax, format!("the body is not a JSON object: {error}")))
}
