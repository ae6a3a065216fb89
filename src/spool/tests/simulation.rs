//! A small collector, a service that it asks, and the verdict on the published files.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use super::agent::Agent;
use super::planted_mistakes::{Forgetful, Order, Skips};
use crate::durable::model::{Fault, Model, Renames};
use crate::durable::{Disk, Mode};
use crate::spool::prune::Pruned;
use crate::spool::{Extension, Lock, Recovery, Settings, Spool, SpoolError};

pub(super) const STATE: &str = "/state";
pub(super) const QUARANTINE: &str = "/state/quarantine";
pub(super) const DATA: &str = "/data";
pub(super) const STAGING: &str = "/data/tmp";
pub(super) const PUBLISHED: &str = "/data/mta";
pub(super) const RECORD: &str = "/state/siem.state";
pub(super) const PREVIOUS: &str = "/state/siem.state.prev";
pub(super) const START: i64 = 1_795_000_000;
/// The number of the batch with bytes that are not readable as events.
const POISONED: usize = 1;

/// The disk, the agent, the service and the time of one history.
pub(super) struct Simulation {
    pub(super) model: Model,
    pub(super) agent: Agent,
    /// The number of batches that the service holds.
    pub(super) batches: usize,
    /// The number of answers so far. It changes the bytes of each answer.
    answers: usize,
    /// Says if the service repeats the same bytes.
    pub(super) replay: Replay,
    pub(super) stream: &'static str,
    pub(super) now: i64,
    pub(super) order: Order,
    pub(super) skips: Option<Skips>,
    locks: Rc<tempfile::TempDir>,
}

/// Says if the same request gets the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    Different,
    Identical,
}

pub(super) struct Answer {
    members: Vec<(String, String)>,
    poison: Option<String>,
    next: String,
}

impl Simulation {
    pub(super) fn new(batches: usize) -> Self {
        Self::with(batches, Renames::Atomic)
    }

    pub(super) fn with(batches: usize, renames: Renames) -> Self {
        let folders = [STATE, QUARANTINE, DATA, STAGING, PUBLISHED].map(Path::new);
        Self {
            model: Model::new(&folders, renames),
            agent: Agent::default(),
            batches,
            answers: 0,
            replay: Replay::Different,
            stream: "siem",
            now: START,
            order: Order::CommitFirst,
            skips: None,
            locks: Rc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// Returns an independent copy of the simulation.
    pub(super) fn fork(&self) -> Self {
        Self {
            model: self.model.killed(),
            agent: self.agent.clone(),
            locks: Rc::clone(&self.locks),
            ..*self
        }
    }

    pub(super) fn time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.now, 0).unwrap()
    }

    pub(super) fn settings(&self) -> Settings {
        let disk: Arc<dyn Disk> = match self.skips {
            None => Arc::new(self.model.clone()),
            Some(skips) => Arc::new(Forgetful {
                disk: self.model.clone(),
                skips,
            }),
        };
        Settings {
            disk,
            ..settings(self.stream, self.time())
        }
    }

    pub(super) fn open(&self) -> Result<(Spool, Recovery), SpoolError> {
        let seconds = u64::try_from(self.now).unwrap();
        self.model
            .set_time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Spool::open(self.settings(), Lock::take(self.locks.path(), "siem")?)
    }

    /// Runs once: collects batch by batch until none is waiting.
    pub(super) fn collect(&mut self) -> Result<Recovery, SpoolError> {
        let (mut spool, recovery) = self.open()?;
        while let Some(answer) = self.answer(spool.position()) {
            self.store(&mut spool, answer)?;
        }
        spool.finish(self.time(), &[])?;
        spool.hand_over(self.time())?;
        Ok(recovery)
    }

    /// Stores one batch.
    pub(super) fn store(&self, spool: &mut Spool, answer: Answer) -> Result<(), SpoolError> {
        let mut batch = spool.batch(self.time());
        for (stem, lines) in &answer.members {
            let mut part = batch.part()?;
            part.write_all(lines.as_bytes()).map_err(written)?;
            batch.add(part, stem, Extension::Siem)?;
        }
        if let Some(poison) = &answer.poison {
            let mut raw = spool.scratch()?;
            raw.write_all(poison.as_bytes()).map_err(written)?;
            spool.quarantine(&mut raw, "not an archive")?;
        }
        self.order.commit(spool, batch, (answer.next, self.time()))
    }

    /// Runs once with this fault.
    pub(super) fn collect_into(&mut self, fault: Option<Fault>) -> Result<Recovery, SpoolError> {
        self.model.plan(fault);
        self.collect()
    }

    /// Returns the service's answer to a position, or `None` after the last batch. A batch always
    /// has the same lines, but their order and their members differ in each answer.
    pub(super) fn answer(&mut self, position: Option<&str>) -> Option<Answer> {
        let at: usize = position.map_or(0, |position| position.parse().unwrap());
        if at >= self.batches {
            return None;
        }
        if self.replay == Replay::Different {
            self.answers += 1;
        }
        let mut lines = lines(at);
        let turns = self.answers % lines.len();
        lines.rotate_left(turns);
        let members = lines
            .chunks(1 + self.answers % 3)
            .enumerate()
            .map(|(part, lines)| (format!("receipt_{at}_{part}"), lines.concat()));
        let poison = (at == POISONED).then(|| format!("poison of batch {at}"));
        Some(Answer {
            members: members.collect(),
            poison,
            next: (at + 1).to_string(),
        })
    }

    pub(super) fn look(&mut self) {
        self.agent.look(&self.model);
    }

    /// Kills the process.
    pub(super) fn kill(&mut self) {
        self.model = self.model.killed();
        self.look();
    }

    /// Cuts the power of the host.
    pub(super) fn cut_power(&mut self, seed: u64) {
        self.model = self.model.reboot(seed);
        self.look();
    }

    /// Runs twice without a fault, each time followed by a power cut. Returns the complaints.
    pub(super) fn verdict(&mut self) -> Vec<String> {
        let mut left = BTreeMap::new();
        for _ in 0..2 {
            if let Err(error) = self.collect_into(None) {
                return vec![format!("a clean run failed: {error}")];
            }
            self.look();
            left = self.model.files(Path::new(STAGING));
            if !self.model.syncs_folders() {
                self.model.let_time_pass();
            }
            self.cut_power(0);
        }
        let mut wrong = self.findings((0..self.batches).flat_map(lines));
        wrong.extend(left.into_keys().map(|name| format!("left over: {name}")));
        let quarantine = self.model.files(Path::new(QUARANTINE));
        let kept = quarantine
            .keys()
            .filter(|name| name.ends_with(".raw"))
            .count();
        if kept != usize::from(self.batches > POISONED) {
            wrong.push(format!("quarantined {kept} times"));
        }
        wrong
    }

    /// Returns the complaints. The agent must have read each of these lines once.
    pub(super) fn findings(&self, expected: impl Iterator<Item = String>) -> Vec<String> {
        let mut wrong = self.model.forbidden_calls();
        wrong.extend(
            self.agent
                .findings(expected, &self.model.files(Path::new(PUBLISHED))),
        );
        wrong
    }

    pub(super) fn assert_whole(&mut self, history: &dyn std::fmt::Debug) {
        let wrong = self.verdict();
        assert!(wrong.is_empty(), "{history:?}: {wrong:#?}");
    }
}

/// Returns the lines of a batch.
fn lines(batch: usize) -> Vec<String> {
    (0..=2 + batch % 2)
        .map(|line| format!("datetime=2026|batch={batch}|line={line}\n"))
        .collect()
}

pub(super) fn settings(stream: &str, now: DateTime<Utc>) -> Settings {
    Settings {
        disk: Arc::new(crate::durable::SystemDisk),
        data: DATA.into(),
        state: STATE.into(),
        staging: STAGING.into(),
        published: PUBLISHED.into(),
        outboxes: Vec::new(),
        stems: crate::spool::Stems::default(),
        stream: stream.to_owned(),
        account: "CUSA00A000".to_owned(),
        mode: Mode(0o640),
        now,
        adopt: crate::spool::Adopt::No,
        wanted: None,
    }
}

pub(super) fn written(error: io::Error) -> SpoolError {
    SpoolError::disk("write to", Path::new(STAGING), error)
}

/// Deletes old files, like the end of a run.
pub(super) fn prune(
    spool: &Spool,
    now: DateTime<Utc>,
    data_days: u32,
    quarantine_days: u32,
) -> Pruned {
    let published = spool
        .prune_published(now, data_days, &HashSet::new())
        .unwrap();
    published + spool.prune_quarantine(now, quarantine_days).unwrap()
}
