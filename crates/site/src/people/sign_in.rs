//! Visits: how they begin and end. That a password, a code or an answer is right is the server's word; that nothing counts
//! twice, and that the second factor is shown where there is one, is decided here.

use serde::{Deserialize, Serialize};

use super::{ACCOUNTS, Account, Hidden, Person, VISITS, Visit};
use crate::access::{Access, Secret};
use crate::event::Event;
use crate::outcome::Refusal;
use crate::time::Timestamp;

/// What was shown beside the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Second {
    /// Nothing.
    None,
    /// A code of this step, from the telephone.
    Step(u64),
    /// A spare code with this hash.
    Spare(Secret),
}

/// What the server found to be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The password.
    Password(Second),
    /// A passkey, and what to keep of it from now on.
    Passkey {
        /// Its number.
        id: Vec<u8>,
        /// What changed with its use.
        counter: [u8; 7],
    },
    /// Another house vouches.
    Elsewhere {
        /// For whom, as it knows them.
        account: Account,
        /// Whether the account may be linked to the person now: it has the person's name, verified.
        links: bool,
        /// Whether the other house asks for two factors itself.
        is_enough: bool,
        /// What was shown beside it.
        second: Second,
    },
    /// The invitation with this hash, and the password chosen by it, or the account that takes its place.
    Invitation {
        /// Its hash.
        invitation: Secret,
        /// The new password's hash.
        password: Option<Hidden>,
        /// Who vouches from now on.
        account: Option<Account>,
    },
}

/// How a visit began, for those who look at it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// By the password alone.
    Password,
    /// By the password and a code.
    PasswordAndCode,
    /// By the password and a spare code.
    PasswordAndSpare,
    /// By a passkey.
    Passkey {
        /// What it is called.
        name: String,
    },
    /// Another house vouched.
    Elsewhere {
        /// Which.
        issuer: String,
    },
    /// By an invitation.
    Invitation,
}

/// Which visits end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// The one with this hash.
    One(Secret),
    /// All but the one with this hash.
    AllBut(Secret),
    /// All.
    All,
}

impl Which {
    fn means(&self, visit: &Secret) -> bool {
        match self {
            Self::One(one) => one == visit,
            Self::AllBut(one) => one != visit,
            Self::All => true,
        }
    }
}

/// A visit that is to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// The hash of what it is known by.
    pub visit: Secret,
    /// Whose.
    pub person: String,
    /// What was shown.
    pub proof: Proof,
    /// The address from where.
    pub from: Box<str>,
    /// Until when, at the latest.
    pub until: Timestamp,
}

impl Access {
    pub(crate) fn sign_in(&mut self, begin: &Beginning, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let mut person = self.known(&begin.person)?;
        let (means, mut events) = self.shown(&mut person, &begin.proof, now)?;
        // Who signs in needs no invitation.
        person.invitation = None;
        let (name, from) = (person.name.clone(), begin.from.clone());
        let (since, until) = (now, begin.until);
        events.push(Event::SignedIn { name: name.clone(), means: means.clone(), from: from.clone() });
        // Whom nothing but the visit concerns stays as they were written before.
        if self.known(&name)? != person {
            self.put(person);
        }
        self.people.visits.retain(|_, visit| now < visit.until);
        self.make_room(&name);
        self.people.visits.insert(begin.visit, Visit { person: name, since, until, means, from });
        Ok(events)
    }

    /// Ends a person's earliest visit if there is no room for another.
    fn make_room(&mut self, name: &str) {
        let theirs = self.people.visits.iter().filter(|(_, visit)| visit.person == name);
        let mut theirs: Vec<(Timestamp, Secret)> = theirs.map(|(hash, visit)| (visit.since, *hash)).collect();
        theirs.sort();
        let over = (theirs.len() + 1).saturating_sub(VISITS);
        for (_, hash) in theirs.into_iter().take(over) {
            self.people.visits.remove(&hash);
        }
    }

    /// What the proof changes about the person, and how the visit is said to have begun.
    fn shown(
        &self,
        person: &mut Person,
        proof: &Proof,
        now: Timestamp,
    ) -> Result<(Means, Vec<Event>), Refusal> {
        match proof {
            Proof::Password(second) => {
                person.password.as_ref().ok_or(Refusal::NotSignedInSo)?;
                Ok((beside(person, second)?, Vec::new()))
            }
            Proof::Passkey { id, counter } => {
                let found = person.passkeys.iter_mut().find(|passkey| passkey.id == *id);
                let passkey = found.ok_or(Refusal::NotSignedInSo)?;
                (passkey.counter, passkey.used) = (*counter, Some(now));
                Ok((Means::Passkey { name: passkey.name.clone() }, Vec::new()))
            }
            Proof::Elsewhere { account, links, is_enough, second } => {
                let events = self.vouched(person, account, *links, now)?;
                if !is_enough {
                    beside(person, second)?;
                }
                Ok((Means::Elsewhere { issuer: account.issuer.clone() }, events))
            }
            Proof::Invitation { invitation, password, account } => {
                self.accepted(person, *invitation, (password.as_ref(), account.as_ref()), now)
            }
        }
    }

    fn vouched(
        &self,
        person: &mut Person,
        account: &Account,
        links: bool,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let same = |kept: &&mut Account| kept.issuer == account.issuer && kept.subject == account.subject;
        if let Some(kept) = person.accounts.iter_mut().find(same) {
            kept.used = Some(now);
            return Ok(Vec::new());
        }
        if links { self.link(person, account, now) } else { Err(Refusal::NotSignedInSo) }
    }

    /// Links an account elsewhere to the person: one for each house, and each to one person.
    pub(super) fn link(
        &self,
        person: &mut Person,
        account: &Account,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let taken = self.with_account(&account.issuer, &account.subject).is_some();
        if taken || person.accounts.iter().any(|kept| kept.issuer == account.issuer) {
            return Err(Refusal::AccountTaken { issuer: account.issuer.clone() });
        }
        if person.accounts.len() >= ACCOUNTS {
            return Err(Refusal::TooManyWays { most: ACCOUNTS as u32 });
        }
        person.accounts.push(Account { since: now, used: Some(now), ..account.clone() });
        let what = super::PersonAct::Linked { issuer: account.issuer.clone(), name: account.name.clone() };
        Ok(vec![Event::PersonChanged { name: person.name.clone(), what, by: person.name.clone() }])
    }

    fn accepted(
        &self,
        person: &mut Person,
        invitation: Secret,
        (password, account): (Option<&Hidden>, Option<&Account>),
        now: Timestamp,
    ) -> Result<(Means, Vec<Event>), Refusal> {
        let fits = person.invitation.is_some_and(|(hash, until)| hash == invitation && now < until);
        if !fits || (password.is_none() && account.is_none()) {
            return Err(Refusal::InvitationOver);
        }
        person.invitation = None;
        let (name, by) = (person.name.clone(), person.name.clone());
        let mut events = vec![Event::PersonChanged { name, what: super::PersonAct::InvitationTaken, by }];
        if let Some(account) = account {
            events.extend(self.link(person, account, now)?);
        }
        if let Some(password) = password {
            person.password = Some(password.clone());
        }
        Ok((Means::Invitation, events))
    }

    /// Ends visits of a person; the answer is how many.
    pub(crate) fn sign_out(&mut self, name: &str, which: &Which, by: &str) -> Vec<Event> {
        let before = self.people.visits.len();
        self.people.visits.retain(|hash, visit| visit.person != name || !which.means(hash));
        match before - self.people.visits.len() {
            0 => Vec::new(),
            ended => {
                vec![Event::SignedOut { name: name.to_owned(), visits: ended as u32, by: by.to_owned() }]
            }
        }
    }
}

/// What was shown beside the password counts once; where codes are on, something has to be.
fn beside(person: &mut Person, second: &Second) -> Result<Means, Refusal> {
    let Some(codes) = &mut person.codes else { return Ok(Means::Password) };
    match second {
        Second::None => Err(Refusal::CodeNeeded),
        Second::Step(step) if *step <= codes.last => Err(Refusal::CodeUsed),
        Second::Step(step) => {
            codes.last = *step;
            Ok(Means::PasswordAndCode)
        }
        Second::Spare(spare) => {
            let place = codes.spare.iter().position(|kept| kept == spare).ok_or(Refusal::CodeUsed)?;
            codes.spare.remove(place);
            Ok(Means::PasswordAndSpare)
        }
    }
}
