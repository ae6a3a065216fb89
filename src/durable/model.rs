//! A disk in memory that forgets unsynced changes and stops at any step that a test names.
//!
//! It keeps the state that a process sees apart from the state that a power cut leaves. Content
//! becomes durable when its handle is synced, and a name when its folder is. A power cut keeps the
//! durable state and a random part of the rest, because real disks write in any order.

mod state;
mod verbs;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Mode;
use state::{Names, State, apply, name_of, survivor, text};

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
