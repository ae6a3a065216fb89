//! API 2.0: page after page of addresses, object after object of a page.
//!
//! The token of a page is left only when each object on it is published, in quarantine, recorded as a gap
//! or kept as owed: an object that cannot be fetched stops nothing but itself. What was published is in
//! the memory of the spool. An expired address is refreshed by listing the page again.

mod debts;
mod fetching;
mod gzip;
mod leaving;
mod list_budget;
mod listing;
mod missing;
pub mod page;
mod position;
pub mod unpack;

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::info;

use super::{FetchError, KEPT, gap_after, stale};
use crate::api::endpoints::{self, Call};
use crate::api::objects::{Address, Objects};
use crate::api::{ApiError, Client};
use crate::clock::Clock;
use crate::collect::prefetch::Prefetch;
use crate::collect::{Context, Ready, Source};
use crate::config::Aliases;
use crate::failure::{Failure, LIST_CALLS};
use crate::logs::Log;
use crate::spool::{Batch, Digest, Gap, Scratch, Scratches, Spool};
use page::Page;

pub use list_budget::ListBudget;
pub use missing::StoreSeen;

use fetching::fetch;
use listing::{PageInHand, Purpose};
use position::{PageKey, Position};

/// Objects that share one commit, and the bytes after which a batch is closed early.
const BATCH_OBJECTS: usize = 32;
const BATCH_BYTES: u64 = 64 << 20;
/// Pages without objects that are followed in a row.
const EMPTY_PAGES: u32 = 5;
/// A type whose token names nothing for so long is listed by date.
const QUIET: TimeDelta = TimeDelta::hours(24);

/// One event type and what it shares with the others.
#[derive(Clone)]
pub struct EventType {
    /// The row of the catalog.
    pub log: &'static Log,
    /// In the vendor's spelling.
    pub name: &'static str,
    /// The beginning of its files' names.
    pub stem: String,
    /// The object store.
    pub objects: Arc<Objects>,
    /// The list calls of the run.
    pub budget: ListBudget,
    /// Whether the store has returned an object in this run.
    pub store_seen: StoreSeen,
    /// When API 1.0 was last collected.
    pub moved_at: Option<DateTime<Utc>>,
}

/// What a source does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// List the page of the position.
    List,
    /// Fetch the objects of the page in hand.
    Take,
    /// Leave the page in hand.
    Leave,
    /// List a page of which an earlier run owes objects.
    Owed,
    /// List by date if the token has named nothing for long.
    Date,
    Done,
}

/// The objects of one event type.
pub struct ObjectStream {
    client: Arc<Client>,
    kind: EventType,
    aliases: Aliases,
    clock: Clock,
    prefetch: Prefetch<(Address, Scratches), Result<Scratch, FetchError>>,
    position: Position,
    step: Step,
    page: Option<PageInHand>,
    /// Objects of the batch in hand, which the spool does not know yet.
    taken: HashSet<Digest>,
    /// Pages that have had their turn in this run.
    visited: Vec<PageKey>,
    /// Pages of owed objects that were listed in this run.
    owed_pages: u32,
    lists: u32,
    relists: u32,
    empty_pages: u32,
    /// Objects that failed in a row while the store had returned none.
    misses: u32,
    /// True if the store has asked to slow down since it last returned an object.
    is_slowed: bool,
    /// Why the last object could not be fetched, as the store or the network said it.
    last_error: Option<ApiError>,
    /// True if a page without objects was the last word of this run.
    is_quiet: bool,
    /// What keeps the stream from its end, told after everything else.
    trouble: Option<Failure>,
    /// An error that ends the stream once the batch in hand is committed.
    failed: Option<Failure>,
}

impl ObjectStream {
    pub fn new(context: &Context, kind: EventType, spool: &Spool) -> Self {
        let objects = Arc::clone(&kind.objects);
        let position = spool.position().and_then(Position::read);
        Self {
            client: Arc::clone(&context.client),
            kind,
            aliases: context.config.siem.aliases,
            clock: context.clock.clone(),
            prefetch: Prefetch::new(move |(address, scratches): (Address, Scratches)| {
                fetch(&objects, &address, &scratches)
            }),
            position: position.unwrap_or_default(),
            step: Step::List,
            page: None,
            taken: HashSet::new(),
            visited: Vec::new(),
            owed_pages: 0,
            lists: 0,
            relists: 0,
            empty_pages: 0,
            misses: 0,
            is_slowed: false,
            last_error: None,
            is_quiet: false,
            trouble: None,
            failed: None,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.present().earliest
    }

    /// Counts a list call. The first of each type is always allowed.
    fn may_list(&mut self) -> bool {
        let is_allowed = self.lists == 0 || self.kind.budget.take();
        self.lists += u32::from(is_allowed);
        is_allowed
    }

    /// The day on which the very first page begins.
    fn since(&self) -> DateTime<Utc> {
        let oldest = self.now() - KEPT;
        let beginning = self.kind.moved_at.unwrap_or(oldest).max(oldest);
        self.position.since.unwrap_or(beginning)
    }

    /// Lists a page. What cannot be read is asked for once more.
    fn ask(&self, key: &PageKey) -> Result<Page, ApiError> {
        let since = key.since.unwrap_or_else(|| self.since());
        let query = endpoints::events(self.kind.name, since, key.token.as_deref());
        let list = || self.client.list(Call::Log(self.kind.log), &query);
        match Page::read(&list()?) {
            Ok(page) if !page.is_next_odd => Ok(page),
            _ => Page::read(&list()?).map_err(ApiError::NotUnderstood),
        }
    }

    /// Lists the page of the position and takes it in hand. What is given up on the way there is recorded
    /// once a page is listed: a service that refuses everything proves nothing.
    fn list(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let saved = self.position.clone();
        let mut given_up = Vec::new();
        let listed = self.list_from(spool, &mut given_up);
        if listed.is_err() {
            self.position = saved;
        }
        let Some((page, key)) = listed? else {
            self.trouble = Some(used_up());
            self.step = Step::Owed;
            return Ok(());
        };
        for (gap, warning) in given_up {
            batch.note_gap(gap);
            batch.warn(warning);
        }
        self.take_in_hand(page, (key, Purpose::Current), spool, batch)
    }

    /// Lists the page of the position, or of the next day that is accepted; `None` if no call is left.
    fn list_from(
        &mut self,
        spool: &Spool,
        given_up: &mut Vec<(Gap, String)>,
    ) -> Result<Option<(Page, PageKey)>, Failure> {
        loop {
            if !self.may_list() {
                return Ok(None);
            }
            let since = self.since();
            let mut key = self.position.page();
            if key.token.is_none() {
                key.since = Some(since);
            }
            match self.ask(&key) {
                // by the earliest time, which only an answer tells, it begins on another day
                Ok(_) if key.token.is_none() && self.since().date_naive() != since.date_naive() => {
                }
                Ok(page) => {
                    if key.token.is_none() {
                        self.position.since = Some(since);
                    }
                    return Ok(Some((page, key)));
                }
                Err(ApiError::PositionRefused) => given_up.push(self.start_again(spool, since)?),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes a page in hand, beside what is left of it from an earlier list.
    fn take_in_hand(
        &mut self,
        page: Page,
        key: (PageKey, Purpose),
        spool: &Spool,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        if self.lists == 1
            && let Some((gap, warning)) = stale(spool, self.now())
        {
            batch.note_gap(gap);
            batch.warn(warning);
        }
        let objects = Arc::clone(&self.kind.objects);
        let known = (&self.position, spool, &self.taken);
        let mut hand = PageInHand::of(page, key, known, &objects)?;
        batch.remember(hand.done_before.drain(..));
        match self.page.take() {
            Some(before) if before.key == hand.key => hand.continue_from(before),
            _ => {}
        }
        let has_news = hand.has_news && hand.purpose == Purpose::Current;
        if has_news || self.position.named_at.is_none() {
            self.note_named();
        }
        self.forget_mended(&hand);
        self.last_error = hand.refused.take().or(self.last_error.take());
        self.keep_in_hand(hand, spool);
        self.miss_unlisted();
        Ok(())
    }

    /// Entries that named no object in an earlier run and are right now owe nothing.
    fn forget_mended(&mut self, hand: &PageInHand) {
        let there = hand.places();
        self.position.owed.retain(|owed| {
            owed.page != hand.key || !listing::is_entry(&owed.place) || there.contains(&*owed.place)
        });
    }

    /// Begins with the objects of a page.
    fn keep_in_hand(&mut self, hand: PageInHand, spool: &Spool) {
        info!(
            kind = self.kind.name,
            entries = hand.entries,
            new = hand.queue.len(),
            "a page is listed"
        );
        self.page = Some(hand);
        self.ask_for_front(spool);
        self.step = Step::Take;
    }

    /// Remembers, to the hour, when the list last named an object.
    fn note_named(&mut self) {
        let now = self.now();
        let is_recent = |named: DateTime<Utc>| (now - named).abs() < TimeDelta::hours(1);
        if !self.position.named_at.is_some_and(is_recent) {
            self.position.named_at = Some(now);
        }
    }

    /// A token that is refused, or a day: go on from the oldest that Mimecast keeps. Returns the gap, and
    /// what to tell of it.
    fn start_again(
        &mut self,
        spool: &Spool,
        since: DateTime<Utc>,
    ) -> Result<(Gap, String), Failure> {
        let present = self.clock.present();
        if let Some(token) = self.position.token.clone() {
            let (gap, from) = gap_after(spool, present.earliest, "the saved position was refused");
            self.page = None;
            self.position.restart(present.earliest - KEPT);
            let before = Some(token);
            let warning = format!(
                "Mimecast refused the saved position of {}: collection goes on from the oldest \
                 events that it keeps, and events since {from} may be missing",
                self.kind.name
            );
            return Ok((Gap { before, ..gap }, warning));
        }
        // a day is asked for as a whole: its first hours may just have become too old
        let next = (since + TimeDelta::days(1)).max(present.latest - KEPT);
        if next > present.latest {
            let why = "the days of a list were refused".to_owned();
            return Err(ApiError::NotUnderstood(why).into());
        }
        let reason = format!("Mimecast refused to list from {}", since.format("%Y-%m-%d"));
        let warning = format!(
            "{reason}: {} are collected from {} on",
            self.kind.name,
            next.format("%Y-%m-%d")
        );
        self.position.since = Some(next);
        Ok((Gap::of(Some(since), next, reason), warning))
    }

    fn ask_for_front(&self, spool: &Spool) {
        let front = self.page.as_ref().and_then(|page| page.queue.front());
        if let Some(listed) = front {
            self.prefetch
                .start((listed.address.clone(), spool.scratches()));
        }
    }

    /// Fetches objects of the page in hand until a batch is full or none is left.
    fn take(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let mut objects = 0;
        while objects < BATCH_OBJECTS && batch.size().bytes < BATCH_BYTES {
            if self.has_nothing_to_take() {
                self.step = Step::Leave;
                return Ok(());
            }
            self.take_object(spool, batch)?;
            objects += 1;
        }
        Ok(())
    }

    /// Does one step; what it finds goes into the batch.
    fn advance(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        match self.step {
            Step::List => self.list(spool, batch),
            Step::Take => self.take(spool, batch),
            Step::Leave => self.leave(spool, batch),
            Step::Owed => self.list_owed(spool, batch),
            Step::Date => self.list_by_date(spool, batch),
            Step::Done => Ok(()),
        }
    }
}

impl Source for ObjectStream {
    /// Some objects of the page in hand, or the move to the next page.
    fn next(&mut self, spool: &Spool) -> Result<Option<Ready>, Failure> {
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.step == Step::Done {
                return self.trouble.take().map_or(Ok(None), Err);
            }
            let mut batch = spool.batch(self.clock.present().latest);
            if let Err(error) = self.advance(spool, &mut batch) {
                self.failed = Some(error); // what is in the batch is good
            }
            self.taken.clear();
            let text = self.position.text();
            if spool.position() != Some(&text) || !batch.is_empty() {
                let position = Some(text);
                return Ok(Some(Ready { batch, position }));
            }
        }
    }
}

fn used_up() -> Failure {
    let what = "the list calls that Mimecast allows in a quarter of an hour are used up";
    Failure::later(LIST_CALLS, what, "nothing to do: the next run goes on")
}
