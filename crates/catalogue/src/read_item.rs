//! Reads a sellable item.

use toml::Spanned;
use toml::de::DeValue;

use crate::check::{References, To};
use crate::fields::{At, Fields, Reader, table_of, text_of};
use crate::item::{Every, Fixed, Item, Need, Unit};
use crate::order::MAX_QUANTITY;

/// Reads one table of `[[items]]`.
pub(crate) fn read_item(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    references: &mut References,
) -> Option<(At<String>, Item)> {
    let name = fields.required_text(reader, "name");
    references.enter(name.as_ref());
    if !fields.has("unit") {
        fields.missing(reader, "unit");
    }
    let item = Item {
        name: name.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        title: fields.text(reader, "title").map(|at| at.value),
        group: fields.text(reader, "group").map(|at| at.value),
        description: fields.text(reader, "description").map(|at| at.value),
        unit: fields.word(reader, "unit", &Unit::WORDS).unwrap_or(Unit::License),
        server: fields.flag(reader, "server"),
        split: fields.flag(reader, "split"),
        retired: fields.flag(reader, "retired"),
        upgrades_to: fields.text(reader, "upgrades_to").map(|at| references.to(To::OtherItem, at)),
        needs: needs(reader, fields, references),
        every: every(reader, fields, references),
        includes: references.all_to(To::Item, fields.texts(reader, "includes")),
        development: fields.text(reader, "development").map(|at| references.to(To::OtherItem, at)),
    };
    Some((name?, item))
}

/// What is required and what is optional; each license once.
fn needs(reader: &mut Reader<'_>, fields: &mut Fields<'_>, references: &mut References) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for (key, optional) in [("required", false), ("optional", true)] {
        for value in fields.list(reader, key) {
            let Some(need) = need(reader, value, key, optional, references) else { continue };
            if needs.iter().any(|other| other.license == need.license) {
                let hint = Some("name it once, with a `count` if there are several".to_owned());
                reader.error(value.span().start, format!("`{}` is needed twice", need.license), hint);
                continue;
            }
            needs.push(need);
        }
    }
    needs
}

/// A license by its key, or a table with counts.
fn need(
    reader: &mut Reader<'_>,
    value: &Spanned<DeValue<'_>>,
    key: &str,
    optional: bool,
    references: &mut References,
) -> Option<Need> {
    if value.get_ref().is_table() {
        return table_of(reader, value, key, "a technical license of an item")
            .and_then(|table| need_table(reader, table, optional, references));
    }
    let license = references.to(To::License, text_of(reader, value, key)?);
    Some(Need { license, optional, count: 1, fixed: None })
}

fn need_table(
    reader: &mut Reader<'_>,
    mut fields: Fields<'_>,
    optional: bool,
    references: &mut References,
) -> Option<Need> {
    let license = fields.required_text(reader, "license");
    let count = fields.number(reader, "count", 1..=MAX_QUANTITY);
    let assigned = fields.number(reader, "assigned", 0..=MAX_QUANTITY);
    let pooled = fields.number(reader, "pooled", 0..=MAX_QUANTITY);
    let fixed = (assigned.is_some() || pooled.is_some())
        .then(|| Fixed { assigned: assigned.unwrap_or(0), pooled: pooled.unwrap_or(0) });
    if fixed == Some(Fixed { assigned: 0, pooled: 0 }) {
        reader.error(fields.at, "`assigned` and `pooled` come to 0", None);
    }
    fields.finish(reader);
    let license = references.to(To::License, license?);
    Some(Need { license, optional, count: count.unwrap_or(1), fixed })
}

fn every(reader: &mut Reader<'_>, fields: &mut Fields<'_>, references: &mut References) -> Vec<Every> {
    let tables = fields.tables(reader, "every", "a kind of licenses");
    let read = |mut table: Fields<'_>| {
        let kind = table.required_text(reader, "kind");
        let count = table.number(reader, "count", 1..=MAX_QUANTITY).unwrap_or(1);
        table.finish(reader);
        Some(Every { kind: references.to(To::Kind, kind?), count })
    };
    tables.into_iter().filter_map(read).collect()
}
