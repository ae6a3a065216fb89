//! A lock that admits one run at a time to a stream.
//!
//! The kernel holds the lock on a file that this program never deletes. The kernel releases the
//! lock when the process ends, so that it never goes stale. Other programs may delete the file.
//! Therefore each commit checks that the path still leads to the locked file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use same_file::Handle;

use super::SpoolError;
use crate::durable::open_regular;

/// Proof that this process is the only writer of a stream. Dropping it admits the next process.
#[derive(Debug)]
pub struct Lock {
    held: Handle,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock `<folder>/<stream>.lock` without waiting.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] if another run holds it, [`SpoolError::Disk`] if the lock cannot be made.
    pub fn take(folder: &Path, stream: &str) -> Result<Self, SpoolError> {
        let path = folder.join(format!("{stream}.lock"));
        let refused = |error: io::Error| SpoolError::disk("take the lock", &path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = open_regular(options, &path).map_err(refused)?;
        restrict(&file);
        match file.try_lock() {
            Ok(()) => {
                let held = Handle::from_file(file).map_err(refused)?;
                Ok(Self { held, path })
            }
            Err(TryLockError::WouldBlock) => Err(SpoolError::Busy {
                stream: stream.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }

    /// Checks that no other process can hold a lock of the same path.
    ///
    /// # Errors
    /// [`SpoolError::Interfered`] if the file was deleted or replaced. [`SpoolError::Disk`] if the
    /// disk cannot tell.
    pub(super) fn check(&self) -> Result<(), SpoolError> {
        match Handle::from_path(&self.path) {
            Ok(found) if found == self.held => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SpoolError::disk("check the lock", &self.path, error))
            }
            _ => Err(SpoolError::Interfered {
                path: self.path.clone(),
            }),
        }
    }
}

/// Restores the owner's rights that a umask removed, so that the next run can open the lock.
fn restrict(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600)); // fails for another user's file
    }
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_turned_away_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), "siem").unwrap();
        let second = Lock::take(folder.path(), "siem");
        assert!(matches!(second, Err(SpoolError::Busy { .. })));
        Lock::take(folder.path(), "audit").unwrap(); // another stream has another lock
        drop(first);
        Lock::take(folder.path(), "siem").unwrap();
    }

    #[test]
    fn a_lock_whose_file_was_deleted_or_replaced_is_no_longer_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("siem.lock");
        let first = Lock::take(folder.path(), "siem").unwrap();
        first.check().unwrap();
        std::fs::remove_file(&path).unwrap();
        let interfered = |lock: &Lock| matches!(lock.check(), Err(SpoolError::Interfered { .. }));
        assert!(interfered(&first));
        let second = Lock::take(folder.path(), "siem").unwrap();
        assert!(interfered(&first));
        second.check().unwrap();
    }

    /// A process that opened a file before its deletion would hold a lock that no other process sees.
    #[test]
    fn the_file_of_a_lock_outlives_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("siem.lock");
        drop(Lock::take(folder.path(), "siem").unwrap());
        let waiting = File::open(&path).unwrap();
        let held = Lock::take(folder.path(), "siem").unwrap();
        assert!(matches!(waiting.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        assert!(path.exists());
    }
}
