//! The facts about a destination, from its outbox, its record and the ledger.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::Config;
use crate::delivery::{self, Backlog};
use crate::durable::SystemDisk;
use crate::history::{self, Run};

use super::overview::since_a_week;
use super::words::{ago, bytes, counted};

/// How the delivery to a destination is doing.
#[derive(Clone, Debug, Serialize)]
pub struct DestinationOverview {
    /// The name.
    pub name: String,
    /// The type; empty if the configuration does not name the destination.
    pub kind: &'static str,
    /// False for an outbox whose destination is not configured.
    pub is_configured: bool,
    /// Files that wait.
    pub waiting_files: u64,
    /// Bytes that wait.
    pub waiting_bytes: u64,
    /// When the oldest waiting file was committed.
    pub oldest: Option<DateTime<Utc>>,
    /// When the destination last confirmed something.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Since when files wait that could not be delivered.
    pub behind_since: Option<DateTime<Utc>>,
    /// What hinders delivery.
    pub hindrance: Option<String>,
    /// Events that were confirmed in seven days.
    pub week_events: u64,
    /// Events of seven days that went to the quarantine.
    pub week_refused: u64,
    /// Events of seven days that may have arrived twice.
    pub week_repeated: u64,
}

impl DestinationOverview {
    /// Reads the overviews of all destinations, in the order of the configuration.
    pub fn all(config: &Config, runs: &[Run], now: DateTime<Utc>) -> Vec<Self> {
        let configured = config
            .destinations
            .iter()
            .map(|destination| (destination.name.clone(), Some(destination.kind.name())));
        let abandoned = delivery::abandoned(config);
        let others = abandoned.into_iter().map(|(name, _)| (name, None));
        configured
            .chain(others)
            .map(|(name, kind)| Self::read(config, (name, kind), runs, now))
            .collect()
    }

    fn read(
        config: &Config,
        (name, kind): (String, Option<&'static str>),
        runs: &[Run],
        now: DateTime<Utc>,
    ) -> Self {
        let Backlog {
            files,
            bytes,
            oldest,
        } = delivery::backlog(&SystemDisk, &config.outbox(&name)).unwrap_or_default();
        let record = delivery::view(&SystemDisk, &config.folders.state, &name).unwrap_or_default();
        let week = since_a_week(now);
        let recent = runs.iter().filter(|run| run.began >= week);
        let done: Vec<_> = recent
            .filter_map(|run| run.destinations.get(&name))
            .collect();
        let oldest = oldest.and_then(|millis| i64::try_from(millis).ok());
        Self {
            kind: kind.unwrap_or_default(),
            is_configured: kind.is_some(),
            waiting_files: files,
            waiting_bytes: bytes,
            oldest: oldest.and_then(DateTime::from_timestamp_millis),
            confirmed_at: record.confirmed_at,
            behind_since: record.behind_since.filter(|_| files > 0),
            hindrance: record.hindrance.filter(|_| files > 0),
            week_events: history::sum(done.iter().map(|done| done.events)),
            week_refused: history::sum(done.iter().map(|done| done.refused)),
            week_repeated: history::sum(done.iter().map(|done| done.repeated)),
            name,
        }
    }

    /// Returns sentences about what a person should look at.
    pub fn notes(&self, now: DateTime<Utc>) -> Vec<String> {
        let name = &self.name;
        let mut notes = Vec::new();
        let waiting = format!(
            "{} ({}) wait for {name}",
            counted(self.waiting_files, "file"),
            bytes(self.waiting_bytes)
        );
        if !self.is_configured {
            notes.push(format!(
                "{waiting}, which is not configured: configure it again, or delete them with \
                 --drop-outbox {name}"
            ));
        } else if let Some(since) = self.behind_since {
            let why = self.hindrance.as_deref().unwrap_or("delivery failed");
            notes.push(format!("{waiting} since {}: {why}", ago(Some(since), now)));
        }
        if self.week_refused > 0 {
            let refused = counted(self.week_refused, "event");
            notes.push(format!(
                "{name} refused {refused} in seven days: see the quarantine"
            ));
        }
        if self.week_repeated > 0 {
            let repeated = counted(self.week_repeated, "event");
            notes.push(format!(
                "up to {repeated} of seven days may be at {name} twice"
            ));
        }
        notes
    }
}
