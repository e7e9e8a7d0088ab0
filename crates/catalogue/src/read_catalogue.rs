//! Reads a catalogue.

use std::collections::BTreeMap;

use crate::catalogue::{Application, Catalogue, Kind};
use crate::check::{References, To, check};
use crate::fields::{At, Fields, Reader};
use crate::license::{Model, TechnicalLicense, VersionRule};
use crate::license_type::LicenseType;
use crate::measure::{Measure, Peak};
use crate::nearest::{did_you_mean, listed};
use crate::order::MAX_QUANTITY;
use crate::problem::Problem;
use crate::quantity::Quantity;
use crate::read_item::read_item;

impl Catalogue {
    /// Reads a catalogue and checks that everything it names is there. `name` is the file's: without
    /// folders and `.toml` it is what orders call the catalogue.
    ///
    /// # Errors
    /// Every problem of the text, in its order: what is not TOML; unknown keys; missing or wrong values; names that
    /// are used twice or lead nowhere; items and measures that contain themselves.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(name, text);
        let catalogue = reader.root().and_then(|root| {
            let mut fields = Fields::new(root.get_ref(), &(0..0), "a catalogue");
            let catalogue = read(&mut reader, &mut fields, name);
            fields.finish(&mut reader);
            catalogue
        });
        reader.finish(catalogue)
    }
}

fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>, name: &str) -> Option<Catalogue> {
    let title = fields.required_text(reader, "title");
    let publisher = publisher(reader, fields);
    let edition = fields.required_text(reader, "edition");
    let mut references = References::default();
    let defaults = Defaults::read(reader, fields);
    let catalogue = Catalogue {
        name: stem(name).to_owned(),
        title: title.map(|at| at.value).unwrap_or_default(),
        publisher: publisher.unwrap_or_default(),
        edition: edition.map(|at| at.value).unwrap_or_default(),
        sources: values(fields.texts(reader, "sources")),
        max_per_instance: fields.number(reader, "max_per_instance", 1..=MAX_QUANTITY),
        exempt_users: values(fields.texts(reader, "exempt_users")),
        per_tenant: fields.flag(reader, "per_tenant"),
        kinds: collect(reader, fields, "kinds", "a kind", kind),
        license_types: collect(reader, fields, "license_types", "a license type", |reader, fields| {
            license_type(reader, fields, &mut references)
        }),
        technical_licenses: collect(reader, fields, "technical_licenses", "a technical license", |r, f| {
            technical_license(r, f, &defaults, &mut references)
        }),
        items: collect(reader, fields, "items", "an item", |reader, fields| {
            read_item(reader, fields, &mut references)
        }),
        measures: collect(reader, fields, "measures", "a measure", |reader, fields| {
            measure(reader, fields, &mut references)
        }),
        applications: collect(reader, fields, "applications", "an application", |reader, fields| {
            application(reader, fields, &mut references)
        }),
    };
    check(reader, &catalogue, &references);
    Some(catalogue)
}

/// A file's name without folders and `.toml`.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".toml").unwrap_or(file)
}

/// A word that can stand on a `VENDOR` line.
fn publisher(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.required_text(reader, "publisher")?;
    if is_word(&text.value) {
        return Some(text.value);
    }
    word_problem(reader, &text, "publisher");
    None
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn word_problem(reader: &mut Reader<'_>, text: &At<String>, key: &str) {
    let hint = "write letters, digits, `_`, `-` and `.` only, as license files do".to_owned();
    reader.error(text.at, format!("`{key}` cannot be `{}`", text.value), Some(hint));
}

pub(crate) fn values(texts: Vec<At<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

/// Reads a list of tables by name; a name that is there already is a problem.
fn collect<T>(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    key: &'static str,
    what: &'static str,
    mut read: impl FnMut(&mut Reader<'_>, &mut Fields<'_>) -> Option<(At<String>, T)>,
) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    for mut table in fields.tables(reader, key, what) {
        let entry = read(reader, &mut table);
        table.finish(reader);
        let Some((name, value)) = entry else { continue };
        if let Some(line) = lines.get(&name.value) {
            let hint = Some("give each its own name, or leave one out".to_owned());
            reader.error(name.at, format!("`{}` is in line {line} already", name.value), hint);
            continue;
        }
        lines.insert(name.value.clone(), reader.place(name.at).line);
        found.insert(name.value, value);
    }
    found
}

/// What technical licenses have if they do not say otherwise.
struct Defaults {
    version: Option<String>,
    model: Model,
    pooled_model: Option<Model>,
    version_rule: VersionRule,
}

impl Defaults {
    fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Self {
        let mut defaults = Self {
            version: None,
            model: Model::Floating,
            pooled_model: None,
            version_rule: VersionRule::AtLeast,
        };
        let Some(mut table) = fields.table(reader, "defaults", "the table of defaults") else {
            return defaults;
        };
        defaults.version = version(reader, &mut table);
        defaults.model = table.word(reader, "model", &Model::WORDS).unwrap_or(defaults.model);
        defaults.pooled_model = table.word(reader, "pooled_model", &Model::WORDS);
        let rule = table.word(reader, "version_rule", &VersionRule::WORDS);
        defaults.version_rule = rule.unwrap_or(defaults.version_rule);
        table.finish(reader);
        defaults
    }
}

/// A decimal number with at most nine digits on each side of the point.
fn version(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text(reader, "version")?;
    let digits = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, rest) = text.value.split_once('.').unwrap_or((&text.value, "0"));
    if digits(whole) && digits(rest) {
        return Some(text.value);
    }
    let hint = Some("write a decimal number in quotes, such as `\"8.0\"`".to_owned());
    reader.error(text.at, format!("`version` is not a version: `{}`", text.value), hint);
    None
}

fn technical_license(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    defaults: &Defaults,
    references: &mut References,
) -> Option<(At<String>, TechnicalLicense)> {
    let feature = fields.required_text(reader, "feature");
    let own_version = version(reader, fields);
    let quantity = quantity(reader, fields);
    let license = TechnicalLicense {
        feature: feature.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        version: own_version.or_else(|| defaults.version.clone()).unwrap_or_default(),
        description: fields.text(reader, "description").map(|at| at.value).unwrap_or_default(),
        rule: fields.text(reader, "rule").map(|at| at.value),
        quantity: quantity.unwrap_or(Quantity::PerUnit(1)),
        model: fields.word(reader, "model", &Model::WORDS).unwrap_or(defaults.model),
        pooled_model: fields.word(reader, "pooled_model", &Model::WORDS).or(defaults.pooled_model),
        kind: fields.text(reader, "kind").map(|kind| references.to(To::Kind, kind)),
        hold_seconds: fields.number(reader, "hold_seconds", 1..=31_536_000),
        dup_group: dup_group(reader, fields),
        version_rule: fields
            .word(reader, "version_rule", &VersionRule::WORDS)
            .unwrap_or(defaults.version_rule),
        earlier: fields.flag(reader, "earlier"),
        formed: fields.flag(reader, "formed"),
        maintenance: fields.flag(reader, "maintenance"),
        excludes: references.all_to(To::License, fields.texts(reader, "excludes")),
        roles: values(fields.texts(reader, "roles")),
    };
    let feature = feature?;
    if !is_word(&feature.value) {
        word_problem(reader, &feature, "feature");
        return None;
    }
    if license.version.is_empty() && !fields.has("version") {
        fields.missing(reader, "version");
        return None;
    }
    Some((At { value: license.key(), at: feature.at }, license))
}

/// A word for the rule; `per-unit`, or `per-unit 5`.
fn quantity(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Quantity> {
    let text = fields.required_text(reader, "quantity")?;
    let known = Quantity::WORDS.iter().find(|(word, _)| *word == text.value).map(|(_, rule)| *rule);
    if let Some(quantity) = known.or_else(|| per_unit(&text.value)) {
        return Some(quantity);
    }
    let words = Quantity::WORDS.iter().map(|(word, _)| *word).chain(["per-unit"]);
    let hint =
        did_you_mean(&text.value, words.clone()).unwrap_or_else(|| format!("write one of {}", listed(words)));
    reader.error(text.at, format!("`quantity` cannot be `{}`", text.value), Some(hint));
    None
}

fn per_unit(text: &str) -> Option<Quantity> {
    let count = match text.strip_prefix("per-unit")? {
        "" => 1,
        count => count.strip_prefix(' ')?.parse().ok()?,
    };
    (1..=MAX_QUANTITY).contains(&count).then_some(Quantity::PerUnit(count))
}

fn dup_group(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text(reader, "dup_group")?;
    if text.value == "SITE" || text.value.chars().all(|letter| "UHDV".contains(letter)) {
        return Some(text.value);
    }
    let hint = "write letters of `UHDV` (user, host, display, vendor), or `SITE`".to_owned();
    reader.error(text.at, format!("`dup_group` cannot be `{}`", text.value), Some(hint));
    None
}

fn kind(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<(At<String>, Kind)> {
    let name = fields.required_text(reader, "name");
    let description = fields.required_text(reader, "description");
    let name = name?;
    let kind = Kind { name: name.value.clone(), description: description?.value };
    Some((name, kind))
}

fn license_type(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    references: &mut References,
) -> Option<(At<String>, LicenseType)> {
    let name = fields.required_text(reader, "name");
    let title = fields.text(reader, "title");
    let description = fields.required_text(reader, "description");
    let mut number = |key| fields.number(reader, key, 1..=36_500);
    // Editions of before say when to register anew, which nobody is asked to since licenses are perpetual.
    let (expires_after_days, _) = (number("expires_after_days"), number("reregister_after_days"));
    let (disconnect_minutes, grace_days) = (number("disconnect_minutes"), number("grace_days"));
    let mut flag = |key| fields.flag(reader, key);
    let (needs_activation, free) = (flag("needs_activation"), flag("free"));
    let (production, fixed, merges) = (flag("production"), flag("fixed"), flag("merges"));
    let (staff_only, partners_only) = (flag("staff_only"), flag("partners_only"));
    let (within_production, not_owned) = (flag("within_production"), flag("not_owned"));
    let only = fields.has("contains").then(|| fields.texts(reader, "contains"));
    let contains = only.map(|items| references.all_to(To::OtherItem, items));
    let name = name?;
    let license_type = LicenseType {
        name: name.value.clone(),
        title: title.map_or_else(|| name.value.clone(), |at| at.value),
        description: description?.value,
        expires_after_days,
        disconnect_minutes,
        grace_days,
        needs_activation,
        free,
        production,
        fixed,
        staff_only,
        partners_only,
        within_production,
        merges,
        not_owned,
        contains,
    };
    Some((name, license_type))
}

fn measure(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    references: &mut References,
) -> Option<(At<String>, Measure)> {
    let name = fields.required_text(reader, "name");
    references.enter(name.as_ref());
    let measure = Measure {
        name: name.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        enabled_seats: fields.flag(reader, "enabled_seats"),
        peak: fields.word(reader, "peak", &Peak::WORDS),
        since: fields.text(reader, "since").map(|at| at.value),
        items: references.all_to(To::OtherItem, fields.texts(reader, "items")),
        licenses: references.all_to(To::License, fields.texts(reader, "licenses")),
        measures: references.all_to(To::Measure, fields.texts(reader, "measures")),
    };
    Some((name?, measure))
}

fn application(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    references: &mut References,
) -> Option<(At<String>, Application)> {
    let name = fields.required_text(reader, "name");
    let note = fields.text(reader, "note").map(|at| at.value);
    let mut uses = BTreeMap::new();
    for mut table in fields.tables(reader, "uses", "a license that an application uses") {
        let license = table.required_text(reader, "license");
        let rule = table.text(reader, "rule").map(|at| at.value).unwrap_or_default();
        table.finish(reader);
        if let Some(license) = license {
            uses.insert(references.to(To::License, license), rule);
        }
    }
    let name = name?;
    Some((At { value: name.value.clone(), at: name.at }, Application { name: name.value, uses, note }))
}
