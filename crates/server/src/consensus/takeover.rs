//! Taking over by hand: the one server that is left makes itself the whole cluster, on its stopped data folder. What was
//! agreed on and reached this server stays; what did not is lost, and nobody else may go on: the caller answers for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::{BasicNode, CommittedLeaderId, EntryPayload, Membership};

use super::snapshot::Snapshots;
use super::store::Store;
use super::{Entry, LogId, Settings, StartError, Vote};
use crate::log::{Folder, Log};

/// Writes into the log of a stopped server that it is the only one, at `node`.
///
/// # Errors
/// A folder that is in use or damaged, or that holds nothing to go on from.
pub async fn take_over(settings: &Settings, node: &str) -> Result<(), StartError> {
    let folder =
        Folder::open_in(settings.disk.clone(), &settings.data_dir, settings.server, settings.cluster)?;
    let (snapshots, _) = Snapshots::open(settings.disk.clone(), folder.path(), folder.identity().cluster)?;
    let opened = Log::open(folder, &settings.log)?;
    snapshots.check_against(&opened.meta)?;
    let log = Arc::new(opened.log);
    let mut store = Store::new(log.clone(), &opened.meta)?;
    let last = store.get_log_state().await?.last_log_id;
    let Some(last) = last else {
        return Err(StartError::Raft("the data folder holds nothing to go on from".to_owned()));
    };
    let voted = store.read_vote().await?.map_or(0, |vote| vote.leader_id().get_term());
    let term = voted.max(last.leader_id.get_term()) + 1;
    store.save_vote(&Vote::new(term, settings.server)).await?;
    let nodes = BTreeMap::from([(settings.server, BasicNode::new(node))]);
    let alone = Membership::new(vec![BTreeSet::from([settings.server])], nodes);
    let id = LogId::new(CommittedLeaderId::new(term, settings.server), last.index + 1);
    store.blocking_append([Entry { log_id: id, payload: EntryPayload::Membership(alone) }]).await?;
    snapshots.close();
    log.close();
    Ok(())
}
