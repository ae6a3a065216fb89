//! A collector with its clock set back, as a process of this program.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use chrono::TimeDelta;
use mimecast_collector::{audit, clock, run, siem};

use crate::harness::SIEM;
use crate::stream::Stream;

/// Tells the process what it is; anything but the seconds that its clock is off by.
const SHIFT: &str = "REHEARSAL_CLOCK_SECONDS";
const COLLECTOR: &str = "REHEARSAL_OF";
const COSTS: &str = "REHEARSAL_COSTS";

/// A start of `stream`'s collector whose clock is off by so much; at its end it leaves the number of
/// open files and the most kilobytes of memory it had in the file `costs`.
pub(super) fn command(template: &Command, stream: Stream, off: TimeDelta, costs: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command
        .env_clear()
        .current_dir("/")
        .args(template.get_args());
    let set = |(name, value): (&OsStr, Option<&OsStr>)| Some((name.to_owned(), value?.to_owned()));
    command.envs(template.get_envs().filter_map(set));
    command.env(SHIFT, off.num_seconds().to_string());
    command.env(COLLECTOR, stream.program()).env(COSTS, costs);
    command
}

/// The rehearsal that this process is started for, if it is.
pub(crate) fn of_this_process() -> Option<ExitCode> {
    let program = std::env::var_os(COLLECTOR)?;
    let seconds = std::env::var(SHIFT).ok()?.parse().ok()?;
    clock::shift(TimeDelta::try_seconds(seconds)?);
    let code = if program == SIEM {
        run::collect(&siem::PROGRAM, siem::collect)
    } else {
        run::collect(&audit::PROGRAM, audit::collect)
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let memory = memory.unwrap_or_default().trim().trim_end_matches(" kB");
    let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let costs = std::env::var_os(COSTS)?;
    let _ = fs::write(costs, format!("{memory} {files}")); // the disk may be full, on purpose
    Some(code)
}
