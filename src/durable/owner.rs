//! The owners of new files on Unix, so that a file of root locks no other user out.
//!
//! If root makes a file, it gets the owner of its folder. If a file is replaced, the new one gets the owner
//! of the old one.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(unix)]
use std::fs::Metadata;
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt as _, fchown, lchown};

/// Gives a new file of root the owner of its folder.
#[cfg(unix)]
pub(super) fn take_from_folder(file: &File, path: &Path) -> io::Result<()> {
    if !is_root() {
        return Ok(());
    }
    let wanted = super::folder_of(path).metadata()?;
    if is_same(&wanted, &file.metadata()?) {
        return Ok(());
    }
    fchown(file, Some(wanted.uid()), Some(wanted.gid()))
}

/// Gives a new folder of root the owner of the folder above it.
#[cfg(unix)]
pub(super) fn take_folder_from_parent(path: &Path) -> io::Result<()> {
    match is_root() {
        true => change(path, &super::folder_of(path).metadata()?),
        false => Ok(()),
    }
}

/// Gives a new file the owner and the group of the file that it will replace.
///
/// # Errors
/// Those of root. Another user may give nothing away, so that the new file stays that user's.
#[cfg(unix)]
pub(super) fn keep(new: &Path, replaced: &Path) -> io::Result<()> {
    let Ok(wanted) = replaced.symlink_metadata() else {
        return Ok(());
    };
    let kept = change(new, &wanted);
    match is_root() {
        true => kept,
        false => Ok(()),
    }
}

#[cfg(unix)]
fn change(path: &Path, wanted: &Metadata) -> io::Result<()> {
    if is_same(wanted, &path.symlink_metadata()?) {
        return Ok(());
    }
    lchown(path, Some(wanted.uid()), Some(wanted.gid()))
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.uid(), one.gid()) == (other.uid(), other.gid())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub(super) fn take_from_folder(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub(super) fn take_folder_from_parent(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub(super) fn keep(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}
