//! `siem_collection` and `audit_collection`: they collect the waiting logs, then delete old files.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use crate::api::token::Application;
use crate::api::{Client, Identity};
use crate::clock::Clock;
use crate::collect::{Collection, Context, Untold, days};
use crate::config::{self, Api, Config, ConfigError, Environment};
use crate::credentials::{ClientSecret, Credentials};
use crate::delivery;
use crate::durable::SystemDisk;
use crate::event_time::TimeRange;
use crate::failure::{Code, Failure};
use crate::history;
use crate::logs;
use crate::report::Report;
use crate::run::arguments::Common;
use crate::run::invocation::Invocation;
use crate::run::output::Output;
use crate::run::progress::Progress;
use crate::run::{self, guarded, log, process};
use crate::spool::{Adopt, prune};
use crate::{siem, windowed};

use super::collector::Collector;
use super::deliver::{Deliveries, abandoned};
use super::ending::Begun;
use super::prepare::prepare;
use super::replay;

/// The time budget of a replay, which a person watches.
const REPLAY_BUDGET: Duration = Duration::from_secs(24 * 60 * 60);

/// Drains the streams of `siem_collection`.
pub fn drain_siem(context: &Context, collection: &mut Collection<'_>) -> Result<(), Failure> {
    for stream in collection.open(siem::streams(context)?)? {
        let mut source = siem::source(context, stream.kind, collection.spool(&stream.name));
        collection.drain(&stream.name, source.as_mut())?;
    }
    Ok(())
}

/// Drains the stream of `audit_collection`.
pub fn drain_audit(context: &Context, collection: &mut Collection<'_>) -> Result<(), Failure> {
    for stream in collection.open(vec![windowed::stream()])? {
        let mut source = windowed::Windows::waiting(context, collection.spool(&stream.name))?;
        collection.drain(&stream.name, &mut source)?;
    }
    Ok(())
}

/// What the operator chose for this run alone.
#[derive(Clone)]
pub struct Choices {
    /// Adopt a data folder of another installation.
    pub adopt: bool,
    /// The time budget, instead of that of the configuration.
    pub max_duration: Option<Duration>,
    /// The longest delay before the run.
    pub jitter: Option<Duration>,
    /// What to fetch again, instead of what is waiting.
    pub replay: Option<replay::Flags>,
}

/// Runs a collector, from its switches to its exit code.
pub fn run(kind: &'static Collector, common: &Common, choices: Choices) -> ExitCode {
    process::protect_secrets();
    let mut output = Output::new(kind.program.executable, common.quiet, common.json);
    if choices.replay.is_none() {
        output = output.silent_if_later(common.verbose);
    }
    let mut run = Run {
        kind,
        output,
        report: Report::default(),
        untold: Untold::default(),
        deliveries: Deliveries::default(),
        begun: None,
    };
    let mut failure = guarded(|| run.work(common, choices));
    if !run.report.warnings.is_empty() {
        // what only waits for the next run hides no warning
        let put_off = failure.take_if(|failure| failure.is_put_off());
        run.report.notes.extend(put_off.map(|failure| failure.what));
    }
    if let Some(begun) = run.begun.take() {
        let (kind, id) = (run.kind, run.output.run_id().to_owned());
        let ended = guarded(|| {
            begun.end(kind, &id, &mut run.report, &mut failure);
            Ok(())
        });
        if let Some(bug) = ended {
            run.report
                .notes
                .push(format!("at the end of the run: {}", bug.what));
        }
    }
    let code = run.output.end(&run.report, failure.as_ref());
    if code == Code::Look {
        run.untold.forget();
        run.deliveries.forget();
    }
    code.into()
}

struct Run {
    kind: &'static Collector,
    output: Output,
    report: Report,
    untold: Untold,
    deliveries: Deliveries,
    /// Set once the configuration is read.
    begun: Option<Begun>,
}

impl Run {
    fn work(&mut self, common: &Common, choices: Choices) -> Result<(), Failure> {
        let clock = run::start_clock()?;
        let environment = Environment::of_process();
        let path = config::find(common.config.as_deref(), &environment)?;
        let invocation = Invocation::of(&path, &environment);
        invocation.refuse_root(self.kind.program.executable)?;
        self.work_with(&path, &environment, clock, (common.verbose, choices))
            .map_err(|failure| invocation.complete(failure))
    }

    fn work_with(
        &mut self,
        path: &Path,
        environment: &Environment,
        clock: Clock,
        choices: (u8, Choices),
    ) -> Result<(), Failure> {
        let config = Config::load(path, environment)?;
        config.require_setup()?;
        self.begin_log(&config, choices.0, &clock);
        self.work_logged(config, environment, clock, choices)
            .inspect_err(|failure| warn!(error = failure.what, "the run ends early"))
    }

    fn work_logged(
        &mut self,
        mut config: Config,
        environment: &Environment,
        clock: Clock,
        (verbose, choices): (u8, Choices),
    ) -> Result<(), Failure> {
        let Some(flags) = &choices.replay else {
            self.begun = Some(Begun::start(self.kind, &config, &clock, &mut self.report));
            let (later, later_clock) = (config.clone(), clock.clone());
            let delay = self.delay(&config, choices.jitter.unwrap_or_default());
            let budget = choices.max_duration.unwrap_or(config.run.budget);
            let identity = identity(&config, environment).map_err(Failure::from);
            let collected = identity.and_then(|identity| {
                self.collect((verbose, choices), None, (config, identity, clock))
            });
            self.report.notes.extend(abandoned(&later));
            return self.deliveries.run(
                (&later, environment),
                (&later_clock, budget.saturating_add(delay)),
                &mut self.report,
                collected,
            );
        };
        let replay = replay::prepare(flags, self.kind, &mut config, clock.now())?;
        let identity = identity(&config, environment)?;
        self.collect(
            (verbose, choices),
            Some(replay.range),
            (config, identity, clock),
        )
        .map_err(replay::to_be_continued)
    }

    fn collect(
        &mut self,
        (verbose, choices): (u8, Choices),
        range: Option<TimeRange>,
        (config, identity, clock): (Config, Identity, Clock),
    ) -> Result<(), Failure> {
        let usual = range.map_or(config.run.budget, |_| REPLAY_BUDGET);
        let budget = choices.max_duration.unwrap_or(usual);
        let delay = self.delay(&config, choices.jitter.unwrap_or_default());
        clock.sleep(delay)?;
        let clock = clock.with_budget(budget.saturating_add(delay));
        prepare(&config, self.kind.folder)?;
        delivery::make_outboxes(&SystemDisk, &config)?;
        let (base, app_id) = (config.mimecast.base_url.clone(), &config.mimecast.app_id);
        let client = Client::new(base, app_id, identity, &config.network, clock.clone())?;
        let client = match self.output.is_watched() {
            true => client, // a person decides whether to wait
            false => client.patient(config.run.retry_for),
        };
        let context = Context {
            config,
            client: Arc::new(client),
            clock,
            range,
        };
        info!("the run begins");
        let adopt = match choices.adopt {
            true => Adopt::Yes,
            false => Adopt::No,
        };
        let progress = Progress::new(self.output.shows_progress() && verbose == 0);
        let observer = |report: &Report| progress.show(report);
        let mut collection = Collection::new(&context, self.kind.folder, adopt, observer);
        let drained = (self.kind.drain)(&context, &mut collection);
        let done = drained
            .map_err(|failure| collection.outweigh(failure))
            .and_then(|()| collection.finish());
        if let Some(now) = collection.pruned_at() {
            self.prune_own(&context.config, now);
        }
        progress.clear();
        let handed_over = collection.hand_over();
        let done = done.and_then(|()| Ok(handed_over?));
        let mut notes = std::mem::take(&mut self.report.notes);
        (self.report, self.untold) = collection.into_report();
        notes.extend(context.config.warnings());
        self.report.requests = context.client.requests();
        self.report.retries = context.client.attempts().retries();
        let of_replay = context.range.map(|_| {
            let folder = context.config.folders.data.join(self.kind.folder);
            format!("the events of the range are in {}", folder.display())
        });
        notes.extend(of_replay);
        self.report.notes.splice(..0, notes);
        done
    }

    /// Returns the delay before the run: the same each time, and spread over `most` for different hosts,
    /// installations and programs.
    fn delay(&self, config: &Config, most: Duration) -> Duration {
        let state = config.folders.state.to_string_lossy();
        let parts = [&*process::host_name(), &*state, self.kind.program.name];
        let digest = Sha256::digest(parts.join("\n"));
        let share = f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX);
        most.mul_f64(share)
    }

    /// Starts the log file. If that fails, the run logs to standard error, if `verbose` asks for it.
    fn begin_log(&mut self, config: &Config, verbose: u8, clock: &Clock) {
        let run_id = self.output.run_id();
        match log::begin(config, self.kind.program.name, run_id, verbose, clock.now()) {
            Ok(path) => self.output.log_is_at(path),
            Err(error) => {
                self.output.notice(&format!("no log is written: {error}"));
                log::begin_on_stderr(self.output.run_id(), verbose);
            }
        }
    }

    /// Deletes old logs and old files of the ledger.
    fn prune_own(&self, config: &Config, now: DateTime<Utc>) {
        let ours = |file: &str| {
            log::is_ours(file, self.kind.program.name) || log::is_ours(file, log::SETUP)
        };
        let days = days(config.retention.log);
        let logs = prune::prune(&SystemDisk, &config.folders.log, now, days, ours);
        let ours = |file: &str| history::is_ours(file, self.kind.program.executable);
        let folder = config.folders.state.join(logs::HISTORY);
        let ledger = prune::prune(&SystemDisk, &folder, now, history::KEPT_DAYS, ours);
        info!(?logs, ?ledger, "deleted old logs and history");
    }
}

/// Returns the identity for the requests: a key pair for API 1.0, an application for API 2.0.
pub fn identity(config: &Config, environment: &Environment) -> Result<Identity, ConfigError> {
    Ok(match config.mimecast.api {
        Api::V1 => Identity::Keys(Credentials::load(&config.path, environment)?),
        Api::V2 => {
            let secret = ClientSecret::load(&config.path, environment)?;
            let client_id = config.mimecast.client_id.clone();
            Identity::Bearer(Arc::new(Application::new(client_id, secret)))
        }
    })
}
