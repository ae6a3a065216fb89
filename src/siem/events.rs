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
use taking::{Reason, fetch};

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
    /// Objects of this page that could not be had.
    missing: Vec<ObjectId>,
    warnings: Vec<String>,
    gaps: Vec<Gap>,
    failed: Option<anyhow::Error>,
    finished: bool,
}

impl Events {
    pub(super) fn waiting(run: &Run, kind: EventType, spool: &Spool) -> Self {
        let objects = Arc::clone(&kind.objects);
        let client = run.client();
        let saved = spool.position().and_then(Position::read);
        let position = saved.unwrap_or_else(|| Position {
            since: Some(beginning(client.now(), kind.moved_at)),
            ..Position::default()
        });
        let (mut warnings, mut gaps) = (Vec::new(), Vec::new());
        if let Some((gap, warning)) = stale(spool, client.now()) {
            gaps.push(gap);
            warnings.push(warning);
        }
        Self {
            client,
            kind,
            aliases: run.config.siem.aliases,
            clock: run.clock.clone(),
            ahead: Ahead::new(move |(address, scratches): (Address, Scratches)| {
                fetch(&objects, &address, &scratches)
            }),
            position,
            queue: VecDeque::new(),
            next: None,
            is_listed: false,
            is_last: false,
            relists: 0,
            is_fresh: false,
            empty_pages: 0,
            missing: Vec::new(),
            warnings,
            gaps,
            failed: None,
            finished: false,
        }
    }

    /// Lists the page of the position and queues what of it is not done.
    fn list(&mut self, spool: &Spool) -> anyhow::Result<()> {
        let page = loop {
            self.kind.calls.take()?;
            let since = self
                .position
                .since
                .unwrap_or_else(|| beginning(self.client.now(), None));
            let token = self.position.token.as_deref();
            let query = endpoints::events(self.kind.name, since, token);
            match self.client.list(self.kind.call, &query) {
                Ok(text) => break Page::read(&text).map_err(ApiError::NotUnderstood)?,
                Err(ApiError::PositionRefused) => self.start_again(spool, since)?,
                Err(error) => return Err(error.into()),
            }
        };
        let owed: Vec<Listed> = self.queue.drain(..).collect();
        let mut listed = Vec::new();
        for item in &page.items {
            let address = self.kind.objects.address(&item.url)?;
            let id = ObjectId::of(&address.place());
            if !listed.contains(&id) {
                listed.push(id); // a page can name an object twice
                if !self.position.is_done(&address.place()) && !self.missing.contains(&id) {
                    let has_content = item.has_content();
                    self.queue.push_back(Listed {
                        address,
                        has_content,
                        is_second: false,
                    });
                }
            }
        }
        for Listed { address, .. } in owed {
            let id = ObjectId::of(&address.place());
            if !listed.contains(&id) {
                self.do_without(spool, id, &address.place(), Reason::NotListed);
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
        if since < oldest + TimeDelta::days(1) {
            self.position.since = Some(since.max(oldest) + TimeDelta::days(1));
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
        if !self.missing.is_empty() {
            self.position.missing = std::mem::take(&mut self.missing);
            let what = format!("some objects of {} could not be had", self.kind.name);
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
