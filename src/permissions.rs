//! Who may read a file of secrets, by the platform's own means.
//!
//! Unix has a mode for it, set as a file is made. Windows has access lists, which a new file inherits
//! from its folder. They are set and read by the system's own `icacls.exe`: the calls of the system
//! need `unsafe`, and no crate that wraps them is kept up. Accounts go by their SIDs, whose names
//! differ with the language of Windows.

#[cfg(windows)]
mod icacls;
#[cfg(any(windows, test))]
mod sddl;

use std::io;
use std::path::Path;

/// What a path is, which decides what stands below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file.
    File,
    /// A folder; what is made in it later inherits its list.
    Folder,
}

/// Leaves a new file or folder to its owner, SYSTEM and Administrators.
///
/// # Errors
/// When the rights could not be set.
#[cfg(windows)]
pub(crate) fn restrict(path: &Path, target: Target) -> io::Result<()> {
    icacls::grant(path, target)
}

/// On Unix the mode of the file has done it.
///
/// # Errors
/// None.
#[cfg(not(windows))]
#[expect(clippy::unnecessary_wraps, reason = "the Windows twin can fail")]
pub(crate) fn restrict(_: &Path, _: Target) -> io::Result<()> {
    Ok(())
}

/// Whether others than those may use a file: what to call them, or nothing.
///
/// # Errors
/// When the rights cannot be read.
#[cfg(windows)]
pub(crate) fn others(path: &Path) -> io::Result<Option<String>> {
    let text = icacls::read(path)?;
    sddl::others(&text).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Whether others than the owner may use a file: its mode, or nothing.
///
/// # Errors
/// When the file has gone.
#[cfg(unix)]
pub(crate) fn others(path: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then(|| format!("mode {mode:04o}")))
}
