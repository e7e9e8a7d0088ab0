//! What falls due, each at its own instant.

use grantor_site::Timestamp;
use grantor_site::ids::{GrantId, SessionId, TicketId};

use super::Oracle;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Lines,
    Lease(SessionId),
    Hold(GrantId),
    Place(TicketId),
}

impl Oracle {
    pub fn pass_time(&mut self, end: Timestamp) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            match due {
                Due::Lines => {
                    self.built_at = at;
                    let mut tenants: Vec<_> = self.files.iter().map(|file| file.tenant.clone()).collect();
                    tenants.sort();
                    tenants.dedup();
                    for tenant in tenants {
                        self.rebuild(&tenant);
                    }
                }
                Due::Lease(session) => {
                    let _ = self.end(session);
                }
                Due::Hold(grant) => self.free(grant),
                Due::Place(ticket) => {
                    let place = self.tickets.iter().position(|other| other.id == ticket).unwrap();
                    let ticket = self.tickets.remove(place);
                    self.serve(&ticket.key);
                }
            }
        }
        self.now = self.now.max(end);
        self.built_at = self.now;
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        let mut due: Vec<(Timestamp, Due)> = Vec::new();
        for line in self.files.iter().flat_map(|file| &file.lines) {
            let dates = [line.starts, line.ends].into_iter().flatten();
            due.extend(dates.filter(|at| *at > self.built_at).map(|at| (at, Due::Lines)));
        }
        due.extend(self.sessions.iter().filter_map(|s| Some((s.lease?, Due::Lease(s.id)))));
        let holds = self.grants.iter().filter(|grant| grant.session.is_none());
        due.extend(holds.filter_map(|grant| Some((grant.until?, Due::Hold(grant.id)))));
        due.extend(self.tickets.iter().map(|ticket| (ticket.until, Due::Place(ticket.id))));
        due.into_iter().min()
    }
}
