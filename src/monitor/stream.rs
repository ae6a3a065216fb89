//! The facts about one stream.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::overview::{Watched, since_a_week};
use crate::durable::SystemDisk;
use crate::history::Run;
use crate::logs::Log;
use crate::spool::{self, Facts, Gap, View};

/// The hours of [`StreamOverview::hours`].
const HOURS: usize = 7 * 24;
/// Data is about to be lost if Mimecast deletes it within this time.
const NEAR: TimeDelta = TimeDelta::days(3);

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
    /// False if the configuration does not name it any more.
    pub is_configured: bool,
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

impl StreamOverview {
    pub(super) fn read(
        watched: &Watched<'_>,
        (name, log): (&str, Option<&'static Log>),
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
        overview.is_configured = log.is_some();
        overview.unreadable = unreadable;
        match spool::quarantined(disk, state, name) {
            Ok(answers) => overview.quarantined = answers,
            Err(error) => overview.unreadable = overview.unreadable.or(Some(error.to_string())),
        }
        if let Some(facts) = facts {
            overview.add(facts, log, now);
        }
        overview
    }

    /// Returns what the ledger knows of a stream. A file that two runs name counts once.
    fn of_runs(name: &str, runs: &[Run], now: DateTime<Utc>) -> Self {
        let mut hours = vec![0_u64; HOURS];
        let (mut week, mut last_run) = (Totals::default(), Totals::default());
        let (mut known, mut newest_event) = (HashSet::new(), None);
        for run in runs {
            last_run = Totals::default();
            let Some(stream) = run.streams.get(name) else {
                continue;
            };
            // the time of an event is Mimecast's, and may be odd
            newest_event = newest_event.max(stream.newest.filter(|time| *time <= now));
            let is_recent = run.began >= since_a_week(now);
            let hours_ago = usize::try_from((now - run.ended).num_hours()).unwrap_or_default();
            for file in stream.files.iter().filter(|_| is_recent) {
                if known.insert(&*file.name) {
                    let events = file.events.unwrap_or_default();
                    last_run.add(events, file.bytes);
                    week.add(events, file.bytes);
                    if let Some(hour) = HOURS.checked_sub(hours_ago + 1) {
                        hours[hour] = hours[hour].saturating_add(events);
                    }
                }
            }
        }
        Self {
            name: name.to_owned(),
            is_configured: true,
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

    fn add(&mut self, facts: Facts, log: Option<&Log>, now: DateTime<Utc>) {
        let since = since_a_week(now);
        self.last_success = facts.last_success;
        self.gaps = facts.gaps;
        self.gaps.retain(|gap| gap.to >= since);
        self.untold = facts.untold;
        self.troubles = facts.troubles;
        self.not_before = facts.not_before.filter(|until| *until > now);
        let complete = facts.last_success.or(facts.began);
        let kept = log.map(|log| log.kept);
        self.loses_data_at = complete.and_then(|time| time.checked_add_signed(kept?));
    }

    /// True if Mimecast soon deletes events that may not be collected yet, or has deleted some.
    pub fn is_about_to_lose_data(&self, now: DateTime<Utc>) -> bool {
        self.loses_data_at.is_some_and(|at| at - now < NEAR)
    }
}

impl Totals {
    fn add(&mut self, events: u64, bytes: u64) {
        self.files += 1;
        self.events = self.events.saturating_add(events);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}
