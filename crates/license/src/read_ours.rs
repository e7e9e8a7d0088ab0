//! Grantor's own statements, `LICENSE`, `KEY` and `REVOKED` (design §3). May not check their signatures.

use jiff::civil::Date;

use crate::date::{Expiry, parse_date};
use crate::keys::PublicKey;
use crate::problem::{Finding, nearest};
use crate::read::{Reader, bad_date, number};
use crate::statement::{KeyLine, LicenseLine, LicenseState, RevokedLine};

pub(crate) fn license(reader: &mut Reader) -> Option<LicenseLine> {
    let lrn = reader.need("a license reference number")?.text.clone();
    reader.take_attributes();
    let text = |reader: &Reader, name: &str| reader.attributes.get(name).unwrap_or_default().to_owned();
    let state = state(reader);
    let issued = date(reader, "ISSUED");
    let expires = expiry(reader, "EXPIRES", Expiry::Permanent);
    let generation = generation(reader);
    let disconnect = minutes(reader, "DISCONNECT");
    Some(LicenseLine {
        serial: text(reader, "SERIAL"),
        generation: generation?,
        lrn,
        customer: text(reader, "CUSTOMER"),
        site: text(reader, "SITE"),
        license_type: text(reader, "TYPE"),
        product: text(reader, "PRODUCT"),
        rk: reader.attributes.get("RK").map(str::to_owned),
        state: state?,
        issued: issued?,
        expires: expires?,
        disconnect: disconnect?,
    })
}

/// `GENERATION=n`, from 1; 0 if it is not there.
fn generation(reader: &mut Reader) -> Option<u32> {
    let Some(found) = reader.attributes.find("GENERATION") else { return Some(0) };
    let (at, text) = (found.at, found.value.clone().unwrap_or_default());
    let read = crate::read::number(&text).filter(|number| *number > 0);
    read.or_else(|| {
        let finding = Finding::error("bad-generation", format!("`{text}` is no generation"));
        reader.fail(at, finding.hint("write a whole number from 1 to 4294967295"))
    })
}

impl LicenseState {
    pub(crate) const NAMES: [&'static str; 4] = ["inactive", "temporary", "active", "deactivated"];

    /// The word of the license file.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn parse(text: &str) -> Option<Self> {
        let states = [Self::Inactive, Self::Temporary, Self::Active, Self::Deactivated];
        states.into_iter().find(|state| state.name().eq_ignore_ascii_case(text))
    }
}

fn state(reader: &mut Reader) -> Option<LicenseState> {
    let (at, text) = required(reader, "STATE")?;
    if let Some(state) = LicenseState::parse(&text) {
        return Some(state);
    }
    let hint = match nearest(&text, LicenseState::NAMES) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write one of {}", LicenseState::NAMES.join(", ")),
    };
    reader.fail(at, Finding::error("bad-state", format!("`{text}` is not a state of a license")).hint(hint))
}

/// The value of an attribute that must be there.
fn required(reader: &mut Reader, name: &str) -> Option<((u32, u32), String)> {
    let found = reader.attributes.find(name).and_then(|found| Some((found.at, found.value.clone()?)));
    if found.is_none() {
        let message = format!("`{}` needs `{name}=`", reader.keyword.text);
        let finding = Finding::error("missing-field", message).hint(format!("add `{name}=…`"));
        reader.problems.add(reader.keyword.at(), finding);
    }
    found
}

fn date(reader: &mut Reader, name: &str) -> Option<Date> {
    let (at, text) = required(reader, name)?;
    match parse_date(&text) {
        Ok(date) => Some(date),
        Err(error) => reader.fail(at, bad_date(&text, error)),
    }
}

fn expiry(reader: &mut Reader, name: &str, absent: Expiry) -> Option<Expiry> {
    let Some(found) = reader.attributes.find(name) else { return Some(absent) };
    let (at, text) = (found.at, found.value.clone().unwrap_or_default());
    match Expiry::parse(&text) {
        Ok(expiry) => Some(expiry),
        Err(error) => reader.fail(at, bad_date(&text, error)),
    }
}

/// Minutes, from 1; `Some(None)` where the attribute is not there.
fn minutes(reader: &mut Reader, name: &str) -> Option<Option<u32>> {
    let Some(found) = reader.attributes.find(name) else { return Some(None) };
    let (at, text) = (found.at, found.value.clone().unwrap_or_default());
    match number(&text).filter(|minutes| *minutes > 0) {
        Some(minutes) => Some(Some(minutes)),
        None => {
            let shown: String = text.chars().take(40).collect();
            let finding = Finding::error("bad-number", format!("`{name}={shown}` is no number of minutes"));
            reader.fail(at, finding.hint(format!("write `{name}=60` for every hour")))
        }
    }
}

pub(crate) fn key(reader: &mut Reader) -> Option<KeyLine> {
    let id = reader.need("the id of the key")?.text.clone();
    let publisher = reader.need("the publisher's name")?.text.clone();
    let public = reader.need("the public key")?;
    reader.take_attributes();
    let not_before = date(reader, "NOT_BEFORE");
    let not_after = expiry(reader, "NOT_AFTER", Expiry::Permanent);
    match PublicKey::parse(&public.text) {
        Ok(key) if key.id() == id => {}
        Ok(key) => {
            let message = format!("the public key has the id `{}`, not `{id}`", key.id());
            let finding = Finding::error("bad-key", message);
            return reader.fail(public.at(), finding.hint("copy the KEY line from the file as delivered"));
        }
        Err(error) => {
            let finding = Finding::error("bad-key", format!("the public key {error}"));
            return reader.fail(public.at(), finding.hint("copy the KEY line from the file as delivered"));
        }
    }
    let public_key = public.text.clone();
    Some(KeyLine { id, publisher, public_key, not_before: not_before?, not_after: not_after? })
}

pub(crate) fn revoked(reader: &mut Reader) -> Option<RevokedLine> {
    let id = reader.need("the id of the key")?.text.clone();
    let publisher = reader.need("the publisher's name")?.text.clone();
    reader.take_attributes();
    Some(RevokedLine { id, publisher, from: date(reader, "FROM")? })
}
