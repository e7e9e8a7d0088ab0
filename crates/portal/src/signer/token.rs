//! Keys on a PKCS#11 token: made there, used there, never seen here. May not log or keep the PIN.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use grantor_license::PublicKey;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Ed25519 by its object identifier, 1.3.101.112 in DER.
const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

/// Why a token does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No token of that label.
    #[error("there is no token with the label `{0}`")]
    NoToken(String),
    /// Not its PIN, or it is locked.
    #[error("the token does not take the PIN: {0}")]
    Pin(RvError),
    /// A public key that can't be read.
    #[error("a key on the token is no usable Ed25519 key")]
    Key,
    /// The token's library.
    #[error("the token: {0}")]
    Token(#[from] Error),
}

/// A token that its PIN has opened.
pub struct Token {
    session: Session,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// The half of a key pair that signs, which stays on its token.
#[derive(Debug, Clone, Copy)]
pub struct OnToken(ObjectHandle);

impl Token {
    /// Opens the token with this label.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(module: &Path, label: &str, pin: String) -> Result<Self, TokenError> {
        let library = Pkcs11::new(module)?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(error.into()),
        }
        for slot in library.get_slots_with_initialized_token()? {
            if library.get_token_info(slot)?.label().trim_end() == label {
                let session = library.open_rw_session(slot)?;
                match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
                    Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                        return Ok(Self { session });
                    }
                    Err(Error::Pkcs11(why, _)) => return Err(TokenError::Pin(why)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(TokenError::NoToken(label.to_owned()))
    }

    /// Makes a signing key that can't leave the token; gives its public half. `id` is random: it joins the halves.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn generate(&self, id: &[u8; 16]) -> Result<PublicKey, TokenError> {
        let both = [
            Attribute::Token(true),
            Attribute::Label(b"grantor signing key".to_vec()),
            Attribute::Id(id.to_vec()),
        ];
        let public = [Attribute::EcParams(ED25519.to_vec()), Attribute::Verify(true)];
        let private = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ];
        let (public, private) = ([&both[..], &public].concat(), [&both[..], &private].concat());
        let (public, _) =
            self.session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)?;
        self.public_key(public)
    }

    /// The signing keys on the token: id, and what signs.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn keys(&self) -> Result<Vec<(String, OnToken)>, TokenError> {
        let public = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::Token(true),
        ];
        let mut keys = Vec::new();
        for public in self.session.find_objects(&public)? {
            // The token may hold keys that are none of ours.
            let Ok(key) = self.public_key(public) else { continue };
            let joins = self.session.get_attributes(public, &[AttributeType::Id])?;
            let halves = [&[Attribute::Class(ObjectClass::PRIVATE_KEY)], joins.as_slice()].concat();
            let private = self.session.find_objects(&halves)?;
            keys.extend(private.first().map(|private| (key.id(), OnToken(*private))));
        }
        Ok(keys)
    }

    /// The public key is a DER octet string of 32 bytes, or on some tokens these alone.
    fn public_key(&self, handle: ObjectHandle) -> Result<PublicKey, TokenError> {
        let attributes = self.session.get_attributes(handle, &[AttributeType::EcPoint])?;
        let Some(Attribute::EcPoint(point)) = attributes.first() else { return Err(TokenError::Key) };
        let bytes = point.strip_prefix(&[0x04, 0x20]).filter(|bytes| bytes.len() == 32).unwrap_or(point);
        PublicKey::parse(&STANDARD.encode(bytes)).map_err(|_| TokenError::Key)
    }

    /// The signature of a message.
    ///
    /// # Errors
    /// [`TokenError`]: the token is gone, or does not know Ed25519.
    pub fn sign(&self, key: OnToken, message: &[u8]) -> Result<[u8; 64], TokenError> {
        let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        let signature = self.session.sign(&pure, key.0, message)?;
        signature.try_into().map_err(|_| TokenError::Key)
    }
}
