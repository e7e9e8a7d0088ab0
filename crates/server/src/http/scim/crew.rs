//! A group as SCIM has it: shown, read, and changed by the operations of a PATCH. A group may have a hundred thousand
//! members, so a change of some looks at these only. Decides nothing about licenses.

use std::collections::BTreeSet;

use grantor_api::limits;
use grantor_site::Site;
use grantor_site::directory::{Change, Group, Media};
use grantor_site::ids::{GroupId, UserId};
use serde_json::{Map, Value, json};

use super::super::body::name as bounded;
use super::answer::{Fault, Kind};
use super::filter::{Held, Path, Resource, Value as Parts};
use super::json::{field, text};
use super::patch::{Act, Operation};
use super::{Shown, number, schema, users};

/// What becomes of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Crew {
    name: String,
    external_id: Option<String>,
    added: BTreeSet<UserId>,
    removed: BTreeSet<UserId>,
    /// Whether it was worked out from who is a member now.
    pub(super) depends_on_members: bool,
}

/// Where users are looked up.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) site: &'a Site,
    pub(super) tenant: &'a str,
    /// `None` = the group is to be made.
    pub(super) group: Option<GroupId>,
}

impl Place<'_> {
    fn members(&self) -> BTreeSet<UserId> {
        self.group.and_then(|id| self.site.group(id)).into_iter().flat_map(Group::members).collect()
    }

    /// The users of the ids that were sent.
    fn users(&self, value: &Value, must_be: bool) -> Result<BTreeSet<UserId>, Fault> {
        let all = match value {
            Value::Array(all) => all.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        if all.len() > limits::CHANGES {
            let detail = format!(
                "{} members were sent, and {} are the most; send several requests",
                all.len(),
                limits::CHANGES
            );
            return Err(Fault::new(413, detail));
        }
        let mut users = BTreeSet::new();
        for one in all {
            let id = match one {
                Value::Object(of) => field(of, "value").and_then(Value::as_str),
                plain => plain.as_str(),
            };
            let id = id.ok_or_else(|| Fault::bad(Kind::InvalidValue, "a member has no `value`"))?;
            match users::found(self.site, self.tenant, id) {
                Some((user, _)) => drop(users.insert(user)),
                None if must_be => {
                    let detail =
                        format!("no user has the id `{id}`; groups have users in them, and no groups");
                    return Err(Fault::bad(Kind::InvalidValue, detail));
                }
                None => {}
            }
        }
        Ok(users)
    }
}

impl Crew {
    /// The group as the site has it.
    pub(super) fn of(site: &Site, id: GroupId, group: &Group) -> Self {
        let external_id = site.group_external_id(id).map(str::to_owned);
        Self { name: group.name.to_string(), external_id, ..Self::default() }
    }

    /// A whole group that was sent.
    pub(super) fn read(body: &Map<String, Value>, place: Place<'_>) -> Result<Self, Fault> {
        let name = text("displayName", field(body, "displayName"))?;
        let mut crew = Self {
            name: name.ok_or_else(|| Fault::bad(Kind::InvalidValue, "`displayName` is missing"))?,
            external_id: text("externalId", field(body, "externalId"))?,
            ..Self::default()
        };
        crew.replace_members(field(body, "members").unwrap_or(&Value::Null), place)?;
        crew.bounded()
    }

    fn bounded(self) -> Result<Self, Fault> {
        bounded("displayName", &self.name, limits::NAME)?;
        bounded("externalId", self.external_id.as_deref().unwrap_or_default(), limits::NAME)?;
        Ok(self)
    }

    /// The group once the operations are done.
    pub(super) fn changed(mut self, operations: &[Operation], place: Place<'_>) -> Result<Self, Fault> {
        for Operation { act, path, value } in operations {
            let value = value.as_ref().filter(|_| *act != Act::Remove || path.attribute.name == "members");
            match &*path.attribute.name {
                "displayname" => {
                    let name = text("displayName", value)?;
                    self.name =
                        name.ok_or_else(|| Fault::bad(Kind::Mutability, "a group has a `displayName`"))?;
                }
                "externalid" => self.external_id = text("externalId", value)?,
                "members" => self.change_members(*act, path, value, place)?,
                "id" | "meta" | "schemas" => {
                    let detail = format!("`{}` can't be changed", path.attribute.name);
                    return Err(Fault::bad(Kind::Mutability, detail));
                }
                other if other.starts_with("urn:") => {}
                other => {
                    return Err(Fault::bad(Kind::InvalidPath, format!("a group has no attribute `{other}`")));
                }
            }
        }
        self.bounded()
    }

    fn change_members(
        &mut self,
        act: Act,
        path: &Path,
        value: Option<&Value>,
        place: Place<'_>,
    ) -> Result<(), Fault> {
        match (act, &path.filter, value) {
            (Act::Remove, Some(filter), _) => match filter.wants("value") {
                Some(id) => self.remove(place.users(&id.into(), false)?),
                None => {
                    self.depends_on_members = true;
                    let is_meant = |id: &UserId| filter.fits_value(&member_parts(place.site, *id));
                    self.remove(self.now(place).into_iter().filter(is_meant).collect());
                }
            },
            (Act::Remove, None, Some(value)) => self.remove(place.users(value, false)?),
            (Act::Remove, None, None) => self.replace_members(&Value::Null, place)?,
            (_, Some(_), _) => {
                let detail = "members are added and taken out as a whole: they have no parts that change";
                return Err(Fault::bad(Kind::InvalidPath, detail));
            }
            (Act::Add, None, value) => {
                let users = place.users(value.unwrap_or(&Value::Null), true)?;
                self.removed.retain(|user| !users.contains(user));
                self.added.extend(users);
            }
            (Act::Replace, None, value) => self.replace_members(value.unwrap_or(&Value::Null), place)?,
        }
        Ok(())
    }

    fn remove(&mut self, users: BTreeSet<UserId>) {
        self.added.retain(|user| !users.contains(user));
        self.removed.extend(users);
    }

    /// Who would be a member now.
    fn now(&self, place: Place<'_>) -> BTreeSet<UserId> {
        let mut members = place.members();
        members.retain(|user| !self.removed.contains(user));
        members.extend(&self.added);
        members
    }

    fn replace_members(&mut self, value: &Value, place: Place<'_>) -> Result<(), Fault> {
        let (wanted, members) = (place.users(value, true)?, place.members());
        self.depends_on_members = true;
        self.removed = &members - &wanted;
        self.added = &wanted - &members;
        Ok(())
    }

    /// What makes the group that was `before` this one.
    pub(super) fn changes(&self, before: &Self) -> Vec<Change> {
        let name = || Box::from(&*self.name);
        let mut changes = Vec::new();
        if before.name != self.name {
            changes.push(Change::RenameGroup { group: Box::from(&*before.name), name: name() });
        }
        if before.external_id != self.external_id {
            let id = self.external_id.as_deref().map(Box::from);
            changes.push(Change::SetGroupExternalId { group: name(), id });
        }
        if !self.added.is_empty() || !self.removed.is_empty() {
            let (add, remove) = (&self.added, &self.removed);
            let (add, remove) = (add.iter().copied().collect(), remove.iter().copied().collect());
            changes.push(Change::ChangeMembers { group: name(), add, remove });
        }
        changes
    }

    /// What makes a new group.
    pub(super) fn made(&self) -> Vec<Change> {
        let add = Change::AddGroup { name: Box::from(&*self.name), queue: None, media: Media::NONE };
        let bare = Self { name: self.name.clone(), ..Self::default() };
        std::iter::once(add).chain(self.changes(&bare)).collect()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn member_parts(site: &Site, id: UserId) -> Parts<'_> {
    let name = site.user(id).map(|user| &*user.name).unwrap_or_default();
    vec![
        ("value", Held::Exact(id.to_string().into())),
        ("display", Held::Text(name.into())),
        ("type", Held::Text("User".into())),
    ]
}

/// A group of the site, as filters and clients see it.
pub(super) struct Listed<'a> {
    pub(super) site: &'a Site,
    pub(super) id: GroupId,
    pub(super) group: &'a Group,
}

impl Listed<'_> {
    /// As JSON, with what is to be shown of it.
    pub(super) fn show(&self, base: &str, shown: &Shown) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() && shown.has(name) {
                body.insert(name.to_owned(), value);
            }
        };
        put("schemas", json!([schema::GROUP]));
        put("id", json!(self.id.to_string()));
        put("externalId", json!(self.site.group_external_id(self.id)));
        if shown.has("meta") {
            let version = self.site.group_version(self.id).map(super::etag);
            let location = format!("{base}/Groups/{}", self.id);
            put("meta", json!({ "resourceType": "Group", "location": location, "version": version }));
        }
        put("displayName", json!(self.group.name));
        if shown.has("members") {
            let mut members: Vec<UserId> = self.group.members().collect();
            members.sort_unstable();
            let member = |id: &UserId| {
                let name = self.site.user(*id).map(|user| &user.name);
                json!({ "value": id.to_string(), "$ref": format!("{base}/Users/{id}"), "type": "User", "display": name })
            };
            put("members", members.iter().map(member).collect());
        }
        body.into()
    }
}

impl Resource for Listed<'_> {
    fn values(&self, attribute: &str) -> Vec<Parts<'_>> {
        match attribute {
            "id" => vec![vec![("value", Held::Exact(self.id.to_string().into()))]],
            "externalid" => {
                let id = self.site.group_external_id(self.id);
                id.into_iter().map(|id| vec![("value", Held::Exact(id.into()))]).collect()
            }
            "displayname" => vec![vec![("value", Held::Text((&*self.group.name).into()))]],
            "members" => self.group.members().map(|id| member_parts(self.site, id)).collect(),
            _ => Vec::new(),
        }
    }
}

/// The number in a group's id, if there is one.
pub(super) fn group_number(id: &str) -> Option<GroupId> {
    number(id).map(GroupId)
}
