//! What is to be done so that a tenant has the users and groups of a directory service. Users and groups are found again by
//! their id there, else by name. Takes nobody away: who is not found any more is disabled, and only if that is wanted. Pure.

use std::collections::{BTreeMap, BTreeSet};

use grantor_api::directory::{Change, User};
use grantor_api::limits;
use grantor_server::directory_table::{
    Current, Step, Wanted, WantedGroup, WantedUser, fold, plan as steps_to,
};

use super::read::{Found, Group, Person};
use crate::cli::Ldap;

/// Users in one step that takes them out of a group.
const AT_ONCE: usize = 1000;

/// How it is to be done.
pub(super) struct Ways {
    source: String,
    disable_missing: bool,
}

impl Ways {
    pub(super) fn of(args: &Ldap) -> Self {
        Self { source: args.source.clone(), disable_missing: args.disable_missing }
    }

    /// An id as it is kept: with the directory service that it is of, so that several don't mix.
    fn kept(&self, id: &str) -> String {
        format!("{}:{id}", self.source)
    }

    fn is_own(&self, id: &str) -> bool {
        id.split_once(':').is_some_and(|(source, _)| source == self.source)
    }
}

/// The steps, and what can't be done.
pub(super) struct Planned {
    pub(super) steps: Vec<Step>,
    pub(super) left_aside: Vec<String>,
}

/// Compares what there is with what was found.
pub(super) fn plan(now: Current, found: Found, ways: &Ways) -> Planned {
    let mut comparison =
        Comparison { now, ways, steps: Vec::new(), left_aside: Vec::new(), names: BTreeMap::new() };
    let people = comparison.people(found.people);
    let wanted = Wanted {
        users: people.values().filter_map(|person| comparison.wanted(person)).collect(),
        groups: found.groups.map(|groups| comparison.groups(groups, &people)).unwrap_or_default(),
        only_adds: true,
        ..Wanted::default()
    };
    comparison.disable_missing(&people);
    let Comparison { now, mut steps, left_aside, .. } = comparison;
    steps.extend(steps_to(&now, &wanted));
    Planned { steps, left_aside }
}

struct Comparison<'a> {
    /// As it will be once the steps so far are done.
    now: Current,
    ways: &'a Ways,
    steps: Vec<Step>,
    left_aside: Vec<String>,
    /// Users by what groups call them: their DN or their name, folded. The names are folded, too.
    names: BTreeMap<String, String>,
}

/// A name within the server's bounds.
fn usable(name: Option<&String>) -> Option<&String> {
    name.filter(|name| name.len() <= limits::NAME && !name.chars().any(char::is_control))
}

impl Comparison<'_> {
    fn step(&mut self, sign: char, text: String, change: Change) {
        self.steps.push(Step { sign, text, change });
    }

    /// Those who were found and can be kept, by their folded name; renamed where they are known by another.
    fn people(&mut self, found: Vec<Person>) -> BTreeMap<String, Person> {
        let mut people = BTreeMap::new();
        for person in found {
            match usable(person.name.as_ref()).map(|name| fold(name)) {
                None => self.left_aside.push(format!("`{}` has no name that can be used", person.dn)),
                Some(name) if people.contains_key(&name) => {
                    self.left_aside.push(format!("`{}` has the name `{name}`, as another has", person.dn));
                }
                Some(name) => drop(people.insert(name, person)),
            }
        }
        let known: BTreeMap<String, String> = (self.now.users.values())
            .filter_map(|user| Some((user.external_id.clone()?, fold(&user.name))))
            .collect();
        let ids: BTreeSet<String> =
            people.values().filter_map(|person| person.id.as_deref()).map(|id| self.ways.kept(id)).collect();
        people.retain(|name, person| {
            let kept = person.id.as_deref().map(|id| self.ways.kept(id));
            let is_kept = match kept.as_ref().and_then(|id| known.get(id)) {
                Some(old) => self.rename_user(old, name, person),
                None => self.may_adopt(name, person, &ids),
            };
            if is_kept {
                self.names.insert(fold(&person.dn), name.clone());
                self.names.insert(name.clone(), name.clone());
            }
            is_kept
        });
        people
    }

    fn rename_user(&mut self, old: &str, new: &str, person: &Person) -> bool {
        let (Some(user), Some(name)) = (self.now.users.get(old), person.name.clone()) else { return false };
        if user.name == name {
            return true;
        }
        if old != new && self.now.users.contains_key(new) {
            self.left_aside.push(format!("`{}` can't be called `{name}`: another user is", user.name));
            return false;
        }
        let before = user.name.clone();
        if let Some(mut user) = self.now.users.remove(old) {
            user.name.clone_from(&name);
            self.now.users.insert(new.to_owned(), user);
        }
        let rename = Change::RenameUser { user: before.clone(), name: name.clone() };
        self.step('~', format!("user {before}: is called {name} now"), rename);
        true
    }

    /// Whether a user of that name may be taken for this person: nobody else's, or one whose id is gone.
    fn may_adopt(&mut self, name: &str, person: &Person, ids: &BTreeSet<String>) -> bool {
        let Some(id) = self.now.users.get(name).and_then(|user| user.external_id.as_ref()) else {
            return true;
        };
        let may = self.ways.is_own(id) && !ids.contains(id);
        if !may {
            self.left_aside.push(format!("`{}`: the user `{name}` is known elsewhere as {id}", person.dn));
        }
        may
    }

    /// What a person is to be; nothing for one who is disabled there and not known here.
    fn wanted(&self, person: &Person) -> Option<WantedUser> {
        let name = person.name.clone()?;
        let is_new = !self.now.users.contains_key(&fold(&name));
        let enabled = match person.is_enabled {
            Some(false) if is_new => return None,
            // Who comes back after having been disabled as missing is enabled again.
            None if is_new || self.ways.disable_missing => Some(true),
            says => says,
        };
        let bounded = |text: &Option<String>| usable(text.as_ref()).cloned();
        Some(WantedUser {
            name,
            enabled,
            mail: bounded(&person.mail),
            external_id: person.id.as_deref().map(|id| self.ways.kept(id)),
            display_name: bounded(&person.display),
            given_name: bounded(&person.given),
            family_name: bounded(&person.family),
            ..WantedUser::default()
        })
    }

    fn groups(&mut self, found: Vec<Group>, people: &BTreeMap<String, Person>) -> Vec<WantedGroup> {
        let mut members = self.members(&found, people);
        let mut wanted: BTreeMap<String, WantedGroup> = BTreeMap::new();
        for group in found {
            let Some(name) = usable(group.name.as_ref()).cloned() else {
                self.left_aside.push(format!("`{}` has no name that can be used", group.dn));
                continue;
            };
            let key = fold(&name);
            if wanted.contains_key(&key) {
                self.left_aside.push(format!("`{}` has the name `{name}`, as another group has", group.dn));
                continue;
            }
            let id = group.id.as_deref().map(|id| self.ways.kept(id));
            if !self.rename_group(id.as_deref(), &name) {
                continue;
            }
            let members = members.remove(&fold(&group.dn)).unwrap_or_default();
            self.take_out(&name, &members, people);
            // Somebody who is disabled there and not known here is not made, and is no member.
            let is_kept = |member: &&String| {
                self.now.users.contains_key(*member)
                    || people.get(*member).is_some_and(|person| person.is_enabled != Some(false))
            };
            let spelled = |member: &String| people.get(member).and_then(|person| person.name.clone());
            let members = members.iter().filter(is_kept).filter_map(spelled).collect();
            let group =
                WantedGroup { name, external_id: id, members: Some(members), ..WantedGroup::default() };
            wanted.insert(key, group);
        }
        wanted.into_values().collect()
    }

    /// Folded names of members by the group's folded DN, whoever names whom.
    fn members(
        &self,
        groups: &[Group],
        people: &BTreeMap<String, Person>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for group in groups {
            let named = group.members.iter().filter_map(|member| self.names.get(&fold(member)));
            members.entry(fold(&group.dn)).or_default().extend(named.cloned());
        }
        for (name, person) in people {
            for group in &person.member_of {
                members.entry(fold(group)).or_default().insert(name.clone());
            }
        }
        members
    }

    /// Gives a group that is known by its id its new name.
    fn rename_group(&mut self, id: Option<&str>, name: &str) -> bool {
        let is_it = |of: &grantor_api::directory::Group| id.is_some() && of.external_id.as_deref() == id;
        let Some(old) = self.now.groups.values().find(|of| is_it(of)).map(|of| of.name.clone()) else {
            let other = self.now.groups.get(&fold(name)).and_then(|of| of.external_id.as_ref());
            if let Some(other) = other.filter(|other| !self.ways.is_own(other)) {
                self.left_aside.push(format!("the group `{name}` is known elsewhere as {other}"));
                return false;
            }
            return true;
        };
        if old == name {
            return true;
        }
        if fold(&old) != fold(name) && self.now.groups.contains_key(&fold(name)) {
            self.left_aside.push(format!("the group `{old}` can't be called `{name}`: another is"));
            return false;
        }
        if let Some(mut group) = self.now.groups.remove(&fold(&old)) {
            name.clone_into(&mut group.name);
            self.now.groups.insert(fold(name), group);
        }
        let groups = self.now.users.values_mut().flat_map(|user| &mut user.groups);
        groups.filter(|group| **group == old).for_each(|group| name.clone_into(group));
        let rename = Change::RenameGroup { group: old.clone(), name: name.to_owned() };
        self.step('~', format!("group {old}: is called {name} now"), rename);
        true
    }

    /// Takes those out of a group who were found and are not in it there. Others were put in here, and stay.
    fn take_out(&mut self, group: &str, members: &BTreeSet<String>, people: &BTreeMap<String, Person>) {
        let is_in = |user: &&User| user.groups.iter().any(|of| fold(of) == fold(group));
        let is_gone = |user: &&User| {
            let name = fold(&user.name);
            let came_from_here = user.external_id.as_ref().is_some_and(|id| self.ways.is_own(id));
            came_from_here && people.contains_key(&name) && !members.contains(&name)
        };
        let gone = self.now.users.values().filter(is_in).filter(is_gone).map(|user| user.name.clone());
        let gone: Vec<String> = gone.collect();
        for users in gone.chunks(AT_ONCE) {
            let text = format!("members of group {group}: {}", users.join(", "));
            let remove = Change::RemoveMembers { group: group.to_owned(), users: users.to_vec() };
            self.step('-', text, remove);
        }
    }

    fn disable_missing(&mut self, people: &BTreeMap<String, Person>) {
        if !self.ways.disable_missing {
            return;
        }
        if people.is_empty() {
            self.left_aside.push("no user was found at all: nobody is disabled as missing".to_owned());
            return;
        }
        let is_missing = |user: &&User| {
            let came_from_here = user.external_id.as_ref().is_some_and(|id| self.ways.is_own(id));
            came_from_here && user.enabled && !user.default_user && !people.contains_key(&fold(&user.name))
        };
        let missing: Vec<String> =
            self.now.users.values().filter(is_missing).map(|user| user.name.clone()).collect();
        for user in missing {
            self.step(
                '~',
                format!("user {user}: disabled, not found any more"),
                Change::DisableUser { user },
            );
        }
    }
}

#[cfg(test)]
mod tests;
