//! What pages show: the console's name, what was just done, instants and shares as people read them, pictures of use.

use grantor_site::Timestamp;

use crate::clock;

/// What the console calls itself.
pub(crate) const PRODUCT: &str = "License server";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a redirect's code says was done.
pub(crate) fn said(code: &str) -> Option<String> {
    let text = match code {
        "loaded" => "The license file is loaded.",
        "same" => "Nothing changed: the license file was loaded already.",
        "removed" => "It was removed.",
        "released" => "The seats were taken back.",
        "ended" => "The session was ended.",
        "cleared" => "The violation was dismissed. If its cause goes on, it will be there again.",
        "saved" => "It was saved.",
        "warned" => "It was saved. There is something to see to: the page says what.",
        "added" => "It was added.",
        "imported" => "Everything in the file was done.",
        "revoked" => "The access token is of no use any more.",
        "ready" => "Everything is set up.",
        "sent" => "A test notice is on its way.",
        "password" => "Your password is changed. Other visits of yours have ended.",
        "codes-off" => "No code is asked for any more.",
        "passkey" => "The passkey is added: it signs you in without a password.",
        "linked" => "The account is linked: it signs you in from now on.",
        "visits" => "The visits were ended.",
        _ => return None,
    };
    Some(text.to_owned())
}

/// An instant as people read it, in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    clock::instant(at).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The same of the API's instants.
pub(crate) fn moment(at: &jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long ago, in the largest unit that says enough.
pub(crate) fn ago(at: &jiff::Timestamp, now: &jiff::Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min", seconds / 60),
        3_600..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Seats of a feature that are out, for a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) used: u32,
    /// `None` = as many as anybody wants.
    pub(crate) of: Option<u32>,
}

impl Use {
    /// 0 to 100; more is shown as 100.
    pub(crate) fn percent(self) -> u32 {
        match self.of {
            None => 0,
            Some(0) if self.used == 0 => 0,
            Some(of) => (u64::from(self.used) * 100 / u64::from(of.max(1))).min(100) as u32,
        }
    }

    /// In words.
    pub(crate) fn text(self) -> String {
        match self.of {
            None => format!("{} of any number", self.used),
            Some(of) => format!("{} of {of} ({} %)", self.used, self.percent()),
        }
    }

    /// `bad` when nothing is left, `warn` when hardly anything is.
    pub(crate) fn state(self) -> &'static str {
        match self.of {
            Some(of) if self.used >= of => "bad",
            Some(_) if self.percent() >= 90 => "warn",
            _ => "good",
        }
    }
}

/// A line of use over the last hour, as points of a picture 360 wide and 60 high.
pub(crate) fn points(used: &[u32], capacity: Option<u32>) -> String {
    let top = used.iter().copied().chain(capacity).max().unwrap_or(0).max(1);
    let first = 360usize.saturating_sub(used.len());
    let point = |(place, used): (usize, &u32)| {
        let height = 60 - u64::from(*used) * 60 / u64::from(top);
        format!("{},{height}", first + place)
    };
    used.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_when_nothing_is_left() {
        let of = |used, of| Use { used, of };
        assert_eq!((of(3, Some(4)).percent(), of(3, Some(4)).state()), (75, "good"));
        assert_eq!((of(19, Some(20)).state(), of(20, Some(20)).state()), ("warn", "bad"));
        assert_eq!((of(25, Some(20)).percent(), of(0, Some(0)).percent()), (100, 0));
        assert_eq!((of(7, None).percent(), of(7, None).state()), (0, "good"));
    }

    #[test]
    fn the_latest_use_is_at_the_right() {
        assert_eq!(points(&[0, 5, 10], Some(10)), "357,60 358,30 359,0");
        assert_eq!(points(&[], None), "");
    }
}
