//! The table of `grantor export`: what there is as CSV lines. Only writes.

use grantor_api::directory::Licensing;

use super::super::plan::Current;
use super::super::show::{word, words};
use super::COLUMNS;
use crate::failure::{Exit, Failure};

/// A table that says what there is, in an order that people would write it in.
pub(in super::super) fn write(now: &Current) -> Result<String, Failure> {
    let mut rows: Vec<Vec<(&str, String)>> = Vec::new();
    let is = |is_so: bool| if is_so { "yes" } else { "no" }.to_owned();
    for role in now.roles.values() {
        let application = role.application.clone().unwrap_or_default();
        rows.push(vec![("what", "role".into()), ("name", role.name.clone()), ("application", application)]);
    }
    for group in now.groups.values() {
        let queue = group.queue.as_ref().map(word).unwrap_or_default();
        let media = words(&group.media).replace(',', " ");
        rows.push(vec![
            ("what", "group".into()),
            ("name", group.name.clone()),
            ("queue", queue),
            ("media", media),
            ("external_id", group.external_id.clone().unwrap_or_default()),
        ]);
    }
    for station in now.stations.values() {
        rows.push(vec![
            ("what", "station".into()),
            ("name", station.name.clone()),
            ("machine", station.machine.clone()),
            ("kind", word(&station.kind)),
            ("enabled", is(station.enabled)),
            ("licenses_enabled", is(station.licensing.enabled)),
        ]);
    }
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
    write_links(now, &mut rows);
    to_csv(&rows).map_err(|error| Failure::new(Exit::Io, error))
}

/// Who is in which group and has which role and license.
fn write_links(now: &Current, rows: &mut Vec<Vec<(&'static str, String)>>) {
    let mut link = |what: &str, one: (&'static str, &str), other: (&'static str, &str)| {
        rows.push(vec![("what", what.to_owned()), (one.0, one.1.to_owned()), (other.0, other.1.to_owned())]);
    };
    for user in now.users.values() {
        user.groups.iter().for_each(|group| link("member", ("user", &user.name), ("group", group)));
        user.roles.iter().for_each(|role| link("assignment", ("user", &user.name), ("role", role)));
    }
    for group in now.groups.values() {
        group.roles.iter().for_each(|role| link("assignment", ("group", &group.name), ("role", role)));
    }
    let users = now.users.values().map(|user| ("user", &user.name, &user.licensing));
    let stations = now.stations.values().map(|station| ("station", &station.name, &station.licensing));
    for (what, name, licensing) in users.chain(stations) {
        let Licensing { features, .. } = licensing;
        features.iter().for_each(|feature| link("allocation", (what, name), ("feature", feature)));
    }
}

fn to_csv(rows: &[Vec<(&str, String)>]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        let cell = |column: &&str| row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        writer.write_record(COLUMNS.iter().map(cell))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
