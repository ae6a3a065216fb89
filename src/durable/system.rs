//! The file systems of this host, and the differences between platforms.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Disk, Entry, Handle, Kind, Mode, owner};

/// The longest wait for a file that another program has open.
const HELD_LIMIT: Duration = Duration::from_secs(2);

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
    fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        Self::set_modified(self, time)
    }
}

impl Disk for SystemDisk {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode.0);
        let file = retry_while_held(|| options.open(path))?;
        owner::take_from_folder(&file, path)?;
        set_mode(&file, mode)?; // corrects the effect of the umask or of the folder's default
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        self.require_file(path)?;
        let mut options = OpenOptions::new();
        options.read(true);
        Ok(Box::new(open_regular(options, path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        self.require_file(path)?;
        let mut options = OpenOptions::new();
        options.append(true);
        Ok(Box::new(open_regular(options, path)?))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that renames"
    )]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        retry_while_held(|| fs::rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) => return Ok(()),
            Err(_) => {} // the file system may have no links
        }
        if self.entry(to)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // a reader must not see a part of the copy
        let copied = super::with_suffix(to, ".tmp");
        if self.entry(&copied)?.is_some() {
            self.remove(&copied)?;
        }
        let mut original = self.open(from)?;
        let mut copy = self.create(&copied, Mode::PRIVATE)?;
        io::copy(&mut original, &mut copy)?;
        copy.sync()?;
        self.rename(&copied, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        retry_while_held(|| fs::remove_file(path))
    }

    fn discard(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn ensure_folder(&self, folder: &Path, mode: Mode) -> io::Result<()> {
        super::make_folder(folder, mode)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.syncs_folders() {
            File::open(folder)?.sync_all()
        } else {
            Ok(())
        }
    }

    /// False on Windows, which refuses to open a folder as a file. The journal of NTFS keeps
    /// changes of names in order.
    fn syncs_folders(&self) -> bool {
        cfg!(not(windows))
    }

    fn keep_owner(&self, new: &Path, replaced: &Path) -> io::Result<()> {
        owner::keep(new, replaced)
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
        match retry_while_held(|| fs::symlink_metadata(path)) {
            Ok(metadata) => Ok(Some(Entry::of(name, &metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl SystemDisk {
    /// Fails unless the path leads to a regular file. Opening a pipe would wait for its other end.
    fn require_file(self, path: &Path) -> io::Result<()> {
        match self.entry(path)? {
            Some(entry) if entry.kind == Kind::File => Ok(()),
            Some(_) => {
                let what = "not a regular file";
                Err(io::Error::new(io::ErrorKind::InvalidInput, what))
            }
            None => Err(io::ErrorKind::NotFound.into()),
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

/// True if another program has the file open: Windows' access denied, sharing violation and lock
/// violation. Access denied can also mean missing rights, and then waiting does not help.
pub fn is_held(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33))
}

/// Repeats a call while a virus scanner or an agent blocks the file on Windows. On other systems no
/// program can block it, so every error is final at once.
///
/// # Errors
/// The error of the last try, after two seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "a wait of the disk's, shorter than any budget"
)]
pub fn retry_while_held<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let (mut wait, mut waited) = (Duration::from_millis(10), Duration::ZERO);
    loop {
        match act() {
            Err(error) if is_held(&error) && waited < HELD_LIMIT => {
                std::thread::sleep(wait);
                waited += wait;
                wait = (wait * 2).min(HELD_LIMIT - waited);
            }
            done => return done,
        }
    }
}

/// Opens a regular file, or the regular file that a link leads to. Refuses a pipe, a socket or a
/// device at once, because opening or reading it could wait for ever.
///
/// # Errors
/// `InvalidInput` for anything else, and the errors of the operating system.
pub fn open_regular(mut options: OpenOptions, path: &Path) -> io::Result<File> {
    // opening a device can have an effect, and opening a socket fails without a clear reason
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(not_regular());
    }
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    #[cfg(not(unix))]
    let _ = &mut options; // a pipe has another kind of name there
    let file = retry_while_held(|| options.open(path))?;
    // the path may lead to another file since the first check
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(not_regular())
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// Sets the mode of an open file, because the path may lead to another file by now.
#[cfg(unix)]
pub(super) fn set_mode(file: &File, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o7777 == mode.0 {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(mode.0))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub(super) fn set_mode(_: &File, _: Mode) -> io::Result<()> {
    Ok(())
}

/// Sets the mode of a new folder.
#[cfg(unix)]
pub(super) fn set_folder_mode(path: &Path, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode.0))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub(super) fn set_folder_mode(_: &Path, _: Mode) -> io::Result<()> {
    Ok(())
}
