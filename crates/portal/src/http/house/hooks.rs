//! Webhooks: added with a secret that is shown once, tried again, removed.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_web::frame::Frame;

use crate::hooks::{self, EVENTS, Hook};
use crate::http::ask::Ask;
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form};
use crate::http::render::{done, page, refused};
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::{Failure, Refusal, log};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/hooks", Need::Proved(Right::People), list),
        Route::post("/hooks", Need::Proved(Right::People), add),
        Route::post("/hooks/{id}/resume", Need::Proved(Right::People), resume),
        Route::post("/hooks/{id}/remove", Need::Proved(Right::People), remove),
    ]
}

#[derive(Template)]
#[template(path = "house/hooks.html")]
struct Hooks {
    frame: Frame,
    hooks: Vec<Hook>,
    /// Entries in the log.
    size: u64,
    events: [&'static str; EVENTS.len()],
    form: Fields,
    made: Option<String>,
    wrong: Option<Refusal>,
}

impl Hooks {
    fn waiting(&self, hook: &Hook) -> u64 {
        self.size.saturating_sub(hook.next_position)
    }
}

async fn shown(
    ask: &Ask,
    form: Fields,
    made: Option<String>,
    wrong: Option<Refusal>,
) -> Result<Hooks, Fault> {
    let db = ask.app.store.read();
    let (size, _) = log::head(db).await?;
    Ok(Hooks { frame: ask.frame(), hooks: hooks::list(db).await?, size, events: EVENTS, form, made, wrong })
}

async fn list(ask: Ask) -> Result<Response, Fault> {
    Ok(page(&shown(&ask, Fields::default(), None, None).await?))
}

async fn add(ask: Ask, Form(form): Form) -> Result<Response, Fault> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| Fault::Bug)?;
    let events: BTreeSet<String> = form.all("event").map(str::to_owned).collect();
    let wanted = (form.text("address"), &events);
    match hooks::add(&ask.app.store, &ask.app.seal, wanted, &secret, ask.by()).await {
        Ok(_) => {
            let made = Some(format!("whsec_{}", STANDARD.encode(secret)));
            Ok(page(&shown(&ask, Fields::default(), made, None).await?))
        }
        Err(Failure::Refused(refusal)) => Ok(refused(&shown(&ask, form, None, Some(refusal)).await?)),
        Err(failure) => Err(failure.into()),
    }
}

async fn resume(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    hooks::resume(&ask.app.store, id, ask.by()).await?;
    ask.app.wake.notify_one();
    Ok(done("/hooks", "changed"))
}

async fn remove(ask: Ask, Path(id): Path<i64>) -> Result<Response, Fault> {
    hooks::remove(&ask.app.store, id, ask.by()).await?;
    Ok(done("/hooks", "removed"))
}
