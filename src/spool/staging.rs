//! Files in the staging folder that nobody else sees.
//!
//! Names are `<stream>-<8 hex digits of the state folder>-<process>-<number>.<kind>`: a sweep removes only
//! what its own installation left behind, even when two share a data folder.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::SpoolError;
use crate::durable::{Disk, Handle, Mode};

/// Numbers this process's staging files; a leftover of the same number is swept before.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Names of one stream of one installation in the staging folder.
#[derive(Clone, Debug)]
pub(crate) struct Staging {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    /// `<stream>-<8 hex digits>-`.
    pub(crate) prefix: String,
}

impl Staging {
    /// A new, empty file; `kind` is `staged` for what may be published and `scratch` for the rest.
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

    /// Whether a name in the staging folder was made by this stream of this installation.
    pub(crate) fn owns(&self, name: &str) -> bool {
        name.starts_with(&self.prefix) && is_staging_name(name)
    }
}

/// Whether a name is of the form that [`Staging::create`] makes.
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

/// A file in the staging folder, deleted when dropped unless it was kept.
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
    /// As the disk reports.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// How many bytes were written to the file.
    ///
    /// # Errors
    /// As the disk reports.
    pub fn size(&mut self) -> io::Result<u64> {
        self.file.seek(SeekFrom::End(0))
    }

    /// True if nothing was written to the file.
    ///
    /// # Errors
    /// As the disk reports.
    pub fn is_empty(&mut self) -> io::Result<bool> {
        Ok(self.size()? == 0)
    }

    /// Waits until the content is on the disk and leaves the file where it is; its age counts from
    /// `modified`.
    ///
    /// # Errors
    /// After a failed sync the file is abandoned.
    pub(crate) fn keep(mut self, modified: SystemTime) -> io::Result<String> {
        self.file.set_modified(modified)?;
        self.file.sync()?;
        self.kept = true;
        Ok(std::mem::take(&mut self.name))
    }
}

/// Makes scratch files where the spool is not at hand.
#[derive(Clone, Debug)]
pub struct Scratches(pub(super) Staging);

impl Scratches {
    /// A file for a download; deleted when dropped.
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
            let _ = self.disk.remove(&self.path); // else the next run sweeps it
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
