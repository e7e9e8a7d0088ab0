//! The job on etcd over gRPC (HTTP/2 by the `h2` crate, the few messages encoded by hand, so that the load costs little): a
//! key for each seat, created in a transaction only if it is not there, bound to a lease of etcd's own.

use std::path::Path;
use std::process::Command;

use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;

use super::daemon::{Daemon, connect};
use crate::drive::Failure;
use crate::job::{Dice, Seats};
use crate::process::free_port;

type Bytes = hyper::body::Bytes;

/// Seats of a pool.
const SEATS: usize = 20_000;

/// Nodes of one cluster.
pub(crate) struct Etcd {
    pub(crate) nodes: Vec<Daemon>,
    pub(crate) leader: u16,
}

/// Starts `count` nodes as one cluster and finds the leader.
pub(crate) async fn start(folder: &Path, count: usize) -> Result<Etcd, Failure> {
    let ports: Vec<(u16, u16)> =
        (0..count).map(|_| Ok((free_port()?, free_port()?))).collect::<Result<_, Failure>>()?;
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let members: Vec<String> =
        ports.iter().enumerate().map(|(number, (_, peer))| format!("n{number}={}", url(*peer))).collect();
    let mut nodes = Vec::new();
    for (number, (client, peer)) in ports.iter().enumerate() {
        let home = folder.join(number.to_string());
        std::fs::create_dir(&home)?;
        let mut command = Command::new("etcd");
        command.args(["--name", &format!("n{number}"), "--data-dir"]).arg(home.join("data"));
        command.args(["--listen-peer-urls", &url(*peer), "--initial-advertise-peer-urls", &url(*peer)]);
        command.args(["--listen-client-urls", &url(*client), "--advertise-client-urls", &url(*client)]);
        command.args(["--initial-cluster", &members.join(","), "--initial-cluster-state", "new"]);
        command.args(["--quota-backend-bytes", "8589934592", "--log-level", "error"]);
        command.args(["--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1m"]);
        nodes.push(Daemon::start(command, &home)?);
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    for (client, _) in &ports {
        if Grpc::open(*client).await?.leads().await? {
            return Ok(Etcd { nodes, leader: *client });
        }
    }
    Err("no node of etcd leads".into())
}

/// A connection for gRPC calls, one at a time.
struct Grpc(SendRequest<Bytes>);

impl Grpc {
    async fn open(port: u16) -> Result<Self, Failure> {
        let stream: TcpStream = connect(port).await?;
        let (sender, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    async fn call(&mut self, path: &str, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let request = Request::post(format!("http://127.0.0.1/etcdserverpb.{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len())?.to_be_bytes());
        framed.extend(message);
        self.0 = self.0.clone().ready().await?;
        let (response, mut body) = self.0.send_request(request, false)?;
        body.send_data(framed.into(), true)?;
        let mut body = response.await?.into_body();
        let mut answer = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            answer.extend(chunk);
        }
        let trailers = body.trailers().await?;
        let status = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        if status.is_none_or(|status| status != "0") {
            return Err(format!("etcd: {path} gave {trailers:?}").into());
        }
        Ok(answer.split_off(5.min(answer.len())))
    }

    /// Whether this node leads.
    async fn leads(&mut self) -> Result<bool, Failure> {
        let status = self.call("Maintenance/Status", &[]).await?;
        let header =
            fields(&status).find(|(field, _)| *field == 1).map_or(&[][..], |(_, value)| value.bytes());
        let member = fields(header).find(|(field, _)| *field == 2).map(|(_, value)| value.number());
        let leader = fields(&status).find(|(field, _)| *field == 4).map(|(_, value)| value.number());
        Ok(member.is_some() && member == leader)
    }
}

fn varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn put_number(field: u64, number: u64, to: &mut Vec<u8>) {
    varint(field << 3, to);
    varint(number, to);
}

fn put_bytes(field: u64, bytes: &[u8], to: &mut Vec<u8>) {
    varint(field << 3 | 2, to);
    varint(bytes.len() as u64, to);
    to.extend(bytes);
}

/// A field's value as it was sent.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn number(&self) -> u64 {
        if let Value::Number(number) = self { *number } else { 0 }
    }

    fn bytes(&self) -> &'a [u8] {
        if let Value::Bytes(bytes) = self { bytes } else { &[] }
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

/// The fields of a message; those answers have numbers and bytes only.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = take_varint(&mut bytes)?;
        let number = take_varint(&mut bytes)?;
        if tag & 7 == 0 {
            return Some((tag >> 3, Value::Number(number)));
        }
        let (value, rest) = bytes.split_at_checked(usize::try_from(number).ok()?)?;
        bytes = rest;
        Some((tag >> 3, Value::Bytes(value)))
    })
}

/// A connection with a lease of its own.
pub(crate) struct Seat {
    grpc: Grpc,
    lease: u64,
    pools: usize,
    dice: Dice,
    who: String,
    held: String,
}

impl Seat {
    pub(crate) async fn open(port: u16, number: usize, pools: usize) -> Result<Self, Failure> {
        let mut grpc = Grpc::open(port).await?;
        let mut ask = Vec::new();
        put_number(1, 3600, &mut ask);
        let granted = grpc.call("Lease/LeaseGrant", &ask).await?;
        let lease = fields(&granted).find(|(field, _)| *field == 2).map(|(_, value)| value.number());
        let who = format!("user{number:08} host{number:08}");
        Ok(Self {
            grpc,
            lease: lease.ok_or("etcd: no lease")?,
            pools,
            dice: Dice::new(number),
            who,
            held: String::new(),
        })
    }

    /// A transaction: if the key was never created, put it.
    fn transaction(&mut self) -> Vec<u8> {
        let (mut compare, mut put, mut operation, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        put_number(2, 1, &mut compare);
        put_bytes(3, self.held.as_bytes(), &mut compare);
        put_number(5, 0, &mut compare);
        put_bytes(1, self.held.as_bytes(), &mut put);
        put_bytes(2, format!("{} {}", self.dice.id(), self.who).as_bytes(), &mut put);
        put_number(3, self.lease, &mut put);
        put_bytes(2, &put, &mut operation);
        put_bytes(1, &compare, &mut all);
        put_bytes(2, &operation, &mut all);
        all
    }
}

impl Seats for Seat {
    async fn check_out(&mut self) -> Result<(), Failure> {
        for _ in 0..1000 {
            self.held = format!("seat/{}/{}", self.dice.below(self.pools), self.dice.below(SEATS));
            let transaction = self.transaction();
            let answer = self.grpc.call("KV/Txn", &transaction).await?;
            if fields(&answer).any(|(field, value)| field == 2 && value.number() == 1) {
                return Ok(());
            }
        }
        Err("etcd: no seat was free".into())
    }

    async fn check_in(&mut self) -> Result<(), Failure> {
        let mut ask = Vec::new();
        put_bytes(1, self.held.as_bytes(), &mut ask);
        self.grpc.call("KV/DeleteRange", &ask).await.map(drop)
    }
}
