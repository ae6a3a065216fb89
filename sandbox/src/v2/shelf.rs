//! The objects of one type in the order in which they appeared.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::packing::gzip;

/// One type's list. Cursors hold places, therefore no object is ever removed from it.
#[derive(Default)]
pub(super) struct Shelf {
    objects: Vec<Kept>,
    purged: usize,
}

/// An object, packed and ready to be handed out.
pub(super) struct Kept {
    /// The last part of its path.
    pub(super) name: String,
    pub(super) appeared: DateTime<Utc>,
    /// `None`: listed, but not in the store.
    pub(super) body: Option<Arc<[u8]>>,
    /// What the list says of its size.
    pub(super) size: usize,
    /// What a client should publish of it.
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) downloads: usize,
    /// The last list showed something else in its place.
    pub(super) is_hidden: bool,
}

impl Kept {
    /// The same lines, begun at another one; a body without known lines stays as it is.
    fn turned(&self, turn: usize) -> Option<Arc<[u8]>> {
        let mut lines = self.lines.clone();
        if lines.is_empty() {
            return self.body.clone();
        }
        let count = lines.len();
        lines.rotate_left(turn % count);
        let text: Vec<u8> = lines
            .iter()
            .flat_map(|line| [line, &b"\n"[..]].concat())
            .collect();
        Some(gzip(&text, 1).into())
    }
}

impl Shelf {
    pub(super) const fn new() -> Self {
        Self {
            objects: Vec::new(),
            purged: 0,
        }
    }

    pub(super) fn push(&mut self, kept: Kept) {
        self.objects.push(kept);
    }

    /// Drops the `count` oldest objects that are still there.
    pub(super) fn purge(&mut self, count: usize) {
        self.purged = (self.purged + count).min(self.end());
    }

    /// The first place that is still there.
    pub(super) const fn start(&self) -> usize {
        self.purged
    }

    /// The place after the newest object.
    pub(super) const fn end(&self) -> usize {
        self.objects.len()
    }

    /// The place of the first object since that day.
    pub(super) fn first_since(&self, day: NaiveDate) -> usize {
        let kept = self.objects.iter().skip(self.purged);
        let older = kept.take_while(|kept| kept.appeared.date_naive() < day);
        self.purged + older.count()
    }

    /// At most `room` places from `from`, up to and with that day.
    pub(super) fn page(&self, from: usize, room: usize, until: Option<NaiveDate>) -> Range<usize> {
        let listed = self.objects.iter().skip(from).take(room);
        let listed =
            listed.take_while(|kept| until.is_none_or(|until| kept.appeared.date_naive() <= until));
        from..from + listed.count()
    }

    pub(super) fn at(&self, place: usize) -> Option<&Kept> {
        self.objects.get(place).filter(|_| place >= self.purged)
    }

    /// Hands an object out, and remembers that a client could have it.
    pub(super) fn take(&mut self, place: usize, replays_differ: bool) -> Option<Arc<[u8]>> {
        let kept = self
            .objects
            .get_mut(place)
            .filter(|_| place >= self.purged)?;
        let body = match kept.downloads {
            turn @ 1.. if replays_differ => kept.turned(turn),
            _ => kept.body.clone(),
        }?;
        kept.downloads += 1;
        Some(body)
    }

    /// Notes whether a list shows the object.
    pub(super) fn show(&mut self, place: usize, is_hidden: bool) {
        if let Some(kept) = self.objects.get_mut(place) {
            kept.is_hidden = is_hidden;
        }
    }

    /// The objects that a client could have received: in the store, not dropped before they were handed out, and not
    /// hidden by a bad entry.
    pub(super) fn obtainable(&self) -> impl Iterator<Item = &Kept> {
        let places = self.objects.iter().enumerate();
        places
            .filter(|(place, kept)| {
                let is_there = *place >= self.purged && !kept.is_hidden;
                kept.body.is_some() && (is_there || kept.downloads > 0)
            })
            .map(|(_, kept)| kept)
    }
}
