//! Reading a table: CSV lines to a wanted state that only adds. Every bad line is told with its number and column; a table
//! with one gives nothing.

use std::collections::{BTreeMap, BTreeSet};

use grantor_api::directory::Method;

use super::cells::{Line, Problem, lines};
use super::wanted::{Wanted, WantedGroup, WantedRole, WantedStation, WantedUser};
use super::{Current, fold};

struct Reader<'a> {
    now: &'a Current,
    features: &'a BTreeSet<String>,
    /// Everything that the file brings in, by kind and folded name, with its line.
    lines: BTreeMap<(&'static str, String), u64>,
    users: BTreeMap<String, WantedUser>,
    stations: BTreeMap<String, WantedStation>,
    groups: BTreeMap<String, WantedGroup>,
    roles: Vec<WantedRole>,
}

/// The state that a table wants; `features` = the licenses that can be allocated, folded.
///
/// # Errors
/// Everything that is wrong with its lines, in their order.
pub fn read(text: &str, now: &Current, features: &BTreeSet<String>) -> Result<Wanted, Vec<Problem>> {
    let mut lines = lines(text).map_err(|problem| vec![problem])?;
    let (users, stations, groups) = Default::default();
    let mut reader =
        Reader { now, features, lines: BTreeMap::new(), users, stations, groups, roles: Vec::new() };
    // Who there is comes first, wherever it stands: other lines may name anybody of the file. Last come those that mean
    // everybody who is in a group by then.
    for pass in 0..3 {
        lines.iter_mut().filter(|line| self::pass(line) == pass).for_each(|line| reader.take(line));
    }
    let problems: Vec<Problem> = lines.into_iter().flat_map(|line| line.problems).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Wanted {
        users: reader.users.into_values().collect(),
        stations: reader.stations.into_values().collect(),
        groups: reader.groups.into_values().collect(),
        roles: reader.roles,
        only_adds: true,
        ..Wanted::default()
    })
}

fn pass(line: &Line) -> u8 {
    match line.cell("what") {
        "user" | "station" | "group" | "role" => 0,
        "allocation" if line.has("group") => 2,
        _ => 1,
    }
}

impl Reader<'_> {
    fn take(&mut self, line: &mut Line) {
        match line.cell("what") {
            "user" => self.user(line),
            "station" => self.station(line),
            "group" => self.group(line),
            "role" => self.role(line),
            "member" => self.member(line),
            "assignment" => self.assignment(line),
            "allocation" => self.allocation(line),
            // A line that could not be taken apart is told as such.
            "" if !line.problems.is_empty() => {}
            "" => line.wrong(Some("what"), "it is empty".to_owned()),
            other => {
                let text = format!(
                    "it is `{other}`, and may be user, station, group, role, member, assignment or allocation"
                );
                line.wrong(Some("what"), text);
            }
        }
    }

    /// The name that a line brings in, and the same folded.
    fn brought(&mut self, what: &'static str, line: &mut Line) -> Option<(String, String)> {
        let name = line.needed("name")?;
        let key = fold(&name);
        if let Some(before) = self.lines.insert((what, key.clone()), line.number) {
            line.wrong(Some("name"), format!("the {what} `{name}` stands on line {before} already"));
            return None;
        }
        Some((key, name))
    }

    fn user(&mut self, line: &mut Line) {
        let brought = self.brought("user", line);
        let user = WantedUser {
            mail: line.text("mail"),
            enabled: line.yes_or_no("enabled"),
            default_user: line.yes_or_no("default_user"),
            own_number: line.yes_or_no("own_number"),
            licenses_enabled: line.yes_or_no("licenses_enabled"),
            method: line.word("method"),
            media: line.media(),
            external_id: line.text("external_id"),
            display_name: line.text("display_name"),
            given_name: line.text("given_name"),
            family_name: line.text("family_name"),
            ..WantedUser::default()
        };
        let Some((key, name)) = brought else { return };
        let is_default = self.now.users.get(&key).map(|user| user.default_user);
        if is_default.zip(user.default_user).is_some_and(|(is, wanted)| is != wanted) {
            let text =
                format!("`{name}` is here already, and who is a default user is said with a new one only");
            line.wrong(Some("default_user"), text);
        }
        self.users.insert(key, WantedUser { name, ..user });
    }

    fn station(&mut self, line: &mut Line) {
        let brought = self.brought("station", line);
        let station = WantedStation {
            name: String::new(),
            machine: line.text("machine"),
            kind: line.word("kind"),
            enabled: line.yes_or_no("enabled"),
            licenses: None,
            licenses_enabled: line.yes_or_no("licenses_enabled"),
        };
        let Some((key, name)) = brought else { return };
        self.stations.insert(key, WantedStation { name, ..station });
    }

    fn group(&mut self, line: &mut Line) {
        let brought = self.brought("group", line);
        let group = WantedGroup {
            queue: line.word("queue"),
            media: line.media(),
            external_id: line.text("external_id"),
            ..WantedGroup::default()
        };
        let Some((key, name)) = brought else { return };
        self.groups.insert(key, WantedGroup { name, ..group });
    }

    fn role(&mut self, line: &mut Line) {
        let Some((_, name)) = self.brought("role", line) else { return };
        self.roles.push(WantedRole { name, application: line.text("application") });
    }

    /// The folded name in the column `what`, if it is known: of the file or of the server.
    fn known(&self, what: &'static str, line: &mut Line) -> Option<String> {
        let name = line.needed(what)?;
        let key = fold(&name);
        let is_there = match what {
            "user" => self.now.users.contains_key(&key),
            "station" => self.now.stations.contains_key(&key),
            "group" => self.now.groups.contains_key(&key),
            _ => self.now.roles.contains_key(&key),
        };
        if is_there || self.lines.contains_key(&(what, key.clone())) {
            return Some(key);
        }
        let text = format!("no {what} is called `{name}`, neither in the file nor on the server");
        line.wrong(Some(what), text);
        None
    }

    fn user_mut(&mut self, key: String, name: &str) -> &mut WantedUser {
        let new = || WantedUser { name: name.to_owned(), ..WantedUser::default() };
        self.users.entry(key).or_insert_with(new)
    }

    fn group_mut(&mut self, key: String, name: &str) -> &mut WantedGroup {
        let new = || WantedGroup { name: name.to_owned(), ..WantedGroup::default() };
        self.groups.entry(key).or_insert_with(new)
    }

    fn member(&mut self, line: &mut Line) {
        let (user, group) = (self.known("user", line), self.known("group", line));
        let Some((_, group)) = user.zip(group) else { return };
        let members = &mut self.group_mut(group, line.cell("group")).members;
        members.get_or_insert_default().push(line.cell("user").to_owned());
    }

    fn assignment(&mut self, line: &mut Line) {
        if line.has("user") == line.has("group") {
            return line.wrong(None, "an assignment has either a `user` or a `group`".to_owned());
        }
        let to = if line.has("user") { "user" } else { "group" };
        let (role, key) = (self.known("role", line), self.known(to, line));
        let Some((_, key)) = role.zip(key) else { return };
        let roles = match to {
            "user" => &mut self.user_mut(key, line.cell(to)).roles,
            _ => &mut self.group_mut(key, line.cell(to)).roles,
        };
        roles.get_or_insert_default().push(line.cell("role").to_owned());
    }

    fn allocation(&mut self, line: &mut Line) {
        let (feature, method) = (self.feature(line), line.word("method"));
        let to: Vec<&'static str> =
            ["user", "station", "group"].into_iter().filter(|to| line.has(to)).collect();
        let [to] = to[..] else {
            return line
                .wrong(None, "an allocation has either a `user`, a `station` or a `group`".to_owned());
        };
        let Some((feature, key)) = feature.zip(self.known(to, line)) else { return };
        let name = line.cell(to).to_owned();
        match to {
            "user" => self.license(line, (key, name), &feature, method),
            "station" if method == Some(Method::Concurrent) => {
                line.wrong(Some("method"), "a station's licenses are assignable only".to_owned());
            }
            "station" => {
                let new = || WantedStation { name, ..WantedStation::default() };
                let station = self.stations.entry(key).or_insert_with(new);
                station.licenses.get_or_insert_default().push(feature);
            }
            _ => self.members(&key).into_iter().for_each(|user| self.license(line, user, &feature, method)),
        }
    }

    /// The license that a line allocates, if one like it is loaded.
    fn feature(&self, line: &mut Line) -> Option<String> {
        let feature = line.needed("feature")?;
        let key = fold(&feature);
        if self.features.contains(&key) {
            return Some(feature);
        }
        let near = grantor_license::nearest(&key, self.features.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        line.wrong(Some("feature"), format!("no license `{feature}` for allocation is loaded{hint}"));
        None
    }

    fn license(
        &mut self,
        line: &mut Line,
        (key, name): (String, String),
        feature: &str,
        method: Option<Method>,
    ) {
        let user = self.user_mut(key, &name);
        if user.method.is_some() && method.is_some() && user.method != method {
            let text = format!("the licenses of `{}` are all assignable or all concurrent", user.name);
            return line.wrong(Some("method"), text);
        }
        user.method = user.method.or(method);
        user.licenses.get_or_insert_default().push(feature.to_owned());
    }

    /// Who is in a group once the file is done: folded names, and as they are spelled.
    fn members(&self, group: &str) -> BTreeMap<String, String> {
        let is_in = |user: &&grantor_api::directory::User| user.groups.iter().any(|of| fold(of) == group);
        let here = self.now.users.values().filter(is_in).map(|user| &user.name);
        let wanted = self.groups.get(group).and_then(|group| group.members.as_ref());
        here.chain(wanted.into_iter().flatten()).map(|name| (fold(name), name.clone())).collect()
    }
}
