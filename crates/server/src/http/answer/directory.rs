//! Words for refusals about the directory: names, allocation, roles and log-ons.

use grantor_api::{Code, Problem};
use grantor_site::Refusal;
use grantor_site::directory::{Method, Named};
use grantor_site::outcome::Shortfall;

use super::{bad_request, holder, problem};

/// A refusal about the directory in words; `None` = it is about something else.
pub(super) fn about_directory(refusal: Refusal) -> Option<Problem> {
    match refusal {
        Refusal::NoSuchName { what, name } => Some(
            Problem::new(
                Code::NoSuchName,
                "there is no such name",
                format!("no {} is called `{name}`", word(what)),
            )
            .hint("names are compared without case; look for it by a part of its name"),
        ),
        Refusal::NameBlank { what } => {
            Some(bad_request(format!("the name of a {} is blank", word(what))).hint("give it a name"))
        }
        Refusal::NameInUse { what, name } => Some(
            Problem::new(
                Code::NameTaken,
                "the name is taken",
                format!("another {} is called `{name}`", word(what)),
            )
            .hint("choose another name; case and blanks around it make no difference"),
        ),
        Refusal::ExternalIdInUse { what, id, by } => Some(
            Problem::new(
                Code::NameTaken,
                "the id is taken",
                format!("the {} `{by}` is known by the id `{id}` already", word(what)),
            )
            .hint("take the id from it first, or choose another"),
        ),
        Refusal::ChangedMeanwhile { what, name } => Some(
            Problem::new(
                Code::Changed,
                "it changed meanwhile",
                format!("the {} `{name}` is another by now", word(what)),
            )
            .hint("look at it again, and try once more"),
        ),
        Refusal::InBatch { number, why } => Some(in_batch(number, *why)),
        Refusal::Shortfall(short) => Some(shortfall(&short)),
        Refusal::UserDisabled { user } => Some(
            Problem::new(Code::UserDisabled, "the user is disabled", format!("`{user}` may not work"))
                .hint("enable the user first"),
        ),
        Refusal::NotLicensed { user, feature } => Some(
            Problem::new(
                Code::NotLicensed,
                "the user has no license",
                format!("`{user}` has no license of `{feature}`, nor has a station that `{user}` is at"),
            )
            .hint(
                "allocate the license to the user or the station, or give the user a role of the application",
            ),
        ),
        other => about_allocation(&other).or_else(|| about_log_on(&other)),
    }
}

fn word(what: Named) -> &'static str {
    match what {
        Named::User => "user",
        Named::Station => "station",
        Named::Machine => "licensed machine",
        Named::Group => "group",
        Named::Role => "role",
    }
}

fn in_batch(number: u32, why: Refusal) -> Problem {
    let mut inner = problem(why);
    inner.change = Some(number.saturating_add(1));
    inner.detail =
        format!("change {} of the batch: {}; nothing was changed", u64::from(number) + 1, inner.detail);
    inner
}

fn shortfall(short: &Shortfall) -> Problem {
    let Shortfall { feature, needed, free, capacity, in_use, .. } = short;
    let detail = format!(
        "{needed} more seats of `{feature}` are needed and {free} are left, {} too few: {in_use} of {capacity} are out",
        short.short()
    );
    let mut problem = Problem::new(Code::NoneLeft, "too few seats are left", detail)
        .hint("take the license or role from somebody, or order more seats");
    problem.holders = short.holders.iter().map(holder).collect();
    problem
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Assignable => "assignable",
        Method::Concurrent => "concurrent",
    }
}

fn about_allocation(refusal: &Refusal) -> Option<Problem> {
    let (detail, hint) = match refusal {
        Refusal::NotOffered { feature, model, offered } => {
            let offered: Vec<&str> = offered.iter().map(|model| model.name()).collect();
            let how = if offered.is_empty() { "in no way now".to_owned() } else { offered.join(", ") };
            (
                format!("`{feature}` is not sold as {}, but {how}", model.name()),
                "choose another method, or order it",
            )
        }
        Refusal::OneMethod { has } => (
            format!("the user's licenses are {}", method(*has)),
            "a user's licenses are all assignable or all concurrent: switch the user's method first",
        ),
        Refusal::StationsAreAssignable => (
            "a station's licenses are assignable only".to_owned(),
            "allocate it to the station as assignable, or to a user as concurrent",
        ),
        Refusal::NotForUsers { feature } => {
            (format!("`{feature}` is for stations only"), "allocate it to a station")
        }
        Refusal::NotForStations { feature } => {
            (format!("`{feature}` is for users only"), "allocate it to a user")
        }
        Refusal::Excluded { feature, has } => (
            format!("`{feature}` and `{has}` exclude each other"),
            "take the other license away first: one ACD level, one IPA type, one analytics tier",
        ),
        Refusal::TooManyMedia { level, chosen } => (
            format!(
                "the ACD level allows {} interaction types, and {} were chosen",
                level.types(),
                chosen.len()
            ),
            "choose fewer types, or allocate a higher ACD level",
        ),
        Refusal::Allocated => (
            "the seat is allocated to a user or a station".to_owned(),
            "take the license or the role away from its holder, or end the holder's sessions",
        ),
        _ => return None,
    };
    Some(Problem::new(Code::NotAllocatable, "the license cannot be allocated like this", detail).hint(hint))
}

fn about_log_on(refusal: &Refusal) -> Option<Problem> {
    let (code, detail, hint) = match refusal {
        Refusal::NotForLogOn { station, .. } => (
            Code::LogOnRefused,
            format!("`{station}` is a stand-alone device"),
            "log on at a workstation, a remote station, or with a telephone number",
        ),
        Refusal::StationDisabled { station } => (
            Code::LogOnRefused,
            format!("the station `{station}` is disabled"),
            "have it enabled, or choose another",
        ),
        Refusal::StationInUse { station, by } => (
            Code::LogOnRefused,
            format!("`{by}` is logged on at `{station}` and has its licenses"),
            "choose another station, or wait until it is free",
        ),
        Refusal::NoBasicStation { station } => (
            Code::LogOnRefused,
            format!("the station `{station}` has no Basic Station license in force"),
            "allocate a Basic Station license to it: without one it has no audio",
        ),
        Refusal::NoClientAccess { user, station } => (
            Code::LogOnRefused,
            format!("neither `{user}` nor the station `{station}` has a Client Access or ACD Access license"),
            "allocate one of them to the user or the station",
        ),
        Refusal::NoStationLeft { capacity, in_use } => (
            Code::NoneLeft,
            format!("no stations are available: {in_use} of {capacity} Basic Station licenses are in use"),
            "try again later, free a station's license, or order more",
        ),
        Refusal::NoOwnNumber => (
            Code::Forbidden,
            "the user lacks the right User-defined Telephone Number on Remote Login".to_owned(),
            "have it granted, or log on at a station",
        ),
        Refusal::NumberBlank => {
            (Code::BadRequest, "the telephone number is blank".to_owned(), "enter the number to be called at")
        }
        Refusal::NotLoggedOn => {
            (Code::LogOnRefused, "the session is nobody's log-on".to_owned(), "there is nothing to log off")
        }
        _ => return None,
    };
    Some(Problem::new(code, "the log-on was refused", detail).hint(hint))
}

#[cfg(test)]
mod tests {
    use grantor_license::Model;

    use super::*;

    #[test]
    fn a_shortfall_says_how_many_are_missing_and_which_change_of_the_batch_it_was() {
        let short = Shortfall {
            feature: "WFM".into(),
            model: Model::Role,
            needed: 5,
            free: 2,
            capacity: 10,
            in_use: 8,
            holders: Vec::new(),
        };
        let why = Box::new(Refusal::Shortfall(Box::new(short)));
        let problem = problem(Refusal::InBatch { number: 3, why });
        assert_eq!(problem.code, Code::NoneLeft);
        assert_eq!(
            problem.detail,
            "change 4 of the batch: 5 more seats of `WFM` are needed and 2 are left, 3 too few: 8 of 10 are out; nothing was changed"
        );
    }

    #[test]
    fn every_refusal_of_the_directory_has_words_and_says_what_to_do() {
        let refusals = [
            Refusal::NoSuchName { what: Named::User, name: "x".into() },
            Refusal::NameBlank { what: Named::Station },
            Refusal::NameInUse { what: Named::Machine, name: "x".into() },
            Refusal::NotOffered { feature: "f".into(), model: Model::Role, offered: Vec::new() },
            Refusal::OneMethod { has: Method::Concurrent },
            Refusal::StationsAreAssignable,
            Refusal::NotForUsers { feature: "f".into() },
            Refusal::NotForStations { feature: "f".into() },
            Refusal::Excluded { feature: "f".into(), has: "g".into() },
            Refusal::Allocated,
            Refusal::UserDisabled { user: "u".into() },
            Refusal::NotLicensed { user: "u".into(), feature: "f".into() },
            Refusal::StationDisabled { station: "s".into() },
            Refusal::StationInUse { station: "s".into(), by: "u".into() },
            Refusal::NoBasicStation { station: "s".into() },
            Refusal::NoClientAccess { user: "u".into(), station: "s".into() },
            Refusal::NoStationLeft { capacity: 1, in_use: 1 },
            Refusal::NoOwnNumber,
            Refusal::NumberBlank,
            Refusal::NotLoggedOn,
            Refusal::ExternalIdInUse { what: Named::User, id: "7".into(), by: "u".into() },
            Refusal::ChangedMeanwhile { what: Named::Group, name: "g".into() },
        ];
        for refusal in refusals {
            let problem = problem(refusal.clone());
            assert!(problem.code != Code::Internal && problem.hint.is_some(), "{refusal:?}");
        }
    }
}
