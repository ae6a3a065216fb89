//! Reads the outbox of one destination: its files in order, cut into batches at line ends.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::batch::{Batch, Limits, Source};
use super::record::Record;
use crate::durable::{Disk, Handle, Kind, sealed};
use crate::spool::{Queued, SpoolError};

const BUFFER_BYTES: usize = 64 << 10;
/// The longest line that is sent, in bytes. Of a longer one, only the beginning is read.
pub const LINE_LIMIT: u64 = 16 << 20;

/// The outbox of one destination.
pub struct Queue<'a> {
    disk: &'a dyn Disk,
    folder: PathBuf,
    names: VecDeque<Queued>,
    reading: Option<Reading>,
}

/// What the outbox has next.
pub enum Next {
    /// Lines to send. There may be none, if the last bytes of a file were confirmed before.
    Batch(Batch),
    /// A file that another program has changed or deleted, with the word for it.
    Damaged(Queued, &'static str),
    /// No file.
    Nothing,
}

/// A file that is being read.
struct Reading {
    source: Source,
    file: BufReader<Box<dyn Handle>>,
    /// Where the next line begins.
    offset: u64,
    /// A line that did not fit into the last batch, with its size in the file.
    ahead: Option<(Vec<u8>, u64)>,
}

/// The size of an outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The number of files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// The number of the oldest file: milliseconds since 1970.
    pub oldest: Option<u64>,
}

/// Lists the files of an outbox in order, each with its size. A folder that does not exist has none.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<(Queued, u64)>, SpoolError> {
    let listed = match disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(|error| SpoolError::disk("list", folder, error))?,
    };
    let files = listed.iter().filter(|entry| entry.kind == Kind::File);
    let mut found: Vec<_> = files
        .filter_map(|entry| Some((Queued::parse(&entry.name)?, entry.size)))
        .collect();
    found.sort();
    Ok(found)
}

/// Returns the size of an outbox.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn backlog(disk: &dyn Disk, folder: &Path) -> Result<Backlog, SpoolError> {
    let files = list(disk, folder)?;
    Ok(Backlog {
        files: files.len() as u64,
        bytes: files.iter().map(|(_, size)| size).sum(),
        oldest: files.first().map(|(first, _)| first.number),
    })
}

impl<'a> Queue<'a> {
    /// Returns the queue of an outbox. It lists the files when it is asked for the first.
    pub const fn of(disk: &'a dyn Disk, folder: PathBuf) -> Self {
        Self {
            disk,
            folder,
            names: VecDeque::new(),
            reading: None,
        }
    }

    /// Deletes a file from the outbox. A file that is gone is no error.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn remove(&self, name: &str) -> Result<(), SpoolError> {
        let path = self.folder.join(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| SpoolError::disk("remove", &path, error)),
        }
    }

    /// Makes deletions durable.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn sync(&self) -> Result<(), SpoolError> {
        let synced = self.disk.sync_folder(&self.folder);
        synced.map_err(|error| SpoolError::disk("sync", &self.folder, error))
    }

    /// Returns the next lines of one folder within the limits.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn next(&mut self, record: &Record, limits: Limits) -> Result<Next, SpoolError> {
        let mut batch = Batch::default();
        loop {
            if self.reading.is_none() {
                // the files of a batch that is not confirmed must not be listed again
                if batch.sources.is_empty() && self.names.is_empty() {
                    self.list_again(record)?;
                }
                let Some(queued) = self.names.pop_front() else {
                    break;
                };
                let is_other = !batch.sources.is_empty() && batch.folder() != queued.folder;
                if is_other {
                    self.names.push_front(queued);
                    break;
                }
                let path = self.folder.join(queued.file_name());
                let opened =
                    Reading::open(self.disk, &path, &queued, record.cursor.offset_of(&queued));
                match opened.map_err(|error| SpoolError::disk("read", &path, error))? {
                    Ok(reading) => self.reading = Some(reading),
                    Err(what) if batch.sources.is_empty() => {
                        return Ok(Next::Damaged(queued, what));
                    }
                    Err(_) => {
                        self.names.push_front(queued);
                        break;
                    }
                }
            }
            let reading = self.reading.as_mut().expect("it was opened");
            let name = reading.source.queued.file_name();
            let filled = reading.fill(&mut batch, limits);
            let path = self.folder.join(name);
            if !filled.map_err(|error| SpoolError::disk("read", &path, error))? {
                break;
            }
            self.reading = None;
        }
        Ok(match batch.sources.is_empty() {
            true => Next::Nothing,
            false => Next::Batch(batch),
        })
    }

    /// Lists the files that the destination does not have.
    fn list_again(&mut self, record: &Record) -> Result<(), SpoolError> {
        let names = list(self.disk, &self.folder)?
            .into_iter()
            .map(|(queued, _)| queued);
        self.names = names.filter(|queued| !record.cursor.has(queued)).collect();
        Ok(())
    }

    /// Deletes the files that the destination has. A killed run, recovery or a power cut can leave some.
    ///
    /// # Errors
    /// [`SpoolError::Disk`].
    pub fn delete_confirmed(&self, record: &Record) -> Result<(), SpoolError> {
        for (queued, _) in list(self.disk, &self.folder)? {
            if record.cursor.has(&queued) {
                self.remove(&queued.file_name())?;
            }
        }
        Ok(())
    }
}

impl Reading {
    /// Opens a file at a place. Returns what another program has done with it if that cannot be.
    fn open(
        disk: &dyn Disk,
        path: &Path,
        queued: &Queued,
        offset: u64,
    ) -> io::Result<Result<Self, &'static str>> {
        let mut file = match disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err("deleted")),
            opened => opened?,
        };
        let sha256 = digest(&mut file)?;
        if !sealed::hex(&sha256).starts_with(queued.name.digest()) {
            return Ok(Err("changed"));
        }
        file.seek(SeekFrom::Start(offset))?;
        Ok(Ok(Self {
            source: Source::new(queued.clone(), sha256),
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            offset,
            ahead: None,
        }))
    }

    /// Adds lines to a batch. Returns true at the end of the file.
    fn fill(&mut self, batch: &mut Batch, limits: Limits) -> io::Result<bool> {
        batch.sources.push(self.source.clone());
        let before = batch.lines().len();
        loop {
            let (line, size) = match self.ahead.take() {
                Some(line) => line,
                None => self.read_line()?,
            };
            batch.end = self.offset;
            if line.is_empty() {
                let source = batch.sources.last_mut().expect("it was added");
                source.is_complete = true;
                return Ok(true);
            }
            let is_full = batch.lines().len() >= limits.lines
                || batch.bytes() + line.len() > limits.bytes && !batch.lines().is_empty();
            if is_full {
                self.ahead = Some((line, size));
                if batch.lines().len() == before && before > 0 {
                    batch.sources.pop();
                }
                return Ok(false);
            }
            batch.push(self.offset, &line);
            self.offset += size;
        }
    }

    /// Reads a line with its break, and returns it with its size in the file. Empty at the end of the file.
    fn read_line(&mut self) -> io::Result<(Vec<u8>, u64)> {
        let mut line = Vec::new();
        let read = (&mut self.file)
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut line)?;
        let is_cut = read as u64 == LINE_LIMIT && line.last() != Some(&b'\n');
        let rest = match is_cut {
            true => self.file.skip_until(b'\n')?,
            false => 0,
        };
        Ok((line, (read + rest) as u64))
    }
}

/// True if a file has a line for which `is_wanted` is true. A file that is gone has none.
///
/// # Errors
/// The error of the disk.
pub fn has_line(
    disk: &dyn Disk,
    path: &Path,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> io::Result<bool> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut file).take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        if is_wanted(line.strip_suffix(b"\n").unwrap_or(&line)) {
            return Ok(true);
        }
    }
}

fn digest(file: &mut Box<dyn Handle>) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&buffer[..count]),
        }
    }
}
