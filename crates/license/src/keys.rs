//! Signing keys, root keys, certificates, and whom a verifier trusts (design §3). May not make randomness: seeds
//! come from the caller.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::attributes::{Attribute, Attributes};
use crate::date::{Expiry, format_date};
use crate::encode::key_bytes;
use crate::machine::hex;
use crate::statement::KeyLine;
use crate::verify::{LineState, root_state};

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not base64 of 32 bytes.
    #[error("is not base64 of 32 bytes")]
    NotAKey,
    /// No point of the curve, or one of the few that every signature fits.
    #[error("is not a usable Ed25519 key")]
    WeakKey,
}

/// A public key, ready to verify with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 32 bytes in base64.
    ///
    /// # Errors
    /// When the text is not such a key, or a weak one.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| KeyError::NotAKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::NotAKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::WeakKey)?;
        if key.is_weak() { Err(KeyError::WeakKey) } else { Ok(Self(key)) }
    }

    /// The name of the key: the first eight bytes of the SHA-256 of its 32 bytes, in hexadecimal.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes())[..8])
    }

    /// The key in base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// Strict verification: no weak keys, no malleable signatures.
    pub(crate) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// `keyid:base64`, the value of `SIGN=`.
pub(crate) fn sign_text(id: &str, signature: &[u8; 64]) -> String {
    format!("{id}:{}", STANDARD.encode(signature))
}

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(ed25519_dalek::SigningKey);

        impl $name {
            /// Makes the key of a seed. The caller provides the randomness and wipes its copy; this one is wiped
            /// when dropped.
            #[must_use]
            pub fn from_seed(seed: [u8; 32]) -> Self {
                Self(ed25519_dalek::SigningKey::from_bytes(&seed))
            }

            /// The public half.
            #[must_use]
            pub fn public_key(&self) -> PublicKey {
                PublicKey(self.0.verifying_key())
            }

            /// The public half in base64.
            #[must_use]
            pub fn public(&self) -> String {
                self.public_key().to_base64()
            }

            /// The name of the key: a short hash of the public half.
            #[must_use]
            pub fn id(&self) -> String {
                self.public_key().id()
            }

            /// The 64 bytes of its signature of a message.
            #[must_use]
            pub fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message).to_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}, secret)"), self.id())
            }
        }
    };
}

secret_key!(
    /// Signs license files; certified by a [`RootKey`].
    SigningKey
);
secret_key!(
    /// Certifies signing keys. Its public half is configured in servers and built into applications.
    RootKey
);

impl RootKey {
    /// `keyid:base64` of its signature.
    pub(crate) fn sign_text(&self, message: &[u8]) -> String {
        sign_text(&self.id(), &self.sign(message))
    }

    /// Certifies that `key` may sign for `publisher` what is issued in these days.
    #[must_use]
    pub fn certify(
        &self,
        publisher: &str,
        key: &PublicKey,
        not_before: Date,
        not_after: Expiry,
    ) -> KeyCertificate {
        let line = KeyLine {
            id: key.id(),
            publisher: publisher.to_owned(),
            public_key: key.to_base64(),
            not_before,
            not_after,
        };
        let mut certificate = KeyCertificate { line, sign: String::new() };
        let message = key_bytes(&certificate.positionals(), &certificate.attributes());
        certificate.sign = self.sign_text(&message);
        certificate
    }
}

/// A `KEY` line with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCertificate {
    line: KeyLine,
    sign: String,
}

impl KeyCertificate {
    /// The certificate in a parsed `KEY` statement; it is not verified here.
    #[must_use]
    pub fn from_statement(statement: &crate::Statement) -> Option<Self> {
        let crate::Body::Key(line) = &statement.body else { return None };
        let sign: String = statement.attributes.get("SIGN")?.split_whitespace().collect();
        Some(Self { line: line.clone(), sign })
    }

    /// Reads a `KEY` line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = crate::parse("KEY", text.as_bytes());
        parsed.document.statements().iter().find_map(Self::from_statement)
    }

    /// The certified key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.line.id
    }

    /// The certified key in base64.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.line.public_key
    }

    /// First and last day of issue it may sign for.
    #[must_use]
    pub fn days(&self) -> (Date, Expiry) {
        (self.line.not_before, self.line.not_after)
    }

    /// Whether a root key that is trusted for its publisher signed it.
    #[must_use]
    pub fn is_certified(&self, trust: &Trust) -> bool {
        let parsed = crate::parse("KEY", self.to_line().as_bytes());
        let statements = parsed.document.statements();
        statements.iter().any(|one| root_state(one, trust) == LineState::Valid)
    }

    /// Who may sign with it.
    #[must_use]
    pub fn publisher(&self) -> &str {
        &self.line.publisher
    }

    /// The `KEY` line of a license file, without line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let attributes: Vec<String> = self.attributes().iter().map(ToString::to_string).collect();
        format!("KEY {} {} SIGN=\"{}\"", self.positionals().join(" "), attributes.join(" "), self.sign)
    }

    fn positionals(&self) -> Vec<String> {
        vec![self.line.id.clone(), self.line.publisher.clone(), self.line.public_key.clone()]
    }

    fn attributes(&self) -> Attributes {
        let not_after = match self.line.not_after {
            Expiry::Permanent => "permanent".to_owned(),
            Expiry::On(date) => format_date(date),
        };
        let mut attributes = Attributes::default();
        for (name, value) in [("NOT_BEFORE", format_date(self.line.not_before)), ("NOT_AFTER", not_after)] {
            attributes.push(Attribute { name: name.to_owned(), value: Some(value), at: (1, 1) });
        }
        attributes
    }
}

/// Whom a verifier trusts: the root keys of each publisher. Never read from a file that is being verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    roots: BTreeMap<String, BTreeMap<String, PublicKey>>,
}

impl Trust {
    /// Trusts nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts a root key, in base64, to certify signing keys of this publisher and no other.
    ///
    /// # Errors
    /// When the text is not a usable key.
    pub fn add_root(&mut self, publisher: &str, public_key: &str) -> Result<(), KeyError> {
        let key = PublicKey::parse(public_key)?;
        self.roots.entry(publisher.to_owned()).or_default().insert(key.id(), key);
        Ok(())
    }

    /// The same as a value, for constants built into an application.
    ///
    /// # Errors
    /// When the text is not a usable key.
    pub fn with_root(mut self, publisher: &str, public_key: &str) -> Result<Self, KeyError> {
        self.add_root(publisher, public_key)?;
        Ok(self)
    }

    /// Whether any root key of this publisher is known.
    #[must_use]
    pub fn knows(&self, publisher: &str) -> bool {
        self.roots.contains_key(publisher)
    }

    /// The publishers whose keys are known.
    pub fn publishers(&self) -> impl Iterator<Item = &str> {
        self.roots.keys().map(String::as_str)
    }

    pub(crate) fn root(&self, publisher: &str, id: &str) -> Option<&PublicKey> {
        self.roots.get(publisher)?.get(id)
    }
}

/// Takes `keyid:base64` apart. `None` when it has another form: then it was signed by others.
pub(crate) fn signature_parts(sign: &str) -> Option<(&str, Option<Signature>)> {
    let (id, encoded) = sign.split_once(':')?;
    let is_id = id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let decoded = || Some(Signature::from_bytes(&STANDARD.decode(encoded).ok()?.try_into().ok()?));
    is_id.then(|| (id, decoded()))
}
