//! A disk in memory that forgets unsynced changes and stops at any step that a test names.
//!
//! It keeps the state that a process sees apart from the state that a power cut leaves. Content
//! becomes durable when its handle is synced, and a name when its folder is. A power cut keeps the
//! durable state and a random part of the rest, because real disks write in any order.

mod verbs;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Mode;

/// A fault at one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Stops the process or the host: cuts a write in half, and fails every later call. Counts only
    /// changes, because the state between two changes is always the same.
    StopAtChange(u64),
    /// Fails one call, which may be a reading one. Every later call works.
    FailCall(u64, io::ErrorKind),
}

/// The effect of a power cut on an unsynced rename between two folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renames {
    /// The rename happened or it did not, as on every journalling file system.
    Atomic,
    /// The two names survive independently: both, either or neither.
    Broken,
    /// As on Windows: folders cannot be synced. A journal makes every change of names durable, in
    /// order and some time later.
    InOrder,
}

/// The disk. Clones share it.
#[derive(Clone)]
pub(crate) struct Model(Arc<Mutex<State>>);

/// A folder and a name, as text so that tens of thousands of histories stay fast.
type Name = (String, String);
type Names = BTreeMap<Name, usize>;
/// The changes of names in one step. `None` removes the name.
type Operation = Vec<(Name, Option<usize>)>;

#[derive(Clone)]
struct State {
    folders: Vec<String>,
    files: Vec<Content>,
    visible: Names,
    durable: Names,
    unsynced: Vec<Operation>,
    renames: Renames,
    now: SystemTime,
    fault: Option<Fault>,
    changes: u64,
    calls: u64,
    crashed: bool,
    forbidden_calls: Vec<String>,
}

#[derive(Clone)]
struct Content {
    visible: Vec<u8>,
    durable: Vec<u8>,
    mode: Mode,
    modified: SystemTime,
    /// True after a failed sync. The kernel has dropped the pages and reports success for the next sync.
    sync_failed: bool,
}

impl Model {
    /// Makes an empty disk with these folders.
    pub(crate) fn new(folders: &[&Path], renames: Renames) -> Self {
        Self::of(State {
            folders: folders
                .iter()
                .map(|folder| text(folder).into_owned())
                .collect(),
            files: Vec::new(),
            visible: Names::new(),
            durable: Names::new(),
            unsynced: Vec::new(),
            renames,
            now: SystemTime::UNIX_EPOCH,
            fault: None,
            changes: 0,
            calls: 0,
            crashed: false,
            forbidden_calls: Vec::new(),
        })
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a fault. Steps count from here, beginning with 0.
    pub(crate) fn plan(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.fault, state.changes, state.calls) = (fault, 0, 0);
    }

    /// True if the disk has reached a planned stop.
    pub(crate) fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// Returns the number of calls since [`Model::plan`].
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Returns the forbidden calls so far.
    pub(crate) fn forbidden_calls(&self) -> Vec<String> {
        self.state().forbidden_calls.clone()
    }

    /// Sets the clock that stamps changed files.
    pub(crate) fn set_time(&self, now: SystemTime) {
        self.state().now = now;
    }

    /// Returns the disk after a kill. The kernel lives on, so every visible change stays, but
    /// unsynced changes are still not durable.
    pub(crate) fn killed(&self) -> Self {
        let mut state = self.state().clone();
        (state.crashed, state.fault) = (false, None);
        Self::of(state)
    }

    /// Returns the disk after a power cut: the durable state and a random part of the rest.
    pub(crate) fn reboot(&self, seed: u64) -> Self {
        let mut state = self.state().clone();
        let mut random = fastrand::Rng::with_seed(seed);
        // the first seeds are extremes: 0 keeps no change, 1 every change, 2 every name without content
        let kept = |random: &mut fastrand::Rng| match seed {
            0 => false,
            1 | 2 => true,
            _ => random.bool(),
        };
        let operations = std::mem::take(&mut state.unsynced);
        let in_order = match seed {
            0..=2 => operations.len() * usize::from(seed > 0),
            _ => random.usize(..=operations.len()),
        };
        for (at, operation) in operations.into_iter().enumerate() {
            let whole = match state.renames {
                Renames::InOrder => at < in_order,
                Renames::Atomic | Renames::Broken => kept(&mut random),
            };
            for change in operation {
                let keep = if state.renames == Renames::Broken {
                    kept(&mut random)
                } else {
                    whole
                };
                if keep {
                    apply(&mut state.durable, change);
                }
            }
        }
        for file in &mut state.files {
            if file.visible != file.durable {
                file.durable = survivor(file, seed, &mut random);
            }
            file.visible.clone_from(&file.durable);
            file.sync_failed = false;
        }
        state.visible.clone_from(&state.durable);
        (state.crashed, state.fault) = (false, None);
        Self::of(state)
    }

    /// Returns the names and contents in a folder, as an agent sees them.
    pub(crate) fn files(&self, folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let (state, folder) = (self.state(), text(folder));
        let inside = state.visible.iter().filter(|((at, _), _)| *at == folder);
        inside
            .map(|((_, name), id)| (name.clone(), state.files[*id].visible.clone()))
            .collect()
    }

    /// Returns the permission bits of a file.
    pub(crate) fn mode(&self, path: &Path) -> Option<Mode> {
        let state = self.state();
        state
            .visible
            .get(&name_of(path))
            .map(|id| state.files[*id].mode)
    }

    /// Makes all changes of names durable, as a journal does after some seconds.
    pub(crate) fn let_time_pass(&self) {
        let mut state = self.state();
        let operations = std::mem::take(&mut state.unsynced);
        for change in operations.into_iter().flatten() {
            apply(&mut state.durable, change);
        }
    }

    /// Adds or removes a durable file without the collector.
    pub(crate) fn tamper(&self, path: &Path, content: Option<&[u8]>) {
        let mut state = self.state();
        let id =
            content.map(|content| state.store(content.to_vec(), content.to_vec(), Mode::PRIVATE));
        state
            .unsynced
            .iter_mut()
            .for_each(|operation| operation.retain(|(name, _)| *name != name_of(path)));
        apply(&mut state.visible, (name_of(path), id));
        apply(&mut state.durable, (name_of(path), id));
    }
}

/// Returns the content of an unsynced file after a power cut.
fn survivor(file: &Content, seed: u64, random: &mut fastrand::Rng) -> Vec<u8> {
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

fn apply(names: &mut Names, (name, file): (Name, Option<usize>)) {
    match file {
        Some(id) => names.insert(name, id),
        None => names.remove(&name),
    };
}

fn name_of(path: &Path) -> Name {
    let text = text(path);
    let (folder, name) = text.rsplit_once('/').unwrap();
    (folder.to_owned(), name.to_owned())
}

/// Returns the path with `/` on every platform.
fn text(path: &Path) -> Cow<'_, str> {
    let text = path.to_str().unwrap();
    if cfg!(windows) {
        text.replace('\\', "/").into()
    } else {
        text.into()
    }
}

impl State {
    /// Counts a call that makes no change.
    fn look(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.fault {
            _ if self.crashed => Err(io::Error::other("the host is down")),
            Some(Fault::FailCall(at, kind)) if at + 1 == self.calls => Err(kind.into()),
            _ => Ok(()),
        }
    }

    /// Counts a call that makes a change.
    fn change(&mut self) -> io::Result<()> {
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

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.visible
            .get(&name_of(path))
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn store(&mut self, visible: Vec<u8>, durable: Vec<u8>, mode: Mode) -> usize {
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

    fn rename_names(&mut self, operation: Operation) {
        operation
            .iter()
            .for_each(|change| apply(&mut self.visible, change.clone()));
        self.unsynced.push(operation);
    }

    /// Makes the due changes of one operation durable. Drops earlier changes of the same names.
    fn settle(&mut self, at: usize, is_due: impl Fn(&Name) -> bool) {
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
