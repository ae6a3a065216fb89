//! E-mail gateway logs, in the dialect of either API generation.
//!
//! Both come down to the same: a position, a batch of files, a commit. Under API 1.0 a batch is one
//! archive and there is one stream; under API 2.0 a batch is a handful of objects of a page, and each
//! event type is a stream of its own, so that the trouble of one never stops another.

mod archives;
mod gzip;
pub(crate) mod object;
mod objects;
pub(crate) mod page;
mod second_copy;

use std::io;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use crate::api::endpoints::Call;
use crate::api::objects::Objects;
use crate::api::{ApiError, Sink};
use crate::clock::Clock;
use crate::config::{Api, Config};
use crate::run::{Program, Run, Source, Stream};
use crate::spool::{Gap, Scratch, Spool, SpoolError};
use objects::{ListBudget, ObjectStream, StoreSeen};

/// The program.
pub const PROGRAM: Program = Program {
    name: "siem",
    program: "siem_collection",
    about: "Collects the e-mail gateway logs that are waiting in Mimecast",
    folder: "mta",
};

const COPY_BYTES: usize = 64 << 10;
/// Mimecast keeps logs and events for so long.
const KEPT: TimeDelta = TimeDelta::days(7);

/// How a stream is asked for.
enum Kind {
    /// API 1.0: archives with all log types.
    Archives,
    /// API 2.0: objects with events of one type.
    Objects(EventType),
}

/// One event type and what it shares with the others.
#[derive(Clone)]
struct EventType {
    call: Call,
    /// In the vendor's spelling.
    name: &'static str,
    /// Begins the name of every file.
    stem: String,
    objects: Arc<Objects>,
    budget: ListBudget,
    store_seen: StoreSeen,
    /// When API 1.0 was last collected: the place to start after a move.
    moved_at: Option<DateTime<Utc>>,
}

/// The story of a run: every stream that the configuration asks for, drained one after another.
///
/// # Errors
/// Whatever ends the run before the last stream is drained.
pub fn collect(run: &mut Run) -> anyhow::Result<()> {
    let streams = streams(run)?;
    for stream in run.open(streams)? {
        let mut source = source(run, stream.kind, run.spool(&stream.name));
        run.drain(&stream.name, source.as_mut())?;
    }
    Ok(())
}

/// The streams that the configuration asks for.
fn streams(run: &Run) -> anyhow::Result<Vec<Stream<Kind>>> {
    if run.config.mimecast.api == Api::V1 {
        let name = PROGRAM.name.to_owned();
        return Ok(vec![Stream {
            name,
            stem: String::new(),
            kind: Kind::Archives,
        }]);
    }
    let objects = run.client();
    let objects = Objects::new(objects.base(), &run.config.network, run.clock.clone())?;
    let objects = Arc::new(objects);
    let budget = ListBudget::for_types(types(&run.config).count());
    let store_seen = StoreSeen::default();
    // only a hint where to begin
    let moved_at = run.last_success_of(PROGRAM.name).unwrap_or_else(|error| {
        warn!(%error, "the state of API 1.0 cannot be read");
        None
    });
    let streams = types(&run.config).map(|(call, product, name)| {
        let stem = format!("{product}_{}", name.replace(' ', "_"));
        let (objects, budget) = (Arc::clone(&objects), budget.clone());
        let kind = EventType {
            call,
            name,
            stem: stem.clone(),
            objects,
            budget,
            store_seen: store_seen.clone(),
            moved_at,
        };
        Stream {
            name: stem.clone(),
            stem: format!("{stem}_"),
            kind: Kind::Objects(kind),
        }
    });
    let mut streams: Vec<_> = streams.collect();
    // each run begins with another type: none starves when the calls do not reach for all
    if !streams.is_empty() {
        let turn = fastrand::usize(..streams.len());
        streams.rotate_left(turn);
    }
    Ok(streams)
}

/// What to ask for a stream that has been opened.
fn source(run: &Run, kind: Kind, spool: &Spool) -> Box<dyn Source> {
    match kind {
        Kind::Archives => Box::new(archives::Logs::waiting(run, spool)),
        Kind::Objects(kind) => Box::new(ObjectStream::new(run, kind, spool)),
    }
}

fn types(config: &Config) -> impl Iterator<Item = (Call, &'static str, &'static str)> {
    let gateway = config.siem.cloud_gateway_types.iter();
    let integrated = config.siem.cloud_integrated_types.iter();
    let gateway = gateway.map(|name| (Call::CloudGateway, "cg", *name));
    gateway.chain(integrated.map(|name| (Call::CloudIntegrated, "ci", *name)))
}

/// Returns the gap and its warning if events can have been dropped since the last complete run. An
/// installation that never had one counts from its first run.
fn stale(spool: &Spool, now: DateTime<Utc>) -> Option<(Gap, String)> {
    let last = spool.last_success().or_else(|| spool.began());
    let last = last.filter(|last| now - *last > KEPT)?;
    let reason = "no complete run for longer than Mimecast keeps logs";
    if spool.has_gap(last, reason) {
        return None; // an earlier run has recorded it and not come to its end either
    }
    let warning = format!(
        "the last complete run, at {}, is longer ago than Mimecast keeps logs: some may be missing",
        last.format("%Y-%m-%d %H:%M UTC")
    );
    Some((Gap::of(Some(last), now - KEPT, reason), warning))
}

/// Returns a gap from the last complete run to now, and its beginning in words.
fn gap_after(spool: &Spool, now: DateTime<Utc>, reason: &str) -> (Gap, String) {
    let from = spool.last_success().or_else(|| spool.began());
    let words = from.map_or("an unknown time".to_owned(), |time| {
        time.format("%Y-%m-%d %H:%M UTC").to_string()
    });
    (Gap::of(from, now, reason), words)
}

/// Why the asking thread has nothing.
enum Failed {
    Api(ApiError),
    Spool(SpoolError),
}

impl From<Failed> for anyhow::Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Api(error) => error.into(),
            Failed::Spool(error) => error.into(),
        }
    }
}

impl Sink for Scratch {
    fn clear(&mut self) -> io::Result<()> {
        Self::clear(self)
    }
}

/// Signals end the work; the budget does not, once the bytes are here.
fn going_on(clock: &Clock) -> anyhow::Result<()> {
    clock.check_signal().map_err(Into::into)
}
