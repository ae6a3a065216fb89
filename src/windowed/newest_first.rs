//! Reverses lines that arrive newest first, without holding them in memory.

use std::io::{self, Read, Seek, SeekFrom, Write};

/// The number of bytes that are read back at once. A longer line is read alone.
const READ_BYTES: u64 = 256 << 10;
/// The number of bytes that are written at once.
const WRITE_BYTES: usize = 64 << 10;

/// Lines in a file. Only their lengths are in memory, four bytes each.
pub struct NewestFirst<F: Write> {
    file: io::BufWriter<F>,
    lengths: Vec<u32>,
    bytes: u64,
}

impl<F: Read + Write + Seek> NewestFirst<F> {
    /// Returns an empty list that writes its lines into `file`, which must be empty.
    pub fn new(file: F) -> Self {
        Self {
            file: io::BufWriter::with_capacity(WRITE_BYTES, file),
            lengths: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds one line, with its line break.
    ///
    /// # Errors
    /// The error of the disk. A line of 4 GiB is refused.
    pub fn push(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u32::try_from(line.len())
            .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "a line of 4 GiB"))?;
        self.file.write_all(line)?;
        self.lengths.push(length);
        self.bytes += u64::from(length);
        Ok(())
    }

    /// Returns the number of lines.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Writes the lines, the last one first.
    ///
    /// # Errors
    /// The error of either disk.
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
        self.file.seek(SeekFrom::Start(self.bytes)).map(drop) // the end, for the next line
    }

    /// Returns how many of the lines before `last` are read back at once: at least one.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = Vec<u8>> {
        let short = prop::collection::vec(any::<u8>(), 0..40);
        // near and above the number of bytes that are read back at once
        let long = (any::<u8>(), 100_000_usize..300_000).prop_map(|(byte, n)| vec![byte; n]);
        prop_oneof![12 => short, 1 => long]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lines_come_out_in_reverse_and_more_can_follow(parts in prop::collection::vec(prop::collection::vec(line(), 0..20), 1..4)) {
            let mut list = NewestFirst::new(io::Cursor::new(Vec::new()));
            let mut lines: Vec<Vec<u8>> = Vec::new();
            for part in parts {
                for line in part {
                    list.push(&line).unwrap();
                    lines.push(line);
                }
                let mut written = Vec::new();
                list.write_reversed(&mut written).unwrap();
                let expected: Vec<u8> = lines.iter().rev().flatten().copied().collect();
                prop_assert!(written == expected);
                prop_assert_eq!(list.len(), lines.len());
            }
        }
    }
}
