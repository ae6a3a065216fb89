//! The directory of an archive. The reader accepts it only if there is one way to read it.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use memchr::memmem;
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

use super::zip_source::{DiskError, ZipSource};
use super::{Fault, Limits};

/// The largest directory in bytes, because the directory is in memory. It is enough for 65,535
/// names of 200 characters.
const DIRECTORY_BYTES: u64 = 16 << 20;

/// An archive with an unambiguous directory.
pub(super) enum Opened<R> {
    /// Every entry has a different name. The numbers are the offsets at which the next entry begins.
    Distinct(ZipArchive<ZipSource<R>>, Vec<u64>),
    /// Some names repeat. The reader reads each entry by its offset, through a directory of its own.
    Repeated(ZipSource<R>, Vec<Record>),
}

/// The record of one entry in the directory.
pub(super) struct Record {
    /// The range of the record.
    bytes: Range<u64>,
    /// The offset of the entry's local header.
    start: u64,
    /// The packed bytes of the entry, without its header.
    packed: u64,
    /// The offset at which the next entry begins.
    pub(super) end: u64,
}

/// Opens an archive with an unambiguous directory.
pub(super) fn open<R: Read + Seek>(
    source: R,
    limits: &Limits,
    disk_error: &DiskError,
) -> Result<Opened<R>, Fault> {
    let mut source = ZipSource::new(source, disk_error)?;
    if source.length == 0 {
        return refuse("it is empty"); // an archive without members has 22 bytes
    }
    let (directory, count) = find_directory(&mut source, limits)?;
    count_headers(&mut source, &directory, count)?;
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let archive = ZipArchive::with_config(config, source)?;
    if archive.has_duplicate_names() {
        let mut source = archive.into_inner();
        let records = records(&mut source, &directory, count)?;
        return Ok(Opened::Repeated(source, records));
    }
    if archive.len() as u64 != count || archive.central_directory_start() != directory.start {
        return refuse("the directory can be read in two ways");
    }
    let mut starts = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index)?;
        // a local header has at least 30 bytes
        let end = entry
            .header_start()
            .saturating_add(30)
            .saturating_add(entry.compressed_size());
        starts.push((entry.header_start(), end, index));
    }
    let ends = ends(starts, directory.start)?;
    Ok(Opened::Distinct(archive, ends))
}

/// Returns for each entry the offset at which the next one begins. `starts` holds start, least end
/// and index of each. The entries must follow one another from the first byte on.
fn ends(mut starts: Vec<(u64, u64, usize)>, directory: u64) -> Result<Vec<u64>, Fault> {
    starts.sort_unstable();
    let mut ends = vec![directory; starts.len()];
    for (place, &(_, end, index)) in starts.iter().enumerate() {
        if let Some(&(next, ..)) = starts.get(place + 1) {
            ends[index] = next;
        }
        if end > ends[index] {
            return refuse("its entries overlap");
        }
    }
    if starts.first().map_or(directory, |&(start, ..)| start) != 0 {
        return refuse("data before the first entry");
    }
    Ok(ends)
}

/// Reads the records of a directory with repeated names.
fn records<R: Read + Seek>(
    source: &mut ZipSource<R>,
    directory: &Range<u64>,
    count: u64,
) -> Result<Vec<Record>, Fault> {
    source.seek(SeekFrom::Start(directory.start))?;
    let mut records = Vec::new();
    let mut header = [0; 46];
    for _ in 0..count {
        let at = source.at;
        source.read_exact(&mut header)?;
        let rest = number(&header, 28, 2) + number(&header, 30, 2) + number(&header, 32, 2);
        source.seek(SeekFrom::Current(rest.cast_signed()))?;
        let (packed, start) = (number(&header, 20, 4), number(&header, 42, 4));
        if [packed, start].contains(&0xFFFF_FFFF) {
            return refuse("entries share a name, and one of them has zip64 sizes");
        }
        records.push(Record {
            bytes: at..source.at,
            start,
            packed,
            end: 0,
        });
    }
    let starts = records.iter().enumerate();
    // a local header has at least 30 bytes
    let starts =
        starts.map(|(index, record)| (record.start, record.start + 30 + record.packed, index));
    let ends = ends(starts.collect(), directory.start)?;
    for (record, end) in records.iter_mut().zip(ends) {
        record.end = end;
    }
    Ok(records)
}

/// Opens the archive as if it held only this entry.
pub(super) fn single<R: Read + Seek>(
    mut source: ZipSource<R>,
    records: &[Record],
    index: usize,
) -> Result<ZipArchive<ZipSource<R>>, Fault> {
    let directory = records.first().map_or(0, |first| first.bytes.start);
    source.show_one(directory, &records[index].bytes)?;
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    Ok(ZipArchive::with_config(config, source)?)
}

/// Returns the range of the directory and its stated number of entries. The crate searches for an end record
/// too, and accepts more. So this function accepts only the end record that the crate finds first. Otherwise
/// the crate could find one among the members, and reserve memory for as many entries as it claims.
fn find_directory<R: Read + Seek>(
    source: &mut ZipSource<R>,
    limits: &Limits,
) -> Result<(Range<u64>, u64), Fault> {
    let mut signature = [0; 4];
    let known = [*b"PK\x03\x04", *b"PK\x05\x06", *b"PK\x06\x06"];
    if source.read_exact(&mut signature).is_err() || !known.contains(&signature) {
        return refuse("not a zip archive: it does not start as one");
    }
    // the end record with the longest comment, and the zip64 locator before it
    let tail_length = source.length.min(20 + 22 + 65_535);
    let tail_start = source.seek(SeekFrom::End(-tail_length.cast_signed()))?;
    let mut tail = vec![0; tail_length as usize];
    source.read_exact(&mut tail)?;
    let searched = &tail[..tail.len().saturating_sub(22 - 4)];
    let Some(found) = memmem::rfind(searched, b"PK\x05\x06") else {
        return refuse("no end record: the archive is cut short");
    };
    let (before, record) = tail.split_at(found);
    if 22 + number(record, 20, 2) != record.len() as u64 {
        return refuse("bytes after the end of the archive");
    }
    let mut end = End {
        at: tail_start + found as u64,
        stated: [
            number(record, 10, 2),
            number(record, 12, 4),
            number(record, 16, 4),
        ],
        is_divided: number(record, 4, 4) != 0 || number(record, 8, 2) != number(record, 10, 2),
    };
    let saturated = [0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF];
    if let Some(locator) = before
        .last_chunk()
        .filter(|locator| locator.starts_with(b"PK\x06\x07"))
        && (0..3).any(|i| end.stated[i] == saturated[i])
    {
        let large = zip64_end(source, locator, end.at - 20)?;
        let agrees = |i: usize| [saturated[i], large.stated[i]].contains(&end.stated[i]);
        if !(0..3).all(agrees) {
            return refuse("its two end records disagree");
        }
        end = large;
    }
    let [count, size, start] = end.stated;
    if end.is_divided {
        return refuse("one part of a split archive");
    }
    if start.checked_add(size) != Some(end.at) {
        return refuse("the directory is not where its end states");
    }
    if count > limits.entries as u64 || size > DIRECTORY_BYTES {
        return Err(Fault(format!(
            "{count} entries in a directory of {size} bytes, {} and {DIRECTORY_BYTES} allowed",
            limits.entries
        )));
    }
    Ok((start..end.at, count))
}

/// The statements of an end record.
struct End {
    /// The offset of the record, at which the directory ends.
    at: u64,
    /// The number of entries, the bytes and the offset of the directory.
    stated: [u64; 3],
    is_divided: bool,
}

/// Reads the zip64 end record, which must be directly before its locator.
fn zip64_end<R: Read + Seek>(
    source: &mut ZipSource<R>,
    locator: &[u8; 20],
    locator_at: u64,
) -> Result<End, Fault> {
    let at = number(locator, 8, 8);
    let mut record = [0; 56];
    source.seek(SeekFrom::Start(at))?;
    if source.read_exact(&mut record).is_err()
        || !record.starts_with(b"PK\x06\x06")
        || number(&record, 4, 8) != 44
        || at + 56 != locator_at
    {
        return refuse("the zip64 end record is not where its locator states");
    }
    let count = number(&record, 32, 8);
    Ok(End {
        at,
        stated: [count, number(&record, 40, 8), number(&record, 48, 8)],
        is_divided: number(&record, 16, 8) != 0
            || number(locator, 4, 4) != 0
            || number(locator, 16, 4) > 1
            || number(&record, 24, 8) != count,
    })
}

/// Fails unless the directory holds exactly as many headers as its end states. The crate reads that
/// many and ignores the rest.
fn count_headers<R: Read + Seek>(
    source: &mut ZipSource<R>,
    directory: &Range<u64>,
    count: u64,
) -> Result<(), Fault> {
    source.seek(SeekFrom::Start(directory.start))?;
    let mut header = [0; 46];
    for _ in 0..count {
        if source.read_exact(&mut header).is_err() || !header.starts_with(b"PK\x01\x02") {
            return refuse("the directory is damaged, or its end states too many entries");
        }
        let rest = number(&header, 28, 2) + number(&header, 30, 2) + number(&header, 32, 2);
        source.seek(SeekFrom::Current(rest.cast_signed()))?;
    }
    if source.at != directory.end {
        return refuse("the directory holds more than its end states");
    }
    Ok(())
}

fn refuse<T>(what: &str) -> Result<T, Fault> {
    Err(Fault(what.to_owned()))
}

/// Returns a little-endian number, or zero beyond the end.
fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let field = bytes.get(at..at + width).unwrap_or_default();
    field
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
