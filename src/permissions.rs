//! The rights to read a file of secrets, on each platform.
//!
//! On Unix a file has a mode, set when the file is made. On Windows a new file inherits an access
//! list from its folder. The collector sets and reads it with the system's own `icacls.exe`. The
//! calls of the system need `unsafe`, and no crate that wraps them is maintained. Accounts are
//! SIDs, because the names differ with the language of Windows.

#[cfg(windows)]
mod icacls;
#[cfg(any(windows, test))]
mod sddl;

use std::io;
use std::path::Path;

/// The kind of a path, which decides what inherits its access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file.
    File,
    /// A folder. Files and folders that are made in it later inherit its list.
    Folder,
}

/// Restricts a new file or folder to its owner, SYSTEM and Administrators.
///
/// # Errors
/// An error if the rights cannot be set.
#[cfg(windows)]
pub(crate) fn restrict(path: &Path, target: Target) -> io::Result<()> {
    icacls::grant(path, target)
}

/// Returns `Ok`: on Unix the mode of the file already restricts it.
///
/// # Errors
/// None.
#[cfg(not(windows))]
#[expect(clippy::unnecessary_wraps, reason = "the Windows twin can fail")]
pub(crate) fn restrict(_: &Path, _: Target) -> io::Result<()> {
    Ok(())
}

/// Returns the name of another account or group that may use a file. `None` if only its owner,
/// SYSTEM and Administrators may.
///
/// # Errors
/// An error if the rights cannot be read.
#[cfg(windows)]
pub(crate) fn others(path: &Path) -> io::Result<Option<String>> {
    let text = icacls::read(path)?;
    sddl::others(&text).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Returns the mode of a file that other users than the owner may use. `None` if only the owner may.
///
/// # Errors
/// An error if the file is missing.
#[cfg(unix)]
pub(crate) fn others(path: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then(|| format!("mode {mode:04o}")))
}
