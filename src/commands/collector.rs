//! The two collectors: what tells them apart, and their command line.

use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use reqwest::Url;

use super::collect::Choices;
use super::{collect, deliver, dry_run, history, replay, resend, status, verify};
use crate::collect::{Collection, Context, Waiting};
use crate::config::{self, Config, Environment, Monitor};
use crate::failure::{Code, Failure};
use crate::logs::{self, Log};
use crate::monitor::Watched;
use crate::report::Report;
use crate::run::arguments::{self, Common};
use crate::run::invocation::Invocation;
use crate::run::output::Output;
use crate::run::{self, Program, guarded, process};
use crate::{siem, windowed};

/// One of the two collectors.
pub struct Collector {
    /// The program.
    pub program: Program,
    /// The folder of its published files, below the data folder.
    pub folder: &'static str,
    /// The function that drains its streams.
    pub drain: fn(&Context, &mut Collection<'_>) -> Result<(), Failure>,
    /// The function that returns the address of its check.
    pub check: fn(&Monitor) -> Option<&Url>,
    /// The function that returns the names of its streams, each with its log.
    streams: fn(&Config) -> Vec<(String, &'static Log)>,
    /// The function that asks what waits for a stream after a position.
    pub ask: fn(&Context, &str, Option<String>) -> Result<Waiting, Failure>,
}

static SIEM: Collector = Collector {
    program: Program {
        name: "siem",
        executable: "siem_collection",
        about: "Collects the e-mail gateway logs that are waiting in Mimecast",
    },
    folder: logs::GATEWAY_FOLDER,
    drain: collect::drain_siem,
    check: |monitor| monitor.ping_url_siem.as_ref(),
    streams: siem::stream_names,
    ask: siem::ask,
};

static AUDIT: Collector = Collector {
    program: Program {
        name: "audit",
        executable: "audit_collection",
        about: "Collects the audit events of Mimecast since the last run",
    },
    folder: logs::AUDIT_FOLDER,
    drain: collect::drain_audit,
    check: |monitor| monitor.ping_url_audit.as_ref(),
    streams: |_| windowed::stream_names(),
    ask: windowed::ask,
};

/// Runs `siem_collection`.
pub fn siem() -> ExitCode {
    start(&SIEM)
}

/// Runs `audit_collection`.
pub fn audit() -> ExitCode {
    start(&AUDIT)
}

#[derive(Args)]
struct Arguments {
    /// Adopt a data folder of another installation
    #[arg(long)]
    adopt: bool,
    /// Stop at the next safe point after this time, instead of budget_minutes (such as 90s or 10m)
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    max_duration: Option<Duration>,
    /// Wait before the run, up to this time: as long each time, but differently on each host (such as 5m)
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    jitter: Option<Duration>,
    /// Ask once for each stream and show what is waiting: writes nothing, moves no position
    #[arg(long)]
    dry_run: bool,
    /// Delete the files that wait for a destination, and do nothing else
    #[arg(long, value_name = "NAME")]
    drop_outbox: Option<String>,
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show how the collector is doing
    Status(status::Flags),
    /// List the runs
    History(history::Flags),
    /// Compare the published files with their names and with the history
    Verify,
    /// Fetch the events of a range again, into a folder of their own
    Replay(replay::Flags),
    /// Deliver published files of a range again, on purpose
    Resend(resend::Flags),
}

fn start(collector: &'static Collector) -> ExitCode {
    process::protect_secrets();
    let Program {
        executable, about, ..
    } = collector.program;
    let arguments = match arguments::parse::<Arguments>(executable, about) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let Arguments {
        adopt,
        max_duration,
        jitter,
        ..
    } = arguments;
    let common = &arguments.common;
    let choices = Choices {
        adopt,
        max_duration,
        jitter,
        replay: None,
    };
    let is_run = !arguments.dry_run && arguments.drop_outbox.is_none();
    match &arguments.command {
        None if is_run => return collect::run(collector, common, choices),
        Some(Command::Replay(flags)) if is_run && !adopt && jitter.is_none() => {
            let replay = Some(flags.clone());
            return collect::run(collector, common, Choices { replay, ..choices });
        }
        _ => {}
    }
    let output = Output::new(executable, common.quiet, common.json);
    let mut code = Code::Done;
    let failure = guarded(|| {
        refuse_combination(&arguments)?;
        code = act(collector, arguments, &output)?;
        Ok(())
    });
    match failure {
        None => code.into(),
        Some(failure) => output.end(&Report::default(), Some(&failure)).into(),
    }
}

/// Refuses switches that only a run has, beside something else.
fn refuse_combination(arguments: &Arguments) -> Result<(), Failure> {
    let (has_command, drops) = (arguments.command.is_some(), arguments.drop_outbox.is_some());
    let beside = match (has_command, drops) {
        (true, _) => "a command",
        (false, true) => "--drop-outbox",
        (false, false) => "--dry-run",
    };
    let alone = [
        ("--adopt", arguments.adopt),
        ("--max-duration", arguments.max_duration.is_some()),
        ("--jitter", arguments.jitter.is_some()),
        ("--dry-run", arguments.dry_run && (has_command || drops)),
        ("--drop-outbox", drops && has_command),
    ];
    let Some((flag, _)) = alone.iter().find(|(_, given)| *given) else {
        return Ok(());
    };
    let what = format!("{flag} does not go with {beside}");
    Err(Failure::new(Code::Usage, what, "leave one of them out"))
}

/// Does what is not a run.
fn act(
    collector: &'static Collector,
    arguments: Arguments,
    output: &Output,
) -> Result<Code, Failure> {
    let environment = Environment::of_process();
    let path = config::find(arguments.common.config.as_deref(), &environment)?;
    let invocation = Invocation::of(&path, &environment);
    let whole = |failure: Failure| invocation.complete(failure);
    let config = Config::load(&path, &environment).map_err(|error| whole(error.into()))?;
    if let Some(name) = arguments.drop_outbox {
        return deliver::drop_outbox(&invocation, &config, &name, output).map_err(whole);
    }
    let Some(command) = arguments.command else {
        let clock = run::start_clock()?;
        let shown = dry_run::run(collector, config, clock, output);
        return shown.map(|()| Code::Done).map_err(whole);
    };
    match command {
        Command::Status(flags) => status::run(collector, &config, &flags, output),
        Command::History(flags) => Ok(history::run(collector, &config, &flags, output)),
        Command::Verify => verify::run(collector, &config, output),
        Command::Replay(_) => unreachable!("it was started above"),
        Command::Resend(flags) => {
            let clock = run::start_clock()?;
            let shown = (&invocation, output);
            resend::run((&config, &environment), &clock, &flags, shown)
        }
    }
    .map_err(whole)
}

/// Returns the command lines of both collectors.
pub fn command_lines() -> [clap::Command; 2] {
    let line = |program: &Program| {
        let Program {
            executable, about, ..
        } = *program;
        arguments::command::<Arguments>(executable, about)
    };
    [line(&SIEM.program), line(&AUDIT.program)]
}

/// Returns what the overviews of both collectors read.
pub fn all_watched(config: &Config) -> [Watched<'_>; 2] {
    [SIEM.watched(config), AUDIT.watched(config)]
}

impl Collector {
    /// Returns the names of the streams.
    pub fn stream_names(&self, config: &Config) -> Vec<String> {
        let streams = (self.streams)(config);
        streams.into_iter().map(|(name, _)| name).collect()
    }

    /// Returns the time for which Mimecast keeps the events of this collector.
    pub fn kept(&self, config: &Config) -> TimeDelta {
        let streams = (self.streams)(config);
        let kept = streams.iter().map(|(_, log)| log.kept);
        kept.min().unwrap_or_default()
    }

    /// Returns what an overview of this collector reads.
    pub fn watched<'a>(&self, config: &'a Config) -> Watched<'a> {
        Watched {
            program: self.program.executable,
            config,
            streams: (self.streams)(config),
        }
    }
}
