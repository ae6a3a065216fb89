//! API 2.0: page after page of addresses, object after object of a page.
//!
//! The cursor of a page moves only when every object on it is published, in quarantine or recorded
//! as a gap; which ones are is part of the position. An address that has lapsed is had again by
//! listing the same page: the paths are the same, the permissions fresh.

mod shared;
mod taking;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::info;

use super::page::Page;
use super::position::{ObjectId, Position};
use super::{EventType, Failed, KEPT, stale};
use crate::api::objects::Address;
use crate::api::{ApiError, Client, endpoints};
use crate::clock::Clock;
use crate::config::Aliases;
use crate::fetch::Ahead;
use crate::report::{Code, Failure};
use crate::run::{Ready, Run, Source};
use crate::spool::{Gap, Scratch, Scratches, Spool};
pub(super) use shared::{Calls, StoreAnswers};
use taking::{PROBES, Reason, fetch};

/// Objects that share one commit, and the bytes after which a batch is closed early.
const BATCH_OBJECTS: usize = 32;
const BATCH_BYTES: u64 = 64 << 20;
/// Pages without objects that are followed in a row.
const EMPTY_PAGES: u32 = 5;

/// An object that waits for its turn.
struct Listed {
    address: Address,
    has_content: bool,
    /// Whether it is asked for a second time, after the others of its page.
    is_second: bool,
}

impl Listed {
    fn id(&self) -> ObjectId {
        ObjectId::of(&self.address.place())
    }
}

/// The events of one type.
pub(super) struct Events {
    client: Arc<Client>,
    kind: EventType,
    aliases: Aliases,
    clock: Clock,
    ahead: Ahead<(Address, Scratches), Result<Scratch, Failed>>,
    position: Position,
    /// The page in hand: what is left of it.
    queue: VecDeque<Listed>,
    next: Option<String>,
    is_listed: bool,
    /// No page is behind the one in hand.
    is_last: bool,
    relists: u32,
    /// Whether no time went into an object since the page was listed.
    is_fresh: bool,
    empty_pages: u32,
    /// Some objects of this page that an earlier run had.
    known: Vec<Address>,
    /// Objects of this page that could not be had, and why the last of them.
    missing: Vec<ObjectId>,
    why: Option<Reason>,
    /// Whether Mimecast, and with it its clock, has answered a list.
    has_answered: bool,
    warnings: Vec<String>,
    gaps: Vec<Gap>,
    failed: Option<anyhow::Error>,
    finished: bool,
}

impl Events {
    pub(super) fn waiting(run: &Run, kind: EventType, spool: &Spool) -> Self {
        let objects = Arc::clone(&kind.objects);
        let client = run.client();
        let position = spool.position().and_then(Position::read);
        Self {
            client,
            kind,
            aliases: run.config.siem.aliases,
            clock: run.clock.clone(),
            ahead: Ahead::new(move |(address, scratches): (Address, Scratches)| {
                fetch(&objects, &address, &scratches)
            }),
            position: position.unwrap_or_default(),
            queue: VecDeque::new(),
            next: None,
            is_listed: false,
            is_last: false,
            relists: 0,
            is_fresh: false,
            empty_pages: 0,
            known: Vec::new(),
            missing: Vec::new(),
            why: None,
            has_answered: false,
            warnings: Vec::new(),
            gaps: Vec::new(),
            failed: None,
            finished: false,
        }
    }

    /// Where the very first page begins.
    fn since(&self) -> DateTime<Utc> {
        let saved = self.position.since;
        saved.unwrap_or_else(|| beginning(self.client.now(), self.kind.moved_at))
    }

    /// The page of the position, as it is now.
    fn page(&mut self, spool: &Spool) -> anyhow::Result<Page> {
        loop {
            self.kind.calls.take()?;
            let since = self.since();
            let token = self.position.token.as_deref();
            let query = endpoints::events(self.kind.name, since, token);
            match self.client.list(self.kind.call, &query) {
                // by the server's clock, which only an answer tells, it begins on another day
                Ok(_) if token.is_none() && self.since().date_naive() != since.date_naive() => {}
                Ok(text) => {
                    if token.is_none() {
                        self.position.since = Some(since);
                    }
                    return Ok(Page::read(&text).map_err(ApiError::NotUnderstood)?);
                }
                Err(ApiError::PositionRefused) => self.start_again(spool, since)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Lists the page of the position and queues what of it is not done.
    fn list(&mut self, spool: &Spool) -> anyhow::Result<()> {
        let page = self.page(spool)?;
        if !std::mem::replace(&mut self.has_answered, true)
            && let Some((gap, warning)) = stale(spool, self.client.now())
        {
            self.gaps.push(gap);
            self.warnings.push(warning);
        }
        let owed: Vec<Listed> = self.queue.drain(..).collect();
        let mut listed = Vec::new();
        self.known.clear();
        for item in &page.items {
            let object = Listed {
                address: self.kind.objects.address(&item.url)?,
                has_content: item.has_content(),
                is_second: false,
            };
            let id = object.id();
            if listed.contains(&id) {
                continue; // a page can name an object twice
            }
            listed.push(id);
            if !self.position.is_done(id) {
                if !self.missing.contains(&id) {
                    self.queue.push_back(object);
                }
            } else if object.has_content && self.known.len() < PROBES {
                self.known.push(object.address);
            }
        }
        for object in owed {
            if !listed.contains(&object.id()) {
                let place = object.address.place();
                self.do_without(spool, object.id(), &place, Reason::NotListed);
            }
        }
        for id in self.position.unlisted(&listed) {
            self.do_without(spool, id, "of an earlier list", Reason::NotListed);
        }
        self.position.keep_listed(&listed);
        self.empty_pages = if listed.is_empty() {
            self.empty_pages + 1
        } else {
            0
        };
        let is_quiet = listed.is_empty() && page.is_caught_up != Some(false);
        self.is_last = page.is_caught_up == Some(true)
            || is_quiet
            || self.empty_pages >= EMPTY_PAGES
            || page.next.is_none()
            || page.next == self.position.token;
        self.next = page.next;
        self.is_listed = true;
        self.is_fresh = true;
        info!(
            kind = self.kind.name,
            objects = listed.len(),
            new = self.queue.len(),
            "a page is listed"
        );
        self.ask_for_front(spool);
        Ok(())
    }

    /// A token that is refused, or a day: go on from the oldest that Mimecast keeps.
    fn start_again(&mut self, spool: &Spool, since: DateTime<Utc>) -> anyhow::Result<()> {
        let now = self.client.now();
        let oldest = beginning(now, None);
        if self.position.token.is_some() {
            let from = spool.last_success();
            let reason = "the saved position was refused".to_owned();
            self.gaps.push(Gap {
                from,
                to: now,
                reason,
            });
            // the gap covers what was still owed of the page
            self.queue.clear();
            self.missing.clear();
            let since = from.map_or("an unknown time".to_owned(), |time| time.to_string());
            self.warnings.push(format!(
                "Mimecast refused the saved position of {}: collection goes on from the oldest \
                 events that it keeps, and events since {since} may be missing",
                self.kind.name
            ));
            self.position = Position {
                since: Some(oldest),
                ..Position::default()
            };
            return Ok(());
        }
        // a day is asked for as a whole: its first hours may just have become too old
        let day = TimeDelta::days(1);
        if since < oldest + day {
            let is_older = since.date_naive() < oldest.date_naive();
            self.position.since = Some(if is_older { oldest } else { since + day });
            return Ok(());
        }
        let why = "the days of a list were refused".to_owned();
        Err(ApiError::NotUnderstood(why).into())
    }

    fn ask_for_front(&self, spool: &Spool) {
        if let Some(listed) = self.queue.front() {
            self.ahead.ask((listed.address.clone(), spool.scratches()));
        }
    }

    /// Leaves a page on which nothing is left to do.
    fn leave_page(&mut self) {
        self.is_listed = false;
        self.finished = self.is_last;
        if self.kind.store_answers.get() {
            self.position.silent_since = None;
        }
        if !self.missing.is_empty() {
            if !self.kind.store_answers.get() {
                let now = self.client.now();
                self.position.silent_since.get_or_insert(now);
            }
            self.position.missing = std::mem::take(&mut self.missing);
            let why = self
                .why
                .map_or_else(String::new, |why| format!(": of the last, {why}"));
            let what = format!("some objects of {} could not be had{why}", self.kind.name);
            let remedy = "nothing to do: the next run tries again, and records a gap if it fails";
            self.failed = Some(Failure::new(Code::Later, what, remedy).into());
            return;
        }
        match self.next.take() {
            Some(next) if self.position.token.as_ref() != Some(&next) => self.position.turn(next),
            _ => {} // the same page again next time: what is done on it is known
        }
    }
}

impl Source for Events {
    /// Some objects of the page in hand, or the move to the next page.
    fn next(&mut self, spool: &Spool) -> anyhow::Result<Option<Ready>> {
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.finished {
                return Ok(None);
            }
            if !self.is_listed {
                self.list(spool)?;
            }
            let mut batch = spool.batch();
            let mut objects = 0;
            while !self.queue.is_empty()
                && objects < BATCH_OBJECTS
                && batch.size().bytes < BATCH_BYTES
            {
                if let Err(error) = self.take_object(spool, &mut batch) {
                    self.failed = Some(error); // what is in the batch is good
                    break;
                }
                objects += 1;
            }
            if self.queue.is_empty() && self.failed.is_none() {
                self.leave_page();
            }
            let text = self.position.text();
            let is_news = spool.position() != Some(&text) || batch.size().files > 0;
            if is_news || !self.warnings.is_empty() {
                for gap in self.gaps.drain(..) {
                    batch.note_gap(gap);
                }
                let warnings = std::mem::take(&mut self.warnings);
                return Ok(Some(Ready {
                    batch,
                    position: Some(text),
                    warnings,
                }));
            }
        }
    }
}

/// The day to begin with: the oldest that Mimecast keeps, or the last run under API 1.0.
fn beginning(now: DateTime<Utc>, moved_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let oldest = now - KEPT;
    moved_at.unwrap_or(oldest).max(oldest)
}
