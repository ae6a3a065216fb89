//! An installation as version 0.1.0 left it, and a sandbox that answers to match.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Value;

use super::contents::{self, AGES, BATCHES, LOG_TYPES, OBJECTS, member, object};
use super::template::{self, Facts, hex_sha256};
use crate::agent::{Agent, Habit};
use crate::harness::{AUDIT, Installation, Outcome, SIEM, set_mode};
use crate::told::Told;
use mimecast_sandbox::{AuditEvent, Batch, Object};

/// One folder of the fixtures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    SiemSettled,
    SiemMidCommit,
    ObjectsHalfPage,
    ObjectsMidCommit,
    AuditSettled,
    AuditMidCommit,
}

/// An installation in one situation, the agent that watches it, and what its runs tell.
pub(super) struct Old {
    pub(super) place: Installation,
    pub(super) agent: Agent,
    pub(super) told: Told,
    situation: Situation,
    now: DateTime<Utc>,
}

impl Situation {
    pub(super) const ALL: [Self; 6] = [
        Self::SiemSettled,
        Self::SiemMidCommit,
        Self::ObjectsHalfPage,
        Self::ObjectsMidCommit,
        Self::AuditSettled,
        Self::AuditMidCommit,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::SiemSettled => "siem-settled",
            Self::SiemMidCommit => "siem-mid-commit",
            Self::ObjectsHalfPage => "objects-half-page",
            Self::ObjectsMidCommit => "objects-mid-commit",
            Self::AuditSettled => "audit-settled",
            Self::AuditMidCommit => "audit-mid-commit",
        }
    }

    /// The name of the stream's records.
    const fn stream(self) -> &'static str {
        match self {
            Self::SiemSettled | Self::SiemMidCommit => "siem",
            Self::ObjectsHalfPage | Self::ObjectsMidCommit => "cg_receipt",
            Self::AuditSettled | Self::AuditMidCommit => "audit",
        }
    }

    const fn is_audit(self) -> bool {
        matches!(self, Self::AuditSettled | Self::AuditMidCommit)
    }

    /// Where the fixture is.
    pub(super) fn folder(self) -> PathBuf {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        tests.join("fixtures/0.1.0").join(self.name())
    }
}

impl Old {
    /// An installation in this situation, whose agent has read what was published before the unfinished commit.
    pub(super) fn new(situation: Situation, habit: Habit) -> Self {
        let folder = if situation.is_audit() { "audit" } else { "mta" };
        let mut old = Self {
            place: Installation::connected(),
            agent: Agent::new(folder, habit),
            told: Told::default(),
            situation,
            now: Utc::now().trunc_subsecs(0),
        };
        old.configure();
        old.serve();
        for generation in ["state", "state.prev"] {
            let name = format!("{}.{generation}", situation.stream());
            let text = fs::read_to_string(situation.folder().join(&name)).expect("a fixture");
            let body = template::fill(text.trim_end(), &old);
            old.put(&format!("checkpoint/{name}"), &record(&body));
        }
        old.put_files(false);
        old.look();
        old.put_files(true);
        old
    }

    fn configure(&self) {
        let more = "[siem]\ncloud_gateway_types = \"receipt\"\n[audit]\nformat = \"json\"";
        match self.situation {
            Situation::ObjectsHalfPage | Situation::ObjectsMidCommit => {
                self.place.configure_tokens(more);
            }
            _ => self.place.configure(more),
        }
    }

    /// Everything that Mimecast has; what was collected comes in another form when it is asked for again.
    fn serve(&self) {
        let sandbox = &self.place.sandbox;
        sandbox.set(|switches| switches.replays_differ = true);
        match self.situation {
            Situation::SiemSettled | Situation::SiemMidCommit => {
                for batch in 0..BATCHES {
                    sandbox.serve(Batch::records(
                        LOG_TYPES.map(|kind| member(batch, kind)).into(),
                    ));
                }
                (0..3).for_each(|batch| sandbox.has_answered(batch));
            }
            Situation::ObjectsHalfPage | Situation::ObjectsMidCommit => {
                let objects = (0..OBJECTS).map(|number| Object::lines(object(number)));
                sandbox.serve_objects("receipt", objects);
                for place in [0, 1, 2, 4] {
                    sandbox.has_handed_out("receipt", place);
                }
            }
            Situation::AuditSettled | Situation::AuditMidCommit => {
                let events = (0..AGES.len()).map(|number| self.event(number));
                sandbox.audit(events);
            }
        }
    }

    /// Writes the files of the fixture: those of the unfinished commit, or those before it.
    fn put_files(&self, pending: bool) {
        let list = fs::read_to_string(self.situation.folder().join("files")).expect("a fixture");
        for line in list.lines() {
            let (line, is_pending) = match line.strip_prefix("pending ") {
                Some(line) => (line, true),
                None => (line, false),
            };
            let (path, content) = line.rsplit_once(' ').expect("a path and a content");
            if is_pending == pending {
                self.put(&template::fill(path, self), &self.content(content));
            }
        }
    }

    fn put(&self, path: &str, content: &[u8]) {
        let path = self.place.path(path);
        fs::create_dir_all(path.parent().expect("below the installation")).expect("a folder");
        fs::write(&path, content).expect("written");
        set_mode(&path, 0o600);
    }

    /// Runs the collector, lets the agent look, and returns how the run ended.
    pub(super) fn run(&mut self) -> Outcome {
        let program = if self.situation.is_audit() {
            AUDIT
        } else {
            SIEM
        };
        let outcome = self.told.run(&self.place, program);
        self.look();
        outcome
    }

    fn look(&mut self) {
        self.agent.look(&self.place);
    }

    /// Renames the staged files of the unfinished commit into the published folder, as the record names them.
    pub(super) fn publish_staged(&self) {
        let state = format!("checkpoint/{}.state", self.situation.stream());
        let folder = if self.situation.is_audit() {
            "audit"
        } else {
            "mta"
        };
        let record = &self.records()[&state];
        for moved in record["pending"].as_array().expect("a list") {
            let [staged, name] =
                ["staged", "name"].map(|name| moved[name].as_str().expect("a text"));
            let staged = self.place.path("data/tmp").join(staged);
            if staged.exists() {
                let published = self.place.path("data").join(folder).join(name);
                fs::rename(staged, published).expect("the same disk");
            }
        }
    }

    /// Deletes the state and leaves the copy of it.
    pub(super) fn lose_state(&self) {
        let state = format!("checkpoint/{}.state", self.situation.stream());
        fs::remove_file(self.place.path(state)).expect("it was there");
    }

    /// The bodies of all records, by their path: the state before its copy.
    pub(super) fn records(&self) -> BTreeMap<String, Value> {
        let paths = ["state", "state.prev"]
            .map(|generation| format!("checkpoint/{}.{generation}", self.situation.stream()));
        let read = |path: &String| {
            let text = fs::read_to_string(self.place.path(path)).expect("a record");
            let (_, body) = text.split_once('\n').expect("two lines");
            serde_json::from_str(body).expect("JSON")
        };
        let records = paths.map(|path| (path.clone(), read(&path)));
        records.into()
    }

    /// The lines of all objects but one.
    pub(super) fn lines_without(&self, missing: usize) -> Vec<String> {
        let numbers = (0..OBJECTS).filter(|number| *number != missing);
        numbers.flat_map(object).collect()
    }

    /// P1 and P2, and nothing of the unfinished commit is left in the staging folder.
    #[track_caller]
    pub(super) fn assert_complete(&self) {
        self.agent.assert_complete(&self.place);
        let left = self.place.files("tmp");
        assert!(left.is_empty(), "left: {:?}", left.keys());
    }

    fn event(&self, number: usize) -> AuditEvent {
        contents::event(number, self.now)
    }
}

impl Facts for Old {
    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn cursor(&self, batch: usize) -> String {
        self.place.sandbox.siem_cursor(batch)
    }

    fn next_page(&self, place: usize) -> String {
        self.place.sandbox.next_page("receipt", place)
    }

    /// Version 0.1.0 knows an object by its host, without the port, and its path.
    fn object_place(&self, number: usize) -> String {
        format!("127.0.0.1/objects/receipt/part-{number:06}.json.gz")
    }

    fn event_id(&self, number: usize) -> (DateTime<Utc>, String) {
        let event = self.event(number);
        (event.event_time, event.id)
    }

    /// Version 0.1.0 puts a digest of the state folder's path into the names of staged files.
    fn staging_prefix(&self) -> String {
        let state = self.place.path("checkpoint");
        let installation = hex_sha256(state.to_string_lossy().as_bytes());
        format!("{}-{}-4711-", self.situation.stream(), &installation[..8])
    }

    fn content(&self, label: &str) -> Vec<u8> {
        contents::of(label, |number| self.event(number))
    }
}

/// A state record: a line with the checksum, and the body.
fn record(body: &str) -> Vec<u8> {
    let sum = hex_sha256(body.as_bytes());
    format!("mimecast-collector-state {sum}\n{body}\n").into_bytes()
}
