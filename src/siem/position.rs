//! Where a stream of API 2.0 is: on which page, and what of it is done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::spool::Digest;

/// The position, as text in the state record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The token that leads to the page; none for the very first.
    pub(super) token: Option<String>,
    /// Where the very first page begins.
    pub(super) since: Option<DateTime<Utc>>,
    /// Objects of the page that are published, in quarantine or recorded as a gap.
    #[serde(default)]
    pub(super) done: Vec<ObjectId>,
    /// Objects that could not be had in an earlier run.
    #[serde(default)]
    pub(super) missing: Vec<ObjectId>,
    /// Since when the store has given nothing of all that it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silent_since: Option<DateTime<Utc>>,
}

/// What stays the same of an object when its page is listed again: a digest of its host and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ObjectId(u64);

impl ObjectId {
    pub(super) fn of(place: &str) -> Self {
        Self(Digest::of(place.as_bytes()).short())
    }
}

impl Position {
    /// Reads the text of a record; nothing for one that this program did not write.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text for the record.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a position is plain data")
    }

    /// Whether an object needs nothing any more.
    pub(super) fn is_done(&self, id: ObjectId) -> bool {
        self.done.contains(&id)
    }

    /// An object needs nothing any more.
    pub(super) fn finish(&mut self, id: ObjectId) {
        self.done.push(id);
    }

    /// The page is done; on to the next.
    pub(super) fn turn(&mut self, token: String) {
        *self = Self {
            token: Some(token),
            silent_since: self.silent_since,
            ..Self::default()
        };
    }

    /// Objects that an earlier run could not have and that the page no longer lists.
    pub(super) fn unlisted(&self, listed: &[ObjectId]) -> Vec<ObjectId> {
        let missing = self.missing.iter().copied();
        missing
            .filter(|id| !listed.contains(id) && !self.done.contains(id))
            .collect()
    }

    /// Forgets objects that the page no longer lists.
    pub(super) fn keep_listed(&mut self, listed: &[ObjectId]) {
        self.done.retain(|id| listed.contains(id));
        self.missing.retain(|id| listed.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_position_stays_readable() {
        let text = r#"{"token":"NDU1NA==","since":null,"done":[7]}"#;
        let mut position = Position::read(text).unwrap();
        assert_eq!(position.token.as_deref(), Some("NDU1NA=="));
        position.finish(ObjectId::of("/a"));
        assert!(position.is_done(ObjectId::of("/a")) && !position.is_done(ObjectId::of("/b")));
        assert_eq!(Position::read(&position.text()), Some(position.clone()));
        position.turn("next".to_owned());
        assert_eq!(
            position.text(),
            r#"{"token":"next","since":null,"done":[],"missing":[]}"#
        );
        assert_eq!(Position::read("eNo"), None);
    }

    #[test]
    fn only_what_is_listed_is_remembered() {
        let mut position = Position::default();
        position.finish(ObjectId::of("/a"));
        position.finish(ObjectId::of("/b"));
        position.keep_listed(&[ObjectId::of("/b"), ObjectId::of("/c")]);
        assert!(!position.is_done(ObjectId::of("/a")) && position.is_done(ObjectId::of("/b")));
    }
}
