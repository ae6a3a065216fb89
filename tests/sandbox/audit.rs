//! The audit journal and its call.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::bodies;
use super::dates;
use super::events::AuditEvent;
use super::reply::Reply;
use super::tokens::{self, PageToken};
use super::world::World;

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
pub(super) struct Journal {
    kept: Vec<Kept>,
}

/// One event of the journal.
pub(super) struct Kept {
    second: i64,
    /// The item as sent: written once, so that a page is mere copying.
    json: Box<str>,
    /// The event itself where the text does not tell.
    hidden: Option<Box<AuditEvent>>,
}

impl Journal {
    /// Adds events at any time, also old ones.
    pub(super) fn extend(&mut self, events: Vec<Kept>) {
        self.kept.extend(events);
        // Stable, hence cheap on what is already in order.
        self.kept.sort_by_key(|kept| kept.second);
    }

    /// All events, oldest first.
    pub(super) fn events(&self) -> Vec<AuditEvent> {
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
    pub(super) fn of(event: AuditEvent) -> Self {
        Self {
            second: event.event_time.timestamp(),
            json: event.json().into_boxed_str(),
            hidden: event.raw.is_some().then(|| Box::new(event)),
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
pub(super) fn answer(
    world: &World,
    body: &Value,
    complaints: &mut Vec<String>,
) -> Result<Reply, String> {
    let ask = Ask::read(body)?;
    let (start, end) = ask.window;
    if start > end {
        return Err("startDateTime is after endDateTime".to_owned());
    }
    if start < world.now() - OLDEST {
        // No complaint: a client may learn of the limit in this way.
        let message = "startDateTime is more than 60 days ago";
        return Ok(Reply::failure(400, "err_validation_date_range", message));
    }
    if end - start > LONGEST {
        complaints.push(format!("window of {} minutes", (end - start).num_minutes()));
    }
    Ok(page(world, &ask))
}

fn page(world: &World, ask: &Ask) -> Reply {
    let items = world.journal.window(ask.window);
    let total = items.len();
    let mut data = String::new();
    let mut count = 0;
    for item in items.skip(ask.offset).take(ask.page_size) {
        if count > 0 {
            data.push(',');
        }
        data.push_str(item);
        count += 1;
    }
    let mut pagination = format!("\"pageSize\":{count}");
    let end = ask.offset + count;
    if end < total || (count > 0 && world.switches.next_on_last_page) {
        let next = tokens::page(ask.page_size, end, ask.window);
        write!(pagination, ",\"next\":\"{next}\"").expect("a string takes any text");
    }
    if count > 0 {
        let start = ask.offset + 1;
        write!(pagination, ",\"recordStart\":{start}").expect("a string takes any text");
    }
    let json = format!(
        r#"{{"meta":{{"status":200,"pagination":{{{pagination}}}}},"data":[{data}],"fail":[]}}"#
    );
    Reply::text(200, json).unstored()
}

struct Ask {
    window: (DateTime<Utc>, DateTime<Utc>),
    page_size: usize,
    offset: usize,
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
