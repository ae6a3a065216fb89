//! A disk in memory that forgets what was not synced and stops at any step that a test names.
//!
//! What a process sees and what a power cut leaves are kept apart: content becomes durable when its
//! handle is synced, a name when its folder is. A crash keeps the durable state and a random part
//! of the rest, as a disk does that writes back in no particular order.

mod verbs;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Mode;

/// What happens to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process or the host dies: a write is cut in half, and nothing works from here on.
    /// Counts the changes alone, as nothing new can be found between two of them.
    StopAtChange(u64),
    /// One call fails, reading calls included; whatever comes after works.
    FailCall(u64, io::ErrorKind),
}

/// What a power cut does to a rename from one folder to another that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renames {
    /// Happened or did not: every journalling file system.
    Atomic,
    /// The two names survive independently: both, either or neither.
    Broken,
    /// As on Windows: folders cannot be synced, and a journal makes every change of names durable in
    /// the order in which it was made, some time later.
    InOrder,
}

/// The disk; clones share it.
#[derive(Clone)]
pub(crate) struct Model(Arc<Mutex<State>>);

/// Folder and name; as text, because histories are counted in tens of thousands.
type Name = (String, String);
type Names = BTreeMap<Name, usize>;
/// What happens to names in one step: each gets a file, or goes.
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
    misused: Vec<String>,
}

#[derive(Clone)]
struct Content {
    visible: Vec<u8>,
    durable: Vec<u8>,
    mode: Mode,
    modified: SystemTime,
    /// A sync failed: the kernel has dropped the pages and lets the next one succeed for nothing.
    forsaken: bool,
}

impl Model {
    /// An empty disk with these folders.
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
            misused: Vec::new(),
        })
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a fault; steps are counted from here, beginning with 0.
    pub(crate) fn plan(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.fault, state.changes, state.calls) = (fault, 0, 0);
    }

    /// Whether a planned stop was reached.
    pub(crate) fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// Calls since [`Model::plan`].
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// What callers must never do and did.
    pub(crate) fn misused(&self) -> Vec<String> {
        self.state().misused.clone()
    }

    /// Sets the clock that stamps changed files.
    pub(crate) fn set_time(&self, now: SystemTime) {
        self.state().now = now;
    }

    /// The disk as the next process finds it after a kill: the kernel lived on, so everything
    /// visible is there, but what was not durable still is not.
    pub(crate) fn killed(&self) -> Self {
        let mut state = self.state().clone();
        (state.crashed, state.fault) = (false, None);
        Self::of(state)
    }

    /// The disk after a power cut: what was durable, and what chance kept of the rest.
    pub(crate) fn reboot(&self, seed: u64) -> Self {
        let mut state = self.state().clone();
        let mut random = fastrand::Rng::with_seed(seed);
        // the first seeds are the extremes: nothing kept, everything, every name but no content
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
            file.forsaken = false;
        }
        state.visible.clone_from(&state.durable);
        (state.crashed, state.fault) = (false, None);
        Self::of(state)
    }

    /// Names and contents in a folder, as an agent sees them.
    pub(crate) fn files(&self, folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let (state, folder) = (self.state(), text(folder));
        let inside = state.visible.iter().filter(|((at, _), _)| *at == folder);
        inside
            .map(|((_, name), id)| (name.clone(), state.files[*id].visible.clone()))
            .collect()
    }

    /// Permission bits of a file.
    pub(crate) fn mode(&self, path: &Path) -> Option<Mode> {
        let state = self.state();
        state
            .visible
            .get(&name_of(path))
            .map(|id| state.files[*id].mode)
    }

    /// Makes all changes of names durable, as the journal has after some seconds.
    pub(crate) fn let_time_pass(&self) {
        let mut state = self.state();
        let operations = std::mem::take(&mut state.unsynced);
        for change in operations.into_iter().flatten() {
            apply(&mut state.durable, change);
        }
    }

    /// Puts a durable file on the disk, or takes one away, behind everybody's back.
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

/// What a power cut leaves of a file whose last writes were not synced.
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

/// With one kind of separator, whichever the platform joins paths with.
fn text(path: &Path) -> Cow<'_, str> {
    let text = path.to_str().unwrap();
    if cfg!(windows) {
        text.replace('\\', "/").into()
    } else {
        text.into()
    }
}

impl State {
    /// Counts a call that only looks.
    fn look(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.fault {
            _ if self.crashed => Err(io::Error::other("the host is down")),
            Some(Fault::FailCall(at, kind)) if at + 1 == self.calls => Err(kind.into()),
            _ => Ok(()),
        }
    }

    /// Counts a call that changes something.
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
            forsaken: false,
        });
        self.files.len() - 1
    }

    fn rename_names(&mut self, operation: Operation) {
        operation
            .iter()
            .for_each(|change| apply(&mut self.visible, change.clone()));
        self.unsynced.push(operation);
    }

    /// Makes the changes of one operation durable; earlier ones of the same names are thereby past.
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
