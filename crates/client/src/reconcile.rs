//! What the server holds for the session against what this process thinks: after a silence, and whenever an answer or a
//! notice may have been lost. The server is right about what there is; the process about what it wants.

use grantor_api::session::Session;

use crate::error::Error;
use crate::session::{Core, Fate, State};

impl Core {
    /// Looks at what the session holds: what is gone was revoked, and what nobody here knows of is given back.
    pub(crate) fn reconcile(&self) -> Result<(), Error> {
        let before = {
            let mut state = self.state();
            state.in_doubt = false;
            View::of(&state)
        };
        let path = self.path("");
        let session: Session =
            self.ask(|http| http.get(&path)).inspect_err(|_| self.state().in_doubt = true)?;
        self.set.learn(&session);
        let there: Vec<u64> = session.grants.iter().map(|grant| grant.grant).collect();
        for grant in before.held.iter().filter(|grant| !there.contains(grant)) {
            self.revoke(*grant, "the server does not hold it for this session any more".to_owned());
        }
        let waits = |ticket: &&u64| session.waiting.iter().any(|there| there.ticket == **ticket);
        // Granted or not, asking again with the request's key finds out.
        before
            .tickets
            .iter()
            .filter(|ticket| !waits(ticket))
            .for_each(|ticket| self.decide(*ticket, Fate::Granted));
        self.give_back_strays(&before, there);
        Ok(())
    }

    /// Grants whose answer was lost and whose asker has given up. Only when nobody was asking meanwhile.
    fn give_back_strays(&self, before: &View, there: Vec<u64>) {
        let mut state = self.state();
        if state.asking == 0 && before.asking == 0 && state.asked == before.asked {
            let strays: Vec<u64> = there
                .into_iter()
                .filter(|grant| !before.held.contains(grant) && !state.returns.contains(grant))
                .collect();
            state.returns.extend(strays);
        } else {
            state.in_doubt = true;
        }
    }
}

/// The state as it was before the server was asked.
struct View {
    held: Vec<u64>,
    tickets: Vec<u64>,
    asking: u32,
    asked: u64,
}

impl View {
    fn of(state: &State) -> Self {
        Self {
            held: state.held.keys().copied().chain(state.inherited.numbers()).collect(),
            tickets: state.tickets.keys().copied().collect(),
            asking: state.asking,
            asked: state.asked,
        }
    }
}
