//! A ledger of what was ever told, against what the installation remembers and keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::random_faults::Turn;
use super::service::Service;
use crate::agent::Agent;
use crate::harness::{Installation, Outcome};
use crate::tally::Tally;

/// What each warning was worth, and what the quarantine has ever held.
#[derive(Default)]
pub(super) struct Told {
    /// By how many runs that ended with 65 a text was told: those that could forget it, and all.
    times: BTreeMap<String, (u64, u64)>,
    /// Texts that runs which could save them had listed, whatever their code was.
    listed: BTreeSet<String>,
    /// Runs that told of a repetition.
    again: u64,
    /// Files of the quarantine, and whether the run that made them came to an end.
    kept: BTreeMap<String, (Vec<u8>, bool)>,
}

/// What a run tells that repeats a batch: its files were gone before it had noted that they were published.
/// An agent may have taken them when the run before was killed at that moment.
const AGAIN: &str = "their batch is collected again";

/// The code of a run that came to its end and has something to tell.
const LOOK: i32 = 65;

impl Told {
    /// Takes down what a run with `--json` said, and what it has put into the quarantine.
    pub(super) fn hear(&mut self, place: &Installation, turn: Turn, outcome: &Outcome) {
        let could_save = outcome.code != -1 && turn != Turn::DiskFull;
        if outcome.code != -1 && !outcome.stdout.is_empty() {
            let report = outcome.json();
            let texts = report["warnings"].as_array().cloned().unwrap_or_default();
            for text in texts.iter().filter_map(Value::as_str) {
                self.again += u64::from(text.contains(AGAIN));
                let (surely, all) = self.times.entry(text.to_owned()).or_default();
                if outcome.code == LOOK {
                    *surely += u64::from(could_save);
                    *all += 1;
                }
                if could_save {
                    self.listed.insert(text.to_owned());
                }
            }
        }
        for name in place.quarantined() {
            let path = place.path("checkpoint/quarantine").join(&name);
            if let (false, Ok(content)) = (self.kept.contains_key(&name), fs::read(path)) {
                self.kept.insert(name, (content, could_save));
            }
        }
    }

    /// Returns how many different warnings about a repetition were heard so far.
    pub(super) fn repetitions(&self) -> u64 {
        self.again
    }

    /// True if a run that ended with 65 has told something with this text.
    fn has(&self, text: &str) -> bool {
        self.texts().any(|told| told.contains(text))
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let told = self.times.iter().filter(|(_, (_, all))| *all > 0);
        told.map(|(text, _)| text)
    }

    /// K4: whatever a run had to tell was told, and what names a single thing by one run alone.
    pub(super) fn assert_each_once(&self) {
        let untold = self.listed.iter().find(|text| self.times[*text].1 == 0);
        assert!(untold.is_none(), "P7: never told: {untold:?}");
        let names_one = |text: &str| text.contains("quarantine") || text.contains("/objects/");
        let mut twice = self.times.iter();
        let twice = twice.find(|(text, (surely, _))| *surely > 1 && names_one(text));
        assert!(twice.is_none(), "P7: told more than once: {twice:?}");
    }

    /// What the records and the quarantine hold was told; nothing waits to be told.
    pub(super) fn assert_accounts_for(&self, place: &Installation) {
        for record in records(place) {
            let untold = &record["untold"];
            assert!(untold.is_null(), "P7: still to be told: {untold}");
            let gaps = record["gaps"].as_array().cloned().unwrap_or_default();
            for gap in gaps {
                let marks = marks_of(&gap);
                let is_told = marks.iter().any(|mark| self.has(mark));
                assert!(is_told, "P7: a gap that nobody was told of: {gap}");
            }
        }
        for (name, (_, ended_well)) in &self.kept {
            let is_told = self.has(name.trim_end_matches(".txt").trim_end_matches(".raw"));
            assert!(
                is_told || !ended_well,
                "P7: nobody was told of {name} in the quarantine"
            );
        }
    }

    /// Gives the lines that must have been read: all but those of items whose loss was told, and once more
    /// those of a batch whose repetition was told. Such a batch may have been read and its second copy lost.
    pub(super) fn expected(&self, service: &Service, agent: &Agent) -> Vec<Vec<u8>> {
        let (mut expected, mut contradictions) = (Vec::new(), 0);
        for item in &service.items {
            let is_read = item.lines.iter().any(|line| agent.times(line) > 0);
            let is_told = item.marks.iter().any(|mark| self.has(mark));
            // the name of an object is unique: no file may hold an object that a run told as lost
            let names_one = item.marks.iter().any(|mark| mark.starts_with('/'));
            contradictions += u64::from(is_read && is_told && names_one);
            assert!(
                contradictions <= self.again,
                "P7: told as lost, and read: {:?}",
                item.marks
            );
            if is_read || !is_told {
                expected.extend(item.lines.iter().cloned());
            }
        }
        if self.has(AGAIN) {
            let lines: BTreeSet<Vec<u8>> = expected.iter().cloned().collect();
            for line in lines {
                let had = expected.iter().filter(|other| **other == line).count();
                let more = agent.times(&line).saturating_sub(had);
                expected.extend(std::iter::repeat_n(line, more));
            }
        }
        expected
    }

    /// Each thing that is no event was kept, and told.
    pub(super) fn assert_keeps(&self, service: &Service) {
        for (name, bytes) in &service.odd {
            let holds = |content: &[u8]| content.windows(bytes.len()).any(|at| at == bytes);
            // a run that was killed may have kept them beside others, too
            let is_told = self.kept.iter().any(|(file, (content, _))| {
                let stem = file.strip_suffix(".raw");
                stem.is_some_and(|stem| holds(content) && self.has(stem))
            });
            assert!(is_told, "P1: {name} was neither kept nor told");
        }
    }

    /// No more is lost than there were bad items and faulty answers that could do it.
    pub(super) fn tell(
        &self,
        stream: &str,
        (service, agent): (&Service, &Agent),
        tally: &mut Tally,
    ) {
        let items = service.items.iter();
        let lost = items.filter(|item| !item.lines.iter().any(|line| agent.times(line) > 0));
        let counts = [
            ("items", service.items.len() as u64),
            ("items lost and told", lost.count() as u64),
            (
                "bad items",
                service.bad_items.met + service.odd.len() as u64,
            ),
            ("spells of bad entries", service.bad_items.bad_entries),
            ("warnings told", self.texts().count() as u64),
            ("files ever in quarantine", self.kept.len() as u64),
        ];
        for (what, count) in counts {
            tally.count(&format!("{stream}: {what}"), count);
        }
    }
}

/// What each possible warning about a gap has in common with the gap.
fn marks_of(gap: &Value) -> Vec<String> {
    let reason = gap["reason"].as_str().unwrap_or_default();
    let object = reason.strip_prefix("object ");
    let object = object.and_then(|rest| rest.split_once(" could not be collected"));
    if let Some((place, _)) = object {
        return vec![place.to_owned()];
    }
    let from = gap["from"].as_str().unwrap_or_default();
    match (reason.split_once(": "), reason) {
        (Some(("an archive is damaged", fault)), _) => {
            vec![format!("an archive is damaged ({fault})")]
        }
        (None, "a page of audit events cannot be read") => {
            let second = from.replace('T', " ").replace('Z', " UTC");
            vec![
                format!("a page of audit events at {second} cannot be read"),
                format!("audit events of {second} did not arrive"),
            ]
        }
        _ => vec![reason.to_owned()],
    }
}

/// The state records of the installation.
fn records(place: &Installation) -> Vec<Value> {
    let listed = fs::read_dir(place.path("checkpoint")).expect("the folder is there");
    let paths = listed.map(|entry| entry.expect("an entry").path());
    let states = paths.filter(|path| path.extension().is_some_and(|end| end == "state"));
    states
        .map(|path| {
            let text = fs::read_to_string(path).expect("a record is text");
            let record = text.lines().nth(1).expect("a checksum and a record");
            serde_json::from_str(record).expect("a record is JSON")
        })
        .collect()
}
