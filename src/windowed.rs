//! Logs that are fetched by time window and page: audit events. Windows go from the oldest to the
//! one that ends a minute ago.
//!
//! Mimecast sends the newest events first, and some events appear late. So a window counts only
//! when all its pages have arrived. Each run begins with an overlap before the last window, and
//! published events are remembered.
//!
//! Page tokens are offsets into a list that can grow, so each is used in one window only. If a window is too
//! large or unreadable, the collector requests smaller parts, down to one second and one item.

mod asking;
pub(crate) mod audit;
mod bad_page;
mod beginning;
mod found;
mod newest_first;
pub mod page;
mod pieces;
mod plan;
mod published;
mod reading;
mod script_lines;
mod taken;

pub use asking::ask;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

pub use script_lines::is_of_scripts;

use crate::api::endpoints;
use crate::api::{ApiError, Client};
use crate::clock::Clock;
use crate::collect::{Context, Ready, Source, Stream};
use crate::config::Format;
use crate::event_time::event_time;
use crate::failure::{Code, Failure};
use crate::logs::{AUDIT, Log};
use crate::spool::{Batch, Extension, Gap, Spool, Stems};
use beginning::Beginning;
use pieces::Pieces;
use plan::{Plan, Progress, Window};
use published::Published;
use reading::WindowRead;
use taken::Taken;

/// The largest number of events in a window. A larger window is halved, to limit memory.
const EVENTS_LIMIT: usize = 200_000;
/// If the clocks differ by more, the windows are planned again after the first answer.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(2);

/// Returns the position of a stream whose events up to this time are collected.
pub fn position_after(reached: DateTime<Utc>) -> String {
    let place = Progress {
        reached: Some(reached),
        ..Progress::default()
    };
    place.text()
}

/// Returns the names of the streams, each with its log.
pub fn stream_names() -> Vec<(String, &'static Log)> {
    vec![(AUDIT.name.to_owned(), &AUDIT)]
}

/// Returns the stream of audit events, the same under both API generations.
pub fn stream() -> Stream<()> {
    Stream {
        name: AUDIT.name.to_owned(),
        stems: Stems::default(),
        kind: (),
    }
}

/// The source of windows that are not collected yet.
pub struct Windows {
    client: Arc<Client>,
    clock: Clock,
    format: Format,
    plan: Plan,
    /// The number of events per page.
    pieces: Pieces,
    published: Published,
    /// Warnings that are added to the first batch.
    warnings: Vec<String>,
    /// True once the plan considers all clocks.
    is_planned: bool,
    /// True once a page could be read in this run.
    has_read: bool,
    /// True once a page with an event could be read in this run.
    has_read_event: bool,
    /// The number of pages that were given up in this run.
    unread: u32,
    /// The number of items that are not JSON and were requested alone in this run.
    isolated: u32,
    finished: bool,
    /// The failure that ends the stream after the position is saved.
    failed: Option<Failure>,
}

impl Windows {
    /// Plans from the spool's position. If the state was lost or is older than the published files,
    /// collection continues at the end of the newest file.
    ///
    /// # Errors
    /// A [`Failure`] if the position cannot be read.
    pub fn waiting(context: &Context, spool: &Spool) -> Result<Self, Failure> {
        let audit = &context.config.audit;
        let Beginning {
            place,
            published,
            warnings,
        } = Beginning::of(context, spool)?;
        let plan = match context.range {
            Some(range) => Plan::of_range(place, range, audit.overlap),
            None => Plan::new(place, spool.began(), audit.overlap, audit.first_look_back),
        };
        Ok(Self {
            client: Arc::clone(&context.client),
            clock: context.clock.clone(),
            format: audit.format,
            pieces: Pieces::new(endpoints::AUDIT_PAGE),
            published,
            warnings,
            is_planned: false,
            has_read: false,
            has_read_event: false,
            unread: 0,
            isolated: 0,
            failed: None,
            finished: plan.is_complete(),
            plan,
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.present().earliest
    }

    fn batch(&self, spool: &Spool) -> Batch {
        spool.batch(self.clock.present().latest)
    }

    /// True if the current window still matches the plan. Only the first answer of a run shows
    /// Mimecast's clock, which can change the plan.
    fn is_as_planned(&mut self, spool: &Spool) -> Result<bool, Failure> {
        if std::mem::replace(&mut self.is_planned, true) {
            return Ok(true);
        }
        let present = self.clock.present();
        if present.is_unknown {
            return Err(unknown_time());
        }
        let skew = self.clock.skew().unwrap_or_default();
        let mut is_good = skew.abs() <= SKEW_LIMIT;
        if !is_good {
            let seconds = skew.num_seconds();
            warn!(
                seconds,
                "this host's clock differs from Mimecast's: planning the windows again"
            );
        }
        let moved_at = spool.moved_at()?;
        if let Some(back) = self.plan.leave_future(present.earliest, moved_at) {
            is_good = false;
            self.warnings.push(format!(
                "the saved position of audit events is in the future: a clock was wrong. Collection \
                 goes back to {}",
                taken::words(back)
            ));
        }
        Ok(is_good)
    }

    /// Writes the events of a window into one file, oldest first.
    fn ready(
        &mut self,
        spool: &Spool,
        window: &Window,
        mut taken: Taken,
    ) -> Result<Ready, Failure> {
        let mut batch = self.batch(spool);
        let mut part = batch.part()?;
        let written = taken.lines.write_reversed(&mut part);
        written.map_err(ApiError::Sink)?;
        let kind = match self.format {
            Format::KeyValue => Extension::Log,
            Format::Json => Extension::Json,
        };
        batch.saw_event_at(part.last_line().and_then(event_time));
        batch.add(part, &window.stem(), kind)?;
        batch.remember(std::mem::take(&mut taken.ids));
        if let Some((from, to)) = window.gap {
            batch.note_gap(Gap::of(
                Some(from),
                to,
                "older than Mimecast keeps audit events",
            ));
            batch.warn(format!(
                "the last run was so long ago that Mimecast no longer keeps all events since: those \
                 from {} to {} are missing",
                taken::words(from),
                taken::words(to)
            ));
        }
        if let Some(mut odd) = taken.odd.take() {
            let note = format!("audit items that are not events, window {}", window.stem());
            let place = spool.quarantine(&mut odd, &note)?;
            batch.warn(format!(
                "audit items that are not events were kept in {}",
                place.display()
            ));
        }
        if taken.changed > 0 {
            let count = taken.changed;
            info!(count, "wrote events that have the id of another event");
        }
        for (text, gap) in std::mem::take(&mut taken.unread) {
            batch.warn(text);
            batch.note_gap(gap);
        }
        if let Some(text) = taken.short.take() {
            batch.warn_daily("count", text);
        }
        for text in taken.warnings.drain(..).chain(self.warnings.drain(..)) {
            batch.warn(text);
        }
        self.plan.collected(window);
        self.pieces.reset();
        let position = Some(self.plan.text());
        Ok(Ready { batch, position })
    }

    /// Continues with smaller windows after the time budget has ended, so that the next run completes some.
    fn out_of_time(
        &mut self,
        spool: &Spool,
        window: &Window,
        error: Failure,
    ) -> Result<Ready, Failure> {
        if !error.is_out_of_time() || !self.is_planned || !window.can_halve() {
            return Err(error);
        }
        self.plan.halve(window);
        self.failed = Some(error);
        Ok(Ready {
            batch: self.batch(spool),
            position: Some(self.plan.text()),
        })
    }
}

impl Source for Windows {
    /// Returns the next window with all its events.
    fn next(&mut self, spool: &Spool) -> Result<Option<Ready>, Failure> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        while !self.finished {
            if !self.plan.is_settled(self.now()) {
                return Err(not_settled());
            }
            let window = bad_page::beside_gaps(spool, self.plan.next(self.now()));
            spool.recall_since(window.from.timestamp())?;
            let read = match self.read(spool, &window) {
                Ok(read) => read,
                Err(error) => return self.out_of_time(spool, &window, error).map(Some),
            };
            if !self.is_as_planned(spool)? {
                continue;
            }
            match read {
                WindowRead::Whole(taken) => {
                    self.finished = window.is_last;
                    return self.ready(spool, &window, *taken).map(Some);
                }
                WindowRead::TooMuch => self.plan.halve(&window),
                WindowRead::OtherPlan => {}
            }
        }
        Ok(None)
    }
}

/// Returns the failure of a replay whose range ends a moment ago.
fn not_settled() -> Failure {
    let what = "the range ends less than a minute ago by Mimecast's clock";
    Failure::later(
        "not settled",
        what,
        "start the same command again in a minute",
    )
}

/// Returns the failure of a first run whose clocks differ. No earlier run shows which clock is
/// right, and a window by the wrong one would skip events.
fn unknown_time() -> Failure {
    let what = "this host's clock and Mimecast's are more than a day apart, and no earlier run shows \
                which one is right";
    let remedy = "set this host's clock";
    Failure::later("clocks", what, remedy).if_it_lasts(Code::Config, remedy)
}
