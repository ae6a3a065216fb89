//! Tests of reading: partly, after a fault, and from a disk that fails.

use std::io::{self, Cursor, Read, Seek};

use super::builder::{Entry, archive, good};
use super::read;
use crate::archive::{ArchiveError, Limits, members};

#[test]
fn what_the_caller_leaves_unread_is_verified_all_the_same() {
    let bytes = archive(&[good("a").with(|entry| entry.crc = Some(7)), good("b")]);
    let faults = members(Cursor::new(bytes), &Limits::default(), |_| {
        Ok::<_, io::Error>(())
    });
    assert_eq!(faults.unwrap().len(), 1);
}

#[test]
fn a_member_is_whole_only_once_its_end_was_seen() {
    let bytes = archive(&[good("a")]);
    let mut seen = Vec::new();
    let faults = members(Cursor::new(bytes), &Limits::default(), |member| {
        let mut content = [0; 480];
        member.read_exact(&mut content)?;
        seen.push(member.is_whole());
        seen.push(member.read(&mut content)? == 0 && member.is_whole());
        Ok::<_, io::Error>(())
    });
    assert!(faults.unwrap().is_empty());
    assert_eq!(seen, [false, true]);
}

#[test]
fn a_faulty_member_stays_faulty() {
    let bytes = archive(&[good("a").with(|entry| entry.crc = Some(7))]);
    let faults = members(Cursor::new(bytes), &Limits::default(), |member| {
        assert!(io::copy(member, &mut io::sink()).is_err());
        assert!(member.read(&mut [0]).is_err() && member.is_faulty() && !member.is_whole());
        Ok::<_, io::Error>(())
    });
    assert_eq!(faults.unwrap().len(), 1);
}

#[test]
fn the_callers_own_failure_ends_everything_at_once() {
    let mut calls = 0;
    let bytes = archive(&[good("a"), good("b")]);
    let result = members(Cursor::new(bytes), &Limits::default(), |_| {
        calls += 1;
        Err("disk full")
    });
    assert!(matches!(result, Err(ArchiveError::Each("disk full"))));
    assert_eq!(calls, 1);
}

/// A disk that fails from one byte on.
struct Failing(Cursor<Vec<u8>>, u64);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.position() + buffer.len() as u64 > self.1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "bad sector"));
        }
        self.0.read(buffer)
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_failing_disk_is_no_fault_of_the_archive() {
    let noise: Vec<u8> = (0..900_000_u32)
        .map(|n| (n.wrapping_mul(0x9E37_79B9) >> 24) as u8)
        .collect();
    let bytes = archive(&[good("a"), Entry::new("b", &noise).stored(), good("c")]);
    for step in 0..60 {
        let disk = Failing(Cursor::new(bytes.clone()), step * 20_000);
        let result = members(disk, &Limits::default(), |member| {
            let _ = io::copy(member, &mut io::sink());
            Ok::<_, io::Error>(())
        });
        match result {
            Ok(faults) => assert!(faults.is_empty() && step > 40, "{faults:?}"),
            Err(error) => assert!(error.to_string().contains("bad sector"), "{error}"),
        }
    }
}

#[test]
fn a_fault_shows_no_control_characters_and_little_of_a_long_name() {
    let name = format!("\x1B[31m\n\u{202E}{}", "n".repeat(10_000));
    let (_, faults) = read(&archive(&[good(&name).with(|entry| entry.crc = Some(7))]));
    assert!(faults[0].len() < 120 && faults[0].is_ascii(), "{faults:?}");
    assert!(!faults[0].contains(|c: char| c.is_control()), "{faults:?}");
}
