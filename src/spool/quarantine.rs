//! The folder of bytes that Mimecast sent and that are not readable as events.
//!
//! Only its owner can read it. It is beside the state and outside the data folder, so that no agent
//! reads it.

use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::publish::sha256;
use super::staging::Scratch;
use super::{Settings, SpoolError};
use crate::durable::{self, Disk, Mode, sealed};
use crate::logs;

const DIGEST_DIGITS: usize = 16;

/// Returns the folder. The maker of the state folder also makes this one.
pub(super) fn folder(settings: &Settings) -> PathBuf {
    settings.state.join(logs::QUARANTINE)
}

/// True if [`keep`] can have made this name for this stream.
pub(super) fn is_ours(name: &str, stream: &str) -> bool {
    let digest = name
        .strip_prefix(stream)
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(|rest| {
            rest.strip_suffix(".raw")
                .or_else(|| rest.strip_suffix(".txt"))
        });
    digest.is_some_and(|digest| {
        digest.len() == DIGEST_DIGITS && digest.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// Copies the bytes and the note, and returns after both are durable.
pub(super) fn keep(
    settings: &Settings,
    raw: &mut Scratch,
    note: &str,
) -> Result<PathBuf, SpoolError> {
    let folder = folder(settings);
    let failed = |error| SpoolError::disk("quarantine bytes in", &folder, error);
    let sum = raw.rewound(|raw| sha256(raw)).map_err(failed)?;
    let base = format!("{}_{}", settings.stream, &sum[..DIGEST_DIGITS]);
    let path = folder.join(format!("{base}.raw"));
    let disk = &*settings.disk;
    let note = format!("sha256={sum}\n{note}\n");
    durable::replace(
        disk,
        &folder.join(format!("{base}.txt")),
        note.as_bytes(),
        Mode::PRIVATE,
    )
    .map_err(failed)?;
    if disk.entry(&path).map_err(failed)?.is_some() {
        return Ok(path); // an earlier run stored it and was interrupted before it moved the position
    }
    raw.rewound(|raw| durable::copy_in(disk, &path, raw, Mode::PRIVATE))
        .map_err(failed)?;
    Ok(path)
}

/// Copies a line and a note into the quarantine, and returns the path after both are durable. Stores the same
/// line of the same place only once.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn keep_line(
    disk: &dyn Disk,
    state: &Path,
    (owner, line): (&str, &[u8]),
    note: &str,
) -> Result<PathBuf, SpoolError> {
    let folder = state.join(logs::QUARANTINE);
    let whole = [note.as_bytes(), b"\n", line].concat();
    let base = format!("{owner}_{}", &sealed::digest(&whole)[..DIGEST_DIGITS]);
    let path = folder.join(format!("{base}.raw"));
    let note = format!("sha256={}\n{note}\n", sealed::digest(line));
    let written = durable::replace(
        disk,
        &folder.join(format!("{base}.txt")),
        note.as_bytes(),
        Mode::PRIVATE,
    )
    .and_then(|()| match disk.entry(&path)? {
        Some(_) => Ok(()),
        None => durable::replace(disk, &path, line, Mode::PRIVATE),
    });
    written
        .map(|()| path)
        .map_err(|error| SpoolError::disk("quarantine a line in", &folder, error))
}

impl Scratch {
    /// Calls `act` at the beginning of the file.
    fn rewound<T>(&mut self, act: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        self.seek(SeekFrom::Start(0))?;
        act(self)
    }

    /// Returns the SHA-256 of the content in lower-case hex.
    ///
    /// # Errors
    /// The error of the disk.
    pub fn fingerprint(&mut self) -> io::Result<String> {
        self.rewound(|raw| sha256(raw))
    }
}
