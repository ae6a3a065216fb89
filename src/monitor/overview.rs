//! The facts about a collector, from its state records and its ledger.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::config::{Api, Config};
use crate::credentials::expiry;
use crate::history::{self, Run};
use crate::logs::Log;

use super::destination::DestinationOverview;
use super::stream::{StreamOverview, Totals};
use super::words;

/// The least number of runs that show how often the collector starts.
const RUNS_OF_A_RHYTHM: usize = 3;

/// The collector whose overview is asked for.
pub struct Watched<'a> {
    /// The name of the executable.
    pub program: &'static str,
    /// Its configuration.
    pub config: &'a Config,
    /// Its streams, each with its log.
    pub streams: Vec<(String, &'static Log)>,
}

/// How a collector is doing. `--json` prints it as it stands here.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Grows if a member changes its meaning.
    schema: u32,
    /// The name of the executable.
    pub program: &'static str,
    /// The account code. Empty before setup.
    pub account: String,
    /// The API generation.
    pub api: &'static str,
    /// The configuration file.
    pub config: PathBuf,
    /// The time of this overview, by the clock of the host.
    pub now: DateTime<Utc>,
    /// The newest run in the ledger.
    pub last_run: Option<RunOverview>,
    /// When the next run is expected, from the rhythm of the last runs.
    pub next_run: Option<DateTime<Utc>>,
    /// When the keys of API 1.0 expire, if Mimecast has said it.
    pub keys_expire_at: Option<DateTime<Utc>>,
    /// The streams, in the order of their names.
    pub streams: Vec<StreamOverview>,
    /// The destinations, in the order of the configuration.
    pub destinations: Vec<DestinationOverview>,
    /// The runs of seven days, oldest first.
    pub runs: Vec<RunOverview>,
    /// Lines of the ledger that are not readable.
    pub damaged_lines: u64,
    /// Lines of the ledger that a later version of the program wrote.
    pub newer_lines: u64,
    /// Sentences about what the ledger holds and this overview does not count.
    pub notes: Vec<String>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct RunOverview {
    /// The id of the run, as in the log.
    pub run: String,
    /// The start, by the clock of the host.
    pub began: DateTime<Utc>,
    /// Milliseconds from start to end.
    pub milliseconds: i64,
    /// The exit code.
    pub code: u8,
    /// What failed, or the first warning.
    pub message: Option<String>,
    /// What it published.
    #[serde(flatten)]
    pub totals: Totals,
    /// Requests sent.
    pub requests: u64,
    /// Repetitions of requests.
    pub retries: u64,
}

impl Overview {
    /// Reads the overview of a collector. What cannot be read is part of it.
    pub fn read(watched: &Watched<'_>, now: DateTime<Utc>) -> Self {
        let mimecast = &watched.config.mimecast;
        let state = &watched.config.folders.state;
        let ledger = history::read(state, watched.program, history::horizon(now), now);
        let mut streams: Vec<_> = watched
            .streams
            .iter()
            .map(|(name, log)| (name.as_str(), Some(*log)))
            .chain(unconfigured(watched, &ledger.runs))
            .map(|stream| StreamOverview::read(watched, stream, &ledger.runs, now))
            .collect();
        streams.sort_by(|one, other| one.name.cmp(&other.name));
        let week = since_a_week(now);
        let keys_expire_at = match mimecast.api {
            Api::V1 => expiry::load(state),
            Api::V2 => None, // a client secret has no end that Mimecast tells
        };
        let mut notes = ledger.notes();
        notes.extend(keys_expire_at.and_then(|at| words::expiry_note(at, now)));
        let recent = ledger.runs.iter().filter(|run| run.began >= week);
        Self {
            schema: 1,
            program: watched.program,
            account: mimecast.account_code.clone(),
            api: mimecast.api.name(),
            config: watched.config.path.clone(),
            now,
            last_run: ledger.runs.last().map(RunOverview::of),
            next_run: next_run(&ledger.runs),
            keys_expire_at,
            streams,
            destinations: DestinationOverview::all(watched.config, &ledger.runs, now),
            runs: recent.map(RunOverview::of).collect(),
            damaged_lines: ledger.damaged,
            newer_lines: ledger.newer,
            notes,
        }
    }

    /// Returns the oldest of the last successes of the configured streams. `None` if one of them has none.
    /// Without any configured stream, returns the end of the last run that ended with 0.
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        let configured = self.streams.iter().filter(|stream| stream.is_configured);
        let successes: Option<BTreeSet<_>> = configured.map(|stream| stream.last_success).collect();
        let successes = successes?;
        if successes.is_empty() {
            let good = self.runs.iter().rev().find(|run| run.code == 0);
            return good.map(|run| run.began);
        }
        successes.first().copied()
    }

    /// Returns sentences about what a person should look at.
    pub fn all_notes(&self) -> Vec<String> {
        let of_streams = self.streams.iter();
        let of_destinations = self.destinations.iter();
        of_streams
            .flat_map(|stream| words::stream_notes(stream, self.now))
            .chain(of_destinations.flat_map(|destination| destination.notes(self.now)))
            .chain(self.notes.iter().cloned())
            .collect()
    }

    /// Returns by how much the next run is late.
    pub fn late(&self) -> Option<TimeDelta> {
        let late = self.now - self.next_run?;
        (late > TimeDelta::zero()).then_some(late)
    }
}

pub(super) fn since_a_week(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(7)
}

/// Returns the streams that published something within a week and that the configuration does not name.
fn unconfigured<'a>(
    watched: &'a Watched<'_>,
    runs: &'a [Run],
) -> impl Iterator<Item = (&'a str, Option<&'static Log>)> {
    let named: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| &run.streams)
        .filter(|(_, stream)| !stream.files.is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    let is_configured = |name: &&str| watched.streams.iter().any(|(own, _)| own == name);
    let other = named.into_iter().filter(move |name| !is_configured(name));
    other.map(|name| (name, None))
}

impl RunOverview {
    /// True if the exit code asks a person to act at once.
    pub const fn needs_person(&self) -> bool {
        !matches!(self.code, 0 | 65 | 75 | 130 | 143)
    }

    /// Returns the overview of a run.
    pub fn of(run: &Run) -> Self {
        let message = run.failure.as_ref().map(|failure| failure.message.clone());
        Self {
            run: run.run.clone(),
            began: run.began,
            milliseconds: (run.ended - run.began).num_milliseconds().max(0),
            code: run.code,
            message: message.or_else(|| run.warnings.first().cloned()),
            totals: Totals {
                files: run.files(),
                events: run.events(),
                bytes: run.bytes(),
            },
            requests: run.requests,
            retries: run.retries,
        }
    }
}

/// Returns when the next run begins if the collector keeps the median pause of its last runs.
fn next_run(runs: &[Run]) -> Option<DateTime<Utc>> {
    let last = runs.last()?.began;
    let recent = &runs[runs.len().saturating_sub(20)..];
    let mut pauses: Vec<_> = recent
        .windows(2)
        .map(|pair| pair[1].began - pair[0].began)
        .collect();
    pauses.sort_unstable();
    let median = pauses.get(pauses.len() / 2)?;
    let next = last.checked_add_signed(*median)?;
    (pauses.len() + 1 >= RUNS_OF_A_RHYTHM).then_some(next)
}
