//! Who holds something, in one piece of memory: a million seats have a million of them. Says nothing of what they may.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use triomphe::ThinArc;

use crate::command::Identity;

/// Where the names end in the text; what is behind the display is the application.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    user: u32,
    host: u32,
    display: u32,
    process: u32,
}

/// An [`Identity`] as it is kept and told of. Cloning shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct Who(ThinArc<Ends, u8>);

/// The fields of an [`Identity`] in their order.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Identity")]
struct Parts<'a> {
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    host: Cow<'a, str>,
    #[serde(borrow)]
    display: Cow<'a, str>,
    #[serde(borrow)]
    application: Cow<'a, str>,
    process: u32,
}

impl Who {
    fn new(names: [&str; 4], process: u32) -> Self {
        let bytes = names.concat().into_bytes();
        let end = |count| names.iter().take(count).fold(0, |sum: u32, name| sum.saturating_add(length(name)));
        let ends = Ends { user: end(1), host: end(2), display: end(3), process };
        Self(ThinArc::from_header_and_slice(ends, &bytes))
    }

    fn text(&self, from: u32, to: usize) -> &str {
        let bytes = self.0.slice.get(from as usize..to).unwrap_or_default();
        // The pieces of what was text, cut where they were joined.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn ends(&self) -> Ends {
        self.0.header.header
    }

    /// User name; compared with case.
    #[must_use]
    pub fn user(&self) -> &str {
        self.text(0, self.ends().user as usize)
    }

    /// Host name; compared without case.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text(self.ends().user, self.ends().host as usize)
    }

    /// Display, terminal or instance.
    #[must_use]
    pub fn display(&self) -> &str {
        self.text(self.ends().host, self.ends().display as usize)
    }

    /// The application's own name.
    #[must_use]
    pub fn application(&self) -> &str {
        self.text(self.ends().display, self.0.slice.len())
    }

    /// Process number; 0 if unknown.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.ends().process
    }
}

fn length(name: &str) -> u32 {
    u32::try_from(name.len()).unwrap_or(u32::MAX)
}

impl From<&Identity> for Who {
    fn from(who: &Identity) -> Self {
        Self::new([&who.user, &who.host, &who.display, &who.application], who.process)
    }
}

impl PartialEq<Identity> for Who {
    fn eq(&self, other: &Identity) -> bool {
        let names = [self.user(), self.host(), self.display(), self.application()];
        names == [&*other.user, &*other.host, &*other.display, &*other.application]
            && self.process() == other.process
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user", &self.user())
            .field("host", &self.host())
            .field("display", &self.display())
            .field("application", &self.application())
            .field("process", &self.process())
            .finish()
    }
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = Parts {
            user: self.user().into(),
            host: self.host().into(),
            display: self.display().into(),
            application: self.application().into(),
            process: self.process(),
        };
        parts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(deserializer)?;
        Ok(Self::new([&parts.user, &parts.host, &parts.display, &parts.application], parts.process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_saved_as_the_identity_it_was_made_of() {
        for names in [["", "", "", ""], ["ändu", "HOST", "", "app"], ["a", "b", "c", "d"]] {
            let [user, host, display, application] = names.map(Box::from);
            let identity = Identity { user, host, display, application, process: 7 };
            let who = Who::from(&identity);
            assert!(who == identity);
            assert_eq!(format!("{who:?}"), format!("{identity:?}"));
            let saved = postcard::to_stdvec(&who).unwrap();
            assert_eq!(saved, postcard::to_stdvec(&identity).unwrap());
            assert_eq!(postcard::from_bytes::<Who>(&saved).unwrap(), who);
        }
    }

    #[test]
    fn the_same_letters_cut_elsewhere_are_somebody_else() {
        let who =
            |user: &str, host: &str| Identity { user: user.into(), host: host.into(), ..Identity::default() };
        assert_ne!(Who::from(&who("ab", "c")), Who::from(&who("a", "bc")));
    }
}
