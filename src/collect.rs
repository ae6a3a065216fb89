//! The engine: takes the locks, opens each stream's spool, and commits what a [`Source`] returns.
//!
//! Each stream has its own position, so that trouble of one stream does not stop the others. The
//! engine does not know arguments or terminal: it returns a [`Report`] and a [`Failure`].

mod closing;
pub mod prefetch;
mod trouble;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

pub use closing::{Untold, days};
pub use waiting::Waiting;

use crate::api::{ApiError, Client};
use crate::clock::Clock;
use crate::config::Config;
use crate::durable::SystemDisk;
use crate::event_time::TimeRange;
use crate::failure::Failure;
use crate::logs;
use crate::report::{Report, shown_position};
use crate::spool::{self, Adopt, Batch, Facts, Lock, Settings, Spool, SpoolError, Stems, Wanted};

/// The longest wait that a run accepts from an earlier run. A longer one may come from a wrong clock.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// The settings and the connection that every source needs.
pub struct Context {
    /// The settings of the operator.
    pub config: Config,
    /// The connection to the account.
    pub client: Arc<Client>,
    /// The clock, with time budget and signals.
    pub clock: Clock,
    /// The events that a replay fetches. `None` for a run that continues at the saved position.
    pub range: Option<TimeRange>,
}

impl Context {
    /// Returns when a stream was last collected completely, without opening the stream. `None` if the
    /// state is damaged, or belongs to another account.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the state file exists and cannot be read.
    pub fn last_success_of(&self, name: &str) -> Result<Option<DateTime<Utc>>, SpoolError> {
        let config = &self.config;
        let view = spool::view(&SystemDisk, &config.folders.state, name)?;
        let is_ours = |facts: &Facts| facts.account == config.mimecast.account_code;
        Ok(view
            .facts()
            .filter(is_ours)
            .and_then(|facts| facts.last_success))
    }
}

/// A part of the logs that has its own position.
pub struct Stream<K> {
    /// The name in state files and messages: `[a-z0-9_]`.
    pub name: String,
    /// The beginnings of file names, which tell its files from those of other streams in the folder.
    pub stems: Stems,
    /// How it is fetched.
    pub kind: K,
}

/// A stream whose state has been read and recovered.
pub struct Opened<K> {
    /// The name in state files and messages.
    pub name: String,
    /// How it is fetched.
    pub kind: K,
}

/// A log that decides what to fetch next, and returns it as a batch with the position after it.
pub trait Source {
    /// Returns the next batch, or `None` at the end.
    ///
    /// # Errors
    /// The failure that ends the stream for this run. The position stays after the last committed batch.
    fn next(&mut self, spool: &Spool) -> Result<Option<Ready>, Failure>;
}

/// A batch that can be committed.
pub struct Ready {
    /// The files to publish.
    pub batch: Batch,
    /// The position of the stream after the commit.
    pub position: Option<String>,
}

/// The streams of one run, from their locks to the report.
pub struct Collection<'a> {
    context: &'a Context,
    /// The folder of the published files, below the data folder.
    folder: &'static str,
    adopt: Adopt,
    report: Report,
    observer: Box<dyn Fn(&Report) + 'a>,
    /// The number of streams of the run, including those that could not be opened.
    count: usize,
    spools: BTreeMap<String, Spool>,
    drained: BTreeSet<String>,
    troubles: Vec<Failure>,
    /// True if the last stream could not reach Mimecast.
    is_cut_off: bool,
    /// The number of runs in a row, before this one, in which the clocks were days apart.
    clocks_apart: u32,
    pruned_at: Option<DateTime<Utc>>,
}

impl<'a> Collection<'a> {
    /// Returns a collection without streams. `observer` is called after each commit.
    pub fn new(
        context: &'a Context,
        folder: &'static str,
        adopt: Adopt,
        observer: impl Fn(&Report) + 'a,
    ) -> Self {
        Self {
            context,
            folder,
            adopt,
            report: Report::default(),
            observer: Box::new(observer),
            count: 0,
            spools: BTreeMap::new(),
            drained: BTreeSet::new(),
            troubles: Vec::new(),
            is_cut_off: false,
            clocks_apart: 0,
            pruned_at: None,
        }
    }

    /// Locks and opens all streams before the first request, and completes commits of an earlier
    /// run. A stream with unusable state does not stop the others.
    ///
    /// # Errors
    /// The failure of a lock that another run holds. The first stream's failure if no stream can be
    /// opened. A failure with `not_before` if
    /// Mimecast asked an earlier run to wait longer.
    pub fn open<K>(&mut self, streams: Vec<Stream<K>>) -> Result<Vec<Opened<K>>, Failure> {
        self.count = streams.len();
        let mut locks = lock_all(&self.context.config.folders.state, &streams)?;
        let mut opened = Vec::new();
        for Stream { name, stems, kind } in streams {
            let lock = locks.remove(&name).expect("each stream has its lock");
            let settings = self.settings(&name, stems);
            let (spool, recovery) = match lock.and_then(|lock| Spool::open(settings, lock)) {
                Ok(found) => found,
                Err(error) if self.count > 1 => {
                    let failure = Failure::from(error).context(&format!("while opening {name}"));
                    self.keep_trouble(failure, 1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.report.files += recovery.finished;
            let stream = self.report.stream(&name);
            stream.before = spool.position().map(shown_position);
            stream.after.clone_from(&stream.before);
            stream.files.extend(recovery.files);
            for text in &recovery.warnings {
                warn!("{text}");
            }
            self.context.clock.learn_last(spool.clock());
            self.spools.insert(name.clone(), spool);
            opened.push(Opened { name, kind });
        }
        self.clocks_apart = self.runs_with_clocks_apart();
        match self.not_before() {
            Some(until) => Err(ApiError::SlowDown(until).into()),
            None if opened.is_empty() && !self.troubles.is_empty() => Err(self.troubles.remove(0)),
            None => Ok(opened),
        }
    }

    /// Returns the latest time until which Mimecast asked to wait. Ignores times that are too far away.
    fn not_before(&self) -> Option<DateTime<Utc>> {
        let now = self.context.clock.now();
        let asked = self.spools.values().filter_map(Spool::not_before);
        asked
            .filter(|until| now < *until && *until - now <= LONGEST_WAIT)
            .max()
    }

    /// Returns the spool of a stream that is open.
    ///
    /// # Panics
    /// If the stream is not open.
    pub fn spool(&self, name: &str) -> &Spool {
        self.spools.get(name).expect("it was opened")
    }

    /// Commits batches until the source has no more.
    ///
    /// # Errors
    /// The failure that ends the run. A failure of this stream alone is kept for the end of the run.
    pub fn drain(&mut self, name: &str, source: &mut dyn Source) -> Result<(), Failure> {
        let mut spool = self.spools.remove(name).expect("it was opened");
        let batches = self.report.batches;
        let done = self.commit_all(name, &mut spool, source);
        self.report.stream(name).after = spool.position().map(shown_position);
        self.tell_time(&mut spool);
        let ended = match done {
            Ok(()) => {
                let finished = spool.finish(self.now(), &[]);
                self.drained.insert(name.to_owned());
                self.report.stream(name).is_complete = true;
                self.is_cut_off = false;
                finished.map_err(Failure::from)
            }
            Err(failure) => self.fail(name, &mut spool, failure, self.report.batches > batches),
        };
        self.spools.insert(name.to_owned(), spool);
        ended
    }

    fn commit_all(
        &mut self,
        name: &str,
        spool: &mut Spool,
        source: &mut dyn Source,
    ) -> Result<(), Failure> {
        while let Some(ready) = source.next(spool)? {
            self.commit(name, spool, ready)?;
        }
        Ok(())
    }

    fn commit(&mut self, name: &str, spool: &mut Spool, ready: Ready) -> Result<(), Failure> {
        for text in ready.batch.warnings() {
            warn!("{text}");
        }
        let (size, newest) = (ready.batch.size(), ready.batch.newest());
        self.tell_time(spool);
        let stored = spool.commit(ready.batch, ready.position, self.now())?;
        let (files, events, bytes) = (size.files, size.events, size.bytes);
        info!(files, events, bytes, "a batch is stored");
        self.report.stored(name, stored, newest);
        (self.observer)(&self.report);
        Ok(())
    }

    /// Returns the earliest plausible present. [`Clock::now`] is the time of this host alone.
    fn now(&self) -> DateTime<Utc> {
        self.context.clock.present().earliest
    }

    /// Tells the spool whether the time is known.
    fn tell_time(&self, spool: &mut Spool) {
        let present = self.context.clock.present();
        spool.set_unknown_time(present.is_unknown.then_some(present.latest));
    }

    fn settings(&self, name: &str, stems: Stems) -> Settings {
        let config = &self.context.config;
        let folders = &config.folders;
        Settings {
            disk: Arc::new(SystemDisk),
            data: folders.data.clone(),
            state: folders.state.clone(),
            staging: folders.data.join(logs::STAGING),
            published: folders.data.join(self.folder),
            outboxes: config.outboxes(self.folder),
            stems,
            stream: name.to_owned(),
            account: config.mimecast.account_code.clone(),
            mode: folders.file_mode,
            now: self.context.clock.now(),
            adopt: self.adopt,
            wanted: self
                .context
                .range
                .map(|range| Wanted(Arc::new(move |line: &[u8]| range.may_contain(line)))),
        }
    }
}

/// Takes all locks in name order. In different orders, two runs that start together would each hold a
/// lock that the other needs, and both would give up.
fn lock_all<K>(
    folder: &Path,
    streams: &[Stream<K>],
) -> Result<BTreeMap<String, Result<Lock, SpoolError>>, SpoolError> {
    let names: BTreeSet<&String> = streams.iter().map(|stream| &stream.name).collect();
    let locks = names
        .into_iter()
        .map(|name| match Lock::take(folder, name) {
            Err(busy @ SpoolError::Busy { .. }) => Err(busy),
            taken => Ok((name.clone(), taken)),
        });
    locks.collect()
}
