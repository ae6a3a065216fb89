//! The frame that all programs share: arguments, configuration, log, lock, clock, budget, and at the
//! end a report that becomes an exit code.
//!
//! Nothing outside of this folder prints or ends the process.

pub(crate) mod arguments;
pub(crate) mod harden;
mod log;
mod progress;
pub(crate) mod speak;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use tracing::{info, warn};
use uuid::Uuid;

use crate::api::{ApiError, Client, Identity};
use crate::clock::Clock;
use crate::config::{self, Config, Environment};
use crate::credentials::Credentials;
use crate::durable::{self, Mode, SystemDisk};
use crate::report::{Code, Failure, Report};
use crate::spool::{Batch, Lock, Settings, Spool, prune};
use arguments::Common;
use progress::Progress;
use speak::Speaker;

/// Pruning needs a clock that is right within this.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(10);
/// A time before which not to ask is believed for so long, in case a clock was wrong.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// A stream of events and the program that collects it.
#[derive(Debug)]
pub struct Stream {
    /// Name in state, log and messages.
    pub name: &'static str,
    /// The program.
    pub program: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Folder below the data folder.
    pub folder: &'static str,
}

/// A batch that can be committed.
pub struct Ready {
    /// What will be published.
    pub batch: Batch,
    /// Where the stream goes on afterwards.
    pub position: Option<String>,
    /// What a person should look at.
    pub warnings: Vec<String>,
}

/// One run of a collector.
pub struct Run {
    /// What the file says.
    pub config: Config,
    /// Time, budget and signals.
    pub clock: Clock,
    client: Arc<Client>,
    report: Report,
    progress: Progress,
}

impl Run {
    /// Whom to ask.
    #[must_use]
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Commits a batch and publishes it.
    ///
    /// # Errors
    /// As [`Spool::commit`].
    pub fn store(&mut self, spool: &mut Spool, ready: Ready) -> anyhow::Result<()> {
        let size = ready.batch.size();
        let stored = spool.commit(ready.batch, ready.position)?;
        info!(
            files = size.files,
            events = size.events,
            bytes = size.bytes,
            "a batch is stored"
        );
        self.warn(ready.warnings);
        self.report.stored(stored);
        self.progress.show(&self.report);
        Ok(())
    }

    fn warn(&mut self, warnings: Vec<String>) {
        for text in &warnings {
            warn!(text, "to be looked at");
        }
        self.report.warnings.extend(warnings);
    }
}

/// Runs a collector: everything around its story.
pub fn collect(
    stream: &'static Stream,
    story: impl FnOnce(&mut Run, &mut Spool) -> anyhow::Result<()>,
) -> ExitCode {
    harden::process();
    let common = match arguments::collector(stream) {
        Ok(common) => common,
        Err(code) => return code,
    };
    let mut speaker = Speaker::new(stream.program, &common);
    let mut report = Report::default();
    let work = || work(stream, &common, &mut speaker, &mut report, story);
    let failure = guarded(work);
    speaker.end(&report, failure.as_ref()).into()
}

/// Does the work of a program; a panic is a failure like any other.
pub(crate) fn guarded(work: impl FnOnce() -> anyhow::Result<()>) -> Option<Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failure::of(&error)),
        Err(_) => Some(Failure::new(
            Code::Bug,
            "the program came to a point that it should never reach",
            "please report this with the log; what was stored so far is safe",
        )),
    }
}

fn work(
    stream: &'static Stream,
    common: &Common,
    speaker: &mut Speaker,
    report: &mut Report,
    story: impl FnOnce(&mut Run, &mut Spool) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let clock = Clock::start().context("cannot listen to signals")?;
    let environment = Environment::of_process();
    let path = config::find(common.config.as_deref(), &environment)?;
    let config = Config::load(&path, &environment)?;
    config.require_setup()?;
    let credentials = Credentials::load(&config.path, &environment)?;
    let clock = clock.with_budget(config.run.budget);

    prepare(&config, stream)?;
    let run_id = speaker.run_id().to_owned();
    match log::begin(&config, stream.name, &run_id, common.verbose, clock.now()) {
        Ok(place) => speaker.log_is_at(place),
        Err(error) => speaker.aside(&format!("no log is written: {error}")),
    }
    let lock = Lock::take(&config.folders.state, stream.name)?;
    let client = Client::new(
        config.mimecast.base_url.clone(),
        &config.mimecast.app_id,
        Identity::Keys(credentials),
        &config.network,
        clock.clone(),
    )?;
    let (mut spool, recovery) = Spool::open(settings(&config, stream, &clock), lock)?;
    let progress = Progress::new(speaker.shows_progress());
    let client = Arc::new(client);
    let mut run = Run {
        config,
        clock,
        client,
        report: Report::default(),
        progress,
    };
    info!(recovered = recovery.finished, "the run begins");
    run.report.files += recovery.finished;
    run.report.notes.extend(run.config.warnings());
    run.warn(recovery.warnings);

    let done = postponed(&run, &spool)
        .and_then(|()| story(&mut run, &mut spool))
        .with_context(|| {
            format!(
                "while collecting {} from {}",
                stream.name,
                run.client.base().host()
            )
        });
    let ended = match done {
        Ok(()) => finish(&mut run, &mut spool, stream),
        Err(error) => Err(leave(&mut spool, error)),
    };
    run.progress.clear();
    run.report.requests = run.client.requests();
    *report = run.report;
    ended
}

/// Folders that this program may make itself, and a look at those that it may not.
fn prepare(config: &Config, stream: &Stream) -> anyhow::Result<()> {
    let folders = &config.folders;
    for folder in [folders.state.clone(), folders.state.join("quarantine")] {
        durable::make_folder(&folder, Mode::PRIVATE_FOLDER)
            .map_err(|error| disk_failure("make the folder", &folder, &error))?;
    }
    let (staging, published) = (folders.data.join("tmp"), folders.data.join(stream.folder));
    for folder in [&staging, &published] {
        if !folder.is_dir() {
            // made here, it could be on the wrong disk: the right one may not be mounted yet
            let what = format!("the folder {} is missing", folder.display());
            let remedy = "mount its disk, or run authentication_setup to make it";
            return Err(Failure::new(Code::Disk, what, remedy).into());
        }
    }
    if !harden::same_file_system(&staging, &published)? {
        let what = format!(
            "{} and {} are on different disks",
            staging.display(),
            published.display()
        );
        let remedy =
            "put the whole data folder on one file system: files are published by renaming";
        return Err(Failure::new(Code::Config, what, remedy).into());
    }
    Ok(())
}

fn disk_failure(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    let what = format!("cannot {action} {}: {error}", path.display());
    Failure::new(
        Code::Disk,
        what,
        "free or repair the disk, or correct its permissions",
    )
}

fn settings(config: &Config, stream: &Stream, clock: &Clock) -> Settings {
    let folders = &config.folders;
    Settings {
        disk: Arc::new(SystemDisk),
        state: folders.state.clone(),
        staging: folders.data.join("tmp"),
        published: folders.data.join(stream.folder),
        stream: stream.name.to_owned(),
        account: config.mimecast.account_code.clone(),
        mode: folders.file_mode,
        now: clock.now(),
    }
}

/// Whether an earlier run was told not to come back yet.
fn postponed(run: &Run, spool: &Spool) -> anyhow::Result<()> {
    let now = run.clock.now();
    match spool.not_before() {
        Some(until) if now < until && until - now <= PATIENCE => {
            Err(ApiError::SlowDown(until).into())
        }
        _ => Ok(()),
    }
}

/// Ends a story that came to its end: the position is confirmed, and what is old is deleted.
fn finish(run: &mut Run, spool: &mut Spool, stream: &Stream) -> anyhow::Result<()> {
    let (now, server_now) = (run.clock.now(), run.client.now());
    let last = spool.last_success();
    spool.finish(server_now)?;
    let skew = run.client.skew();
    let is_plausible = skew.is_some_and(|skew| skew.abs() <= SKEW_LIMIT)
        && last.is_none_or(|last| last <= now + SKEW_LIMIT);
    if !is_plausible {
        let text = "nothing was deleted: this host's clock does not agree with Mimecast's";
        run.report.notes.push(text.to_owned());
        warn!(?skew, "{text}");
        return Ok(());
    }
    let retention = &run.config.retention;
    let days = |duration: std::time::Duration| (duration.as_secs() / 86_400) as u32;
    let pruned = spool.prune(now, days(retention.data), days(retention.quarantine))?;
    run.report.pruned(pruned);
    let ours = |name: &str| log::is_ours(name, stream.name);
    let logs = prune::prune(
        &SystemDisk,
        &run.config.folders.log,
        now,
        days(retention.log),
        ours,
    );
    info!(
        removed = pruned.removed,
        kept = pruned.kept,
        ?logs,
        "old files are deleted"
    );
    Ok(())
}

/// Ends a story that failed; its error counts, whatever else goes wrong.
fn leave(spool: &mut Spool, error: anyhow::Error) -> anyhow::Error {
    let left = match error.downcast_ref() {
        Some(ApiError::SlowDown(until)) => spool.postpone(*until),
        _ => spool.settle(),
    };
    if let Err(other) = left {
        warn!(%other, "the state could not be settled: the next run does it");
    }
    warn!(error = format!("{error:#}"), "the run ends early");
    error
}

/// A short name for one run, in log and report.
fn run_id() -> String {
    Uuid::new_v4().simple().to_string()[..8].to_owned()
}
