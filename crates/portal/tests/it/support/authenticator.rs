//! An authenticator as a telephone has one, without the telephone: it makes a key for a site, and signs what a browser is asked.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's support")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Somebody is there,
const PRESENT: u8 = 0x01;
/// and unlocked it.
const VERIFIED: u8 = 0x04;
/// A key comes with it.
const ATTESTED: u8 = 0x40;

pub struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 16],
    /// By which it knows the person; told when the key is made.
    handle: String,
    count: u32,
    /// Whether its person unlocks it.
    pub unlocked: bool,
    /// Where the browser is.
    pub origin: &'static str,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Authenticator {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
        let mut id = [0; 16];
        getrandom::fill(&mut id).unwrap();
        Self { key, id, handle: String::new(), count: 0, unlocked: true, origin: "https://portal.test" }
    }

    /// What the browser says of itself.
    fn said(&self, of: &str, options: &Value) -> String {
        let challenge = &options["challenge"];
        json!({ "type": of, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string()
    }

    fn data(&self, site: &str, more: u8) -> Vec<u8> {
        let verified = if self.unlocked { VERIFIED } else { 0 };
        let mut data = Sha256::digest(site).to_vec();
        data.push(PRESENT | verified | more);
        data.extend(self.count.to_be_bytes());
        data
    }

    /// The public key as COSE has it: P-256, ES256.
    fn cose(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let head: &[u8] = &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        [head, &point[1..33], &[0x22, 0x58, 0x20], &point[33..]].concat()
    }

    fn answer(&self, response: Value) -> String {
        let id = b64(self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }

    /// Makes the key that the options ask for.
    pub fn make(&mut self, options: &Value) -> String {
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(self.id);
        data.extend(self.cose());
        let length = u8::try_from(data.len()).unwrap();
        let object =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
        let said = self.said("webauthn.create", options);
        let response = json!({
            "clientDataJSON": b64(said), "attestationObject": b64(object), "transports": ["internal"],
        });
        self.answer(response)
    }

    /// Signs what the options ask.
    pub fn sign(&mut self, options: &Value) -> String {
        self.count += 1;
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let said = self.said("webauthn.get", options);
        let signed = [data.as_slice(), &Sha256::digest(&said)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "clientDataJSON": b64(said), "authenticatorData": b64(data), "signature": b64(signature),
            "userHandle": self.handle,
        });
        self.answer(response)
    }
}
