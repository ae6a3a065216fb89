//! Lines that arrive newest first and are wanted oldest first, without holding them in memory.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::scratch::Scratch;

/// How much is read back at once; a longer line is read alone.
const READ_BYTES: u64 = 256 << 10;
/// How much is written at once.
const WRITE_BYTES: usize = 64 << 10;

/// Lines in a scratch file; only their lengths are in memory, four bytes each.
pub struct Spill {
    file: io::BufWriter<Scratch>,
    lengths: Vec<u32>,
    bytes: u64,
}

/// A place in a [`Spill`] to which it can be rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    lines: usize,
    bytes: u64,
}

impl Spill {
    /// An empty one.
    #[must_use]
    pub fn new(file: Scratch) -> Self {
        Self {
            file: io::BufWriter::with_capacity(WRITE_BYTES, file),
            lengths: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds one line, its line break included.
    ///
    /// # Errors
    /// As the disk reports; a line of 4 GiB is refused.
    pub fn push(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u32::try_from(line.len())
            .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "a line of 4 GiB"))?;
        self.file.write_all(line)?;
        self.lengths.push(length);
        self.bytes += u64::from(length);
        Ok(())
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The present end.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            lines: self.lengths.len(),
            bytes: self.bytes,
        }
    }

    /// Forgets everything after the mark.
    ///
    /// # Errors
    /// As the disk reports.
    pub fn roll_back(&mut self, mark: Mark) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_mut().set_len(mark.bytes)?;
        self.file.seek(SeekFrom::Start(mark.bytes))?;
        self.lengths.truncate(mark.lines);
        self.bytes = mark.bytes;
        Ok(())
    }

    /// Writes the lines, last one first.
    ///
    /// # Errors
    /// As either side's disk reports.
    pub fn write_reversed(&mut self, target: &mut dyn Write) -> io::Result<()> {
        self.file.flush()?;
        let mut buffer = Vec::new();
        let (mut end, mut last) = (self.bytes, self.lengths.len());
        while last > 0 {
            let first = last - self.fitting(last);
            let size = self.lengths[first..last]
                .iter()
                .copied()
                .map(u64::from)
                .sum();
            self.file.seek(SeekFrom::Start(end - size))?;
            buffer.clear();
            Read::take(self.file.get_mut(), size).read_to_end(&mut buffer)?;
            let mut rest = buffer.as_slice();
            for length in self.lengths[first..last].iter().rev() {
                let (before, line) = rest
                    .split_at_checked(rest.len().saturating_sub(*length as usize))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                target.write_all(line)?;
                rest = before;
            }
            (end, last) = (end - size, first);
        }
        self.file.seek(SeekFrom::Start(self.bytes)).map(drop) // where the next line goes
    }

    /// How many of the lines before `last` are read back at once: at least one.
    fn fitting(&self, last: usize) -> usize {
        let mut size = 0;
        let lengths = self.lengths[..last].iter().rev();
        let fitting = lengths.take_while(|length| {
            size += u64::from(**length);
            size <= READ_BYTES
        });
        fitting.count().max(1)
    }
}
