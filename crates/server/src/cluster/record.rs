//! What a member keeps on disk of its cluster: its own number and election window, and who the others were when it came
//! in. Written once, before the first vote; later changes of the membership stand in the replicated log.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::member::Member;
use crate::consensus::ServerId;
use crate::log::{ClusterId, Files};

const FILE: &str = "cluster.json";
const VERSION: u32 = 1;

/// A server's place in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    /// The cluster's id, in hex.
    cluster: String,
    /// This server's number in it.
    pub(crate) server: ServerId,
    /// This server's election window.
    pub(crate) slot: usize,
    /// The members, as the membership holds them.
    pub(crate) members: BTreeMap<ServerId, String>,
    /// Founder only: who has heard of the founding. Nobody is told twice: who lost its disk must not come back unnoticed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) told: BTreeSet<ServerId>,
}

impl Record {
    pub(crate) fn new(cluster: ClusterId, server: ServerId, members: &BTreeMap<ServerId, Member>) -> Self {
        Self {
            version: VERSION,
            cluster: cluster.to_string(),
            server,
            slot: members.get(&server).map_or(0, |member| member.slot),
            members: members.iter().map(|(id, member)| (*id, member.to_string())).collect(),
            told: BTreeSet::new(),
        }
    }

    pub(crate) fn cluster(&self) -> io::Result<ClusterId> {
        ClusterId::parse(&self.cluster).ok_or_else(|| damaged("`cluster` is not 32 hexadecimal digits"))
    }

    pub(crate) fn members(&self) -> BTreeMap<ServerId, Member> {
        self.members.iter().filter_map(|(id, text)| Some((*id, text.parse().ok()?))).collect()
    }

    /// The same cluster for another of its servers.
    pub(crate) fn of(&self, server: ServerId) -> Self {
        let slot = self.members().get(&server).map_or(0, |member| member.slot);
        Self { server, slot, told: BTreeSet::new(), ..self.clone() }
    }

    /// Reads the record of the data folder, if it has one.
    pub(crate) fn read(data_dir: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read_to_string(data_dir.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{FILE}: {error}"))),
        };
        let record: Self = serde_json::from_str(&text).map_err(|error| damaged(&error.to_string()))?;
        if record.version != VERSION {
            return Err(damaged(&format!("format {}, and this version reads {VERSION}", record.version)));
        }
        record.cluster()?;
        Ok(Some(record))
    }

    /// Puts the record into the data folder, whole or not at all.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        crate::log::make_dir(&Files, data_dir).map_err(io::Error::other)?;
        crate::log::write_whole(&Files, &data_dir.join(FILE), &[&text]).map_err(io::Error::other)
    }
}

fn damaged(what: &str) -> io::Error {
    let hint = "hint: if the file was damaged, remove the server from its cluster, empty its data folder and add it again";
    io::Error::new(io::ErrorKind::InvalidData, format!("{FILE}: {what}\n{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_same_after_it_was_written_and_read_and_a_damaged_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), None);
        let member = |slot| Member { address: format!("lic{slot}:7260"), slot, fingerprint: [7; 32] };
        let members = BTreeMap::from([(1, member(0)), (9, member(1))]);
        let record = Record::new(ClusterId([3; 16]), 9, &members);
        record.write(dir.path()).unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), Some(record.clone()));
        assert_eq!((record.slot, record.members()), (1, members));
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(Record::read(dir.path()).unwrap_err().to_string().contains("hint:"));
    }
}
