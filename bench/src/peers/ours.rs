//! The job on servers of ours: TLS, HTTP and JSON, as applications use it.

use serde_json::json;

use crate::drive::Failure;
use crate::https::{Https, number};
use crate::job::{Dice, Seats};

/// A session on a connection of its own.
pub(crate) struct Ours {
    connection: Https,
    path: String,
    pools: usize,
    dice: Dice,
    held: u64,
}

impl Ours {
    pub(crate) async fn open(port: u16, number: usize, pools: usize) -> Result<Self, Failure> {
        let mut connection = Https::open(port).await?;
        let open = json!({ "user": format!("user{number:08}"), "host": format!("host{number:08}"), "application": "bench" });
        let (status, body) = connection.send("POST", "/v1/sessions", &open.to_string(), None).await?;
        if status != 201 {
            return Err(format!("session: {status} {body}").into());
        }
        let body: serde_json::Value = serde_json::from_str(body)?;
        let path = format!("/v1/sessions/{}/checkouts", body["session"].as_str().unwrap_or_default());
        Ok(Self { connection, path, pools, dice: Dice::new(number), held: 0 })
    }
}

impl Seats for Ours {
    async fn check_out(&mut self) -> Result<(), Failure> {
        let (pool, request) = (self.dice.below(self.pools), self.dice.id());
        let ask = format!("{{\"request\":\"{request}\",\"feature\":\"f{pool}\",\"version\":\"8.0\"}}");
        let (status, body) = self.connection.send("POST", &self.path, &ask, None).await?;
        self.held = number(body, "grant").ok_or_else(|| format!("checkout: {status} {body}"))?;
        Ok(())
    }

    async fn check_in(&mut self) -> Result<(), Failure> {
        let path = format!("{}/{}", self.path, self.held);
        match self.connection.send("DELETE", &path, "", None).await? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("check-in: {status} {body}").into()),
        }
    }
}
