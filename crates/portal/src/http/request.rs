//! Asking the publisher, without an account: the forms, and the page of a request for whoever has its address.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use grantor_web::cookie::Secret;
use grantor_web::frame::{Frame, Link};

use super::ask::{Asker, now};
use super::fault::Fault;
use super::form::{Fields, Form, Upload};
use super::render::{PRODUCT, VERSION, done, page, refused};
use super::{Need, Route, Shared};
use crate::people;
use crate::requests::attachments::{self, Attachment};
use crate::requests::forms::{self, Asked, Field, Takes};
use crate::requests::thread::{self, Message, Side};
use crate::requests::{self, Kind, Request, State as Turn, address};
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/request", Need::Nobody, choose),
        Route::get("/request/{kind}", Need::Nobody, ask),
        Route::post("/request/{kind}", Need::Nobody, file),
        Route::get("/request/{number}/{key}", Need::Nobody, one),
        Route::post("/request/{number}/{key}/reply", Need::Nobody, reply),
        Route::upload("/request/{number}/{key}/attachments", Need::Nobody, attach),
        Route::get("/request/{number}/{key}/attachments/{id}", Need::Nobody, attachment),
    ]
}

/// The frame for whoever asks, signed in or not.
fn frame(asker: &Asker, fields: &Fields) -> Frame {
    let small = Frame { product: PRODUCT, version: VERSION, ..Frame::default() };
    let said = match fields.text("done") {
        "filed" => Some("Filed. A mail that confirms it is on its way.".to_owned()),
        "replied" => Some("Added; whoever looks after it is told.".to_owned()),
        "attached" => Some("Attached.".to_owned()),
        _ => None,
    };
    let links = match &asker.0 {
        Some(_) => vec![Link { label: "Accounts", address: "/accounts".to_owned(), current: false }],
        None => vec![Link { label: "Sign in", address: "/sign-in".to_owned(), current: false }],
    };
    Frame { said, links, person: asker.0.as_ref().map(|visit| visit.person.name.clone()), ..small }
}

#[derive(Template)]
#[template(path = "request/choose.html")]
struct Choose {
    frame: Frame,
    kinds: [Kind; 5],
    /// Goes on with the links: the account that somebody came from.
    query: String,
}

async fn choose(asker: Asker, fields: Fields) -> Response {
    let query = fields.with(&[]);
    page(&Choose { frame: frame(&asker, &fields), kinds: Kind::ALL, query })
}

#[derive(Template)]
#[template(path = "request/form.html")]
struct Ask {
    frame: Frame,
    kind: Kind,
    once: String,
    form: Fields,
    summary: &'static [Field],
    details: &'static [Field],
    wrong: BTreeMap<&'static str, String>,
}

impl Ask {
    fn wrong(&self, name: &str) -> Option<&String> {
        self.wrong.get(name)
    }

    fn of(asker: &Asker, kind: Kind, once: String, form: Fields, wrong: Vec<(&'static str, String)>) -> Self {
        let (summary, details) = (forms::SUMMARY, forms::details(kind));
        Self {
            frame: frame(asker, &form),
            kind,
            once,
            form,
            summary,
            details,
            wrong: wrong.into_iter().collect(),
        }
    }
}

fn kind(word: &str) -> Result<Kind, Fault> {
    Kind::parse(word).ok_or(Fault::Nowhere)
}

async fn ask(asker: Asker, Path(word): Path<String>, fields: Fields) -> Result<Response, Fault> {
    let kind = kind(&word)?;
    let once = Secret::new("").map_err(|_| Fault::Bug)?.text().to_owned();
    Ok(page(&Ask::of(&asker, kind, once, known(&asker, fields), Vec::new())))
}

/// What is known of somebody who is signed in.
fn known(asker: &Asker, fields: Fields) -> Fields {
    let Some(visit) = &asker.0 else { return fields };
    let person = &visit.person;
    let (first, last) = person.name.rsplit_once(' ').unwrap_or((&person.name, ""));
    let pairs =
        [("first_name", first), ("last_name", last), ("mail", &person.mail), ("mail_again", &person.mail)];
    let mut all: Vec<(String, String)> = fields.pairs().to_vec();
    all.extend(pairs.map(|(name, text)| (name.to_owned(), text.to_owned())));
    Fields::of(all)
}

/// The account that somebody names, if they are signed in and reach it: what a stranger says counts for nothing.
async fn account(app: &Shared, asker: &Asker, reference: &str) -> Result<Option<i64>, Fault> {
    let Some(visit) = asker.0.as_ref().filter(|visit| !visit.half) else { return Ok(None) };
    if reference.is_empty() {
        return Ok(visit.person.account);
    }
    match people::reached(app.store.read(), &visit.person, reference).await {
        Ok(account) => Ok(Some(account.id)),
        Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

async fn file(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asker: Asker,
    Path(word): Path<String>,
    Form(form): Form,
) -> Result<Response, Fault> {
    let kind = kind(&word)?;
    if !app.letters.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let fields: BTreeMap<String, String> = form.pairs().iter().cloned().collect();
    let account = account(&app, &asker, form.text("reference")).await?;
    let asked = Asked { kind, once: form.text("once"), urgent: form.has("urgent"), fields: &fields, account };
    match requests::file(&app.store, &app.house(), &asked, app.settings.requests.levels(), now()).await {
        Ok(request) => {
            app.wake.notify_one();
            Ok(done(&path(&app, &request), "filed"))
        }
        Err(Failure::Refused(Refusal::Fields(wrong))) => {
            let once = form.text("once").to_owned();
            Ok(refused(&Ask::of(&asker, kind, once, form, wrong)))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Where a request's page is, within the portal.
pub(super) fn path(app: &Shared, request: &Request) -> String {
    address::page("", &app.seal, &request.number)
}

/// The request at that address, for whoever has its key.
async fn opened(app: &Shared, number: &str, key: &str) -> Result<Request, Fault> {
    if !address::is_page_key(&app.seal, number, key) {
        return Err(Failure::from(Refusal::UnknownRequest(number.to_owned())).into());
    }
    Ok(requests::find(app.store.read(), number).await?)
}

#[derive(Template)]
#[template(path = "request/one.html")]
struct One {
    frame: Frame,
    request: Request,
    path: String,
    fields: Vec<(&'static str, String)>,
    messages: Vec<Message>,
    attachments: Vec<Attachment>,
    wrong: Option<Refusal>,
    by_mail: bool,
}

/// The fields of a request as people read them, in the order of its form.
pub(super) fn told(request: &Request) -> Vec<(&'static str, String)> {
    let all = forms::SUMMARY.iter().chain(forms::details(request.kind));
    all.filter_map(|field| Some((field.label, request.fields.get(field.name)?.clone()))).collect()
}

async fn shown(
    app: &Shared,
    asker: &Asker,
    fields: &Fields,
    request: Request,
    wrong: Option<Refusal>,
) -> Result<One, Fault> {
    let db = app.store.read();
    Ok(One {
        frame: frame(asker, fields),
        path: path(app, &request),
        fields: told(&request),
        messages: thread::messages(db, &request, false).await?,
        attachments: attachments::list(db, &request).await?,
        wrong,
        by_mail: app.settings.requests.replies.is_some(),
        request,
    })
}

async fn one(
    State(app): State<Shared>,
    asker: Asker,
    Path((number, key)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Fault> {
    let request = opened(&app, &number, &key).await?;
    Ok(page(&shown(&app, &asker, &fields, request, None).await?))
}

async fn reply(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asker: Asker,
    Path((number, key)): Path<(String, String)>,
    Form(form): Form,
) -> Result<Response, Fault> {
    let request = opened(&app, &number, &key).await?;
    if !app.letters.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let author = asker.0.as_ref().map_or(request.name.as_str(), |visit| &visit.person.name).to_owned();
    let said = (author.as_str(), form.raw("message"));
    match thread::say(&app.store, &app.house(), &request, said, None, now()).await {
        Ok(()) => {
            app.wake.notify_one();
            Ok(done(&path(&app, &request), "replied"))
        }
        Err(Failure::Refused(refusal)) => {
            Ok(refused(&shown(&app, &asker, &form, request, Some(refusal)).await?))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn attach(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    asker: Asker,
    Path((number, key)): Path<(String, String)>,
    upload: Upload,
) -> Result<Response, Fault> {
    let request = opened(&app, &number, &key).await?;
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let author = asker.0.as_ref().map_or(request.name.as_str(), |visit| &visit.person.name).to_owned();
    let file = (upload.name.as_str(), upload.file.as_slice());
    match attachments::add(&app.store, &request, file, (&author, now())).await {
        Ok(_) => Ok(done(&path(&app, &request), "attached")),
        Err(Failure::Refused(refusal)) => {
            Ok(refused(&shown(&app, &asker, &upload.fields, request, Some(refusal)).await?))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Always a file to keep, whatever is in it: never shown as a page of the portal.
async fn attachment(
    State(app): State<Shared>,
    Path((number, key, id)): Path<(String, String, i64)>,
) -> Result<Response, Fault> {
    let request = opened(&app, &number, &key).await?;
    let (name, bytes) = attachments::one(app.store.read(), &request, id).await?;
    let name = super::render::file_name(&name);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}
