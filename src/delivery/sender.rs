//! The transports of destinations: each one sends a part of a batch and says what the answer means.

use std::time::Duration;

use super::batch::{Limits, Part};
use super::verdict::Verdict;

/// A connection to one destination.
pub trait Sender {
    /// Returns the most that the destination takes at once.
    fn limits(&self) -> Limits;

    /// Returns the most lines of a batch, whose confirmation a killed run can miss.
    fn most_lines(&self) -> usize {
        self.limits().lines
    }

    /// Sends lines and waits for the answer. It neither repeats nor decides.
    fn send(&mut self, part: Part<'_>) -> Verdict;

    /// True if the destination recognises lines that it has already.
    fn knows_repetitions(&self) -> bool {
        false
    }

    /// Returns what the destination did not get as it is, since the last call: a sentence for the operator.
    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// The time for which a receiver may take to answer or to close.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(10);
