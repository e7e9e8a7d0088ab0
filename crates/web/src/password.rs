//! Passwords: argon2id, and what is too easy to guess (ASVS 6.2; reliability-security §4.2).

use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use zxcvbn::{Score, zxcvbn};

/// Characters of a password, at least.
pub const SHORTEST: usize = 12;
/// And at most.
pub const LONGEST: usize = 128;

/// 19 MiB, two passes and one lane: what OWASP asks at the least (reliability-security §4.2).
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A password's hash in PHC format.
///
/// # Errors
/// The operating system has no randomness to give, or the password is too long for argon2.
pub fn hash(password: &str) -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    let salt = SaltString::encode_b64(&bytes).map_err(|error| error.to_string())?;
    let hash = argon2().hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether the password is the one behind the hash. Takes as long for an unknown name (`None`) as for a known one.
#[must_use]
pub fn check(password: &str, hash: Option<&str>) -> bool {
    let decoy =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(decoy)) else { return false };
    argon2().verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

/// Why a new password won't do; `known` is what an attacker would try first: name, address, company.
#[must_use]
pub fn weakness(password: &str, known: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Some(format!("it has fewer than {SHORTEST} characters; a few words make a good one"));
    }
    if length > LONGEST {
        return Some(format!("it has more than {LONGEST} characters"));
    }
    if !stands_without(password, known) {
        return Some("it is made of what is known of you; a few unusual words make a good one".to_owned());
    }
    let guess = zxcvbn(password, known);
    if guess.score() >= Score::Three {
        return None;
    }
    let why = guess.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    let why = why.map_or_else(|| "it is easy to guess".to_owned(), |warning| warning.to_string());
    Some(format!("{}; a few unusual words make a good one", why.trim_end_matches('.')))
}

/// Whether enough is left of a password when the words that are known of its person are taken out.
fn stands_without(password: &str, known: &[&str]) -> bool {
    let mut left = password.to_lowercase();
    let words = known.iter().flat_map(|text| text.split(|sign: char| !sign.is_alphanumeric()));
    for word in words.filter(|word| word.len() > 2) {
        left = left.replace(&word.to_lowercase(), "");
    }
    left.chars().filter(|sign| sign.is_alphanumeric()).count() >= SHORTEST / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let hash = hash("correct horse battery").unwrap();
        assert!(check("correct horse battery", Some(&hash)));
        assert!(!check("correct horse batterz", Some(&hash)));
        assert!(!check("correct horse battery", None));
    }

    #[test]
    fn what_others_would_try_first_is_no_password() {
        for weak in ["short", "passwordpassword", "123456789012345", "ada.lovelace1815", "qwertyuiop[]"] {
            assert!(weakness(weak, &["ada.lovelace@example.com", "Ada Lovelace"]).is_some(), "{weak}");
        }
        assert_eq!(weakness("seven purple oxen sing", &["ada.lovelace@example.com"]), None);
    }
}
