//! One run at a time per stream.
//!
//! The lock is the kernel's, on a file that is never deleted: it vanishes with the process that
//! held it, however that died, and can neither go stale nor be raced by an unlink.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::SpoolError;
use crate::durable::open_regular;

/// Proof that this process is the only writer of a stream; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock {
    _held: File,
}

impl Lock {
    /// Takes the lock `<folder>/<stream>.lock` without waiting.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] when another run holds it, [`SpoolError::Disk`] when it can't be made.
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
            Ok(()) => Ok(Self { _held: file }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::Busy {
                stream: stream.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}

/// Gives the owner what a umask took away, or the next run could not open the lock.
fn restrict(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600)); // somebody else's is open already
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
        Lock::take(folder.path(), "audit").unwrap(); // another stream is another lock
        drop(first);
        Lock::take(folder.path(), "siem").unwrap();
    }

    /// Whoever has opened a file that is then deleted holds a lock that nobody else sees.
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
