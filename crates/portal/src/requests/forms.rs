//! What the forms ask: every field of seed 002, "Request an Activation File", and of the order kit of seed 003, "Providing
//! Required Information". Pure: reads texts, knows no database.

use std::collections::BTreeMap;

use super::Kind;
use crate::Refusal;
use crate::people::address;

/// Characters of a line, and of a longer text, at most.
const LINE: usize = 200;
const TEXT: usize = 20_000;
/// Further recipients, at most.
const OTHERS: usize = 20;

/// Mail anybody can have: not a corporate address.
const NOT_CORPORATE: [&str; 31] = [
    "126.com",
    "163.com",
    "aol.com",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "hotmail.co.uk",
    "hotmail.fr",
    "icloud.com",
    "libero.it",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailinator.com",
    "me.com",
    "msn.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.co.uk",
    "yahoo.com",
    "yandex.ru",
];

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A line.
    Line,
    /// A longer text.
    Text,
    /// A day.
    Day,
    /// One of these.
    One(&'static [&'static str]),
}

/// A field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in the form, and under which it is kept.
    pub name: &'static str,
    /// As people read it.
    pub label: &'static str,
    /// What to enter, where that isn't plain.
    pub help: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Whether it can't be left empty.
    pub needed: bool,
}

const fn field(name: &'static str, label: &'static str, help: &'static str, takes: Takes) -> Field {
    Field { name, label, help, takes, needed: false }
}

const fn needed(name: &'static str, label: &'static str, help: &'static str, takes: Takes) -> Field {
    Field { name, label, help, takes, needed: true }
}

const PUBLISHER_TYPES: &[&str] = &[
    "New deployment",
    "Add-on",
    "Upgrade",
    "Migration",
    "Reallocation",
    "Change of host",
    "Switchover",
    "Evaluation",
    "Trial",
    "Development",
    "Temporary",
    "Disaster recovery",
    "Load test",
    "Training",
    "Subscription",
    "Mixed estate",
];
const HOSTED_TYPES: &[&str] =
    &["New deployment", "Add-on", "Extension", "Change of host", "Upgrade", "Subscription"];
const DEPLOYMENTS: &[&str] = &[
    "Production",
    "Lab",
    "Test",
    "Development",
    "Disaster recovery, cold standby",
    "Disaster recovery, hot standby",
];
const IMPLEMENTATIONS: &[&str] =
    &["New deployment", "Add-on", "Migration", "Reallocation", "Temporary", "Upgrade"];
const ENVIRONMENTS: &[&str] = &["Production", "Lab", "Test", "Development"];

/// What every form asks first.
pub const SUMMARY: &[Field] = &[
    needed("first_name", "First name", "", Takes::Line),
    needed("last_name", "Last name", "", Takes::Line),
    needed("mail", "Corporate email", "No address of a public mail service.", Takes::Line),
    needed("mail_again", "Confirm corporate email", "", Takes::Line),
    field(
        "others",
        "Additional email recipients",
        "Addresses with blanks or commas between; they get every answer.",
        Takes::Line,
    ),
    field("phone", "Work phone", "", Takes::Line),
    needed("employer", "Employer", "", Takes::Line),
    field("end_user", "End user account", "Whom the license is for.", Takes::Line),
    field("sold_to", "Sold to account", "Partner or direct customer that got the invoice.", Takes::Line),
    field(
        "reference",
        "End user account reference number",
        "On the license letter, a quote or an invoice.",
        Takes::Line,
    ),
    needed("subject", "Subject", "In a few words.", Takes::Line),
    needed("description", "Description", "", Takes::Text),
    field("needed_by", "Date needed", "", Takes::Day),
    field("reason", "Date reasoning", "Why by that day; needed if it is urgent.", Takes::Text),
];

const PUBLISHER: &[Field] = &[
    needed("type", "Activation file type", "", Takes::One(PUBLISHER_TYPES)),
    field("deployment", "Deployment type", "", Takes::One(DEPLOYMENTS)),
    field("implementation", "Implementation type", "", Takes::One(IMPLEMENTATIONS)),
    field("primary_host", "Primary MAC ID or host ID", "Of the production server.", Takes::Line),
    field("backup_host", "Backup MAC ID or host ID", "Of the switchover server.", Takes::Line),
    field("purchase", "SO# or PO#", "Number of the sales or purchase order.", Takes::Line),
    field("expires", "Expiration date", "For what is not for good.", Takes::Day),
    field("clarify", "Please clarify your request", "", Takes::Text),
];

const THIRD_PARTY: &[Field] = &[
    needed("type", "Third-party activation file type", "The product, such as Nuance or Zoom.", Takes::Line),
    field("deployment", "Deployment type", "", Takes::One(DEPLOYMENTS)),
    field("implementation", "Implementation type", "", Takes::One(IMPLEMENTATIONS)),
    needed("host", "MAC ID or host ID", "Of the server that the product runs on.", Takes::Line),
    field("system", "O/S", "Operating system and its version.", Takes::Line),
    field("pbx", "PBX/SIP", "", Takes::Line),
    field("ivr", "IVR configuration", "", Takes::Line),
    field("port_type", "Port type", "", Takes::Line),
    field("ports", "Max number of estimated ports", "", Takes::Line),
    field("purchase", "SO# or PO#", "Number of the sales or purchase order.", Takes::Line),
    field("expires", "Expiration date", "", Takes::Day),
    field("clarify", "Please clarify your request", "", Takes::Text),
];

const HOSTED: &[Field] = &[
    needed("type", "Activation file type", "", Takes::One(HOSTED_TYPES)),
    field("environment", "Environment type", "", Takes::One(ENVIRONMENTS)),
    field("implementation", "Implementation type", "", Takes::One(IMPLEMENTATIONS)),
    needed("primary_host", "Primary MAC ID or host ID", "", Takes::Line),
    field("backup_host", "Backup MAC ID or host ID", "", Takes::Line),
    field(
        "primary_host_dr",
        "Primary MAC ID BC DR",
        "For business continuity and disaster recovery.",
        Takes::Line,
    ),
    field("backup_host_dr", "Backup MAC ID BC DR", "", Takes::Line),
    field("ports", "Max number of estimated ports", "", Takes::Line),
    field("port_type", "Port type", "", Takes::Line),
    field("expires", "Expiration date", "", Takes::Day),
    needed("contract_expires", "Expiration date of the hosting contract", "", Takes::Day),
    field("extension", "New extension date requested", "", Takes::Day),
    field("purchase", "SO# or PO#", "Number of the sales or purchase order.", Takes::Line),
    field("clarify", "Please clarify your request", "", Takes::Text),
];

const CONFIGURATIONS: &[&str] =
    &["Single server", "Three redundant servers", "Multiple, independent servers"];
const PURPOSES: &[&str] = &["Demo", "Evaluation", "Testing", "Production", "Development"];
const MODES: &[&str] = &["Separate", "Blended"];

const ORDER_KIT: &[Field] = &[
    needed(
        "items",
        "Sellable items, versions and quantities",
        "An item a line: name, version (its first two digits), how many.",
        Takes::Text,
    ),
    field(
        "applications",
        "Applications and versions",
        "Those that need technical licenses, a line each.",
        Takes::Text,
    ),
    field("technical", "Types of technical licenses", "Your account representative knows them.", Takes::Text),
    needed("purpose", "Purpose", "", Takes::One(PURPOSES)),
    needed("configuration", "License server configuration", "", Takes::One(CONFIGURATIONS)),
    needed("server", "License server: host name", "As `hostname` prints it.", Takes::Line),
    needed("host", "License server: host ID", "As `grantor hostid` prints it.", Takes::Line),
    needed("system", "License server: operating system and version", "", Takes::Line),
    field(
        "server_2",
        "Second server: host name",
        "For three redundant or several independent servers.",
        Takes::Line,
    ),
    field("host_2", "Second server: host ID", "", Takes::Line),
    field("system_2", "Second server: operating system and version", "", Takes::Line),
    field("server_3", "Third server: host name", "", Takes::Line),
    field("host_3", "Third server: host ID", "", Takes::Line),
    field("system_3", "Third server: operating system and version", "", Takes::Line),
    field("division", "Division of the licenses", "For independent servers: how many on which.", Takes::Text),
    field(
        "mode",
        "Deployment mode",
        "Separate: agents of their own for each solution. Blended: the same agents.",
        Takes::One(MODES),
    ),
    field("switch", "Media layer: switch and version", "", Takes::Line),
    field(
        "agent_numbers",
        "Media layer: numbers of agents' seats",
        "How many extensions and positions, and how they are spread over agents and places.",
        Takes::Text,
    ),
    field(
        "technical_numbers",
        "Media layer: other numbers",
        "Queues, routing points and such. 999,999 if you leave it empty.",
        Takes::Line,
    ),
];

/// What the form asks beyond the summary.
#[must_use]
pub fn details(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Question => &[],
        Kind::Publisher => PUBLISHER,
        Kind::ThirdParty => THIRD_PARTY,
        Kind::Hosted => HOSTED,
        Kind::OrderKit => ORDER_KIT,
    }
}

/// A form as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What is wanted.
    pub kind: Kind,
    /// Of the form, so that the same form sent twice is one request.
    pub once: &'a str,
    /// Whether it is urgent; a question never is.
    pub urgent: bool,
    /// The fields by their names.
    pub fields: &'a BTreeMap<String, String>,
    /// The database's number of an account that whoever asks reaches.
    pub account: Option<i64>,
}

/// A form that is right.
pub(super) struct Checked {
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) mail: String,
    pub(super) others: Vec<String>,
    pub(super) subject: String,
    pub(super) urgent: bool,
    /// What has no column of its own and isn't empty.
    pub(super) fields: BTreeMap<&'static str, String>,
}

/// Fields that have columns of their own, or are not kept.
const OWN: [&str; 6] = ["first_name", "last_name", "mail", "mail_again", "others", "subject"];

impl Asked<'_> {
    fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |text| text.trim())
    }

    fn all(&self) -> impl Iterator<Item = &'static Field> {
        SUMMARY.iter().chain(details(self.kind))
    }

    /// The form without what is none of its fields, or everything that is wrong with it.
    pub(super) fn checked(&self) -> Result<Checked, Refusal> {
        let mut wrong: Vec<(&'static str, String)> = self
            .all()
            .filter_map(|field| Some((field.name, problem(field, self.text(field.name))?)))
            .collect();
        let mail = self.mail(&mut wrong);
        let others = self.others(&mut wrong);
        let urgent = self.urgent && self.kind != Kind::Question;
        if urgent && self.text("reason").is_empty() {
            wrong.push(("reason", "an urgent request says why".to_owned()));
        }
        let once = self.once.trim();
        if once.is_empty() || once.len() > 100 {
            wrong.push(("subject", "the form has lost its number; load it anew".to_owned()));
        }
        if !wrong.is_empty() {
            return Err(Refusal::Fields(wrong));
        }
        let kept = self.all().filter(|field| !OWN.contains(&field.name));
        let kept = kept.map(|field| (field.name, self.text(field.name).to_owned()));
        Ok(Checked {
            first_name: self.text("first_name").to_owned(),
            last_name: self.text("last_name").to_owned(),
            mail,
            others,
            subject: self.text("subject").to_owned(),
            urgent,
            fields: kept.filter(|(_, text)| !text.is_empty()).collect(),
        })
    }

    fn mail(&self, wrong: &mut Vec<(&'static str, String)>) -> String {
        let mail = address(self.text("mail")).unwrap_or_default();
        if self.text("mail").is_empty() {
            return mail;
        }
        let host = mail.split_once('@').map_or("", |(_, host)| host);
        if mail.is_empty() {
            wrong.push(("mail", "it is no mail address".to_owned()));
        } else if NOT_CORPORATE.contains(&host) {
            wrong.push(("mail", format!("{host} is a public mail service; use your company's address")));
        } else if !self.text("mail_again").eq_ignore_ascii_case(&mail) {
            wrong.push(("mail_again", "it is not the same address".to_owned()));
        }
        mail
    }

    fn others(&self, wrong: &mut Vec<(&'static str, String)>) -> Vec<String> {
        let apart = |sign: char| sign.is_whitespace() || sign == ',' || sign == ';';
        let given = self.text("others").split(apart).filter(|mail| !mail.is_empty());
        let mut others = Vec::new();
        for mail in given {
            match address(mail) {
                Ok(mail) => others.push(mail),
                Err(_) => wrong.push(("others", format!("`{mail}` is no mail address"))),
            }
        }
        if others.len() > OTHERS {
            wrong.push(("others", format!("at most {OTHERS} addresses")));
        }
        others
    }
}

fn problem(field: &Field, text: &str) -> Option<String> {
    if text.is_empty() {
        return field.needed.then(|| "is missing".to_owned());
    }
    let longest = if field.takes == Takes::Text { TEXT } else { LINE };
    if text.chars().count() > longest {
        return Some(format!("has more than {longest} characters"));
    }
    let odd =
        |sign: char| sign.is_control() && !(field.takes == Takes::Text && matches!(sign, '\n' | '\r' | '\t'));
    if text.contains(odd) {
        return Some("has characters that can't be shown".to_owned());
    }
    match field.takes {
        Takes::Day if text.parse::<jiff::civil::Date>().is_err() => {
            Some(format!("`{text}` is no day such as 2026-12-31"))
        }
        Takes::One(choices) if !choices.contains(&text) => Some("is none of the choices".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let whole = [
            ("first_name", "Ada"),
            ("last_name", "Lovelace"),
            ("mail", "ada@acme.example"),
            ("mail_again", "ADA@acme.example"),
            ("employer", "Acme"),
            ("subject", "More seats"),
            ("description", "We need\nmore."),
        ];
        whole.iter().chain(pairs).map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn asked(
        kind: Kind,
        urgent: bool,
        fields: &BTreeMap<String, String>,
    ) -> Result<Checked, Vec<(&str, String)>> {
        match (Asked { kind, once: "1", urgent, fields, account: None }).checked() {
            Ok(checked) => Ok(checked),
            Err(Refusal::Fields(wrong)) => Err(wrong),
            Err(other) => panic!("{other}"),
        }
    }

    fn wrong(kind: Kind, urgent: bool, pairs: &[(&str, &str)]) -> Vec<&'static str> {
        let names = |wrong: Vec<(&'static str, String)>| wrong.into_iter().map(|(name, _)| name).collect();
        match (Asked { kind, once: "1", urgent, fields: &fields(pairs), account: None }).checked() {
            Ok(_) => Vec::new(),
            Err(Refusal::Fields(wrong)) => names(wrong),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_question_needs_no_more_than_who_asks_and_what() {
        let given = fields(&[("others", "bob@acme.example, cy@acme.example"), ("bogus", "x")]);
        let checked = asked(Kind::Question, true, &given).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        assert_eq!(checked.others, ["bob@acme.example", "cy@acme.example"]);
        assert!(!checked.urgent, "a question is never urgent");
        assert_eq!(checked.fields.keys().copied().collect::<Vec<_>>(), ["description", "employer"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let given = [("mail", "ada@gmail.com"), ("others", "x"), ("needed_by", "soon"), ("type", "Nonsense")];
        let mut wrong = wrong(Kind::Publisher, true, &given);
        wrong.sort_unstable();
        assert_eq!(wrong, ["mail", "needed_by", "others", "reason", "type"]);
    }

    #[test]
    fn a_corporate_address_is_required_and_typed_twice() {
        assert_eq!(wrong(Kind::Question, false, &[("mail_again", "eve@acme.example")]), ["mail_again"]);
        assert_eq!(wrong(Kind::Question, false, &[("mail", "ada@GMail.com")]), ["mail"]);
        assert_eq!(wrong(Kind::Question, false, &[("mail", "ada")]), ["mail"]);
        assert_eq!(wrong(Kind::Question, false, &[("mail", "")]), ["mail"]);
    }

    #[test]
    fn an_order_kit_asks_for_each_of_three_servers() {
        let names: Vec<&str> = details(Kind::OrderKit).iter().map(|field| field.name).collect();
        assert!(["host", "host_2", "host_3", "system_3", "division"].iter().all(|name| names.contains(name)));
    }
}
