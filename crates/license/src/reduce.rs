//! What attributes mean: from a statement to an [`Offer`], and the problems of single values. May not look at other
//! lines: what depends on them is pooling.

use crate::attributes::{Attribute, Attributes};
use crate::date::parse_date;
use crate::hostid::{HostId, parse_list};
use crate::offer::{Component, Count, DupGroup, Model, Offer, OfferKind, SuiteKind, Supersede, VersionRule};
use crate::problem::{Finding, Problems, nearest};
use crate::read::{bad_date, number};
use crate::read_server::unknown_host_id;
use crate::statement::{Capacity, CapacityKind, Statement};
use crate::version::Version;

/// Names with a meaning in the format; others are kept, but a near miss is worth a word.
const KNOWN: [&str; 47] = [
    "SERIAL",
    "GENERATION",
    "BORROW",
    "DUP_GROUP",
    "FLOAT_OK",
    "HOSTID",
    "HOST_BASED",
    "USER_BASED",
    "ISSUED",
    "START",
    "ISSUER",
    "NOTICE",
    "SN",
    "VENDOR_STRING",
    "vendor_info",
    "LINGER",
    "ONE_TS_OK",
    "TS_OK",
    "OVERDRAFT",
    "PLATFORMS",
    "PLATFORM",
    "SIGN",
    "SIGN2",
    "AUTH",
    "SUITE_DUP_GROUP",
    "SUPERSEDE",
    "SUPERSEDE_SIGN",
    "TZ",
    "VM_PLATFORMS",
    "ck",
    "asset_info",
    "dist_info",
    "user_info",
    "sort",
    "COMPONENTS",
    "OPTIONS",
    "LRN",
    "MODEL",
    "VERSION_RULE",
    "HOLD",
    "CUSTOMER",
    "SITE",
    "STATE",
    "EXPIRES",
    "key",
    "MIN_TIMEOUT",
    "RK",
];

/// A week, FlexNet's default for `BORROW` alone.
const BORROW_HOURS: u32 = 168;
const DEFAULT_SORT: u8 = 100;

/// Reports every problem of single attributes.
pub(crate) fn report(attributes: &Attributes, problems: &mut Problems) {
    for attribute in attributes.iter() {
        let finding = value_problem(attribute).or_else(|| name_problem(attribute, problems));
        if let Some(finding) = finding {
            problems.add(attribute.at, finding);
        }
    }
    if let Some(supersede) = attributes.find("SUPERSEDE")
        && !attributes.has("ISSUED")
    {
        let finding = Finding::warning("no-issue-date", "`SUPERSEDE` has no effect without `ISSUED`");
        problems.add(supersede.at, finding.hint("order a line with an issue date"));
    }
}

fn value_problem(attribute: &Attribute) -> Option<Finding> {
    let value = attribute.value.as_deref();
    let text = value.unwrap_or_default();
    match attribute.name.to_ascii_uppercase().as_str() {
        "ISSUED" | "START" => parse_date(text).err().map(|error| bad_date(text, error)),
        "HOSTID" => match parse_list(text) {
            Ok(ids) => ids.iter().find_map(unknown_host_id),
            Err(error) => Some(Finding::error("bad-host-id", error.to_string()).hint(error.hint())),
        },
        "DUP_GROUP" | "SUITE_DUP_GROUP" if DupGroup::parse(text).is_none() => {
            Some(bad_value(attribute, "write NONE, SITE, or letters of UHDV"))
        }
        "MODEL" if Model::parse(text).is_none() => Some(one_of(attribute, &Model::NAMES)),
        "VERSION_RULE" if VersionRule::parse(text).is_none() => Some(one_of(attribute, &VersionRule::NAMES)),
        "BORROW" if value.is_some() && number(text).is_none() => Some(bad_value(attribute, "write hours")),
        "OVERDRAFT" | "HOLD" | "LINGER" if number(text).is_none() => {
            Some(bad_value(attribute, "write a whole number"))
        }
        "COMPONENTS" => components(text).is_none().then(|| {
            bad_value(attribute, "write `name`, `name:version` or `name:version:count`, separated by blanks")
        }),
        _ => None,
    }
}

fn bad_value(attribute: &Attribute, hint: &str) -> Finding {
    let shown: String = attribute.to_string().chars().take(60).collect();
    Finding::error("bad-value", format!("`{shown}` is not a value of `{}`", attribute.name)).hint(hint)
}

fn one_of(attribute: &Attribute, names: &[&'static str]) -> Finding {
    let meant = nearest(attribute.value.as_deref().unwrap_or_default(), names.iter().copied());
    let hint = meant
        .map_or_else(|| format!("write one of {}", names.join(", ")), |m| format!("did you mean `{m}`?"));
    bad_value(attribute, &hint)
}

fn name_problem(attribute: &Attribute, problems: &mut Problems) -> Option<Finding> {
    let name = attribute.name.as_str();
    if KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name)) || !problems.may_suggest() {
        return None;
    }
    let meant = nearest(name, KNOWN).filter(|meant| meant.len() > 3)?;
    let finding = Finding::warning("unknown-attribute", format!("`{name}` is not known; it is kept"));
    Some(finding.hint(format!("did you mean `{meant}`?")))
}

/// `c1[:version[:count]] …`
fn components(text: &str) -> Option<Vec<Component>> {
    let list: Option<Vec<Component>> = text.split_whitespace().map(component).collect();
    list.filter(|list| !list.is_empty())
}

fn component(text: &str) -> Option<Component> {
    let mut parts = text.split(':');
    let feature = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let version = match parts.next() {
        None | Some("") => None,
        Some(version) => Some(Version::parse(version).ok()?),
    };
    let count = match parts.next() {
        None => 1,
        Some(count) => number(count).filter(|count| *count > 0)?,
    };
    parts.next().is_none().then_some(Component { feature, version, count })
}

/// The offer of a well-formed capacity line. `file` is its place among the loaded files.
pub(crate) fn offer(statement: &Statement, capacity: &Capacity, file: u32) -> Offer {
    let attributes = &statement.attributes;
    let text = |name: &str| attributes.get(name);
    let seconds = |name: &str| text(name).and_then(number).unwrap_or_default();
    let date = |name: &str| text(name).and_then(|date| parse_date(date).ok());
    let group = |name: &str| text(name).and_then(DupGroup::parse);
    let (model, count) = model(attributes, capacity.count);
    let mut offer = Offer {
        kind: kind(attributes, capacity),
        feature: capacity.feature.clone(),
        publisher: capacity.vendor.clone(),
        version: capacity.version.clone().unwrap_or_else(Version::zero),
        version_rule: text("VERSION_RULE").and_then(VersionRule::parse).unwrap_or(VersionRule::AtLeast),
        model,
        count,
        overdraft: seconds("OVERDRAFT"),
        hold_seconds: seconds("HOLD"),
        linger_seconds: seconds("LINGER"),
        borrow_hours: borrow_hours(attributes),
        dup_group: group("DUP_GROUP").unwrap_or_default(),
        locks: locks(attributes),
        lrn: statement.lrn().unwrap_or_default().to_owned(),
        starts: date("START"),
        last_day: capacity.expiry.and_then(crate::date::Expiry::last_day),
        issued: date("ISSUED"),
        supersede: supersede(attributes, &capacity.feature),
        sign: signature(attributes).unwrap_or_default(),
        sort: sort(attributes),
        pool_key: String::new(),
        file,
        line: statement.line,
        serial: text("SN").map(str::to_owned),
        vendor_string: text("VENDOR_STRING").map(str::to_owned),
        suite_dup_group: group("SUITE_DUP_GROUP"),
    };
    offer.pool_key = pool_key(&offer, attributes);
    offer
}

/// `SIGN=` without the white space that wrapping put into it.
pub(crate) fn signature(attributes: &Attributes) -> Option<String> {
    Some(attributes.get("SIGN")?.split_whitespace().collect())
}

fn model(attributes: &Attributes, count: Count) -> (Model, Count) {
    match (attributes.get("MODEL").and_then(Model::parse), count) {
        (_, Count::Uncounted) | (Some(Model::Uncounted), _) => (Model::Uncounted, Count::Uncounted),
        (model, count) => (model.unwrap_or(Model::Floating), count),
    }
}

fn kind(attributes: &Attributes, capacity: &Capacity) -> OfferKind {
    match capacity.kind {
        CapacityKind::Feature => OfferKind::Feature,
        CapacityKind::Increment => OfferKind::Increment,
        CapacityKind::Upgrade => {
            OfferKind::Upgrade { from: capacity.from_version.clone().unwrap_or_else(Version::zero) }
        }
        CapacityKind::Package => OfferKind::Package {
            components: attributes.get("COMPONENTS").and_then(components).unwrap_or_default(),
            suite: match attributes.get("OPTIONS").map(str::to_ascii_uppercase).as_deref() {
                Some("SUITE") => Some(SuiteKind::Suite),
                Some("SUITE_RESERVED") => Some(SuiteKind::Reserved),
                _ => None,
            },
            versioned: capacity.version.is_some(),
        },
    }
}

fn borrow_hours(attributes: &Attributes) -> Option<u32> {
    let borrow = attributes.find("BORROW")?;
    Some(borrow.value.as_deref().map_or(BORROW_HOURS, |hours| number(hours).unwrap_or_default()))
}

fn locks(attributes: &Attributes) -> Vec<HostId> {
    attributes.get("HOSTID").and_then(|text| parse_list(text).ok()).unwrap_or_default()
}

fn sort(attributes: &Attributes) -> u8 {
    match attributes.get("sort").and_then(number) {
        None => DEFAULT_SORT,
        Some(place) => u8::try_from(place).unwrap_or(u8::MAX),
    }
}

fn supersede(attributes: &Attributes, feature: &str) -> Supersede {
    if let Some(text) = attributes.get("SUPERSEDE_SIGN") {
        let inner = text.trim_matches(['{', '}', ' ']);
        let pairs = inner.split([',', ' ']).filter_map(|pair| pair.split_once(':'));
        return Supersede::Signatures(
            pairs.map(|(feature, sign)| (feature.to_owned(), sign.trim_matches('"').to_owned())).collect(),
        );
    }
    match attributes.find("SUPERSEDE") {
        None => Supersede::None,
        Some(Attribute { value: None, .. }) => Supersede::Features(vec![feature.to_owned()]),
        Some(Attribute { value: Some(names), .. }) => Supersede::Features(
            names.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        ),
    }
}

/// Every field that lines of one pool have in common (flexnet-formats §3), and ours: model, version rule, hold.
/// `PLATFORM` and `PLATFORMS` are one field.
fn pool_key(offer: &Offer, attributes: &Attributes) -> String {
    let text = |name: &str| attributes.find(name).map(|a| a.value.clone().unwrap_or_default());
    let mut locks: Vec<String> = offer.locks.iter().map(ToString::to_string).collect();
    locks.sort();
    let mut key =
        format!("{} {} {}", offer.model.name(), offer.version_rule.name(), offer.dup_group.canonical());
    let borrow = offer.borrow_hours.map(|hours| hours.to_string());
    let hold = Some(offer.hold_seconds).filter(|hold| *hold > 0).map(|hold| hold.to_string());
    let fields = [
        ("BORROW", borrow),
        ("HOLD", hold),
        ("HOSTID", Some(locks.join(" ")).filter(|locks| !locks.is_empty())),
        ("FLOAT_OK", text("FLOAT_OK")),
        ("HOST_BASED", text("HOST_BASED")),
        ("USER_BASED", text("USER_BASED")),
        ("PLATFORMS", text("PLATFORMS").or_else(|| text("PLATFORM"))),
        ("TZ", text("TZ")),
        ("VM_PLATFORMS", text("VM_PLATFORMS")),
        ("VENDOR_STRING", offer.vendor_string.clone()),
    ];
    for (name, value) in fields {
        // Debug quoting, so that a value cannot pass for another field.
        key.extend(value.map(|value| format!(" {name}={value:?}")));
    }
    key
}
