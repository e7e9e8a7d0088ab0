//! `signer.toml`: whose files a signer signs, by which key until the log names another one, and where a token is. Reads text;
//! opens nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use grantor_license::{KeyCertificate, Trust};
use serde::{Deserialize, Serialize};

/// What stands above the configuration that grantor writes.
const HEADING: &str = "\
# Whose license files this signer signs. `certificate` names the key that signs until the portal's log names another one.
# Keys on a PKCS#11 token need
#   [token]
#   module = \"/usr/lib/softhsm/libsofthsm2.so\"
#   label = \"grantor\"
#   pin_file = \"pin\"        # or GRANTOR_SIGNER_PIN, or asked for

";

/// A signer's configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where keys are that never leave their token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenConfig>,
    /// Whose files are signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<PublisherConfig>,
}

/// A publisher.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherConfig {
    /// Its name on `VENDOR` lines.
    pub name: String,
    /// Its public root keys in base64: only keys that one of them certified sign.
    pub root_keys: Vec<String>,
    /// The `KEY` line of the key that signs first.
    pub certificate: String,
}

/// A PKCS#11 token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The token's library.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// A file with its PIN, in the signer's folder or elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let mut names = BTreeSet::new();
        for publisher in &config.publishers {
            publisher.certified()?;
            if !names.insert(&publisher.name) {
                return Err(format!("publishers: `{}` stands there twice", publisher.name));
            }
        }
        Ok(config)
    }

    /// As a file.
    ///
    /// # Errors
    /// What can't be written as TOML.
    pub fn to_text(&self) -> Result<String, String> {
        toml::to_string(self).map(|text| format!("{HEADING}{text}")).map_err(|error| error.to_string())
    }
}

impl PublisherConfig {
    /// Whom the publisher's certificates come from.
    pub(super) fn trust(&self) -> Result<Trust, String> {
        let mut trust = Trust::new();
        for key in &self.root_keys {
            trust.add_root(&self.name, key).map_err(|error| format!("{}: root key: {error}", self.name))?;
        }
        Ok(trust)
    }

    /// The certificate, if a root key of the publisher signed it.
    pub(super) fn certified(&self) -> Result<KeyCertificate, String> {
        let certificate = KeyCertificate::parse(&self.certificate);
        let certificate = certificate.filter(|certificate| certificate.publisher() == self.name);
        let certificate =
            certificate.ok_or_else(|| format!("{}: `certificate` is no KEY line of it", self.name))?;
        if !certificate.is_certified(&self.trust()?) {
            return Err(format!("{}: none of its root keys signed the certificate", self.name));
        }
        Ok(certificate)
    }
}
