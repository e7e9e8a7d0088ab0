//! The publisher's portal, as the server asks it on an administrator's behalf: an order's number becomes a signed license file.
//! What the portal says is shown to the administrator before anything is loaded. Keeps nothing, asks nothing by itself.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use grantor_api::{Code, Problem};
use grantor_web::outside;
use serde::Deserialize;
use serde_json::Value;

use crate::config::ConfigError;

/// Time for the portal, which may wait for its signer.
const TIME: Duration = Duration::from_secs(30);
/// Longest answer in bytes.
const LARGEST: u64 = 16 << 20;

/// `[portal]`: where license files come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// `https://HOST` or `https://HOST:PORT`; without it, files are carried by hand.
    pub address: Option<String>,
    /// PEM roots that its certificate is checked by; public authorities if left out.
    pub certificates: Option<PathBuf>,
}

impl Setting {
    /// What makes no sense.
    pub(crate) fn nonsense(&self) -> Option<String> {
        let address = self.address.as_deref()?;
        let host = address.strip_prefix("https://").unwrap_or_default();
        let is_right = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        (!is_right).then(|| {
            format!("portal.address: `{address}` is no address such as `https://licenses.example.com`, without a slash at its end")
        })
    }
}

/// The portal of the configuration.
pub(crate) struct Portal {
    pub(crate) address: String,
    agent: outside::Agent,
}

/// What the portal says when all went well.
#[derive(Deserialize)]
struct Activated {
    license_file: String,
}

/// And when not.
#[derive(Deserialize)]
struct Refused {
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    hint: String,
}

impl Portal {
    /// Reads the roots. Asks nobody yet.
    pub(crate) fn open(setting: &Setting) -> Result<Option<Self>, ConfigError> {
        let Some(address) = setting.address.clone() else { return Ok(None) };
        let agent = outside::agent(setting.certificates.as_deref(), TIME)
            .map_err(|error| ConfigError(vec![format!("portal.certificates: {error}")]))?;
        Ok(Some(Self { address, agent }))
    }

    /// Activates an order; gives the signed license file. Blocks.
    pub(crate) fn activate(&self, asked: &Value) -> Result<String, Problem> {
        let away = |error: &dyn std::fmt::Display| {
            Problem::new(
                Code::Unavailable,
                "the publisher's portal can't be asked",
                format!("{}: {error}", self.address),
            )
            .hint("take a request file there, or see `[portal]` in the configuration")
        };
        let url = format!("{}/api/v1/activations", self.address);
        let sent = self.agent.post(&url).header("content-type", "application/json").send(asked.to_string());
        let mut answer = sent.map_err(|error| away(&error))?;
        let mut text = String::new();
        let body = answer.body_mut().as_reader().take(LARGEST).read_to_string(&mut text);
        body.map_err(|error| away(&error))?;
        let strange = || away(&format!("it answered {}, and not as a portal does", answer.status().as_u16()));
        if answer.status() == 200 {
            let activated: Activated = serde_json::from_str(&text).map_err(|_| strange())?;
            return Ok(activated.license_file);
        }
        let refused: Refused = serde_json::from_str(&text).map_err(|_| strange())?;
        let detail = if refused.detail.is_empty() { refused.title.clone() } else { refused.detail };
        let problem = Problem::new(Code::BadLicenseFile, "the publisher's portal refused", detail);
        Err(if refused.hint.is_empty() { problem } else { problem.hint(refused.hint) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_address_is_https_and_a_host_and_nothing_more() {
        let nonsense =
            |address: &str| Setting { address: Some(address.to_owned()), certificates: None }.nonsense();
        for right in ["https://portal.example.com", "https://portal:7270", "https://[::1]:7270"] {
            assert_eq!(nonsense(right), None, "{right}");
        }
        for wrong in ["portal", "http://portal", "https://", "https://portal/", "https://u:p@portal"] {
            assert!(nonsense(wrong).is_some(), "{wrong}");
        }
        assert_eq!(Setting::default().nonsense(), None);
    }
}
