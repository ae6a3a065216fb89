//! Tests of the limits.

use super::builder::{Entry, archive, good};
use super::{faulty, read, read_with};
use crate::archive::Limits;
use crate::archive::limits::RATIO_FLOOR_BYTES;

#[test]
fn limits_hold() {
    let zeros = || Entry::new("bomb", vec![0; 20 << 20]);
    faulty(zeros(), "per byte allowed");
    let liar = zeros().with(|entry| entry.size = Some(1000));
    faulty(liar, "larger than its declared");
    let entries = archive(&[good("a"), good("bb"), good("c")]);
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let (whole, faults) = read_with(&entries, &limits, 4096);
        (whole.len(), faults.len())
    };
    assert_eq!(with(|limits| limits.entries = 3), (3, 0));
    assert_eq!(with(|limits| limits.entries = 2), (0, 1));
    assert_eq!(with(|limits| limits.member_bytes = 480), (2, 1));
    assert_eq!(with(|limits| limits.total_bytes = 1000), (2, 1));
    assert_eq!(with(|limits| limits.total_bytes = 480), (1, 2));
}

#[test]
fn many_entries_are_read_at_once_and_too_many_are_refused() {
    let entry = |number| Entry::new(format!("receipt_{number}"), "x").stored();
    let entries: Vec<_> = (0..60_000).map(entry).collect();
    let (whole, faults) = read(&archive(&entries));
    assert_eq!((whole.len(), faults.len()), (60_000, 0));
}

#[test]
fn repetitive_logs_pass() {
    let lines =
        (0..400_000).flat_map(|n: u32| format!("datetime=2026-11-20|id={n}\n").into_bytes());
    let lines: Vec<u8> = lines.chain(b"the same line\n".repeat(1 << 20)).collect();
    assert!(lines.len() as u64 > RATIO_FLOOR_BYTES);
    assert!(read(&archive(&[Entry::new("log", lines)])).1.is_empty());
}
