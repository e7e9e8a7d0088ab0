//! A container that comes back: its new session takes over what the session of the same instance holds, in one step, so
//! that a restart neither leaks a seat nor loses it to somebody who waits.

use crate::Site;
use crate::checkout::{claimed_machine, is_unlocked};
use crate::command::{EndReason, OpenSession};
use crate::event::Event;
use crate::ids::{GrantId, SessionId};
use crate::outcome::{Refusal, Reply};
use crate::ties::InstanceId;

impl Site {
    pub(crate) fn open_instance(&mut self, open: &OpenSession, instance: &str) -> Result<Reply, Refusal> {
        if self.sessions.contains(open.session) {
            return self.open_session(open);
        }
        let instance = InstanceId::new(&open.tenant, &open.who.application, instance);
        // A retry that comes so late that the next run has opened: it must not take the seats back from that.
        if self.ties.was_replaced(instance, open.session) {
            return Err(Refusal::SessionReplaced);
        }
        let before = self.ties.instances.get(instance).copied();
        let reply = self.open_in_place_of(open, before.is_some())?;
        self.ties.bind(instance, open.session);
        if let Some(before) = before {
            self.hand_over(before, open.session);
            self.pass_presence(before, open.session);
            // What its new machine may not have is given back with the session.
            self.end_session(before, &EndReason::Replaced)?;
        }
        Ok(reply)
    }

    fn hand_over(&mut self, from: SessionId, to: SessionId) {
        let Some(old) = self.sessions.get(from) else { return };
        let grants = old.grants().to_vec();
        let (moving, staying): (Vec<_>, Vec<_>) = grants.into_iter().partition(|id| self.may_have(to, *id));
        for id in &moving {
            self.give_to(*id, to);
        }
        if let Some(old) = self.sessions.get_mut(from) {
            old.set_grants(staying);
        }
        if let Some(new) = self.sessions.get_mut(to) {
            moving.iter().for_each(|id| new.take(*id));
        }
        for id in moving {
            if let Some(grant) = self.grant_event(id) {
                self.tell(Event::HandedOver { grant, from });
            }
        }
    }

    /// Whether the session's machine may use the grant; a seat of a suite goes where its component goes.
    fn may_have(&self, session: SessionId, id: GrantId) -> bool {
        let component = self.came_with(id).unwrap_or(id);
        let Some((session, pool)) = self.sessions.get(session).zip(self.pool_of(component)) else {
            return false;
        };
        is_unlocked(pool, || claimed_machine(session.machine(), &session.who))
    }

    fn give_to(&mut self, id: GrantId, session: SessionId) {
        let Some(who) = self.sessions.get(session).map(|session| session.who.clone()) else { return };
        if let Some(grant) = self.grants.get_mut(id) {
            (grant.taken_by, grant.who) = (session, who);
        }
        // The session may have the id of a lease that ended: what it holds itself does not come back to it.
        if self.ties.reserved.get(id) == Some(&session) {
            self.ties.reserved.remove(id);
        }
    }
}
