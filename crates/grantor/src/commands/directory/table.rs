//! The table of `grantor import` and `grantor export`: CSV lines to a wanted state that only adds, and back. Every bad
//! line is told with its number; a table with one gives nothing.

mod write;

use std::collections::{BTreeMap, BTreeSet};

use grantor_api::directory::{AllocationRow, Medium, Method};
use grantor_client::Http;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fetch::encoded;
use super::plan::{Current, fold};
use super::wanted::{Wanted, WantedGroup, WantedRole, WantedStation, WantedUser};
use crate::failure::Failure;

pub(super) use write::write;

const COLUMNS: [&str; 22] = [
    "what",
    "name",
    "mail",
    "enabled",
    "default_user",
    "machine",
    "kind",
    "queue",
    "media",
    "application",
    "user",
    "group",
    "role",
    "station",
    "feature",
    "method",
    "own_number",
    "licenses_enabled",
    "external_id",
    "display_name",
    "given_name",
    "family_name",
];
/// Bad lines that are told of.
const PROBLEMS: usize = 1000;

/// A line; columns that a sort of line has no use for are empty.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    what: String,
    name: String,
    mail: String,
    enabled: String,
    default_user: String,
    machine: String,
    kind: String,
    queue: String,
    media: String,
    application: String,
    user: String,
    group: String,
    role: String,
    station: String,
    feature: String,
    method: String,
    own_number: String,
    licenses_enabled: String,
    external_id: String,
    display_name: String,
    given_name: String,
    family_name: String,
}

/// The licenses that can be allocated, folded.
pub(super) fn features(http: &Http, tenant: &str) -> Result<BTreeSet<String>, Failure> {
    let rows: Vec<AllocationRow> = http.get(&format!("/v1/tenants/{}/allocation", encoded(tenant)))?;
    Ok(rows.iter().map(|row| fold(&row.feature)).collect())
}

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

/// The state that a table wants, or what is wrong with its lines.
pub(super) fn read(text: &str, now: &Current, features: &BTreeSet<String>) -> Result<Wanted, Vec<String>> {
    let (lines, mut problems) = lines(text)?;
    let (users, stations, groups) = Default::default();
    let mut reader =
        Reader { now, features, lines: BTreeMap::new(), users, stations, groups, roles: Vec::new() };
    // Who there is comes first, wherever it stands: other lines may name anybody of the file.
    for brings_in in [true, false] {
        for (number, line) in &lines {
            let is_of_now = matches!(&*line.what, "user" | "station" | "group" | "role") == brings_in;
            if let Some(problem) = is_of_now.then(|| reader.take(*number, line)).and_then(Result::err) {
                problems.insert(*number, problem);
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems
            .into_iter()
            .take(PROBLEMS)
            .map(|(line, what)| format!("{line}: {what}"))
            .collect());
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

type Lines = (Vec<(u64, Line)>, BTreeMap<u64, String>);

fn lines(text: &str) -> Result<Lines, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let head = reader.headers().map_err(|error| vec![format!("1: {error}")])?.clone();
    if let Some(unknown) = head.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(vec![format!("1: no column is called `{unknown}`; there are {}", COLUMNS.join(", "))]);
    }
    if !head.iter().any(|name| name == "what") {
        return Err(vec!["1: the column `what` is missing; the first line names the columns".to_owned()]);
    }
    let (mut lines, mut problems) = (Vec::new(), BTreeMap::new());
    for record in reader.records() {
        let mut record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.insert(error.position().map_or(0, csv::Position::line), error.to_string());
                continue;
            }
        };
        let number = record.position().map_or(0, csv::Position::line);
        if record.len() > head.len() {
            problems.insert(number, format!("{} fields, and {} columns", record.len(), head.len()));
            continue;
        }
        (record.len()..head.len()).for_each(|_| record.push_field(""));
        match record.deserialize(Some(&head)) {
            Ok(line) => lines.push((number, line)),
            Err(error) => drop(problems.insert(number, error.to_string())),
        }
    }
    Ok((lines, problems))
}

/// A field that must not be empty.
fn needed<'a>(column: &str, value: &'a str) -> Result<&'a str, String> {
    if value.is_empty() { Err(format!("`{column}` is empty")) } else { Ok(value) }
}

/// A word as the API spells it; nothing where the field is empty.
fn read_word<T: DeserializeOwned>(column: &str, value: &str) -> Result<Option<T>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    serde_json::from_value(value.to_lowercase().into())
        .map(Some)
        .map_err(|error| format!("`{column}`: {error}"))
}

fn yes_or_no(column: &str, value: &str) -> Result<Option<bool>, String> {
    match &*value.to_lowercase() {
        "" => Ok(None),
        "yes" | "true" | "1" => Ok(Some(true)),
        "no" | "false" | "0" => Ok(Some(false)),
        other => Err(format!("`{column}` is `{other}`; write yes or no")),
    }
}

/// Interaction types with blanks or semicolons between them; nothing where the field is empty.
fn media(value: &str) -> Result<Option<Vec<Medium>>, String> {
    let words = value.split([' ', ';']).filter(|word| !word.is_empty());
    let read: Result<Vec<Option<Medium>>, String> = words.map(|word| read_word("media", word)).collect();
    let media: Vec<Medium> = read?.into_iter().flatten().collect();
    Ok((!media.is_empty()).then_some(media))
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

impl Reader<'_> {
    fn take(&mut self, number: u64, line: &Line) -> Result<(), String> {
        match &*line.what {
            "user" => self.user(number, line),
            "station" => self.station(number, line),
            "group" => self.group(number, line),
            "role" => self.role(number, line),
            "member" => self.member(line),
            "assignment" => self.assignment(line),
            "allocation" => self.allocation(line),
            "" => Err("`what` is empty".to_owned()),
            other => Err(format!(
                "`what` is `{other}`, and may be user, station, group, role, member, assignment or allocation"
            )),
        }
    }

    fn first(&mut self, what: &'static str, number: u64, line: &Line) -> Result<String, String> {
        let name = fold(needed("name", &line.name)?);
        match self.lines.insert((what, name.clone()), number) {
            Some(before) => Err(format!("the {what} `{}` stands on line {before} already", line.name)),
            None => Ok(name),
        }
    }

    fn user(&mut self, number: u64, line: &Line) -> Result<(), String> {
        let key = self.first("user", number, line)?;
        let user = WantedUser {
            name: line.name.clone(),
            mail: text(&line.mail),
            enabled: yes_or_no("enabled", &line.enabled)?,
            default_user: yes_or_no("default_user", &line.default_user)?,
            own_number: yes_or_no("own_number", &line.own_number)?,
            licenses_enabled: yes_or_no("licenses_enabled", &line.licenses_enabled)?,
            method: read_word("method", &line.method)?,
            media: media(&line.media)?,
            external_id: text(&line.external_id),
            display_name: text(&line.display_name),
            given_name: text(&line.given_name),
            family_name: text(&line.family_name),
            ..WantedUser::default()
        };
        self.users.insert(key, user);
        Ok(())
    }

    fn station(&mut self, number: u64, line: &Line) -> Result<(), String> {
        let key = self.first("station", number, line)?;
        let station = WantedStation {
            name: line.name.clone(),
            machine: text(&line.machine),
            kind: read_word("kind", &line.kind)?,
            enabled: yes_or_no("enabled", &line.enabled)?,
            licenses: None,
            licenses_enabled: yes_or_no("licenses_enabled", &line.licenses_enabled)?,
        };
        self.stations.insert(key, station);
        Ok(())
    }

    fn group(&mut self, number: u64, line: &Line) -> Result<(), String> {
        let key = self.first("group", number, line)?;
        let group = WantedGroup {
            name: line.name.clone(),
            queue: read_word("queue", &line.queue)?,
            media: media(&line.media)?,
            external_id: text(&line.external_id),
            ..WantedGroup::default()
        };
        self.groups.insert(key, group);
        Ok(())
    }

    fn role(&mut self, number: u64, line: &Line) -> Result<(), String> {
        self.first("role", number, line)?;
        self.roles.push(WantedRole { name: line.name.clone(), application: text(&line.application) });
        Ok(())
    }

    /// Whether the name is known, of the file or of the server.
    fn known(&self, what: &'static str, name: &str) -> Result<String, String> {
        let key = fold(needed(what, name)?);
        let is_there = match what {
            "user" => self.now.users.contains_key(&key),
            "station" => self.now.stations.contains_key(&key),
            "group" => self.now.groups.contains_key(&key),
            _ => self.now.roles.contains_key(&key),
        };
        match is_there || self.lines.contains_key(&(what, key.clone())) {
            true => Ok(key),
            false => Err(format!("no {what} is called `{name}`, neither in the file nor on the server")),
        }
    }

    fn user_of(&mut self, line: &Line) -> Result<&mut WantedUser, String> {
        let key = self.known("user", &line.user)?;
        let new = || WantedUser { name: line.user.clone(), ..WantedUser::default() };
        Ok(self.users.entry(key).or_insert_with(new))
    }

    fn group_of(&mut self, line: &Line) -> Result<&mut WantedGroup, String> {
        let key = self.known("group", &line.group)?;
        let new = || WantedGroup { name: line.group.clone(), ..WantedGroup::default() };
        Ok(self.groups.entry(key).or_insert_with(new))
    }

    fn member(&mut self, line: &Line) -> Result<(), String> {
        self.known("user", &line.user)?;
        self.group_of(line)?.members.get_or_insert_default().push(line.user.clone());
        Ok(())
    }

    fn assignment(&mut self, line: &Line) -> Result<(), String> {
        self.known("role", &line.role)?;
        let roles = match (line.user.is_empty(), line.group.is_empty()) {
            (false, true) => &mut self.user_of(line)?.roles,
            (true, false) => &mut self.group_of(line)?.roles,
            _ => return Err("an assignment has either a `user` or a `group`".to_owned()),
        };
        roles.get_or_insert_default().push(line.role.clone());
        Ok(())
    }

    fn allocation(&mut self, line: &Line) -> Result<(), String> {
        if !self.features.contains(&fold(needed("feature", &line.feature)?)) {
            let near =
                grantor_license::nearest(&fold(&line.feature), self.features.iter().map(String::as_str));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(format!("no license `{}` for allocation is loaded{hint}", line.feature));
        }
        let method: Option<Method> = read_word("method", &line.method)?;
        let licenses = match (line.user.is_empty(), line.station.is_empty()) {
            (false, true) => {
                let user = self.user_of(line)?;
                if user.method.is_some() && method.is_some() && user.method != method {
                    return Err(format!(
                        "the licenses of `{}` are all assignable or all concurrent",
                        user.name
                    ));
                }
                user.method = user.method.or(method);
                &mut user.licenses
            }
            (true, false) => {
                if method == Some(Method::Concurrent) {
                    return Err("a station's licenses are assignable only".to_owned());
                }
                let key = self.known("station", &line.station)?;
                let new = || WantedStation { name: line.station.clone(), ..WantedStation::default() };
                &mut self.stations.entry(key).or_insert_with(new).licenses
            }
            _ => return Err("an allocation has either a `user` or a `station`".to_owned()),
        };
        licenses.get_or_insert_default().push(line.feature.clone());
        Ok(())
    }
}
