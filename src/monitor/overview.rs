//! The facts about a collector, from its state records and its ledger.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::config::Config;
use crate::durable::SystemDisk;
use crate::history::{self, Run};
use crate::logs::Log;
use crate::spool::{self, Facts, Gap, View};

/// The hours of [`StreamOverview::hours`].
const HOURS: usize = 7 * 24;
/// Data is about to be lost if Mimecast deletes it within this time.
const NEAR: TimeDelta = TimeDelta::days(3);
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
    /// The streams, in the order of their names.
    pub streams: Vec<StreamOverview>,
    /// The runs of seven days, oldest first.
    pub runs: Vec<RunOverview>,
    /// Lines of the ledger that are not readable.
    pub damaged_lines: u64,
    /// Lines of the ledger that a later version of the program wrote.
    pub newer_lines: u64,
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

/// What was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Lines in them.
    pub events: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// How a stream is doing.
#[derive(Debug, Serialize)]
pub struct StreamOverview {
    /// The name of the stream.
    pub name: String,
    /// What is wrong with its state, if that cannot be read.
    pub unreadable: Option<String>,
    /// The end of the last run that collected it completely.
    pub last_success: Option<DateTime<Utc>>,
    /// The time of the newest published event within the ledger.
    pub newest_event: Option<DateTime<Utc>>,
    /// What the last run published.
    pub last_run: Totals,
    /// What was published in seven days.
    pub week: Totals,
    /// Gaps of the last seven days.
    pub gaps: Vec<Gap>,
    /// Answers in the quarantine.
    pub quarantined: usize,
    /// Warnings that no run has reported yet.
    pub untold: Vec<String>,
    /// The number of successive runs with each trouble.
    pub troubles: BTreeMap<String, u32>,
    /// Mimecast asked for no further request before this time.
    pub not_before: Option<DateTime<Utc>>,
    /// When Mimecast deletes the first event that may not be collected yet.
    pub loses_data_at: Option<DateTime<Utc>>,
    /// Events by the hour in which they were collected, for seven days. The last hour is the present one.
    pub hours: Vec<u64>,
}

impl Overview {
    /// Reads the overview of a collector.
    ///
    /// # Errors
    /// The error of the disk if the ledger exists and cannot be read. A state that cannot be read is part
    /// of the overview.
    pub fn read(watched: &Watched<'_>, now: DateTime<Utc>) -> io::Result<Self> {
        let mimecast = &watched.config.mimecast;
        let since = now - TimeDelta::days(7);
        let ledger = history::read(&watched.config.folders.state, watched.program, since)?;
        let runs: Vec<_> = ledger.runs.iter().map(RunOverview::of).collect();
        let mut streams: Vec<_> = watched
            .streams
            .iter()
            .map(|stream| StreamOverview::read(watched, stream, &ledger.runs, now))
            .collect();
        streams.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self {
            schema: 1,
            program: watched.program,
            account: mimecast.account_code.clone(),
            api: mimecast.api.name(),
            config: watched.config.path.clone(),
            now,
            last_run: runs.last().cloned(),
            next_run: next_run(&ledger.runs),
            streams,
            runs,
            damaged_lines: ledger.damaged,
            newer_lines: ledger.newer,
        })
    }

    /// Returns the oldest of the last successes. `None` if a stream has none.
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        let successes: Option<BTreeSet<_>> = self
            .streams
            .iter()
            .map(|stream| stream.last_success)
            .collect();
        successes?.first().copied()
    }
}

impl StreamOverview {
    fn read(
        watched: &Watched<'_>,
        (name, log): &(String, &'static Log),
        runs: &[Run],
        now: DateTime<Utc>,
    ) -> Self {
        let (disk, state) = (&SystemDisk, &watched.config.folders.state);
        let (facts, unreadable) = match spool::view(disk, state, name) {
            Ok(View::Read(facts)) => (Some(*facts), None),
            Ok(View::Absent) => (None, None),
            Ok(View::Unreadable(why)) => (None, Some(why)),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut overview = Self::of_runs(name, runs, now);
        overview.unreadable = unreadable;
        overview.quarantined = spool::quarantined(disk, state, name).unwrap_or_default();
        if let Some(facts) = facts {
            overview.add(facts, log, now);
        }
        overview
    }

    /// Returns what the ledger knows of a stream. A file that two runs name counts once.
    fn of_runs(name: &str, runs: &[Run], now: DateTime<Utc>) -> Self {
        let mut hours = vec![0; HOURS];
        let (mut week, mut last_run) = (Totals::default(), Totals::default());
        let (mut known, mut newest_event) = (HashSet::new(), None);
        for run in runs {
            last_run = Totals::default();
            let Some(stream) = run.streams.get(name) else {
                continue;
            };
            newest_event = newest_event.max(stream.newest);
            let hours_ago = usize::try_from((now - run.ended).num_hours()).unwrap_or_default();
            for file in &stream.files {
                if known.insert(&*file.name) {
                    let events = file.events.unwrap_or_default();
                    last_run.add(events, file.bytes);
                    week.add(events, file.bytes);
                    if let Some(hour) = HOURS.checked_sub(hours_ago + 1) {
                        hours[hour] += events;
                    }
                }
            }
        }
        Self {
            name: name.to_owned(),
            unreadable: None,
            last_success: None,
            newest_event,
            last_run,
            week,
            gaps: Vec::new(),
            quarantined: 0,
            untold: Vec::new(),
            troubles: BTreeMap::new(),
            not_before: None,
            loses_data_at: None,
            hours,
        }
    }

    fn add(&mut self, facts: Facts, log: &Log, now: DateTime<Utc>) {
        let since = now - TimeDelta::days(7);
        self.last_success = facts.last_success;
        self.gaps = facts.gaps;
        self.gaps.retain(|gap| gap.to >= since);
        self.untold = facts.untold;
        self.troubles = facts.troubles;
        self.not_before = facts.not_before.filter(|until| *until > now);
        let complete = facts.last_success.or(facts.began);
        self.loses_data_at = complete.map(|time| time + log.kept);
    }

    /// True if Mimecast soon deletes events that may not be collected yet, or has deleted some.
    pub fn is_about_to_lose_data(&self, now: DateTime<Utc>) -> bool {
        self.loses_data_at.is_some_and(|at| at - now < NEAR)
    }
}

impl Totals {
    fn add(&mut self, events: u64, bytes: u64) {
        self.files += 1;
        self.events += events;
        self.bytes += bytes;
    }
}

impl RunOverview {
    /// Returns the overview of a run.
    pub fn of(run: &Run) -> Self {
        let message = run.failure.as_ref().map(|failure| failure.message.clone());
        Self {
            run: run.run.clone(),
            began: run.began,
            milliseconds: (run.ended - run.began).num_milliseconds(),
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
    (pauses.len() + 1 >= RUNS_OF_A_RHYTHM).then(|| last + *median)
}
