//! The license letter: whoever looks after an account's license files is told of an order and its license reference number, when it is
//! booked and whenever the publisher's staff sends it again.

use sea_orm::DatabaseTransaction;
use serde_json::json;

use crate::accounts::Account;
use crate::mails;
use crate::once::Once;
use crate::people::{self, Person};
use crate::store::Store;
use crate::{Failure, Refusal, log};

/// Lines of an order in its letter, at most.
const LINES: usize = 100;

/// What a letter tells of.
pub(super) struct Order<'a> {
    pub(super) number: &'a str,
    pub(super) lrn: &'a str,
    pub(super) account: &'a Account,
    pub(super) site: &'a str,
    /// Part number and quantity.
    pub(super) lines: Vec<(&'a str, u32)>,
}

/// Writes the letter to everybody who is to have it; gives whom.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    order: &Order<'_>,
    at: i64,
) -> Result<Vec<Person>, Failure> {
    let part = |(part, quantity): &(&str, u32)| json!({ "number": part, "quantity": quantity });
    let letter = json!({
        "order": order.number, "lrn": order.lrn, "account": order.account.name, "site": order.site,
        "parts": order.lines.iter().take(LINES).map(part).collect::<Vec<_>>(),
        "more_parts": order.lines.len().saturating_sub(LINES),
    });
    let people = people::contacts(tx, order.account.id).await?;
    for person in &people {
        mails::letter(tx, person, &letter, at).await?;
    }
    Ok(people)
}

/// Sends the letter of a booked order again, and logs it; gives the mail addresses.
///
/// # Errors
/// [`Refusal::UnknownOrder`]; [`Refusal::NobodyToWriteTo`]; the database's.
pub async fn send_letter(
    store: &Store,
    account: &Account,
    number: &str,
    by: (&str, i64),
) -> Result<Vec<String>, Failure> {
    send_letter_once(store, account, number, by, None).await
}

/// The same for a request that may be sent twice.
///
/// # Errors
/// As for [`send_letter`]; [`Refusal::KeyReused`].
pub async fn send_letter_once(
    store: &Store,
    account: &Account,
    number: &str,
    (by, at): (&str, i64),
    once: Option<&Once>,
) -> Result<Vec<String>, Failure> {
    let (order, lines) = super::one(store, account.id, number).await?;
    let letter = Order {
        number: &order.number,
        lrn: &order.lrn,
        account,
        site: &order.site,
        lines: lines.iter().map(|line| (line.part.number.as_str(), line.quantity)).collect(),
    };
    let tx = store.write().await?;
    if let Some(once) = once
        && let Some(mails) = once.before(&tx).await?
    {
        return Ok(mails);
    }
    let people = write(&tx, &letter, at).await?;
    if people.is_empty() {
        return Err(Refusal::NobodyToWriteTo(account.reference.clone()).into());
    }
    let mails: Vec<String> = people.into_iter().map(|person| person.mail).collect();
    let more = json!({ "account": account.reference, "order": order.number, "to": mails });
    log::append(&tx, at, by, "license letter sent again", more).await?;
    if let Some(once) = once {
        once.keep(&tx, &mails, at).await?;
    }
    tx.commit().await?;
    Ok(mails)
}
