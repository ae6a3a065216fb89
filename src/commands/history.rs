//! `history`: the runs of a collector, from the ledger.

use chrono::TimeDelta;
use clap::Args;
use serde::Serialize;

use super::collector::Collector;
use crate::clock;
use crate::config::Config;
use crate::failure::Code;
use crate::history::{self, KEPT_DAYS, Run};
use crate::monitor;
use crate::run::arguments::Expected;
use crate::run::output::Output;

/// Switches of `history`.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// The number of days to list
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = days)]
    days: u32,
}

/// The document of `--json`.
#[derive(Serialize)]
struct History<'a> {
    schema: u32,
    program: &'static str,
    runs: &'a [Run],
    damaged_lines: u64,
    newer_lines: u64,
    notes: Vec<String>,
}

/// Prints the runs of a collector, oldest first.
pub fn run(collector: &Collector, config: &Config, flags: &Flags, output: &Output) -> Code {
    let program = collector.program.executable;
    let now = clock::now();
    let since = now - TimeDelta::days(i64::from(flags.days));
    let ledger = history::read(&config.folders.state, program, since, now);
    let document = History {
        schema: 1,
        program,
        runs: &ledger.runs,
        damaged_lines: ledger.damaged,
        newer_lines: ledger.newer,
        notes: ledger.notes(),
    };
    output.show(&document, || monitor::history(&ledger));
    Code::Done
}

/// Reads a number of days that the ledger keeps.
fn days(text: &str) -> Result<u32, Expected> {
    let days = text
        .parse()
        .ok()
        .filter(|days| (1..=KEPT_DAYS).contains(days));
    days.ok_or_else(|| Expected(format!("expected a number of days from 1 to {KEPT_DAYS}")))
}
