//! The engine: takes the locks, opens each stream's spool, and commits what a [`Source`] returns.
//!
//! Each stream has a position of its own, and the trouble of one stops no other. The engine knows neither
//! arguments nor terminal: it hands a [`Report`] and a [`Failure`] to the frame.

mod closing;
pub mod prefetch;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

pub use closing::{Untold, days};

use crate::api::{ApiError, Client};
use crate::clock::Clock;
use crate::config::Config;
use crate::durable::SystemDisk;
use crate::failure::Failure;
use crate::logs;
use crate::report::Report;
use crate::spool::{self, Adopt, Batch, Lock, Settings, Spool, SpoolError};

/// A time before which not to ask is believed for so long, in case a clock was wrong.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// What every source needs: whom to ask, and what the operator decided.
pub struct Context {
    /// The settings.
    pub config: Config,
    /// The account's connection.
    pub client: Arc<Client>,
    /// Time, budget and signals.
    pub clock: Clock,
}

/// What is collected with a position of its own.
pub struct Stream<K> {
    /// Name in state and messages: `[a-z0-9_]`.
    pub name: String,
    /// The beginning of its files' names, if it shares the folder with other streams.
    pub stem: String,
    /// How it is asked for.
    pub kind: K,
}

/// A stream whose state has been read and recovered.
pub struct Opened<K> {
    /// Name in state and messages.
    pub name: String,
    /// How it is asked for.
    pub kind: K,
}

/// One kind of log: decides what to fetch next, and turns it into a batch with the position behind it.
pub trait Source {
    /// Returns the next batch, or `None` at the end.
    ///
    /// # Errors
    /// What ends the stream for this run; the position has then not moved.
    fn next(&mut self, spool: &Spool) -> Result<Option<Ready>, Failure>;
}

/// A batch that can be committed.
pub struct Ready {
    /// What will be published.
    pub batch: Batch,
    /// Where the stream goes on afterwards.
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
    /// How many streams the run has, opened or not.
    count: usize,
    spools: BTreeMap<String, Spool>,
    drained: BTreeSet<String>,
    troubles: Vec<Failure>,
    /// True if the last stream could not reach Mimecast.
    is_cut_off: bool,
    /// In how many runs in a row before this one the clocks were days apart.
    clocks_apart: u32,
    pruned_at: Option<DateTime<Utc>>,
}

impl<'a> Collection<'a> {
    /// Returns a collection without streams; `observer` is called after each commit.
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

    /// Locks and opens all streams before any is asked for, and finishes what an earlier run had
    /// committed. A stream whose state cannot be used stops no other.
    ///
    /// # Errors
    /// The first stream's failure if none can be opened; a failure with `not_before` if Mimecast told an
    /// earlier run not to come back yet.
    pub fn open<K>(&mut self, streams: Vec<Stream<K>>) -> Result<Vec<Opened<K>>, Failure> {
        self.count = streams.len();
        let mut locks = lock_all(&self.context.config.folders.state, &streams)?;
        let mut opened = Vec::new();
        for Stream { name, stem, kind } in streams {
            let lock = locks.remove(&name).expect("each stream has its lock");
            let settings = self.settings(&name, stem);
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
            for text in &recovery.warnings {
                warn!(text, "the state needed mending");
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

    /// The latest time before which Mimecast does not want to be asked, if it is believed.
    fn not_before(&self) -> Option<DateTime<Utc>> {
        let now = self.context.clock.now();
        let asked = self.spools.values().filter_map(Spool::not_before);
        asked
            .filter(|until| now < *until && *until - now <= PATIENCE)
            .max()
    }

    /// Returns the files and the position of a stream that is open.
    ///
    /// # Panics
    /// If it is not.
    pub fn spool(&self, name: &str) -> &Spool {
        self.spools.get(name).expect("it was opened")
    }

    /// Returns when a stream was last collected to its end, without opening it.
    ///
    /// # Errors
    /// [`SpoolError`] when its state must not be used.
    pub fn last_success_of(&self, name: &str) -> Result<Option<DateTime<Utc>>, SpoolError> {
        spool::last_success(&self.settings(name, String::new()))
    }

    /// Commits batch after batch until the source has no more.
    ///
    /// # Errors
    /// What ends the whole run. The trouble of this stream alone is kept for the end.
    pub fn drain(&mut self, name: &str, source: &mut dyn Source) -> Result<(), Failure> {
        let mut spool = self.spools.remove(name).expect("it was opened");
        let batches = self.report.batches;
        let done = self.commit_all(&mut spool, source);
        self.tell_time(&mut spool);
        let ended = match done {
            Ok(()) => {
                let finished = spool.finish(self.now(), &[]);
                self.drained.insert(name.to_owned());
                self.is_cut_off = false;
                finished.map_err(Failure::from)
            }
            Err(failure) => self.fail(name, &mut spool, failure, self.report.batches > batches),
        };
        self.spools.insert(name.to_owned(), spool);
        ended
    }

    fn commit_all(&mut self, spool: &mut Spool, source: &mut dyn Source) -> Result<(), Failure> {
        while let Some(ready) = source.next(spool)? {
            self.commit(spool, ready)?;
        }
        Ok(())
    }

    fn commit(&mut self, spool: &mut Spool, ready: Ready) -> Result<(), Failure> {
        for text in ready.batch.warnings() {
            warn!("{text}");
        }
        let size = ready.batch.size();
        self.tell_time(spool);
        let stored = spool.commit(ready.batch, ready.position, self.now())?;
        let (files, events, bytes) = (size.files, size.events, size.bytes);
        info!(files, events, bytes, "a batch is stored");
        self.report.stored(&stored);
        (self.observer)(&self.report);
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.present().earliest
    }

    /// Tells the spool whether the time is known.
    fn tell_time(&self, spool: &mut Spool) {
        let present = self.context.clock.present();
        spool.set_unknown_time(present.is_unknown.then_some(present.latest));
    }

    fn settings(&self, name: &str, stem: String) -> Settings {
        let config = &self.context.config;
        let folders = &config.folders;
        Settings {
            disk: Arc::new(SystemDisk),
            data: folders.data.clone(),
            state: folders.state.clone(),
            staging: folders.data.join(logs::STAGING),
            published: folders.data.join(self.folder),
            stem,
            stream: name.to_owned(),
            account: config.mimecast.account_code.clone(),
            mode: folders.file_mode,
            now: self.context.clock.now(),
            adopt: self.adopt,
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
