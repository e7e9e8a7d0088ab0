//! Whether an order can be booked: every problem of it at once. May not write anything.

use std::collections::BTreeMap;

use grantor_catalogue::MAX_QUANTITY;
use jiff::civil::Date;

use super::{MAX_LINES, NewLine, NewOrder, OrderProblem, Term};
use crate::catalogues::Edition;

/// Every problem that can be told without the accounts.
pub(super) fn problems(order: &NewOrder, editions: &BTreeMap<String, Edition>) -> Vec<OrderProblem> {
    let mut found = Vec::new();
    let mut whole = |field, message: String| found.push(problem(order, None, field, message));
    let number = order.number.trim();
    if number.is_empty() || number.chars().count() > 80 || number.chars().any(char::is_control) {
        whole("number", "an order has a number of 1 to 80 characters".to_owned());
    }
    match (order.term, order.last_day.as_deref()) {
        (Term::Perpetual, Some(_)) => whole("last_day", "a perpetual order has no last day".to_owned()),
        (Term::Perpetual, None) => {}
        (term, None) => whole("last_day", format!("a {} order has a last day", term.word())),
        (_, Some(day)) => day_problem(day).into_iter().for_each(|message| whole("last_day", message)),
    }
    let paid = order.maintenance_until.as_deref().and_then(day_problem);
    paid.into_iter().for_each(|message| whole("maintenance_until", message));
    let without = without_type(order, editions).map(|name| {
        let needed = order.term.license_type();
        format!(
            "the catalogue `{name}` has no license type `{needed}`, so it is not sold as {}",
            order.term.word()
        )
    });
    without.into_iter().for_each(|message| whole("term", message));
    if order.lines.is_empty() || order.lines.len() > MAX_LINES {
        whole("lines", format!("an order has 1 to {MAX_LINES} lines, this one has {}", order.lines.len()));
        return found;
    }
    for (index, line) in order.lines.iter().enumerate() {
        let said = line_problem(line, editions);
        found.extend(said.map(|(field, message)| problem(order, Some(index + 1), field, message)));
    }
    found
}

pub(super) fn problem(
    order: &NewOrder,
    line: Option<usize>,
    field: &'static str,
    message: String,
) -> OrderProblem {
    OrderProblem { order: order.number.trim().to_owned(), line, field, message }
}

/// The first catalogue of the order that has no license type for its term, where it needs one.
fn without_type<'a>(order: &'a NewOrder, editions: &BTreeMap<String, Edition>) -> Option<&'a str> {
    let lacks = |name: &str| {
        let types = editions.get(name).map(|edition| &edition.catalogue.license_types);
        types.is_some_and(|types| !types.contains_key(order.term.license_type()))
    };
    let mut names = order.lines.iter().map(|line| line.catalogue.as_str());
    names.find(|name| order.term.needs_its_type() && lacks(name))
}

fn day_problem(day: &str) -> Option<String> {
    let read =
        day.parse::<Date>().ok().filter(|date| day.len() == 10 && (1990..=9998).contains(&date.year()));
    read.is_none().then(|| format!("`{day}` is not a day; write `2027-06-30`"))
}

fn line_problem(line: &NewLine, editions: &BTreeMap<String, Edition>) -> Option<(&'static str, String)> {
    let Some(edition) = editions.get(&line.catalogue) else {
        let known: Vec<&str> = editions.keys().map(String::as_str).collect();
        return Some((
            "catalogue",
            format!("there is no catalogue `{}`{}", line.catalogue, meant(&line.catalogue, &known)),
        ));
    };
    let Some(item) = edition.catalogue.items.get(&line.part) else {
        let known: Vec<&str> = edition.catalogue.items.keys().map(String::as_str).collect();
        let says = format!(
            "the catalogue `{}` has no part `{}`{}",
            line.catalogue,
            line.part,
            meant(&line.part, &known)
        );
        return Some(("part", says));
    };
    if item.retired {
        return Some(("part", format!("`{}` is not sold any more", line.part)));
    }
    let fits = (1..=MAX_QUANTITY).contains(&line.quantity);
    (!fits).then(|| ("quantity", format!("from 1 to {MAX_QUANTITY}, not {}", line.quantity)))
}

fn meant(word: &str, known: &[&str]) -> String {
    grantor_license::nearest(word, known.iter().copied())
        .map_or_else(String::new, |name| format!("; is `{name}` meant?"))
}
