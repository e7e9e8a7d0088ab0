//! `grantor portal file`: a selection is shown or generated; files are listed and deactivated.

use std::path::Path;

use grantor_license::Change;
use grantor_portal::accounts;
use grantor_portal::entitlements::NEVER;
use grantor_portal::files::{self, Filter, LicenseFile, Request, Selection, Sort};
use grantor_portal::people::Actor;
use grantor_portal::signing::sign_all;
use grantor_portal::sites;

use super::{Desk, now, random};
use crate::cli::PortalFile;
use crate::commands::keys::today;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Files that are read from the books at a time.
const AT_ONCE: u64 = 200;

pub(super) async fn act(desk: &Desk<'_>, action: &PortalFile) -> Result<(), Failure> {
    match action {
        PortalFile::New { account, site, selection, replaces, generate, key } => {
            let account = accounts::find(desk.store.read(), account).await?;
            let site = sites::find(desk.store.read(), &account, site).await?;
            let request = Request {
                account: &account,
                site: &site,
                selection: &read(selection)?,
                replaces: replaces.as_deref(),
                by: Actor::House(desk.by),
                at: now(),
                today: today(),
            };
            if *generate { make(desk, &request, key.as_deref()).await } else { show(desk, &request).await }
        }
        PortalFile::List { account, all } => list(desk, account, *all).await,
        PortalFile::Get { account, number } => {
            let account = accounts::find(desk.store.read(), account).await?;
            output::raw(&files::document(&desk.store, &account, number).await?);
            Ok(())
        }
        PortalFile::Deactivate { account, number, reason } => {
            let account = accounts::find(desk.store.read(), account).await?;
            let last = files::deactivate(&desk.store, &account, number, reason, (desk.by, now())).await?;
            output::error(&format!("{number} is ended; its quantities are available again"));
            output::error(&format!(
                "hint: load the deactivation file on the server that has it: `grantor portal file get {} {last}`",
                account.reference
            ));
            signed(desk).await
        }
    }
}

fn read(path: &Path) -> Result<Selection, Failure> {
    let text = std::fs::read_to_string(path).at(path)?;
    toml::from_str(&text).map_err(|error| {
        Failure::new(Exit::Usage, format!("{}: {}", path.display(), error.to_string().trim_end()))
    })
}

/// The text goes to standard output, what explains it to standard error.
async fn show(desk: &Desk<'_>, request: &Request<'_>) -> Result<(), Failure> {
    let shown = files::preview(&desk.store, request).await?;
    output::raw(&shown.text);
    output::error(shown.explained.trim_end());
    let unsaid = shown.warnings.iter().filter(|warning| !shown.explained.contains(warning.as_str()));
    unsaid.for_each(|warning| output::error(&format!("warning: {warning}")));
    shown.changes.iter().for_each(|change| output::error(&changed(change)));
    output::error("nothing is spent yet; --generate generates it");
    Ok(())
}

fn changed(change: &Change) -> String {
    let fields = change.fields.iter().map(|field| {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!("{} {} → {}", field.field, side(&field.old), side(&field.new))
    });
    let fields: Vec<String> = fields.collect();
    format!("changed: {} {} {}", change.keyword, change.name, fields.join(", ")).trim_end().to_owned()
}

async fn make(desk: &Desk<'_>, request: &Request<'_>, key: Option<&str>) -> Result<(), Failure> {
    let own = format!("{:016x}", random()?);
    let number = files::generate(&desk.store, request, key.unwrap_or(&own)).await?;
    desk.show(&serde_json::json!({ "file": number }), [number.clone()])?;
    signed(desk).await
}

/// Has what waits for its signatures signed, where a signer is named.
async fn signed(desk: &Desk<'_>) -> Result<(), Failure> {
    if let Some(signer) = &desk.signer {
        sign_all(&desk.store, signer).await?;
    }
    Ok(())
}

async fn list(desk: &Desk<'_>, account: &str, all: bool) -> Result<(), Failure> {
    let account = accounts::find(desk.store.read(), account).await?;
    let filter = Filter { active: (!all).then_some(true), ..Filter::default() };
    let (mut found, mut page) = (Vec::new(), 0);
    loop {
        let (_, some) =
            files::list(&desk.store, &account, &filter, (Sort::Generated, true), page, AT_ONCE).await?;
        let last = some.len() < AT_ONCE as usize;
        found.extend(some);
        if last {
            break;
        }
        page += 1;
    }
    desk.show(&found, found.iter().map(row))
}

fn row(file: &LicenseFile) -> String {
    let ends = if file.last_day == NEVER { "permanent" } else { &file.last_day };
    let state = match (file.active, file.signed) {
        (false, _) => "ended",
        (true, false) => "not signed",
        (true, true) => "active",
    };
    format!(
        "{}  {}  {:<10} {:<10} {:<14} {:<20} {:<20} {}",
        file.number,
        file.generated_on,
        ends,
        state,
        file.license_type,
        file.site,
        file.machine,
        file.generated_by
    )
}
