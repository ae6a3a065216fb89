//! `verify`: the published files against the digests in their names and against the ledger.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::collector::Collector;
use crate::clock;
use crate::config::Config;
use crate::durable::SystemDisk;
use crate::failure::{Code, Failure};
use crate::history;
use crate::monitor::{self, escaped};
use crate::run::output::Output;
use crate::spool::{self, Check, PublishedFile};

/// What the check of a folder found. `--json` prints it as it stands here.
#[derive(Serialize)]
struct Found {
    schema: u32,
    program: &'static str,
    folder: std::path::PathBuf,
    /// Files whose content has the digest in the name, and that of the ledger.
    good: u64,
    /// Good files that no run has entered into the ledger: the run was killed, or the ledger is younger.
    unlisted: u64,
    /// Files of the ledger that are not in the folder: taken by an agent, or deleted because of their age.
    taken: u64,
    /// Names of files whose content is not what the collector published.
    changed: Vec<String>,
    /// Names of files that the collector did not make.
    foreign: Vec<String>,
    /// Files that cannot be read, with the reason.
    unreadable: BTreeMap<String, String>,
    /// What the history holds and this check does not count.
    notes: Vec<String>,
}

/// Compares the published files of a collector.
///
/// # Errors
/// The folder cannot be read.
pub fn run(collector: &Collector, config: &Config, output: &Output) -> Result<Code, Failure> {
    let folder = config.folders.data.join(collector.folder);
    let program = collector.program.executable;
    let now = clock::now();
    let ledger = history::read(&config.folders.state, program, history::horizon(now), now);
    let files = ledger.runs.iter().flat_map(|run| run.streams.values());
    let listed: HashMap<&str, &PublishedFile> = files
        .flat_map(|stream| &stream.files)
        .map(|file| (&*file.name, file))
        .collect();
    let mut found = Found {
        schema: 1,
        program,
        good: 0,
        unlisted: 0,
        taken: listed.len() as u64,
        changed: Vec::new(),
        foreign: Vec::new(),
        unreadable: BTreeMap::new(),
        notes: ledger.notes(),
        folder,
    };
    spool::check_published(&SystemDisk, &found.folder.clone(), |name, check| {
        found.add(name, check, listed.get(name).copied());
    })?;
    output.show(&found, || found.text());
    Ok(match found.is_sound() {
        true => Code::Done,
        false => Code::Look,
    })
}

impl Found {
    fn add(&mut self, name: &str, check: Check, listed: Option<&PublishedFile>) {
        self.taken -= u64::from(listed.is_some());
        match (check, listed) {
            (Check::Foreign, _) => self.foreign.push(name.to_owned()),
            (Check::Unreadable(why), _) => drop(self.unreadable.insert(name.to_owned(), why)),
            (Check::Content(sha256), Some(file)) if file.sha256 == sha256 => self.good += 1,
            (Check::Content(sha256), None) if spool::is_named_after(name, &sha256) => {
                self.good += 1;
                self.unlisted += 1;
            }
            (Check::Content(_), _) => self.changed.push(name.to_owned()),
        }
    }

    fn is_sound(&self) -> bool {
        self.changed.is_empty() && self.foreign.is_empty() && self.unreadable.is_empty()
    }

    fn checked(&self) -> u64 {
        self.good + (self.changed.len() + self.foreign.len() + self.unreadable.len()) as u64
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}: {} of {} files are as published",
            self.program,
            self.good,
            self.checked()
        );
        if self.unlisted > 0 {
            text += &format!(" ({} not in the history)", self.unlisted);
        }
        text += &format!(
            "\n  {} more were taken by an agent or deleted since\n",
            self.taken
        );
        text += &format!("  folder: {}\n", self.folder.display());
        let named = self.changed.iter().map(|name| ("changed", name));
        let named = named.chain(
            self.foreign
                .iter()
                .map(|name| ("not of the collector", name)),
        );
        for (what, name) in named {
            text += &format!("  {what}: {}\n", escaped(name));
        }
        for (name, why) in &self.unreadable {
            text += &format!("  cannot be read: {}: {why}\n", escaped(name));
        }
        for note in &self.notes {
            text += &monitor::wrapped(note);
        }
        text
    }
}
