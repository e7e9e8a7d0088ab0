//! `grantor portal order`: importing from CSV and finding by license reference number.

use std::io::{IsTerminal, Write};
use std::path::Path;

use grantor_portal::Refusal;
use grantor_portal::lrn::{Lrn, LrnError};
use grantor_portal::orders::{self, Booked, NewOrder, OrderProblem};

use super::{Desk, now, random};
use crate::cli::PortalOrder;
use crate::failure::{At, Exit, Failure};
use crate::output;

pub(super) async fn act(desk: &Desk<'_>, action: &PortalOrder) -> Result<(), Failure> {
    match action {
        PortalOrder::Import { file, book } => import(desk, file, *book).await,
        PortalOrder::Find { lrn } => find(desk, lrn).await,
    }
}

/// Everything that is wrong with the file is told before anything of it is booked.
async fn import(desk: &Desk<'_>, file: &Path, book: bool) -> Result<(), Failure> {
    let read = orders::check_csv(&desk.store, &std::fs::read(file).at(file)?).await?;
    if !read.problems.is_empty() {
        return Err(wrong(file, &read.problems));
    }
    let lines: usize = read.orders.iter().map(|order| order.lines.len()).sum();
    if !book {
        output::error(&format!(
            "{} orders with {lines} lines are good; --book books them",
            read.orders.len()
        ));
        return Ok(());
    }
    let booked = book_all(desk, &read.orders).await?;
    desk.show(&booked, booked.iter().map(row))
}

fn wrong(file: &Path, problems: &[OrderProblem]) -> Failure {
    problems.iter().for_each(|problem| output::error(&format!("{}: {problem}", file.display())));
    let plural = if problems.len() == 1 { "problem" } else { "problems" };
    Failure::new(Exit::Refused, format!("{} {plural}; nothing is booked", problems.len()))
        .hint("mend the rows and import the file again")
}

async fn book_all(desk: &Desk<'_>, all: &[NewOrder]) -> Result<Vec<Booked>, Failure> {
    let mut booked = Vec::new();
    for order in all {
        booked.push(orders::book(&desk.store, order, desk.by, now(), random()?).await?);
        progress(booked.len(), all.len());
    }
    Ok(booked)
}

/// A bulk import may take a while; only people at a terminal want to see it pass.
fn progress(done: usize, of: usize) {
    let mut err = std::io::stderr();
    if of > 1 && err.is_terminal() {
        let end = if done == of { "\n" } else { "" };
        let _ = write!(err, "\r{done} of {of} orders{end}");
    }
}

fn row(booked: &Booked) -> String {
    let what = if booked.new { "booked" } else { "was booked before" };
    format!("{:<20} {}  {what}", booked.number, booked.lrn)
}

/// A mistyped number is looked for under the numbers that may be meant.
async fn find(desk: &Desk<'_>, lrn: &str) -> Result<(), Failure> {
    let meant = match Lrn::parse(lrn) {
        Ok(lrn) => vec![lrn],
        Err(LrnError::Mistyped(nearest)) => nearest,
        Err(error) => return Err(Failure::new(Exit::Usage, error)),
    };
    for one in meant {
        if let Some(number) = orders::number_of(&desk.store, one).await? {
            return desk.show(
                &serde_json::json!({ "order": number, "lrn": one.to_string() }),
                [format!("{number}  {one}")],
            );
        }
    }
    Err(grantor_portal::Failure::from(Refusal::UnknownLrn(lrn.to_owned())).into())
}
