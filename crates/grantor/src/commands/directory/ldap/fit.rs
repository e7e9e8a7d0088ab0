//! Does what fits, in its order: first come, first served. A batch is all or nothing; where one does not fit for want of
//! seats, what comes before goes in without it, and a change of many users is halved until those who don't fit are found.

use std::collections::VecDeque;

use grantor_api::Code;
use grantor_api::directory::{Change, Changed};
use grantor_api::limits;
use grantor_client::{Error, Http};
use grantor_server::directory_table::Step;

use super::super::bulk::{batches, tried_at_once};
use super::super::{send, show};
use crate::failure::Failure;
use crate::output;

/// Requests that a dry run makes at most to find who does not fit: each one tries everything before it once more.
const TRIES: usize = 200;

/// What came of the steps.
pub(super) struct Fitted {
    pub(super) done: Vec<Changed>,
    /// What does not fit, with the server's reason.
    pub(super) beyond: Vec<(Step, String)>,
    /// Whether everything was tried.
    pub(super) is_whole: bool,
}

/// Carries the steps out or, in a dry run, has the server say what would come of them.
pub(super) fn fit(http: &Http, tenant: &str, steps: Vec<Step>, dry_run: bool) -> Result<Fitted, Failure> {
    let mut fitted = Fitted { done: Vec::new(), beyond: Vec::new(), is_whole: true };
    match dry_run {
        true => try_out(http, tenant, steps, &mut fitted)?,
        false => carry_out(http, tenant, steps, &mut fitted)?,
    }
    Ok(fitted)
}

fn changes(steps: &[Step]) -> Vec<Change> {
    steps.iter().map(|step| step.change.clone()).collect()
}

/// The place of the change that there are too few seats for, and why; or the failure that it is instead.
fn too_few(error: Error, sent: &[Step]) -> Result<(usize, String), Failure> {
    let place = match &error {
        Error::Problem(problem) if problem.code == Code::NoneLeft => {
            let place = problem.change.or(Some(1).filter(|_| sent.len() == 1)).map(|place| place as usize);
            place
                .filter(|place| (1..=sent.len()).contains(place))
                .map(|place| (place - 1, problem.detail.clone()))
        }
        _ => None,
    };
    place.map(|(place, detail)| (place, bare(&detail))).ok_or_else(|| {
        if let Error::Problem(problem) = &error
            && let Some(step) = problem.change.and_then(|place| sent.get(place as usize - 1))
        {
            output::error(&format!("refused: {} {}", step.sign, step.text));
        }
        error.into()
    })
}

/// What is short, without which change of the batch it was.
fn bare(detail: &str) -> String {
    let detail = detail.strip_suffix("; nothing was changed").unwrap_or(detail);
    detail.split_once("of the batch: ").map_or(detail, |(_, rest)| rest).to_owned()
}

/// A step of several users as two of half as many; `None` = it is one user's.
fn halves(step: &Step) -> Option<[Step; 2]> {
    let Change::AddMembers { group, users } = &step.change else { return None };
    let (first, second) = users.split_at(users.len() / 2);
    let half = |users: &[String]| Step {
        sign: step.sign,
        text: format!("member of group {group}: {}", users.join(", ")),
        change: Change::AddMembers { group: group.clone(), users: users.to_vec() },
    };
    (users.len() > 1).then(|| [half(first), half(second)])
}

fn carry_out(http: &Http, tenant: &str, steps: Vec<Step>, fitted: &mut Fitted) -> Result<(), Failure> {
    let mut left = VecDeque::from(steps);
    // After one that did not fit the next is likely not to: sent one, two, four at a time until they do.
    let mut most = usize::MAX;
    while !left.is_empty() {
        let steps: &[Step] = left.make_contiguous();
        let batch = batches(&steps[..steps.len().min(most)]).first().map_or(0, |batch| batch.len());
        // An attempt that is refused becomes known to those who manage licenses: once is enough, so the search goes dry.
        let is_search = most < usize::MAX;
        let tried = match is_search {
            true => send(http, tenant, changes(&steps[..batch]), true),
            false => Ok(Changed::default()),
        };
        let error = match tried.and_then(|_| send(http, tenant, changes(&steps[..batch]), false)) {
            Ok(changed) => {
                fitted.done.push(changed);
                left.drain(..batch);
                most = most.saturating_mul(2);
                continue;
            }
            Err(error) => error,
        };
        let (place, why) = too_few(error, &steps[..batch]).inspect_err(|_| tell_done(fitted))?;
        if place > 0 {
            most = place;
            continue;
        }
        most = 1;
        if let Some(step) = left.pop_front() {
            match halves(&step) {
                Some(halves) => halves.into_iter().rev().for_each(|half| left.push_front(half)),
                None => fitted.beyond.push((step, why)),
            }
        }
    }
    fitted.done = merged(std::mem::take(&mut fitted.done));
    Ok(())
}

fn tell_done(fitted: &Fitted) {
    let done: usize = fitted.done.iter().map(|one| one.changes as usize).sum();
    if done > 0 {
        output::error(&format!(
            "{} were done before; run it again for the rest",
            show::count(done, "change")
        ));
    }
}

/// Several writes as one: from what was before the first to what is after the last.
fn merged(all: Vec<Changed>) -> Vec<Changed> {
    let mut whole: Option<Changed> = None;
    for one in all {
        let Some(whole) = &mut whole else {
            whole = Some(one);
            continue;
        };
        whole.changes += one.changes;
        whole.warnings.extend(one.warnings);
        for later in one.allocation {
            let same = |of: &&mut grantor_api::directory::Difference| {
                of.feature == later.feature && of.model == later.model
            };
            match whole.allocation.iter_mut().find(same) {
                Some(of) => {
                    (of.in_use_after, of.configured_after) = (later.in_use_after, later.configured_after);
                }
                None => whole.allocation.push(later),
            }
        }
    }
    whole.into_iter().collect()
}

fn try_out(http: &Http, tenant: &str, steps: Vec<Step>, fitted: &mut Fitted) -> Result<(), Failure> {
    let first = tried_at_once(&steps);
    // Each try is of everything that is left: of very much, fewer are made.
    let tries = if first > limits::CHANGES { TRIES / 10 } else { TRIES };
    fitted.is_whole = first == steps.len();
    let mut left: Vec<Step> = steps.into_iter().take(first).collect();
    for _ in 0..tries {
        if left.is_empty() {
            return Ok(());
        }
        let error = match send(http, tenant, changes(&left), true) {
            Ok(changed) => {
                fitted.done.push(changed);
                return Ok(());
            }
            Err(error) => error,
        };
        let (place, why) = too_few(error, &left)?;
        let step = left.remove(place);
        match halves(&step) {
            Some(halves) => drop(left.splice(place..place, halves)),
            None => fitted.beyond.push((step, why)),
        }
    }
    fitted.is_whole = false;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(users: &[&str]) -> Step {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        let change = Change::AddMembers { group: "g".to_owned(), users };
        Step { sign: '+', text: String::new(), change }
    }

    #[test]
    fn a_change_of_many_is_halved_until_it_is_one_users() {
        let [first, second] = halves(&members(&["a", "b", "c"])).expect("halves");
        assert_eq!(
            (first.text.as_str(), second.text.as_str()),
            ("member of group g: a", "member of group g: b, c")
        );
        assert!(halves(&first).is_none() && halves(&second).is_some());
    }

    #[test]
    fn several_writes_are_told_as_one() {
        let one = |before: u32, after: u32| Changed {
            dry_run: false,
            changes: 2,
            warnings: Vec::new(),
            allocation: vec![grantor_api::directory::Difference {
                feature: "WFM".to_owned(),
                model: "role".to_owned(),
                allowed: Some(9),
                configured_before: before,
                configured_after: after,
                in_use_before: before,
                in_use_after: after,
            }],
        };
        let whole = merged(vec![one(0, 4), one(4, 7)]);
        assert_eq!((whole.len(), whole[0].changes), (1, 4));
        let of = &whole[0].allocation[0];
        assert_eq!((of.in_use_before, of.in_use_after), (0, 7));
    }
}
