//! What a license file says: from the chosen parts and the days through which they were bought to its text. Pure.
//!
//! Parts with different last days go into one file (seed 000: permanent and term licenses are merged). Rules of a catalogue need
//! not be sums, so each technical license is counted for what lasts at least so long, longest first; a day's line has what
//! its parts add. Nothing lasts longer than the server item or than the license type allows.

use std::collections::{BTreeMap, BTreeSet};

use grantor_catalogue::{
    Catalogue, Environment, Expansion, Order, OrderItem, OrderServer, OrderState, Place, TechnicalLine,
    VersionRule, expand,
};
use grantor_license::{Document, DraftLicense, Expiry, HostId, Version};
use jiff::ToSpan;
use jiff::civil::Date;

use super::types::is_server;
use super::{Machine, Selection};
use crate::draft;
use crate::entitlements::{NEVER, Spent};
use crate::refusal::text;
use crate::{Failure, Refusal};

/// The one type of a catalogue that tells none apart: without an end of its own, and active at once.
pub const STANDARD: &str = "standard";

/// Whose file.
pub(super) struct For<'a> {
    pub(super) customer: &'a str,
    pub(super) site: &'a str,
    pub(super) lrn: &'a str,
    pub(super) today: Date,
    /// Through which day maintenance is paid.
    pub(super) maintenance: Option<Date>,
    /// Its serial number and which file of it this is.
    pub(super) generation: Option<(String, u32)>,
    /// A part whose lines another file of the site has.
    pub(super) given: Option<&'a str>,
}

/// A file's contents.
pub(super) struct Contents {
    pub(super) document: Document,
    pub(super) explained: String,
    pub(super) warnings: Vec<String>,
    pub(super) last_day: String,
}

/// The file for the selection, whose parts were spent as `spent` says.
pub(super) fn contents(
    catalogue: &Catalogue,
    selection: &Selection,
    spent: &[Spent],
    whose: &For<'_>,
) -> Result<Contents, Failure> {
    let longest = longest(catalogue, selection, spent, whose.today)?;
    let days: BTreeSet<&str> = spent.iter().map(|one| one.last_day.as_str().min(&longest)).collect();
    let last_day = days.last().map_or_else(|| longest.clone(), |day| (*day).to_owned());
    let order = order(catalogue, selection, whose, &last_day)?;
    let of_name = BTreeMap::from([(catalogue.name.clone(), catalogue.clone())]);
    let mut whole = expansion(&of_name, &order)?;
    let mut lines: Vec<(TechnicalLine, Expiry)> = Vec::new();
    let mut before = given(&of_name, &order, whose)?;
    for day in days.iter().rev() {
        let some = lasting(&order, catalogue, spent, day);
        for line in expansion(&of_name, &some)?.lines {
            let had = before.insert(key(&line), line.count);
            let more = added(line, had);
            lines.extend(more.and_then(|line| while_maintained(catalogue, line, expiry(day), whose)));
        }
    }
    let license = draft::license_line(&order, whose.today, whole.disconnect_minutes).map_err(said)?;
    let license = DraftLicense { generation: whose.generation.clone(), ..license };
    let of_lines = lines.iter().map(|(line, expiry)| (line, *expiry));
    let mut draft = draft::draft(&order, license, of_lines, &catalogue.publisher).map_err(said)?;
    draft.comments.extend(remarks(selection));
    let document = draft.to_document("license").map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Refusal::File(problems.join("\n"))
    })?;
    let mut warnings = whole.warnings.clone();
    warnings.extend(leave_out_unmaintained(catalogue, &mut whole, whose));
    Ok(Contents { document, explained: whole.explain(), warnings, last_day })
}

fn said(error: draft::DraftError) -> Failure {
    Refusal::File(error.to_string()).into()
}

/// What a technical license is told apart by.
type Key = (String, String, &'static str);

fn key(line: &TechnicalLine) -> Key {
    (line.feature.clone(), line.version.clone(), line.model.word())
}

/// The counts that another file of the site has.
fn given(
    of_name: &BTreeMap<String, Catalogue>,
    order: &Order,
    whose: &For<'_>,
) -> Result<BTreeMap<Key, u32>, Failure> {
    let items = order.items.iter().filter(|item| Some(item.item.as_str()) == whose.given);
    let items: Vec<OrderItem> = items.cloned().collect();
    if items.is_empty() {
        return Ok(BTreeMap::new());
    }
    let lines = expansion(of_name, &Order { items, ..order.clone() })?.lines;
    Ok(lines.iter().map(|line| (key(line), line.count)).collect())
}

/// The line with what it has more than those that last longer. What is not counted is there or not.
fn added(mut line: TechnicalLine, had: Option<u32>) -> Option<TechnicalLine> {
    let more = line.count.saturating_sub(had.unwrap_or(0));
    if had.is_some() && more == 0 {
        return None;
    }
    line.count = more;
    Some(line)
}

/// The line and its last day; `None`: it is left out, as it serves only while maintenance is paid (seed 002, "Access Key for
/// Installing Updates"). Its version is that day, too: an update asks for the day of its release, so one that was released later is
/// refused before that day as well.
fn while_maintained(
    catalogue: &Catalogue,
    line: TechnicalLine,
    ends: Expiry,
    whose: &For<'_>,
) -> Option<(TechnicalLine, Expiry)> {
    if !is_maintenance(catalogue, &line) {
        return Some((line, ends));
    }
    let paid = paid(whose)?;
    let last = ends.last_day().map_or(paid, |day| day.min(paid));
    let (version, version_rule) = (Version::of_day(last).text().to_owned(), VersionRule::AtLeast);
    Some((TechnicalLine { version, version_rule, ..line }, Expiry::On(last)))
}

/// Through which day maintenance is paid, if it is today.
fn paid(whose: &For<'_>) -> Option<Date> {
    whose.maintenance.filter(|day| *day >= whose.today)
}

fn is_maintenance(catalogue: &Catalogue, line: &TechnicalLine) -> bool {
    let key = format!("{} {}", line.feature, line.version);
    catalogue.technical_licenses.get(&key).is_some_and(|license| license.maintenance)
}

/// Takes out what serves only while maintenance is paid, where it is not: what is left is what the file has. Says so for each.
fn leave_out_unmaintained(catalogue: &Catalogue, whole: &mut Expansion, whose: &For<'_>) -> Vec<String> {
    let left_out = |line: &mut TechnicalLine| is_maintenance(catalogue, line) && paid(whose).is_none();
    let says = |line: TechnicalLine| format!("{} is left out: maintenance is not paid", line.feature);
    whole.lines.extract_if(.., left_out).map(says).collect()
}

fn expiry(day: &str) -> Expiry {
    match day.parse::<Date>() {
        Ok(date) if day != NEVER => Expiry::On(date),
        _ => Expiry::Permanent,
    }
}

/// The last day that the server item and the license type allow.
fn longest(
    catalogue: &Catalogue,
    selection: &Selection,
    spent: &[Spent],
    today: Date,
) -> Result<String, Failure> {
    let is_standard = catalogue.license_types.is_empty() && selection.license_type == STANDARD;
    let license_type = catalogue.license_types.get(&selection.license_type);
    if license_type.is_none() && !is_standard {
        let known: Vec<&str> = catalogue.license_types.keys().map(String::as_str).collect();
        let known = if known.is_empty() { vec![STANDARD] } else { known };
        let says = format!("`{}` is none of {}", selection.license_type, known.join(", "));
        return Err(Failure::field("license type", says));
    }
    let servers = spent.iter().filter(|one| is_server(catalogue, &one.part.number));
    let server = servers.map(|one| one.last_day.clone()).min();
    let days = license_type.and_then(|license_type| license_type.expires_after_days).map(i64::from);
    let by_type = days.and_then(|days| today.checked_add(days.days()).ok()).map(|day| day.to_string());
    Ok(server.into_iter().chain(by_type).min().unwrap_or_else(|| NEVER.to_owned()))
}

/// The selection as an order of everything.
fn order(
    catalogue: &Catalogue,
    selection: &Selection,
    whose: &For<'_>,
    last_day: &str,
) -> Result<Order, Failure> {
    let of_type = catalogue.license_types.get(&selection.license_type);
    let needs_activation = of_type.is_some_and(|of_type| of_type.needs_activation);
    let state = match (selection.license_type.as_str(), needs_activation, &selection.registration_key) {
        ("temporary", ..) => OrderState::Temporary,
        (_, true, None) => OrderState::Inactive,
        _ => OrderState::Active,
    };
    let expires = match expiry(last_day) {
        Expiry::On(day) => grantor_license::format_date(day),
        Expiry::Permanent => "permanent".to_owned(),
    };
    Ok(Order {
        file: "selection".to_owned(),
        lrn: whose.lrn.to_owned(),
        customer: whose.customer.to_owned(),
        site: whose.site.to_owned(),
        license_type: selection.license_type.clone(),
        license_type_place: Place::default(),
        product: Some(catalogue.title.clone()),
        state,
        issued: Some(grantor_license::format_date(whose.today)),
        expires: Some(expires),
        registration_key: selection.registration_key.clone(),
        servers: vec![server(selection)?],
        environment: Environment::default(),
        items: items(catalogue, selection),
    })
}

/// One `SERVER` line, also for a switchover pair: either machine's host id is enough.
fn server(selection: &Selection) -> Result<OrderServer, Failure> {
    let mut hostid = host_id("host id", &selection.machine)?;
    if let Some(other) = &selection.switchover {
        hostid = format!("{hostid} {}", host_id("switchover host id", other)?);
    }
    let host = word("machine name", &selection.machine.name, 100)?;
    Ok(OrderServer { host, hostid, port: None, place: Place::default() })
}

/// One word: a blank would begin another field of the file, or another host id.
fn word(field: &'static str, said: &str, longest: usize) -> Result<String, Failure> {
    let word = text(field, said, longest)?;
    if word.contains(char::is_whitespace) { Err(Failure::field(field, "has blanks")) } else { Ok(word) }
}

fn host_id(field: &'static str, machine: &Machine) -> Result<String, Failure> {
    let id = word(field, &machine.host_id, 200)?;
    HostId::parse(&id).map_err(|error| Failure::field(field, format!("{error}; {}", error.hint())))?;
    Ok(id)
}

fn items(catalogue: &Catalogue, selection: &Selection) -> Vec<OrderItem> {
    let item = |chosen: &super::Chosen| {
        let split = catalogue.items.get(&chosen.part).is_some_and(|item| item.split);
        OrderItem {
            catalogue: catalogue.name.clone(),
            item: chosen.part.clone(),
            quantity: chosen.quantity,
            assigned: split.then(|| chosen.quantity.saturating_sub(chosen.pooled)),
            pooled: split.then_some(chosen.pooled),
            options: Vec::new(),
            place: Place::default(),
        }
    };
    selection.items.iter().map(item).collect()
}

/// The part of the order that lasts through `day` at least.
fn lasting(order: &Order, catalogue: &Catalogue, spent: &[Spent], day: &str) -> Order {
    let quantity = |part: &str| -> u32 {
        let server = is_server(catalogue, part);
        let lasts = |one: &&Spent| one.part.number == part && (server || one.last_day.as_str() >= day);
        spent.iter().filter(lasts).map(|one| one.quantity).sum()
    };
    let some = |item: &OrderItem| {
        let quantity = quantity(&item.item);
        let assigned = item.assigned.map(|assigned| assigned.min(quantity));
        let pooled = item.pooled.map(|_| quantity - assigned.unwrap_or(0));
        OrderItem { quantity, assigned, pooled, ..item.clone() }
    };
    let items = order.items.iter().map(some).filter(|item| item.quantity > 0).collect();
    Order { items, ..order.clone() }
}

fn expansion(of_name: &BTreeMap<String, Catalogue>, order: &Order) -> Result<Expansion, Failure> {
    let expansions = expand(order, of_name).map_err(|problems| {
        let problems: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        Refusal::File(problems.join("\n"))
    })?;
    let none = || Refusal::File("nothing is chosen".to_owned());
    Ok(expansions.into_iter().next().ok_or_else(none)?)
}

/// What people want to read in a file and no line of it says.
fn remarks(selection: &Selection) -> Vec<String> {
    let remark = |what: &str, text: &str| (!text.is_empty()).then(|| format!("{what}: {text}"));
    let pair = selection.switchover.as_ref().map(|other| {
        format!("Switchover pair: {} and {}; load this file on both", selection.machine.name, other.name)
    });
    let said = [
        pair,
        remark("System type", &selection.system_type),
        remark("Mail connector", &selection.mail_connector),
    ];
    said.into_iter().flatten().map(|text| text.replace(char::is_control, " ")).collect()
}
