//! The frame that all programs share: arguments, configuration, log, lock, clock, budget, and at the
//! end a report that becomes an exit code.
//!
//! Nothing outside of this folder prints or ends the process.

pub(crate) mod arguments;
mod log;
pub(crate) mod output;
pub(crate) mod process;
mod progress;
mod streams;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tracing::{info, warn};
use uuid::Uuid;

use crate::api::token::Application;
use crate::api::{Client, Identity};
use crate::clock::Clock;
use crate::config::{self, Api, Config, Environment};
use crate::credentials::{ClientSecret, Credentials};
use crate::durable::{self, Mode};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::spool::Adopt;

use arguments::Collector;
use output::Output;
use progress::Progress;
use streams::Streams;
pub(crate) use streams::{Ready, Source, Stream};

/// A program and what it collects.
#[derive(Debug)]
pub struct Program {
    /// Name in log and messages.
    pub name: &'static str,
    /// The program's file.
    pub program: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Folder below the data folder.
    pub folder: &'static str,
}

/// One run of a collector.
pub struct Run {
    /// What the file says.
    pub config: Config,
    /// Time, budget and signals.
    pub clock: Clock,
    program: &'static Program,
    client: Arc<Client>,
    report: Report,
    progress: Progress,
    streams: Streams,
    adopt: Adopt,
}

impl Run {
    /// Whom to ask.
    #[must_use]
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }
}

/// Runs a collector: everything around its story.
pub fn collect(
    program: &'static Program,
    story: impl FnOnce(&mut Run) -> anyhow::Result<()>,
) -> ExitCode {
    process::harden();
    let common = match arguments::collector(program) {
        Ok(common) => common,
        Err(code) => return code,
    };
    let mut output = Output::new(program.program, common.common.quiet, common.common.json);
    let mut ended = Ended::default();
    let work = || work(program, &common, &mut output, &mut ended, story);
    let mut failure = guarded(work);
    if !ended.report.warnings.is_empty() {
        // what only waits for the next run hides no warning
        let put_off = failure.take_if(|failure| failure.is_put_off());
        ended
            .report
            .notes
            .extend(put_off.map(|failure| failure.what));
    }
    let code = output.end(&ended.report, failure.as_ref());
    if code == Code::Look
        && let Some(clock) = ended.clock
    {
        ended.streams.forget_told(clock.present().earliest);
    }
    code.into()
}

/// What a run leaves to be told, and the streams that wait for it.
#[derive(Default)]
struct Ended {
    report: Report,
    streams: Streams,
    clock: Option<Clock>,
}

/// Does the work of a program; a panic is a failure like any other.
pub(crate) fn guarded(work: impl FnOnce() -> anyhow::Result<()>) -> Option<Failure> {
    if let Err(error) = process::can_start_threads() {
        let what = format!("cannot start a thread: {error}");
        let remedy = "raise the limit of processes for this user (ulimit -u, TasksMax=)";
        return Some(Failure::new(Code::Disk, what, remedy));
    }
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

/// Says on standard error what a log would hold, for a run without one.
pub(crate) fn tell_on_request(output: &Output, verbose: u8) {
    log::aloud(output.run_id(), verbose);
}

fn work(
    program: &'static Program,
    arguments: &Collector,
    output: &mut Output,
    ended: &mut Ended,
    story: impl FnOnce(&mut Run) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let common = &arguments.common;
    let clock = Clock::start().context("cannot listen to signals")?;
    let environment = Environment::of_process();
    let path = config::find(common.config.as_deref(), &environment)?;
    let config = Config::load(&path, &environment)?;
    config.require_setup()?;
    let identity = identity(&config, &environment)?;
    let as_configured = (config, identity, clock);
    run_as_configured(program, arguments, as_configured, (output, ended), story)
        .map_err(|error| with_whole_path(error, &path))
}

/// Names the configuration file by its whole path in what there is to do.
pub(crate) fn with_whole_path(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let failure = Failure::of(&error);
    let whole = format!(" {}", path.display());
    let remedy = failure.remedy.replace(" config.toml", &whole);
    Failure { remedy, ..failure }.into()
}

fn run_as_configured(
    program: &'static Program,
    arguments: &Collector,
    (config, identity, clock): (Config, Identity, Clock),
    (output, ended): (&mut Output, &mut Ended),
    story: impl FnOnce(&mut Run) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let common = &arguments.common;
    let clock = clock.with_budget(config.run.budget);
    prepare(&config, program)?;
    let run_id = output.run_id().to_owned();
    match log::begin(&config, program.name, &run_id, common.verbose, clock.now()) {
        Ok(place) => output.log_is_at(place),
        Err(error) => {
            output.notice(&format!("no log is written: {error}"));
            tell_on_request(output, common.verbose);
        }
    }
    let (base, app_id) = (config.mimecast.base_url.clone(), &config.mimecast.app_id);
    let client = Client::new(base, app_id, identity, &config.network, clock.clone())?;
    let mut run = Run {
        config,
        clock,
        program,
        client: Arc::new(client),
        report: Report::default(),
        progress: Progress::new(output.shows_progress()),
        streams: Streams::default(),
        adopt: if arguments.adopt {
            Adopt::Yes
        } else {
            Adopt::No
        },
    };
    info!("the run begins");
    run.report.notes.extend(run.config.warnings());
    let done = story(&mut run);
    let done = done
        .map_err(|error| run.outweigh(error))
        .and_then(|()| run.finish());
    run.progress.clear();
    run.report.requests = run.client.requests();
    let handed_over = run.hand_over();
    let done = done.and_then(|()| Ok(handed_over?));
    ended.report = run.report;
    (ended.streams, ended.clock) = (run.streams, Some(run.clock));
    done.inspect_err(|error| warn!(error = format!("{error:#}"), "the run ends early"))
}

/// Who asks, as the generation wants it.
fn identity(config: &Config, environment: &Environment) -> anyhow::Result<Identity> {
    Ok(match config.mimecast.api {
        Api::V1 => Identity::Keys(Credentials::load(&config.path, environment)?),
        Api::V2 => {
            let secret = ClientSecret::load(&config.path, environment)?;
            let client_id = config.mimecast.client_id.clone();
            Identity::Bearer(Arc::new(Application::new(client_id, secret)))
        }
    })
}

/// Folders that this program may make itself, and a look at those that it may not.
fn prepare(config: &Config, program: &Program) -> anyhow::Result<()> {
    let folders = &config.folders;
    for folder in [folders.state.clone(), folders.state.join("quarantine")] {
        durable::make_folder(&folder, Mode::PRIVATE_FOLDER)
            .map_err(|error| disk_failure("make the folder", &folder, &error))?;
    }
    let (staging, published) = (folders.data.join("tmp"), folders.data.join(program.folder));
    for folder in [&staging, &published] {
        if !folder.is_dir() {
            // made here, it could be on the wrong disk: the right one may not be mounted yet
            let what = format!("the folder {} is missing", folder.display());
            let remedy = "mount its disk, or run authentication_setup to make it";
            return Err(Failure::new(Code::Disk, what, remedy).into());
        }
    }
    let on_one = process::same_file_system(&staging, &published)
        .map_err(|error| disk_failure("look at the folder", &published, &error))?;
    if !on_one {
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

/// A short name for one run, in log and report.
fn run_id() -> String {
    Uuid::new_v4().simple().to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_of_ours_and_tells_nothing_of_its_payload() {
        let failure = guarded(|| panic!("canary")).unwrap();
        assert_eq!(failure.code, Code::Bug);
        assert!(!format!("{failure:?}").contains("canary"));
    }
}
