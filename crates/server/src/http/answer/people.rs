//! Words for refusals about the people who administer, and how they sign in.

use grantor_api::{Code, Problem};
use grantor_site::Refusal;

/// The problem that the refusal is; `None` if it is about something else.
pub(super) fn about_people(refusal: &Refusal) -> Option<Problem> {
    let (code, title, detail, hint) = match refusal {
        Refusal::NoSuchPerson { name } => (
            Code::NoSuchPerson,
            "there is no such person",
            format!("nobody who administers this site is called `{name}`"),
            "`grantor person list` shows who there is",
        ),
        Refusal::PersonExists { name } => (
            Code::NameTaken,
            "the name is taken",
            format!(
                "somebody who administers is called `{name}`, or the name is blank; case makes no other name"
            ),
            "choose another name, or change the person: `grantor person change`",
        ),
        Refusal::TooManyPeople { most } => (
            Code::BadRequest,
            "too many people",
            format!("{most} people may administer a site"),
            "remove somebody first",
        ),
        Refusal::NoRole { most } => (
            Code::BadRequest,
            "no role, or too many",
            format!("a person has one role at least, and {most} at most"),
            "choose what the person may do, or remove the person",
        ),
        Refusal::LastAdministrator => (
            Code::LastAdministrator,
            "the last administrator stays",
            "nobody else may do everything, for all tenants, and can sign in".to_owned(),
            "invite another administrator first; it counts when the invitation is taken",
        ),
        other => return about_signing_in(other),
    };
    Some(Problem::new(code, title, detail).hint(hint))
}

fn about_signing_in(refusal: &Refusal) -> Option<Problem> {
    let (code, title, detail, hint) = match refusal {
        Refusal::LastWayIn => (
            Code::LastWayIn,
            "nothing else signs you in",
            "it is the last: without it nobody could sign in as you".to_owned(),
            "set a password or add a passkey first",
        ),
        Refusal::TooManyWays { most } => (
            Code::BadRequest,
            "too many of a kind",
            format!("a person has {most} at most"),
            "remove one that is not used any more",
        ),
        Refusal::PasskeyTaken => (
            Code::NameTaken,
            "the passkey is somebody's already",
            "it signs somebody in here".to_owned(),
            "use another authenticator, or remove the passkey first",
        ),
        Refusal::AccountTaken { issuer } => (
            Code::NameTaken,
            "the account is linked already",
            format!("it is somebody's, or another account of {issuer} is linked to this person"),
            "sign in with the account that is linked, or unlink it first",
        ),
        Refusal::NotSignedInSo => (
            Code::NotSignedIn,
            "this signs nobody in here",
            "it is not known, or was removed".to_owned(),
            "sign in another way; then add it on your own page",
        ),
        Refusal::CodeNeeded => (
            Code::CodeNeeded,
            "a code is asked for",
            "beside the password you show a code from your telephone, or a spare one".to_owned(),
            "send it as `code`; `grantor login` asks for it",
        ),
        Refusal::CodeUsed => (
            Code::NotSignedIn,
            "the code was used",
            "each code counts once".to_owned(),
            "wait for the next one",
        ),
        Refusal::InvitationOver => (
            Code::InvitationOver,
            "the invitation is over",
            "it was taken, replaced by another, or is older than seven days".to_owned(),
            "ask an administrator for a new one: `grantor person reset`",
        ),
        _ => return None,
    };
    Some(Problem::new(code, title, detail).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem;

    #[test]
    fn every_refusal_about_people_has_words_and_says_what_to_do() {
        let refusals = [
            Refusal::NoSuchPerson { name: "x".to_owned() },
            Refusal::PersonExists { name: "x".to_owned() },
            Refusal::TooManyPeople { most: 1 },
            Refusal::NoRole { most: 1 },
            Refusal::LastAdministrator,
            Refusal::LastWayIn,
            Refusal::TooManyWays { most: 1 },
            Refusal::PasskeyTaken,
            Refusal::AccountTaken { issuer: "x".to_owned() },
            Refusal::NotSignedInSo,
            Refusal::CodeNeeded,
            Refusal::CodeUsed,
            Refusal::InvitationOver,
        ];
        for refusal in refusals {
            let problem = problem(refusal.clone());
            assert!(problem.code != Code::Internal && problem.hint.is_some(), "{refusal:?}");
        }
    }
}
