//! Sends mail by SMTP. Keeps no list of what is to be sent: whoever calls does, and gives each letter a `Message-ID` of its own,
//! so that one sent twice after a crash is known by it.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// Time for one letter.
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

/// A mail.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// To whom.
    pub to: &'a str,
    /// Whom an answer goes to, if not the sender.
    pub reply_to: Option<&'a str>,
    /// Without angle brackets.
    pub message_id: &'a str,
    /// One line.
    pub subject: &'a str,
    /// Plain text.
    pub body: &'a str,
}

/// Why a letter was not sent.
#[derive(Clone, Debug)]
pub struct Unsent {
    /// In the mail server's words, or ours.
    pub message: String,
    /// Whether trying again soon is of no use.
    pub refused: bool,
}

/// Whether it is an address that mail can go to, with or without a name in front.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
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

    /// Hands one letter to the mail server.
    ///
    /// # Errors
    /// [`Unsent`].
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), Unsent> {
        let message = self.message(letter).map_err(|message| Unsent { message, refused: true })?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Unsent { refused: error.is_permanent(), message: error.to_string() }),
        }
    }

    fn message(&self, letter: &Letter<'_>) -> Result<Message, String> {
        let to: Mailbox = letter.to.parse().map_err(|_| "the recipient is no mail address".to_owned())?;
        let reply_to = letter.reply_to.and_then(|address| address.parse::<Mailbox>().ok());
        let message = Message::builder().from(self.from.clone()).to(to);
        let message = match reply_to {
            Some(reply_to) => message.reply_to(reply_to),
            None => message,
        };
        let message = message
            .message_id(Some(format!("<{}>", letter.message_id)))
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.to_owned());
        message.map_err(|error| error.to_string())
    }
}
