//! What the directory's commands show: tables for people, JSON for programs.

use std::process::ExitCode;

use grantor_api::directory::{AllocationRow, Beyond, Changed, Group, Licensing, Role, Station, User};
use grantor_server::directory_table::{word, words};
use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// One thing, in words or as JSON.
pub(super) fn alone<T: Serialize>(of: &T, json: bool, show: impl Fn(&T)) -> Result<ExitCode, Failure> {
    if json {
        output::json(of)?
    } else {
        show(of)
    }
    Ok(ExitCode::SUCCESS)
}

/// Several things, in words or as JSON.
pub(super) fn many<T: Serialize>(of: &[T], json: bool, show: impl Fn(&[T])) -> Result<ExitCode, Failure> {
    if json {
        output::json(&of)?
    } else {
        show(of)
    }
    Ok(ExitCode::SUCCESS)
}

/// What came of changes, or would.
pub(super) fn changed(changed: &Changed, json: bool) -> Result<(), Failure> {
    if json {
        output::json(changed)?;
        return Ok(());
    }
    for of in &changed.allocation {
        let allowed = of.allowed.map_or_else(|| "uncounted".to_owned(), |allowed| format!("of {allowed}"));
        let configured = match of.configured_before == of.configured_after || of.model == "role" {
            true => String::new(),
            false => format!(", configured {} -> {}", of.configured_before, of.configured_after),
        };
        output::data(&format!(
            "{} ({}): in use {} -> {} {allowed}{configured}",
            of.feature, of.model, of.in_use_before, of.in_use_after
        ));
    }
    changed.warnings.iter().for_each(|warning| output::error(&format!("warning: {}", warning.text)));
    let what = if changed.dry_run { "would be done; nothing was" } else { "done" };
    output::error(&format!("{} {what}", count(changed.changes as usize, "change")));
    Ok(())
}

/// A number with its word.
pub(super) fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// Rows under a head, each column as wide as its widest entry.
fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        output::data(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(&mut head.iter().copied());
    rows.iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
}

fn yes_no(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

fn licenses(of: &Licensing) -> String {
    let off = if of.enabled || of.features.is_empty() { "" } else { " (off)" };
    format!("{}{off}", of.features.join(","))
}

pub(super) fn users(users: &[User]) {
    let row = |user: &User| {
        vec![
            user.name.clone(),
            yes_no(user.enabled),
            word(&user.licensing.method),
            licenses(&user.licensing),
            user.groups.join(","),
            user.roles.join(","),
            user.consumes.join(","),
        ]
    };
    let rows: Vec<_> = users.iter().map(row).collect();
    table(&["USER", "ENABLED", "METHOD", "LICENSES", "GROUPS", "ROLES", "CONSUMES"], &rows);
}

pub(super) fn user(user: &User) {
    let present = user.present.as_ref().map_or_else(
        || "no".to_owned(),
        |at| {
            let place = at.station.as_deref().or(at.number.as_deref()).unwrap_or("modules only");
            format!("{place} since {}", at.since)
        },
    );
    fields(&[
        ("user", user.name.clone()),
        ("mail", user.mail.clone().unwrap_or_default()),
        ("enabled", yes_no(user.enabled)),
        ("default user", yes_no(user.default_user)),
        ("own number", yes_no(user.own_number)),
        ("method", word(&user.licensing.method)),
        ("licenses", licenses(&user.licensing)),
        ("held", user.licensing.held.join(",")),
        ("media", words(&user.media)),
        ("receives", words(&user.receives)),
        ("groups", user.groups.join(",")),
        ("roles", user.roles.join(",")),
        ("consumes", user.consumes.join(",")),
        ("at work", present),
    ]);
}

fn fields(fields: &[(&str, String)]) {
    for (name, value) in fields {
        output::data(format!("{name:13} {value}").trim_end());
    }
}

pub(super) fn stations(stations: &[Station]) {
    let row = |station: &Station| {
        vec![
            station.name.clone(),
            station.machine.clone(),
            word(&station.kind),
            yes_no(station.enabled),
            licenses(&station.licensing),
            station.user.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = stations.iter().map(row).collect();
    table(&["STATION", "MACHINE", "KIND", "ENABLED", "LICENSES", "USER"], &rows);
}

pub(super) fn station(station: &Station) {
    fields(&[
        ("station", station.name.clone()),
        ("machine", station.machine.clone()),
        ("kind", word(&station.kind)),
        ("enabled", yes_no(station.enabled)),
        ("licenses", licenses(&station.licensing)),
        ("held", station.licensing.held.join(",")),
        ("user", station.user.clone().unwrap_or_default()),
    ]);
}

pub(super) fn groups(groups: &[Group]) {
    let row = |group: &Group| {
        let queue = group.queue.as_ref().map(word).unwrap_or_default();
        vec![group.name.clone(), group.size.to_string(), queue, words(&group.media), group.roles.join(",")]
    };
    table(&["GROUP", "MEMBERS", "QUEUE", "MEDIA", "ROLES"], &groups.iter().map(row).collect::<Vec<_>>());
}

pub(super) fn group(group: &Group, members: &[String], json: bool) -> Result<ExitCode, Failure> {
    if json {
        let mut value = serde_json::to_value(group).unwrap_or_default();
        value["members"] = members.into();
        output::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    fields(&[
        ("group", group.name.clone()),
        ("queue", group.queue.as_ref().map(word).unwrap_or_default()),
        ("media", words(&group.media)),
        ("roles", group.roles.join(",")),
        ("members", members.join(",")),
    ]);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn roles(roles: &[Role]) {
    let row = |role: &Role| vec![role.name.clone(), role.application.clone().unwrap_or_default()];
    table(&["ROLE", "APPLICATION"], &roles.iter().map(row).collect::<Vec<_>>());
}

/// The seven columns of "License allocation" (seed 002).
pub(super) fn allocation(rows: &[AllocationRow]) {
    let allowed =
        |seats: Option<u32>| seats.map_or_else(|| "uncounted".to_owned(), |seats| seats.to_string());
    let row = |row: &AllocationRow| {
        vec![
            row.feature.clone(),
            allowed(row.assignable_allowed),
            row.assignable_configured.to_string(),
            allowed(row.concurrent_allowed),
            row.concurrent_configured.to_string(),
            row.concurrent_in_use.to_string(),
            row.notes.clone(),
        ]
    };
    let head = ["LICENSE", "ASSIGNABLE", "CONFIGURED", "CONCURRENT", "CONFIGURED", "IN USE", "NOTES"];
    table(&head, &rows.iter().map(row).collect::<Vec<_>>());
}

pub(super) fn beyond(beyond: &[Beyond]) {
    let row = |of: &Beyond| {
        vec![
            of.holder.clone(),
            of.feature.clone(),
            of.count.to_string(),
            of.since.to_string(),
            of.grant.to_string(),
        ]
    };
    table(&["HOLDER", "FEATURE", "SEATS", "SINCE", "GRANT"], &beyond.iter().map(row).collect::<Vec<_>>());
}
