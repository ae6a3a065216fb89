//! Container to members, under limits.
//!
//! - The directory decides what there is; before it is believed it is counted, and it must lie
//!   exactly between the members and the end record: nothing before, between or after.
//! - A member counts as whole only after its last byte, once checksum and size have agreed: a wrong
//!   checksum shows only after everything has been handed out.
//! - A damaged member does not hide the others; a doubtful directory hides all.
//! - Names are text for people, never paths. Nothing is held in memory but the directory.
//!
//! The format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

use std::fmt;
use std::io::{self, Read, Seek};

use zip::read::ZipFileEntry;
use zip::result::ZipError;
use zip::{ZipArchive, ZipReadOptions};

use directory::Opened;
use zip_source::{Failure, ZipSource};

mod directory;
mod member;
#[cfg(test)]
mod tests;
mod zip_source;

/// Unpacked bytes below which the ratio says nothing: a short, repetitive log is no bomb.
const RATIO_FLOOR_BYTES: u64 = 16 << 20;

/// A zip64 descriptor with its signature, the only thing that may stand after a member's data.
const DESCRIPTOR_BYTES: u64 = 24;

/// What an archive may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Members and folders together.
    pub entries: usize,
    /// Unpacked bytes of one member.
    pub member_bytes: u64,
    /// Unpacked bytes of all members.
    pub total_bytes: u64,
    /// Unpacked bytes per packed byte of one member, from 16 MiB unpacked upwards.
    pub ratio: u64,
}

impl Default for Limits {
    /// The largest entry count without zip64, sizes far above any batch seen, and a ratio between
    /// that of repetitive logs (mail logs reach 30, artificial ones 300) and deflate's own limit
    /// of 1,032, which a bomb must come close to.
    fn default() -> Self {
        Self {
            entries: 65_535,
            member_bytes: 16 << 30,
            total_bytes: 32 << 30,
            ratio: 400,
        }
    }
}

/// What is wrong with an archive or one of its members, as a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

/// Why reading stopped before the archive's end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError<E> {
    /// The disk under the archive failed; its bytes may be good.
    #[error("cannot read the archive: {0}")]
    Source(#[source] io::Error),
    /// The caller's own failure.
    #[error(transparent)]
    Each(E),
}

/// One member. Reading fails at the first sign of damage, and from then on.
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

/// Calls `each` with every member in the directory's order and returns what is wrong with the
/// archive: an empty list if all of it verified. No bytes at all are no archive. Entries of one name are told
/// apart by their places.
///
/// What `each` leaves unread is verified all the same. `each` ought to end well when reading the
/// member failed ([`Member::is_faulty`]): the fault is returned here, after the other members.
///
/// # Errors
/// When the source cannot be read or `each` fails, at once; never for what the bytes are.
pub fn members<R: Read + Seek, E>(
    source: R,
    limits: &Limits,
    mut each: impl FnMut(&mut Member<'_>) -> Result<(), E>,
) -> Result<Vec<Fault>, ArchiveError<E>> {
    let failure = Failure::default();
    let opened = directory::open(source, limits, &failure);
    if let Some(error) = failure.take() {
        return Err(ArchiveError::Source(error));
    }
    let mut reading = Reading {
        limits: *limits,
        failure,
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

/// What is left of the limits, and what was found.
struct Reading {
    limits: Limits,
    failure: Failure,
    faults: Vec<Fault>,
}

impl Reading {
    /// Reads one member, which must end where the next begins.
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

    /// The disk under the archive has not failed.
    fn check_source<E>(&self) -> Result<(), ArchiveError<E>> {
        self.failure
            .take()
            .map_or(Ok(()), |error| Err(ArchiveError::Source(error)))
    }
}

/// Reads one member, which must end where the next begins; gives its size and what is wrong.
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
    match admit(&entry, limits) {
        Ok(Kind::File) => {}
        Ok(Kind::Folder) => return Ok((0, None)),
        Err(why) => return refused(&why),
    }
    // The header before the data must say what the directory says.
    let options = ZipReadOptions::new().enforce_header_consistency(true);
    let mut content = match archive.by_index_with_options(index, options) {
        Ok(content) => content,
        Err(error) => return refused(&error),
    };
    let data_end = content
        .data_start()
        .and_then(|at| at.checked_add(content.compressed_size()));
    let Some(after) = data_end.and_then(|data_end| end.checked_sub(data_end)) else {
        return refused(&"its data reach into what follows");
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

enum Kind {
    File,
    Folder,
}

/// Judges an entry by what the directory says. Sizes can be judged here: no more than the declared
/// size is ever unpacked.
fn admit(entry: &ZipFileEntry<'_>, limits: &Limits) -> Result<Kind, String> {
    let (size, packed) = (entry.size(), entry.compressed_size());
    let kind = entry.unix_mode().unwrap_or(0) & 0o170_000;
    if entry.is_dir() || kind == 0o040_000 {
        // Nothing, packed, takes a few bytes at most.
        let is_empty = size == 0 && packed <= 16;
        return if is_empty {
            Ok(Kind::Folder)
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
            "{size} bytes unpacked, {} left for all",
            limits.total_bytes
        ));
    }
    if size > RATIO_FLOOR_BYTES && size > packed.saturating_mul(limits.ratio) {
        return Err(format!(
            "{size} bytes out of {packed}, {} per byte allowed",
            limits.ratio
        ));
    }
    Ok(Kind::File)
}

impl Fault {
    /// The fault of one member; its name is cut.
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

/// A message of another crate in our form; it may hold bytes of the archive.
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
