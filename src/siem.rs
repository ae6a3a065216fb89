//! E-mail gateway logs, under either API generation.
//!
//! Both generations have a position, a batch of files and a commit. Under API 1.0 there is one
//! stream, and a batch is one archive. Under API 2.0 each event type is a stream, and a batch is a
//! few objects of a page. Trouble of one event type does not stop the others.

mod archives;
pub mod objects;
mod second_copy;

use std::io;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use crate::api::objects::Objects;
use crate::api::{ApiError, Sink};
use crate::clock::{Clock, Stopped};
use crate::collect::{Context, Source, Stream, Waiting};
use crate::config::{Api, Config};
use crate::failure::Failure;
use crate::logs::{ARCHIVES, CLOUD_GATEWAY, CLOUD_INTEGRATED, Log};
use crate::spool::{Gap, Scratch, Spool, SpoolError, Stems};
use objects::{EventType, ListBudget, ObjectStream, StoreSeen};

const COPY_BYTES: usize = 64 << 10;
/// The time for which Mimecast keeps logs and events.
const KEPT: TimeDelta = ARCHIVES.kept;

/// How a stream is fetched.
pub enum Kind {
    /// API 1.0: archives with all log types.
    Archives,
    /// API 2.0: objects with events of one type.
    Objects(EventType),
}

/// Returns the streams that the configuration selects.
///
/// # Errors
/// [`ApiError::Unusable`] if the settings of the network are wrong.
pub fn streams(context: &Context) -> Result<Vec<Stream<Kind>>, ApiError> {
    if context.config.mimecast.api == Api::V1 {
        return Ok(vec![Stream {
            name: ARCHIVES.name.to_owned(),
            stems: archive_stems(),
            kind: Kind::Archives,
        }]);
    }
    let network = &context.config.network;
    let objects = Objects::new(&context.client, network, context.clock.clone())?;
    let objects = Arc::new(objects);
    let budget = ListBudget::for_types(types(&context.config).count());
    let store_seen = StoreSeen::default();
    let begins_at = begins_at(context);
    let streams = types(&context.config).map(|(log, name)| {
        let stem = stem(log, name);
        let kind = EventType {
            log,
            name,
            stem: stem.clone(),
            objects: Arc::clone(&objects),
            budget: budget.clone(),
            store_seen: store_seen.clone(),
            begins_at,
        };
        Stream {
            name: stem.clone(),
            stems: Stems {
                own: format!("{stem}_"),
                others: Vec::new(),
            },
            kind: Kind::Objects(kind),
        }
    });
    let mut streams: Vec<_> = streams.collect();
    // each run begins with a random type, so that every type gets list calls in some runs
    if !streams.is_empty() {
        let turn = fastrand::usize(..streams.len());
        streams.rotate_left(turn);
    }
    Ok(streams)
}

/// Returns the source of a stream that has been opened.
pub fn source(context: &Context, kind: Kind, spool: &Spool) -> Box<dyn Source> {
    match kind {
        Kind::Archives => Box::new(archives::ArchiveStream::start(context, spool)),
        Kind::Objects(kind) => Box::new(ObjectStream::new(context, kind, spool)),
    }
}

/// Asks what waits for a stream after a position, and keeps nothing of the answer.
///
/// # Errors
/// The failure of the call.
pub fn ask(context: &Context, stream: &str, position: Option<String>) -> Result<Waiting, Failure> {
    let position = position.as_deref();
    let mut types = types(&context.config);
    Ok(match types.find(|(log, name)| stem(log, name) == stream) {
        Some((log, name)) if context.config.mimecast.api == Api::V2 => {
            let beginning =
                objects::beginning(context.clock.present().earliest, begins_at(context));
            objects::ask(context, (log, name), position, beginning)?
        }
        _ => archives::ask(context, position)?,
    })
}

/// Returns the names of the streams that the configuration selects, each with its log.
pub fn stream_names(config: &Config) -> Vec<(String, &'static Log)> {
    match config.mimecast.api {
        Api::V1 => vec![(ARCHIVES.name.to_owned(), &ARCHIVES)],
        Api::V2 => types(config)
            .map(|(log, name)| (stem(log, name), log))
            .collect(),
    }
}

/// Returns where a stream of API 2.0 without a position begins: when API 1.0 was last collected, or the
/// beginning of a replay. `None` for all that Mimecast keeps.
fn begins_at(context: &Context) -> Option<DateTime<Utc>> {
    if let Some(range) = context.range {
        return Some(range.from);
    }
    context
        .last_success_of(ARCHIVES.name)
        .unwrap_or_else(|error| {
            warn!(%error, "cannot read the state of API 1.0");
            None
        })
}

/// Returns the name of the stream of an event type, which is also the beginning of its file names.
fn stem(log: &Log, name: &str) -> String {
    format!("{}_{}", log.name, name.replace(' ', "_"))
}

/// Returns the stems of API 1.0. Mimecast names its files. Names of API 2.0 are excluded, because after a
/// move to API 1.0 such files stay in the folder.
fn archive_stems() -> Stems {
    let others = [&CLOUD_GATEWAY, &CLOUD_INTEGRATED].map(|log| format!("{}_", log.name));
    Stems {
        own: String::new(),
        others: others.into(),
    }
}

/// Returns the event types of API 2.0 that the configuration selects, each with its log.
fn types(config: &Config) -> impl Iterator<Item = (&'static Log, &'static str)> {
    let gateway = config.siem.cloud_gateway_types.iter();
    let integrated = config.siem.cloud_integrated_types.iter();
    let gateway = gateway.map(|name| (&CLOUD_GATEWAY, *name));
    gateway.chain(integrated.map(|name| (&CLOUD_INTEGRATED, *name)))
}

/// Returns a gap and its warning if Mimecast may have dropped events since the last complete run.
/// Without a complete run, the time counts from the first run.
fn stale(spool: &Spool, now: DateTime<Utc>) -> Option<(Gap, String)> {
    let last = spool.last_success().or_else(|| spool.began());
    let last = last.filter(|last| now - *last > KEPT)?;
    let reason = "no complete run for longer than Mimecast keeps logs";
    if spool.has_gap(last, reason) {
        return None; // an earlier run has recorded it but was not complete
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

/// The reason why the prefetching thread has no archive or object.
enum FetchError {
    Api(ApiError),
    Spool(SpoolError),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Api(error) => error.into(),
            FetchError::Spool(error) => error.into(),
        }
    }
}

impl Sink for Scratch {
    fn clear(&mut self) -> io::Result<()> {
        Self::clear(self)
    }
}

/// Returns an error after a signal. The time budget does not count here, because the bytes have
/// already arrived.
fn check_signal(clock: &Clock) -> Result<(), Stopped> {
    clock.check_signal()
}
