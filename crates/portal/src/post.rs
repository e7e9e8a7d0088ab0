//! The postman's round: sends the mails that wait. A mail that the server took but whose success could not be noted before the
//! process was killed goes out again with the same `Message-ID`.

use grantor_web::post::Letter;
pub use grantor_web::post::{PostError, Postman};

use crate::Failure;
use crate::mails::{self, Mail};
use crate::store::Store;

/// Mails taken up at a time.
const BATCH: u64 = 20;
/// A mail that the server takes for good or never: tried again after this, in milliseconds.
const REFUSED: i64 = 6 * 60 * 60 * 1000;

/// Sends what waits; gives how many went out. `now` tells the time in milliseconds since 1970.
///
/// # Errors
/// The database's. What the mail server does not take stays, with the reason.
pub async fn send_waiting(postman: &Postman, store: &Store, now: impl Fn() -> i64) -> Result<usize, Failure> {
    let mut sent = 0;
    loop {
        let mails = mails::take_up(store, now(), BATCH).await?;
        if mails.is_empty() {
            return Ok(sent);
        }
        for mail in mails {
            match postman.send(&letter(&mail)).await {
                Ok(()) => {
                    mails::was_sent(store, mail.id, now()).await?;
                    sent += 1;
                }
                Err(problem) => {
                    tracing::warn!(mail = mail.id, problem.message, "a mail was not sent");
                    let later = problem.refused.then(|| now() + REFUSED);
                    mails::was_not_sent(store, mail.id, &problem.message, later).await?;
                }
            }
        }
    }
}

fn letter(mail: &Mail) -> Letter<'_> {
    Letter {
        to: &mail.recipient,
        reply_to: mail.reply_to.as_deref(),
        message_id: &mail.message_id,
        subject: &mail.subject,
        body: &mail.body,
    }
}
