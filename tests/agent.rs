//! An agent of a SIEM: it reads each published file once, when it appears, and never forgets a line.
//!
//! Some agents leave files where they are, others delete or move what they have read. All three are supported, so a
//! test that counts lines only in the published folder proves too little.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use serde_json::Value;

use crate::harness::Installation;

/// What the agent does with a file that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    Leaves,
    Deletes,
    /// Into the folder `read/` of the installation.
    Moves,
}

impl Habit {
    pub(crate) const ALL: [Self; 3] = [Self::Leaves, Self::Deletes, Self::Moves];
}

/// The agent of one published folder, `mta` or `audit`.
pub(crate) struct Agent {
    folder: &'static str,
    habit: Habit,
    /// Files that it has read and left, with their content.
    left: HashMap<String, Vec<u8>>,
    /// Every line, or the id of an audit event, and how often it was read.
    read: BTreeMap<Vec<u8>, usize>,
}

impl Agent {
    pub(crate) fn new(folder: &'static str, habit: Habit) -> Self {
        Self {
            folder,
            habit,
            left: HashMap::new(),
            read: BTreeMap::new(),
        }
    }

    /// From now on new files are treated so; those that were left stay.
    pub(crate) fn take_to(&mut self, habit: Habit) {
        self.habit = habit;
    }

    /// Returns how often the agent has read this line, or an event of this id.
    pub(crate) fn times(&self, line: &[u8]) -> usize {
        self.read.get(line).copied().unwrap_or_default()
    }

    /// Reads what is new and returns the number of lines. A name that was gone and comes back is new.
    pub(crate) fn look(&mut self, place: &Installation) -> usize {
        let published = place.files(self.folder);
        self.left.retain(|name, _| published.contains_key(name));
        let mut lines = 0;
        for (name, content) in published {
            if name.starts_with('.') {
                continue; // hidden from agents
            }
            if let Some(known) = self.left.get(&name) {
                assert!(*known == content, "P3: {name} changed after it was read");
                continue;
            }
            lines += self.take(&name, &content);
            self.put_away(place, &name, content);
        }
        lines
    }

    fn take(&mut self, name: &str, content: &[u8]) -> usize {
        let content = content.strip_suffix(b"\n");
        let content = content.unwrap_or_else(|| panic!("P3: {name} ends in the middle of a line"));
        let mut lines = 0;
        for line in content.split(|byte| *byte == b'\n') {
            *self.read.entry(self.identity(line)).or_default() += 1;
            lines += 1;
        }
        lines
    }

    /// What tells a line from others: the id of an audit event in JSON, else the whole line.
    fn identity(&self, line: &[u8]) -> Vec<u8> {
        let event = match self.folder {
            "audit" => serde_json::from_slice(line).unwrap_or(Value::Null),
            _ => Value::Null,
        };
        let id = event["id"].as_str().map(|id| id.as_bytes().to_vec());
        id.unwrap_or_else(|| line.to_vec())
    }

    fn put_away(&mut self, place: &Installation, name: &str, content: Vec<u8>) {
        let path = place.path("data").join(self.folder).join(name);
        match self.habit {
            Habit::Leaves => drop(self.left.insert(name.to_owned(), content)),
            Habit::Deletes => fs::remove_file(path).expect("the agent may"),
            Habit::Moves => {
                let folder = place.path("read").join(self.folder);
                fs::create_dir_all(&folder).expect("a folder");
                fs::rename(path, folder.join(name)).expect("the same disk");
            }
        }
    }

    /// P2: the lines that were read more than once.
    pub(crate) fn repeated(&self) -> Vec<String> {
        let twice = self.read.iter().filter(|(_, times)| **times > 1);
        twice.map(|(line, _)| shown(line)).collect()
    }

    /// P1 and P2: read is what the simulator's ledger holds, each line as often as there.
    #[track_caller]
    pub(crate) fn assert_complete(&self, place: &Installation) {
        let sandbox = &place.sandbox;
        let expected: Vec<Vec<u8>> = match self.folder {
            "audit" => {
                let ids = sandbox.audit_ids().into_iter();
                ids.map(String::into_bytes).collect()
            }
            _ => [sandbox.siem_lines(), sandbox.all_object_lines()].concat(),
        };
        self.assert_read(expected);
    }

    /// P1 and P2 for a ledger of the test's own: lines, or ids of audit events.
    #[track_caller]
    pub(crate) fn assert_read(&self, expected: impl IntoIterator<Item = impl Into<Vec<u8>>>) {
        let mut ledger: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for line in expected {
            *ledger.entry(line.into()).or_default() += 1;
        }
        let times = |map: &BTreeMap<Vec<u8>, usize>, line: &Vec<u8>| {
            map.get(line).copied().unwrap_or_default()
        };
        let lost = ledger
            .keys()
            .filter(|line| times(&self.read, line) < times(&ledger, line));
        let lost: Vec<String> = lost.map(|line| shown(line)).collect();
        assert!(
            lost.is_empty(),
            "P1: lost {} lines, first {}",
            lost.len(),
            lost[0]
        );
        let more = self
            .read
            .keys()
            .filter(|line| times(&self.read, line) > times(&ledger, line));
        let more: Vec<String> = more.map(|line| shown(line)).collect();
        assert!(
            more.is_empty(),
            "P2: {} lines too often, first {}",
            more.len(),
            more[0]
        );
    }
}

/// Enough of a line to recognise it.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()
}
