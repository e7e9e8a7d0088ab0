//! Notices in words: one line that says what it is, and a text that says what to do. Decides nothing.

use std::fmt::Write;

use grantor_site::Timestamp;
use grantor_site::directory::Change;
use grantor_site::notices::{About, Attempt, Loss};
use grantor_site::violation::{Breach, Violation};
use jiff::tz::TimeZone;

use crate::clock::instant;

fn days(days: u16) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

fn seats(seats: Option<u32>) -> String {
    seats.map_or_else(|| "any number of".to_owned(), |seats| seats.to_string())
}

fn what(losses: &[Loss]) -> String {
    match losses {
        [one] => one.feature.to_string(),
        [one, other] => format!("{} and {}", one.feature, other.feature),
        [one, rest @ ..] => format!("{} and {} more features", one.feature, rest.len()),
        [] => "nothing".to_owned(),
    }
}

fn ends(losses: &[Loss]) -> &'static str {
    if losses.len() == 1 { "license ends" } else { "licenses end" }
}

/// One line.
pub(crate) fn subject(about: &About) -> String {
    match about {
        About::Ending { tenant, days: left, inactive: false, losses, .. } => {
            format!("{tenant}: {} {} in {}", what(losses), ends(losses), days(*left))
        }
        About::Ending { tenant, days: left, losses, .. } => {
            format!("{tenant}: {} stops in {} unless it is activated", what(losses), days(*left))
        }
        About::Ended { tenant, days: 0, losses, .. } => {
            format!("{tenant}: the licenses of {} have ended", what(losses))
        }
        About::Ended { tenant, days: ago, losses, .. } => {
            format!("{tenant}: the licenses of {} ended {} ago", what(losses), days(*ago))
        }
        About::Limit { tenant, feature, .. } => {
            format!("{tenant}: more of {feature} was wanted than is licensed")
        }
        About::Violation(violation) => format!("{}{}", of(violation), breach(&violation.breach)),
        About::Cleared { violation, .. } => {
            format!("{}cleared: {}", of(violation), breach(&violation.breach))
        }
        About::ServerLost { server } => format!("license server {server} does not answer"),
        About::ServerBack { server } => format!("license server {server} is back"),
        About::Test { tenant, by } => format!("{tenant}: a test by {by}"),
    }
}

fn of(violation: &Violation) -> String {
    violation.breach.tenant().map_or_else(String::new, |tenant| format!("{tenant}: "))
}

fn breach(breach: &Breach) -> String {
    match breach {
        Breach::Expired { feature, .. } => format!("the license of {feature} has expired"),
        Breach::OverCapacity { feature, .. } => format!("more of {feature} is in use than is licensed"),
        Breach::NoneLeft { feature, .. } => format!("every license of {feature} was in use"),
        Breach::UnknownFeature { feature, .. } => format!("{feature} was asked for and is not licensed"),
        Breach::ClockSetBack { .. } => "a license server's clock was set back".to_owned(),
        Breach::ClockSetAhead { .. } => "a license server's clock was set ahead".to_owned(),
    }
}

/// The text: what it is, in detail, and what to do. `servers` serve the console.
pub(crate) fn body(about: &About, zone: &TimeZone, servers: &[String]) -> String {
    let mut text = format!("{}.\n\n", subject(about));
    let _always = details(&mut text, about, zone);
    let _always = match servers {
        [] => Ok(()),
        servers => write!(text, "\nConsole: https://{}/\n", servers.join("/ or https://")),
    };
    text
}

fn last_day(ends: Timestamp, zone: &TimeZone) -> String {
    instant(Timestamp(ends.0.saturating_sub(1))).to_zoned(zone.clone()).date().to_string()
}

fn details(text: &mut String, about: &About, zone: &TimeZone) -> std::fmt::Result {
    match about {
        About::Ending { ends, inactive, losses, .. } => {
            let day = last_day(*ends, zone);
            writeln!(text, "Last day: {day}. From the day after:")?;
            list(text, losses)?;
            let todo =
                if *inactive { "Activate the license" } else { "Order a renewal and load its license file" };
            writeln!(
                text,
                "\n{todo} before that day; what is in use then is kept, and nothing new is granted beyond."
            )
        }
        About::Ended { ended, losses, .. } => {
            writeln!(text, "Last day: {}. Since then:", last_day(*ended, zone))?;
            list(text, losses)?;
            writeln!(text, "\nLoad the license file of the renewal.")
        }
        About::Limit { feature, attempt, before, .. } => {
            writeln!(text, "Attempt: {}.", tried(attempt))?;
            if *before > 0 {
                writeln!(text, "{before} more before it, within the hour.")?;
            }
            writeln!(
                text,
                "\nFree what is not needed, or order more of {feature}. Further attempts within an hour come in one notice."
            )
        }
        About::Violation(violation) => {
            writeln!(text, "Violation {}, type {}.", violation.number, violation.breach.kind())
        }
        About::Cleared { violation, by } => {
            writeln!(
                text,
                "Violation {}, cleared by {}.",
                violation.number,
                by.as_deref().unwrap_or("itself")
            )
        }
        About::ServerLost { .. } => {
            writeln!(
                text,
                "The two others go on serving; should another one fail, nothing is granted. See to it soon."
            )
        }
        About::ServerBack { .. } => writeln!(text, "Nothing is to be done."),
        About::Test { .. } => writeln!(text, "Notices arrive here."),
    }
}

fn list(text: &mut String, losses: &[Loss]) -> std::fmt::Result {
    for loss in losses {
        writeln!(text, "  {}: {} licenses instead of {}", loss.feature, seats(loss.to), seats(loss.from))?;
    }
    Ok(())
}

fn tried(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Request { user, host } => format!("{user} on {host} asked for one"),
        Attempt::Change { change, by } => format!("{by} was to {}", deed(change)),
    }
}

/// What takes licenses, in the infinitive.
fn deed(change: &Change) -> String {
    match change {
        Change::AddUser { name, .. } => format!("add the user {name}"),
        Change::EnableUser { user } => format!("enable the user {user}"),
        Change::AssignRole { role, user } => format!("give the role {role} to the user {user}"),
        Change::AssignGroupRole { role, group } => format!("give the role {role} to the group {group}"),
        Change::AddMembers { group, users } => format!("put {} users into the group {group}", users.len()),
        Change::DefineRole { role, .. } => format!("change the role {role}"),
        Change::AddStation { name, .. } => format!("add the station {name}"),
        Change::SetStation { station, .. } => format!("change the station {station}"),
        Change::License { feature, to, .. } => format!("allocate {feature} to {} more", to.len()),
        Change::SetMethod { user, .. } => format!("change the license method of {user}"),
        Change::EnableLicenses { .. } => "enable licenses".to_owned(),
        _ => "change the directory".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(count: u32) -> Vec<Loss> {
        (0..count).map(|n| Loss { feature: format!("f{n}").into(), from: Some(5), to: Some(n) }).collect()
    }

    #[test]
    fn a_notice_says_what_ends_on_which_day_and_what_to_do() {
        let ends = Timestamp(1_767_225_600_000);
        let ending =
            About::Ending { tenant: "main".into(), ends, days: 30, inactive: false, losses: losses(2) };
        insta::assert_snapshot!(body(&ending, &TimeZone::UTC, &["a:7260".to_owned(), "b:7260".to_owned()]), @"
        main: f0 and f1 licenses end in 30 days.

        Last day: 2025-12-31. From the day after:
          f0: 0 licenses instead of 5
          f1: 1 licenses instead of 5

        Order a renewal and load its license file before that day; what is in use then is kept, and nothing new is granted beyond.

        Console: https://a:7260/ or https://b:7260/
        ");
        let grace = About::Ending { tenant: "main".into(), ends, days: 1, inactive: true, losses: losses(1) };
        assert_eq!(subject(&grace), "main: f0 stops in 1 day unless it is activated");
        let ended =
            About::Ended { tenant: "main".into(), ended: ends, days: 7, inactive: false, losses: losses(4) };
        assert_eq!(subject(&ended), "main: the licenses of f0 and 3 more features ended 7 days ago");
    }

    #[test]
    fn an_attempt_beyond_the_limit_names_realm_application_and_what_was_tried() {
        let change = Change::AssignRole { role: "AGENT".into(), user: "bob".into() };
        let attempt = Attempt::Change { change: Box::new(change), by: "import".into() };
        let limit = About::Limit { tenant: "main".into(), feature: "WFM".into(), attempt, before: 3 };
        insta::assert_snapshot!(body(&limit, &TimeZone::UTC, &[]), @"
        main: more of WFM was wanted than is licensed.

        Attempt: import was to give the role AGENT to the user bob.
        3 more before it, within the hour.

        Free what is not needed, or order more of WFM. Further attempts within an hour come in one notice.
        ");
    }
}
