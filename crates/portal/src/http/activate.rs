//! Activating in a browser, without an account: by what was typed in, or by a request file from a machine that reaches no network.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use grantor_web::frame::Frame;

use super::api::activated;
use super::door::frame;
use super::fault::Fault;
use super::form::Upload;
use super::render::{download, page, refused};
use super::{Need, Route, Shared};
use crate::activation::Asked;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/activate", Need::Nobody, ask), Route::post("/activate", Need::Nobody, activate)]
}

#[derive(Template)]
#[template(path = "door/activate.html")]
struct Activate {
    frame: Frame,
    asked: Asked,
    wrong: Option<Refusal>,
}

fn nothing() -> Asked {
    Asked { lrn: String::new(), registration_key: String::new(), host_id: None, machine: None, loaded: None }
}

async fn ask() -> Response {
    page(&Activate { frame: frame(), asked: nothing(), wrong: None })
}

fn asked(upload: &Upload) -> Result<Asked, Fault> {
    if upload.file.is_empty() {
        return Ok(Asked {
            lrn: upload.fields.text("lrn").to_owned(),
            registration_key: upload.fields.text("registration_key").to_owned(),
            host_id: upload.fields.given("host_id"),
            machine: upload.fields.given("machine"),
            loaded: None,
        });
    }
    serde_json::from_slice(&upload.file)
        .map_err(|error| Fault::Senseless(format!("this is no request file of `grantor activate`: {error}")))
}

async fn activate(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    upload: Upload,
) -> Result<Response, Fault> {
    if !app.tries.allows(peer.ip()) {
        return Err(Fault::TooOften);
    }
    let asked = asked(&upload)?;
    match activated(&app, &asked).await {
        Ok((activated, text)) => {
            Ok(download(&format!("{}.lic", activated.file), "text/plain; charset=utf-8", text))
        }
        Err(Fault::Failed(Failure::Refused(refusal))) => {
            Ok(refused(&Activate { frame: frame(), asked, wrong: Some(refusal) }))
        }
        Err(fault) => Err(fault),
    }
}
