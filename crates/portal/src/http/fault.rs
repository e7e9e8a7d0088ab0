//! Why a page can't be shown: each with a page of its own that says what to do.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use grantor_web::frame::Frame;

use super::render::{self, PRODUCT, VERSION};
use crate::providers::NoSignIn;
use crate::{Failure, Refusal};

/// Why a page can't be shown.
pub(super) enum Fault {
    /// Another page comes first.
    Elsewhere(Redirect),
    /// There is no such page.
    Nowhere,
    /// This person may not.
    NotAllowed,
    /// A form or an address that makes no sense.
    Senseless(String),
    /// Too many tries.
    TooOften,
    /// The domain refuses, or the database fails.
    Failed(Failure),
    /// Ours.
    Bug,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<grantor_web::form::Senseless> for Fault {
    fn from(grantor_web::form::Senseless(why): grantor_web::form::Senseless) -> Self {
        Self::Senseless(why)
    }
}

impl From<sea_orm::DbErr> for Fault {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct Page<'a> {
    frame: Frame,
    title: &'a str,
    message: &'a str,
    hint: &'a str,
}

impl Fault {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Elsewhere(_) => StatusCode::SEE_OTHER,
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::Senseless(_) => StatusCode::BAD_REQUEST,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed(Failure::Refused(refusal)) => of_refusal(refusal),
            Self::Failed(Failure::Database(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn words(&self) -> (&'static str, String, &'static str) {
        match self {
            Self::Elsewhere(_) => ("Go on elsewhere", String::new(), ""),
            Self::Nowhere => ("There is no such page", String::new(), "Begin at the first page."),
            Self::NotAllowed => (
                "You may not open this page",
                String::new(),
                "Ask the portal's administrator for the right to it.",
            ),
            Self::Senseless(what) => ("That makes no sense here", what.clone(), "Go back and try again."),
            Self::TooOften => (
                "Too many tries",
                "Too much came from your network.".to_owned(),
                "Wait a minute, then try again.",
            ),
            Self::Failed(Failure::Refused(refusal)) => {
                ("That can't be done", refusal.to_string(), refusal.hint())
            }
            Self::Failed(Failure::Database(_)) => (
                "The portal can't reach its books",
                "Nothing was changed, or it can't be told yet.".to_owned(),
                "Try again in a moment; the same form sent twice takes effect once.",
            ),
            Self::Bug => {
                ("Something went wrong", String::new(), "Try again; if it stays so, tell the administrator.")
            }
        }
    }
}

/// What is not there for somebody is not found.
fn of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownAccount(_) | Refusal::UnknownSite { .. } | Refusal::UnknownFile(_) => {
            StatusCode::NOT_FOUND
        }
        Refusal::UnknownPerson(_) | Refusal::UnknownOrder(_) | Refusal::TicketEnded => StatusCode::NOT_FOUND,
        Refusal::UnknownKeyChange(_) => StatusCode::NOT_FOUND,
        Refusal::NotAnAdministrator(_) | Refusal::SamePerson(_) | Refusal::OneSide { .. } => {
            StatusCode::FORBIDDEN
        }
        Refusal::TokenEnded | Refusal::PasskeyWrong => StatusCode::UNAUTHORIZED,
        Refusal::Provider { why: NoSignIn::Away, .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Provider { .. } => StatusCode::FORBIDDEN,
        Refusal::ChallengeEnded => StatusCode::CONFLICT,
        Refusal::UnknownLrn(_)
        | Refusal::UnknownHook(_)
        | Refusal::UnknownRequest(_)
        | Refusal::UnknownAttachment(_)
        | Refusal::UnknownCatalogue(_)
        | Refusal::UnknownImport(_) => StatusCode::NOT_FOUND,
        Refusal::NotSigned(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NotCertified { .. } | Refusal::NotYourType { .. } => StatusCode::FORBIDDEN,
        Refusal::ActivatedElsewhere(_)
        | Refusal::NobodyToWriteTo(_)
        | Refusal::OtherMachine(_)
        | Refusal::ChangedMeanwhile(_)
        | Refusal::OrderDiffers(_)
        | Refusal::KeyChangeDecided(_)
        | Refusal::KeyReused
        | Refusal::FileEnded(_) => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Failed(Failure::Database(error)) = &self {
            tracing::error!(%error, "the database failed");
        }
        let (title, message, hint) = self.words();
        if let Self::Elsewhere(redirect) = self {
            return redirect.into_response();
        }
        let frame = Frame { product: PRODUCT, version: VERSION, small: true, ..Frame::default() };
        let page = Page { frame, title, message: &message, hint };
        (status, render::page(&page)).into_response()
    }
}
