//! Interaction types, and which of them somebody with an ACD level receives (seed 002, "ACD Workgroup Queues"). Pure
//! arithmetic and the warnings that follow from it; who is in which workgroup is told to it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_license::Level;

/// A set of interaction types: "Call/Callback, Chat, Email, and Generic".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Media(u8);

impl Media {
    /// No type.
    pub const NONE: Self = Self(0);
    /// Calls and callbacks.
    pub const CALL: Self = Self(1);
    /// Chats.
    pub const CHAT: Self = Self(2);
    /// E-mail.
    pub const EMAIL: Self = Self(4);
    /// Everything else.
    pub const GENERIC: Self = Self(8);
    /// Every type.
    pub const ALL: Self = Self(15);

    const EACH: [(Self, &'static str); 4] =
        [(Self::CALL, "call"), (Self::CHAT, "chat"), (Self::EMAIL, "email"), (Self::GENERIC, "generic")];

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self((self.0 | other.0) & Self::ALL.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0 & Self::ALL.0)
    }

    /// What is not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0 & Self::ALL.0)
    }

    /// Whether there is no type in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & Self::ALL.0 == 0
    }

    /// How many types, 0 to 4.
    #[must_use]
    pub const fn len(self) -> u32 {
        (self.0 & Self::ALL.0).count_ones()
    }

    /// The words for its types.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::EACH.into_iter().filter(move |(one, _)| !self.within(*one).is_empty()).map(|(_, word)| word)
    }

    /// The types of these words; a word that names none is given back.
    ///
    /// # Errors
    /// The first word that is no interaction type.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, &'a str> {
        words.into_iter().try_fold(Self::NONE, |set, word| {
            let one = Self::EACH.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
            one.map(|(one, _)| set.and(one)).ok_or(word)
        })
    }

    /// The first `count` types.
    fn first(self, count: u32) -> Self {
        let own = Self::EACH.into_iter().map(|(one, _)| one).filter(|one| !self.within(*one).is_empty());
        own.take(count as usize).fold(Self::NONE, Self::and)
    }
}

impl Level {
    /// How many types may be chosen: one, two, or all four.
    #[must_use]
    pub const fn types(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => Media::ALL.len(),
        }
    }
}

/// The types that somebody receives: those chosen, or else those of the queues, as far as the level goes.
#[must_use]
pub fn received(level: Option<Level>, chosen: Media, queues: Media) -> Media {
    let Some(level) = level else { return Media::NONE };
    let wanted = match (level, chosen.is_empty()) {
        (_, false) => chosen,
        (Level::Three, true) => Media::ALL,
        (_, true) => queues,
    };
    wanted.first(level.types())
}

/// What an administrator or a person who logs on should see to. Nothing was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are named for what they hold")]
pub enum Warning {
    /// The station is enabled and has no audio until a Basic Station license is allocated to it.
    NeedsBasicStation { station: Arc<str> },
    /// The person's level does not cover the workgroup's queue: the person does not receive `missing` until the
    /// licensing is put right.
    MediaLimited { user: Arc<str>, workgroup: Arc<str>, level: Level, missing: Media },
    /// The person is in the workgroup's queue and has no ACD access license: ACD is not active.
    NoAcdAccess { user: Arc<str>, workgroup: Arc<str> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_allows_as_many_types_as_it_says_of_those_chosen_or_of_the_queues() {
        let (two, three) = (Media::CHAT.and(Media::EMAIL), Media::ALL.without(Media::CALL));
        let none = Media::NONE;
        assert_eq!(received(None, two, two), none);
        assert_eq!(received(Some(Level::One), none, two), Media::CHAT);
        assert_eq!(received(Some(Level::One), Media::EMAIL, two), Media::EMAIL);
        assert_eq!(received(Some(Level::Two), none, three), two);
        assert_eq!(received(Some(Level::Two), none, Media::GENERIC), Media::GENERIC);
        assert_eq!(received(Some(Level::Three), none, none), Media::ALL);
        assert_eq!(received(Some(Level::Three), three, none), three);
    }

    #[test]
    fn types_are_read_from_the_words_that_they_are_written_in() {
        let words: Vec<&str> = Media::ALL.words().collect();
        assert_eq!(words, ["call", "chat", "email", "generic"]);
        assert_eq!(Media::parse(words.into_iter()), Ok(Media::ALL));
        assert_eq!(Media::parse(["EMAIL", "fax"].into_iter()), Err("fax"));
        assert_eq!(Media::parse([].into_iter()), Ok(Media::NONE));
    }
}
