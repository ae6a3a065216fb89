//! The ledger: one line for each run of a collector, in `history/` below the state folder.
//!
//! `status`, `history`, `verify`, the metrics and the report page read it. A run appends its line at its
//! end, in one write and without a sync, because losing a line loses no event. Readers need no lock: they
//! skip what they cannot read, and count it.

use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::durable::{self, Disk, Mode, SystemDisk};
use crate::failure::Failure;
use crate::logs;
use crate::report::{Destinations, Report, StreamReport, Streams};

/// The version of a line. A reader skips lines of later versions.
const SCHEMA: u32 = 1;
/// The number of days after which the collector deletes a file of the ledger.
pub const KEPT_DAYS: u32 = 35;
/// A run may begin so much after the reader's present, because clocks are adjusted.
const SET_BACK: TimeDelta = TimeDelta::minutes(10);
/// The longest line that is read, in bytes. A run of a hundred thousand files is shorter.
const LINE_LIMIT: u64 = 64 << 20;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    schema: u32,
    /// The id of the run, as in the log.
    pub run: String,
    /// The name of the executable.
    pub program: String,
    /// The version of the program.
    pub version: String,
    /// The start, by the clock of the host.
    pub began: DateTime<Utc>,
    /// The end, by the clock of the host.
    pub ended: DateTime<Utc>,
    /// The exit code.
    pub code: u8,
    /// The failure that ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Told>,
    /// Requests sent.
    pub requests: u64,
    /// Repetitions of requests.
    #[serde(default)]
    pub retries: u64,
    /// Files that were deleted because of their age.
    #[serde(default)]
    pub pruned: u64,
    /// Texts that the run reported to a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What the run did in each stream.
    #[serde(default)]
    pub streams: Streams,
    /// What the run delivered to each destination.
    #[serde(default, skip_serializing_if = "Destinations::is_empty")]
    pub destinations: Destinations,
}

/// What a run printed about its failure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// What failed and why.
    pub message: String,
    /// What to do next.
    pub remedy: String,
}

/// What [`read`] found.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The runs, oldest first.
    pub runs: Vec<Run>,
    /// The number of lines that are not readable.
    pub damaged: u64,
    /// The number of lines that a later version of the program wrote.
    pub newer: u64,
    /// The number of lines with a time in the future, from a run with a wrong clock.
    pub future: u64,
    /// What cannot be read at all: a path and the reason.
    pub unreadable: Vec<String>,
}

impl Run {
    /// Returns the line of a run that has ended.
    pub fn of(
        (program, run): (&str, &str),
        (began, ended): (DateTime<Utc>, DateTime<Utc>),
        report: &Report,
        failure: Option<&Failure>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            run: run.to_owned(),
            program: program.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            began,
            ended,
            code: report.code(failure) as u8,
            failure: failure.map(|failure| Told {
                message: failure.what.clone(),
                remedy: failure.remedy.clone(),
            }),
            requests: report.requests,
            retries: report.retries,
            pruned: report.pruned,
            warnings: report.warnings.clone(),
            streams: report.streams.clone(),
            destinations: report.destinations.clone(),
        }
    }

    /// Returns the number of published files.
    pub fn files(&self) -> u64 {
        let files = self.streams.values().map(|stream| stream.files.len());
        files.sum::<usize>() as u64
    }

    /// Returns the number of lines in the published files.
    pub fn events(&self) -> u64 {
        sum(self.streams.values().map(StreamReport::events))
    }

    /// Returns the number of bytes in the published files.
    pub fn bytes(&self) -> u64 {
        sum(self.streams.values().map(StreamReport::bytes))
    }
}

/// Appends the line of a run to the ledger of its program. A line that an earlier run could not
/// complete gets its line break first.
///
/// # Errors
/// The error of the disk. The ledger then lacks this run.
pub fn append(state: &Path, run: &Run) -> io::Result<()> {
    let folder = state.join(logs::HISTORY);
    durable::make_folder(&folder, Mode::PRIVATE_FOLDER)?;
    let path = folder.join(file_name(&run.program, run.began.date_naive()));
    let mut line = Vec::new();
    if !ends_with_line_break(&path)? {
        line.push(b'\n');
    }
    serde_json::to_writer(&mut line, run)?;
    line.push(b'\n');
    durable::append(&path, Mode::PRIVATE)?.write_all(&line)
}

fn ends_with_line_break(path: &Path) -> io::Result<bool> {
    let mut file = match SystemDisk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if file.seek(io::SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(io::SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Returns the runs of a program that began from `since` to `now`, oldest first. Never fails: the result
/// says what cannot be read.
pub fn read(state: &Path, program: &str, since: DateTime<Utc>, now: DateTime<Utc>) -> Ledger {
    let folder = state.join(logs::HISTORY);
    let mut ledger = Ledger::default();
    let listed = match SystemDisk.list(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            ledger.add_unreadable(&folder, &error);
            Vec::new()
        }
        Ok(listed) => listed,
    };
    let names = listed.into_iter().map(|entry| entry.name);
    let first = since.date_naive();
    let is_wanted = |name: &String| day_of(name, program).is_some_and(|day| day >= first);
    let mut names: Vec<String> = names.filter(is_wanted).collect();
    names.sort_unstable();
    for name in names {
        let path = folder.join(name);
        match read_file(&path, &mut ledger) {
            // another run has just deleted it because of its age
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => ledger.add_unreadable(&path, &error),
            Ok(()) => {}
        }
    }
    let latest = now + SET_BACK;
    let all = ledger.runs.len();
    ledger.runs.retain(|run| run.began <= latest);
    ledger.future = (all - ledger.runs.len()) as u64;
    ledger.runs.retain(|run| run.began >= since);
    ledger
}

fn read_file(path: &Path, ledger: &mut Ledger) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let mut reader = BufReader::new(SystemDisk.open(path)?);
    let mut line = Vec::new();
    while reader
        .by_ref()
        .take(LINE_LIMIT)
        .read_until(b'\n', &mut line)?
        > 0
    {
        match serde_json::from_slice::<Run>(&line) {
            Ok(Run { schema, .. }) if schema > SCHEMA => ledger.newer += 1,
            Ok(run) => ledger.runs.push(run),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => match serde_json::from_slice::<Version>(&line) {
                Ok(version) if version.schema > SCHEMA => ledger.newer += 1,
                _ => ledger.damaged += 1,
            },
        }
        line.clear();
    }
    Ok(())
}

impl Ledger {
    fn add_unreadable(&mut self, path: &Path, error: &io::Error) {
        self.unreadable.push(format!("{}: {error}", path.display()));
    }

    /// Returns a sentence for each kind of line that is not counted.
    pub fn notes(&self) -> Vec<String> {
        let kinds = [
            (self.damaged, "damaged"),
            (self.newer, "of a later version"),
            (self.future, "of a time in the future, from a wrong clock"),
        ];
        let counted = kinds.iter().filter(|(lines, _)| *lines > 0);
        let counted = counted.map(|(lines, kind)| {
            let ending = if *lines == 1 { "" } else { "s" };
            format!("history: {lines} line{ending} not counted: {kind}; no event is lost")
        });
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.map(|what| format!("history: cannot read {what}"));
        counted.chain(unreadable).collect()
    }
}

/// Adds numbers of a ledger, which a person can have changed.
pub fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

fn file_name(program: &str, day: NaiveDate) -> String {
    format!("{program}_{}.jsonl", day.format("%Y-%m-%d"))
}

/// Returns the day of a file of the ledger. `None` for any other file.
fn day_of(name: &str, program: &str) -> Option<NaiveDate> {
    let day = name.strip_prefix(program)?.strip_prefix('_')?;
    let day = day
        .strip_suffix(".jsonl")
        .filter(|day| day.len() == "2026-11-20".len())?;
    NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()
}

/// True if [`append`] makes a file of this name.
pub fn is_ours(name: &str, program: &str) -> bool {
    day_of(name, program).is_some()
}

/// Returns the time before which the ledger holds nothing.
pub fn horizon(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(i64::from(KEPT_DAYS))
}

#[cfg(test)]
mod tests;
