//! The reader of the published folder, and what it would complain about.

use std::collections::BTreeMap;
use std::path::Path;

use super::world::PUBLISHED;
use crate::durable::model::Model;
use crate::spool::FileName;
use crate::spool::record::digest;

/// What an agent has read: it takes a file for complete the moment it sees the name.
#[derive(Clone, Default)]
pub(super) struct Agent {
    read: BTreeMap<String, Vec<u8>>,
    pruned: Vec<String>,
    complaints: Vec<String>,
}

impl Agent {
    /// Reads what is there at this moment.
    pub(super) fn look(&mut self, model: &Model) {
        for (name, content) in model.files(Path::new(PUBLISHED)) {
            if FileName::parse(&name).is_none() {
                continue; // somebody else's
            }
            match self.read.get(&name) {
                Some(known) if *known == content => continue,
                Some(_) => self.complaints.push(format!("changed: {name}")),
                None if name.contains(&digest(&content)[..16]) => {}
                None => self.complaints.push(format!("partial: {name}")),
            }
            self.read.insert(name, content);
        }
    }

    /// Takes note of what may be deleted from now on.
    pub(super) fn expect_pruning(&mut self) {
        self.pruned = self.read.keys().cloned().collect();
    }

    /// What is wrong, when each of these lines ought to have been read once and these files ought
    /// to be there still.
    pub(super) fn findings(
        &self,
        expected: impl Iterator<Item = String>,
        there: &BTreeMap<String, Vec<u8>>,
    ) -> Vec<String> {
        let mut findings = self.complaints.clone();
        let mut counts: BTreeMap<String, usize> = expected.map(|line| (line, 0)).collect();
        for text in self
            .read
            .values()
            .map(|content| String::from_utf8_lossy(content))
        {
            for line in text.split_inclusive('\n') {
                *counts.entry(line.to_owned()).or_default() += 1;
            }
        }
        for (line, count) in counts {
            match count {
                0 => findings.push(format!("lost: {line}")),
                1 => {}
                more => findings.push(format!("{more} times: {line}")),
            }
        }
        for name in self.read.keys() {
            if !there.contains_key(name) && !self.pruned.contains(name) {
                findings.push(format!("vanished: {name}"));
            }
        }
        findings
    }
}
