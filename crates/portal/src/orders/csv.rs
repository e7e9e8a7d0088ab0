//! Orders from a CSV file: one row a line of an order, rows of one number are one order. All bad rows are reported at once, and
//! none of the file is booked by reading it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{NewLine, NewOrder, OrderProblem, Term};

/// Bytes of a file, at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What a file holds: orders in the order of their first rows, and the rows that can't be read.
#[derive(Debug, Default)]
pub struct CsvOrders {
    /// The orders that could be read, without their bad rows.
    pub orders: Vec<NewOrder>,
    /// Every bad row, with its line in the file.
    pub problems: Vec<OrderProblem>,
}

/// A row; columns may stand in any order, those not needed may be left out.
#[derive(Debug, Deserialize)]
struct Row {
    order: String,
    account: String,
    #[serde(default)]
    sold_to: Option<String>,
    site: String,
    #[serde(default)]
    term: Option<String>,
    #[serde(default)]
    last_day: Option<String>,
    #[serde(default)]
    maintenance_until: Option<String>,
    catalogue: String,
    part: String,
    quantity: String,
}

/// Reads a file with a heading: `order,account,site,catalogue,part,quantity` and, where wanted,
/// `sold_to,term,last_day,maintenance_until`.
#[must_use]
pub fn read_csv(bytes: &[u8]) -> CsvOrders {
    let mut read = CsvOrders::default();
    if bytes.len() > MAX_BYTES {
        read.problems.push(bad("", None, "file", format!("has more than {MAX_BYTES} bytes")));
        return read;
    }
    let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(bytes);
    let Ok(heading) = reader.headers().cloned() else {
        read.problems.push(bad("", Some(1), "heading", "is not UTF-8; save the file as UTF-8".to_owned()));
        return read;
    };
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for record in reader.records() {
        let taken = record.and_then(|record| {
            let line = record.position().and_then(|place| usize::try_from(place.line()).ok());
            record.deserialize::<Row>(Some(&heading)).map(|row| (line, row))
        });
        match taken {
            Ok((line, row)) => take(row, line, &mut read, &mut places),
            Err(error) => {
                let line = error.position().and_then(|place| usize::try_from(place.line()).ok());
                read.problems.push(bad("", line, "row", words(&error)));
            }
        }
    }
    read
}

/// Adds a row to its order.
fn take(row: Row, line: Option<usize>, read: &mut CsvOrders, places: &mut BTreeMap<String, usize>) {
    let number = row.order.clone();
    let Ok(quantity) = row.quantity.parse() else {
        read.problems.push(bad(&number, line, "quantity", format!("`{}` is not a number", row.quantity)));
        return;
    };
    let new_line = NewLine { catalogue: row.catalogue.clone(), part: row.part.clone(), quantity };
    let order = match heading(row) {
        Ok(order) => order,
        Err(message) => return read.problems.push(bad(&number, line, "term", message)),
    };
    let place = *places.entry(number.clone()).or_insert(read.orders.len());
    match read.orders.get_mut(place) {
        None => read.orders.push(NewOrder { lines: vec![new_line], ..order }),
        Some(known) if same_heading(known, &order) => known.lines.push(new_line),
        Some(_) => {
            let says = "says something else of the order than its first row".to_owned();
            read.problems.push(bad(&number, line, "row", says));
        }
    }
}

fn same_heading(one: &NewOrder, other: &NewOrder) -> bool {
    let heading = |order: &NewOrder| {
        let days = (order.last_day.clone(), order.maintenance_until.clone());
        (order.account.clone(), order.sold_to.clone(), order.site.clone(), order.term, days)
    };
    heading(one) == heading(other)
}

/// The row's order without lines.
fn heading(row: Row) -> Result<NewOrder, String> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let term = match given(row.term) {
        None => Term::Perpetual,
        Some(word) => Term::parse(&word).ok_or_else(|| format!("`{word}` is none of {}", terms()))?,
    };
    Ok(NewOrder {
        number: row.order,
        account: row.account,
        sold_to: given(row.sold_to),
        site: row.site,
        term,
        last_day: given(row.last_day),
        maintenance_until: given(row.maintenance_until),
        lines: Vec::new(),
    })
}

/// The words for terms.
fn terms() -> String {
    Term::ALL.map(|term| format!("`{}`", term.word())).join(", ")
}

/// What is wrong, without the reader's own place.
fn words(error: &::csv::Error) -> String {
    match error.kind() {
        ::csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} fields, and the heading {expected_len}")
        }
        ::csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn bad(order: &str, line: Option<usize>, field: &'static str, message: String) -> OrderProblem {
    OrderProblem { order: order.to_owned(), line, field, message }
}
