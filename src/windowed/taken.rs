//! The events of one window, divided into new and known ones.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;

use chrono::Utc;

use super::audit::Event;
use super::newest_first::NewestFirst;
use super::page::Item;
use super::published::Published;
use crate::api::ApiError;
use crate::config::Format;
use crate::failure::Failure;
use crate::spool::{Digest, Gap, Scratch, Spool};

/// The longest event, in bytes. The limit bounds the memory for a line. A longer item goes to the
/// quarantine unchanged.
const EVENT_LIMIT: usize = 4 << 20;

/// The events of one window, newest first.
pub(super) struct Taken {
    format: Format,
    pub(super) lines: NewestFirst<Scratch>,
    /// The identities of new events.
    pub(super) ids: Vec<Digest>,
    /// The identities of everything that was listed.
    known: HashSet<Digest>,
    /// The first half of the identity of each event with an id.
    named: HashSet<u64>,
    /// The number of times that this reading has found each text without an id.
    nameless: HashMap<Digest, u32>,
    /// The number of events with a known id and another text.
    pub(super) changed: u64,
    /// Items that are not events, for the quarantine.
    pub(super) odd: Option<Scratch>,
    pub(super) warnings: Vec<String>,
    /// The warnings and gaps of pages that cannot be read.
    pub(super) unread: Vec<(String, Gap)>,
    /// The warning if Mimecast counts more events than it sent.
    pub(super) short: Option<String>,
}

impl Taken {
    pub(super) fn new(format: Format, spool: &Spool) -> Result<Self, Failure> {
        Ok(Self {
            format,
            lines: NewestFirst::new(spool.scratch()?),
            ids: Vec::new(),
            known: HashSet::new(),
            named: HashSet::new(),
            nameless: HashMap::new(),
            changed: 0,
            odd: None,
            warnings: Vec::new(),
            unread: Vec::new(),
            short: None,
        })
    }

    /// Returns the number of different items that were listed.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Starts to read the window again. Items that are listed again are known.
    pub(super) fn begin_reading(&mut self) {
        self.nameless.clear();
    }

    /// Adds one item, unless it was added before or published by an earlier window. True for a new
    /// item that is not JSON.
    pub(super) fn take(
        &mut self,
        raw: &str,
        spool: &Spool,
        published: &mut Published,
    ) -> Result<bool, Failure> {
        if raw.len() > EVENT_LIMIT {
            self.take_odd(raw, spool)?;
            return Ok(false);
        }
        if let Some(event) = Event::read(raw) {
            self.take_event(raw, &event, spool, published)?;
            return Ok(false);
        }
        let item = Item::of(raw);
        let text = match &item {
            Item::Whole(text) => &**text,
            Item::Broken(text) => text,
        };
        if let Some(event) = Event::read(text) {
            self.take_event(text, &event, spool, published)?;
            return Ok(false);
        }
        let is_new = self.take_odd(text, spool)?;
        Ok(is_new && matches!(item, Item::Broken(_)))
    }

    fn take_event(
        &mut self,
        text: &str,
        event: &Event<'_>,
        spool: &Spool,
        published: &mut Published,
    ) -> Result<(), Failure> {
        let id = event.id();
        // version 0.1.0 saved ids alone, and texts without an id with a number
        let (identity, old) = match &id {
            Some(id) => {
                let old = Digest::of(id.as_bytes());
                (old.with_content(event.fingerprint()), old)
            }
            None => {
                let identity = self.number(text);
                (identity, identity)
            }
        };
        if !self.known.insert(identity) {
            return Ok(());
        }
        let is_first = id.is_none() || self.named.insert(identity.half());
        self.changed += u64::from(!is_first);
        let is_seen = match is_first {
            true => spool.has_seen_either(identity, old)?,
            false => spool.has_seen(identity)?,
        };
        if is_seen {
            return Ok(());
        }
        self.ids.push(identity);
        let line = match self.format {
            Format::KeyValue => event.key_value(),
            Format::Json => event.json(),
        };
        if !published.take(&line) && !published.of_scripts.take(event) {
            self.lines.push(&line).map_err(ApiError::Sink)?;
        }
        Ok(())
    }

    /// Adds an item that is not an event. True if no earlier window had it.
    fn take_odd(&mut self, text: &str, spool: &Spool) -> Result<bool, Failure> {
        let identity = self.number(text);
        let is_listed = !self.known.insert(identity);
        if spool.has_seen(identity)? {
            return Ok(false);
        }
        if !is_listed {
            self.ids.push(identity);
            self.keep_odd(spool, text)?;
        }
        Ok(true)
    }

    /// Returns an identity for an item without an id: its text, and how often it came before. Equal
    /// texts are of one second, so each window has either all of them or none.
    fn number(&mut self, item: &str) -> Digest {
        let count = self
            .nameless
            .entry(Digest::of(item.as_bytes()))
            .or_insert(0);
        *count += 1;
        Digest::of(format!("{count} {item}").as_bytes())
    }

    /// Adds an item that is not an event to the file for the quarantine.
    fn keep_odd(&mut self, spool: &Spool, item: &str) -> Result<(), Failure> {
        let mut file = match self.odd.take() {
            Some(file) => file,
            None => spool.scratch()?,
        };
        writeln!(file, "{item}").map_err(ApiError::Sink)?;
        self.odd = Some(file);
        Ok(())
    }
}

/// Returns a time as messages show it.
pub(super) fn words(time: chrono::DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
