//! API 2.0: page after page of addresses, object after object of a page.
//!
//! The cursor of a page moves only when every object on it is published, in quarantine or recorded
//! as a gap; which ones are is part of the position. An address that has lapsed is had again by
//! listing the same page: the paths are the same, the permissions fresh.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::page::Page;
use super::position::{ObjectId, Position};
use super::{EventType, Failed, KEPT, object, stale};
use crate::api::objects::{Address, Objects};
use crate::api::{ApiError, Client, endpoints};
use crate::clock::Clock;
use crate::config::Aliases;
use crate::fetch::Ahead;
use crate::report::{Code, Failure};
use crate::run::{Ready, Run, Source};
use crate::spool::{Batch, Extension, Gap, Part, Scratch, Scratches, Spool};

/// Objects that share one commit, and the bytes after which a batch is closed early.
const BATCH_OBJECTS: usize = 32;
const BATCH_BYTES: u64 = 64 << 20;
/// Mimecast allows 50 lists in 15 minutes; some are left for whoever else asks.
const LISTS_PER_RUN: u32 = 45;
/// How often a page is listed again for fresh addresses, in one run.
const RELISTS: u32 = 3;
/// Pages without objects that are followed in a row.
const EMPTY_PAGES: u32 = 5;

/// The list calls of one run, shared by all event types.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<AtomicU32>);

impl Calls {
    fn take(&self) -> anyhow::Result<()> {
        if self.0.fetch_add(1, Ordering::Relaxed) < LISTS_PER_RUN {
            return Ok(());
        }
        let what = "the list calls that Mimecast allows in a quarter of an hour are used up";
        Err(Failure::new(Code::Later, what, "nothing to do: the next run goes on").into())
    }
}

/// Whether the object store has given anything in this run, whatever the type.
#[derive(Clone, Default)]
pub(super) struct StoreAnswers(Arc<AtomicBool>);

impl StoreAnswers {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why an object could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Its address was not accepted, however fresh.
    Refused,
    /// The store does not have it.
    Gone,
    /// Nothing arrived of what is listed with a size: an object, or whoever stands before the store.
    Empty,
    /// The page names it no longer.
    NotListed,
}

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

    /// Takes the next object of the page into the batch.
    fn take_object(&mut self, spool: &Spool, batch: &mut Batch) -> anyhow::Result<()> {
        let mut raw = match self.ahead.wait() {
            Ok(raw) => raw,
            Err(Failed::Api(ApiError::PositionRefused)) => {
                return self.have_again(spool, Reason::Refused);
            }
            Err(Failed::Api(ApiError::Gone)) => return self.have_again(spool, Reason::Gone),
            Err(Failed::Api(ApiError::Unreachable(why))) => {
                let what = format!("an object of {} could not be had: {why}", self.kind.name);
                let remedy = "nothing to do if it passes: the next run goes on";
                return Err(Failure::new(Code::Later, what, remedy).into());
            }
            Err(failed) => return Err(failed.into()),
        };
        let has_content = self.queue.front().is_some_and(|listed| listed.has_content);
        if has_content && object::is_empty(&mut raw)? {
            self.put_off(spool);
            return Ok(());
        }
        self.kind.store_answers.set();
        self.is_fresh = false;
        let Some(listed) = self.queue.pop_front() else {
            return Ok(());
        };
        self.ask_for_front(spool);
        let mut part = batch.part()?;
        let fault = self.unpack(&mut raw, &listed, &mut part)?;
        let whole = match fault {
            None => Some(part),
            Some(fault) => self.doubt(spool, batch, &listed, &mut raw, &fault)?,
        };
        let address = &listed.address;
        if let Some(part) = whole {
            let stem = format!("{}_{}", self.kind.stem, address.stem());
            batch.add(part, &stem, Extension::Json)?;
        }
        self.position.finish(&address.place());
        Ok(())
    }

    /// Nothing arrived of the first object of the queue: it is asked for once more after the others, by
    /// which the store shows whether it answers with content at all.
    fn put_off(&mut self, spool: &Spool) {
        let Some(mut listed) = self.queue.pop_front() else {
            return;
        };
        if listed.is_second {
            let place = listed.address.place();
            self.do_without(spool, ObjectId::of(&place), &place, Reason::Empty);
        } else {
            listed.is_second = true;
            self.queue.push_back(listed);
        }
        self.ask_for_front(spool);
    }

    /// The first address of the queue was refused: list the page again, or do without the object.
    fn have_again(&mut self, spool: &Spool, reason: Reason) -> anyhow::Result<()> {
        if self.relists < RELISTS {
            self.relists += 1;
            info!(
                kind = self.kind.name,
                "an address has lapsed: listing the page again"
            );
            return self.list(spool);
        }
        let Some(Listed { address, .. }) = self.queue.pop_front() else {
            return Ok(());
        };
        self.ask_for_front(spool);
        let place = address.place();
        self.do_without(spool, ObjectId::of(&place), &place, reason);
        Ok(())
    }

    /// Leaves an object to the next run, or gives it up when an earlier run could not have it either.
    ///
    /// A store that refuses everything, or answers with nothing, says nothing of a single object, as
    /// somebody may stand before it; nor does an address that may have lapsed while others were stored.
    fn do_without(&mut self, spool: &Spool, id: ObjectId, place: &str, reason: Reason) {
        let answers = self.kind.store_answers.get();
        let is_sure = match reason {
            Reason::Refused => self.is_fresh && answers,
            Reason::Empty => answers,
            Reason::Gone | Reason::NotListed => true,
        };
        if !self.position.missing.contains(&id) || !is_sure {
            if !self.missing.contains(&id) {
                self.missing.push(id); // the next run tries once more
            }
            return;
        }
        self.warnings.push(format!(
            "an object of {} could not be had in two runs and is recorded as a gap: {place}",
            self.kind.name
        ));
        self.gaps.push(Gap {
            from: spool.last_success(),
            to: self.client.now(),
            reason: format!("object {place} could not be had"),
        });
        self.position.done.push(id);
    }

    fn unpack(
        &self,
        raw: &mut Scratch,
        listed: &Listed,
        part: &mut Part,
    ) -> anyhow::Result<Option<String>> {
        object::unpack(raw, listed.has_content, part, self.aliases, &self.clock)
    }

    /// Fetches a doubtful object once more: yields it when it verifies now, and keeps the bytes when
    /// they are the same again.
    fn doubt(
        &mut self,
        spool: &Spool,
        batch: &Batch,
        listed: &Listed,
        raw: &mut Scratch,
        fault: &str,
    ) -> anyhow::Result<Option<Part>> {
        warn!(
            kind = self.kind.name,
            fault, "an object does not verify: fetching it again"
        );
        let differs = || {
            let what = format!("an object arrived damaged ({fault}) and differently each time");
            let remedy = "nothing to do: the next run fetches it again";
            Failure::new(Code::Later, what, remedy)
        };
        let address = &listed.address;
        let mut again = match fetch(&self.kind.objects, address, &spool.scratches()) {
            Err(Failed::Api(ApiError::PositionRefused | ApiError::Gone)) => {
                return Err(differs().into());
            }
            fetched => fetched?,
        };
        let fingerprint = |raw: &mut Scratch| raw.fingerprint().map_err(ApiError::Sink);
        if fingerprint(&mut again)? != fingerprint(raw)? {
            let mut part = batch.part()?;
            let fault = self.unpack(&mut again, listed, &mut part)?;
            return match fault {
                None => Ok(Some(part)),
                Some(_) => Err(differs().into()),
            };
        }
        let place = spool.quarantine(raw, &format!("object: {address:?}\nfault: {fault}"))?;
        self.warnings.push(format!(
            "an object of {} is damaged ({fault}); its bytes are kept in {}",
            self.kind.name,
            place.display()
        ));
        Ok(None)
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

fn fetch(objects: &Objects, address: &Address, scratches: &Scratches) -> Result<Scratch, Failed> {
    let mut raw = scratches.make().map_err(Failed::Spool)?;
    objects.fetch(address, &mut raw).map_err(Failed::Api)?;
    Ok(raw)
}

/// The day to begin with: the oldest that Mimecast keeps, or the last run under API 1.0.
fn beginning(now: DateTime<Utc>, moved_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let oldest = now - KEPT;
    moved_at.unwrap_or(oldest).max(oldest)
}
