//! The position of an event type: the page to list, and the listed objects that could not be fetched yet
//! (owed).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::debts::OwedObjects;
use crate::spool::Digest;

/// The position, as text in the state record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The token of the page; `None` for the very first.
    pub(super) token: Option<String>,
    /// The day on which the very first page begins.
    pub(super) since: Option<DateTime<Utc>>,
    /// Version 0.1.0: objects of the page that were finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    done: Vec<OldId>,
    /// Version 0.1.0: objects of the page that could not be fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<OldId>,
    /// Objects of any page that earlier runs could not fetch.
    #[serde(default, skip_serializing_if = "OwedObjects::is_empty")]
    pub(super) owed: OwedObjects,
    /// The time since which the store has returned no object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silent_since: Option<DateTime<Utc>>,
    /// The time when the list last contained an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) named_at: Option<DateTime<Utc>>,
    /// The time when the type was last listed by date because its token listed no object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dated_at: Option<DateTime<Utc>>,
}

/// An object that could not be fetched yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owed {
    /// Host and path, which distinguish it from others.
    pub(super) place: String,
    /// The page that lists it.
    pub(super) page: PageKey,
    /// The number of failed runs that count.
    pub(super) runs: u32,
}

/// The key by which a page is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageKey {
    /// The token of the page.
    pub(super) token: Option<String>,
    /// The day on which a page without a token begins.
    pub(super) since: Option<DateTime<Utc>>,
}

/// The key of an object in version 0.1.0: half a digest of host and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OldId(u64);

impl OldId {
    fn of(place: &str) -> Self {
        Self(Digest::of(place.as_bytes()).short())
    }
}

impl Position {
    /// Reads the text of a record. Returns `None` for a text that this program did not write.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the text for the record.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a position is plain data")
    }

    /// Returns the key of the current page.
    pub(super) fn page(&self) -> PageKey {
        let since = self.since.filter(|_| self.token.is_none());
        let token = self.token.clone();
        PageKey { token, since }
    }

    /// True if version 0.1.0 had finished an object of this page.
    pub(super) fn was_done(&self, place: &str) -> bool {
        !self.done.is_empty() && self.done.contains(&OldId::of(place))
    }

    /// Returns the number of runs that count in which an object has failed.
    pub(super) fn runs_failed(&self, place: &str) -> u32 {
        let owed = self.owed.get(place);
        let before = u32::from(self.missing.contains(&OldId::of(place)));
        owed.map_or(before, |owed| owed.runs)
    }

    /// Moves to the next page.
    pub(super) fn turn(&mut self, token: String) {
        self.token = Some(token);
        self.since = None;
        self.done.clear();
        self.missing.clear();
    }

    /// Restarts at a day. Owed objects stay.
    pub(super) fn restart(&mut self, since: DateTime<Utc>) {
        self.token = None;
        self.since = Some(since);
        self.done.clear();
        self.missing.clear();
    }

    /// Moves to a page that was found by date.
    pub(super) fn jump(&mut self, page: PageKey) {
        (self.token, self.since) = (page.token, page.since);
        self.done.clear();
        self.missing.clear();
    }

    /// Keeps an object for the next run.
    pub(super) fn owe(&mut self, place: &str, page: &PageKey, runs: u32) {
        self.owed.push(Owed {
            place: place.to_owned(),
            page: page.clone(),
            runs,
        });
    }

    /// Removes an object from the owed ones.
    pub(super) fn settle(&mut self, place: &str) {
        self.owed.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_of_version_0_1_0_stays_readable() {
        let id = Digest::of(b"/a").short();
        let text = format!(r#"{{"token":"NDU1NA==","since":null,"done":[{id}],"missing":[{id}]}}"#);
        let mut position = Position::read(&text).unwrap();
        assert_eq!(position.token.as_deref(), Some("NDU1NA=="));
        assert!(position.was_done("/a") && !position.was_done("/b"));
        assert_eq!(
            (position.runs_failed("/a"), position.runs_failed("/b")),
            (1, 0)
        );
        assert_eq!(Position::read(&position.text()), Some(position.clone()));
        position.turn("next".to_owned());
        assert_eq!(position.text(), r#"{"token":"next","since":null}"#);
        assert_eq!(Position::read("eNo"), None);
    }

    #[test]
    fn what_is_owed_stays_when_the_page_is_left() {
        let mut position = Position::default();
        position.owe("/a", &position.page(), 1);
        position.owe("/b", &position.page(), 0);
        position.turn("next".to_owned());
        position.owe("/a", &position.page(), 2);
        assert_eq!(
            (position.runs_failed("/a"), position.runs_failed("/b")),
            (2, 0)
        );
        position.settle("/a");
        assert_eq!(position.owed.iter().count(), 1);
        assert_eq!(Position::read(&position.text()), Some(position));
    }
}
