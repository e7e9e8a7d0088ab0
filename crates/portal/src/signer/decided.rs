//! What the log decided of keys: which one signs for a publisher, which ones sign no more. The signer follows the log in this,
//! too, so no key comes or goes without an entry that everybody can see. May not verify certificates: the ring does.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A key takes over.
pub(crate) const PUT_TO_USE: &str = "key put to use";
/// A key signs no more; what it signed stays valid.
pub(crate) const RETIRED: &str = "key retired";
/// A key signs no more, and nothing that it signed counts from a day on.
pub(crate) const REVOKED: &str = "key revoked";

/// What an entry about a key says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AboutKey {
    publisher: Option<String>,
    key: Option<String>,
    certificate: Option<String>,
    revocation: Option<String>,
}

/// What was decided, up to an entry.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// Publisher → certificate of the key that signs.
    in_use: BTreeMap<String, String>,
    /// Key → whether it was revoked, and not only retired.
    ended: BTreeMap<String, bool>,
    /// Publisher → `REVOKED` lines.
    revocations: BTreeMap<String, Vec<String>>,
}

impl Decided {
    pub(super) fn take(&mut self, what: &str, about: AboutKey) {
        let (Some(publisher), Some(key)) = (about.publisher, about.key) else { return };
        match what {
            PUT_TO_USE => {
                self.in_use.extend(about.certificate.map(|certificate| (publisher, certificate)));
            }
            RETIRED => {
                self.ended.entry(key).or_insert(false);
            }
            REVOKED => {
                self.ended.insert(key, true);
                self.revocations.entry(publisher).or_default().extend(about.revocation);
            }
            _ => {}
        }
    }

    /// The certificate of the key that the log puts to use for a publisher.
    pub(super) fn in_use(&self, publisher: &str) -> Option<&str> {
        self.in_use.get(publisher).map(String::as_str)
    }

    /// Whether a key signs no more; `Some(true)`: it was revoked.
    pub(super) fn ended(&self, key: &str) -> Option<bool> {
        self.ended.get(key).copied()
    }

    pub(super) fn revocations(&self, publisher: &str) -> &[String] {
        self.revocations.get(publisher).map_or(&[], Vec::as_slice)
    }
}
