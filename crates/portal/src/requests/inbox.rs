//! Mail that comes in: a reply to a request's mail, handed over by the mail server one at a time. Answers of machines are left
//! out, so that two of them never talk to each other for ever.

use mail_parser::{
    Address, ContentType, GetHeader, HeaderName, Message, MessageParser, MessagePart, MimeHeaders,
};
use sea_orm::DatabaseTransaction;

use super::{House, Request, address, attachments, find, thread};
use crate::store::Store;
use crate::{Failure, Refusal};

/// Bytes of one mail, at most.
pub const LARGEST: usize = 32 * 1024 * 1024;
/// Attachments read of one mail, at most.
const ATTACHMENTS: usize = 20;
/// Parts of one mail, at most, with those in other parts: reading them goes as deep as they do.
const PARTS: usize = 1000;

/// What came of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It was added to the request; these attachments were not taken, and why.
    Added {
        /// The request's number.
        number: String,
        /// What was left out, a sentence each.
        left_out: Vec<String>,
    },
    /// It was added before.
    Again(String),
    /// A machine wrote it.
    Automatic,
}

/// Adds a mail to the request that it replies to; `to` are the addresses it was delivered to, beside those in its head.
///
/// # Errors
/// [`Refusal::NoReply`] for what is no reply to a request; [`Refusal::Field`] for a mail of more than 1,000 parts or with an encoded
/// mail inside; the database's.
pub async fn take(
    store: &Store,
    house: &House<'_>,
    to: &[String],
    bytes: &[u8],
    at: i64,
) -> Result<Taken, Failure> {
    if parts(bytes) > PARTS {
        return Err(Failure::field("mail", format!("has more than {PARTS} parts")));
    }
    if has_encoded_mail(bytes) {
        return Err(Failure::field(
            "mail",
            "has a mail attached that is encoded; attach it packed, as a ZIP file",
        ));
    }
    let mail = MessageParser::default().parse(bytes).ok_or(Refusal::NoReply)?;
    if is_automatic(&mail) {
        return Ok(Taken::Automatic);
    }
    let number =
        recipients(&mail, to).find_map(|to| address::replied(house.seal, &to)).ok_or(Refusal::NoReply)?;
    let request = find(store.read(), &number).await?;
    let message_id = mail.message_id().map(|id| id.chars().take(500).collect::<String>());
    if let Some(id) = &message_id
        && thread::was_taken(store.read(), id).await?
    {
        return Ok(Taken::Again(number));
    }
    let author = first(mail.from()).unwrap_or_else(|| request.mail.clone());
    let body = written(&mail);
    let body = if body.trim().is_empty() { "(a mail without text)".to_owned() } else { body };
    // Together: a mail that is handed over again was taken with all that it had, or not at all.
    let tx = store.write().await?;
    thread::say_in(&tx, house, &request, (&author, &body), message_id, at).await?;
    let left_out = attach(&tx, &request, &mail, (&author, at)).await?;
    tx.commit().await?;
    Ok(Taken::Added { number, left_out })
}

/// How many parts there are, or fewer: each says what it is in a line of its own.
fn parts(mail: &[u8]) -> usize {
    let says = |line: &&[u8]| line.get(..12).is_some_and(|begin| begin.eq_ignore_ascii_case(b"Content-Type"));
    mail.split(|byte| *byte == b'\n').filter(says).count()
}

/// Whether a mail inside is encoded, which none may be (RFC 2046, 5.2.1): how deep it goes is not seen before it is read, and reading
/// goes as deep.
fn has_encoded_mail(mail: &[u8]) -> bool {
    // What says how parts are encoded is read as if it said what they are: the parser decodes nothing then.
    let encoding = HeaderName::ContentTransferEncoding;
    let undecoded = MessageParser::new().with_mime_headers().header_content_type(encoding).parse(mail);
    let mut inside: Vec<&Message<'_>> = undecoded.iter().collect();
    while let Some(mail) = inside.pop() {
        if mail.parts.iter().any(is_encoded_mail) {
            return true;
        }
        inside.extend(mail.parts.iter().filter_map(MessagePart::message));
    }
    false
}

fn is_encoded_mail(part: &MessagePart<'_>) -> bool {
    let encoding = part.headers.header_value(&HeaderName::ContentTransferEncoding);
    let encoding = encoding.and_then(|value| value.as_content_type()).map(ContentType::ctype);
    let is_mail = part.content_type().is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("message"));
    ["base64", "quoted-printable"].iter().any(|word| encoding.is_some_and(|is| is.eq_ignore_ascii_case(word)))
        && (is_mail || part.message().is_some() || part.is_encoding_problem)
}

async fn attach(
    tx: &DatabaseTransaction,
    request: &Request,
    mail: &Message<'_>,
    by: (&str, i64),
) -> Result<Vec<String>, Failure> {
    let mut left_out = Vec::new();
    let more = mail.attachment_count().saturating_sub(ATTACHMENTS);
    for part in mail.attachments().take(ATTACHMENTS) {
        let name = part.attachment_name().unwrap_or("attachment");
        match attachments::add_in(tx, request, (name, part.contents()), by).await {
            Ok(_) => {}
            Err(Failure::Refused(refusal)) => left_out.push(format!("{name}: {refusal}")),
            Err(failure) => return Err(failure),
        }
    }
    if more > 0 {
        left_out.push(format!("{more} more files: the first {ATTACHMENTS} files of a mail are taken"));
    }
    Ok(left_out)
}

fn is_automatic(mail: &Message<'_>) -> bool {
    let head =
        |name: &str| mail.header(name).and_then(|value| value.as_text()).unwrap_or("").to_ascii_lowercase();
    let by_itself = !matches!(head("Auto-Submitted").as_str(), "" | "no");
    by_itself || matches!(head("Precedence").as_str(), "bulk" | "junk" | "auto_reply")
}

fn recipients<'a>(mail: &'a Message<'_>, to: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let named = [mail.to(), mail.cc()].into_iter().flatten().flat_map(|all| all.iter());
    let named = named.filter_map(|one| one.address.as_deref().map(str::to_owned));
    to.iter().cloned().chain(named)
}

fn first(address: Option<&Address<'_>>) -> Option<String> {
    let address = address?.first()?.address.as_deref()?.to_owned();
    let odd = |sign: char| sign.is_control() || sign.is_whitespace();
    (address.len() <= 200 && !address.contains(odd)).then_some(address)
}

/// What was written now: without what was quoted from before.
fn written(mail: &Message<'_>) -> String {
    let text = mail.body_text(0).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('>')).take_while(|line| line.trim_end() != "--");
    let mut written = lines.collect::<Vec<_>>().join("\n");
    written.truncate(written.char_indices().nth(19_000).map_or(written.len(), |(at, _)| at));
    written.trim().to_owned()
}
