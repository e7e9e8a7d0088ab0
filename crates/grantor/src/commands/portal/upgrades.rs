//! `grantor portal upgrade`: what can be upgraded, and upgrading it.

use std::collections::BTreeMap;

use grantor_portal::accounts::Account;
use grantor_portal::entitlements::{Owner, Part};
use grantor_portal::sites::Site;
use grantor_portal::upgrades::{self, Choice, Offer};

use super::{Desk, now};
use crate::commands::keys::today;
use crate::failure::{Exit, Failure};
use crate::output;

pub(super) async fn act(
    desk: &Desk<'_>,
    (account, site): (&Account, &Site),
    parts: &[String],
    mirror_all: bool,
) -> Result<(), Failure> {
    let owner = Owner { account: account.id, site: site.id };
    let today = today().to_string();
    let offers = upgrades::offers(&desk.store, owner, &today).await?;
    if parts.is_empty() && !mirror_all {
        return desk.show(&offers, offers.iter().map(row));
    }
    let choice = if mirror_all { Choice::MirrorAll } else { Choice::Some(chosen(parts, &offers)?) };
    upgrades::apply(&desk.store, (account, site), &choice, &today, (desk.by, now())).await?;
    output::error("upgraded; generate the site's file anew to use it");
    Ok(())
}

fn row(offer: &Offer) -> String {
    let to = offer.to.as_deref().map_or_else(|| "no upgrade".to_owned(), |to| format!("to {to}"));
    format!("{:<24} {:>9} {:>9} free  {to}", offer.part.number, offer.quantity, offer.free)
}

/// `PART=QUANTITY`, of the parts that the site owns.
fn chosen(parts: &[String], offers: &[Offer]) -> Result<BTreeMap<Part, u32>, Failure> {
    let one = |text: &String| {
        let wrong = |why: String| Failure::new(Exit::Usage, format!("--part {text}: {why}"));
        let (number, quantity) =
            text.split_once('=').ok_or_else(|| wrong("write PART=QUANTITY".to_owned()))?;
        let quantity = quantity.parse().map_err(|_| wrong(format!("`{quantity}` is not a number")))?;
        let owned = offers.iter().find(|offer| offer.part.number == number);
        let part = owned.ok_or_else(|| wrong("the site owns none of it".to_owned()))?.part.clone();
        Ok((part, quantity))
    };
    parts.iter().map(one).collect()
}
