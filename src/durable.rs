//! The one way a file is made durable: write, sync, rename, sync the folder.
//!
//! Everything that must survive a power cut goes through [`Disk`], so that no caller can forget a
//! step and so that the tests can put a disk underneath that forgets whatever was not synced.
//! After a failed sync a file is abandoned, never synced again: the kernel may have dropped the
//! pages and would report success the second time.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::permissions::{self, Target};

#[cfg(test)]
pub(crate) mod model;
mod system;
#[cfg(test)]
mod tests;

pub use system::{SystemDisk, is_held, open_regular};
use system::{set_folder_mode, set_mode};

/// Unix permission bits of a new file or folder. On Windows a file inherits from its folder, and a
/// private folder is left to its owner, SYSTEM and Administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Mode {
    /// Readable by the owner alone: secrets, state, quarantine.
    pub const PRIVATE: Self = Self(0o600);
    /// A folder that only the owner may enter.
    pub const PRIVATE_FOLDER: Self = Self(0o700);
}

/// What stands under a name, without following links.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The last part of the path.
    pub name: String,
    /// Regular file, folder, or something else (link, pipe, device).
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Time of the last change, where the file system keeps one.
    pub modified: Option<SystemTime>,
}

/// The kinds of entries that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, pipe, socket or device: never read, never touched.
    Other,
}

/// An open file.
pub trait Handle: Read + Write + Seek + Send {
    /// Returns when the content has reached the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&mut self, bytes: u64) -> io::Result<()>;
    /// Sets the time of the last change, from which the age of the file counts.
    fn set_modified(&mut self, time: SystemTime) -> io::Result<()>;
}

/// The verbs that the collector needs of a file system, and no others.
pub trait Disk: Send + Sync {
    /// Makes a new file for reading and writing; refuses a name that exists.
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>>;
    /// Opens a regular file for reading; refuses links, folders, pipes and devices.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>>;
    /// Opens a regular file for writing at its end; refuses links, folders, pipes and devices.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Handle>>;
    /// Moves a file within one file system, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, as a copy where the file system has no hard links.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Deletes a file unless somebody holds it at this moment: for many files, none of which matters.
    fn discard(&self, path: &Path) -> io::Result<()> {
        self.remove(path)
    }
    /// Makes a folder if it is missing.
    fn ensure_folder(&self, folder: &Path, mode: Mode) -> io::Result<()>;
    /// Returns when the names in the folder have reached the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Whether [`Disk::sync_folder`] can do that. Where it cannot it returns at once, and a power cut
    /// may undo the last changes of names, the newest first.
    fn syncs_folders(&self) -> bool {
        true
    }
    /// Lists a folder, unsorted; names that are not UTF-8 are left out, as none of ours is.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;
    /// What stands under a path, or nothing.
    fn entry(&self, path: &Path) -> io::Result<Option<Entry>>;
}

/// Replaces a file's content in one step: readers see the old content or the new, never a part,
/// also after a power cut.
///
/// # Errors
/// Any failure leaves the old content in place and removes the temporary file where possible; only
/// when the folder cannot be synced the new content is there, and a power cut may still undo it.
pub fn replace(disk: &dyn Disk, path: &Path, content: &[u8], mode: Mode) -> io::Result<()> {
    copy_in(disk, path, &mut &content[..], mode)
}

/// [`replace`] for a secret: nobody else can read the file from before anything is in it.
///
/// # Errors
/// As [`replace`], and when the rights to it cannot be set.
pub fn replace_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let restrict = |path: &Path| permissions::restrict(path, Target::File);
    put(
        &SystemDisk,
        path,
        &mut &content[..],
        Mode::PRIVATE,
        restrict,
    )
}

/// [`replace`] for content that is too large to be held: read from `source` to its end.
///
/// # Errors
/// As [`replace`].
pub fn copy_in(disk: &dyn Disk, path: &Path, source: &mut dyn Read, mode: Mode) -> io::Result<()> {
    put(disk, path, source, mode, |_| Ok(()))
}

/// Writes beside a file and moves it into place; `restrict` has the new one while it is empty.
fn put(
    disk: &dyn Disk,
    path: &Path,
    source: &mut dyn Read,
    mode: Mode,
    restrict: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    let temporary = with_suffix(path, ".tmp");
    if disk.entry(&temporary)?.is_some() {
        disk.remove(&temporary)?; // a crash left it: it is never read
    }
    let written = disk.create(&temporary, mode).and_then(|mut file| {
        restrict(&temporary)?;
        io::copy(source, &mut file)?;
        file.sync()
    });
    written
        .and_then(|()| disk.rename(&temporary, path))
        .inspect_err(|_| drop(disk.remove(&temporary)))?;
    disk.sync_folder(folder)
}

/// [`replace`] for content that may be lost: readers see the old content or the new, but after a power
/// cut perhaps neither.
///
/// # Errors
/// Any failure leaves the old content in place.
pub fn replace_lightly(disk: &dyn Disk, path: &Path, content: &[u8], mode: Mode) -> io::Result<()> {
    let temporary = with_suffix(path, ".tmp");
    if disk.entry(&temporary)?.is_some() {
        disk.remove(&temporary)?;
    }
    let written = disk
        .create(&temporary, mode)
        .and_then(|mut file| file.write_all(content));
    written
        .and_then(|()| disk.rename(&temporary, path))
        .inspect_err(|_| drop(disk.remove(&temporary)))
}

/// Reads a whole small file.
///
/// # Errors
/// `FileTooLarge` above `limit` bytes, before anything is read.
pub fn read(disk: &dyn Disk, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    disk.open(path)?.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let text = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(content)
}

/// Reads a whole small file that an operator has named; a link to a file is followed.
///
/// # Errors
/// As [`read`]; a pipe, a device or a folder is refused at once.
pub fn read_named(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read(&SystemDisk, &fs::canonicalize(path)?, limit)
}

/// Opens a file to add to its end, and makes it if there is none.
///
/// # Errors
/// As [`open_regular`].
pub fn append(path: &Path, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode.0);
    let file = open_regular(options, path)?;
    set_mode(&file, mode)?;
    Ok(file)
}

/// `path` with text added to its last part.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder and those above it; one that exists keeps its mode.
///
/// # Errors
/// When a part of the path is not a folder or may not be created.
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
        // another program of ours made it in the meantime
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            return Ok(());
        }
        made => made?,
    }
    set_folder_mode(path, mode)?;
    if mode == Mode::PRIVATE_FOLDER {
        // left open to others it would be taken for a good one by the next run
        permissions::restrict(path, Target::Folder).inspect_err(|_| drop(fs::remove_dir(path)))?;
    }
    SystemDisk.sync_folder(folder_of(path)) // the new name must survive a power cut
}

impl fmt::Debug for dyn Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Disk")
    }
}
