//! The job on Redis: one Lua script to check out, one to check in, the append-only file flushed before each answer.

use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::daemon::{Daemon, connect};
use crate::drive::Failure;
use crate::job::{Dice, Seats};

/// Seats, who holds each, and when each would lapse.
const OUT: &str = "local t=redis.call('HMGET',KEYS[1],'total','used')
if not t[1] then return -1 end
if tonumber(t[2])>=tonumber(t[1]) then return 0 end
if redis.call('EXISTS',KEYS[2])==1 then return -2 end
redis.call('HINCRBY',KEYS[1],'used',1)
redis.call('HSET',KEYS[2],'user',ARGV[1],'host',ARGV[2])
redis.call('ZADD',KEYS[1]..':ends',redis.call('TIME')[1]+ARGV[3],KEYS[2])
return 1";
const IN: &str = "if redis.call('DEL',KEYS[2])==0 then return 0 end
redis.call('ZREM',KEYS[1]..':ends',KEYS[2])
redis.call('HINCRBY',KEYS[1],'used',-1)
return 1";

/// Starts it with `pools` pools.
pub(crate) async fn start(folder: &Path, port: u16, pools: usize) -> Result<Daemon, Failure> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    command
        .args(["--maxclients", "4000", "--daemonize", "no", "--port", &port.to_string(), "--dir"])
        .arg(folder);
    let daemon = Daemon::start(command, folder)?;
    let mut redis = Redis::open(port, 0, pools).await?;
    for pool in 0..pools {
        redis.command(&["HSET", &format!("pool:{pool}"), "total", "20000", "used", "0"]).await?;
    }
    Ok(daemon)
}

/// A connection.
pub(crate) struct Redis {
    stream: TcpStream,
    out_script: String,
    in_script: String,
    pools: usize,
    dice: Dice,
    who: (String, String),
    held: (String, String),
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Redis {
    pub(crate) async fn open(port: u16, number: usize, pools: usize) -> Result<Self, Failure> {
        let mut redis = Self {
            stream: connect(port).await?,
            out_script: String::new(),
            in_script: String::new(),
            pools,
            dice: Dice::new(number),
            who: (format!("user{number:08}"), format!("host{number:08}")),
            held: Default::default(),
            request: Vec::new(),
            answer: Vec::new(),
        };
        redis.out_script = redis.command(&["SCRIPT", "LOAD", OUT]).await?;
        redis.in_script = redis.command(&["SCRIPT", "LOAD", IN]).await?;
        Ok(redis)
    }

    async fn command(&mut self, parts: &[&str]) -> Result<String, Failure> {
        use std::io::Write;
        self.request.clear();
        write!(self.request, "*{}\r\n", parts.len())?;
        parts.iter().try_for_each(|part| write!(self.request, "${}\r\n{part}\r\n", part.len()))?;
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("Redis closed the connection".into());
            }
            if let Some(answer) = whole(&self.answer)? {
                return Ok(answer);
            }
        }
    }
}

/// An answer of one line, or of one string behind its length.
fn whole(bytes: &[u8]) -> Result<Option<String>, Failure> {
    let text = std::str::from_utf8(bytes)?;
    let Some((first, rest)) = text.split_once("\r\n") else { return Ok(None) };
    match first.split_at(1) {
        ("-", error) => Err(error.into()),
        ("$", _) => Ok(rest.strip_suffix("\r\n").map(str::to_owned)),
        (_, value) => Ok(Some(value.to_owned())),
    }
}

impl Seats for Redis {
    async fn check_out(&mut self) -> Result<(), Failure> {
        self.held = (format!("pool:{}", self.dice.below(self.pools)), format!("lease:{}", self.dice.id()));
        let (script, (user, host), (pool, lease)) =
            (self.out_script.clone(), self.who.clone(), self.held.clone());
        match self.command(&["EVALSHA", &script, "2", &pool, &lease, &user, &host, "600"]).await?.as_str() {
            "1" => Ok(()),
            other => Err(format!("Redis: checkout gave {other}").into()),
        }
    }

    async fn check_in(&mut self) -> Result<(), Failure> {
        let (script, (pool, lease)) = (self.in_script.clone(), self.held.clone());
        match self.command(&["EVALSHA", &script, "2", &pool, &lease]).await?.as_str() {
            "1" => Ok(()),
            other => Err(format!("Redis: check-in gave {other}").into()),
        }
    }
}
