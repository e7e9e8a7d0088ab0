//! `grantor portal mail`: a mail that a mail server hands over.

use std::io::Read;

use grantor_portal::Failure as PortalFailure;
use grantor_portal::requests::House;
use grantor_portal::requests::inbox::{self, LARGEST, Taken};

use super::{Desk, now};
use crate::failure::{Exit, Failure};
use crate::output;

/// Reads the mail and adds it to the request that it replies to.
pub(super) async fn run(desk: &Desk<'_>, to: &[String]) -> Result<(), Failure> {
    let config = &desk.config;
    let seal = config.seal().map_err(|error| Failure::new(Exit::TryLater, error))?;
    let address = config.public_address(config.listen.port());
    let house = House {
        portal: &address,
        seal: &seal,
        replies: config.requests.replies.as_deref(),
        team: config.requests.team.as_deref(),
    };
    let mut bytes = Vec::new();
    std::io::stdin().take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LARGEST {
        return Err(Failure::new(Exit::NoRecipient, format!("the mail has more than {} MiB", LARGEST >> 20))
            .hint("send large files another way"));
    }
    match inbox::take(&desk.store, &house, to, &bytes, now()).await {
        Ok(taken) => told(&taken),
        Err(failure) => return Err(refused(&failure)),
    }
    Ok(())
}

fn refused(failure: &PortalFailure) -> Failure {
    match failure {
        PortalFailure::Refused(refusal) => Failure::new(Exit::NoRecipient, refusal).hint(refusal.hint()),
        PortalFailure::Database(_) => Failure::new(Exit::TryLater, failure),
    }
}

fn told(taken: &Taken) {
    match taken {
        Taken::Added { number, left_out } => {
            output::error(&format!("added to {number}"));
            left_out.iter().for_each(|one| output::error(&format!("not attached: {one}")));
        }
        Taken::Again(number) => output::error(&format!("it is part of {number} already")),
        Taken::Automatic => output::error("left out: a machine wrote it"),
    }
}
