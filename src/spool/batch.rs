//! A batch: finished files that nobody sees yet, and what is remembered along with them.

use std::io::{self, BufWriter, IntoInnerError, Write};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::SpoolError;
use super::gap::{Gap, Warning};
use super::name::{Extension, FileName};
use super::record::{Move, hex};
use super::seen::Digest;
use super::staging::{Scratch, Staging};
use crate::durable::Mode;

/// Lines are written together, up to so many bytes; what is larger goes past the buffer.
const BUFFER_BYTES: usize = 64 << 10;

/// Collects what one commit makes visible; dropped uncommitted, it leaves nothing behind.
pub struct Batch {
    pub(super) staging: Staging,
    mode: Mode,
    /// The time from which the age of its files counts.
    published_at: DateTime<Utc>,
    pub(super) moves: Vec<Move>,
    pub(super) ids: Vec<Digest>,
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<Warning>,
    pub(super) size: Size,
    pub(super) repeated: u64,
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
    pub(super) const fn new(staging: Staging, mode: Mode, published_at: DateTime<Utc>) -> Self {
        Self {
            staging,
            mode,
            published_at,
            moves: Vec::new(),
            ids: Vec::new(),
            gaps: Vec::new(),
            warnings: Vec::new(),
            size: Size {
                files: 0,
                events: 0,
                bytes: 0,
            },
            repeated: 0,
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
        part.end_line().map_err(failed)?;
        let sha256 = hex(&part.hash.finalize());
        let name = self.free_name(&FileName::new(stem, &sha256, kind));
        let file = part.file.into_inner().map_err(IntoInnerError::into_error);
        let staged = file
            .and_then(|file| file.keep(self.published_at.into()))
            .map_err(failed)?;
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

    /// Returns the name, with a number if another file of the batch has it: two equal members of one
    /// archive are two files.
    fn free_name(&self, name: &FileName) -> FileName {
        let is_free = |name: &FileName| self.moves.iter().all(|moved| moved.name != name.as_str());
        let mut names = (1..).map(|count| name.variant(count));
        names.find(is_free).expect("a batch is finite")
    }

    /// The time from which the age of its files and ids counts.
    pub(super) const fn published_at(&self) -> DateTime<Utc> {
        self.published_at
    }

    /// Remembers ids of what is in this batch: [`Spool::has_seen`](super::Spool::has_seen) knows them
    /// from the commit on.
    pub fn remember(&mut self, ids: impl IntoIterator<Item = Digest>) {
        self.ids.extend(ids);
    }

    /// Counts a file that was not added, because its content has been published before.
    pub const fn repeat(&mut self) {
        self.repeated += 1;
    }

    /// Records that events could not be fetched.
    pub fn note_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Tells the operator something with the commit, in a run that ends with 65.
    pub fn warn(&mut self, text: impl Into<String>) {
        let (text, daily) = (text.into(), None);
        self.warnings.push(Warning { text, daily });
    }

    /// The same, at most once a day for a name.
    pub fn warn_daily(&mut self, name: &'static str, text: impl Into<String>) {
        let (text, daily) = (text.into(), Some(name));
        self.warnings.push(Warning { text, daily });
    }

    /// The warnings so far.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(|warning| warning.text.as_str())
    }

    /// True if a commit of it would change nothing but the position.
    pub const fn is_empty(&self) -> bool {
        self.moves.is_empty()
            && self.ids.is_empty()
            && self.gaps.is_empty()
            && self.warnings.is_empty()
    }

    /// How much it holds so far.
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
    /// Ends the last line, if it has no line break.
    ///
    /// # Errors
    /// As the disk reports.
    pub fn end_line(&mut self) -> io::Result<()> {
        if self.last == b'\n' {
            return Ok(());
        }
        self.write_all(b"\n")
    }

    /// The digest of what was written so far.
    pub fn digest(&self) -> Digest {
        Digest::of_sha256(&self.hash.clone().finalize())
    }

    /// Bytes written so far.
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
