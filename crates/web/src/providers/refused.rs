//! Why nobody is signed in by a provider, each by name: for the person who tries, and for whoever set it up.

use openidconnect::core::CoreRequestTokenError;
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, RequestTokenError, SignatureVerificationError, UserInfoError,
    core::CoreErrorResponseType,
};

use super::Unanswered;

/// Why nobody is signed in by a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSignIn {
    /// No answer.
    #[error("it does not answer")]
    Away,
    /// An answer that makes no sense.
    #[error("it answers what makes no sense here")]
    Odd,
    /// The service is not known there, or by another secret.
    #[error("it does not know this service")]
    NotLetIn,
    /// The person did not sign in there, or was not let.
    #[error("you were not signed in there")]
    Declined,
    /// The code was used, or is too old.
    #[error("its answer was used already, or is too old")]
    CodeEnded,
    /// The answer belongs to another browser.
    #[error("this sign-in was begun in another browser")]
    OtherBrowser,
    /// The token answers another question.
    #[error("its answer is to another question than this one")]
    WrongNonce,
    /// The token is for somebody else's service.
    #[error("its answer is meant for another service")]
    WrongAudience,
    /// The token is by somebody else.
    #[error("its answer comes from somebody else")]
    WrongIssuer,
    /// The token is too old.
    #[error("its answer has expired")]
    Expired,
    /// The token's signature is not right, or by a key that it does not name.
    #[error("its answer is not signed as it should be")]
    WrongSignature,
    /// It tells no mail address.
    #[error("it does not tell your mail address")]
    NoMail,
    /// It has not seen that the mail address is the person's.
    #[error("it has not verified your mail address `{0}`")]
    MailNotVerified(String),
    /// It may not vouch for this domain.
    #[error("it may not sign in people with addresses like `{0}`")]
    WrongDomain(String),
    /// Nobody here has this mail address.
    #[error("nobody signs in here as `{0}`")]
    Nobody(String),
    /// The account is somebody else's, or the person has another one there.
    #[error("this is not the account there that is linked to `{0}`, or it is linked to somebody else")]
    OtherAccount(String),
}

impl NoSignIn {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Away => "try again in a moment, or sign in with your password",
            Self::Odd | Self::NotLetIn | Self::WrongIssuer | Self::WrongSignature => {
                "sign in with your password, and tell your administrator"
            }
            Self::WrongAudience => "tell your administrator",
            Self::Declined | Self::CodeEnded | Self::OtherBrowser | Self::WrongNonce | Self::Expired => {
                "begin once more on the sign-in page"
            }
            Self::NoMail | Self::MailNotVerified(_) => {
                "verify your address there; or sign in here with your password, and link the account on your own page"
            }
            Self::WrongDomain(_) => "use an account of your company, or sign in with your password",
            Self::Nobody(_) => "ask for an invitation; an account there alone makes none here",
            Self::OtherAccount(_) => {
                "sign in with the account that you linked, or with your password and link this one on your own page"
            }
        }
    }

    pub(super) fn of_description(error: &DiscoveryError<Unanswered>) -> Self {
        tracing::warn!(%error, "a provider's description can't be had");
        match error {
            DiscoveryError::Request(error) => {
                tracing::warn!(%error, "a provider does not answer");
                Self::Away
            }
            DiscoveryError::Response(status, ..) if status.is_server_error() => Self::Away,
            _ => Self::Odd,
        }
    }

    pub(super) fn of_code(error: &CoreRequestTokenError<Unanswered>) -> Self {
        match error {
            RequestTokenError::Request(error) => {
                tracing::warn!(%error, "a provider does not answer");
                Self::Away
            }
            RequestTokenError::ServerResponse(says) => {
                tracing::warn!(error = says.error().as_ref(), "a provider takes no code");
                match says.error() {
                    CoreErrorResponseType::InvalidGrant => Self::CodeEnded,
                    CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                        Self::NotLetIn
                    }
                    _ => Self::Odd,
                }
            }
            _ => Self::Odd,
        }
    }

    pub(super) fn of_token(error: &ClaimsVerificationError) -> Self {
        tracing::warn!(%error, "a provider's token was refused");
        match error {
            ClaimsVerificationError::Expired(_) => Self::Expired,
            ClaimsVerificationError::InvalidAudience(_) => Self::WrongAudience,
            ClaimsVerificationError::InvalidIssuer(_) => Self::WrongIssuer,
            ClaimsVerificationError::InvalidNonce(_) => Self::WrongNonce,
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::Other(_)) => Self::Odd,
            ClaimsVerificationError::SignatureVerification(_) => Self::WrongSignature,
            _ => Self::Odd,
        }
    }

    pub(super) fn of_person(error: &UserInfoError<Unanswered>) -> Self {
        tracing::warn!(%error, "a provider does not tell who somebody is");
        if matches!(error, UserInfoError::Request(_)) { Self::Away } else { Self::Odd }
    }
}
