//! The file of digests beside the record: blocks of one hour each, with a checksum.

use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::durable::{self, Disk, Handle, Mode};
use crate::spool::seen::{Digest, Seen};

/// The hours for which the file keeps digests.
pub(super) const KEPT_HOURS: i64 = 8 * 24;
/// A file above this size keeps fewer hours.
const LARGE_BYTES: u64 = 64 << 20;
pub(super) const KEPT_HOURS_IF_LARGE: i64 = 36;
/// The collector rewrites the file when its oldest digests exceed their time by this many hours.
pub(super) const SLACK_HOURS: i64 = 12;
/// The most digests in one block. It bounds the memory for reading.
const BLOCK_IDS: usize = 65_536;
const ID_BYTES: usize = 16;
const HEAD_BYTES: usize = 12;
const SUM_BYTES: usize = 8;

/// The part of the file that counts, as the record names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Older {
    /// The number at the end of the file's name.
    pub(super) number: u64,
    /// The number of bytes that count, from the start of the file.
    pub(super) bytes: u64,
    /// The hour since 1970 of its oldest digest.
    pub(super) oldest: i64,
}

impl Older {
    /// Returns the number of bytes of the file that count.
    pub(in crate::spool) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn path(&self, state: &Path) -> PathBuf {
        durable::with_suffix(state, &format!(".ids-{}", self.number))
    }

    /// True if the file exists and holds all bytes that count.
    pub(in crate::spool) fn is_there(&self, disk: &dyn Disk, state: &Path) -> io::Result<bool> {
        let entry = disk.entry(&self.path(state))?;
        Ok(self.bytes == 0 || entry.is_some_and(|entry| entry.size >= self.bytes))
    }

    /// Returns the part of the file before the first damage.
    pub(in crate::spool) fn sound(&self, disk: &dyn Disk, state: &Path) -> io::Result<Self> {
        let bytes = read_blocks(disk, state, self, |_, _| Ok(()))?;
        Ok(self.cut(bytes))
    }

    pub(super) fn cut(&self, bytes: u64) -> Self {
        Self {
            bytes,
            ..self.clone()
        }
    }
}

/// Appends digests to the file and returns the part that the next record must name. `hour` is the
/// present hour.
pub(in crate::spool) fn keep(
    disk: &dyn Disk,
    state: &Path,
    older: Option<&Older>,
    ids: &Seen,
    hour: i64,
) -> io::Result<Older> {
    keep_within(disk, state, (older, ids), hour, LARGE_BYTES)
}

/// Appends digests like [`keep`]. A file above `large_bytes` keeps fewer hours.
pub(super) fn keep_within(
    disk: &dyn Disk,
    state: &Path,
    (older, ids): (Option<&Older>, &Seen),
    hour: i64,
    large_bytes: u64,
) -> io::Result<Older> {
    let oldest = ids.oldest_hour().unwrap_or(hour);
    let Some(older) = older else {
        return rewrite(disk, state, None, ids, (1, hour - KEPT_HOURS));
    };
    let kept_hours = if older.bytes > large_bytes {
        KEPT_HOURS_IF_LARGE
    } else {
        KEPT_HOURS
    };
    let path = older.path(state);
    let size = disk.entry(&path)?.map(|entry| entry.size);
    let horizon = hour - kept_hours;
    if size != Some(older.bytes) || older.oldest < horizon - SLACK_HOURS {
        return rewrite(disk, state, Some(older), ids, (older.number + 1, horizon));
    }
    let mut file = BufWriter::new(disk.append(&path)?);
    let written = write_blocks(&mut file, ids)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync()?;
    Ok(Older {
        bytes: older.bytes + written,
        oldest: older.oldest.min(oldest),
        ..*older
    })
}

/// Writes a new file without the digests before the horizon. The old file stays, because the copy
/// of the record names it until the next replacement. The rewrite after this one deletes it.
fn rewrite(
    disk: &dyn Disk,
    state: &Path,
    older: Option<&Older>,
    ids: &Seen,
    (number, horizon): (u64, i64),
) -> io::Result<Older> {
    let mut next = Older {
        number,
        bytes: 0,
        oldest: ids.oldest_hour().unwrap_or(i64::MAX),
    };
    let path = next.path(state);
    let leftover = Older {
        number: number.saturating_sub(2),
        ..next
    };
    for stale in [&path, &leftover.path(state)] {
        if disk.entry(stale)?.is_some() {
            disk.remove(stale)?;
        }
    }
    let mut file = BufWriter::new(disk.create(&path, Mode::PRIVATE)?);
    if let Some(older) = older {
        let mut written = 0;
        let mut first = i64::MAX;
        let copied = read_blocks(disk, state, older, |hour, ids| {
            if hour >= horizon {
                first = first.min(hour);
                written += write_block(&mut file, hour, ids)?;
            }
            Ok(())
        });
        copied?;
        (next.bytes, next.oldest) = (written, next.oldest.min(first));
    }
    next.bytes += write_blocks(&mut file, ids)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync()?;
    disk.sync_folder(durable::folder_of(state))?;
    Ok(next)
}

fn write_blocks(file: &mut impl io::Write, ids: &Seen) -> io::Result<u64> {
    let mut written = 0;
    for (hour, ids) in ids.hours() {
        for ids in ids.chunks(BLOCK_IDS) {
            written += write_block(file, hour, ids)?;
        }
    }
    Ok(written)
}

/// Writes the hour, the count, the digests and a checksum of them.
fn write_block(file: &mut impl io::Write, hour: i64, ids: &[Digest]) -> io::Result<u64> {
    let mut block = Vec::with_capacity(HEAD_BYTES + ids.len() * ID_BYTES + SUM_BYTES);
    let count = u32::try_from(ids.len()).expect("a block is bounded");
    block.extend_from_slice(&hour.to_le_bytes());
    block.extend_from_slice(&count.to_le_bytes());
    block.extend(ids.iter().flat_map(|id| id.to_bytes()));
    let sum = Sha256::digest(&block);
    block.extend_from_slice(&sum[..SUM_BYTES]);
    file.write_all(&block)?;
    Ok(block.len() as u64)
}

/// Reads the part that counts, block by block, up to the first damage. Returns the number of
/// undamaged bytes.
pub(super) fn read_blocks(
    disk: &dyn Disk,
    state: &Path,
    older: &Older,
    mut each: impl FnMut(i64, &[Digest]) -> io::Result<()>,
) -> io::Result<u64> {
    let file: Box<dyn Handle> = match disk.open(&older.path(state)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened?,
    };
    let mut file = BufReader::with_capacity(1 << 16, file).take(older.bytes);
    let mut sound = 0;
    while file.limit() > 0
        && let Some((hour, ids)) = read_block(&mut file)?
    {
        each(hour, &ids)?;
        sound = older.bytes - file.limit();
    }
    Ok(sound)
}

/// Reads one block. Returns `None` if it is damaged.
fn read_block(file: &mut impl Read) -> io::Result<Option<(i64, Vec<Digest>)>> {
    let mut head = [0; HEAD_BYTES];
    if !fill(file, &mut head)? {
        return Ok(None);
    }
    let (hour, count) = head.split_at(8);
    let hour = i64::from_le_bytes(hour.try_into().expect("eight bytes"));
    let count = u32::from_le_bytes(count.try_into().expect("four bytes")) as usize;
    if count > BLOCK_IDS {
        return Ok(None);
    }
    let mut rest = vec![0; count * ID_BYTES + SUM_BYTES];
    if !fill(file, &mut rest)? {
        return Ok(None);
    }
    let (ids, sum) = rest.split_at(count * ID_BYTES);
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(ids);
    if hash.finalize()[..SUM_BYTES] != *sum {
        return Ok(None);
    }
    let (ids, _) = ids.as_chunks::<ID_BYTES>();
    Ok(Some((
        hour,
        ids.iter().map(|id| Digest::from_bytes(*id)).collect(),
    )))
}

/// Fills the buffer. Returns false if the file ends before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}
