//! The machine that a file is for, through its updates: people of an account take it to another one by a move, which is counted, and not
//! by an update (reliability-security §4.3). The publisher's staff does as it sees fit. Pure.

use super::make::Request;
use super::{Selection, number};
use crate::entity::file;
use crate::people::Actor;
use crate::{Failure, Refusal};

/// The host id that any machine has.
const ANY: &str = "ANY";

/// Refuses an update that would take the file to another machine. What is not bound yet may be bound.
pub(super) fn stays(before: &file::Model, request: &Request<'_>) -> Result<(), Failure> {
    let own = matches!(request.by, Actor::Person(person) if !person.is_staff());
    if own && !same_machine(before, request.selection) {
        return Err(Refusal::OtherMachine(number(before.id)).into());
    }
    Ok(())
}

fn same_machine(before: &file::Model, after: &Selection) -> bool {
    let key = before.registration_key.as_deref();
    let other = after.switchover.as_ref().map(|other| other.host_id.as_str());
    kept(key, after.registration_key.as_deref())
        && kept(
            Some(&before.host_id).filter(|id| is_bound(id)).map(String::as_str),
            Some(&after.machine.host_id),
        )
        && kept(before.switchover_host_id.as_deref(), other)
}

/// Whether a host id names one machine.
pub(crate) fn is_bound(host_id: &str) -> bool {
    !host_id.trim().is_empty() && !host_id.trim().eq_ignore_ascii_case(ANY)
}

fn kept(before: Option<&str>, after: Option<&str>) -> bool {
    let Some(before) = before else { return true };
    after.is_some_and(|after| after.trim().eq_ignore_ascii_case(before.trim()))
}
