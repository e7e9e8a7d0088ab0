//! Writing a table: what there is as CSV lines that can be read again. Only writes.

use grantor_api::directory::Licensing;

use super::cells::guarded;
use super::{COLUMNS, Current, fold, word, words};

/// What of it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// Users with their groups, roles and licenses.
    Users,
    /// Stations with their licenses.
    Stations,
    /// Groups and workgroups with their roles and members.
    Groups,
    /// Roles.
    Roles,
}

impl Part {
    fn has(self, one: Self) -> bool {
        self == Self::All || self == one
    }
}

type Row = Vec<(&'static str, String)>;

/// A table that says what there is, in an order that people would write it in. No cell of it is a formula to a
/// spreadsheet.
///
/// # Errors
/// None that a table in memory has.
pub fn write(now: &Current, part: Part) -> Result<String, csv::Error> {
    let mut rows: Vec<Row> = Vec::new();
    if part.has(Part::Roles) {
        rows.extend(now.roles.values().map(|role| {
            let application = role.application.clone().unwrap_or_default();
            vec![("what", "role".into()), ("name", role.name.clone()), ("application", application)]
        }));
    }
    write_things(now, part, &mut rows);
    if part.has(Part::Users) {
        write_users(now, &mut rows);
    }
    write_links(now, part, &mut rows);
    write_allocations(now, part, &mut rows);
    to_csv(&rows)
}

fn is(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

fn write_things(now: &Current, part: Part, rows: &mut Vec<Row>) {
    for group in now.groups.values().filter(|_| part.has(Part::Groups)) {
        rows.push(vec![
            ("what", "group".into()),
            ("name", group.name.clone()),
            ("queue", group.queue.as_ref().map(word).unwrap_or_default()),
            ("media", words(&group.media).replace(',', " ")),
            ("external_id", group.external_id.clone().unwrap_or_default()),
        ]);
    }
    for station in now.stations.values().filter(|_| part.has(Part::Stations)) {
        rows.push(vec![
            ("what", "station".into()),
            ("name", station.name.clone()),
            ("machine", station.machine.clone()),
            ("kind", word(&station.kind)),
            ("enabled", is(station.enabled)),
            ("licenses_enabled", is(station.licensing.enabled)),
        ]);
    }
}

fn write_users(now: &Current, rows: &mut Vec<Row>) {
    for user in now.users.values() {
        rows.push(vec![
            ("what", "user".into()),
            ("name", user.name.clone()),
            ("mail", user.mail.clone().unwrap_or_default()),
            ("enabled", is(user.enabled)),
            ("default_user", is(user.default_user)),
            ("own_number", is(user.own_number)),
            ("licenses_enabled", is(user.licensing.enabled)),
            ("method", word(&user.licensing.method)),
            ("media", words(&user.media).replace(',', " ")),
            ("external_id", user.external_id.clone().unwrap_or_default()),
            ("display_name", user.display_name.clone().unwrap_or_default()),
            ("given_name", user.given_name.clone().unwrap_or_default()),
            ("family_name", user.family_name.clone().unwrap_or_default()),
        ]);
    }
}

fn link(what: &str, one: (&'static str, &str), other: (&'static str, &str)) -> Row {
    vec![("what", what.to_owned()), (one.0, one.1.to_owned()), (other.0, other.1.to_owned())]
}

/// Who is in which group and has which role.
fn write_links(now: &Current, part: Part, rows: &mut Vec<Row>) {
    for user in now.users.values() {
        let is_shown = |group: &&String| match part {
            Part::All | Part::Users => true,
            Part::Groups => now.groups.contains_key(&fold(group)),
            Part::Stations | Part::Roles => false,
        };
        let groups = user.groups.iter().filter(is_shown);
        rows.extend(groups.map(|group| link("member", ("user", &user.name), ("group", group))));
        let roles = user.roles.iter().filter(|_| part.has(Part::Users));
        rows.extend(roles.map(|role| link("assignment", ("user", &user.name), ("role", role))));
    }
    for group in now.groups.values().filter(|_| part.has(Part::Groups)) {
        let roles = group.roles.iter();
        rows.extend(roles.map(|role| link("assignment", ("group", &group.name), ("role", role))));
    }
}

/// Who holds which license. Nobody holds one for a whole group: it was given to each who was a member.
fn write_allocations(now: &Current, part: Part, rows: &mut Vec<Row>) {
    let users = now.users.values().filter(|_| part.has(Part::Users));
    let users = users.map(|user| ("user", &user.name, &user.licensing));
    let stations = now.stations.values().filter(|_| part.has(Part::Stations));
    let stations = stations.map(|station| ("station", &station.name, &station.licensing));
    for (what, name, licensing) in users.chain(stations) {
        let Licensing { features, .. } = licensing;
        rows.extend(features.iter().map(|feature| link("allocation", (what, name), ("feature", feature))));
    }
}

fn to_csv(rows: &[Row]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        let cell = |column: &&str| row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        writer.write_record(COLUMNS.iter().map(|column| guarded(cell(column))))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
