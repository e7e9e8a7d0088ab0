//! Why the portal does not do what it was asked: by name, with what to do. May not speak of the database: its failures are
//! [`Failure::Database`].

use crate::orders::OrderProblem;
use crate::providers::{NoSignIn, Provider};
use crate::signer::SignerRefusal;

/// What the rules don't allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such account.
    #[error("there is no account with the reference number `{0}`")]
    UnknownAccount(String),
    /// The reference number is taken.
    #[error("the reference number `{0}` belongs to another account")]
    AccountExists(String),
    /// The account has no such install site.
    #[error("the account `{account}` has no install site `{site}`")]
    UnknownSite {
        /// The account's reference number.
        account: String,
        /// The site's name.
        site: String,
    },
    /// The account has a site of this name.
    #[error("the account has an install site `{0}` already")]
    SiteExists(String),
    /// Somebody else changed it in the meantime.
    #[error("`{0}` was changed by somebody else in the meantime")]
    ChangedMeanwhile(String),
    /// A field is empty, too long, or not what it should be.
    #[error("{field}: {message}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A catalogue that can't be read; every problem of it.
    #[error("the catalogue has mistakes:\n{0}")]
    Catalogue(String),
    /// An order that can't be booked; every problem of it.
    #[error("the order has mistakes:\n{}", lines(.0))]
    Order(Vec<OrderProblem>),
    /// An order of that number, with other contents.
    #[error("order `{0}` is booked already, with other contents")]
    OrderDiffers(String),
    /// The account has no such order.
    #[error("there is no order `{0}`")]
    UnknownOrder(String),
    /// No order has this license reference number.
    #[error("no order has the license reference number `{0}`, nor one that it may be mistyped from")]
    UnknownLrn(String),
    /// More than there is.
    #[error("{wanted} of {part} are wanted, and {available} are available")]
    NotAvailable {
        /// The part number.
        part: String,
        /// How many are wanted.
        wanted: u32,
        /// How many there are.
        available: u32,
    },
    /// No upgrade is offered.
    #[error("there is no upgrade for {0}")]
    NoUpgrade(String),
    /// What is chosen makes no license file.
    #[error("what is chosen makes no license file: {0}")]
    File(String),
    /// The account has no such file.
    #[error("there is no license file `{0}`")]
    UnknownFile(String),
    /// The file was deactivated or superseded.
    #[error("the license file `{0}` is not active any more")]
    FileEnded(String),
    /// There is somebody with this mail address.
    #[error("somebody signs in as `{0}` already")]
    PersonExists(String),
    /// No such person.
    #[error("there is nobody with the mail address `{0}`")]
    UnknownPerson(String),
    /// Only who holds a current certification for a product generates its files (seed 002, "Who Can Generate Licenses").
    #[error("{person} holds no current certification for {product}")]
    NotCertified {
        /// Who.
        person: String,
        /// The catalogue.
        product: String,
    },
    /// Files of this type are made by others.
    #[error("{person} makes no license files of the type {title}")]
    NotYourType {
        /// Who.
        person: String,
        /// The license type.
        title: String,
        /// Whether only the publisher's staff does; certified partners otherwise.
        staff: bool,
    },
    /// A disaster recovery system has no more than production (seed 002, "License Types").
    #[error(
        "{wanted} of {part} are wanted for disaster recovery beside {recovery}, and production has {production}"
    )]
    BeyondProduction {
        /// The part number.
        part: String,
        /// How many are wanted.
        wanted: u32,
        /// How many other disaster recovery files have.
        recovery: u32,
        /// How many active production files have.
        production: u32,
    },
    /// A disaster recovery system has no more than production, also when production ends or shrinks.
    #[error("production would have {production} of {part}, and disaster recovery has {recovery}, in {files}")]
    RecoveryFirst {
        /// The part number.
        part: String,
        /// How many active production files would have.
        production: u32,
        /// How many active disaster recovery files have.
        recovery: u32,
        /// The numbers of these, with commas between.
        files: String,
    },
    /// What the license type does not contain (seed 002, "Server License Types").
    #[error("{part} is nothing for license files of the type {title}")]
    NotOfType {
        /// The part number.
        part: String,
        /// The license type.
        title: String,
    },
    /// Only what is not owned is tried (seed 002, "Trial System").
    #[error("the account owns {0}: it is nothing to try")]
    OwnedAlready(String),
    /// Only a site in production tries something beside it.
    #[error("the install site `{0}` has no active production license of the product")]
    NoProduction(String),
    /// The server that is there is all that was chosen.
    #[error("nothing is chosen that the account does not own")]
    NothingTried,
    /// The link for a new password was used, is too old, or never was.
    #[error("this link can't be used any more")]
    TicketEnded,
    /// What the browser was asked was answered already, or too long ago.
    #[error("this answer comes too late, or a second time")]
    ChallengeEnded,
    /// The passkey's answer is not right, or nobody has that passkey.
    #[error("this passkey does not sign in here")]
    PasskeyWrong,
    /// Who signs people in elsewhere does not, or not this one.
    #[error("{title}: {why}")]
    Provider {
        /// What the provider is called here.
        title: String,
        /// Why not.
        why: NoSignIn,
    },
    /// The token was removed, is too old, or never was.
    #[error("this token does not count, or there is none")]
    TokenEnded,
    /// Nobody of the account, or of those above it, looks after its license files.
    #[error("nobody of `{0}`, or of an account above it, looks after its license files")]
    NobodyToWriteTo(String),
    /// The order was activated for another installation.
    #[error("`{0}` is activated for another installation")]
    ActivatedElsewhere(String),
    /// An update that would take a file to another machine.
    #[error("an update of `{0}` leaves it on its machine: another registration key or host id is a move")]
    OtherMachine(String),
    /// The account's moves of this year are used up.
    #[error("an account moves licenses {0} times a year itself, and these are used up")]
    TooManyMoves(u64),
    /// Fields of a form that are not what they should be, each with what is wrong.
    #[error("{}", .0.iter().map(|(field, message)| format!("{field}: {message}")).collect::<Vec<_>>().join("\n"))]
    Fields(Vec<(&'static str, String)>),
    /// There is no such webhook.
    #[error("there is no webhook {0}")]
    UnknownHook(i64),
    /// There is no such request, or its key is another.
    #[error("there is no request `{0}`")]
    UnknownRequest(String),
    /// The request has no such attachment.
    #[error("the request `{0}` has no such attachment")]
    UnknownAttachment(String),
    /// A mail that no request's address leads to.
    #[error("this mail is no reply to a request")]
    NoReply,
    /// Keys are changed by administrators alone.
    #[error("`{0}` is no administrator of the publisher")]
    NotAnAdministrator(String),
    /// Two people for what matters most.
    #[error("`{0}` asked for it and can't approve it: it takes two people")]
    SamePerson(String),
    /// One person could stand behind both administrators.
    #[error(
        "`{by}` and `{asked_by}` count as one person here: one was made an administrator by the other, or both by the same"
    )]
    OneSide {
        /// Who would approve.
        by: String,
        /// Who asked.
        asked_by: String,
    },
    /// A key whose end nobody decided.
    #[error("no two administrators have put another key than {0} to use, or ended it")]
    NotDecided(String),
    /// The signer could not follow it.
    #[error("{0}")]
    BySigner(SignerRefusal),
    /// The signer does not answer.
    #[error("the signer can't be asked: {0}")]
    SignerAway(String),
    /// No such change of a key.
    #[error("there is no change of a key with the number {0}")]
    UnknownKeyChange(i64),
    /// It was approved or declined.
    #[error("change {0} is decided already")]
    KeyChangeDecided(i64),
    /// The same is asked for already.
    #[error("change {0} asks for the same and waits")]
    KeyChangeWaits(i64),
    /// A key that was retired or revoked comes back for nobody.
    #[error("key {0} was retired or revoked: it signs no more")]
    KeyEnded(String),
    /// The key that signs can't be retired.
    #[error("key {0} signs now, or no other was put to use by the log")]
    KeyInUse(String),
    /// There is no such catalogue.
    #[error("there is no catalogue `{0}`")]
    UnknownCatalogue(String),
    /// There is no such import of orders.
    #[error("there is no import {0}")]
    UnknownImport(i64),
    /// A name of a request that was used for another one.
    #[error("a request of this name was sent before, and asked for something else")]
    KeyReused,
    /// The file waits for its signatures.
    #[error("the license file `{0}` is not signed yet")]
    NotSigned(String),
    /// An account would stand under itself.
    #[error("`{account}` can't stand under `{parent}`, which is the same account or stands under it")]
    Circle {
        /// The reference number of the account that is changed.
        account: String,
        /// That of the account above it.
        parent: String,
    },
}

impl Refusal {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownAccount(_) => "look the reference number up, or create the account first",
            Self::AccountExists(_) => "open that account, or use another reference number",
            Self::UnknownSite { .. } => "look under Install Sites, or create the site first",
            Self::SiteExists(_) => "edit that site, or give this one another name",
            Self::ChangedMeanwhile(_) => "load it again and repeat your change",
            Self::Fields(_) => "mend what is marked; nothing was filed",
            Self::UnknownHook(_) => "load the page again",
            Self::UnknownRequest(_) => "use the link in the mail that confirmed it",
            Self::UnknownAttachment(_) => "load the request's page again",
            Self::NoReply => "reply to the mail that confirmed the request, with its address unchanged",
            Self::Field { .. } => "mend the field and try again",
            Self::Catalogue(_) | Self::Order(_) => "mend what is listed; nothing was booked",
            Self::OrderDiffers(_) => "a change of an order is an order of its own: use another number",
            Self::NoUpgrade(_) => "see which parts have one; what was mirrored once has none",
            Self::UnknownOrder(_) => "look under Orders",
            Self::UnknownLrn(_) => "look it up in the license letter",
            Self::File(_) => "change what is chosen; nothing was spent",
            Self::UnknownFile(_) => "look under Activation File Activity",
            Self::PersonExists(_) => "open that person, or use another mail address",
            Self::UnknownPerson(_) => "look under People",
            Self::NotCertified { .. } => {
                "have somebody who is certified do it, or have the certification entered"
            }
            Self::NotAnAdministrator(_)
            | Self::BySigner(_)
            | Self::SignerAway(_)
            | Self::SamePerson(_)
            | Self::OneSide { .. }
            | Self::NotDecided(_)
            | Self::UnknownKeyChange(_)
            | Self::KeyChangeDecided(_)
            | Self::KeyChangeWaits(_)
            | Self::KeyEnded(_)
            | Self::KeyInUse(_) => self.hint_about_keys(),
            Self::ActivatedElsewhere(_) => {
                "use the registration key of that installation; to move the license, ask the publisher"
            }
            Self::NobodyToWriteTo(_) => "invite somebody of the account under People, and send it again",
            Self::ChallengeEnded => "begin once more",
            Self::NotYourType { staff: true, .. } => "file a request: the publisher's staff makes it",
            Self::NotYourType { .. } => "have a certified employee of a partner make it",
            Self::RecoveryFirst { .. } => {
                "deactivate these disaster recovery files or make them smaller first"
            }
            Self::BeyondProduction { .. } => "take fewer, or generate the production license first",
            Self::NotOfType { .. } => "leave it out, or take another license type",
            Self::OwnedAlready(_) => "leave it out, or generate a production license of it",
            Self::NoProduction(_) => "generate its production license first, or take the type Trial",
            Self::NothingTried => "choose what is to be tried beside the server",
            Self::Provider { why, .. } => why.hint(),
            Self::PasskeyWrong => "use another passkey, or your password",
            Self::TokenEnded => "make one on your own page, and send it as `Authorization: Bearer …`",
            Self::OtherMachine(_) => "move it on its page, with the reason; or leave the machine as it is",
            Self::TooManyMoves(_) => "ask the publisher: its staff moves it for you",
            Self::TicketEnded => "have a new one sent from the sign-in page",
            Self::FileEnded(_) => "take the file that came after it",
            Self::UnknownCatalogue(_) => "look under Catalogues",
            Self::UnknownImport(_) => "look under Orders, Import",
            Self::KeyReused => {
                "send that one as it was, or give this one a name of its own (Idempotency-Key)"
            }
            Self::NotSigned(_) => "try again in a moment; if it stays so, see whether the signer runs",
            Self::Circle { .. } => {
                "take the other account out from under this one first, or leave it as it is"
            }
            Self::NotAvailable { .. } => "take fewer, deactivate a file that uses them, or order more",
        }
    }

    /// What to do about signing keys, which two decide on.
    fn hint_about_keys(&self) -> &'static str {
        match self {
            Self::NotAnAdministrator(_) => "have an administrator do it",
            Self::BySigner(refusal) => refusal.hint(),
            Self::SignerAway(_) => "start it with `grantor signer run`, and try again",
            Self::OneSide { .. } => {
                "have an administrator approve it whom somebody else made one; `grantor portal person add` makes one at the command line"
            }
            Self::NotDecided(_) => {
                "put another key to use first, or revoke this one: `grantor portal key ask`"
            }
            Self::UnknownKeyChange(_) | Self::KeyChangeDecided(_) => "look under Keys",
            Self::KeyChangeWaits(_) => "have another administrator approve or decline that one",
            Self::KeyEnded(_) => "have a new key made by `grantor signer new-key`, and certified",
            Self::KeyInUse(_) => "put another key to use first; a compromised one is revoked",
            _ => "have another administrator approve it",
        }
    }
}

fn lines(problems: &[OrderProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The rules don't allow it; nothing was changed.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The database failed; nothing was changed, or it is not known (then ask again with the same number).
    #[error("the database failed: {0}")]
    Database(#[from] sea_orm::DbErr),
}

impl Failure {
    /// A field that is not what it should be.
    pub(crate) fn field(field: &'static str, message: impl Into<String>) -> Self {
        Refusal::Field { field, message: message.into() }.into()
    }

    /// Why a provider signs nobody in.
    pub(crate) fn no_sign_in(provider: &Provider, why: NoSignIn) -> Self {
        Refusal::Provider { title: provider.title.clone(), why }.into()
    }
}

/// The text without blanks around it, if it has between one and `longest` characters and none that control a terminal.
pub(crate) fn text(field: &'static str, text: &str, longest: usize) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::field(field, "is missing"));
    }
    optional_text(field, text, longest)
}

/// As [`text`], but may be empty.
pub(crate) fn optional_text(field: &'static str, text: &str, longest: usize) -> Result<String, Failure> {
    let text = text.trim();
    if text.chars().count() > longest {
        return Err(Failure::field(field, format!("has more than {longest} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Failure::field(field, "has characters that can't be shown"));
    }
    Ok(text.to_owned())
}
