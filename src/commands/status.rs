//! `status`: how a collector is doing. Reads the state and the ledger, and changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use humantime::format_duration;

use super::collector::{Collector, all_watched};
use crate::clock;
use crate::config::Config;
use crate::failure::{Code, Failure};
use crate::monitor::{self, Overview};
use crate::run::arguments;
use crate::run::output::Output;

/// Switches of `status`.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Print one line, and end with 69 if the last success is older than this (such as 2h or 90m)
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    max_age: Option<Duration>,
    /// Write a page about both collectors to this file instead
    #[arg(long, value_name = "FILE", conflicts_with = "max_age")]
    html: Option<PathBuf>,
}

/// Prints the overview of a collector.
///
/// # Errors
/// The page cannot be written.
pub fn run(
    collector: &Collector,
    config: &Config,
    flags: &Flags,
    output: &Output,
) -> Result<Code, Failure> {
    if let Some(path) = &flags.html {
        return write_page(path, config, output);
    }
    let watched = collector.watched(config);
    let overview = Overview::read(&watched, clock::now());
    if let Some(limit) = flags.max_age {
        return Ok(check(&overview, limit, output));
    }
    output.show(&overview, || monitor::status(&overview));
    Ok(Code::Done)
}

fn write_page(path: &Path, config: &Config, output: &Output) -> Result<Code, Failure> {
    let watched = all_watched(config);
    if let Some(reason) = config.unfit_for_a_report(path) {
        let what = format!("{} {reason}", path.display());
        return Err(Failure::new(Code::Usage, what, "name another file"));
    }
    let overviews = monitor::overviews(&watched, clock::now());
    let mode = config.folders.file_mode;
    let written = monitor::replace(path, &monitor::page(&overviews), mode);
    written.map_err(|error| {
        let what = format!("cannot write the page: {error}");
        Failure::new(
            Code::Disk,
            what,
            "name a file in a folder that you may write to",
        )
    })?;
    output.show(&overviews, || {
        format!("the page is in {}\n", path.display())
    });
    Ok(Code::Done)
}

/// Prints one line for a monitoring system, and returns its exit code.
fn check(overview: &Overview, limit: Duration, output: &Output) -> Code {
    let limit = TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX);
    let program = overview.program;
    let age = overview.last_success().map(|time| overview.now - time);
    let (code, text) = match age {
        Some(age) => {
            let seconds = Duration::from_secs(age.num_seconds().try_into().unwrap_or_default());
            let ago = format!("the last success was {} ago", format_duration(seconds));
            match age <= limit {
                true => (Code::Done, format!("OK: {ago}")),
                false => (Code::Outage, format!("CRITICAL: {ago}")),
            }
        }
        None => {
            let unreadable = overview.streams.iter().find_map(|stream| {
                let why = stream.unreadable.as_ref()?;
                Some(format!(
                    "the state of {} cannot be read: {why}",
                    stream.name
                ))
            });
            let why = unreadable.unwrap_or("not every stream has had a success yet".to_owned());
            (Code::Outage, format!("CRITICAL: {why}"))
        }
    };
    output.show(overview, || format!("{program} {text}\n"));
    code
}
