//! The bytes of an archive, as the zip library reads them.

use std::cell::Cell;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::rc::Rc;

/// The last error of the disk, kept apart from faults of the bytes.
pub(super) type DiskError = Rc<Cell<Option<io::Error>>>;

/// The bytes of an archive. Short moves stay in the buffer, because small entries are close
/// together. No header can move the position beyond the end.
pub(super) struct ZipSource<R> {
    file: BufReader<R>,
    /// The offset at which the file is read next.
    file_at: u64,
    /// The offset at which the archive is read next.
    pub(super) at: u64,
    pub(super) length: u64,
    disk_error: DiskError,
    /// A replacement for the bytes of the file from this offset on.
    directory: Option<(u64, Vec<u8>)>,
}

impl<R: Read + Seek> ZipSource<R> {
    pub(super) fn new(file: R, disk_error: &DiskError) -> io::Result<Self> {
        let file = BufReader::with_capacity(64 << 10, file);
        let mut source = Self {
            file,
            file_at: 0,
            at: 0,
            length: 0,
            disk_error: Rc::clone(disk_error),
            directory: None,
        };
        let length = source.file.seek(SeekFrom::End(0));
        source.length = source.note(length)?;
        let start = source.file.seek(SeekFrom::Start(0));
        source.note(start)?;
        Ok(source)
    }

    /// Replaces the directory, which begins at `start`, by one with a single record.
    pub(super) fn show_one(&mut self, start: u64, record: &Range<u64>) -> io::Result<()> {
        self.directory = None;
        self.length = record.end;
        self.seek(SeekFrom::Start(record.start))?;
        let size = usize::try_from(record.end - record.start).unwrap_or(usize::MAX);
        let mut shown = vec![0; size];
        self.read_exact(&mut shown)?;
        let (start_word, size) = (start.to_le_bytes(), (size as u64).to_le_bytes());
        shown.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        shown.extend_from_slice(&size[..4]);
        shown.extend_from_slice(&start_word[..4]);
        shown.extend_from_slice(&[0, 0]);
        self.length = start + shown.len() as u64;
        self.directory = Some((start, shown));
        self.seek(SeekFrom::Start(0)).map(drop)
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.disk_error.set(Some(error));
            }
            kind.into()
        })
    }

    /// Moves the file to the offset at which the archive is read next.
    fn follow(&mut self) -> io::Result<()> {
        let distance = self.at.wrapping_sub(self.file_at).cast_signed();
        let moved = self.file.seek_relative(distance);
        self.note(moved)?;
        self.file_at = self.at;
        Ok(())
    }
}

impl<R: Read + Seek> Read for ZipSource<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut room = buffer.len();
        if let Some((start, shown)) = &self.directory {
            if let Some(inside) = self.at.checked_sub(*start) {
                let rest = usize::try_from(inside).ok().and_then(|at| shown.get(at..));
                let count = rest.unwrap_or_default().read(buffer)?;
                self.at += count as u64;
                return Ok(count);
            }
            room = room.min(usize::try_from(start - self.at).unwrap_or(usize::MAX));
        }
        self.follow()?;
        let count = self.file.read(&mut buffer[..room]);
        let count = self.note(count)?;
        self.at += count as u64;
        self.file_at = self.at;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for ZipSource<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(target) => Some(target),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
            SeekFrom::End(distance) => self.length.checked_add_signed(distance),
        };
        let Some(target) = target.filter(|target| *target <= self.length) else {
            let why = "it points outside the archive";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        };
        self.at = target;
        Ok(target)
    }
}
