//! A reader of zip archives, under limits.
//!
//! - The directory decides which members exist. First the reader counts its headers. The directory
//!   must fill the space between the members and the end record exactly.
//! - A member counts as whole only after its last byte, when checksum and size match. A wrong
//!   checksum shows only after the whole content has been read.
//! - A damaged member does not hide the others. A doubtful directory hides all members.
//! - Names are text for people, never paths. Only the directory is in memory.
//!
//! The format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::fmt;
use std::io::{self, Read, Seek};

use zip::read::ZipFileEntry;
use zip::result::ZipError;
use zip::{ZipArchive, ZipReadOptions};

use directory::Opened;
use zip_source::{DiskError, ZipSource};

mod directory;
mod member;
#[cfg(test)]
mod tests;
mod zip_source;

/// The unpacked size below which the ratio does not count, because short, repetitive logs exceed it.
const RATIO_FLOOR_BYTES: u64 = 16 << 20;

/// The size of a zip64 descriptor with its signature, the only bytes that may follow a member's data.
const DESCRIPTOR_BYTES: u64 = 24;

/// The limits of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most members and folders together.
    pub entries: usize,
    /// The most unpacked bytes of one member.
    pub member_bytes: u64,
    /// The most unpacked bytes of all members.
    pub total_bytes: u64,
    /// The most unpacked bytes per packed byte of one member, from 16 MiB unpacked upwards.
    pub ratio: u64,
}

impl Default for Limits {
    /// Returns the largest entry count without zip64, and sizes far above any batch seen. The ratio
    /// is above that of repetitive logs: mail logs reach 30, artificial ones 300. It is below
    /// deflate's own limit of 1,032, which a bomb must come close to.
    fn default() -> Self {
        Self {
            entries: 65_535,
            member_bytes: 16 << 30,
            total_bytes: 32 << 30,
            ratio: 400,
        }
    }
}

/// A fault of an archive or of one of its members, as a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

/// The reason why reading stopped before the archive's end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError<E> {
    /// The disk failed. The bytes of the archive may be good.
    #[error("cannot read the archive: {0}")]
    Source(#[source] io::Error),
    /// The error of the caller's own code.
    #[error(transparent)]
    Each(E),
}

/// One member. Reading fails at the first sign of damage, and then always.
pub struct Member<'a> {
    name: String,
    content: &'a mut dyn Read,
    declared: u64,
    unpacked: u64,
    state: State,
}

enum State {
    Reading,
    Whole,
    Faulty(String),
}

/// Calls `each` with every member in the directory's order and returns the faults of the archive.
/// The list is empty if every member verified. Zero bytes are not an archive. The reader tells
/// entries of one name apart by their offsets.
///
/// The reader also verifies what `each` leaves unread. `each` should return `Ok` if reading a faulty member
/// failed ([`Member::is_faulty`]). This function returns the fault after the other members.
///
/// # Errors
/// An error at once if the source cannot be read or `each` fails. Faulty bytes are never an error.
pub fn members<R: Read + Seek, E>(
    source: R,
    limits: &Limits,
    mut each: impl FnMut(&mut Member<'_>) -> Result<(), E>,
) -> Result<Vec<Fault>, ArchiveError<E>> {
    let disk_error = DiskError::default();
    let opened = directory::open(source, limits, &disk_error);
    if let Some(error) = disk_error.take() {
        return Err(ArchiveError::Source(error));
    }
    let mut reading = Reading {
        limits: *limits,
        disk_error,
        faults: Vec::new(),
    };
    match opened {
        Ok(Opened::Distinct(mut archive, ends)) => {
            for (index, end) in ends.into_iter().enumerate() {
                reading.member(&mut archive, (index, end), &mut each)?;
            }
        }
        Ok(Opened::Repeated(mut source, records)) => {
            for (index, record) in records.iter().enumerate() {
                match directory::single(source, &records, index) {
                    Ok(mut archive) => {
                        reading.member(&mut archive, (0, record.end), &mut each)?;
                        source = archive.into_inner();
                    }
                    Err(fault) => {
                        reading.check_source()?;
                        reading.faults.push(fault);
                        break; // the directory cannot be read
                    }
                }
            }
        }
        Err(fault) => reading.faults.push(fault),
    }
    Ok(reading.faults)
}

/// The rest of the limits, and the faults so far.
struct Reading {
    limits: Limits,
    disk_error: DiskError,
    faults: Vec<Fault>,
}

impl Reading {
    /// Reads one member. Only a descriptor may follow its data before the next entry begins.
    fn member<R: Read + Seek, E>(
        &mut self,
        archive: &mut ZipArchive<ZipSource<R>>,
        (index, end): (usize, u64),
        each: &mut impl FnMut(&mut Member<'_>) -> Result<(), E>,
    ) -> Result<(), ArchiveError<E>> {
        let done = one(archive, index, end, &self.limits, each);
        self.check_source()?;
        let (unpacked, fault) = done.map_err(ArchiveError::Each)?;
        self.limits.total_bytes = self.limits.total_bytes.saturating_sub(unpacked);
        self.faults.extend(fault);
        Ok(())
    }

    /// Fails if the disk has failed.
    fn check_source<E>(&self) -> Result<(), ArchiveError<E>> {
        self.disk_error
            .take()
            .map_or(Ok(()), |error| Err(ArchiveError::Source(error)))
    }
}

/// Reads one member. Only a descriptor may follow its data before the next entry begins. Returns
/// its unpacked size and its fault.
fn one<R: Read + Seek, E>(
    archive: &mut ZipArchive<ZipSource<R>>,
    index: usize,
    end: u64,
    limits: &Limits,
    each: &mut impl FnMut(&mut Member<'_>) -> Result<(), E>,
) -> Result<(u64, Option<Fault>), E> {
    let entry = match archive.by_index_data(index) {
        Ok(entry) => entry,
        Err(error) => return Ok((0, Some(error.into()))),
    };
    let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
    let refused = |why: &dyn fmt::Display| Ok((0, Some(Fault::of(&name, why))));
    match check_entry(&entry, limits) {
        Ok(EntryKind::File) => {}
        Ok(EntryKind::Folder) => return Ok((0, None)),
        Err(why) => return refused(&why),
    }
    // the header before the data must match the directory
    let options = ZipReadOptions::new().enforce_header_consistency(true);
    let mut content = match archive.by_index_with_options(index, options) {
        Ok(content) => content,
        Err(error) => return refused(&error),
    };
    let data_end = content
        .data_start()
        .and_then(|at| at.checked_add(content.compressed_size()));
    let Some(after) = data_end.and_then(|data_end| end.checked_sub(data_end)) else {
        return refused(&"its data overlaps what follows");
    };
    let declared = content.size();
    let state = State::Reading;
    let mut member = Member {
        name,
        content: &mut content,
        declared,
        unpacked: 0,
        state,
    };
    each(&mut member)?;
    let _ = io::copy(&mut member, &mut io::sink()); // an error is in the state
    let fault = match member.state {
        State::Faulty(why) => Some(Fault::of(&member.name, &why)),
        _ if after > DESCRIPTOR_BYTES => {
            let why = format!("{after} bytes that belong to no member follow it");
            Some(Fault::of(&member.name, &why))
        }
        _ => None,
    };
    Ok((member.unpacked, fault))
}

enum EntryKind {
    File,
    Folder,
}

/// Checks an entry by the directory alone. This also bounds the size, because the reader never
/// unpacks more than the declared size.
fn check_entry(entry: &ZipFileEntry<'_>, limits: &Limits) -> Result<EntryKind, String> {
    let (size, packed) = (entry.size(), entry.compressed_size());
    let kind = entry.unix_mode().unwrap_or(0) & 0o170_000;
    if entry.is_dir() || kind == 0o040_000 {
        // an empty content has a few bytes at most when packed
        let is_empty = size == 0 && packed <= 16;
        return if is_empty {
            Ok(EntryKind::Folder)
        } else {
            Err("a folder with content".into())
        };
    }
    if kind != 0 && kind != 0o100_000 {
        return Err(format!(
            "neither a file nor a folder, but of Unix type {kind:o}"
        ));
    }
    if entry.encrypted() {
        return Err("encrypted".into());
    }
    if size > limits.member_bytes {
        return Err(format!(
            "{size} bytes unpacked, {} allowed",
            limits.member_bytes
        ));
    }
    if size > limits.total_bytes {
        return Err(format!(
            "{size} bytes unpacked, {} left for all members",
            limits.total_bytes
        ));
    }
    if size > RATIO_FLOOR_BYTES && size > packed.saturating_mul(limits.ratio) {
        return Err(format!(
            "{size} bytes unpacked from {packed}, {} per byte allowed",
            limits.ratio
        ));
    }
    Ok(EntryKind::File)
}

impl Fault {
    /// Returns the fault of one member, with a shortened name.
    fn of(name: &str, why: &dyn fmt::Display) -> Self {
        let name: String = name.escape_debug().take(60).collect();
        Self(format!("member \"{name}\": {}", sentence(why)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<ZipError> for Fault {
    fn from(error: ZipError) -> Self {
        Self(sentence(&error))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self(sentence(&error))
    }
}

/// Returns a message of another crate in the house style. It may hold bytes of the archive, so it
/// is escaped and cut.
fn sentence(message: &dyn fmt::Display) -> String {
    let message = message.to_string();
    let mut characters = message.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    first
        .chain(characters)
        .flat_map(char::escape_debug)
        .take(200)
        .collect()
}
