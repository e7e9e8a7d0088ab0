//! Other houses that people sign in at, by OpenID Connect: the authorization code flow with PKCE, a nonce and a state, each of use
//! once. Asks the provider, and says who it vouches for; whom that is here is the service's business.
//!
//! Asking blocks: the caller does it off the threads that serve. The provider's description and keys are read anew each time, so a
//! key that it changed is never missed.

mod refused;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Request;
use openidconnect::core::{
    CoreAuthPrompt, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreJwsSigningAlgorithm as Algorithm,
    CoreProviderMetadata, CoreResponseType, CoreUserInfoClaims,
};
use openidconnect::{
    AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SubjectIdentifier, TokenResponse,
};
use serde::{Deserialize, Serialize};

pub use refused::NoSignIn;

use crate::outside;

/// Time for one question to a provider.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of a provider's answer, at most.
const ANSWER: u64 = 1024 * 1024;
/// Signatures that are believed: by a key that the provider alone has.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// A client whose provider said where to ask for codes and tokens.
type Known = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a sign-in there is worth here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worth {
    /// As much as the password: whoever shows codes here still shows one.
    #[default]
    Password,
    /// As much as password and code: the provider asks for a second factor itself.
    Both,
}

/// A provider in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it is called in addresses: small letters, digits and `-`.
    pub name: String,
    /// What stands on the button.
    pub title: String,
    /// Its issuer, `https://…` as it names itself.
    pub issuer: String,
    /// What the service is called there.
    pub client_id: String,
    /// The file with the secret that goes with it; none for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// Domains of mail addresses that it may vouch for; empty: all.
    #[serde(default)]
    pub domains: BTreeSet<String>,
    /// Root certificates (PEM) that its certificate is checked by, instead of those that browsers have.
    pub certificates: Option<PathBuf>,
    /// What a sign-in there is worth.
    #[serde(default)]
    pub counts_as: Worth,
}

impl Setting {
    /// What is wrong with it, as far as it can be told without asking anybody.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Some(format!("name `{}`: small letters, digits and `-`, at least one", self.name));
        }
        if self.title.trim().is_empty() || self.client_id.trim().is_empty() {
            return Some(format!("{}: title and client_id are needed", self.name));
        }
        if !self.issuer.starts_with("https://") {
            return Some(format!("{}: issuer: it begins with `https://`", self.name));
        }
        let odd = |domain: &String| domain.contains(['@', ' ']) || !domain.contains('.');
        let odd = self.domains.iter().find(|domain| odd(domain))?;
        Some(format!("{}: domains: `{odd}` is none; write `example.com`", self.name))
    }
}

/// A provider that can be asked.
#[derive(Clone)]
pub struct Provider {
    /// What it is called in addresses.
    pub name: String,
    /// What stands on the button.
    pub title: String,
    /// What a sign-in there is worth.
    pub counts_as: Worth,
    /// Domains of mail addresses that it may vouch for; empty: all.
    pub domains: BTreeSet<String>,
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: Option<ClientSecret>,
    agent: ureq::Agent,
}

/// What a browser is sent away with, and what is kept of it here until it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Where it goes.
    pub address: String,
    /// What is kept.
    pub kept: Kept,
}

/// What is kept until the browser comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    nonce: String,
    verifier: String,
}

/// Whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who vouches.
    pub issuer: String,
    /// By what it knows them for good.
    pub subject: String,
    /// Their mail address, in lower case.
    pub mail: Option<String>,
    /// Whether the provider has seen that it is theirs.
    pub mail_verified: bool,
}

/// Where a browser comes back to.
#[must_use]
pub fn way_back(address: &str, name: &str) -> String {
    format!("{address}/sign-in/with/{name}/back")
}

fn read(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

impl Provider {
    /// Reads its files. Asks nobody yet: a provider that is away keeps no service from starting.
    ///
    /// # Errors
    /// A file that can't be read, an issuer that is no address.
    pub fn open(setting: &Setting) -> io::Result<Self> {
        if let Some(problem) = setting.problem() {
            return Err(io::Error::other(format!("providers: {problem}")));
        }
        let issuer = IssuerUrl::new(setting.issuer.clone())
            .map_err(|error| io::Error::other(format!("{}: issuer: {error}", setting.name)))?;
        let secret = match &setting.client_secret_file {
            Some(path) => Some(ClientSecret::new(read(path)?.trim().to_owned())),
            None => None,
        };
        Ok(Self {
            name: setting.name.clone(),
            title: setting.title.clone(),
            counts_as: setting.counts_as,
            domains: setting.domains.iter().map(|domain| domain.to_lowercase()).collect(),
            issuer,
            client_id: ClientId::new(setting.client_id.clone()),
            secret,
            agent: outside::agent(setting.certificates.as_deref(), TIME)?,
        })
    }

    /// Who vouches.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let (parts, body) = request.into_parts();
        let answer = if body.is_empty() {
            self.agent.run(Request::from_parts(parts, ()))?
        } else {
            self.agent.run(Request::from_parts(parts, body))?
        };
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(HttpResponse::from_parts(parts, bytes))
    }

    /// As the provider knows the service, with what it says of itself today.
    fn client(&self, back: &str) -> Result<Known, NoSignIn> {
        let back = RedirectUrl::new(back.to_owned()).map_err(|_| NoSignIn::Odd)?;
        let described = self.described()?;
        let takes = described.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let by_form = takes.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !takes.contains(&CoreClientAuthMethod::ClientSecretBasic);
        let client =
            CoreClient::from_provider_metadata(described, self.client_id.clone(), self.secret.clone());
        let how = if by_form { AuthType::RequestBody } else { AuthType::BasicAuth };
        Ok(client.set_redirect_uri(back).set_auth_type(how))
    }

    fn described(&self) -> Result<CoreProviderMetadata, NoSignIn> {
        let fetch = |request| self.fetch(request);
        CoreProviderMetadata::discover(&self.issuer, &fetch).map_err(|error| NoSignIn::of_description(&error))
    }

    /// Where a browser goes to sign in there, and comes back with `state` to `back`; `anew`: asked to show once more who it is.
    ///
    /// # Errors
    /// [`NoSignIn::Away`], [`NoSignIn::Odd`].
    pub fn send(&self, back: &str, state: String, anew: bool) -> Result<Away, NoSignIn> {
        let client = self.client(back)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut asked = client
            .authorize_url(flow, move || CsrfToken::new(state), Nonce::new_random)
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        if anew {
            asked = asked.add_prompt(CoreAuthPrompt::Login);
        }
        let (address, _, nonce) = asked.url();
        let kept = Kept { nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        Ok(Away { address: address.into(), kept })
    }

    /// Whom the provider vouches for by a code that a browser brought back.
    ///
    /// # Errors
    /// What is wrong with the code or the token, by name; [`NoSignIn::Away`], [`NoSignIn::Odd`].
    pub fn vouched(&self, back: &str, kept: &Kept, code: &str) -> Result<Said, NoSignIn> {
        let client = self.client(back)?;
        let asked =
            client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| NoSignIn::Odd)?;
        let answer = asked
            .set_pkce_verifier(PkceCodeVerifier::new(kept.verifier.clone()))
            .request(&|request| self.fetch(request))
            .map_err(|error| NoSignIn::of_code(&error))?;
        let token: &CoreIdToken = answer.id_token().ok_or(NoSignIn::Odd)?;
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let claims = token
            .claims(&verifier, &Nonce::new(kept.nonce.clone()))
            .map_err(|error| NoSignIn::of_token(&error))?;
        let mut said = Said {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            mail: claims.email().map(|mail| mail.trim().to_lowercase()),
            mail_verified: claims.email_verified() == Some(true),
        };
        if said.mail.is_none()
            && let Ok(asked) = client
                .user_info(answer.access_token().clone(), Some(SubjectIdentifier::new(said.subject.clone())))
        {
            let told: CoreUserInfoClaims =
                asked.request(&|request| self.fetch(request)).map_err(|error| NoSignIn::of_person(&error))?;
            said.mail = told.email().map(|mail| mail.trim().to_lowercase());
            said.mail_verified = told.email_verified() == Some(true);
        }
        Ok(said)
    }

    /// The mail address that the provider has seen to be theirs, of a domain that it may vouch for.
    ///
    /// # Errors
    /// [`NoSignIn::NoMail`], [`NoSignIn::MailNotVerified`], [`NoSignIn::WrongDomain`].
    pub fn mail(&self, said: &Said) -> Result<String, NoSignIn> {
        let mail = said.mail.clone().ok_or(NoSignIn::NoMail)?;
        if !said.mail_verified {
            return Err(NoSignIn::MailNotVerified(mail));
        }
        let domain = mail.rsplit('@').next().unwrap_or_default();
        if !self.domains.is_empty() && !self.domains.contains(domain) {
            return Err(NoSignIn::WrongDomain(mail));
        }
        Ok(mail)
    }
}

/// The provider gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unanswered(#[from] ureq::Error);

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(change: impl Fn(&mut Setting)) -> Setting {
        let mut setting = Setting {
            name: "acme".to_owned(),
            title: "Acme".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            client_id: "grantor".to_owned(),
            client_secret_file: None,
            domains: BTreeSet::new(),
            certificates: None,
            counts_as: Worth::Password,
        };
        change(&mut setting);
        setting
    }

    #[test]
    fn a_provider_that_cant_be_is_told_at_the_start() {
        assert_eq!(setting(|_| ()).problem(), None);
        let wrong: [fn(&mut Setting); 5] = [
            |one| "Acme Inc".clone_into(&mut one.name),
            |one| one.title.clear(),
            |one| "http://login.example.com".clone_into(&mut one.issuer),
            |one| one.domains = BTreeSet::from(["@example.com".to_owned()]),
            |one| one.domains = BTreeSet::from(["example".to_owned()]),
        ];
        for change in wrong {
            assert!(setting(change).problem().is_some());
        }
        let file = setting(|one| one.client_secret_file = Some(PathBuf::from("/nowhere/secret")));
        let error = Provider::open(&file).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("/nowhere/secret"), "{error}");
    }
}
