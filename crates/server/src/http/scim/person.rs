//! A user as SCIM has it: shown, read, changed by the operations of a PATCH, and compared with what it was, which gives the
//! changes of the directory. Decides nothing about licenses.

use grantor_api::limits;
use grantor_site::Site;
use grantor_site::directory::{Change, User};
use grantor_site::ids::UserId;
use serde_json::{Map, Value, json};

use super::super::body::name as bounded;
use super::answer::{Fault, Kind};
use super::filter::{Held, Path, Resource, Value as Parts};
use super::json::{field, flag, text};
use super::patch::Act;
use super::{Shown, schema};

/// What can be changed of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) user_name: String,
    pub(super) external_id: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) is_active: bool,
}

impl Person {
    /// The user as the site has it.
    pub(super) fn of(site: &Site, id: UserId, user: &User) -> Self {
        let (profile, kept) = (site.profile(id), |text: Option<Box<str>>| text.map(String::from));
        Self {
            user_name: user.name.to_string(),
            external_id: kept(profile.external_id),
            display_name: kept(profile.display_name),
            given_name: kept(profile.given_name),
            family_name: kept(profile.family_name),
            mail: user.mail.as_deref().map(str::to_owned),
            is_active: user.is_enabled,
        }
    }

    /// A whole user that was sent. Attributes that nobody knows are left aside; who doesn't say whether the user is active
    /// leaves that as it is.
    pub(super) fn read(body: &Map<String, Value>, was_active: bool) -> Result<Self, Fault> {
        let user_name = text("userName", field(body, "userName"))?;
        let mut person = Self {
            user_name: user_name.ok_or_else(|| Fault::bad(Kind::InvalidValue, "`userName` is missing"))?,
            external_id: text("externalId", field(body, "externalId"))?,
            display_name: text("displayName", field(body, "displayName"))?,
            given_name: None,
            family_name: None,
            mail: field(body, "emails").map(chosen_mail).transpose()?.flatten(),
            is_active: flag("active", field(body, "active"))?.unwrap_or(was_active),
        };
        if let Some(name) = field(body, "name") {
            person.set_names(name)?;
        }
        person.bounded()
    }

    /// Every text within its bounds.
    pub(super) fn bounded(self) -> Result<Self, Fault> {
        if self.user_name.trim().is_empty() {
            return Err(Fault::bad(Kind::InvalidValue, "`userName` is empty"));
        }
        let texts = [
            ("userName", Some(&self.user_name)),
            ("externalId", self.external_id.as_ref()),
            ("displayName", self.display_name.as_ref()),
            ("name.givenName", self.given_name.as_ref()),
            ("name.familyName", self.family_name.as_ref()),
            ("emails.value", self.mail.as_ref()),
        ];
        for (field, text) in texts {
            bounded(field, text.map_or("", String::as_str), limits::NAME)?;
        }
        Ok(self)
    }

    fn set_names(&mut self, name: &Value) -> Result<(), Fault> {
        let Some(name) = name.as_object() else {
            return Err(Fault::bad(Kind::InvalidValue, "`name` is not an object"));
        };
        for (part, value) in name {
            match &*part.to_lowercase() {
                "givenname" => self.given_name = text("name.givenName", Some(value))?,
                "familyname" => self.family_name = text("name.familyName", Some(value))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Carries out one operation of a PATCH.
    pub(super) fn change(&mut self, act: Act, path: &Path, value: Option<&Value>) -> Result<(), Fault> {
        let (attribute, value) = (&*path.attribute.name, value.filter(|_| act != Act::Remove));
        let is_gone = value.is_none();
        match attribute {
            "username" => {
                let name = text("userName", value)?;
                self.user_name =
                    name.ok_or_else(|| Fault::bad(Kind::Mutability, "a user has a `userName`"))?;
            }
            "active" => {
                let active = flag("active", value)?;
                self.is_active =
                    active.ok_or_else(|| Fault::bad(Kind::Mutability, "`active` is true or false"))?;
            }
            "externalid" => self.external_id = text("externalId", value)?,
            "displayname" => self.display_name = text("displayName", value)?,
            "name" => return self.change_names(path, value),
            "emails" if is_gone => self.mail = self.mail.take().filter(|mail| !is_meant(path, mail)),
            "emails" => self.change_mail(act, path, value.unwrap_or(&Value::Null))?,
            "id" | "meta" | "groups" | "schemas" => {
                return Err(Fault::bad(Kind::Mutability, format!("`{attribute}` can't be changed here")));
            }
            other if other.starts_with("urn:") || schema::NOT_KEPT.contains(&other) => {}
            other => return Err(Fault::bad(Kind::InvalidPath, format!("a user has no attribute `{other}`"))),
        }
        Ok(())
    }

    fn change_names(&mut self, path: &Path, value: Option<&Value>) -> Result<(), Fault> {
        match (path.attribute.part.as_deref(), value) {
            (None, None) => (self.given_name, self.family_name) = (None, None),
            (None, Some(value)) => self.set_names(value)?,
            (Some("givenname"), value) => self.given_name = text("name.givenName", value)?,
            (Some("familyname"), value) => self.family_name = text("name.familyName", value)?,
            (Some("formatted" | "middlename" | "honorificprefix" | "honorificsuffix"), _) => {}
            (Some(part), _) => {
                return Err(Fault::bad(Kind::InvalidPath, format!("a name has no part `{part}`")));
            }
        }
        Ok(())
    }

    /// One address is kept: what is said of others is left aside.
    fn change_mail(&mut self, act: Act, path: &Path, value: &Value) -> Result<(), Fault> {
        match path.attribute.part.as_deref() {
            None if path.filter.is_none() => {
                let chosen = chosen_mail(value)?;
                // An address that is added takes the place only if it is to be the first one.
                if act == Act::Replace || self.mail.is_none() || is_primary(value) {
                    self.mail = chosen;
                }
            }
            None => {
                if is_meant(path, self.mail.as_deref().unwrap_or_default()) {
                    self.mail = chosen_mail(value)?;
                }
            }
            Some("value") => {
                if is_meant(path, self.mail.as_deref().unwrap_or_default()) {
                    self.mail = text("emails.value", Some(value))?;
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// What makes the user that was this one: first what frees seats, last what takes them.
    pub(super) fn changes(&self, before: &Self) -> Vec<Change> {
        let (kept, name) =
            (|text: &Option<String>| text.as_deref().map(Box::from), || Box::from(&*self.user_name));
        let mut changes = Vec::new();
        if before.is_active && !self.is_active {
            changes.push(Change::DisableUser { user: Box::from(&*before.user_name) });
        }
        if before.user_name != self.user_name {
            changes.push(Change::RenameUser { user: Box::from(&*before.user_name), name: name() });
        }
        if before.mail != self.mail {
            changes.push(Change::SetMail { user: name(), mail: kept(&self.mail) });
        }
        if before.external_id != self.external_id {
            changes.push(Change::SetExternalId { user: name(), id: kept(&self.external_id) });
        }
        if self.names() != before.names() {
            let [display, given, family] = self.names().map(kept);
            changes.push(Change::SetPersonNames { user: name(), display, given, family });
        }
        if self.is_active && !before.is_active {
            changes.push(Change::EnableUser { user: name() });
        }
        changes
    }

    fn names(&self) -> [&Option<String>; 3] {
        [&self.display_name, &self.given_name, &self.family_name]
    }

    /// What makes a new user.
    pub(super) fn made(&self) -> Vec<Change> {
        let name = Box::from(&*self.user_name);
        let mail = self.mail.as_deref().map(Box::from);
        let add = Change::AddUser { name, mail, is_enabled: self.is_active, is_default: false };
        let bare = Self {
            external_id: None,
            display_name: None,
            given_name: None,
            family_name: None,
            ..self.clone()
        };
        std::iter::once(add).chain(self.changes(&bare)).collect()
    }
}

/// Whether the one address that is kept, that of work and the primary one, is meant by a path.
fn is_meant(path: &Path, mail: &str) -> bool {
    path.filter.as_ref().is_none_or(|filter| filter.fits_value(&mail_parts(mail)))
}

fn mail_parts(mail: &str) -> Parts<'_> {
    vec![
        ("value", Held::Text(mail.into())),
        ("type", Held::Text("work".into())),
        ("primary", Held::Flag(true)),
    ]
}

fn is_primary(value: &Value) -> bool {
    let one =
        |value: &Value| value.as_object().and_then(|of| flag("primary", field(of, "primary")).ok()).flatten();
    match value {
        Value::Array(all) => all.iter().any(|value| one(value) == Some(true)),
        value => one(value) == Some(true),
    }
}

/// Of the addresses that were sent, the primary one, else that of work, else the first.
fn chosen_mail(value: &Value) -> Result<Option<String>, Fault> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let is_work = |value: &&Value| {
        let kind = value.as_object().and_then(|of| field(of, "type")).and_then(Value::as_str);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
    };
    let chosen = all.iter().find(|value| is_primary(value)).or_else(|| all.iter().find(is_work));
    match chosen.or(all.first()) {
        Some(Value::Object(of)) => text("emails.value", field(of, "value")),
        Some(plain) => text("emails", Some(plain)),
        None => Ok(None),
    }
}

/// A user of the site, as filters and clients see it.
pub(super) struct Listed<'a> {
    pub(super) site: &'a Site,
    pub(super) id: UserId,
    pub(super) user: &'a User,
    pub(super) person: Person,
}

impl<'a> Listed<'a> {
    pub(super) fn new(site: &'a Site, id: UserId, user: &'a User) -> Self {
        Self { site, id, user, person: Person::of(site, id, user) }
    }

    fn full_name(&self) -> Option<String> {
        let parts = [&self.person.given_name, &self.person.family_name].into_iter().flatten();
        let full = parts.map(String::as_str).collect::<Vec<_>>().join(" ");
        (!full.is_empty()).then_some(full)
    }

    /// As JSON, with what is to be shown of it.
    pub(super) fn show(&self, base: &str, shown: &Shown) -> Value {
        let (person, location) = (&self.person, format!("{base}/Users/{}", self.id));
        let version = self.site.user_version(self.id).map(super::etag);
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() && shown.has(name) {
                body.insert(name.to_owned(), value);
            }
        };
        put("schemas", json!([schema::USER]));
        put("id", json!(self.id.to_string()));
        put("externalId", json!(person.external_id));
        put("meta", json!({ "resourceType": "User", "location": location, "version": version }));
        put("userName", json!(person.user_name));
        let mut name = Map::new();
        let parts = [("formatted", self.full_name()), ("givenName", person.given_name.clone())];
        for (part, text) in parts.into_iter().chain([("familyName", person.family_name.clone())]) {
            name.extend(text.map(|text| (part.to_owned(), text.into())));
        }
        put("name", if name.is_empty() { Value::Null } else { name.into() });
        put("displayName", json!(person.display_name));
        put("active", json!(person.is_active));
        let mail = |mail: &String| json!([{ "value": mail, "type": "work", "primary": true }]);
        put("emails", person.mail.as_ref().map_or(Value::Null, mail));
        let group = |id| {
            let name = &self.site.group(id)?.name;
            Some(json!({ "value": id.to_string(), "$ref": format!("{base}/Groups/{id}"), "display": name }))
        };
        let groups: Vec<Value> = self.user.groups().filter_map(group).collect();
        put("groups", if groups.is_empty() { Value::Null } else { groups.into() });
        body.into()
    }
}

impl Resource for Listed<'_> {
    fn values(&self, attribute: &str) -> Vec<Parts<'_>> {
        let plain = |held: Held<'static>| vec![vec![("value", held)]];
        let texts = |text: &Option<String>| {
            text.iter().map(|text| vec![("value", Held::Text(text.clone().into()))]).collect()
        };
        let person = &self.person;
        match attribute {
            "id" => plain(Held::Exact(self.id.to_string().into())),
            "externalid" => {
                person.external_id.iter().map(|id| vec![("value", Held::Exact(id.as_str().into()))]).collect()
            }
            "username" => vec![vec![("value", Held::Text(person.user_name.as_str().into()))]],
            "displayname" => texts(&person.display_name),
            "active" => plain(Held::Flag(person.is_active)),
            "emails" => person.mail.iter().map(|mail| mail_parts(mail)).collect(),
            "name" => {
                let parts =
                    [("givenName", person.given_name.clone()), ("familyName", person.family_name.clone())];
                let parts = parts.into_iter().chain([("formatted", self.full_name())]);
                let name: Parts<'_> =
                    parts.filter_map(|(part, text)| Some((part, Held::Text(text?.into())))).collect();
                if name.is_empty() { Vec::new() } else { vec![name] }
            }
            "groups" => {
                let name = |id| self.site.group(id).map(|group| group.name.to_string()).unwrap_or_default();
                let group = |id: grantor_site::ids::GroupId| {
                    vec![
                        ("value", Held::Exact(id.to_string().into())),
                        ("display", Held::Text(name(id).into())),
                    ]
                };
                self.user.groups().map(group).collect()
            }
            _ => Vec::new(),
        }
    }
}
