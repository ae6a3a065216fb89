//! `status`: how a collector is doing. Reads the state and the ledger, and changes nothing.

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use humantime::format_duration;

use super::collector::Collector;
use crate::clock;
use crate::config::Config;
use crate::failure::{Code, Failure};
use crate::monitor::{self, Overview};
use crate::run::output::Output;

/// Switches of `status`.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Print one line, and end with 69 if the last success is older than this (such as 2h or 90m)
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    max_age: Option<Duration>,
}

/// Prints the overview of a collector.
///
/// # Errors
/// The ledger cannot be read.
pub fn run(
    collector: &Collector,
    config: &Config,
    flags: &Flags,
    output: &Output,
) -> Result<Code, Failure> {
    let watched = collector.watched(config);
    let overview = Overview::read(&watched, clock::now()).map_err(|error| unreadable(&error))?;
    if let Some(limit) = flags.max_age {
        return Ok(check(&overview, limit, output));
    }
    output.show(&overview, || monitor::status(&overview));
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
        None => (
            Code::Outage,
            "CRITICAL: not every stream has had a success yet".to_owned(),
        ),
    };
    output.show(overview, || format!("{program} {text}\n"));
    code
}

/// Returns the failure of a ledger that cannot be read.
pub(super) fn unreadable(error: &std::io::Error) -> Failure {
    let what = format!("cannot read the history: {error}");
    Failure::new(
        Code::Disk,
        what,
        "correct the permissions of the state folder, or repair its disk",
    )
}
