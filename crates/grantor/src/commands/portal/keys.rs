//! `grantor portal key`: changes of signing keys, and the day that one is compromised.

use std::path::{Path, PathBuf};

use grantor_license::parse;
use grantor_portal::files::{Origin, SignedFile, origins, signed_by};
use grantor_portal::keys::{self, Change, Wish};
use grantor_portal::people::Person;
use grantor_portal::signer::{Client, HeldKey};
use grantor_portal::{signin, signing};
use serde_json::json;

use super::{Desk, now};
use crate::cli::{KeyWish, Password, PortalKey};
use crate::commands::keys::read_text;
use crate::commands::secret::{self, first_line};
use crate::failure::{At, Exit, Failure};
use crate::output;

pub(super) async fn act(desk: &Desk<'_>, action: &PortalKey) -> Result<(), Failure> {
    match action {
        PortalKey::List => list(desk).await,
        PortalKey::Ask { wish, reason, password } => ask(desk, &read(wish)?, reason, password).await,
        PortalKey::Approve { changes, password } => {
            let by = who(desk, password).await?;
            let changes = keys::approve_all(&desk.store, changes, &by, now()).await?;
            if let Some(signer) = &desk.signer {
                signing::sign_all(&desk.store, signer).await?;
            }
            show(desk, &changes)
        }
        PortalKey::Decline { change, password } => {
            let by = who(desk, password).await?;
            let change = keys::decline(&desk.store, *change, &by, now()).await?;
            desk.show(&change, [row(&change)])
        }
        PortalKey::Files { key, since } => {
            let found = signed_by(&desk.store, key, instant(*since)).await?;
            desk.show(&found, found.iter().map(file_row))
        }
        PortalKey::SignAnew { key, since } => sign_anew(desk, key, instant(*since)).await,
        PortalKey::Origin { files } => origin(desk, files).await,
        PortalKey::Revoked => {
            output::raw(&keys::revoked(desk.store.read()).await?);
            Ok(())
        }
    }
}

fn instant(since: Option<jiff::Timestamp>) -> i64 {
    since.map_or(0, jiff::Timestamp::as_millisecond)
}

/// One change as itself, several as a list.
fn show(desk: &Desk<'_>, changes: &[Change]) -> Result<(), Failure> {
    match changes {
        [change] => desk.show(change, [row(change)]),
        changes => desk.show(&changes, changes.iter().map(row)),
    }
}

fn read(wish: &KeyWish) -> Result<Vec<Wish>, Failure> {
    let line = |path: &Path| read_text(path);
    Ok(match wish {
        KeyWish::Use { certificate } => vec![Wish::Use(line(certificate)?)],
        KeyWish::Revoke { revocation } => {
            let text = line(revocation)?;
            let lines = text.lines().map(str::trim).filter(|line| line.starts_with("REVOKED"));
            let all: Vec<Wish> = lines.map(|line| Wish::Revoke(line.to_owned())).collect();
            if all.is_empty() { vec![Wish::Revoke(text)] } else { all }
        }
        KeyWish::Retire { publisher, key } => {
            vec![Wish::Retire { publisher: publisher.clone(), key: key.clone() }]
        }
    })
}

async fn ask(desk: &Desk<'_>, wishes: &[Wish], reason: &str, password: &Password) -> Result<(), Failure> {
    let by = who(desk, password).await?;
    for line in wishes.iter().filter_map(Wish::line) {
        if let Some(signer) = &desk.signer {
            signing::fits(signer, line).await?;
        }
    }
    let changes = keys::ask_all(&desk.store, wishes, reason, &by, now()).await?;
    output::error(
        "another administrator approves it: on the portal's page Keys, or by `grantor portal key approve`",
    );
    show(desk, &changes)
}

/// Whoever `--by` names shows that it is them. Who shows codes does so on the portal's pages.
async fn who(desk: &Desk<'_>, password: &Password) -> Result<Person, Failure> {
    let given = match &password.password_file {
        Some(path) => first_line(path)?,
        None => secret::ask(
            &format!("password of {}", desk.by),
            "`--password-file` names a file whose first line it is",
        )?,
    };
    let tried = signin::attempt(&desk.store, desk.by, now()).await?;
    let right = grantor_web::password::check(&given, tried.hash.as_deref());
    let Some(person) = tried.person.filter(|_| right) else {
        return Err(Failure::new(Exit::NotAllowed, format!("this is not the password of `{}`", desk.by))
            .hint("`--by` is the mail address of an administrator; after wrong tries wait a moment"));
    };
    let person = signin::was_right(&desk.store, person).await?;
    if person.has_codes {
        return Err(Failure::new(Exit::NotAllowed, format!("{} shows codes", person.name))
            .hint("do it on the portal's page Keys"));
    }
    Ok(person)
}

async fn list(desk: &Desk<'_>) -> Result<(), Failure> {
    let held: Vec<HeldKey> = match &desk.signer {
        Some(signer) => signing::held(signer).await?,
        None => Vec::new(),
    };
    let changes = keys::changes(desk.store.read()).await?;
    let key = |one: &HeldKey| {
        let whose = one.publisher.as_deref().unwrap_or("-");
        let place = if one.on_token { "token" } else { "folder" };
        format!("{}  {:<8} {:<7} {whose}", one.key, one.state, place)
    };
    let rows: Vec<String> = held.iter().map(key).chain(changes.iter().map(row)).collect();
    desk.show(&json!({ "keys": held, "changes": changes }), rows)
}

fn row(change: &Change) -> String {
    let outcome = match (&change.outcome, &change.decided_by) {
        (Some(outcome), Some(by)) => format!("{outcome} by {by}"),
        _ => "waits".to_owned(),
    };
    format!(
        "{}  {} {} of {}, asked for by {}: {outcome}",
        change.id, change.what, change.key, change.publisher, change.asked_by
    )
}

fn file_row(file: &SignedFile) -> String {
    let state = if file.active { "active" } else { "ended" };
    let at = jiff::Timestamp::from_millisecond(file.signed_at).unwrap_or_default();
    format!("{}  {:<16} {state:<7} {at}  {}", file.number, file.account, file.lrn)
}

async fn sign_anew(desk: &Desk<'_>, key: &str, since: i64) -> Result<(), Failure> {
    let signer: &Client = desk.signer.as_ref().ok_or_else(super::no_signer)?;
    let seen = |done: usize, all: usize, file: &SignedFile| {
        output::error(&format!("{done} of {all}: {} of {}", file.number, file.account));
    };
    let done = signing::sign_anew(&desk.store, signer, (key, since), (desk.by, now()), seen).await?;
    desk.show(&json!({ "signed_anew": done }), [format!("{done} signed anew")])
}

async fn origin(desk: &Desk<'_>, files: &[PathBuf]) -> Result<(), Failure> {
    let (mut all, mut unknown) = (Vec::new(), 0);
    for path in files {
        let name = path.display().to_string();
        let document = parse(&name, &std::fs::read(path).at(path)?).document;
        let found = origins(&desk.store, &document).await?;
        unknown += found.iter().filter(|one| one.file.is_none()).count();
        all.extend(found.into_iter().map(|one| (name.clone(), one)));
    }
    let line = |(name, one): &(String, Origin)| {
        let from = one.file.as_deref().unwrap_or("NOT IN THE LOG");
        format!("{name}:{}: {}, signed by {}: {from}", one.line, one.what, one.key)
    };
    let value: Vec<_> = all.iter().map(|(name, one)| json!({ "name": name, "origin": one })).collect();
    desk.show(&value, all.iter().map(line))?;
    if unknown == 0 {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, format!("{unknown} lines are in no file of the log"))
        .hint("whoever signed them had the key: revoke it, and have its files signed anew"))
}
