//! Who belongs to the cluster and who leads it: reading the membership, changing it one server at a time, handing the
//! lead over, and being sure of still leading. Knows servers by number and address text only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use openraft::error::{ClientWriteError, RaftError};
use openraft::metrics::RaftServerMetrics;
use openraft::{BasicNode, ChangeMembers, ServerState};

use super::{Consensus, ServerId};

/// How long a confirmed lead holds: less than any follower waits before it helps to elect another leader.
pub(crate) const LEAD: Duration = Duration::from_millis(300);
/// Entries that a new server may lack when it gets its vote.
const CLOSE: u64 = 64;
/// Most time for one change of the membership.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the membership did not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Another server leads.
    #[error("another server leads the cluster")]
    NotLeader,
    /// A change is under way.
    #[error("another change of the membership is under way\nhint: try again in a moment")]
    Busy,
    /// No server of that number.
    #[error("there is no such server in the cluster")]
    NoSuchServer,
    /// The last server can't be removed.
    #[error("the last server of a cluster can't be removed\nhint: `grantor down` stops it")]
    LastServer,
    /// A majority did not answer in time; the change may still come about.
    #[error("a majority of the servers did not agree in time\nhint: see `grantor cluster status`")]
    NoMajority,
    /// Consensus refused.
    #[error("the change was refused: {0}")]
    Refused(String),
}

/// A server of the cluster, as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How its address is written down.
    pub node: String,
    /// Whether it has a vote already.
    pub votes: bool,
    /// Leader only: the index up to which it has the log.
    pub matched: Option<u64>,
}

impl Consensus {
    /// Every server of the cluster.
    pub fn members(&self) -> BTreeMap<ServerId, Seen> {
        let raft = self.raft.metrics().borrow().clone();
        let membership = raft.membership_config.membership();
        let voters: BTreeSet<_> = membership.voter_ids().collect();
        let matched = |id: &ServerId| {
            raft.replication.as_ref().and_then(|all| all.get(id).copied().flatten()).map(|log| log.index)
        };
        let seen = |(id, node): (&ServerId, &BasicNode)| {
            let seen = Seen { node: node.addr.clone(), votes: voters.contains(id), matched: matched(id) };
            (*id, seen)
        };
        membership.nodes().map(seen).collect()
    }

    /// This server's number.
    pub fn server(&self) -> ServerId {
        self.identity.server
    }

    /// The leader that this server knows of, and how its address is written down.
    pub fn leader(&self) -> Option<(ServerId, String)> {
        let raft = self.metrics.borrow().clone();
        let leader = raft.current_leader?;
        let membership = raft.membership_config.membership();
        Some((leader, membership.get_node(&leader)?.addr.clone()))
    }

    /// Whether this server leads by its own knowledge, which may be old.
    pub fn leads(&self) -> bool {
        self.metrics.borrow().state == ServerState::Leader
    }

    /// Whether this server certainly leads right now and has applied all that was agreed on: a majority has said so a
    /// moment ago, and none of them helps to elect another leader before that moment is over.
    pub async fn surely_leads(&self) -> bool {
        let (leads, alone) = {
            let raft = self.metrics.borrow();
            (raft.state == ServerState::Leader, self.is_alone_in(&raft))
        };
        if alone {
            return leads;
        }
        if self.paused.load(std::sync::atomic::Ordering::SeqCst) {
            // Asking the others would renew their trust in a leader that is about to give up the lead.
            return false;
        }
        if leads && self.lead_confirmed().is_some_and(|at| at.elapsed() < LEAD) {
            return true;
        }
        self.confirm_lead().await
    }

    /// Asks the majority. Concurrent calls share one question.
    pub(crate) async fn confirm_lead(&self) -> bool {
        let _one_at_a_time = self.confirming.lock().await;
        if self.lead_confirmed().is_some_and(|at| at.elapsed() < LEAD / 2) {
            return self.leads();
        }
        let asked = Instant::now();
        let sure = tokio::time::timeout(Duration::from_secs(1), self.caught_up()).await.unwrap_or(false);
        let mut confirmed = self.confirmed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *confirmed = sure.then_some(asked);
        sure && asked.elapsed() < LEAD
    }

    fn lead_confirmed(&self) -> Option<Instant> {
        *self.confirmed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether it is the only server with a vote.
    pub fn alone(&self) -> bool {
        self.is_alone_in(&self.metrics.borrow())
    }

    fn is_alone_in(&self, raft: &RaftServerMetrics<ServerId, BasicNode>) -> bool {
        let groups = raft.membership_config.membership().get_joint_config();
        let is_me = |group: &BTreeSet<ServerId>| group.len() == 1 && group.contains(&self.identity.server);
        !groups.is_empty() && groups.iter().all(is_me)
    }

    /// Waits until this server begins to lead (`true`) or no longer leads (`false`). An error means that it has stopped.
    pub async fn until_leads(&self, wanted: bool) -> Result<(), super::Stopped> {
        let mut metrics = self.raft.server_metrics();
        let changed = metrics.wait_for(|raft| (raft.state == ServerState::Leader) == wanted).await;
        changed.map(drop).map_err(|_| super::Stopped::OnRequest)
    }

    /// Begins to replicate to a new server, which has no vote yet.
    pub async fn add_learner(&self, server: ServerId, node: &str) -> Result<(), ChangeError> {
        let nodes = BTreeMap::from([(server, BasicNode::new(node))]);
        self.change(ChangeMembers::AddNodes(nodes), true).await
    }

    /// Writes down another address for a server.
    pub async fn readdress(&self, server: ServerId, node: &str) -> Result<(), ChangeError> {
        let nodes = BTreeMap::from([(server, BasicNode::new(node))]);
        self.change(ChangeMembers::SetNodes(nodes), true).await
    }

    /// Gives a vote to a new server that has caught up, if it `may` have one. Gives its number.
    pub async fn promote(&self, may: impl Fn(&str) -> bool) -> Result<Option<ServerId>, ChangeError> {
        let last = self.raft.metrics().borrow().last_log_index.unwrap_or(0);
        let ready = |(id, seen): (ServerId, Seen)| {
            let close = seen.matched.is_some_and(|matched| matched + CLOSE >= last);
            (!seen.votes && close && may(&seen.node)).then_some(id)
        };
        // One at a time: each change is agreed on by the majority before it.
        let Some(server) = self.members().into_iter().find_map(ready) else { return Ok(None) };
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([server])), true).await?;
        Ok(Some(server))
    }

    /// Takes a server out of the cluster. Its number is never used again.
    pub async fn remove(&self, server: ServerId) -> Result<(), ChangeError> {
        let members = self.members();
        let seen = members.get(&server).ok_or(ChangeError::NoSuchServer)?;
        if seen.votes && members.values().filter(|seen| seen.votes).count() == 1 {
            return Err(ChangeError::LastServer);
        }
        let one = BTreeSet::from([server]);
        match seen.votes {
            true => self.change(ChangeMembers::RemoveVoters(one), false).await,
            false => self.change(ChangeMembers::RemoveNodes(one), false).await,
        }
    }

    async fn change(
        &self,
        change: ChangeMembers<ServerId, BasicNode>,
        retain: bool,
    ) -> Result<(), ChangeError> {
        let changing = self.raft.change_membership(change, retain);
        let changed = tokio::time::timeout(PATIENCE, changing).await.map_err(|_| ChangeError::NoMajority)?;
        changed.map(drop).map_err(|error| match error {
            RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => ChangeError::NotLeader,
            RaftError::APIError(ClientWriteError::ChangeMembershipError(
                openraft::error::ChangeMembershipError::InProgress(_),
            )) => ChangeError::Busy,
            other => ChangeError::Refused(other.to_string()),
        })
    }

    /// Leader: lets the lead go, so that another server can take it. Nothing is proposed until somebody leads again.
    pub async fn pause_lead(&self, paused: bool) {
        self.raft.runtime_config().heartbeat(!paused);
        self.paused.store(paused, std::sync::atomic::Ordering::SeqCst);
    }

    /// Asks to be elected now, without waiting for the leader to be silent.
    pub async fn campaign(&self) -> bool {
        self.raft.trigger().elect().await.is_ok()
    }
}
