//! What is to be done so that a tenant is as a file wants it: first what frees seats, then what takes them, so that no
//! rule is broken on the way. Pure: compares what there is with what is wanted.

use std::collections::BTreeSet;

use grantor_api::directory::{Change, Holder, Medium, Method, Queue, Role, Station, User};

use super::wanted::{Managed, Wanted, WantedGroup, WantedQueue, WantedRole, WantedStation, WantedUser};
use super::{Current, fold, word, words};

fn folded(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| fold(name)).collect()
}

/// One thing to be done, with its sign and words.
#[derive(Clone, Debug)]
pub struct Step {
    /// `+` adds, `~` changes, `-` removes.
    pub sign: char,
    /// What is done, for people.
    pub text: String,
    /// What the server is asked to do.
    pub change: Change,
}

/// Steps by when they come.
#[derive(Default)]
struct Plan {
    frees: Vec<Step>,
    makes: Vec<Step>,
    takes: Vec<Step>,
    removes: Vec<Step>,
    only_adds: bool,
}

fn step(sign: char, text: String, change: Change) -> Step {
    Step { sign, text, change }
}

/// What is to be done, in its order.
#[must_use]
pub fn plan(now: &Current, wanted: &Wanted) -> Vec<Step> {
    let mut plan = Plan { only_adds: wanted.only_adds, ..Plan::default() };
    plan.remove(now, wanted);
    wanted.roles.iter().for_each(|role| plan.role(now.roles.get(&fold(&role.name)), role));
    wanted.groups.iter().for_each(|group| plan.group(now, group));
    wanted.stations.iter().for_each(|of| plan.station(now.stations.get(&fold(&of.name)), of));
    wanted.users.iter().for_each(|user| plan.user(now.users.get(&fold(&user.name)), user));
    let Plan { frees, makes, takes, removes, .. } = plan;
    // What is taken from somebody comes before somebody is removed: a removed name can't be named any more.
    frees.into_iter().chain(removes).chain(makes).chain(takes).collect()
}

/// Known users whom the file calls default users, or not any more: that is said when a user is made, and at no other time.
#[must_use]
pub fn otherwise_default<'a>(now: &Current, wanted: &'a Wanted) -> Vec<&'a str> {
    let is_default = |user: &WantedUser| now.users.get(&fold(&user.name)).map(|user| user.default_user);
    let other =
        |user: &&WantedUser| is_default(user).zip(user.default_user).is_some_and(|(is, said)| is != said);
    wanted.users.iter().filter(other).map(|user| user.name.as_str()).collect()
}

impl Plan {
    /// What the file manages and doesn't name.
    fn remove(&mut self, now: &Current, wanted: &Wanted) {
        let mut remove =
            |managed, there: Vec<&String>, named: BTreeSet<String>, change: fn(String) -> Change, what| {
                if wanted.manage.contains(&managed) {
                    let gone = there.into_iter().filter(|name| !named.contains(&fold(name)));
                    self.removes
                        .extend(gone.map(|name| step('-', format!("{what} {name}"), change(name.clone()))));
                }
            };
        let named = wanted.users.iter().map(|user| fold(&user.name)).collect();
        let there = now.users.values().filter(|user| !user.default_user).map(|user| &user.name).collect();
        remove(Managed::Users, there, named, |user| Change::RemoveUser { user }, "user");
        let named = wanted.stations.iter().map(|station| fold(&station.name)).collect();
        let there = now.stations.values().map(|station| &station.name).collect();
        remove(Managed::Stations, there, named, |station| Change::RemoveStation { station }, "station");
        let named = wanted.groups.iter().map(|group| fold(&group.name)).collect();
        let there = now.groups.values().map(|group| &group.name).collect();
        remove(Managed::Groups, there, named, |group| Change::RemoveGroup { group }, "group");
        let named = wanted.roles.iter().map(|role| fold(&role.name)).collect();
        let there = now.roles.values().map(|role| &role.name).collect();
        remove(Managed::Roles, there, named, |role| Change::RemoveRole { role }, "role");
    }

    fn role(&mut self, now: Option<&Role>, role: &WantedRole) {
        let has = now.and_then(|now| now.application.clone());
        let wanted = role.application.clone().or_else(|| has.clone()).filter(|feature| !feature.is_empty());
        if now.is_some() && has.as_deref().map(fold) == wanted.as_deref().map(fold) {
            return;
        }
        let uses = wanted.as_ref().map_or_else(|| "no license".to_owned(), |of| format!("uses {of}"));
        let define = Change::DefineRole { role: role.name.clone(), application: wanted };
        let sign = if now.is_some() { '~' } else { '+' };
        self.makes.push(step(sign, format!("role {}: {uses}", role.name), define));
    }

    fn group(&mut self, all: &Current, wanted: &WantedGroup) {
        let (name, now) = (wanted.name.clone(), all.groups.get(&fold(&wanted.name)));
        let had = now.map(|now| now.media.clone()).filter(|_| wanted.queue != Some(WantedQueue::None));
        let media = wanted.media.clone().or(had).unwrap_or_default();
        let queue = wanted.queue.map_or_else(|| now.and_then(|now| now.queue), WantedQueue::queue);
        let text = queue.map_or_else(String::new, |queue| format!(": {} of {}", word(&queue), words(&media)));
        let stays = now.map_or("", |now| turned(now.queue, queue));
        match now {
            None => self.makes.push(step(
                '+',
                format!("group {name}{text}"),
                Change::AddGroup { name: name.clone(), queue, media },
            )),
            Some(now) if now.queue != queue || !same(&now.media, &media) => self.makes.push(step(
                '~',
                format!("group {name}{text}{stays}"),
                Change::SetQueue { group: name.clone(), queue, media },
            )),
            Some(_) => {}
        }
        if let Some(id) =
            other_text(wanted.external_id.as_ref(), now.and_then(|now| now.external_id.as_ref()))
        {
            let text = format!("group {name}: {}", known_as(id.as_deref()));
            let set = Change::SetGroupExternalId { group: name.clone(), external_id: id };
            self.makes.push(step('~', text, set));
        }
        let has = now.map(|now| now.roles.as_slice()).unwrap_or_default();
        for role in self.too_many(has, wanted.roles.as_deref()) {
            let text = format!("role {role} of group {name}");
            self.frees.push(step('-', text, Change::WithdrawGroupRole { role, group: name.clone() }));
        }
        for role in missing(has, wanted.roles.as_deref()) {
            let text = format!("role {role} to group {name}");
            self.takes.push(step('+', text, Change::AssignGroupRole { role, group: name.clone() }));
        }
        self.members(all, &name, wanted.members.as_deref());
    }

    fn members(&mut self, all: &Current, group: &str, wanted: Option<&[String]>) {
        let is_in = |user: &&User| user.groups.iter().any(|of| fold(of) == fold(group));
        let has: Vec<String> = match wanted {
            None => return,
            Some(_) => all.users.values().filter(is_in).map(|user| user.name.clone()).collect(),
        };
        // One change a thousand members: a batch is cut between changes.
        for users in self.too_many(&has, wanted).chunks(1000) {
            let remove = Change::RemoveMembers { group: group.to_owned(), users: users.to_vec() };
            self.frees.push(step('-', format!("members of group {group}: {}", listed(users)), remove));
        }
        for users in missing(&has, wanted).chunks(1000) {
            let add = Change::AddMembers { group: group.to_owned(), users: users.to_vec() };
            self.takes.push(step('+', format!("members of group {group}: {}", listed(users)), add));
        }
    }

    fn station(&mut self, now: Option<&Station>, wanted: &WantedStation) {
        let name = wanted.name.clone();
        let machine = wanted.machine.clone().or_else(|| now.map(|now| now.machine.clone()));
        let machine = machine.unwrap_or_else(|| name.clone());
        let kind = wanted.kind.or_else(|| now.map(|now| now.kind)).unwrap_or_default();
        let enabled = wanted.enabled.or_else(|| now.map(|now| now.enabled)).unwrap_or(true);
        let off = if enabled { "" } else { ", disabled" };
        let text = format!("station {name}: {} {machine}{off}", word(&kind));
        match now {
            None => {
                let add = Change::AddStation { name: name.clone(), machine, kind, enabled };
                self.makes.push(step('+', text, add));
            }
            Some(now) if (&now.machine, now.kind, now.enabled) != (&machine, kind, enabled) => {
                let set = Change::SetStation { station: name.clone(), machine, kind, enabled };
                self.makes.push(step('~', text, set));
            }
            Some(_) => {}
        }
        let has = now.map(|now| now.licensing.features.as_slice()).unwrap_or_default();
        let holder = Holder::Station(name.clone());
        let is_on = now.map(|now| now.licensing.enabled);
        self.switch(&format!("station {name}"), &holder, is_on, wanted.licenses_enabled);
        self.licenses(
            &format!("station {name}"),
            &holder,
            Method::Assignable,
            has,
            wanted.licenses.as_deref(),
        );
    }

    fn user(&mut self, now: Option<&User>, wanted: &WantedUser) {
        let name = wanted.name.clone();
        match now {
            None => self.new_user(wanted),
            Some(now) => self.known_user(now, wanted),
        }
        self.profile(now, wanted);
        let has = now.map(|now| now.licensing.features.as_slice()).unwrap_or_default();
        let is_on = now.map(|now| now.licensing.enabled);
        self.switch(&format!("user {name}"), &Holder::User(name.clone()), is_on, wanted.licenses_enabled);
        let current = now.map(|now| now.licensing.method).unwrap_or_default();
        let method = wanted.method.unwrap_or(current);
        if method != current && !(has.is_empty() && wanted.licenses.is_some()) {
            let text = format!("user {name}: licenses {}", word(&method));
            self.takes.push(step('~', text, Change::SetMethod { user: name.clone(), method }));
        }
        self.licenses(
            &format!("user {name}"),
            &Holder::User(name.clone()),
            method,
            has,
            wanted.licenses.as_deref(),
        );
        let has = now.map(|now| now.roles.as_slice()).unwrap_or_default();
        for role in self.too_many(has, wanted.roles.as_deref()) {
            let text = format!("role {role} of user {name}");
            self.frees.push(step('-', text, Change::WithdrawRole { role, user: name.clone() }));
        }
        for role in missing(has, wanted.roles.as_deref()) {
            let text = format!("role {role} to user {name}");
            self.takes.push(step('+', text, Change::AssignRole { role, user: name.clone() }));
        }
        let has = now.map(|now| now.media.as_slice()).unwrap_or_default();
        if let Some(media) = wanted.media.clone().filter(|media| !same(media, has)) {
            let text = format!("user {name}: receives {}", words(&media));
            self.takes.push(step('~', text, Change::SetMedia { user: name, media }));
        }
    }

    fn new_user(&mut self, wanted: &WantedUser) {
        let (name, mail) = (wanted.name.clone(), wanted.mail.clone().filter(|mail| !mail.is_empty()));
        let enabled = wanted.enabled.unwrap_or(true);
        let default_user = wanted.default_user.unwrap_or(false);
        let off = if enabled { "" } else { ", disabled" };
        let own = if default_user { ", a default user" } else { "" };
        let to = mail.as_ref().map_or_else(String::new, |mail| format!(", mail {mail}"));
        let add = Change::AddUser { name: name.clone(), mail, enabled, default_user };
        self.makes.push(step('+', format!("user {name}{off}{own}{to}"), add));
        if wanted.own_number == Some(false) {
            let text = format!("user {name}: no number of one's own");
            self.makes.push(step('~', text, Change::SetOwnNumber { user: name, granted: false }));
        }
    }

    fn known_user(&mut self, now: &User, wanted: &WantedUser) {
        let user = now.name.clone();
        let mail = wanted.mail.clone().map(|mail| Some(mail).filter(|mail| !mail.is_empty()));
        if let Some(mail) = mail.filter(|mail| *mail != now.mail) {
            let text = format!("user {user}: mail {}", mail.as_deref().unwrap_or("to nowhere"));
            self.makes.push(step('~', text, Change::SetMail { user: user.clone(), mail }));
        }
        if let Some(granted) = wanted.own_number.filter(|granted| *granted != now.own_number) {
            let text = format!("user {user}: {} number of one's own", if granted { "a" } else { "no" });
            self.makes.push(step('~', text, Change::SetOwnNumber { user: user.clone(), granted }));
        }
        match wanted.enabled.filter(|enabled| *enabled != now.enabled) {
            Some(true) => {
                self.takes.push(step('~', format!("user {user}: enabled"), Change::EnableUser { user }));
            }
            Some(false) => {
                self.frees.push(step('~', format!("user {user}: disabled"), Change::DisableUser { user }));
            }
            None => {}
        }
    }

    /// By which id the user is known elsewhere, and how the user is called.
    fn profile(&mut self, now: Option<&User>, wanted: &WantedUser) {
        let user = now.map_or(&wanted.name, |now| &now.name).clone();
        if let Some(id) =
            other_text(wanted.external_id.as_ref(), now.and_then(|now| now.external_id.as_ref()))
        {
            let text = format!("user {user}: {}", known_as(id.as_deref()));
            self.makes.push(step('~', text, Change::SetExternalId { user: user.clone(), external_id: id }));
        }
        let has = [
            now.and_then(|now| now.display_name.clone()),
            now.and_then(|now| now.given_name.clone()),
            now.and_then(|now| now.family_name.clone()),
        ];
        let wants = [&wanted.display_name, &wanted.given_name, &wanted.family_name];
        let other: Vec<Option<Option<String>>> =
            wants.iter().zip(&has).map(|(wanted, has)| other_text(wanted.as_ref(), has.as_ref())).collect();
        if other.iter().all(Option::is_none) {
            return;
        }
        let mut names = other.into_iter().zip(has).map(|(other, has)| other.unwrap_or(has));
        let (display_name, given_name, family_name) =
            (names.next().flatten(), names.next().flatten(), names.next().flatten());
        let called = display_name.clone().or_else(|| {
            let parts: Vec<&str> =
                [&given_name, &family_name].into_iter().flatten().map(String::as_str).collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        });
        let text = format!("user {user}: called {}", called.as_deref().unwrap_or("nothing"));
        self.makes.push(step(
            '~',
            text,
            Change::SetPersonNames { user, display_name, given_name, family_name },
        ));
    }

    /// "Enable Licenses": off before licenses are added, so that none is taken.
    fn switch(&mut self, of: &str, holder: &Holder, now: Option<bool>, wanted: Option<bool>) {
        let Some(enabled) = wanted.filter(|enabled| *enabled != now.unwrap_or(true)) else { return };
        let change = Change::EnableLicenses { of: holder.clone(), enabled };
        let to = if enabled { &mut self.takes } else { &mut self.makes };
        to.push(step('~', format!("{of}: licenses {}", if enabled { "on" } else { "off" }), change));
    }

    fn licenses(
        &mut self,
        of: &str,
        holder: &Holder,
        method: Method,
        has: &[String],
        wanted: Option<&[String]>,
    ) {
        for feature in self.too_many(has, wanted) {
            let text = format!("license {feature} of {of}");
            self.frees.push(step('-', text, Change::Unlicense { feature, from: vec![holder.clone()] }));
        }
        for feature in missing(has, wanted) {
            let text = format!("license {feature} to {of} ({})", word(&method));
            let to = vec![holder.clone()];
            self.takes.push(step('+', text, Change::License { feature, method, to }));
        }
    }

    /// What is there and not wanted; nothing where the file only adds.
    fn too_many(&self, has: &[String], wanted: Option<&[String]>) -> Vec<String> {
        let Some(wanted) = wanted.filter(|_| !self.only_adds) else { return Vec::new() };
        let wanted = folded(wanted);
        has.iter().filter(|name| !wanted.contains(&fold(name))).cloned().collect()
    }
}

/// What is to be known of a group that becomes a workgroup, or the other way: nobody and nothing is lost.
const fn turned(was: Option<Queue>, is: Option<Queue>) -> &'static str {
    match (was, is) {
        (Some(_), None) => ": no workgroup any more; members and roles stay",
        (None, Some(_)) => ", a workgroup from now on; members and roles stay",
        _ => "",
    }
}

/// A text that is wanted and not there, an empty one being none; nothing where none is wanted, or it is there.
fn other_text(wanted: Option<&String>, has: Option<&String>) -> Option<Option<String>> {
    let wanted = Some(wanted?.trim()).filter(|text| !text.is_empty());
    (wanted != has.map(String::as_str)).then(|| wanted.map(str::to_owned))
}

fn known_as(id: Option<&str>) -> String {
    id.map_or_else(|| "known elsewhere by no id".to_owned(), |id| format!("known elsewhere as {id}"))
}

/// Names for people: the first ten, and how many more.
fn listed(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
    let more = names.len().saturating_sub(first.len());
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{rest}", first.join(", "))
}

/// Whether both have the same interaction types, in whatever order.
fn same(one: &[Medium], other: &[Medium]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// What is wanted and not there, each once.
fn missing(has: &[String], wanted: Option<&[String]>) -> Vec<String> {
    let mut known = folded(has);
    wanted.unwrap_or_default().iter().filter(|name| known.insert(fold(name))).cloned().collect()
}

#[cfg(test)]
mod tests;
