//! What this server says of itself: its abilities, its kinds of resources and their attributes (RFC 7643, sections 5 to 7).
//! Data only. Attributes that a license server has no use for are not in it, and are not kept.

use grantor_api::limits;
use serde_json::{Value, json};

/// The schema of users.
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Attributes of users that the RFC has and this server takes without keeping them.
pub(super) const NOT_KEPT: [&str; 19] = [
    "nickname",
    "profileurl",
    "title",
    "usertype",
    "preferredlanguage",
    "locale",
    "timezone",
    "password",
    "phonenumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509certificates",
    "manager",
    "department",
    "employeenumber",
    "organization",
];

/// What the server can do.
pub(super) fn abilities(base: &str) -> Value {
    let no = json!({ "supported": false });
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": limits::PAGE },
        "changePassword": no,
        "sort": no,
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Access token",
            "description": "A token of this server with the scope `allocate`, as `Authorization: Bearer …`",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}

/// The kinds of resources.
pub(super) fn kinds(base: &str) -> Vec<Value> {
    let kind = |name: &str, place: &str, schema: &str, text: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": format!("/{place}"),
            "description": text,
            "schema": schema,
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}") },
        })
    };
    vec![
        kind("User", "Users", USER, "People who are licensed"),
        kind("Group", "Groups", GROUP, "Users who get roles together, and workgroups"),
    ]
}

/// An attribute with one plain value.
fn plain(name: &str, of: &str, text: &str) -> Value {
    json!({
        "name": name,
        "type": of,
        "multiValued": false,
        "description": text,
        "required": false,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    })
}

fn with(mut attribute: Value, changes: Value) -> Value {
    if let (Some(attribute), Value::Object(changes)) = (attribute.as_object_mut(), changes) {
        attribute.extend(changes);
    }
    attribute
}

/// An attribute that has parts.
fn complex(name: &str, text: &str, is_many: bool, mutability: &str, parts: Vec<Value>) -> Value {
    with(
        plain(name, "complex", text),
        json!({ "multiValued": is_many, "mutability": mutability, "subAttributes": parts }),
    )
}

fn user_attributes() -> Vec<Value> {
    let unique = json!({ "required": true, "uniqueness": "server" });
    let read_only = |of: Value| with(of, json!({ "mutability": "readOnly" }));
    vec![
        with(plain("userName", "string", "The name by which the applications know the user"), unique),
        complex(
            "name",
            "How the user is called",
            false,
            "readWrite",
            vec![
                plain("givenName", "string", "First name"),
                plain("familyName", "string", "Last name"),
                read_only(plain("formatted", "string", "Both")),
            ],
        ),
        plain("displayName", "string", "How the user is called on pages and in reports"),
        plain("active", "boolean", "Whether the user may work; only then licenses are consumed by roles"),
        complex(
            "emails",
            "Where notices go: one address, the primary one, else that of work, else the first",
            true,
            "readWrite",
            vec![
                plain("value", "string", "The address"),
                read_only(plain("type", "string", "Always work")),
                read_only(plain("primary", "boolean", "Always true")),
            ],
        ),
        complex(
            "groups",
            "The groups that the user is a member of; changed at the groups",
            true,
            "readOnly",
            vec![
                read_only(plain("value", "string", "The group's id")),
                read_only(with(
                    plain("$ref", "reference", "Its place"),
                    json!({ "referenceTypes": ["Group"] }),
                )),
                read_only(plain("display", "string", "Its name")),
            ],
        ),
    ]
}

fn group_attributes() -> Vec<Value> {
    let unique = json!({ "required": true, "uniqueness": "server" });
    let fixed = |of: Value| with(of, json!({ "mutability": "immutable" }));
    vec![
        with(plain("displayName", "string", "The group's name"), unique),
        complex(
            "members",
            "Its users; groups have no groups in them",
            true,
            "readWrite",
            vec![
                fixed(plain("value", "string", "The user's id")),
                fixed(with(plain("$ref", "reference", "Its place"), json!({ "referenceTypes": ["User"] }))),
                fixed(plain("type", "string", "Always User")),
                with(plain("display", "string", "The user's name"), json!({ "mutability": "readOnly" })),
            ],
        ),
    ]
}

/// The attributes of each kind.
pub(super) fn schemas(base: &str) -> Vec<Value> {
    let schema = |id: &str, name: &str, text: &str, attributes: Vec<Value>| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": name,
            "description": text,
            "attributes": attributes,
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") },
        })
    };
    vec![
        schema(USER, "User", "A person who is licensed", user_attributes()),
        schema(GROUP, "Group", "Users who get roles together", group_attributes()),
    ]
}
