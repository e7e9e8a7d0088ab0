//! Forms as they arrive: bounded in size and time.

use axum::extract::{FromRequest, Multipart, Request};
use grantor_api::limits;
use grantor_web::form::Fields;

use crate::http::{App, Failure, bad_request, read};

/// A form that was sent.
pub(crate) struct Form(pub(crate) Fields);

impl FromRequest<App> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let bytes = read(request.into_body(), limits::LICENSE_FILE, app.body_time()).await?;
        Ok(Self(Fields::parse(&bytes)))
    }
}

/// A form with a file: its text, and the fields beside it.
pub(crate) struct Upload {
    /// The file's own name; empty if none was chosen.
    pub(crate) name: String,
    pub(crate) file: Vec<u8>,
    pub(crate) fields: Fields,
}

impl FromRequest<App> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let late = |_| Failure::from(bad_request("the file did not arrive in time"));
        tokio::time::timeout(app.body_time(), parts(request, app)).await.map_err(late)?
    }
}

async fn parts(request: Request, app: &App) -> Result<Upload, Failure> {
    let wrong = |_| Failure::from(bad_request("the file is too large, or did not arrive whole"));
    let request =
        request.map(|body| axum::body::Body::new(http_body_util::Limited::new(body, limits::LICENSE_FILE)));
    let mut parts = Multipart::from_request(request, app)
        .await
        .map_err(|_| Failure::from(bad_request("this form has no file")))?;
    let mut upload = Upload { name: String::new(), file: Vec::new(), fields: Fields::default() };
    while let Some(part) = parts.next_field().await.map_err(wrong)? {
        let field = part.name().unwrap_or_default().to_owned();
        match part.file_name().filter(|name| !name.is_empty()).map(str::to_owned) {
            Some(name) => (upload.name, upload.file) = (name, part.bytes().await.map_err(wrong)?.to_vec()),
            None => upload.fields.add(field, part.text().await.map_err(wrong)?),
        }
    }
    Ok(upload)
}
