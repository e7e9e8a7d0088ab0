//! Everything that an account owns as CSV tables. May not read the books.

use super::{Activated, Asked, Contact, Everything, File, Moved, Order, Owned};
use crate::sites::Site;

impl Everything {
    /// As CSV: the name of each table, and its text.
    ///
    /// # Errors
    /// None that is known.
    pub fn tables(&self) -> Result<Vec<(&'static str, String)>, csv::Error> {
        Ok(vec![
            ("sites", table(&SITES, self.sites.iter().map(site_row))?),
            ("people", table(&["mail", "name", "roles", "active"], self.people.iter().map(person_row))?),
            ("orders", table(&ORDERS, self.orders.iter().flat_map(order_rows))?),
            ("entitlement", table(&ENTITLEMENT, self.entitlement.iter().map(owned_row))?),
            ("files", table(&FILES, self.files.iter().map(file_row))?),
            (
                "requests",
                table(
                    &["number", "kind", "subject", "mail", "state"],
                    self.requests.iter().map(request_row),
                )?,
            ),
            ("messages", table(&MESSAGES, self.requests.iter().flat_map(message_rows))?),
            ("attachments", table(&ATTACHMENTS, self.requests.iter().flat_map(attachment_rows))?),
            ("activations", table(&ACTIVATIONS, self.activations.iter().map(activation_row))?),
            ("moves", table(&MOVES, self.moves.iter().map(move_row))?),
        ])
    }
}

const SITES: [&str; 9] =
    ["name", "address1", "address2", "address3", "city", "state", "country", "postal_code", "active"];
const ORDERS: [&str; 12] = [
    "number",
    "lrn",
    "site",
    "sold_to",
    "term",
    "last_day",
    "maintenance_until",
    "placed_by",
    "catalogue",
    "edition",
    "part",
    "quantity",
];
const ENTITLEMENT: [&str; 8] =
    ["site", "catalogue", "part", "perpetual", "dated", "used", "available", "mirrored"];
const FILES: [&str; 8] =
    ["number", "lrn", "site", "catalogue", "license_type", "machine", "generated_on", "generated_by"];

const MESSAGES: [&str; 5] = ["request", "side", "author", "written_at", "body"];
const ATTACHMENTS: [&str; 5] = ["request", "name", "kind", "size", "author"];
const ACTIVATIONS: [&str; 4] = ["lrn", "registration_key", "file", "activated_at"];
const MOVES: [&str; 5] = ["from", "to", "reason", "by", "at"];

fn table<const COLUMNS: usize>(
    heading: &[&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(heading)?;
    for row in rows {
        writer.write_record(row.map(grantor_web::answer::harmless))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn site_row(site: &Site) -> [String; 9] {
    let of = &site.details;
    let texts = [
        &of.name,
        &of.address1,
        &of.address2,
        &of.address3,
        &of.city,
        &of.state,
        &of.country,
        &of.postal_code,
    ];
    let [name, address1, address2, address3, city, state, country, postal_code] = texts.map(String::clone);
    [name, address1, address2, address3, city, state, country, postal_code, site.active.to_string()]
}

fn person_row(person: &Contact) -> [String; 4] {
    [person.mail.clone(), person.name.clone(), person.roles.clone(), person.active.to_string()]
}

fn order_rows(order: &Order) -> impl Iterator<Item = [String; 12]> {
    let of = &order.order;
    order.lines.iter().map(move |line| {
        [
            of.number.clone(),
            of.lrn.clone(),
            of.site.clone(),
            of.sold_to.clone(),
            of.term.clone(),
            of.last_day.clone(),
            of.maintenance_until.clone().unwrap_or_default(),
            of.placed_by.clone(),
            line.part.catalogue.clone(),
            line.edition.clone(),
            line.part.number.clone(),
            line.quantity.to_string(),
        ]
    })
}

fn owned_row(owned: &Owned) -> [String; 8] {
    let of = &owned.balance;
    [
        owned.site.clone(),
        of.part.catalogue.clone(),
        of.part.number.clone(),
        of.perpetual.to_string(),
        of.dated.to_string(),
        of.used.to_string(),
        of.available().to_string(),
        of.mirrored.to_string(),
    ]
}

fn file_row(file: &File) -> [String; 8] {
    let of = &file.file;
    let texts = [
        &of.number,
        &of.lrn,
        &of.site,
        &of.catalogue,
        &of.license_type,
        &of.machine,
        &of.generated_on,
        &of.generated_by,
    ];
    texts.map(String::clone)
}

fn request_row(asked: &Asked) -> [String; 5] {
    [
        asked.number.clone(),
        asked.kind.to_owned(),
        asked.subject.clone(),
        asked.mail.clone(),
        asked.state.to_owned(),
    ]
}

fn message_rows(asked: &Asked) -> impl Iterator<Item = [String; 5]> {
    asked.messages.iter().map(|said| {
        let (side, at) = (said.side.to_owned(), said.written_at.to_string());
        [asked.number.clone(), side, said.author.clone(), at, said.body.clone()]
    })
}

fn attachment_rows(asked: &Asked) -> impl Iterator<Item = [String; 5]> {
    asked.attachments.iter().map(|one| {
        let (name, kind, author) = (one.name.clone(), one.kind.clone(), one.author.clone());
        [asked.number.clone(), name, kind, one.size.to_string(), author]
    })
}

fn activation_row(one: &Activated) -> [String; 4] {
    let file = one.file.clone().unwrap_or_default();
    [one.lrn.clone(), one.registration_key.clone(), file, one.activated_at.to_string()]
}

fn move_row(one: &Moved) -> [String; 5] {
    [one.from.clone(), one.to.clone(), one.reason.clone(), one.by.clone(), one.at.to_string()]
}
