//! How an answer is bound to its request and its time, so that a recorded one is of no use to anybody: the bytes that are
//! authenticated, and the headers that carry the rest. Computes nothing: both ends bring their own HMAC-SHA256.

/// Request header: 16 random bytes or more in base64, new for each request.
pub const NONCE: &str = "grantor-nonce";
/// Request header: the session whose key is to be used.
pub const SESSION: &str = "grantor-session";
/// Answer header: the server's time in milliseconds since 1970.
pub const TIME: &str = "grantor-time";
/// Answer header: `v1=` and the HMAC-SHA256 in base64.
pub const ANSWER: &str = "grantor-answer";
/// Begins the value of [`ANSWER`].
pub const VERSION: &str = "v1=";
/// Longest nonce that a server takes.
pub const LONGEST_NONCE: usize = 128;

/// What an answer is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Its path, without what stands behind a question mark.
    pub path: &'a str,
    /// Its nonce, as it was sent.
    pub nonce: &'a str,
    /// The server's time in milliseconds since 1970.
    pub time: i64,
    /// The answer's status.
    pub status: u16,
    /// SHA-256 of its body.
    pub body: [u8; 32],
}

impl Bound<'_> {
    /// The bytes that the HMAC covers: a domain tag, then each field with its length before it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = b"grantor answer 1\0".to_vec();
        let (time, status) = (self.time.to_be_bytes(), self.status.to_be_bytes());
        let fields: [&[u8]; 6] =
            [self.method.as_bytes(), self.path.as_bytes(), self.nonce.as_bytes(), &time, &status, &self.body];
        for field in fields {
            bytes.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(field);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_differs_gives_other_bytes() {
        let one = Bound { method: "PUT", path: "/a", nonce: "bn", time: 7, status: 200, body: [1; 32] };
        let others = [
            Bound { method: "PUT/", path: "a", ..one },
            Bound { path: "/ab", nonce: "n", ..one },
            Bound { time: 8, ..one },
            Bound { status: 201, ..one },
            Bound { body: [2; 32], ..one },
        ];
        assert!(others.iter().all(|other| other.to_bytes() != one.to_bytes()));
    }
}
