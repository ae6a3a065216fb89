//! What the answer of a destination means for the lines that were sent.

use std::time::Duration;

/// The meaning of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The destination has all lines.
    Delivered,
    /// Each line has a fate of its own, in the order in which they were sent.
    Each(Vec<Fate>),
    /// The destination refuses the lines as they are. It kept none of them, as far as it says.
    Refused(String),
    /// The destination accepts only fewer bytes at once.
    TooLarge(String),
    /// The destination asks to wait, for this time if it names one.
    SlowDown(Option<Duration>, String),
    /// The destination refuses this client. No line is at fault.
    Denied(Trouble),
    /// A setting is wrong, here or there. No line is at fault.
    Misconfigured(Trouble),
    /// Nothing arrived.
    Broken(String),
    /// The lines may have arrived.
    Unknown(String),
    /// The answer is not one of such a destination.
    NotUnderstood(String),
}

/// The fate of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The destination has it.
    Delivered,
    /// The destination refuses it.
    Refused(String),
    /// It has to be sent again.
    Again(Again),
}

/// Why a line has to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// The destination has no room for it now.
    Later(String),
    /// It may have arrived.
    Unknown(String),
}

/// A trouble that a person has to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Fate {
    /// True for a line that has to be sent again.
    pub const fn is_again(&self) -> bool {
        matches!(self, Self::Again(_))
    }

    /// True for a line that has to be sent again and may have arrived.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Again(Again::Unknown(_)))
    }
}

impl Trouble {
    /// Returns a trouble.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl Verdict {
    /// Returns the refusal of a client.
    pub fn denied(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Denied(Trouble::new(what, remedy))
    }

    /// Returns the mistake in a setting.
    pub fn misconfigured(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Misconfigured(Trouble::new(what, remedy))
    }
}
