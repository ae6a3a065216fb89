//! The memory of what was published: digests of ids and contents, for eight days.
//!
//! The newest digests are in the state record, because they have to change in the same step as the
//! position. The record is written with every commit, so it stays small: digests that are too many for it
//! move to a file beside it. The file is only appended to, and the record says how many of its bytes
//! count, so that an interrupted append never happened. It is written and synced before the record.

use std::collections::HashSet;
use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::seen::{Digest, Seen};
use crate::durable::{self, Disk, Handle, Mode};

/// Digests in the record before they move to the file: 22 kB of text.
pub(super) const RECENT_LIMIT: usize = 1_024;
/// Digests are remembered for so long.
const KEPT_HOURS: i64 = 8 * 24;
/// A file above this size keeps fewer hours.
const LARGE_BYTES: u64 = 64 << 20;
const KEPT_HOURS_IF_LARGE: i64 = 36;
/// The file is written anew when its oldest digests are older than they need to be by so much.
const SLACK_HOURS: i64 = 12;
/// Digests of one block, at most: it bounds the memory for reading.
const BLOCK_IDS: usize = 65_536;
const ID_BYTES: usize = 16;
const HEAD_BYTES: usize = 12;
const SUM_BYTES: usize = 8;
/// Digests of this run that are searched by hash before they are sorted in.
const FRESH_LIMIT: usize = 100_000;

/// The part of the file that counts, as the record names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Older {
    /// Ends the name of the file.
    number: u64,
    /// Bytes from its start that count.
    bytes: u64,
    /// The hour since 1970 of its oldest digest.
    oldest: i64,
}

impl Older {
    /// How many bytes of the file count.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn path(&self, state: &Path) -> PathBuf {
        durable::with_suffix(state, &format!(".ids-{}", self.number))
    }

    /// True if the file is there with all bytes that count.
    pub(super) fn is_there(&self, disk: &dyn Disk, state: &Path) -> io::Result<bool> {
        let entry = disk.entry(&self.path(state))?;
        Ok(self.bytes == 0 || entry.is_some_and(|entry| entry.size >= self.bytes))
    }

    /// The part of the file before its first damage.
    pub(super) fn sound(&self, disk: &dyn Disk, state: &Path) -> io::Result<Self> {
        let bytes = read_blocks(disk, state, self, |_, _| Ok(()))?;
        Ok(self.cut(bytes))
    }

    fn cut(&self, bytes: u64) -> Self {
        Self {
            bytes,
            ..self.clone()
        }
    }
}

/// Adds digests to the file and returns what the next record has to name; `hour` is the present.
pub(super) fn keep(
    disk: &dyn Disk,
    state: &Path,
    older: Option<&Older>,
    ids: &Seen,
    hour: i64,
) -> io::Result<Older> {
    let oldest = ids.oldest_hour().unwrap_or(hour);
    let Some(older) = older else {
        return rewrite(disk, state, None, ids, (1, hour - KEPT_HOURS));
    };
    let kept_hours = if older.bytes > LARGE_BYTES {
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

/// Writes a new file without what is older than the horizon. The old file stays: the copy of the record
/// names it until the next replacement, and the rewrite after this one deletes it.
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

/// Writes hour, count, digests and a check sum over them.
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

/// Reads the part that counts, block by block, up to the first damage; returns how many bytes are sound.
fn read_blocks(
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

/// Reads one block; `None` if it is not as it was written.
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

/// Fills the buffer; false if the file ends before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// All digests that can be needed, in memory.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Digests that were remembered before this hour are left out.
    from: i64,
    sorted: Vec<Digest>,
    fresh: HashSet<Digest>,
}

impl Known {
    /// Reads the file from `hour` on, beside the digests of the record. Returns the sound part of the file
    /// as well if another part is damaged.
    pub(super) fn load(
        disk: &dyn Disk,
        state: &Path,
        older: Option<&Older>,
        recent: [&Seen; 2],
        hour: i64,
    ) -> io::Result<(Self, Option<Older>)> {
        let mut known = Self {
            from: hour,
            ..Self::default()
        };
        let mut shortened = None;
        if let Some(older) = older {
            let sound = read_blocks(disk, state, older, |block, ids| {
                if block >= hour {
                    known.sorted.extend_from_slice(ids);
                }
                Ok(())
            })?;
            shortened = (sound < older.bytes).then(|| older.cut(sound));
            known.sorted.sort_unstable();
        }
        known.extend(recent.into_iter().flat_map(Seen::ids));
        Ok((known, shortened))
    }

    /// True if everything from `hour` on is in memory.
    pub(super) const fn reaches(&self, hour: i64) -> bool {
        self.from <= hour
    }

    pub(super) fn contains(&self, id: Digest) -> bool {
        self.fresh.contains(&id) || self.sorted.binary_search(&id).is_ok()
    }

    /// Looks for two digests with the same first half at once.
    pub(super) fn contains_either(&self, one: Digest, other: Digest) -> bool {
        if self.fresh.contains(&one) || self.fresh.contains(&other) {
            return true;
        }
        let half = one.half();
        let start = self.sorted.partition_point(|known| known.half() < half);
        let mut same = self.sorted[start..]
            .iter()
            .take_while(|known| known.half() == half);
        same.any(|known| *known == one || *known == other)
    }

    pub(super) fn extend(&mut self, ids: impl IntoIterator<Item = Digest>) {
        self.fresh.extend(ids);
        if self.fresh.len() > FRESH_LIMIT {
            self.sorted.extend(self.fresh.drain());
            self.sorted.sort(); // which merges what is sorted
            self.fresh.shrink_to_fit();
        }
    }

    /// How many digests are in memory.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.fresh.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::model::{Model, Renames};
    use proptest::prelude::*;

    const STATE: &str = "/state/siem.state";

    fn id(number: u64) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    fn seen(hour: i64, numbers: std::ops::Range<u64>) -> Seen {
        let mut seen = Seen::default();
        seen.extend(numbers.map(|number| (hour * 3_600, id(number))));
        seen
    }

    fn disk() -> Model {
        Model::new(&[Path::new("/state")], Renames::Atomic)
    }

    fn load(disk: &Model, older: &Older, hour: i64) -> (Known, bool) {
        let (none, state) = (Seen::default(), Path::new(STATE));
        let loaded = Known::load(disk, state, Some(older), [&none, &none], hour);
        let (known, shortened) = loaded.unwrap();
        assert_eq!(
            older.sound(disk, state).unwrap() == *older,
            shortened.is_none()
        );
        (known, shortened.is_none())
    }

    #[test]
    fn digests_are_found_again_from_the_hour_that_is_asked_for() {
        let (disk, state) = (disk(), Path::new(STATE));
        let first = keep(&disk, state, None, &seen(100, 0..10), 100).unwrap();
        let second = keep(&disk, state, Some(&first), &seen(101, 10..20), 101).unwrap();
        let (known, is_sound) = load(&disk, &second, 101);
        assert!(is_sound && !known.contains(id(3)) && known.contains(id(13)));
        let (known, is_sound) = load(&disk, &second, 0);
        assert!(is_sound && (0..20).all(|number| known.contains(id(number))));
        assert!(!known.contains(id(20)) && known.reaches(0) && known.len() == 20);
    }

    #[test]
    fn an_append_that_no_record_names_never_happened() {
        let (disk, state) = (disk(), Path::new(STATE));
        let first = keep(&disk, state, None, &seen(100, 0..10), 100).unwrap();
        keep(&disk, state, Some(&first), &seen(100, 10..20), 100).unwrap();
        let (known, is_sound) = load(&disk, &first, 0);
        assert!(is_sound && known.contains(id(3)) && !known.contains(id(13)));
        let third = keep(&disk, state, Some(&first), &seen(100, 20..30), 100).unwrap();
        let (known, _) = load(&disk, &third, 0);
        assert!(known.contains(id(3)) && !known.contains(id(13)) && known.contains(id(23)));
    }

    #[test]
    fn for_eight_days_digests_stay_in_the_file() {
        let (disk, state) = (disk(), Path::new(STATE));
        let mut older = keep(&disk, state, None, &seen(0, 0..10), 0).unwrap();
        for hour in (4..=8 * 24_i64).step_by(4) {
            let number = 1_000 + hour.cast_unsigned();
            let ids = seen(hour, number..number + 1);
            older = keep(&disk, state, Some(&older), &ids, hour).unwrap();
            let (known, is_sound) = load(&disk, &older, 0);
            assert!(is_sound && known.contains(id(3)), "{hour}");
        }
    }

    #[test]
    fn after_eight_days_and_some_hours_digests_leave_the_file() {
        let (disk, state) = (disk(), Path::new(STATE));
        let mut older = keep(&disk, state, None, &seen(0, 0..10), 0).unwrap();
        for hour in 1..=KEPT_HOURS + SLACK_HOURS + 1 {
            let number = 1_000 + hour.cast_unsigned();
            older = keep(
                &disk,
                state,
                Some(&older),
                &seen(hour, number..number + 1),
                hour,
            )
            .unwrap();
        }
        let (known, _) = load(&disk, &older, 0);
        assert!(!known.contains(id(3)) && known.contains(id(1_000 + 20)));
        assert!(disk.files(Path::new("/state")).len() <= 2);
    }

    #[test]
    fn damage_is_noticed_and_what_is_before_it_still_counts() {
        let (disk, state) = (disk(), Path::new(STATE));
        let first = keep(&disk, state, None, &seen(100, 0..10), 100).unwrap();
        let second = keep(&disk, state, Some(&first), &seen(101, 10..20), 101).unwrap();
        let path = second.path(state);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let whole = disk.files(Path::new("/state")).remove(&name).unwrap();
        for at in [whole.len() - 1, whole.len() / 2 + 20] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            disk.tamper(&path, Some(&damaged));
            let (known, is_sound) = load(&disk, &second, 0);
            assert!(
                !is_sound && known.contains(id(3)) && !known.contains(id(13)),
                "{at}"
            );
        }
        disk.tamper(&path, Some(&whole[..whole.len() - 1]));
        assert!(!second.is_there(&disk, state).unwrap());
        disk.tamper(&path, None);
        let (known, is_sound) = load(&disk, &second, 0);
        assert!(!is_sound && known.len() == 0);
    }

    #[test]
    fn the_sound_part_goes_on_as_a_file_of_its_own() {
        let (disk, state) = (disk(), Path::new(STATE));
        let first = keep(&disk, state, None, &seen(100, 0..10), 100).unwrap();
        let second = keep(&disk, state, Some(&first), &seen(101, 10..20), 101).unwrap();
        let path = second.path(state);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let whole = disk.files(Path::new("/state")).remove(&name).unwrap();
        let cut = &whole[..whole.len() - 1];
        for (content, is_left) in [(Some(cut), true), (None, false)] {
            disk.tamper(&path, content);
            let sound = second.sound(&disk, state).unwrap();
            assert!(sound.is_there(&disk, state).unwrap());
            let (known, is_sound) = load(&disk, &sound, 0);
            assert!(is_sound && known.contains(id(3)) == is_left);
            let third = keep(&disk, state, Some(&sound), &seen(102, 20..30), 102).unwrap();
            let (known, is_sound) = load(&disk, &third, 0);
            assert!(is_sound && known.contains(id(23)) && !known.contains(id(13)));
            assert_eq!(known.contains(id(3)), is_left);
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_whatever_the_file_holds(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let disk = disk();
            let older = Older { number: 1, bytes: bytes.len() as u64, oldest: 0 };
            disk.tamper(&older.path(Path::new(STATE)), Some(&bytes));
            let _ = load(&disk, &older, i64::MIN);
        }
    }
}
