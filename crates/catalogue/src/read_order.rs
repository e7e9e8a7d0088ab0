//! Reads an order.

use crate::date::{is_day, is_permanent};
use crate::environment::{Deployment, Environment};
use crate::fields::{At, Fields, Reader};
use crate::order::{MAX_QUANTITY, Order, OrderItem, OrderServer, OrderState};
use crate::problem::{Problem, file_name};

impl Order {
    /// Reads an order. `name` is the file's name, for problems.
    ///
    /// # Errors
    /// Every problem of the text, in its order.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(name, text);
        let order = reader.root().and_then(|root| {
            let mut fields = Fields::new(root.get_ref(), &(0..0), "an order");
            let order = read(&mut reader, &mut fields, name);
            fields.finish(&mut reader);
            order
        });
        reader.finish(order)
    }
}

fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>, name: &str) -> Option<Order> {
    let lrn = word(reader, fields, "lrn");
    let customer = fields.required_text(reader, "customer");
    let site = fields.required_text(reader, "site");
    let license_type = fields.text(reader, "license_type");
    let product = fields.text(reader, "product").map(|at| at.value);
    let state = fields.word(reader, "state", &OrderState::WORDS).unwrap_or(OrderState::Active);
    let issued = date(reader, fields, "issued", false);
    let expires = date(reader, fields, "expires", true);
    let registration_key = fields.text(reader, "registration_key").map(|at| at.value);
    let servers = read_servers(reader, fields);
    let environment = fields.table(reader, "environment", "an environment");
    let environment = environment.map(|table| read_environment(reader, table)).unwrap_or_default();
    let items = read_items(reader, fields);
    Some(Order {
        file: file_name(name),
        lrn: lrn?.value,
        customer: customer?.value,
        site: site?.value,
        license_type_place: reader.place(license_type.as_ref().map_or(0, |at| at.at)),
        license_type: license_type.map_or_else(|| "production".to_owned(), |at| at.value),
        product,
        state,
        issued,
        expires,
        registration_key,
        servers,
        environment,
        items,
    })
}

/// A required text without blanks.
fn word(reader: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<At<String>> {
    let text = fields.required_text(reader, key)?;
    if text.value.contains(char::is_whitespace) {
        let hint = Some("write it as one word".to_owned());
        reader.error(text.at, format!("`{key}` contains a blank"), hint);
        return None;
    }
    Some(text)
}

fn date(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    key: &'static str,
    permanent: bool,
) -> Option<String> {
    let text = fields.text(reader, key)?;
    if is_day(&text.value) || permanent && is_permanent(&text.value) {
        return Some(text.value);
    }
    let or = if permanent { ", or `permanent`" } else { "" };
    let hint = Some(format!("write a day such as `01-jun-2026`{or}"));
    reader.error(text.at, format!("`{key}` is not a day: `{}`", text.value), hint);
    None
}

fn read_servers(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<OrderServer> {
    let tables = fields.tables(reader, "servers", "a server");
    if let (2 | 4.., Some(table)) = (tables.len(), tables.last()) {
        let hint = "name one server, or the three of a redundant set; a switchover pair is one server whose \
                    `hostid` has both host ids";
        reader.error(table.at, format!("an order has {} servers", tables.len()), Some(hint.to_owned()));
    }
    tables.into_iter().filter_map(|table| read_server(reader, table)).collect()
}

fn read_server(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<OrderServer> {
    let place = reader.place(fields.at);
    let host = word(reader, &mut fields, "host");
    let hostid = fields.required_text(reader, "hostid");
    let port = fields.number(reader, "port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    fields.finish(reader);
    Some(OrderServer { host: host?.value, hostid: hostid?.value, port, place })
}

fn read_environment(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Environment {
    let deployment = fields.word(reader, "deployment", &Deployment::WORDS);
    let mut figure = |key, least| fields.number(reader, key, least..=MAX_QUANTITY);
    let environment = Environment {
        deployment,
        seats: figure("seats", 1),
        concurrent_users: figure("concurrent_users", 1),
        ports: figure("ports", 1),
        instances: figure("instances", 1),
        environments: figure("environments", 1),
        sites: figure("sites", 1),
        ivr_servers: figure("ivr_servers", 0),
        redundant_pairs: figure("redundant_pairs", 1),
        connections: figure("connections", 1),
        callbacks_per_hour: figure("callbacks_per_hour", 1),
        seat_dns: figure("seat_dns", 1),
        technical_dns: figure("technical_dns", 0),
    };
    fields.finish(reader);
    environment
}

fn read_items(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<OrderItem> {
    if !fields.has("items") {
        let hint = Some("add an `[[items]]` table for everything that was bought".to_owned());
        reader.error(fields.at, "an order has no `[[items]]`", hint);
    }
    let tables = fields.tables(reader, "items", "an item of an order");
    tables.into_iter().filter_map(|table| read_item(reader, table)).collect()
}

fn read_item(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<OrderItem> {
    let place = reader.place(fields.at);
    let catalogue = fields.required_text(reader, "catalogue");
    let item = fields.required_text(reader, "item");
    let assigned = fields.number(reader, "assigned", 0..=MAX_QUANTITY);
    let pooled = fields.number(reader, "pooled", 0..=MAX_QUANTITY);
    let quantity = fields.number(reader, "quantity", 1..=MAX_QUANTITY);
    let quantity = whole_quantity(reader, &mut fields, quantity, assigned, pooled);
    let options = fields.texts(reader, "options").into_iter().map(|at| at.value).collect();
    fields.finish(reader);
    let (catalogue, item) = (catalogue?.value, item?.value);
    Some(OrderItem { catalogue, item, quantity: quantity?, assigned, pooled, options, place })
}

/// The quantity, or the sum of its two parts; they must agree.
fn whole_quantity(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    quantity: Option<u32>,
    assigned: Option<u32>,
    pooled: Option<u32>,
) -> Option<u32> {
    let parts = ["assigned", "pooled"].iter().any(|key| fields.has(key));
    let sum = assigned.unwrap_or(0) + pooled.unwrap_or(0);
    match quantity {
        None if !parts && !fields.has("quantity") => {
            fields.missing(reader, "quantity");
            None
        }
        None if fields.has("quantity") => None,
        None if sum == 0 || sum > MAX_QUANTITY => {
            let hint = Some(format!("together they must come to 1 to {MAX_QUANTITY}"));
            reader.error(fields.at, format!("`assigned` and `pooled` come to {sum}"), hint);
            None
        }
        Some(quantity) if parts && quantity != sum => {
            let hint = Some("leave out `quantity`, or make it their sum".to_owned());
            let message = format!("`quantity` is {quantity}, but `assigned` and `pooled` come to {sum}");
            reader.error(fields.at, message, hint);
            None
        }
        Some(quantity) => Some(quantity),
        None => Some(sum),
    }
}
