//! A file of a batch during the writing.

use std::io::{self, BufRead, BufReader, BufWriter, IntoInnerError, Seek as _, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use super::batch::Size;
use super::seen::Digest;
use super::settings::Wanted;
use super::staging::Scratch;

/// The size of the buffers, in bytes. A larger piece bypasses the buffer.
const BUFFER_BYTES: usize = 64 << 10;
/// The longest last line that a part can return, in bytes. The vendor's lines are shorter.
const TAIL_BYTES: usize = 4 << 10;

/// A file of a batch during the writing, with its counts and its digest so far.
pub struct Part {
    file: BufWriter<Scratch>,
    hash: Sha256,
    /// The last bytes: at most twice [`TAIL_BYTES`].
    tail: Vec<u8>,
    pub(super) size: Size,
}

impl Part {
    /// Begins a file.
    pub(super) fn new(file: Scratch) -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: Sha256::new(),
            tail: Vec::new(),
            size: Size::default(),
        }
    }

    /// Ends the file. Returns it with the digest of its content.
    pub(super) fn close(self) -> io::Result<(Scratch, [u8; 32])> {
        let file = self.file.into_inner().map_err(IntoInnerError::into_error)?;
        Ok((file, self.hash.finalize().into()))
    }

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
    pub(super) fn has_line(&mut self, wanted: &Wanted) -> io::Result<bool> {
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
