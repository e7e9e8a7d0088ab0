//! What Raft servers say to each other, as bytes: a [`Transport`] carries a message to a server by its
//! address and brings back the answer. No sockets, certificates or retries here.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, RemoteError, ReplicationClosed, StreamingError, Unreachable,
};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, Raft};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::snapshot::State;
use super::{ServerId, Snapshot, SnapshotMeta, TypeConfig, Vote};

/// A future in a box, for use behind `dyn`.
pub type Sending = Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send>>;

/// Carries messages between servers of one cluster.
pub trait Transport: Send + Sync + 'static {
    /// Sends `message` to `server` at `address`; the answer is what [`super::Consensus::receive`] gave there.
    fn send(&self, server: ServerId, address: &str, message: Vec<u8>) -> Sending;
}

/// The transport of a server that has no peers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Transport for Alone {
    fn send(&self, server: ServerId, _address: &str, _message: Vec<u8>) -> Sending {
        let what = format!("server {server} cannot be reached: this server was started without peers");
        Box::pin(async move { Err(io::Error::new(io::ErrorKind::NotConnected, what)) })
    }
}

/// A question to another server.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
enum Message {
    Append(AppendEntriesRequest<TypeConfig>),
    Vote(VoteRequest<ServerId>),
    Snapshot(Vote, SnapshotMeta, #[serde(with = "serde_bytes")] Vec<u8>),
}

type Answer<T> = Result<T, RaftError<ServerId>>;
type RpcError = RPCError<ServerId, BasicNode, RaftError<ServerId>>;

/// Whether a message asks for a vote.
pub(crate) fn is_vote(message: &[u8]) -> bool {
    message.first() == Some(&1)
}

/// Answers a message from another server.
pub(crate) async fn receive(raft: &Raft<TypeConfig>, message: &[u8]) -> Result<Vec<u8>, BadMessage> {
    match postcard::from_bytes(message).map_err(|_| BadMessage)? {
        Message::Append(request) => encode(&raft.append_entries(request).await),
        Message::Vote(request) => encode(&raft.vote(request).await),
        Message::Snapshot(vote, meta, state) => {
            let snapshot = Snapshot { meta, snapshot: Box::new(State::Here(state)) };
            let answer: Answer<_> =
                raft.install_full_snapshot(vote, snapshot).await.map_err(RaftError::Fatal);
            encode(&answer)
        }
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, BadMessage> {
    postcard::to_stdvec(value).map_err(|_| BadMessage)
}

/// A peer sent something that this version does not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a server of the cluster sent a message that cannot be read\nhint: run the same version on all servers"
)]
pub struct BadMessage;

/// Opens a way to each peer.
pub(crate) struct Network {
    pub(crate) transport: Arc<dyn Transport>,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: ServerId, node: &BasicNode) -> Peer {
        Peer { server: target, address: node.addr.clone(), transport: self.transport.clone() }
    }
}

/// The way to one peer.
pub(crate) struct Peer {
    server: ServerId,
    address: String,
    transport: Arc<dyn Transport>,
}

impl Peer {
    async fn ask<T: DeserializeOwned>(&self, message: &Message, option: &RPCOption) -> Result<T, RpcError> {
        let bytes = encode(message).map_err(|error| NetworkError::new(&error))?;
        let sending = self.transport.send(self.server, &self.address, bytes);
        let answer = tokio::time::timeout(option.hard_ttl(), sending).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        // Unreachable makes Raft wait before it tries again; that is right for whatever went wrong.
        let answer = answer.map_err(|error| Unreachable::new(&error))?;
        let answer: Answer<T> = postcard::from_bytes(&answer).map_err(|_| Unreachable::new(&BadMessage))?;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.server, error)))
    }
}

impl RaftNetwork<TypeConfig> for Peer {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<ServerId>, RpcError> {
        self.ask(&Message::Append(request), &option).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<ServerId>,
        option: RPCOption,
    ) -> Result<VoteResponse<ServerId>, RpcError> {
        self.ask(&Message::Vote(request), &option).await
    }

    /// Short, since a peer that comes back should not be taken for lost any longer than need be.
    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(Duration::from_millis(100)))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<ServerId>, StreamingError<TypeConfig, Fatal<ServerId>>> {
        let state = snapshot.snapshot.into_bytes().map_err(|error| Unreachable::new(&error))?;
        let message = Message::Snapshot(vote, snapshot.meta, state);
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            answer = self.ask(&message, &option) => answer.map_err(|error| Unreachable::new(&error).into()),
        }
    }
}
