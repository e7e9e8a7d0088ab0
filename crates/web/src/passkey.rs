//! Passkeys (WebAuthn): what a browser is asked, and whether its answer is right. Keeps nothing: the state of what was asked, and
//! the keys that people have, are kept by whoever asks. A passkey proves that somebody has it and unlocked it, so it is two factors.

use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle,
    Username,
};
use webauthn_rp::request::{AsciiDomain, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration,
    RegistrationServerState,
};

/// Bytes by which an authenticator knows a person.
pub const HANDLE: usize = 16;
/// A public key of each kind, as it is kept.
type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// Bytes of an answer, at most.
const ANSWER: usize = 64 * 1024;

/// The site that passkeys are for.
#[derive(Debug, Clone)]
pub struct Place {
    id: RpId,
    origin: String,
}

/// What a browser is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// To keep until the answer comes.
    pub state: Vec<u8>,
    /// JSON for the browser.
    pub options: String,
}

/// A passkey as it is kept. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its number.
    pub id: Vec<u8>,
    /// By which its authenticator knows the person.
    pub handle: [u8; HANDLE],
    /// Its public key.
    pub key: Vec<u8>,
    /// What changes when it is used.
    pub counter: [u8; 7],
}

/// The answer is not right, too old, or for something else.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the passkey's answer is not right: {0}")]
pub struct Wrong(String);

fn wrong(error: impl std::fmt::Display) -> Wrong {
    Wrong(error.to_string())
}

impl Place {
    /// The site at that address, `https://…` without a slash at its end.
    ///
    /// # Errors
    /// Passkeys are for names, not for numbers such as `127.0.0.1`.
    pub fn new(address: &str) -> Result<Self, Wrong> {
        let host = address.strip_prefix("https://").unwrap_or(address);
        let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
        let is_number = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        if is_number {
            return Err(Wrong("an address of numbers has no passkeys".to_owned()));
        }
        let domain = AsciiDomain::try_from(host).map_err(wrong)?;
        Ok(Self { id: RpId::Domain(domain), origin: address.to_owned() })
    }

    /// Asks for a new passkey of somebody, beside those they have.
    ///
    /// # Errors
    /// A name that can't be shown.
    pub fn ask_new(&self, handle: [u8; HANDLE], mail: &str, has: &[Vec<u8>]) -> Result<Asked, Wrong> {
        let handle: UserHandle<HANDLE> = UserHandle::decode(handle).unwrap_or_else(|never| match never {});
        let user = PublicKeyCredentialUserEntity {
            name: Username::try_from(mail).map_err(wrong)?,
            id: &handle,
            display_name: Nickname::try_from(mail).ok(),
        };
        let transports = AuthTransports::decode(0).map_err(wrong)?;
        let known = has.iter().filter_map(|id| CredentialId::decode(id.clone()).ok());
        let known = known.map(|id| PublicKeyCredentialDescriptor { id, transports });
        let mut options = PublicKeyCredentialCreationOptions::passkey(&self.id, user, known.collect());
        // Many authenticators don't know the extension, and would be refused.
        options.extensions.cred_protect = CredProtect::None;
        let (server, client) = options.start_ceremony().map_err(wrong)?;
        Ok(Asked {
            state: server.encode().map_err(wrong)?,
            options: serde_json::to_string(&client).map_err(wrong)?,
        })
    }

    /// The new passkey, if the browser's answer is one to that state.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn made(&self, state: &[u8], handle: [u8; HANDLE], answer: &str) -> Result<Passkey, Wrong> {
        bounded(answer)?;
        let state = RegistrationServerState::<HANDLE>::decode(state).map_err(wrong)?;
        let registration = Registration::from_json_relaxed(answer.as_bytes()).map_err(wrong)?;
        let origins = [self.origin.as_str()];
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            ..RegistrationVerificationOptions::default()
        };
        let made = state.verify(&self.id, &registration, &options).map_err(wrong)?;
        let Ok(key) = made.static_state().encode();
        let Ok(counter) = made.dynamic_state().encode();
        Ok(Passkey { id: made.id().as_ref().to_vec(), handle, key, counter })
    }

    /// Asks for any passkey that somebody has for this site.
    ///
    /// # Errors
    /// None that is known.
    pub fn ask(&self) -> Result<Asked, Wrong> {
        let (server, client) =
            DiscoverableCredentialRequestOptions::passkey(&self.id).start_ceremony().map_err(wrong)?;
        Ok(Asked {
            state: server.encode().map_err(wrong)?,
            options: serde_json::to_string(&client).map_err(wrong)?,
        })
    }

    /// Whether the answer to that state is this passkey's: then what to keep of it from now on.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn shown(&self, state: &[u8], answer: &Answer, passkey: &Passkey) -> Result<[u8; 7], Wrong> {
        let state = DiscoverableAuthenticationServerState::decode(state).map_err(wrong)?;
        let handle: UserHandle<HANDLE> =
            UserHandle::decode(passkey.handle).unwrap_or_else(|never| match never {});
        let id = CredentialId::decode(passkey.id.as_slice()).map_err(wrong)?;
        let key: StaticState<PublicKey> = StaticState::decode(&passkey.key).map_err(wrong)?;
        let counter = DynamicState::decode(passkey.counter).map_err(wrong)?;
        let mut kept = AuthenticatedCredential::new(id, &handle, key, counter).map_err(wrong)?;
        let origins = [self.origin.as_str()];
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            ..AuthenticationVerificationOptions::default()
        };
        state.verify(&self.id, &answer.0, &mut kept, &options).map_err(wrong)?;
        let Ok(counter) = kept.dynamic_state().encode();
        Ok(counter)
    }
}

/// A browser's answer with some passkey.
#[derive(Debug)]
pub struct Answer(DiscoverableAuthentication<HANDLE>);

impl Answer {
    /// Reads it.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn parse(answer: &str) -> Result<Self, Wrong> {
        bounded(answer)?;
        DiscoverableAuthentication::from_json_relaxed(answer.as_bytes()).map(Self).map_err(wrong)
    }

    /// The number of the passkey.
    #[must_use]
    pub fn id(&self) -> Vec<u8> {
        self.0.raw_id().as_ref().to_vec()
    }
}

fn bounded(answer: &str) -> Result<(), Wrong> {
    if answer.len() <= ANSWER { Ok(()) } else { Err(Wrong("it is too long".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_no_answer_and_numbers_are_no_place() {
        let place = Place::new("https://portal.example.com:7270").unwrap();
        let asked = place.ask().unwrap();
        assert!(asked.options.contains("portal.example.com"), "{}", asked.options);
        for answer in ["", "{}", "[]", "\"x\"", &"x".repeat(ANSWER + 1)] {
            assert!(Answer::parse(answer).is_err());
            assert!(place.made(&asked.state, [0; HANDLE], answer).is_err());
        }
        assert!(Place::new("https://[::1]:1").is_err());
        assert!(Place::new("https://127.0.0.1:1").is_err());
    }
}
