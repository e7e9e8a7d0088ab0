//! The postman's round: sends the mails that wait. A mail that the server took but whose success could not be noted before the
//! process was killed goes out again with the same `Message-ID`.

use grantor_web::post::Letter;
pub use grantor_web::post::{PostError, Postman};

use crate::Failure;
use crate::mails::{self, Mail, Templates, Words};
use crate::store::Store;

/// Mails taken up at a time.
const BATCH: u64 = 20;
/// A mail that the server takes for good or never: tried again after this, in milliseconds.
const REFUSED: i64 = 6 * 60 * 60 * 1000;

/// Sends what waits; gives how many went out. `now` tells the time in milliseconds since 1970.
///
/// # Errors
/// The database's. What the mail server does not take stays, with the reason.
pub async fn send_waiting(
    postman: &Postman,
    templates: &Templates,
    store: &Store,
    now: impl Fn() -> i64,
) -> Result<usize, Failure> {
    let mut sent = 0;
    loop {
        let mails = mails::take_up(store, now(), BATCH).await?;
        if mails.is_empty() {
            return Ok(sent);
        }
        for mail in mails {
            let words = words(&mail, templates);
            match postman.send(&letter(&mail, &words)).await {
                Ok(()) => {
                    mails::was_sent(store, mail.id, &words, now()).await?;
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

/// The publisher's own words, or those that it was written with.
fn words(mail: &Mail, templates: &Templates) -> Words {
    let own = mail.told.as_ref().map_or(Ok(None), |(kind, fields)| templates.own(*kind, fields));
    let own = own.unwrap_or_else(|wrong| {
        tracing::error!(mail = mail.id, %wrong, "a mail goes out with the words that are built in");
        None
    });
    own.unwrap_or_else(|| Words { subject: mail.subject.clone(), body: mail.body.clone() })
}

fn letter<'a>(mail: &'a Mail, words: &'a Words) -> Letter<'a> {
    Letter {
        to: &mail.recipient,
        reply_to: mail.reply_to.as_deref(),
        message_id: &mail.message_id,
        subject: &words.subject,
        body: &words.body,
    }
}
