//! Durable files: write, sync, rename, sync the folder.
//!
//! Every file that must survive a power cut goes through [`Disk`]. In the tests, a model disk forgets every
//! unsynced change and so catches a forgotten step. After a failed sync the collector abandons a file and
//! never syncs it again. The kernel may have dropped the pages, and would report success the second time.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::permissions::{self, Target};

#[cfg(test)]
pub(crate) mod model;
mod owner;
pub mod sealed;
mod system;
#[cfg(test)]
mod tests;

pub use system::{SystemDisk, is_held, open_regular};
use system::{set_folder_mode, set_mode};

/// The Unix permission bits of a new file or folder. On Windows a file inherits its rights from its
/// folder. A private folder there admits its owner, SYSTEM and Administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Mode {
    /// Only the owner may read the file: secrets, state, quarantine.
    pub const PRIVATE: Self = Self(0o600);
    /// Only the owner may enter the folder.
    pub const PRIVATE_FOLDER: Self = Self(0o700);
}

/// The file, folder or other object at a path. A link counts as itself.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The last part of the path.
    pub name: String,
    /// Regular file, folder, or something else (link, pipe, device).
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// The time of the last change, if the file system keeps one.
    pub modified: Option<SystemTime>,
}

/// The kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, pipe, socket or device. The collector never reads or touches it.
    Other,
}

/// An open file.
pub trait Handle: Read + Write + Seek + Send {
    /// Returns after the content has reached the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&mut self, bytes: u64) -> io::Result<()>;
    /// Sets the time of the last change, from which the age of the file counts.
    fn set_modified(&mut self, time: SystemTime) -> io::Result<()>;
}

/// The file system calls that the collector needs.
pub trait Disk: Send + Sync {
    /// Makes a new file for reading and writing. Fails if the name exists.
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>>;
    /// Opens a regular file for reading. Refuses links, folders, pipes and devices.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>>;
    /// Opens a regular file for writing at its end. Refuses links, folders, pipes and devices.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Handle>>;
    /// Moves a file within one file system, and replaces the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name. Makes a copy if the file system has no hard links.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Deletes a file, or fails at once if another program has it open. For many files, none of
    /// which matters.
    fn discard(&self, path: &Path) -> io::Result<()> {
        self.remove(path)
    }
    /// Makes a folder if it is missing.
    fn ensure_folder(&self, folder: &Path, mode: Mode) -> io::Result<()>;
    /// Returns after the names in the folder have reached the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// True if [`Disk::sync_folder`] can do that. Otherwise it returns at once, and a power cut may
    /// undo the last changes of names, the newest first.
    fn syncs_folders(&self) -> bool {
        true
    }
    /// Gives a new file the owner and the group of the file that it will replace, as far as this user may.
    fn keep_owner(&self, _new: &Path, _replaced: &Path) -> io::Result<()> {
        Ok(())
    }
    /// Lists a folder, unsorted. Omits names that are not UTF-8, because the collector makes none.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;
    /// Returns the entry at a path, or `None`.
    fn entry(&self, path: &Path) -> io::Result<Option<Entry>>;
}

/// Replaces a file's content in one step. Readers see the old content or the new, never a part,
/// even after a power cut.
///
/// # Errors
/// The error of the disk. The old content then stays, and the temporary file is removed if
/// possible. One exception is a folder that cannot be synced. Then the new content is in place, and
/// a power cut may undo it.
pub fn replace(disk: &dyn Disk, path: &Path, content: &[u8], mode: Mode) -> io::Result<()> {
    copy_in(disk, path, &mut &content[..], mode)
}

/// Replaces a secret like [`replace`]. No other user can read the file, even while it is still empty.
///
/// # Errors
/// Those of [`replace`], and an error if the rights cannot be set.
pub fn replace_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let restrict = |path: &Path| permissions::restrict(path, Target::File);
    write_and_rename(
        &SystemDisk,
        path,
        &mut &content[..],
        Mode::PRIVATE,
        restrict,
    )
}

/// Replaces a file like [`replace`], with content that is too large for the memory. Reads `source`
/// to its end.
///
/// # Errors
/// Those of [`replace`].
pub fn copy_in(disk: &dyn Disk, path: &Path, source: &mut dyn Read, mode: Mode) -> io::Result<()> {
    write_and_rename(disk, path, source, mode, |_| Ok(()))
}

/// Writes a temporary file and moves it into place. Calls `restrict` with the path while the file is empty.
fn write_and_rename(
    disk: &dyn Disk,
    path: &Path,
    source: &mut dyn Read,
    mode: Mode,
    restrict: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    let temporary = with_suffix(path, ".tmp");
    if disk.entry(&temporary)?.is_some() {
        disk.remove(&temporary)?; // left by a crash, and never read
    }
    let written = disk.create(&temporary, mode).and_then(|mut file| {
        restrict(&temporary)?;
        disk.keep_owner(&temporary, path)?;
        io::copy(source, &mut file)?;
        file.sync()
    });
    written
        .and_then(|()| disk.rename(&temporary, path))
        .inspect_err(|_| drop(disk.remove(&temporary)))?;
    disk.sync_folder(folder)
}

/// Replaces a file like [`replace`], without a sync. Readers see the old content or the new, but
/// after a power cut perhaps neither.
///
/// # Errors
/// The error of the disk. The old content then stays.
pub fn replace_lightly(disk: &dyn Disk, path: &Path, content: &[u8], mode: Mode) -> io::Result<()> {
    replace_by(disk, &with_suffix(path, ".tmp"), path, content, mode)
}

/// Replaces a file like [`replace_lightly`], with a temporary file of this name. For a file that several
/// programs replace.
///
/// # Errors
/// Those of [`replace_lightly`].
pub fn replace_by(
    disk: &dyn Disk,
    temporary: &Path,
    path: &Path,
    content: &[u8],
    mode: Mode,
) -> io::Result<()> {
    if disk.entry(temporary)?.is_some() {
        disk.remove(temporary)?;
    }
    let written = disk.create(temporary, mode).and_then(|mut file| {
        disk.keep_owner(temporary, path)?;
        file.write_all(content)
    });
    written
        .and_then(|()| disk.rename(temporary, path))
        .inspect_err(|_| drop(disk.remove(temporary)))
}

/// Reads a whole small file of at most `limit` bytes.
///
/// # Errors
/// `FileTooLarge` above `limit` bytes, and the errors of the disk.
pub fn read(disk: &dyn Disk, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    disk.open(path)?.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let text = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(content)
}

/// Reads a whole small file that the operator has named. Follows a link to a file.
///
/// # Errors
/// Those of [`read`]. Refuses a pipe, a device or a folder at once.
pub fn read_named(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read(&SystemDisk, &fs::canonicalize(path)?, limit)
}

/// Opens a file for writing at its end. Makes the file if it is missing.
///
/// # Errors
/// Those of [`open_regular`].
pub fn append(path: &Path, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode.0);
    // a link that leads nowhere is not new: its target could be any file
    let is_new = path.symlink_metadata().is_err();
    let file = open_regular(options, path)?;
    if is_new {
        owner::take_from_folder(&file, path)?;
    }
    set_mode(&file, mode)?;
    Ok(file)
}

/// Returns `path` with text after its last part.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder and its parents. A folder that exists keeps its mode.
///
/// # Errors
/// The error of the disk, for instance if a part of the path is a file.
pub fn make_folder(path: &Path, mode: Mode) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_folder(parent, mode)?;
    }
    match fs::create_dir(path) {
        // another program of the collector has just made it
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            return Ok(());
        }
        made => made?,
    }
    owner::take_folder_from_parent(path)?;
    set_folder_mode(path, mode)?;
    if mode == Mode::PRIVATE_FOLDER {
        // the next run would trust a folder that is open to other users
        permissions::restrict(path, Target::Folder).inspect_err(|_| drop(fs::remove_dir(path)))?;
    }
    SystemDisk.sync_folder(folder_of(path)) // the new name must survive a power cut
}

impl fmt::Debug for dyn Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Disk")
    }
}
