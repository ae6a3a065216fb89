//! The files and names of the disk in memory, both as they are visible and as they are durable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::super::Mode;
use super::{Fault, Renames};

/// A folder and a name, as text so that tens of thousands of histories stay fast.
pub(super) type Name = (String, String);
pub(super) type Names = BTreeMap<Name, usize>;
/// The changes of names in one step. `None` removes the name.
pub(super) type Operation = Vec<(Name, Option<usize>)>;

#[derive(Clone)]
pub(super) struct State {
    pub(super) folders: Vec<String>,
    pub(super) files: Vec<Content>,
    pub(super) visible: Names,
    pub(super) durable: Names,
    pub(super) unsynced: Vec<Operation>,
    pub(super) renames: Renames,
    pub(super) now: SystemTime,
    pub(super) fault: Option<Fault>,
    pub(super) changes: u64,
    pub(super) calls: u64,
    pub(super) crashed: bool,
    pub(super) forbidden_calls: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Content {
    pub(super) visible: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) mode: Mode,
    pub(super) modified: SystemTime,
    /// True after a failed sync. The kernel has dropped the pages and reports success for the next sync.
    pub(super) sync_failed: bool,
}

impl State {
    /// Counts a call that makes no change.
    pub(super) fn look(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.fault {
            _ if self.crashed => Err(io::Error::other("the host is down")),
            Some(Fault::FailCall(at, kind)) if at + 1 == self.calls => Err(kind.into()),
            _ => Ok(()),
        }
    }

    /// Counts a call that makes a change.
    pub(super) fn change(&mut self) -> io::Result<()> {
        self.look()?;
        self.changes += 1;
        self.crashed =
            matches!(self.fault, Some(Fault::StopAtChange(at)) if at + 1 == self.changes);
        if self.crashed {
            Err(io::Error::other("the host goes down"))
        } else {
            Ok(())
        }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<usize> {
        self.visible
            .get(&name_of(path))
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn store(&mut self, visible: Vec<u8>, durable: Vec<u8>, mode: Mode) -> usize {
        let modified = self.now;
        self.files.push(Content {
            visible,
            durable,
            mode,
            modified,
            sync_failed: false,
        });
        self.files.len() - 1
    }

    pub(super) fn rename_names(&mut self, operation: Operation) {
        operation
            .iter()
            .for_each(|change| apply(&mut self.visible, change.clone()));
        self.unsynced.push(operation);
    }

    /// Makes the due changes of one operation durable. Drops earlier changes of the same names.
    pub(super) fn settle(&mut self, at: usize, is_due: impl Fn(&Name) -> bool) {
        let (due, rest) = self.unsynced[at]
            .drain(..)
            .partition(|(name, _)| is_due(name));
        self.unsynced[at] = rest;
        for change in Operation::from(due) {
            for earlier in &mut self.unsynced[..at] {
                earlier.retain(|(name, _)| *name != change.0);
            }
            apply(&mut self.durable, change);
        }
    }
}

/// Returns the content of an unsynced file after a power cut.
pub(super) fn survivor(file: &Content, seed: u64, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut content = file.visible.clone();
    match if seed > 2 { random.u64(1..6) } else { seed } {
        0 | 2 => content.clone_from(&file.durable),
        1 => {}
        3 => content.truncate(random.usize(..=file.visible.len())),
        4 => content.iter_mut().for_each(|byte| *byte = 0),
        _ => content.iter_mut().for_each(|byte| *byte = random.u8(..)),
    }
    content
}

pub(super) fn apply(names: &mut Names, (name, file): (Name, Option<usize>)) {
    match file {
        Some(id) => names.insert(name, id),
        None => names.remove(&name),
    };
}

pub(super) fn name_of(path: &Path) -> Name {
    let text = text(path);
    let (folder, name) = text.rsplit_once('/').unwrap();
    (folder.to_owned(), name.to_owned())
}

/// Returns the path with `/` on every platform.
pub(super) fn text(path: &Path) -> Cow<'_, str> {
    let text = path.to_str().unwrap();
    if cfg!(windows) {
        text.replace('\\', "/").into()
    } else {
        text.into()
    }
}
