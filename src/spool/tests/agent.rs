//! An agent that reads the published folder and collects complaints.

use std::collections::BTreeMap;
use std::path::Path;

use super::simulation::PUBLISHED;
use crate::durable::model::Model;
use crate::spool::FileName;
use crate::spool::record::digest;

/// The files that an agent has read. It treats a file as complete as soon as it sees the name.
#[derive(Clone, Default)]
pub(super) struct Agent {
    read: BTreeMap<String, Vec<u8>>,
    pruned: Vec<String>,
    complaints: Vec<String>,
}

impl Agent {
    /// Reads the present files.
    pub(super) fn look(&mut self, model: &Model) {
        for (name, content) in model.files(Path::new(PUBLISHED)) {
            if FileName::parse(&name).is_none() {
                continue; // another program's file
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

    /// Notes the files that the collector may delete from now on.
    pub(super) fn expect_pruning(&mut self) {
        self.pruned = self.read.keys().cloned().collect();
    }

    /// Returns the complaints. The agent must have read each of the `expected` lines once, and each
    /// unpruned file must still be in `there`.
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
