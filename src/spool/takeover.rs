//! The first record of a stream that another program has collected until then.

use std::io;
use std::path::{Path, PathBuf};

use super::record::{Record, SIZE_LIMIT};
use super::{Lock, SpoolError};
use crate::durable::{self, Disk, Mode};

/// The place where another program stopped.
#[derive(Clone, Debug)]
pub struct Takeover<'a> {
    /// The name of the stream.
    pub stream: &'a str,
    /// The account whose events it holds.
    pub account: &'a str,
    /// The position, or `None` if the other program had none.
    pub position: Option<String>,
    /// True if the service may send events that the other program has published.
    pub may_repeat: bool,
}

impl Takeover<'_> {
    /// Writes the record from which the stream's first run continues. It replaces a record of an earlier
    /// takeover that no run has used.
    ///
    /// # Errors
    /// [`SpoolError::Disk`], or [`SpoolError::Interfered`] if another process holds the lock.
    pub fn begin(&self, disk: &dyn Disk, state: &Path, lock: &Lock) -> Result<(), SpoolError> {
        lock.check()?;
        let path = state.join(format!("{}.state", self.stream));
        let mut record = Record::first(self.stream, self.account);
        record.sequence = 1;
        record.position.clone_from(&self.position);
        record.before.clone_from(&self.position);
        record.resumed = self.may_repeat;
        durable::replace(disk, &path, &record.encode(), Mode::PRIVATE)
            .map_err(|error| SpoolError::disk("write", &path, error))
    }
}

/// Returns a state file in the folder that belongs to a run, or `None`. A record of a takeover belongs to
/// none until its first run.
///
/// # Errors
/// [`SpoolError::Disk`] if the folder or a file cannot be read.
pub fn used_state(disk: &dyn Disk, state: &Path) -> Result<Option<PathBuf>, SpoolError> {
    let listed = match disk.list(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(|error| SpoolError::disk("list", state, error))?,
    };
    for entry in listed {
        let is_state = entry.name.ends_with(".state") || entry.name.contains(".state.");
        // left by a takeover or a run that was killed here; no program reads it
        let is_state = is_state && !entry.name.ends_with(".tmp");
        let path = state.join(&entry.name);
        if is_state && !is_unused(disk, &path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// True for the record of a takeover without a run since.
fn is_unused(disk: &dyn Disk, path: &Path) -> Result<bool, SpoolError> {
    let bytes = match durable::read(disk, path, SIZE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(SpoolError::disk("read", path, error)),
    };
    let Ok(record) = Record::decode(&bytes) else {
        return Ok(false);
    };
    // the first replacement by a run gives the record an id and the next number
    let mut expected = Record::first(&record.stream, &record.account);
    expected.sequence = 1;
    expected.position.clone_from(&record.position);
    expected.before.clone_from(&record.position);
    expected.resumed = record.resumed;
    Ok(record == expected)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::durable::SystemDisk;

    fn begin(state: &Path, position: &str) {
        let lock = Lock::take(state, "siem").unwrap();
        let takeover = Takeover {
            stream: "siem",
            account: "C0A0",
            position: Some(position.to_owned()),
            may_repeat: false,
        };
        takeover.begin(&SystemDisk, state, &lock).unwrap();
    }

    fn used(state: &Path) -> Option<PathBuf> {
        used_state(&SystemDisk, state).unwrap()
    }

    #[test]
    fn a_takeover_may_be_repeated_until_a_run_has_used_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        assert_eq!(used(&state.join("missing")), None);
        assert_eq!(used(state), None);
        begin(state, "one");
        begin(state, "two");
        assert_eq!(used(state), None);
        let path = state.join("siem.state");
        let mut record = Record::decode(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(record.position.as_deref(), Some("two"));
        record.sequence += 1;
        record.id = "1".to_owned();
        durable::replace(&SystemDisk, &path, &record.encode(), Mode::PRIVATE).unwrap();
        assert_eq!(used(state), Some(path));
    }

    #[test]
    fn damaged_and_older_states_belong_to_a_run_and_other_files_do_not() {
        for (name, is_used) in [
            ("siem.state", true),
            ("siem.state.prev", true),
            ("siem.state.bad-1", true),
            ("cg_receipt.state", true),
            ("siem.state.tmp", false),
            ("siem.lock", false),
            ("config.txt", false),
            ("checkpoint_siem", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            durable::replace(&SystemDisk, &path, b"x", Mode::PRIVATE).unwrap();
            assert_eq!(used(folder.path()).is_some(), is_used, "{name}");
        }
    }
}
