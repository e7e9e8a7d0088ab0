//! What a handler knows of who asks: put into the request by the gate, taken out here.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use grantor_web::frame::{Frame, Link};
use jiff::Zoned;

use super::Shared;
use super::fault::Fault;
use super::render::{PRODUCT, VERSION};
use crate::accounts::Account;
use crate::people::Person;
use crate::rights::Right;
use crate::signin::Visit;

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Who was let in.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) visit: Option<Visit>,
    pub(super) account: Option<Account>,
}

/// Somebody who is signed in.
pub(super) struct Ask {
    pub(super) app: Shared,
    pub(super) visit: Visit,
    path: String,
    said: Option<String>,
}

impl Ask {
    pub(super) fn person(&self) -> &Person {
        &self.visit.person
    }

    /// Who does it, and now, for the log.
    pub(super) fn by(&self) -> (&str, i64) {
        (&self.visit.person.mail, now())
    }

    /// Today where the portal is.
    pub(super) fn today(&self) -> jiff::civil::Date {
        Zoned::now().date()
    }

    pub(super) fn may(&self, right: Right) -> bool {
        self.person().may(right)
    }

    /// What surrounds the page.
    pub(super) fn frame(&self) -> Frame {
        Frame {
            product: PRODUCT,
            version: VERSION,
            links: links(self.person(), &self.path),
            person: Some(self.person().name.clone()),
            said: self.said.clone(),
            small: false,
        }
    }
}

fn links(person: &Person, path: &str) -> Vec<Link> {
    let all = [
        ("Accounts", "/accounts", Right::See),
        ("Orders", "/orders", Right::Orders),
        ("Requests", "/requests", Right::Requests),
        ("Catalogues", "/catalogues", Right::Catalogue),
        ("People", "/people", Right::People),
        ("Keys", "/keys", Right::Keys),
        ("Mail", "/mail", Right::People),
        ("Webhooks", "/hooks", Right::People),
        ("Log", "/log", Right::Log),
    ];
    let link = |(label, address, _): (&'static str, &str, Right)| Link {
        label,
        address: address.to_owned(),
        current: path == address || path.strip_prefix(address).is_some_and(|rest| rest.starts_with('/')),
    };
    all.into_iter().filter(|(_, _, right)| person.may(*right)).map(link).collect()
}

/// What a page says of what was just done there.
fn said(code: &str) -> Option<&'static str> {
    Some(match code {
        "created" => "Created.",
        "changed" => "Changed.",
        "booked" => "Booked. Below stands who gets the license letter by mail.",
        "letter" => "The license letter is on its way.",
        "generated" => "The license file is generated.",
        "deactivated" => {
            "The license file is deactivated; what it used is available again. Load its deactivation file on the server."
        }
        "moved" => "Moved: this is the new machine's file. The old one's does not count any more.",
        "upgraded" => "Upgraded. Generate the license files anew to use it.",
        "loaded" => "Loaded.",
        "invited" => "Invited. The mail with the link is on its way.",
        "certified" => "The certification is entered.",
        "password" => "Your password is changed; you are signed out everywhere else.",
        "codes-on" => "From now on you show a code when you sign in.",
        "codes-off" => "You don't show a code any more when you sign in.",
        "answered" => "The answer is on its way.",
        "ended" => "The other visits are ended.",
        "saved" => "The filter is saved.",
        "passkey" => "The passkey is added; from now on it signs you in.",
        "linked" => "The account is linked; from now on it signs you in.",
        "removed" => "Removed.",
        "asked" => "Asked. Another administrator approves or declines it.",
        "approved" => "Approved. The signer follows as soon as it has seen the log.",
        "declined" => "Declined.",
        _ => return None,
    })
}

impl FromRequestParts<Shared> for Ask {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Fault> {
        let guest = parts.extensions.get::<Guest>().cloned().ok_or(Fault::Bug)?;
        let query = parts.uri.query().unwrap_or_default();
        let done = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done");
        Ok(Self {
            app: app.clone(),
            visit: guest.visit.ok_or(Fault::Bug)?,
            path: parts.uri.path().to_owned(),
            said: done.and_then(|(_, code)| said(&code)).map(str::to_owned),
        })
    }
}

/// Whoever asks, signed in or not.
pub(super) struct Asker(pub(super) Option<Visit>);

impl FromRequestParts<Shared> for Asker {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        Ok(Self(parts.extensions.get::<Guest>().cloned().ok_or(Fault::Bug)?.visit))
    }
}

/// The account that the page is about, which its person reaches.
pub(super) struct Of(pub(super) Account);

impl FromRequestParts<Shared> for Of {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        let guest = parts.extensions.get::<Guest>().cloned().ok_or(Fault::Bug)?;
        guest.account.map(Self).ok_or(Fault::Bug)
    }
}
