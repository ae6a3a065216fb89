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

use zip::{ZipArchive, ZipReadOptions};

use directory::Opened;
use limits::{EntryKind, check_entry};
use zip_source::{DiskError, ZipSource};

pub use fault::Fault;
pub use limits::Limits;

mod directory;
mod fault;
mod limits;
mod member;
#[cfg(test)]
mod tests;
mod zip_source;

/// The size of a zip64 descriptor with its signature, the only bytes that may follow a member's data.
const DESCRIPTOR_BYTES: u64 = 24;

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
