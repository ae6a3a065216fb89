//! The audit journal and its call.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::bodies;
use crate::dates;
use crate::disorder::AuditMiss;
use crate::events::AuditEvent;
use crate::reads;
use crate::reply::Reply;
use crate::service::Service;
use crate::tokens::{self, PageToken};

/// Both used in production; a documented maximum is not known, but more was never seen to work.
const LARGEST_PAGE: u64 = 500;
/// The service's own, when none is asked for.
const DEFAULT_PAGE: u64 = 25;
/// The vendor keeps no answer for older starts.
const OLDEST: TimeDelta = TimeDelta::days(60);
/// A day and a moment: the client promises windows of at most a day.
const LONGEST: TimeDelta = TimeDelta::minutes(24 * 60 + 1);

/// The events, oldest first; within one second in the order in which they were added.
#[derive(Default)]
pub(crate) struct Journal {
    kept: Vec<Kept>,
    /// Windows whose last read misses items.
    reads: HashMap<Window, AuditMiss>,
    answers: usize,
}

type Window = (DateTime<Utc>, DateTime<Utc>);

/// One event of the journal.
pub(crate) struct Kept {
    second: i64,
    /// The item as sent: written once, so that a page is mere copying.
    json: Box<str>,
    /// The event itself where the text does not tell.
    hidden: Option<Box<AuditEvent>>,
}

impl Journal {
    /// Adds events at any time, also old ones.
    pub(crate) fn extend(&mut self, events: Vec<Kept>) {
        self.kept.extend(events);
        // Stable, hence cheap on what is already in order.
        self.kept.sort_by_key(|kept| kept.second);
    }

    /// All events, oldest first.
    pub(crate) fn events(&self) -> Vec<AuditEvent> {
        self.kept.iter().map(Kept::event).collect()
    }

    /// The items of a window, newest first; both ends belong to it.
    fn window(
        &self,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
    ) -> impl ExactSizeIterator<Item = &str> {
        let from = self
            .kept
            .partition_point(|kept| kept.second < start.timestamp());
        let to = self
            .kept
            .partition_point(|kept| kept.second <= end.timestamp());
        self.kept[from..to].iter().rev().map(|kept| &*kept.json)
    }
}

impl Kept {
    /// Renders an event for keeping.
    pub(crate) fn of(event: AuditEvent) -> Self {
        Self {
            second: event.event_time.timestamp(),
            json: event.json().into_boxed_str(),
            hidden: (event.raw.is_some() || event.is_repetition).then(|| Box::new(event)),
        }
    }

    fn event(&self) -> AuditEvent {
        self.hidden.as_deref().cloned().unwrap_or_else(|| {
            let time = DateTime::from_timestamp(self.second, 0).expect("came from a date");
            AuditEvent::from_json(&self.json, time)
        })
    }
}

/// Answers with one page of a window.
pub(crate) fn answer(
    service: &mut Service,
    body: &Value,
    complaints: &mut Vec<String>,
) -> Result<Reply, String> {
    let ask = Ask::read(body)?;
    let (start, end) = ask.window;
    if start > end {
        return Err("startDateTime is after endDateTime".to_owned());
    }
    if start < service.now() - OLDEST {
        // No complaint: a client may learn of the limit in this way.
        let message = "startDateTime is more than 60 days ago";
        return Ok(Reply::failure(400, "err_validation_date_range", message));
    }
    if end - start > LONGEST {
        complaints.push(format!("window of {} minutes", (end - start).num_minutes()));
    }
    Ok(page(service, &ask))
}

fn page(service: &mut Service, ask: &Ask) -> Reply {
    service.journal.answers += 1;
    let all: Vec<&str> = service.journal.window(ask.window).collect();
    let total = all.len();
    let missing = if ask.is_first {
        reads::begin(&mut service.switches.audit_misses, total)
    } else {
        service.journal.reads.get(&ask.window).copied()
    };
    let items = reads::without(all, missing);
    let limit = service
        .switches
        .audit_page_items
        .unwrap_or(LARGEST_PAGE as usize);
    let size = ask.page_size.min(limit.max(1));
    let number = ask.offset.div_ceil(size); // of pages before this one
    let empty = reads::empty_pages(&service.switches, number);
    let is_empty = ask.empty > 0 || (ask.is_first && empty > 0);
    let taken = if is_empty { 0 } else { size };
    let data: Vec<&str> = items.iter().copied().skip(ask.offset).take(taken).collect();
    let count = data.len();
    let end = ask.offset + count;
    let left = match (ask.empty, ask.is_first) {
        (left @ 1.., _) => left - 1,
        (0, true) if is_empty => empty - 1,
        _ => reads::empty_pages(&service.switches, number + 1),
    };
    let goes_on = end < items.len()
        || left > 0
        || is_empty
        || (count > 0 && service.switches.next_on_last_page);
    let next = goes_on.then(|| tokens::empty_page(ask.page_size, end, left, ask.window));
    let differs = service.switches.audit_forms_differ && service.journal.answers.is_multiple_of(2);
    let text = reads::render(
        &data,
        ask.offset,
        next,
        service.switches.total_count.of(total),
        differs,
    );
    match missing {
        Some(miss) => drop(service.journal.reads.insert(ask.window, miss)),
        None => drop(service.journal.reads.remove(&ask.window)),
    }
    Reply::text(200, text).unstored()
}

struct Ask {
    window: (DateTime<Utc>, DateTime<Utc>),
    page_size: usize,
    offset: usize,
    /// Pages without items that come first.
    empty: usize,
    /// It brings no token.
    is_first: bool,
}

impl Ask {
    fn read(body: &Value) -> Result<Self, String> {
        // The documented filters `query` and `categories` are left out on purpose: a collector that filters loses.
        let item = bodies::item(body, &["meta", "data"], &["startDateTime", "endDateTime"])?;
        let start = date(bodies::required(item, "startDateTime")?)?;
        let end = date(bodies::required(item, "endDateTime")?)?;
        let (page_size, token) = pagination(body)?;
        let mut ask = Self {
            window: (start, end),
            page_size,
            offset: 0,
            empty: 0,
            is_first: token.is_none(),
        };
        if let Some(token) = token {
            let token = PageToken::read(token).ok_or("pageToken was not given out here")?;
            if !token.belongs_to(ask.window) {
                return Err("pageToken was given out for other dates".to_owned());
            }
            if token.page_size != page_size {
                return Err("pageToken was given out for another pageSize".to_owned());
            }
            ask.offset = token.offset;
            ask.empty = token.empty;
        }
        Ok(ask)
    }
}

/// Page size and page token of a request.
fn pagination(body: &Value) -> Result<(usize, Option<&str>), String> {
    let Some(meta) = body.get("meta") else {
        return Ok((DEFAULT_PAGE as usize, None));
    };
    let Some(pagination) = bodies::object(meta, "meta", &["pagination"])?.get("pagination") else {
        return Ok((DEFAULT_PAGE as usize, None));
    };
    let fields = bodies::object(pagination, "pagination", &["pageSize", "pageToken"])?;
    let size = match fields.get("pageSize") {
        None => DEFAULT_PAGE,
        Some(size) => match size.as_u64() {
            Some(size) if (1..=LARGEST_PAGE).contains(&size) => size,
            _ => return Err(format!("pageSize is {size}")),
        },
    };
    Ok((size as usize, bodies::text(fields, "pageToken")?))
}

fn date(text: &str) -> Result<DateTime<Utc>, String> {
    dates::window(text).ok_or_else(|| format!("{text:?} is no date with an offset without colon"))
}
