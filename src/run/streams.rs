//! Draining streams, each with a position of its own, so that the trouble of one stays its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::{Program, Run, log};
use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::durable::SystemDisk;
use crate::report::{Code, Failure};
use crate::spool::{self, Batch, Lock, Settings, Spool, SpoolError, prune};

/// Pruning needs a clock that is right within this.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(10);
/// A time before which not to ask is believed for so long, in case a clock was wrong.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

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
    /// How it is asked for.
    pub kind: K,
    /// Its files and its position.
    pub spool: Spool,
    name: String,
}

/// All locks in the order of their names, whatever the order of the streams: of two runs that start
/// together and begin with different ones, each could turn the other away.
fn lock_all<K>(folder: &Path, streams: &[Stream<K>]) -> Result<BTreeMap<String, Lock>, SpoolError> {
    let names: BTreeSet<&String> = streams.iter().map(|stream| &stream.name).collect();
    let locks = names
        .into_iter()
        .map(|name| Ok((name.clone(), Lock::take(folder, name)?)));
    locks.collect()
}

/// A vendor's dialect: what comes next, as a batch that ends at a position.
pub(crate) trait Source {
    /// The next batch; nothing when all have been had.
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
    /// What a person should look at.
    pub warnings: Vec<String>,
}

/// How the streams of a run fare.
#[derive(Default)]
pub(super) struct Streams {
    count: usize,
    drained: Vec<Spool>,
    troubles: Vec<Failure>,
    last_success: Option<DateTime<Utc>>,
}

impl Run {
    /// Locks and opens all streams before any is asked for: what an earlier run had committed
    /// is finished first.
    ///
    /// # Errors
    /// [`crate::spool::SpoolError`]; [`ApiError::SlowDown`] when an earlier run was told not to come
    /// back yet.
    pub(crate) fn open<K>(&mut self, streams: Vec<Stream<K>>) -> anyhow::Result<Vec<Opened<K>>> {
        self.streams.count = streams.len();
        let now = self.clock.now();
        let mut locks = lock_all(&self.config.folders.state, &streams)?;
        let mut opened = Vec::new();
        for Stream { name, stem, kind } in streams {
            let lock = locks.remove(&name).expect("each stream has its lock");
            let (spool, recovery) = Spool::open(self.settings(&name, stem), lock)?;
            self.report.files += recovery.finished;
            self.warn(recovery.warnings);
            self.streams.last_success = self.streams.last_success.max(spool.last_success());
            opened.push(Opened { kind, spool, name });
        }
        let not_before = opened.iter().filter_map(|stream| stream.spool.not_before());
        match not_before
            .filter(|until| now < *until && *until - now <= PATIENCE)
            .max()
        {
            Some(until) => Err(ApiError::SlowDown(until).into()),
            None => Ok(opened),
        }
    }

    /// Commits batch after batch until the source has no more.
    ///
    /// # Errors
    /// Whatever ends the whole run; the trouble of this stream alone is kept for the end.
    pub(crate) fn drain<K>(
        &mut self,
        stream: Opened<K>,
        source: &mut dyn Source,
    ) -> anyhow::Result<()> {
        let Opened {
            mut spool, name, ..
        } = stream;
        let mut story = || {
            while let Some(ready) = source.next(&spool)? {
                self.store(&mut spool, ready)?;
            }
            anyhow::Ok(())
        };
        let Err(error) = story() else {
            spool.finish(self.client.now())?;
            self.streams.drained.push(spool);
            return Ok(());
        };
        leave(&mut spool, &error);
        let host = self.client.base().host();
        let error = error.context(format!("while collecting {name} from {host}"));
        if self.streams.count > 1 && is_its_own(&error) {
            warn!(error = format!("{error:#}"), "the other streams go on");
            self.report.notes.push(format!("{error:#}"));
            self.streams.troubles.push(Failure::of(&error));
            return Ok(());
        }
        Err(error)
    }

    /// When a stream was last collected to its end, without opening it.
    ///
    /// # Errors
    /// [`crate::spool::SpoolError`] when its state must not be used.
    pub(crate) fn last_success_of(&self, name: &str) -> anyhow::Result<Option<DateTime<Utc>>> {
        Ok(spool::last_success(&self.settings(name, String::new()))?)
    }

    fn store(&mut self, spool: &mut Spool, ready: Ready) -> anyhow::Result<()> {
        let size = ready.batch.size();
        let stored = spool.commit(ready.batch, ready.position)?;
        let (files, events, bytes) = (size.files, size.events, size.bytes);
        info!(files, events, bytes, "a batch is stored");
        self.warn(ready.warnings);
        let told = self.report.stored(stored);
        self.warn(told);
        self.progress.show(&self.report);
        Ok(())
    }

    /// Ends a run that came to its end: the troubles of single streams count now, and without any
    /// what is old is deleted.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let troubles = std::mem::take(&mut self.streams.troubles);
        match troubles
            .into_iter()
            .min_by_key(|trouble| urgency(trouble.code))
        {
            // what was drained has nothing pending: one type's trouble must not fill the disk
            Some(trouble) if !self.streams.drained.is_empty() => {
                self.prune()?;
                Err(trouble.into())
            }
            Some(trouble) => Err(trouble.into()),
            None => self.prune(),
        }
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

    fn prune(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let skew = self.client.skew();
        let is_plausible = skew.is_some_and(|skew| skew.abs() <= SKEW_LIMIT)
            && self
                .streams
                .last_success
                .is_none_or(|last| last <= now + SKEW_LIMIT);
        if !is_plausible {
            let text = "nothing was deleted: this host's clock does not agree with Mimecast's";
            self.report.notes.push(text.to_owned());
            warn!(?skew, "{text}");
            return Ok(());
        }
        let retention = &self.config.retention;
        let mut pruned = prune::Pruned::default();
        if let Some(spool) = self.streams.drained.first() {
            pruned = pruned + spool.prune_published(now, days(retention.data))?;
        }
        for spool in &self.streams.drained {
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

    fn settings(&self, name: &str, stem: String) -> Settings {
        let folders = &self.config.folders;
        Settings {
            disk: Arc::new(SystemDisk),
            state: folders.state.clone(),
            staging: folders.data.join("tmp"),
            published: folders.data.join(self.program.folder),
            stem,
            stream: name.to_owned(),
            account: self.config.mimecast.account_code.clone(),
            mode: folders.file_mode,
            now: self.clock.now(),
        }
    }
}

/// Leaves a stream that failed; its error counts, whatever else goes wrong.
fn leave(spool: &mut Spool, error: &anyhow::Error) {
    let left = match error.downcast_ref() {
        Some(ApiError::SlowDown(until)) => spool.postpone(*until),
        _ => spool.settle(),
    };
    if let Err(other) = left {
        warn!(%other, "the state could not be settled: the next run does it");
    }
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
                | ApiError::PositionRefused
                | ApiError::Gone
        )
    )
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
