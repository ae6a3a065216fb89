//! Tests that the collector finds remembered digests again, except those behind a damage of the file.

use std::path::{Path, PathBuf};

use super::file::{KEPT_HOURS, KEPT_HOURS_IF_LARGE, SLACK_HOURS, keep_within};
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

/// Keeps ten ids with hour 100 and ten with hour 101: numbers 0 to 19.
fn two_hours(disk: &Model, state: &Path) -> Older {
    let first = keep(disk, state, None, &seen(100, 0..10), 100).unwrap();
    keep(disk, state, Some(&first), &seen(101, 10..20), 101).unwrap()
}

/// Returns the path of `older` and the content of the file.
fn content(disk: &Model, older: &Older) -> (PathBuf, Vec<u8>) {
    let path = older.path(Path::new(STATE));
    let name = path.file_name().unwrap().to_str().unwrap();
    let whole = disk.files(Path::new("/state")).remove(name).unwrap();
    (path, whole)
}

/// Keeps ten ids with hour 0, then one with each of these hours. Its number is 1,000 plus the hour.
fn one_an_hour(disk: &Model, hours: impl Iterator<Item = i64>, mut look: impl FnMut(i64, &Older)) {
    let state = Path::new(STATE);
    let mut older = keep(disk, state, None, &seen(0, 0..10), 0).unwrap();
    for hour in hours {
        let number = 1_000 + hour.cast_unsigned();
        let ids = seen(hour, number..number + 1);
        older = keep(disk, state, Some(&older), &ids, hour).unwrap();
        look(hour, &older);
    }
}

fn load(disk: &Model, older: &Older, hour: i64) -> (Known, bool) {
    let (none, state) = (Seen::default(), Path::new(STATE));
    let loaded = Known::load(disk, state, Some(older), [&none, &none], hour);
    let (known, undamaged_ids) = loaded.unwrap();
    assert_eq!(
        older.sound(disk, state).unwrap() == *older,
        undamaged_ids.is_none()
    );
    (known, undamaged_ids.is_none())
}

#[test]
fn digests_are_found_again_from_the_hour_that_is_asked_for() {
    let (disk, state) = (disk(), Path::new(STATE));
    let second = two_hours(&disk, state);
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
    let disk = disk();
    one_an_hour(&disk, (4..=8 * 24).step_by(4), |hour, older| {
        let (known, is_sound) = load(&disk, older, 0);
        assert!(is_sound && known.contains(id(3)), "{hour}");
    });
}

#[test]
fn after_eight_days_and_some_hours_digests_leave_the_file() {
    let (disk, last) = (disk(), KEPT_HOURS + SLACK_HOURS + 1);
    one_an_hour(&disk, 1..=last, |hour, older| {
        let (known, _) = load(&disk, older, 0);
        let is_gone = !known.contains(id(3)) && known.contains(id(1_000 + 20));
        assert!(is_gone || hour < last);
    });
    assert!(disk.files(Path::new("/state")).len() <= 2);
}

#[test]
fn a_large_file_keeps_fewer_hours_and_is_still_read() {
    let (disk, state) = (disk(), Path::new(STATE));
    let mut older = None;
    let last = 2 * KEPT_HOURS_IF_LARGE + SLACK_HOURS;
    for hour in 0..=last {
        let first = hour.cast_unsigned() * 100;
        let ids = seen(hour, first..first + 100);
        let kept = keep_within(&disk, state, (older.as_ref(), &ids), hour, 10_000);
        older = Some(kept.unwrap());
    }
    let older = older.unwrap();
    let (known, is_sound) = load(&disk, &older, 0);
    assert!(is_sound && !known.contains(id(3)));
    let needed = (last - KEPT_HOURS_IF_LARGE).cast_unsigned() * 100;
    let mut all = needed..(last.cast_unsigned() + 1) * 100;
    assert!(all.all(|number| known.contains(id(number))));
    assert!(older.bytes() < 100_000, "{}", older.bytes());
}

#[test]
fn damage_is_noticed_and_what_is_before_it_still_counts() {
    let (disk, state) = (disk(), Path::new(STATE));
    let second = two_hours(&disk, state);
    let (path, whole) = content(&disk, &second);
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
    let second = two_hours(&disk, state);
    let (path, whole) = content(&disk, &second);
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
