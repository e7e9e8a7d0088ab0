//! What mails say: a template for each kind, plain text with blanks to fill in. The publisher's own take the place of those that are
//! built in, kind by kind.
//!
//! May not know whom a mail goes to, or when: that is the outbox's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};

/// What a mail tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody is invited to choose a password.
    Invitation,
    /// Somebody asked for a new password.
    NewPassword,
    /// A password was changed.
    PasswordChanged,
    /// A passkey was made.
    PasskeyAdded,
    /// An account elsewhere signs in as somebody.
    AccountLinked,
    /// An order was booked.
    LicenseLetter,
    /// A license file was signed anew.
    SignedAnew,
    /// A request was filed: to whoever asked.
    RequestFiled,
    /// A request was answered: to whoever asked.
    RequestAnswered,
    /// Whoever asked wrote: to the staff.
    RequestMessage,
    /// The first answer is due soon: to the staff.
    RequestDue,
    /// The first answer is late: to the staff.
    RequestLate,
}

/// A template that won't do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}.txt: {says}")]
pub struct Wrong {
    /// The template's name.
    pub name: String,
    /// What is wrong, with its line where there is one.
    pub says: String,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Invitation,
        Self::NewPassword,
        Self::PasswordChanged,
        Self::PasskeyAdded,
        Self::AccountLinked,
        Self::LicenseLetter,
        Self::SignedAnew,
        Self::RequestFiled,
        Self::RequestAnswered,
        Self::RequestMessage,
        Self::RequestDue,
        Self::RequestLate,
    ];

    /// Its template's name, and the name of its file without `.txt`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::NewPassword => "new-password",
            Self::PasswordChanged => "password-changed",
            Self::PasskeyAdded => "passkey-added",
            Self::AccountLinked => "account-linked",
            Self::LicenseLetter => "license-letter",
            Self::SignedAnew => "signed-anew",
            Self::RequestFiled => "request-filed",
            Self::RequestAnswered => "request-answered",
            Self::RequestMessage => "request-message",
            Self::RequestDue => "request-due",
            Self::RequestLate => "request-late",
        }
    }

    /// The kind with that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The template that is built in.
    #[must_use]
    pub fn built_in(self) -> &'static str {
        match self {
            Self::Invitation => include_str!("../../templates/mail/invitation.txt"),
            Self::NewPassword => include_str!("../../templates/mail/new-password.txt"),
            Self::PasswordChanged => include_str!("../../templates/mail/password-changed.txt"),
            Self::PasskeyAdded => include_str!("../../templates/mail/passkey-added.txt"),
            Self::AccountLinked => include_str!("../../templates/mail/account-linked.txt"),
            Self::LicenseLetter => include_str!("../../templates/mail/license-letter.txt"),
            Self::SignedAnew => include_str!("../../templates/mail/signed-anew.txt"),
            Self::RequestFiled => include_str!("../../templates/mail/request-filed.txt"),
            Self::RequestAnswered => include_str!("../../templates/mail/request-answered.txt"),
            Self::RequestMessage => include_str!("../../templates/mail/request-message.txt"),
            Self::RequestDue => include_str!("../../templates/mail/request-due.txt"),
            Self::RequestLate => include_str!("../../templates/mail/request-late.txt"),
        }
    }

    /// Everything that its template may fill in, as in a real mail: what a publisher's template is tried with.
    #[must_use]
    pub fn sample(self) -> Value {
        let request = json!({
            "number": "AFR-0000001", "subject": "More seats", "urgent": true, "name": "Ada Lovelace", "mail": "ada@acme.example",
            "due": "2026-11-30 09:00 UTC", "page": "https://licensing.example.com/requests/AFR-0000001",
        });
        let more = match self {
            Self::Invitation | Self::NewPassword => {
                return json!({ "name": "Ada", "mail": "ada@acme.example", "link": "https://licensing.example.com/password/grl_" });
            }
            Self::PasswordChanged => return json!({ "name": "Ada" }),
            Self::PasskeyAdded => return json!({ "name": "Ada", "passkey": "Laptop" }),
            Self::AccountLinked => {
                return json!({ "name": "Ada", "account": "ada", "issuer": "https://id.example.com" });
            }
            Self::LicenseLetter => {
                let parts = [json!({ "number": "SW-001", "quantity": 50 })];
                return json!({
                    "name": "Ada", "order": "SO-1", "lrn": "LRN-1", "account": "Acme", "site": "Berlin", "parts": parts, "more_parts": 1,
                });
            }
            Self::SignedAnew => return json!({ "name": "Ada", "file": "AF-000001", "lrn": "LRN-1" }),
            Self::RequestFiled => json!({ "kind": "Question", "replies": true }),
            Self::RequestAnswered => json!({ "answer": "Here it is.", "done": true }),
            Self::RequestMessage => json!({ "author": "ada@acme.example", "message": "And more." }),
            Self::RequestDue | Self::RequestLate => json!({ "assignee": "Ann" }),
        };
        with(request, more)
    }
}

/// The fields of both.
pub(crate) fn with(mut fields: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}

/// Subject and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// The publisher's own templates.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    own: BTreeMap<Kind, String>,
}

impl Templates {
    /// Reads those of a folder, `NAME.txt` each, and tries every one. Kinds without a file stay as they are built in.
    ///
    /// # Errors
    /// A folder or file that can't be read; a file of no kind; a template that won't do.
    pub fn read(folder: &Path) -> Result<Self, Wrong> {
        let unreadable =
            |name: &str, error: &dyn fmt::Display| Wrong { name: name.to_owned(), says: error.to_string() };
        let mut own = BTreeMap::new();
        let files = std::fs::read_dir(folder)
            .map_err(|error| unreadable(&format!("{}/*", folder.display()), &error))?;
        for file in files {
            let path = file.map_err(|error| unreadable("*", &error))?.path();
            if path.extension().is_none_or(|end| end != "txt") {
                continue;
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let kind = Kind::parse(&name).ok_or_else(|| {
                let known = Kind::ALL.map(Kind::name).join(", ");
                Wrong { name: name.clone(), says: format!("there is no such mail; there are {known}") }
            })?;
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&name, &error))?;
            fill(kind, &text, &kind.sample())?;
            own.insert(kind, text);
        }
        Ok(Self { own })
    }

    /// The publisher's own words, where there are any for the kind.
    ///
    /// # Errors
    /// A template that can't be filled in with these fields.
    pub fn own(&self, kind: Kind, fields: &Value) -> Result<Option<Words>, Wrong> {
        self.own.get(&kind).map(|text| fill(kind, text, fields)).transpose()
    }
}

/// The words that are built in.
///
/// # Errors
/// A field that is missing.
pub(crate) fn built_in(kind: Kind, fields: &Value) -> Result<Words, Wrong> {
    fill(kind, kind.built_in(), fields)
}

/// Fills a template in. Its first line is the subject: a line of its own, whatever is filled into it.
fn fill(kind: Kind, template: &str, fields: &Value) -> Result<Words, Wrong> {
    let wrong = |says: String| Wrong { name: kind.name().to_owned(), says };
    let template = template.replace("\r\n", "\n");
    let (first, body) = template.split_once('\n').unwrap_or((&template, ""));
    let subject = first.strip_prefix("Subject:").map(str::trim);
    let subject = subject.filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| wrong("the first line is `Subject: …`".to_owned()))?;
    let mut words = Environment::new();
    words.set_undefined_behavior(UndefinedBehavior::Strict);
    let rendered = |text: &str, before: usize| {
        words.render_str(text, Serde(fields)).map_err(|error| wrong(told(&error, before, fields)))
    };
    let subject = rendered(subject, 0)?.split(char::is_control).collect::<Vec<_>>().join(" ");
    let body = rendered(body, 1)?;
    let body = body.trim();
    if body.is_empty() {
        return Err(wrong("has a subject and no text".to_owned()));
    }
    Ok(Words { subject, body: format!("{body}\n") })
}

/// What is wrong, in which line, and what there is to fill in.
fn told(error: &minijinja::Error, before: usize, fields: &Value) -> String {
    let names: Vec<&str> =
        fields.as_object().map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default();
    let line = error.line().map_or_else(String::new, |line| format!("line {}: ", line + before));
    let says = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    format!("{line}{says}; it may fill in {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Templates, built_in};
    use serde_json::json;

    #[test]
    fn every_mail_has_words_that_can_be_filled_in_and_say_all_that_is_known() {
        for kind in Kind::ALL {
            let sample = kind.sample();
            let words = built_in(kind, &sample).unwrap();
            assert!(!words.subject.contains('\n') && words.body.ends_with('\n'), "{kind:?}: {words:?}");
            assert!(!words.body.contains("{{") && !words.body.contains("{%"), "{kind:?}: {words:?}");
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
    }

    #[test]
    fn a_publishers_own_words_take_the_place_of_ours_and_the_other_mails_stay() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("license-letter.txt"),
            "Subject: Auftrag {{ order }}\n\nGuten Tag {{ name }},\nIhre Nummer: {{ lrn }}\n",
        )
        .unwrap();
        std::fs::write(folder.path().join("notes.md"), "not a template").unwrap();
        let templates = Templates::read(folder.path()).unwrap();
        let fields = json!({ "order": "SO-1\nBcc: x@evil.example", "name": "<b>Ada</b>", "lrn": "LRN-1" });
        let words = templates.own(Kind::LicenseLetter, &fields).unwrap().unwrap();
        assert_eq!(words.subject, "Auftrag SO-1 Bcc: x@evil.example");
        assert_eq!(words.body, "Guten Tag <b>Ada</b>,\nIhre Nummer: LRN-1\n");
        assert_eq!(templates.own(Kind::Invitation, &fields).unwrap(), None);
    }

    #[test]
    fn a_template_that_wont_do_is_told_with_its_line_and_what_it_may_fill_in() {
        for (name, text, says) in [
            (
                "password-changed",
                "Subject: Hi\n\nHello {{ nmae }}",
                "password-changed.txt: line 3: undefined value",
            ),
            ("password-changed", "Subject: Hi\n\nHello {{ nmae }}", "it may fill in name"),
            ("password-changed", "Subject: Hi\n\n{% if name %}", "line 3"),
            ("password-changed", "Hello", "the first line is `Subject: …`"),
            ("password-changed", "Subject: Hi\n\n", "has a subject and no text"),
            ("licence-letter", "Subject: Hi\n\nHello", "there is no such mail; there are invitation, "),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(format!("{name}.txt")), text).unwrap();
            let wrong = Templates::read(folder.path()).unwrap_err().to_string();
            assert!(wrong.contains(says), "{wrong}");
        }
        let nowhere = Templates::read(std::path::Path::new("/no/such/folder")).unwrap_err();
        assert!(nowhere.to_string().contains("/no/such/folder"), "{nowhere}");
    }
}
