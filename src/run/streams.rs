//! Draining streams, each with a position of its own, so that the trouble of one stays its own.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::{Program, Run, log};
use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::clock::Stopped;
use crate::durable::SystemDisk;
use crate::failure::{Code, Failure};
use crate::spool::{self, Batch, Left, Lock, Settings, Spool, SpoolError, prune};

/// Pruning needs a clock that is right within this.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(10);
/// A time before which not to ask is believed for so long, in case a clock was wrong.
const PATIENCE: TimeDelta = TimeDelta::hours(1);
/// The name of a disagreement of clocks among troubles.
const CLOCKS: &str = "clocks";

/// What is collected with a position of its own.
pub(crate) struct Stream<K> {
    /// Name in state and messages: `[a-z0-9_]`.
    pub name: String,
    /// What the names of its files begin with, as far as that tells it from others.
    pub stem: String,
    /// How it is asked for.
    pub kind: K,
}

/// A stream whose state has been read and mended.
pub(crate) struct Opened<K> {
    /// Name in state and messages.
    pub name: String,
    /// How it is asked for.
    pub kind: K,
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

/// A vendor's dialect: what comes next, as a batch that ends at a position.
pub(crate) trait Source {
    /// Returns the next batch, or `None` at the end.
    ///
    /// # Errors
    /// Whatever ends the stream for this run; the position has then not moved.
    fn next(&mut self, spool: &Spool) -> anyhow::Result<Option<Ready>>;
}

/// A batch that can be committed.
pub(crate) struct Ready {
    /// What will be published.
    pub batch: Batch,
    /// Where the stream goes on afterwards.
    pub position: Option<String>,
}

/// The streams of a run, and how they fare.
#[derive(Default)]
pub(super) struct Streams {
    count: usize,
    spools: BTreeMap<String, Spool>,
    drained: BTreeSet<String>,
    troubles: Vec<Failure>,
    /// True if the last stream could not reach Mimecast.
    is_cut_off: bool,
    /// In how many runs in a row before this one the clocks were days apart.
    clocks_apart: u32,
}

impl Run {
    /// Locks and opens all streams before any is asked for: what an earlier run had committed
    /// is finished first. A stream whose state cannot be used stops no other.
    ///
    /// # Errors
    /// [`SpoolError`] if no stream can be opened; [`ApiError::SlowDown`] when an earlier run was told
    /// not to come back yet.
    pub(crate) fn open<K>(&mut self, streams: Vec<Stream<K>>) -> anyhow::Result<Vec<Opened<K>>> {
        self.streams.count = streams.len();
        let now = self.clock.now();
        let mut locks = lock_all(&self.config.folders.state, &streams)?;
        let mut opened = Vec::new();
        for Stream { name, stem, kind } in streams {
            let lock = locks.remove(&name).expect("each stream has its lock");
            let settings = self.settings(&name, stem);
            let (spool, recovery) = match lock.and_then(|lock| Spool::open(settings, lock)) {
                Ok(found) => found,
                Err(error) if self.streams.count > 1 => {
                    let error = anyhow::Error::from(error);
                    self.keep_trouble(error.context(format!("while opening {name}")), 1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.report.files += recovery.finished;
            for text in &recovery.warnings {
                warn!(text, "the state needed mending");
            }
            self.clock.learn_last(spool.clock());
            self.streams.spools.insert(name.clone(), spool);
            opened.push(Opened { name, kind });
        }
        let mut spools = self.streams.spools.values();
        let lead = spools.next();
        self.streams.clocks_apart = lead.map_or(0, |lead| lead.runs_with(CLOCKS));
        let spools = self.streams.spools.values();
        let not_before = spools
            .filter_map(Spool::not_before)
            .filter(|until| now < *until && *until - now <= PATIENCE);
        match not_before.max() {
            Some(until) => Err(ApiError::SlowDown(until).into()),
            None if opened.is_empty() && !self.streams.troubles.is_empty() => {
                Err(self.streams.troubles.remove(0).into())
            }
            None => Ok(opened),
        }
    }

    /// The files and the position of a stream that is open.
    pub(crate) fn spool(&self, name: &str) -> &Spool {
        self.streams.spools.get(name).expect("it was opened")
    }

    /// Commits batch after batch until the source has no more.
    ///
    /// # Errors
    /// Whatever ends the whole run; the trouble of this stream alone is kept for the end.
    pub(crate) fn drain(&mut self, name: &str, source: &mut dyn Source) -> anyhow::Result<()> {
        let mut spool = self.streams.spools.remove(name).expect("it was opened");
        let batches = self.report.batches;
        let mut story = || {
            while let Some(ready) = source.next(&spool)? {
                self.store(&mut spool, ready)?;
            }
            anyhow::Ok(())
        };
        let done = story();
        self.tell_time(&mut spool);
        let ended = match done {
            Ok(()) => {
                let now = self.clock.present().earliest;
                let finished = spool.finish(now, &[]);
                self.streams.drained.insert(name.to_owned());
                self.streams.is_cut_off = false;
                finished.map_err(anyhow::Error::from)
            }
            Err(error) => self.fail(name, &mut spool, error, self.report.batches > batches),
        };
        self.streams.spools.insert(name.to_owned(), spool);
        ended
    }

    /// Leaves a stream that failed. Its error counts, whatever else goes wrong.
    fn fail(
        &mut self,
        name: &str,
        spool: &mut Spool,
        error: anyhow::Error,
        has_progress: bool,
    ) -> anyhow::Result<()> {
        let not_before = match error.downcast_ref() {
            Some(ApiError::SlowDown(until)) => Some(*until),
            _ => None,
        };
        let is_out_of_time = matches!(
            error.downcast_ref(),
            Some(ApiError::Stopped(Stopped::OutOfTime))
        );
        let trouble = Failure::of(&error).trouble;
        // a run that used its time well is not in trouble
        let trouble = (!(is_out_of_time && has_progress)).then_some(trouble);
        let runs = trouble.as_ref().map_or(0, |name| spool.runs_with(name) + 1);
        let left = Left {
            troubles: trouble.into_iter().collect(),
            not_before,
        };
        if let Err(other) = spool.leave(&left, self.clock.present().earliest) {
            warn!(%other, "the state could not be settled: the next run does it");
        }
        let was_cut_off = self.streams.is_cut_off;
        self.streams.is_cut_off = matches!(
            error.downcast_ref(),
            Some(ApiError::Unreachable(_) | ApiError::Cut { .. })
        );
        let host = self.client.base().host();
        // a service that has answered in this run may refuse one list and give the next
        let is_answered = self.clock.skew().is_some();
        let is_its_own =
            is_its_own(&error) || (self.streams.is_cut_off && (is_answered || !was_cut_off));
        let error = error.context(format!("while collecting {name} from {host}"));
        if self.streams.count > 1 && is_its_own {
            self.keep_trouble(error, runs);
            return Ok(());
        }
        Err(Failure::of(&error).after(runs).into())
    }

    /// Keeps the trouble of one stream for the end of the run.
    fn keep_trouble(&mut self, error: anyhow::Error, runs: u32) {
        warn!(error = format!("{error:#}"), "the other streams go on");
        self.report.notes.push(format!("{error:#}"));
        self.streams.troubles.push(Failure::of(&error).after(runs));
    }

    /// When a stream was last collected to its end, without opening it.
    ///
    /// # Errors
    /// [`crate::spool::SpoolError`] when its state must not be used.
    pub(crate) fn last_success_of(&self, name: &str) -> anyhow::Result<Option<DateTime<Utc>>> {
        Ok(spool::last_success(&self.settings(name, String::new()))?)
    }

    /// Lets the spool know whether the time is known.
    fn tell_time(&self, spool: &mut Spool) {
        let present = self.clock.present();
        spool.set_unknown_time(present.is_unknown.then_some(present.latest));
    }

    fn store(&mut self, spool: &mut Spool, ready: Ready) -> anyhow::Result<()> {
        for text in ready.batch.warnings() {
            warn!(text, "a warning for the operator");
        }
        let size = ready.batch.size();
        let now = self.clock.present().earliest;
        self.tell_time(spool);
        let stored = spool.commit(ready.batch, ready.position, now)?;
        let (files, events, bytes) = (size.files, size.events, size.bytes);
        info!(files, events, bytes, "a batch is stored");
        self.report.stored(&stored);
        self.progress.show(&self.report);
        Ok(())
    }

    /// Ends a run that came to its end: the troubles of single streams count now, and what is old is
    /// deleted.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.check_clocks();
        let troubles = std::mem::take(&mut self.streams.troubles);
        let worst = troubles
            .into_iter()
            .min_by_key(|trouble| urgency(trouble.code));
        // what was drained has nothing pending: one stream's trouble must not fill the disk
        if !self.streams.drained.is_empty() {
            self.prune()?;
        }
        worst.map_or(Ok(()), |trouble| Err(trouble.into()))
    }

    /// The error to end with: one that passes by itself must not hide a trouble that does not.
    pub(super) fn outweigh(&mut self, error: anyhow::Error) -> anyhow::Error {
        let troubles = std::mem::take(&mut self.streams.troubles);
        let lasting = troubles
            .into_iter()
            .find(|trouble| urgency(trouble.code) == 0);
        match lasting {
            Some(trouble) if Failure::of(&error).code == Code::Later => trouble.into(),
            _ => error,
        }
    }

    /// Tells the operator that the clocks are days apart. It is a trouble once it lasts. The stream that is
    /// first by name counts the runs.
    fn check_clocks(&mut self) {
        let present = self.clock.present();
        let Some(apart) = present.apart else { return };
        let Some(lead) = self.streams.spools.values_mut().next() else {
            return;
        };
        let runs = self.streams.clocks_apart + 1;
        let what = days_apart(apart);
        if runs == 1 && !present.is_host_wrong {
            lead.warn(what.clone());
        }
        if let Err(other) = lead.count_trouble(CLOCKS, runs, present.earliest) {
            warn!(%other, "the state of the clocks could not be saved");
        }
        let remedy = "set this host's clock; if it is right, report it to Mimecast";
        let failure = Failure::later(CLOCKS, what, remedy).if_it_lasts(Code::Config, remedy);
        let failure = failure.after(runs);
        if failure.code == Code::Config {
            self.streams.troubles.push(failure);
        }
    }

    fn prune(&mut self) -> anyhow::Result<()> {
        let (now, skew) = (self.clock.present().earliest, self.clock.skew());
        if skew.is_none_or(|skew| skew.abs() > SKEW_LIMIT) {
            let text = "nothing was deleted: this host's clock does not agree with Mimecast's";
            self.report.notes.push(text.to_owned());
            warn!(?skew, "{text}");
            return Ok(());
        }
        let retention = &self.config.retention;
        let mut pruned = prune::Pruned::default();
        let spools = || self.streams.spools.values();
        let published: HashSet<String> = spools()
            .flat_map(|spool| spool.published_now().cloned())
            .collect();
        if let Some(spool) = spools().next() {
            pruned = pruned + spool.prune_published(now, days(retention.data), &published)?;
        }
        for spool in spools() {
            pruned = pruned + spool.prune_quarantine(now, days(retention.quarantine))?;
        }
        self.report.pruned(pruned);
        let Program { name, .. } = self.program;
        let ours = |file: &str| log::is_ours(file, name);
        let log = &self.config.folders.log;
        let logs = prune::prune(&SystemDisk, log, now, days(retention.log), ours);
        let (removed, kept) = (pruned.removed, pruned.kept);
        info!(removed, kept, ?logs, "old files are deleted");
        Ok(())
    }

    /// Hands the data folder over to the next run and collects what is still to be told.
    ///
    /// # Errors
    /// The first stream's that cannot be handed over; the others are.
    pub(super) fn hand_over(&mut self) -> Result<(), SpoolError> {
        let latest = self.clock.present().latest;
        let mut handed_over = Ok(());
        for spool in self.streams.spools.values_mut() {
            let this = spool.hand_over(latest);
            let this =
                this.inspect_err(|error| warn!(%error, "the data folder is not handed over"));
            handed_over = handed_over.and(this);
            self.report.warnings.extend(spool.untold());
        }
        handed_over
    }

    fn settings(&self, name: &str, stem: String) -> Settings {
        let folders = &self.config.folders;
        Settings {
            disk: Arc::new(SystemDisk),
            data: folders.data.clone(),
            state: folders.state.clone(),
            staging: folders.data.join("tmp"),
            published: folders.data.join(self.program.folder),
            stem,
            stream: name.to_owned(),
            account: self.config.mimecast.account_code.clone(),
            mode: folders.file_mode,
            now: self.clock.now(),
            adopt: self.adopt,
        }
    }
}

impl Streams {
    /// Forgets all warnings, once they have been told.
    pub(super) fn forget_told(&mut self, now: DateTime<Utc>) {
        for spool in self.spools.values_mut() {
            if let Err(error) = spool.forget_told(now) {
                warn!(%error, "what was told could not be forgotten: it may be told again");
            }
        }
    }
}

/// A disagreement of clocks in one sentence.
fn days_apart(apart: TimeDelta) -> String {
    let hours = apart.num_hours().abs();
    let way = if apart > TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let span = if hours < 72 {
        format!("{hours} hours")
    } else {
        format!("{} days", hours / 24)
    };
    format!("this host's clock is {span} {way} Mimecast's: one of the two is wrong")
}

/// Whether the trouble is of one stream, so that the others can go on.
fn is_its_own(error: &anyhow::Error) -> bool {
    if error.downcast_ref::<Failure>().is_some() {
        return true;
    }
    matches!(
        error.downcast_ref(),
        Some(
            ApiError::Denied(Denial::Permission(_))
                | ApiError::NotUnderstood(_)
                | ApiError::TooLarge(_)
                | ApiError::PositionRefused
                | ApiError::Gone
        )
    ) || matches!(error.downcast_ref(), Some(SpoolError::Interfered { .. }))
}

/// The trouble that a person has to act on comes first.
const fn urgency(code: Code) -> u8 {
    match code {
        Code::Later => 2,
        Code::NotUnderstood => 1,
        _ => 0,
    }
}

fn days(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs() / (24 * 60 * 60)).unwrap_or(u32::MAX)
}
