//! Join tokens: the secret by which servers that have never met know that they belong together, and where to find the
//! others. Both ends prove that they know it over one TLS connection; it is never sent.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_site::access::Secret;
use hmac::{Hmac, Mac};
use sha2::Sha256;

const PREFIX: &str = "grantor-join-1.";

/// A join token.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    text: String,
    /// Addresses of servers to ask; none in a token for servers that are about to form a cluster.
    pub servers: Vec<String>,
}

impl JoinToken {
    /// A new token of 256 random bits.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn new(servers: Vec<String>) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let mut text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        if !servers.is_empty() {
            text.push('.');
            text.push_str(&URL_SAFE_NO_PAD.encode(servers.join(",")));
        }
        Ok(Self { text, servers })
    }

    /// Reads a token.
    ///
    /// # Errors
    /// In words. The token itself is never repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut parts = text.strip_prefix(PREFIX).into_iter().flat_map(|rest| rest.split('.'));
        let secret = parts.next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let servers = parts
            .next()
            .map(|part| URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| String::from_utf8(bytes).ok()));
        match (secret, servers) {
            (Some(secret), servers) if secret.len() == 32 && servers != Some(None) => Ok(Self {
                text: text.to_owned(),
                servers: servers
                    .flatten()
                    .map(|list| list.split(',').map(str::to_owned).collect())
                    .unwrap_or_default(),
            }),
            _ => Err("this is not a join token\n  hint: `grantor cluster token` makes one for servers that are to form a cluster, `grantor cluster add` one for a server that is to join".to_owned()),
        }
    }

    /// The token as it is handed over.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What a cluster keeps of it.
    #[must_use]
    pub fn hash(&self) -> Secret {
        crate::secret::hash(&self.text)
    }
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JoinToken(…, {:?})", self.servers)
    }
}

/// What one end of a connection sends to show that it knows the token: bound to the connection by `exporter` (RFC 5705),
/// so that nobody in between can pass it on, and to its `role`, so that it can't be sent back.
pub(crate) fn proof(token: &Secret, role: &str, exporter: &[u8; 32]) -> [u8; 32] {
    mac(token, role, exporter).finalize().into_bytes().into()
}

/// Whether `proof` is that of the token; takes as long whatever it is.
pub(crate) fn is_proof(proof: &[u8], token: &Secret, role: &str, exporter: &[u8; 32]) -> bool {
    mac(token, role, exporter).verify_slice(proof).is_ok()
}

fn mac(token: &Secret, role: &str, exporter: &[u8; 32]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mac = Hmac::<Sha256>::new_from_slice(&token.0).expect("a key of 32 bytes");
    mac.chain_update(b"grantor join 1\0").chain_update(role).chain_update(b"\0").chain_update(exporter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_where_the_others_are_and_never_shows_itself() {
        let token = JoinToken::new(vec!["a:1".to_owned(), "b:2".to_owned()]).unwrap();
        let read = JoinToken::parse(&format!(" {}\n", token.reveal())).unwrap();
        assert_eq!(read.servers, ["a:1", "b:2"]);
        assert_eq!(read.hash(), token.hash());
        assert!(!format!("{read:?}").contains("grantor-join"));
        assert!(JoinToken::parse("grantor-join-1.AAAA").unwrap_err().contains("hint:"));
    }

    #[test]
    fn a_proof_holds_for_one_token_one_role_and_one_connection_only() {
        let tokens = [Secret([1; 32]), Secret([2; 32])];
        let good = proof(&tokens[0], "client", &[7; 32]);
        assert!(is_proof(&good, &tokens[0], "client", &[7; 32]));
        assert!(!is_proof(&good, &tokens[1], "client", &[7; 32]));
        assert!(!is_proof(&good, &tokens[0], "server", &[7; 32]));
        assert!(!is_proof(&good, &tokens[0], "client", &[8; 32]));
    }
}
