//! The postman: sends the mails that wait, by SMTP. A mail that the server took but whose success could not be noted before the
//! process was killed goes out again with the same `Message-ID`.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::Failure;
use crate::mails::{self, Mail};
use crate::store::Store;

/// Mails taken up at a time.
const BATCH: u64 = 20;
/// A mail that the server takes for good or never: tried again after this, in milliseconds.
const REFUSED: i64 = 6 * 60 * 60 * 1000;
/// Time for one mail.
const TIME: Duration = Duration::from_secs(30);

/// Sends mail from one address through one server.
#[derive(Clone)]
pub struct Postman {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why mail can't be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The sender's address.
    #[error("`{0}` is no sender such as `Licensing <licensing@example.com>`")]
    From(String),
    /// The server's address.
    #[error("`{0}` is no mail server such as `smtps://user:password@mail.example.com`: {1}")]
    Server(String, String),
}

impl Postman {
    /// Through the server of that URL: `smtps://…` for TLS from the first byte, `smtp://…?tls=required` for STARTTLS,
    /// `smtp://…` in the open, for a server on this machine.
    ///
    /// # Errors
    /// [`PostError`]. A password in the URL is not repeated.
    pub fn new(url: &str, from: &str) -> Result<Self, PostError> {
        let from = from.parse().map_err(|_| PostError::From(from.to_owned()))?;
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| PostError::Server(shown.to_owned(), error.to_string()))?;
        Ok(Self { transport: transport.timeout(Some(TIME)).build(), from })
    }

    /// Sends what waits; gives how many went out. `now` tells the time in milliseconds since 1970.
    ///
    /// # Errors
    /// The database's. What the mail server does not take stays, with the reason.
    pub async fn send_waiting(&self, store: &Store, now: impl Fn() -> i64) -> Result<usize, Failure> {
        let mut sent = 0;
        loop {
            let mails = mails::take_up(store, now(), BATCH).await?;
            if mails.is_empty() {
                return Ok(sent);
            }
            for mail in mails {
                match self.send(&mail).await {
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

    async fn send(&self, mail: &Mail) -> Result<(), Unsent> {
        let message = self.message(mail).map_err(|message| Unsent { message, refused: true })?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Unsent { refused: error.is_permanent(), message: error.to_string() }),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let to: Mailbox =
            mail.recipient.parse().map_err(|_| "the recipient is no mail address".to_owned())?;
        let reply_to = mail.reply_to.as_deref().and_then(|address| address.parse::<Mailbox>().ok());
        let message = Message::builder().from(self.from.clone()).to(to);
        let message = match reply_to {
            Some(reply_to) => message.reply_to(reply_to),
            None => message,
        };
        let message = message
            .message_id(Some(format!("<{}>", mail.message_id)))
            .subject(&mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body.clone());
        message.map_err(|error| error.to_string())
    }
}

/// Why a mail was not sent, and whether trying again soon is of no use.
struct Unsent {
    message: String,
    refused: bool,
}
