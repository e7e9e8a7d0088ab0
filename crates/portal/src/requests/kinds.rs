//! What requests are about, and whose turn it is. Pure: knows no database.

use std::fmt;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An answer.
    Question,
    /// A license file for the publisher's own product.
    Publisher,
    /// A license file for a product of somebody else's.
    ThirdParty,
    /// A license file for a pay-per-use or hosted environment, or a subscription.
    Hosted,
    /// A license order kit (seed 003, "Providing Required Information").
    OrderKit,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Question, Self::Publisher, Self::ThirdParty, Self::Hosted, Self::OrderKit];

    /// As it is kept, and in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Publisher => "publisher",
            Self::ThirdParty => "third-party",
            Self::Hosted => "hosted",
            Self::OrderKit => "order-kit",
        }
    }

    /// As people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Question => "Question about licenses",
            Self::Publisher => "Activation file",
            Self::ThirdParty => "Third-party activation file",
            Self::Hosted => "Pay-per-use or hosted activation file",
            Self::OrderKit => "License order kit",
        }
    }

    /// The kind with that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The publisher's.
    Open,
    /// The requester's.
    Waiting,
    /// Nobody's any more.
    Done,
}

impl State {
    /// As it is kept.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Done => "done",
        }
    }

    pub(super) fn parse(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "done" => Self::Done,
            _ => Self::Open,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "open",
            Self::Waiting => "waits for the requester",
            Self::Done => "done",
        })
    }
}
