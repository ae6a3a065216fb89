//! API 2.0: lists page after page of addresses, and fetches the objects of each page.
//!
//! The position leaves a page only when none of its objects is open: each is published, quarantined,
//! a gap or owed. An object that cannot be fetched does not stop the others. The spool remembers which
//! objects were published. If an address has expired, the page is listed again.

mod damaged;
mod debts;
mod fetching;
mod gzip;
mod leaving;
mod list_budget;
mod listing;
mod missing;
mod owed;
pub mod page;
mod page_in_hand;
mod position;
pub mod unpack;

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{FetchError, KEPT};
use crate::api::endpoints::{self, Call};
use crate::api::objects::{Address, Objects};
use crate::api::{ApiError, Client};
use crate::clock::Clock;
use crate::collect::prefetch::Prefetch;
use crate::collect::{Context, Ready, Source, Waiting};
use crate::config::Aliases;
use crate::failure::Failure;
use crate::logs::Log;
use crate::spool::{Batch, Digest, Scratch, Scratches, Spool};

pub use list_budget::ListBudget;
pub use missing::StoreSeen;

use fetching::fetch;
use page::Page;
use page_in_hand::PageInHand;
use position::{PageKey, Position};

/// The largest number of objects in one commit, and the bytes after which a batch is closed early.
const BATCH_OBJECTS: usize = 32;
const BATCH_BYTES: u64 = 64 << 20;
/// The number of pages without objects that are followed in a row.
const EMPTY_PAGES: u32 = 5;
/// A type whose token lists no object for so long is listed by date.
const QUIET: TimeDelta = TimeDelta::hours(24);

/// An event type and what it shares with the others.
#[derive(Clone)]
pub struct EventType {
    /// Its entry in the catalog.
    pub log: &'static Log,
    /// The name in the vendor's spelling.
    pub name: &'static str,
    /// The beginning of its file names.
    pub stem: String,
    /// The client of the object store.
    pub objects: Arc<Objects>,
    /// The list calls of the run.
    pub budget: ListBudget,
    /// True once the store has returned an object in this run.
    pub store_seen: StoreSeen,
    /// The time from which a stream without a position is collected. `None` for all that Mimecast keeps.
    pub begins_at: Option<DateTime<Utc>>,
}

/// The next step of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// List the page of the position.
    List,
    /// Fetch the objects of the page in hand.
    Fetch,
    /// Leave the page in hand.
    Leave,
    /// List a page with objects that an earlier run could not fetch.
    Owed,
    /// List by date if the token has listed no object for long.
    Date,
    Done,
}

/// The source of the objects of one event type.
pub struct ObjectStream {
    client: Arc<Client>,
    kind: EventType,
    aliases: Aliases,
    clock: Clock,
    prefetch: Prefetch<(Address, Scratches), Result<Scratch, FetchError>>,
    position: Position,
    step: Step,
    page: Option<PageInHand>,
    /// Objects of the current batch, which the spool does not know yet.
    taken: HashSet<Digest>,
    /// Pages that this run has left.
    visited: Vec<PageKey>,
    /// The number of pages that were listed in this run for owed objects.
    owed_pages: u32,
    lists: u32,
    relists: u32,
    empty_pages: u32,
    /// The number of failed objects since bytes of an object last arrived, good or damaged.
    misses: u32,
    /// True if the store has asked to slow down since it last returned an object.
    is_slowed: bool,
    /// The last error of the store or the network.
    last_error: Option<ApiError>,
    /// True if the last page of this run listed no new object.
    is_quiet: bool,
    /// The failure to report at the end, after everything else.
    trouble: Option<Failure>,
    /// The failure that ends the stream after the commit of the current batch.
    failed: Option<Failure>,
}

/// Returns the time from which a stream without a position is listed: never earlier than Mimecast keeps events.
pub fn beginning(now: DateTime<Utc>, begins_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let kept = now - KEPT;
    begins_at.unwrap_or(kept).max(kept)
}

/// Lists the page of a position, and fetches none of its objects. Without a position the page begins at `beginning`.
///
/// # Errors
/// A position that this program did not write, or the failure of the call.
pub fn ask(
    context: &Context,
    (log, name): (&'static Log, &str),
    position: Option<&str>,
    beginning: DateTime<Utc>,
) -> Result<Waiting, ApiError> {
    let is_known = position.is_some();
    let position = position.and_then(Position::read).unwrap_or_default();
    let since = position.since.unwrap_or(beginning);
    let query = endpoints::events(name, since, position.token.as_deref());
    let text = context.client.list(Call::Log(log), &query)?;
    let page = Page::read(&text).map_err(ApiError::NotUnderstood)?;
    let count = page.items.len() as u64;
    Ok(Waiting {
        kind: "object",
        count,
        bytes: None,
        span: None,
        more: page.next.is_some() && page.is_caught_up != Some(true),
        known: is_known,
    })
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

    fn prefetch_first(&self, spool: &Spool) {
        let front = self.page.as_ref().and_then(|page| page.queue.front());
        if let Some(listed) = front {
            self.prefetch
                .start((listed.address.clone(), spool.scratches()));
        }
    }

    /// Fetches objects of the page in hand until the batch is full or the page has no more.
    fn fetch_objects(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let mut objects = 0;
        while objects < BATCH_OBJECTS && batch.size().bytes < BATCH_BYTES {
            if self.is_page_done() {
                self.step = Step::Leave;
                return Ok(());
            }
            self.fetch_next(spool, batch)?;
            objects += 1;
        }
        Ok(())
    }

    /// Does one step, and adds its result to the batch.
    fn advance(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        match self.step {
            Step::List => self.list(spool, batch),
            Step::Fetch => self.fetch_objects(spool, batch),
            Step::Leave => self.leave(spool, batch),
            Step::Owed => self.list_owed(spool, batch),
            Step::Date => self.list_by_date(spool, batch),
            Step::Done => Ok(()),
        }
    }
}

impl Source for ObjectStream {
    /// Returns some objects of the page in hand, or the move to the next page.
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
                self.failed = Some(error); // the objects in the batch are good
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
