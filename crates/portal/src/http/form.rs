//! Forms as they arrive: bounded, with or without a file.

use axum::extract::{FromRequest, Multipart, RawForm, Request};
pub(super) use grantor_web::form::{Fields, number};

use super::Shared;
use super::fault::Fault;

/// The fields of a form that was sent.
pub(super) struct Form(pub(super) Fields);

impl FromRequest<Shared> for Form {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Fault> {
        let RawForm(bytes) = RawForm::from_request(request, app)
            .await
            .map_err(|_| Fault::Senseless("this form is too long or is none".to_owned()))?;
        Ok(Self(Fields::parse(&bytes)))
    }
}

/// A form with one uploaded file: its bytes, and the fields beside it.
pub(super) struct Upload {
    pub(super) file: Vec<u8>,
    /// The file's own name.
    pub(super) name: String,
    pub(super) fields: Fields,
}

impl FromRequest<Shared> for Upload {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Fault> {
        let wrong = |_| Fault::Senseless("the file is too large, or did not arrive whole".to_owned());
        let mut parts = Multipart::from_request(request, app)
            .await
            .map_err(|_| Fault::Senseless("this form has no file".to_owned()))?;
        let mut upload = Self { file: Vec::new(), name: String::new(), fields: Fields::default() };
        while let Some(part) = parts.next_field().await.map_err(wrong)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
            if let Some(file) = file {
                upload.name = file;
                upload.file = part.bytes().await.map_err(wrong)?.to_vec();
            } else {
                upload.fields.add(name, part.text().await.map_err(wrong)?);
            }
        }
        Ok(upload)
    }
}
