//! A batch: finished files that nobody sees yet, and what is remembered along with them.

use std::io::{self, BufWriter, IntoInnerError, Write};

use sha2::{Digest as _, Sha256};

use super::SpoolError;
use super::name::{Extension, FileName};
use super::record::{Gap, Move, hex};
use super::scratch::{Scratch, Staging};
use super::seen::Digest;
use crate::durable::Mode;

/// Lines are written together, up to so many bytes; what is larger goes past the buffer.
const BUFFER_BYTES: usize = 64 << 10;

/// Collects what one commit makes visible; dropped uncommitted, it leaves nothing behind.
pub struct Batch {
    pub(super) staging: Staging,
    mode: Mode,
    pub(super) moves: Vec<Move>,
    pub(super) ids: Vec<(i64, Digest)>,
    pub(super) forget_before: Option<i64>,
    pub(super) gaps: Vec<Gap>,
    pub(super) size: Size,
}

/// How much a batch holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Published files.
    pub files: u64,
    /// Lines in them.
    pub events: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Batch {
    pub(super) const fn new(staging: Staging, mode: Mode) -> Self {
        Self {
            staging,
            mode,
            moves: Vec::new(),
            ids: Vec::new(),
            forget_before: None,
            gaps: Vec::new(),
            size: Size {
                files: 0,
                events: 0,
                bytes: 0,
            },
        }
    }

    /// A new file of the batch, to be written and then given to [`Batch::add`].
    ///
    /// # Errors
    /// [`SpoolError::Disk`] when it can't be made.
    pub fn part(&self) -> Result<Part, SpoolError> {
        let file = self
            .staging
            .create("staged", self.mode)
            .map_err(|error| SpoolError::disk("make a file in", &self.staging.folder, error))?;
        Ok(Part {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: Sha256::new(),
            last: b'\n',
            size: Size::default(),
        })
    }

    /// Ends a file with a line break if it has none, waits until it is on the disk and takes it in.
    /// An empty one makes no file: an agent has nothing to read there.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; the file is then abandoned.
    pub fn add(&mut self, mut part: Part, stem: &str, kind: Extension) -> Result<(), SpoolError> {
        if part.size.bytes == 0 {
            return Ok(());
        }
        let failed = |error| SpoolError::disk("write to", &self.staging.folder, error);
        if part.last != b'\n' {
            part.write_all(b"\n").map_err(failed)?;
        }
        let sha256 = hex(&part.hash.finalize());
        let name = FileName::new(stem, &sha256, kind);
        let file = part.file.into_inner().map_err(IntoInnerError::into_error);
        let staged = file.and_then(Scratch::keep).map_err(failed)?;
        self.moves.push(Move {
            staged,
            name: name.to_string(),
            size: part.size.bytes,
            sha256,
        });
        self.size.files += 1;
        self.size.events += part.size.events;
        self.size.bytes += part.size.bytes;
        Ok(())
    }

    /// Remembers the ids of events in this batch, each with its time in seconds since 1970.
    pub fn remember(&mut self, ids: Vec<(i64, Digest)>) {
        self.ids = ids;
    }

    /// Lets go of ids whose event was before this second.
    pub const fn forget_before(&mut self, second: i64) {
        self.forget_before = Some(second);
    }

    /// Records that events before this batch could not be had.
    pub fn note_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// How much it holds so far.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for moved in &self.moves {
            // whatever stays is swept by the next run
            let _ = self
                .staging
                .disk
                .remove(&self.staging.folder.join(&moved.staged));
        }
    }
}

impl Part {
    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.size.bytes
    }
}

/// A file of a batch while it is written: counts and digests as it goes.
pub struct Part {
    file: BufWriter<Scratch>,
    hash: Sha256,
    last: u8,
    size: Size,
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(last) = bytes.last() else {
            return Ok(());
        };
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.last = *last;
        self.size.bytes += bytes.len() as u64;
        self.size.events += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
