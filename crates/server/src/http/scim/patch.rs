//! The operations of a PATCH (RFC 7644, section 3.5.2), as the well-known identity providers send them: `Replace` with a
//! capital, and objects without a path. Each comes out with a path of its own. Changes nothing.

use serde_json::{Map, Value};

use super::answer::{Fault, Kind};
use super::filter::Path;
use super::json::field;

/// Most operations that one request may carry.
const MOST: usize = 1000;

/// What is done at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Add,
    Replace,
    Remove,
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) act: Act,
    pub(super) path: Path,
    pub(super) value: Option<Value>,
}

/// Reads a request's operations.
pub(super) fn read(body: &Map<String, Value>) -> Result<Vec<Operation>, Fault> {
    let Some(Value::Array(all)) = field(body, "Operations") else {
        return Err(Fault::bad(Kind::InvalidSyntax, "`Operations` is missing, or not a list"));
    };
    if all.len() > MOST {
        let detail = format!("{} operations were sent, and {MOST} are the most", all.len());
        return Err(Fault::new(413, detail));
    }
    let mut operations = Vec::new();
    for (number, one) in (1..).zip(all) {
        let read = one.as_object().ok_or_else(|| Fault::bad(Kind::InvalidSyntax, "it is not an object"));
        read.and_then(|one| operation(one, &mut operations))
            .map_err(|fault| Fault { detail: format!("operation {number}: {}", fault.detail), ..fault })?;
    }
    Ok(operations)
}

fn operation(one: &Map<String, Value>, into: &mut Vec<Operation>) -> Result<(), Fault> {
    let word = field(one, "op").and_then(Value::as_str).unwrap_or_default();
    let act = match &*word.to_lowercase() {
        "add" => Act::Add,
        "replace" => Act::Replace,
        "remove" => Act::Remove,
        _ => {
            let detail = format!("`op` is `{word}`, and may be add, replace or remove");
            return Err(Fault::bad(Kind::InvalidSyntax, detail));
        }
    };
    let value = field(one, "value").filter(|value| !value.is_null()).cloned();
    match (field(one, "path").filter(|path| !path.is_null()), value) {
        (Some(Value::String(path)), value) => into.push(Operation { act, path: Path::read(path)?, value }),
        (Some(_), _) => return Err(Fault::bad(Kind::InvalidPath, "`path` is not a text")),
        (None, _) if act == Act::Remove => {
            return Err(Fault::bad(Kind::NoTarget, "a removal needs a `path`"));
        }
        (None, Some(Value::Object(of))) => each(act, of, into)?,
        (None, _) => return Err(Fault::bad(Kind::InvalidValue, "without a `path`, `value` is an object")),
    }
    Ok(())
}

/// An object without a path stands for each of its attributes; who sends the resource's id along says nothing by it.
fn each(act: Act, of: Map<String, Value>, into: &mut Vec<Operation>) -> Result<(), Fault> {
    for (name, value) in of {
        let path = Path::read(&name)?;
        if !matches!(&*path.attribute.name, "id" | "schemas" | "meta") {
            let value = Some(value).filter(|value| !value.is_null());
            into.push(Operation { act: if value.is_none() { Act::Remove } else { act }, path, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_json(body: Value) -> Result<Vec<Operation>, Fault> {
        read(body.as_object().expect("an object"))
    }

    #[test]
    fn operations_of_the_well_known_providers_are_read() {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "operations": [
            { "op": "Replace", "value": { "id": "7", "displayName": "A", "name.givenName": "B", "title": null } },
            { "op": "Remove", "path": "members", "value": [{ "value": "17" }] },
            { "op": "add", "path": "emails[type eq \"work\"].value", "value": "a@b" },
        ] });
        let read = read_json(body).expect("operations");
        let paths: Vec<String> = read.iter().map(|one| one.path.attribute.name.clone()).collect();
        assert_eq!(paths, ["displayname", "name", "title", "members", "emails"]);
        let acts: Vec<Act> = read.iter().map(|one| one.act).collect();
        assert_eq!(acts, [Act::Replace, Act::Replace, Act::Remove, Act::Remove, Act::Add]);
    }

    #[test]
    fn what_is_wrong_with_an_operation_is_told_with_its_place_among_them() {
        let wrong = [
            (json!({ "op": "move", "path": "a" }), Kind::InvalidSyntax),
            (json!({ "op": "remove" }), Kind::NoTarget),
            (json!({ "op": "add", "value": "x" }), Kind::InvalidValue),
            (json!({ "op": "add", "path": 7 }), Kind::InvalidPath),
            (json!({ "op": "add", "path": "a b", "value": "x" }), Kind::InvalidPath),
            (json!("add"), Kind::InvalidSyntax),
        ];
        for (operation, kind) in wrong {
            let good = json!({ "op": "add", "path": "title", "value": "x" });
            let fault = read_json(json!({ "Operations": [good, operation] })).expect_err("a fault");
            assert_eq!(fault.kind, Some(kind), "{fault:?}");
            assert!(fault.detail.starts_with("operation 2: "), "{fault:?}");
        }
        assert_eq!(read_json(json!({})).expect_err("a fault").kind, Some(Kind::InvalidSyntax));
        let many = vec![json!({}); 1001];
        assert_eq!(read_json(json!({ "Operations": many })).expect_err("a fault").status, 413);
    }
}
