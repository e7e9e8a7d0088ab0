//! What a caller knows of its machine, and the fingerprint that survives one changed part. May not gather anything
//! itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is known of a machine, to compare host ids with. All lists may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Ethernet addresses of all adapters.
    pub ethernet: Vec<[u8; 6]>,
    /// The host's names, short or full.
    pub hostnames: Vec<String>,
    /// IP addresses of all adapters.
    pub addresses: Vec<IpAddr>,
    /// Volume serial numbers.
    pub disk_serials: Vec<u32>,
    /// The operating system's machine ids.
    pub machine_ids: Vec<String>,
    /// 32-bit host numbers (`hostid`).
    pub host_numbers: Vec<u32>,
    /// Who runs the program.
    pub user: Option<String>,
    /// On which display or terminal.
    pub display: Option<String>,
    /// Ids of kinds that are only compared, by their name in upper case: `FLEXID`, `VM_UUID`, `AMZN_IID`, ….
    pub named: BTreeMap<String, Vec<String>>,
    /// The installation's own registration key, which activation binds a license to.
    pub registration_key: Option<String>,
}

impl Machine {
    /// Every part of this machine that a fingerprint may use, as kind and value.
    fn parts(&self) -> Vec<(&'static str, String)> {
        let mut parts = Vec::new();
        parts.extend(self.ethernet.iter().map(|address| ("nic", hex(address))));
        parts.extend(self.disk_serials.iter().map(|serial| ("disk", format!("{serial:08x}"))));
        parts.extend(self.machine_ids.iter().map(|id| ("machine", id.replace('-', "").to_lowercase())));
        parts.extend(self.hostnames.iter().map(|name| ("name", name.to_lowercase())));
        let uuids = self.named.get("VM_UUID").into_iter().flatten();
        parts.extend(uuids.map(|id| ("board", id.replace('-', "").to_lowercase())));
        parts
    }

    /// The fingerprint to order a license for: the first part of each kind. `None` when the machine shows fewer
    /// than three kinds, which is too little to lose one of.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let mut seen = BTreeSet::new();
        let parts = self.parts().into_iter().filter(|(kind, _)| seen.insert(*kind));
        let parts = parts.map(|(kind, value)| FingerprintPart::of(kind, &value)).collect();
        Fingerprint::from_parts(parts)
    }
}

/// One component of a fingerprint: its kind, and a hash of its value so that the file does not show serial numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FingerprintPart {
    kind: String,
    hash: String,
}

impl FingerprintPart {
    /// Hashes one value: the first eight bytes of SHA-256 over `grantor/fingerprint/v1`, the kind and the value,
    /// each ended by a zero byte.
    #[must_use]
    pub fn of(kind: &str, value: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in ["grantor/fingerprint/v1", kind, value] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        Self { kind: kind.to_owned(), hash: hex(&hasher.finalize()[..8]) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, hash) = text.split_once(':')?;
        let word = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric());
        let hashed = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        (word && hashed).then(|| Self { kind: kind.to_ascii_lowercase(), hash: hash.to_ascii_lowercase() })
    }
}

/// Several components of a machine, all but one of which must be found (design §3): a new network card, a docking
/// station or a resized virtual machine does not end a license.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    parts: Vec<FingerprintPart>,
}

/// With fewer, "all but one" would be one alone, which many machines share.
const LEAST_PARTS: usize = 3;
/// A file must not make the comparison expensive.
const MOST_PARTS: usize = 16;

impl Fingerprint {
    /// A fingerprint of these parts, if there are at least three different ones.
    #[must_use]
    pub fn from_parts(mut parts: Vec<FingerprintPart>) -> Option<Self> {
        parts.sort();
        parts.dedup();
        (LEAST_PARTS..=MOST_PARTS).contains(&parts.len()).then_some(Self { parts })
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts = text.split('+').take(MOST_PARTS + 1).map(FingerprintPart::parse);
        Self::from_parts(parts.collect::<Option<_>>()?)
    }

    /// Whether at most one part is missing on this machine.
    #[must_use]
    pub fn matches(&self, machine: &Machine) -> bool {
        let own: BTreeSet<_> =
            machine.parts().iter().map(|(kind, value)| FingerprintPart::of(kind, value)).collect();
        self.parts.iter().filter(|part| !own.contains(part)).count() <= 1
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            let joint = if i == 0 { "" } else { "+" };
            write!(f, "{joint}{}:{}", part.kind, part.hash)?;
        }
        Ok(())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostid::HostId;

    fn machine() -> Machine {
        Machine {
            ethernet: vec![[1, 2, 3, 4, 5, 6], [9; 6]],
            hostnames: vec!["lic1".into()],
            disk_serials: vec![0x1ca2_5283],
            machine_ids: vec!["aa-bb".into()],
            ..Machine::default()
        }
    }

    #[test]
    fn a_fingerprint_survives_one_changed_part_and_not_two() {
        let id = HostId::Fingerprint(machine().fingerprint().unwrap());
        let mut changed = machine();
        assert!(id.matches(&changed));
        changed.ethernet = vec![[7; 6]];
        assert!(id.matches(&changed), "a new network card");
        changed.disk_serials = vec![1];
        assert!(!id.matches(&changed), "a new card and a new disk");
    }

    #[test]
    fn a_fingerprint_reads_back_as_it_is_written() {
        let id = HostId::Fingerprint(machine().fingerprint().unwrap());
        assert_eq!(HostId::parse(&id.to_string()).unwrap(), id);
    }

    #[test]
    fn a_fingerprint_of_two_parts_is_refused() {
        let poor =
            Machine { hostnames: vec!["a".into()], machine_ids: vec!["b".into()], ..Machine::default() };
        assert_eq!(poor.fingerprint(), None);
        let part = "nic:0011223344556677";
        assert_eq!(Fingerprint::parse(&[part; 3].join("+")), None, "the same part three times is one part");
    }

    #[test]
    fn parts_do_not_trade_places_between_kinds() {
        assert_ne!(FingerprintPart::of("nic", "1"), FingerprintPart::of("disk", "1"));
    }
}
