//! Codes of six digits that change every 30 seconds (RFC 6238), from an app on a person's telephone. A code counts once: the
//! caller keeps the step of the latest one.

use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Builder, Secret, Totp};

/// Bytes of a key.
const KEY: usize = 20;

/// What a person's app and the service both know.
#[derive(Clone)]
pub struct Key([u8; KEY]);

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; KEY];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// One that was kept.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// One that somebody typed in.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_bytes(Secret::try_from_base32(text.trim()).ok()?.as_ref())
    }

    /// To keep it, sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In base32, to type it into an app.
    #[must_use]
    pub fn text(&self) -> String {
        Secret::from(self.0.to_vec()).to_base32()
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new().with_secret(self.0.to_vec()).build().ok()
    }

    /// The step of a code that holds at `seconds` since 1970, or did one step before or after, if it comes after the step `last`.
    #[must_use]
    pub fn step(&self, code: &str, seconds: u64, last: Option<u64>) -> Option<u64> {
        let code: String = code.chars().filter(|sign| !sign.is_whitespace()).collect();
        let step = self.totp()?.check(&code, seconds)?;
        last.is_none_or(|last| step > last).then_some(step)
    }

    /// The code at `seconds` since 1970.
    #[must_use]
    pub fn code(&self, seconds: u64) -> Option<String> {
        Some(self.totp()?.generate(seconds).to_string())
    }

    /// The picture that an app reads, as SVG; `None` if the names are too long for one.
    #[must_use]
    pub fn picture(&self, product: &str, person: &str) -> Option<String> {
        let quoted = |text: &str| -> String {
            text.bytes()
                .map(|byte| {
                    if byte.is_ascii_alphanumeric() {
                        char::from(byte).to_string()
                    } else {
                        format!("%{byte:02X}")
                    }
                })
                .collect()
        };
        let (product, person) = (quoted(product), quoted(person));
        let address = format!("otpauth://totp/{product}:{person}?secret={}&issuer={product}", self.text());
        let picture = QrCode::new(address).ok()?.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
        // The declaration before the element has no place inside a page.
        Some(picture.split_once("?>").map_or(picture.clone(), |(_, element)| element.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_counts_once_and_for_a_minute_and_a_half_at_most() {
        let key = Key::new().unwrap();
        let now = 1_795_521_600;
        let code = key.code(now).unwrap();
        let step = key.step(&code, now, None).unwrap();
        assert_eq!(key.step(&format!("{} {}", &code[..3], &code[3..]), now + 29, None), Some(step));
        assert_eq!(key.step(&code, now, Some(step)), None, "used");
        assert_eq!(key.step(&code, now + 90, None), None, "old");
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let key = Key::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(key.code(59).as_deref(), Some("287082"));
        assert_eq!(key.code(1_111_111_109).as_deref(), Some("081804"));
        assert_eq!(key.text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn the_picture_is_an_element_of_a_page() {
        let picture = Key::new().unwrap().picture("Acme Licensing", "ada@example.com").unwrap();
        assert!(picture.trim_start().starts_with("<svg"), "{}", &picture[..60]);
    }
}
