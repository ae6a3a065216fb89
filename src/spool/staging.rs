//! Files in the staging folder, which no agent sees.
//!
//! Names are `<stream>-<8 hex digits of the state folder>-<process>-<number>.<kind>`. Therefore a sweep
//! deletes only leftovers of its own installation, even if two installations share a data folder.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::SpoolError;
use crate::durable::{Disk, Handle, Mode};

/// The number of the next staging file of this process. A sweep at the start deletes leftovers with
/// the same number.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The staging folder, and the names of one stream of one installation in it.
#[derive(Clone, Debug)]
pub(crate) struct Staging {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    /// `<stream>-<8 hex digits>-`.
    pub(crate) prefix: String,
}

impl Staging {
    /// Makes an empty file. `kind` is `staged` for a file that the collector may publish, and
    /// otherwise `scratch`.
    pub(crate) fn create(&self, kind: &str, mode: Mode) -> io::Result<Scratch> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{}-{number}.{kind}", self.prefix, std::process::id());
        let path = self.folder.join(&name);
        let file = self.disk.create(&path, mode)?;
        Ok(Scratch {
            disk: Arc::clone(&self.disk),
            path,
            name,
            file,
            kept: false,
        })
    }

    /// True if this stream of this installation can have made this name.
    pub(crate) fn owns(&self, name: &str) -> bool {
        name.starts_with(&self.prefix) && is_staging_name(name)
    }
}

/// True if a name has the form that [`Staging::create`] makes.
pub(crate) fn is_staging_name(name: &str) -> bool {
    name.len() < 100
        && name.rsplit_once('.').is_some_and(|(base, kind)| {
            matches!(kind, "staged" | "scratch")
                && base.split('-').count() >= 4
                && base
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        })
}

/// A file in the staging folder. Dropping it deletes it unless the caller kept it.
pub struct Scratch {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    name: String,
    file: Box<dyn Handle>,
    kept: bool,
}

impl Scratch {
    /// Empties the file.
    ///
    /// # Errors
    /// The error of the disk.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// Returns the size of the file in bytes.
    ///
    /// # Errors
    /// The error of the disk.
    pub fn size(&mut self) -> io::Result<u64> {
        self.file.seek(SeekFrom::End(0))
    }

    /// True if the file is empty.
    ///
    /// # Errors
    /// The error of the disk.
    pub fn is_empty(&mut self) -> io::Result<bool> {
        Ok(self.size()? == 0)
    }

    /// Keeps the file, after its content has reached the disk, and returns its name. Its age counts
    /// from `modified`.
    ///
    /// # Errors
    /// The error of the disk. The file is then deleted.
    pub(crate) fn keep(mut self, modified: SystemTime) -> io::Result<String> {
        self.file.set_modified(modified)?;
        self.file.sync()?;
        self.kept = true;
        Ok(std::mem::take(&mut self.name))
    }
}

/// A maker of scratch files for code without a spool.
#[derive(Clone, Debug)]
pub struct Scratches(pub(super) Staging);

impl Scratches {
    /// Makes a file for a download. Dropping it deletes it.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn make(&self) -> Result<Scratch, SpoolError> {
        let made = self.0.create("scratch", Mode::PRIVATE);
        made.map_err(|error| SpoolError::disk("make a file in", &self.0.folder, error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.disk.remove(&self.path); // otherwise the next run sweeps it
        }
    }
}

impl Read for Scratch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Scratch {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Scratch").field(&self.name).finish()
    }
}
