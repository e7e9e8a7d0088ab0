//! Signing keys: what the signer has, and changes that one administrator asks for and another one decides on.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use grantor_web::frame::Frame;

use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form};
use crate::http::render::{done, download, page, refused};
use crate::http::{Need, Route, Shared};
use crate::keys::{self, Change, Wish};
use crate::rights::Right;
use crate::signer::HeldKey;
use crate::{Failure, Refusal, signing};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/keys", Need::Proved(Right::Keys), list),
        Route::post("/keys", Need::Proved(Right::Keys), wish),
        Route::post("/keys/{id}/approve", Need::Proved(Right::Keys), approve),
        Route::post("/keys/{id}/decline", Need::Proved(Right::Keys), decline),
        Route::get("/revoked-keys", Need::Nobody, revoked),
    ]
}

#[derive(Template)]
#[template(path = "house/keys.html")]
struct Keys {
    frame: Frame,
    /// Why the signer's keys are not shown.
    away: Option<String>,
    held: Vec<HeldKey>,
    waiting: Vec<Change>,
    decided: Vec<Change>,
    /// Who looks.
    mail: String,
    form: Fields,
    wrong: Option<Refusal>,
}

async fn shown(ask: &Ask, form: Fields, wrong: Option<Refusal>) -> Result<Keys, Fault> {
    let held = match &ask.app.signer {
        Some(signer) => signing::held(signer).await.map_err(|error| error.to_string()),
        None => Err("this portal has no signer".to_owned()),
    };
    let (held, away) = held.map_or_else(|away| (Vec::new(), Some(away)), |held| (held, None));
    let changes = keys::changes(ask.app.store.read()).await?;
    let (waiting, decided) = changes.into_iter().partition(|change| change.outcome.is_none());
    let mail = ask.person().mail.clone();
    Ok(Keys { frame: ask.frame(), away, held, waiting, decided, mail, form, wrong })
}

async fn list(ask: Ask, asked: Fields) -> Result<Response, Fault> {
    Ok(page(&shown(&ask, asked, None).await?))
}

async fn wish(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let wishes = match form.given("line") {
        Some(lines) => Wish::of_lines(&lines),
        None => {
            let (publisher, key) = (form.text("publisher").to_owned(), form.text("key").to_owned());
            vec![Wish::Retire { publisher, key }]
        }
    };
    let asked = asked_for(&ask, &wishes, form.text("reason")).await;
    answer(&ask, asked, "asked", form).await
}

async fn asked_for(ask: &Ask, wishes: &[Wish], reason: &str) -> Result<(), Failure> {
    for line in wishes.iter().filter_map(Wish::line) {
        if let Some(signer) = &ask.app.signer {
            signing::fits(signer, line).await?;
        }
    }
    keys::ask_all(&ask.app.store, wishes, reason, ask.person(), ask.by().1).await?;
    Ok(())
}

async fn approve(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    let approved = keys::approve(&ask.app.store, id, ask.person(), ask.by().1).await;
    // The signer is shown the log soon.
    ask.app.wake.notify_one();
    answer(&ask, approved.map(drop), "approved", Fields::of(Vec::new())).await
}

async fn decline(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    let declined = keys::decline(&ask.app.store, id, ask.person(), ask.by().1).await;
    answer(&ask, declined.map(drop), "declined", Fields::of(Vec::new())).await
}

async fn answer(ask: &Ask, came: Result<(), Failure>, code: &str, form: Fields) -> Result<Response, Fault> {
    match came {
        Ok(()) => Ok(done("/keys", code)),
        Err(Failure::Refused(refusal @ Refusal::UnknownKeyChange(_))) => Err(Failure::from(refusal).into()),
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(ask, form, Some(refusal)).await?)),
        Err(failure) => Err(failure.into()),
    }
}

/// For whoever runs a license server: the file goes among its license files.
async fn revoked(State(app): State<Shared>) -> Result<Response, Fault> {
    let lines = keys::revoked(app.store.read()).await?;
    let text = format!(
        "# Keys that are not to be trusted any more; put this file among the license server's license files.\n{lines}"
    );
    Ok(download("revoked-keys.lic", "text/plain; charset=utf-8", text))
}
