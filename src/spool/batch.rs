//! A batch: finished files that no agent sees yet, and the ids, gaps and warnings of their commit.

use std::io::{self, BufRead, BufReader, BufWriter, IntoInnerError, Seek as _, SeekFrom, Write};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::SpoolError;
use super::gap::{Gap, Warning};
use super::name::{Extension, FileName};
use super::record::{Move, hex};
use super::seen::Digest;
use super::settings::Wanted;
use super::staging::{Scratch, Staging};
use crate::durable::Mode;

/// The size of the write buffer, in bytes. A larger piece bypasses the buffer.
const BUFFER_BYTES: usize = 64 << 10;
/// The longest last line that a part can return, in bytes. The vendor's lines are shorter.
const TAIL_BYTES: usize = 4 << 10;

/// The files, ids, gaps and warnings of one commit. Dropping an uncommitted batch deletes its files.
pub struct Batch {
    pub(super) staging: Staging,
    mode: Mode,
    /// Says which lines make a file worth publishing. `None` if every line does.
    wanted: Option<Wanted>,
    /// The time from which the age of its files counts.
    published_at: DateTime<Utc>,
    pub(super) moves: Vec<Move>,
    pub(super) ids: Vec<Digest>,
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<Warning>,
    pub(super) size: Size,
    pub(super) repeated: u64,
    newest: Option<DateTime<Utc>>,
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The number of published files.
    pub files: u64,
    /// The number of lines in them.
    pub events: u64,
    /// The number of bytes in them.
    pub bytes: u64,
}

impl Batch {
    pub(super) const fn new(
        staging: Staging,
        mode: Mode,
        wanted: Option<Wanted>,
        published_at: DateTime<Utc>,
    ) -> Self {
        Self {
            staging,
            mode,
            wanted,
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
            newest: None,
        }
    }

    /// Makes a new file of the batch. The caller writes it and passes it to [`Batch::add`].
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the disk cannot make the file.
    pub fn part(&self) -> Result<Part, SpoolError> {
        let file = self
            .staging
            .create("staged", self.mode)
            .map_err(|error| SpoolError::disk("make a file in", &self.staging.folder, error))?;
        Ok(Part {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: Sha256::new(),
            tail: Vec::new(),
            size: Size::default(),
        })
    }

    /// Adds a file to the batch, after its content has reached the disk. Adds a line break at the
    /// end if it is missing. Skips an empty file, because an agent would find no event in it, and a
    /// file without a wanted line.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; the batch then abandons the file.
    pub fn add(&mut self, mut part: Part, stem: &str, kind: Extension) -> Result<(), SpoolError> {
        if part.size.bytes == 0 {
            return Ok(());
        }
        let failed = |error| SpoolError::disk("write to", &self.staging.folder, error);
        part.end_line().map_err(failed)?;
        if let Some(wanted) = &self.wanted
            && !part.has_line(wanted).map_err(failed)?
        {
            return Ok(());
        }
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
            events: Some(part.size.events),
        });
        self.size.files += 1;
        self.size.events += part.size.events;
        self.size.bytes += part.size.bytes;
        Ok(())
    }

    /// Returns the name, with a number if another file of the batch has the same name. Two equal
    /// members of one archive become two files.
    fn free_name(&self, name: &FileName) -> FileName {
        let is_free = |name: &FileName| self.moves.iter().all(|moved| moved.name != name.as_str());
        let mut names = (1..).map(|count| name.variant(count));
        names.find(is_free).expect("a batch is finite")
    }

    /// Returns the time from which the age of its files and ids counts.
    pub(super) const fn published_at(&self) -> DateTime<Utc> {
        self.published_at
    }

    /// Adds ids of published content. [`Spool::has_seen`](super::Spool::has_seen) finds them after
    /// the commit.
    pub fn remember(&mut self, ids: impl IntoIterator<Item = Digest>) {
        self.ids.extend(ids);
    }

    /// Adds the time of an event, for [`Batch::newest`].
    pub fn saw_event_at(&mut self, time: Option<DateTime<Utc>>) {
        self.newest = self.newest.max(time);
    }

    /// Returns the time of the newest event that the source has named.
    pub const fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest
    }

    /// Counts a skipped file, whose content is already published.
    pub const fn repeat(&mut self) {
        self.repeated += 1;
    }

    /// Adds a gap: a stretch of time whose events the collector could not fetch.
    pub fn note_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Adds a warning for the operator. The run that reports it ends with exit code 65.
    pub fn warn(&mut self, text: impl Into<String>) {
        let (text, daily) = (text.into(), None);
        self.warnings.push(Warning { text, daily });
    }

    /// Adds a warning that the collector reports at most once a day for each name.
    pub fn warn_daily(&mut self, name: &'static str, text: impl Into<String>) {
        let (text, daily) = (text.into(), Some(name));
        self.warnings.push(Warning { text, daily });
    }

    /// Returns the warnings so far.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(|warning| warning.text.as_str())
    }

    /// True if a commit would change only the position.
    pub const fn is_empty(&self) -> bool {
        self.moves.is_empty()
            && self.ids.is_empty()
            && self.gaps.is_empty()
            && self.warnings.is_empty()
    }

    /// Returns the size so far.
    pub const fn size(&self) -> Size {
        self.size
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for moved in &self.moves {
            // the next run sweeps what this leaves behind
            let _ = self
                .staging
                .disk
                .remove(&self.staging.folder.join(&moved.staged));
        }
    }
}

impl Part {
    /// Adds a line break if the last line has none.
    ///
    /// # Errors
    /// The error of the disk.
    pub fn end_line(&mut self) -> io::Result<()> {
        if self.tail.last().is_none_or(|last| *last == b'\n') {
            return Ok(());
        }
        self.write_all(b"\n")
    }

    /// True if a line of the content is wanted. Reads the content again.
    fn has_line(&mut self, wanted: &Wanted) -> io::Result<bool> {
        self.file.flush()?;
        let scratch = self.file.get_mut();
        scratch.rewind()?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, &mut *scratch);
        let (mut line, mut found) = (Vec::new(), false);
        while !found && next_line(&mut reader, &mut line)? {
            found = (wanted.0)(&line);
        }
        scratch.seek(SeekFrom::End(0))?;
        Ok(found)
    }

    /// Returns the digest of the content so far.
    pub fn digest(&self) -> Digest {
        Digest::of_sha256(&self.hash.clone().finalize())
    }

    /// Returns the last line, without its break. `None` if there is none, or if it is longer than
    /// [`TAIL_BYTES`].
    pub fn last_line(&self) -> Option<&[u8]> {
        let tail = self.tail.strip_suffix(b"\n").unwrap_or(&self.tail);
        let begin = memchr::memrchr(b'\n', tail).map(|at| at + 1);
        let is_first = self.size.bytes == self.tail.len() as u64;
        let begin = begin.or(is_first.then_some(0))?;
        Some(&tail[begin..]).filter(|line| !line.is_empty())
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        if bytes.len() >= TAIL_BYTES {
            self.tail.clear();
        }
        self.tail
            .extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        if self.tail.len() > 2 * TAIL_BYTES {
            self.tail.drain(..self.tail.len() - TAIL_BYTES);
        }
    }

    /// Returns the number of bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.size.bytes
    }
}

/// Reads a line without its break, and of a long line the first [`BUFFER_BYTES`]. Returns false at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = BUFFER_BYTES as u64;
    if io::Read::take(&mut *reader, limit).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else {
        reader.skip_until(b'\n')?;
    }
    Ok(true)
}

/// A file of a batch during the writing, with its counts and its digest so far.
pub struct Part {
    file: BufWriter<Scratch>,
    hash: Sha256,
    /// The last bytes: at most twice [`TAIL_BYTES`].
    tail: Vec<u8>,
    size: Size,
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.keep_tail(bytes);
        self.size.bytes += bytes.len() as u64;
        self.size.events += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
