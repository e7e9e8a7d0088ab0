//! The job on PostgreSQL over its own wire protocol, with prepared statements: a row for each seat, taken with
//! `SKIP LOCKED` (the best layout there is for this), and a row that counts (the usual one).

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::daemon::{Daemon, connect, install, is_root};
use crate::drive::Failure;
use crate::job::{Dice, Seats};

/// How seats are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    SeatRows,
    CountingRow,
}

const SEATS: usize = 20_000;

/// Starts it and makes the tables of both layouts.
pub(crate) async fn start(folder: &Path, port: u16) -> Result<Daemon, Failure> {
    let daemon = serve(folder, port)?;
    tables(port).await?;
    Ok(daemon)
}

/// Starts it, empty: the user `bench` needs no password.
pub(crate) fn serve(folder: &Path, port: u16) -> Result<Daemon, Failure> {
    install(Path::new("psql"), "postgresql")?;
    let (programs, data) = (programs()?, folder.join("data"));
    std::fs::create_dir(&data)?;
    if is_root() {
        let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder).status()?;
        if !owned.success() {
            return Err("the folder can't be given to postgres".into());
        }
    }
    let mut init = as_postgres(&programs.join("initdb"), &data)?;
    init.args(["-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
    if !init.stdout(std::process::Stdio::null()).status()?.success() {
        return Err("initdb failed".into());
    }
    let mut serve = as_postgres(&programs.join("postgres"), &data)?;
    serve.arg("-D").arg(&data).arg("-k").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    for setting in ["max_connections=1100", "shared_buffers=256MB", "synchronous_commit=on", "fsync=on"] {
        serve.args(["-c", setting]);
    }
    Daemon::start(serve, folder)
}

fn programs() -> Result<PathBuf, Failure> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")?.flatten().map(|entry| entry.path().join("bin"));
    versions.max().ok_or_else(|| "there is no PostgreSQL".into())
}

/// It refuses to run as root.
fn as_postgres(program: &Path, folder: &Path) -> Result<Command, Failure> {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if is_root() {
        let id = |what| -> Result<u32, Failure> {
            let output = Command::new("id").args([what, "postgres"]).output()?;
            Ok(String::from_utf8(output.stdout)?.trim().parse()?)
        };
        command.uid(id("-u")?).gid(id("-g")?);
    }
    Ok(command)
}

async fn tables(port: u16) -> Result<(), Failure> {
    let mut wire = Wire::open(port).await?;
    for statement in [
        "CREATE TABLE pools(id int PRIMARY KEY, total int NOT NULL, used int NOT NULL) WITH (fillfactor=20)",
        "INSERT INTO pools SELECT p, 20000, 0 FROM generate_series(0, 99) p",
        "CREATE TABLE leases(id text PRIMARY KEY, pool int NOT NULL, usr text NOT NULL, host text NOT NULL, ends timestamptz NOT NULL)",
        "CREATE INDEX ON leases(ends)",
        "CREATE TABLE seats(pool int, seat int, lease text, usr text, host text, ends timestamptz, PRIMARY KEY(pool, seat)) WITH (fillfactor=50)",
        "INSERT INTO seats(pool, seat) SELECT p, s FROM generate_series(0, 9) p, generate_series(0, 19999) s",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    ] {
        wire.simple(statement).await?;
    }
    Ok(())
}

/// A connection that speaks the wire protocol, version 3.
struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// What a statement came to: the first column of its first row, and the word that ends it, such as `UPDATE 1`.
#[derive(Default)]
struct Done {
    value: Option<String>,
    tag: String,
}

impl Wire {
    async fn open(port: u16) -> Result<Self, Failure> {
        let mut last = None;
        // While it starts, it takes connections and refuses them.
        for _ in 0..100 {
            let mut wire = Self { stream: connect(port).await?, request: Vec::new(), answer: Vec::new() };
            wire.request.extend([0, 0, 0, 0, 0, 3, 0, 0]);
            wire.request.extend(b"user\0bench\0database\0postgres\0\0");
            let length = u32::try_from(wire.request.len())?.to_be_bytes();
            wire.request.splice(..4, length);
            match wire.answered().await {
                Ok(_) => return Ok(wire),
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Err(last.unwrap_or_else(|| "PostgreSQL did not start".into()))
    }

    fn message(&mut self, kind: u8, body: &[&[u8]]) -> Result<(), Failure> {
        let length = 4 + body.iter().map(|part| part.len()).sum::<usize>();
        self.request.push(kind);
        self.request.extend(u32::try_from(length)?.to_be_bytes());
        body.iter().for_each(|part| self.request.extend(*part));
        Ok(())
    }

    async fn simple(&mut self, sql: &str) -> Result<Done, Failure> {
        self.message(b'Q', &[sql.as_bytes(), b"\0"])?;
        self.answered().await
    }

    async fn prepare(&mut self, name: &str, sql: &str) -> Result<(), Failure> {
        self.message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"])?;
        self.message(b'S', &[])?;
        self.answered().await.map(drop)
    }

    async fn execute(&mut self, name: &str, values: &[&str]) -> Result<Done, Failure> {
        let mut bind = [b"\0", name.as_bytes(), b"\0\0\0"].concat();
        bind.extend(u16::try_from(values.len())?.to_be_bytes());
        for value in values {
            bind.extend(u32::try_from(value.len())?.to_be_bytes());
            bind.extend(value.as_bytes());
        }
        bind.extend([0, 0]);
        self.message(b'B', &[&bind])?;
        self.message(b'E', &[b"\0\0\0\0\0"])?;
        self.message(b'S', &[])?;
        self.answered().await
    }

    /// Sends what was written and reads until it is ready for more.
    async fn answered(&mut self) -> Result<Done, Failure> {
        self.stream.write_all(&self.request).await?;
        self.request.clear();
        self.answer.clear();
        let (mut at, mut done, mut failed) = (0, Done::default(), None);
        loop {
            while let Some((kind, body, next)) = message(&self.answer, at) {
                at = next;
                match kind {
                    b'Z' => return failed.map_or(Ok(done), Err),
                    b'E' => {
                        let text = String::from_utf8_lossy(body).replace('\0', " ");
                        // A refused connection is closed and never ready.
                        if text.contains("57P03") {
                            return Err(text.into());
                        }
                        failed = Some(text.into());
                    }
                    b'D' => done.value = done.value.or_else(|| first_column(body)),
                    b'C' => done.tag = String::from_utf8_lossy(body).trim_end_matches('\0').to_owned(),
                    _ => {}
                }
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("PostgreSQL closed the connection".into());
            }
        }
    }
}

fn message(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let (kind, rest) = bytes.get(at..)?.split_first()?;
    let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
    Some((*kind, rest.get(4..length)?, at + 1 + length))
}

fn first_column(row: &[u8]) -> Option<String> {
    let (length, rest) = row.get(2..)?.split_first_chunk::<4>()?;
    let value = rest.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// A connection.
pub(crate) struct Postgres {
    wire: Wire,
    layout: Layout,
    pools: usize,
    dice: Dice,
    user: String,
    host: String,
    held: (String, String, String),
}

impl Postgres {
    pub(crate) async fn open(
        port: u16,
        number: usize,
        pools: usize,
        layout: Layout,
    ) -> Result<Self, Failure> {
        let mut wire = Wire::open(port).await?;
        let (take, give) = match layout {
            Layout::SeatRows => (
                "UPDATE seats SET lease=$2, usr=$3, host=$4, ends=now()+interval '10 min' WHERE (pool, seat)=(SELECT pool, seat FROM seats WHERE pool=$1 AND seat>=$5 AND lease IS NULL ORDER BY pool, seat LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING seat",
                "UPDATE seats SET lease=NULL, usr=NULL, host=NULL, ends=NULL WHERE pool=$1 AND seat=$2 AND lease=$3",
            ),
            Layout::CountingRow => (
                "WITH u AS (UPDATE pools SET used=used+1 WHERE id=$1 AND used<total RETURNING id) INSERT INTO leases SELECT $2, u.id, $3, $4, now()+interval '10 min' FROM u",
                "WITH d AS (DELETE FROM leases WHERE id=$1 RETURNING pool) UPDATE pools SET used=used-1 FROM d WHERE pools.id=d.pool",
            ),
        };
        wire.prepare("take", take).await?;
        wire.prepare("give", give).await?;
        let (user, host) = (format!("user{number:08}"), format!("host{number:08}"));
        Ok(Self { wire, layout, pools, dice: Dice::new(number), user, host, held: Default::default() })
    }
}

impl Seats for Postgres {
    async fn check_out(&mut self) -> Result<(), Failure> {
        let (pool, lease) = (self.dice.below(self.pools).to_string(), self.dice.id());
        let from = self.dice.below(SEATS - 2000).to_string();
        let done = match self.layout {
            Layout::SeatRows => {
                self.wire.execute("take", &[&pool, &lease, &self.user, &self.host, &from]).await?
            }
            Layout::CountingRow => {
                self.wire.execute("take", &[&pool, &lease, &self.user, &self.host]).await?
            }
        };
        self.held = (pool, done.value.unwrap_or_default(), lease);
        if done.tag.ends_with(" 1") {
            Ok(())
        } else {
            Err(format!("PostgreSQL: checkout gave {}", done.tag).into())
        }
    }

    async fn check_in(&mut self) -> Result<(), Failure> {
        let (pool, seat, lease) = &self.held;
        let done = match self.layout {
            Layout::SeatRows => self.wire.execute("give", &[pool, seat, lease]).await?,
            Layout::CountingRow => self.wire.execute("give", &[lease]).await?,
        };
        if done.tag == "UPDATE 1" {
            Ok(())
        } else {
            Err(format!("PostgreSQL: check-in gave {}", done.tag).into())
        }
    }
}
