//! The ways that notices go: by mail and to hooks. A notice that goes twice, since the server died before it could note the first
//! time, has the same `Message-ID` and the same id for the hook. Keeps no list of notices: the site does.

use std::collections::BTreeMap;
use std::path::Path;

use grantor_site::notices::BY_MAIL;
use grantor_web::hook::{self, Call, Untold};
use grantor_web::post::{Letter, Postman, Unsent};
use serde_json::json;

use super::setting::{Mail, Setting, by_hook};
use crate::config::ConfigError;

/// Bytes that a hook's secret has at least.
const SECRET: usize = 16;

/// Where notices go, ready to be used.
pub(crate) struct Channels {
    /// As configured.
    pub(crate) setting: Setting,
    postman: Option<Postman>,
    hooks: BTreeMap<Box<str>, (String, Vec<u8>)>,
}

/// A notice in words, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The same however often it is sent, and on every server: the site's own number of it and the cluster's name.
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) tenant: Option<String>,
    /// RFC 3339.
    pub(crate) at: String,
    pub(crate) subject: String,
    pub(crate) body: String,
}

impl Channels {
    /// Reads the secrets that the setting names.
    pub(crate) fn open(setting: &Setting) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut hooks = BTreeMap::new();
        for one in &setting.hooks {
            match secret(&one.secret_file) {
                Ok(secret) => drop(hooks.insert(by_hook(&one.name), (one.address.clone(), secret))),
                Err(problem) => problems.push(format!("notices.hooks: {problem}")),
            }
        }
        let postman = setting.mail.as_ref().map(postman).transpose();
        let postman = postman.unwrap_or_else(|problem| {
            problems.push(format!("notices.mail: {problem}"));
            None
        });
        let channels = Self { setting: setting.clone(), postman, hooks };
        if problems.is_empty() { Ok(channels) } else { Err(ConfigError(problems)) }
    }

    /// Sends a notice through one channel, `now` in seconds since 1970.
    pub(crate) async fn send(&self, channel: &str, told: &Told, now: i64) -> Result<(), Unsent> {
        match (channel.strip_prefix(BY_MAIL), self.hooks.get(channel), &self.postman) {
            (Some(to), _, Some(postman)) => {
                let (message_id, subject, body) = (&*told.id, &*told.subject, &*told.body);
                postman.send(&Letter { to, reply_to: None, message_id, subject, body }).await
            }
            (None, Some((address, secret)), _) => call(address, secret, told, now).await,
            _ => Err(Unsent { message: "this server has no such channel".to_owned(), refused: false }),
        }
    }
}

async fn call(address: &str, secret: &[u8], told: &Told, seconds: i64) -> Result<(), Unsent> {
    let Told { kind, tenant, at, subject, body, .. } = told;
    let body = json!({ "type": format!("notice.{kind}"), "tenant": tenant, "at": at, "subject": subject, "text": body });
    let call = Call { address: address.to_owned(), id: told.id.clone(), seconds, body: body.to_string() };
    hook::tell(call, secret).await.map_err(|untold| match untold {
        Untold::Gone => {
            Unsent { message: "it wants to hear nothing any more (410)".to_owned(), refused: true }
        }
        Untold::Failed(message) => Unsent { message, refused: false },
    })
}

fn secret(path: &Path) -> Result<Vec<u8>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("{}: {error}\n  hint: `openssl rand -base64 32 > {0}` makes one", path.display())
    })?;
    let secret = text.trim().as_bytes().to_vec();
    if secret.len() < SECRET {
        return Err(format!(
            "{}: a secret has {SECRET} bytes at least\n  hint: `openssl rand -base64 32 > {0}` makes one",
            path.display()
        ));
    }
    Ok(secret)
}

fn postman(mail: &Mail) -> Result<Postman, String> {
    let server = match (&mail.server, &mail.server_file) {
        (Some(server), _) => server.clone(),
        (None, Some(path)) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            text.trim().to_owned()
        }
        (None, None) => return Err("there is no `server`".to_owned()),
    };
    Postman::new(&server, &mail.from).map_err(|error| error.to_string())
}
