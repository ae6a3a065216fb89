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

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;

/// Unix permission bits of a new file or folder; on Windows the folder's own list is inherited.
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
}

/// The verbs that the collector needs of a file system, and no others.
pub trait Disk: Send + Sync {
    /// Makes a new file for reading and writing; refuses a name that exists.
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>>;
    /// Opens a regular file for reading; refuses links, folders, pipes and devices.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>>;
    /// Moves a file within one file system, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, as a copy where the file system has no hard links.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns when the names in the folder have reached the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
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

/// [`replace`] for content that is too large to be held: read from `source` to its end.
///
/// # Errors
/// As [`replace`].
pub fn copy_in(disk: &dyn Disk, path: &Path, source: &mut dyn Read, mode: Mode) -> io::Result<()> {
    let folder = folder_of(path);
    let temporary = with_suffix(path, ".tmp");
    if disk.entry(&temporary)?.is_some() {
        disk.remove(&temporary)?; // a crash left it: it is never read
    }
    let written = disk.create(&temporary, mode).and_then(|mut file| {
        io::copy(source, &mut file)?;
        file.sync()
    });
    written
        .and_then(|()| disk.rename(&temporary, path))
        .inspect_err(|_| drop(disk.remove(&temporary)))?;
    disk.sync_folder(folder)
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

/// `path` with text added to its last part.
#[must_use]
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
    set_mode(path, mode)?;
    SystemDisk.sync_folder(folder_of(path)) // the new name must survive a power cut
}

/// The operating system's file systems.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Handle for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        Self::set_len(self, bytes)
    }
}

impl Disk for SystemDisk {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode.0);
        let file = options.open(path)?;
        set_mode(path, mode)?; // whatever the umask took away or the folder's default added
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        // looked at before it is opened: opening a pipe would wait for a writer
        match self.entry(path)? {
            Some(entry) if entry.kind == Kind::File => Ok(Box::new(File::open(path)?)),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            )),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that renames"
    )]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        patiently(|| fs::rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if fs::hard_link(from, to).is_ok() {
            return Ok(());
        }
        let mut original = self.open(from)?;
        let mut copy = self.create(to, Mode::PRIVATE)?;
        io::copy(&mut original, &mut copy)?;
        copy.sync()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        patiently(|| fs::remove_file(path))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Windows refuses to open a folder as a file and keeps names in order by its journal
        if cfg!(windows) {
            return Ok(());
        }
        File::open(folder)?.sync_all()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::read_dir(folder)? {
            let found = found?;
            match found.metadata() {
                Ok(metadata) => entries.extend(
                    found
                        .file_name()
                        .into_string()
                        .ok()
                        .map(|name| Entry::of(name, &metadata)),
                ),
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn entry(&self, path: &Path) -> io::Result<Option<Entry>> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(Entry::of(name, &metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Entry {
    fn of(name: String, metadata: &fs::Metadata) -> Self {
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Folder,
            _ => Kind::Other,
        };
        Self {
            name,
            kind,
            size: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

impl fmt::Debug for dyn Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Disk")
    }
}

/// Repeats what a virus scanner or an agent can block for a moment on Windows (access denied,
/// sharing violation); elsewhere such an error is final at once.
#[expect(
    clippy::disallowed_methods,
    reason = "a wait of the disk's, shorter than any budget"
)]
fn patiently(mut act: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut wait = std::time::Duration::from_millis(10);
    loop {
        match act() {
            Err(error) if cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32)) => {
                if wait.as_millis() > 1_000 {
                    return Err(error);
                }
                std::thread::sleep(wait);
                wait *= 2;
            }
            done => return done,
        }
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode.0))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
fn set_mode(_: &Path, _: Mode) -> io::Result<()> {
    Ok(())
}
