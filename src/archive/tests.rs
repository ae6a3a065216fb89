use std::io::{Cursor, Write as _};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use proptest::prelude::*;

use super::*;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// One entry. Each field that is set differs from the true value.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    data: Vec<u8>,
    method: u16,
    flags: u16,
    mode: u32,
    crc: Option<u32>,
    size: Option<u32>,
    packed_size: Option<u32>,
    local_name: Option<Vec<u8>>,
    is_zip64: bool,
}

impl Entry {
    fn new(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            data: data.as_ref().to_vec(),
            method: DEFLATED,
            flags: 0,
            mode: 0o100_644,
            crc: None,
            size: None,
            packed_size: None,
            local_name: None,
            is_zip64: false,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn stored(self) -> Self {
        self.with(|entry| entry.method = STORED)
    }

    fn streamed(self) -> Self {
        self.with(|entry| entry.flags |= 8)
    }

    fn packed(&self) -> Vec<u8> {
        if self.method != DEFLATED {
            return self.data.clone();
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.data).unwrap();
        encoder.finish().unwrap()
    }

    /// Appends header and data to `file`, and the directory's header to `directory`.
    fn write(&self, file: &mut Vec<u8>, directory: &mut Vec<u8>) {
        let offset = file.len() as u32;
        let packed = self.packed();
        let mut crc = Crc::new();
        crc.update(&self.data);
        let crc = self.crc.unwrap_or(crc.sum()).to_le_bytes();
        let size = self.size.unwrap_or(self.data.len() as u32);
        let packed_size = self.packed_size.unwrap_or(packed.len() as u32);
        let (sizes, extra) = if self.is_zip64 {
            let long = [u64::from(size), u64::from(packed_size)]
                .map(u64::to_le_bytes)
                .concat();
            ([0xFF; 8].to_vec(), [vec![1, 0, 16, 0], long].concat())
        } else {
            (
                [packed_size, size].map(u32::to_le_bytes).concat(),
                Vec::new(),
            )
        };
        let sums = [crc.to_vec(), sizes].concat();
        let common = [45, self.flags, self.method, 0, 0x5D74]
            .map(u16::to_le_bytes)
            .concat();
        let lengths = |name: &[u8]| [name.len() as u16, extra.len() as u16].map(u16::to_le_bytes);
        let is_streamed = self.flags & 8 != 0;

        let local_name = self.local_name.as_ref().unwrap_or(&self.name);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(if is_streamed {
            vec![0; 12]
        } else {
            sums.clone()
        });
        file.extend(lengths(local_name).concat());
        file.extend(local_name);
        file.extend(&extra);
        file.extend(packed);
        if is_streamed {
            file.extend(b"PK\x07\x08");
            file.extend(&sums);
        }

        directory.extend(b"PK\x01\x02\x2D\x03");
        directory.extend(&common);
        directory.extend(&sums);
        directory.extend(lengths(&self.name).concat());
        directory.extend([0; 6]);
        directory.extend((self.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&self.name);
        directory.extend(&extra);
    }
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    entries
        .iter()
        .for_each(|entry| entry.write(&mut file, &mut directory));
    finish(file, &directory, entries.len() as u16)
}

fn finish(mut file: Vec<u8>, directory: &[u8], count: u16) -> Vec<u8> {
    let start = file.len() as u32;
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].map(u16::to_le_bytes).concat());
    file.extend(
        [directory.len() as u32, start]
            .map(u32::to_le_bytes)
            .concat(),
    );
    file.extend([0, 0]);
    file
}

/// Returns an archive with a zip64 end record.
fn archive64(entries: &[Entry]) -> Vec<u8> {
    let mut file = archive(entries);
    let end = file.split_off(file.len() - 22);
    let at = file.len() as u64;
    let [count, size, start] = [(10, 2), (12, 4), (16, 4)].map(|(from, width)| {
        let mut number = [0; 8];
        number[..width].copy_from_slice(&end[from..from + width]);
        u64::from_le_bytes(number)
    });
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([count, count, size, start].map(u64::to_le_bytes).concat());
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(at.to_le_bytes());
    file.extend([1, 0, 0, 0]);
    file.extend(b"PK\x05\x06\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0");
    file
}

/// The whole members and the faults.
type Outcome = (Vec<(String, Vec<u8>)>, Vec<String>);

fn read_with(bytes: &[u8], limits: &Limits, step: usize) -> Outcome {
    let mut whole = Vec::new();
    let faults = members(Cursor::new(bytes), limits, |member| {
        let mut content = Vec::new();
        let mut buffer = vec![0; step];
        while let Ok(count @ 1..) = member.read(&mut buffer) {
            content.extend(&buffer[..count]);
        }
        assert_ne!(member.is_whole(), member.is_faulty());
        if member.is_whole() {
            whole.push((member.name().to_owned(), content));
        }
        Ok::<_, std::convert::Infallible>(())
    });
    (
        whole,
        faults.unwrap().iter().map(Fault::to_string).collect(),
    )
}

fn read(bytes: &[u8]) -> Outcome {
    read_with(bytes, &Limits::default(), 4 << 10)
}

fn good(name: &str) -> Entry {
    Entry::new(name, format!("{name}: one line\n").repeat(40))
}

/// Puts the entry between two good ones. Expects both good ones whole, and one fault.
#[track_caller]
fn faulty(entry: Entry, why: &str) {
    let (whole, faults) = read(&archive(&[good("first"), entry, good("last")]));
    assert_eq!(
        whole.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["first", "last"]
    );
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(why), "{faults:?}");
}

/// Expects one fault and no member.
#[track_caller]
fn refused(bytes: &[u8], why: &str) {
    let (whole, faults) = read(bytes);
    assert!(whole.is_empty(), "{whole:?}");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(why), "{faults:?}");
}

#[test]
fn every_usual_form_of_a_member_comes_out_whole() {
    let long = b"2026-11-20|acc=C0A0|act=Acc\n".repeat(20_000);
    let entries = [
        Entry::new("deflated", &long),
        Entry::new("stored", &long).stored(),
        Entry::new("streamed", &long).streamed(),
        Entry::new("stored and streamed", &long).stored().streamed(),
        Entry::new("empty", ""),
        Entry::new("empty and stored", "").stored(),
        Entry::new("größe-日本", "x"),
        Entry::new(*b"\xFF\xFEname", "y"),
        Entry::new("long", &long).with(|entry| entry.is_zip64 = true),
        Entry::new("no mode", "z").with(|entry| entry.mode = 0),
        Entry::new("", "no name"),
    ];
    for bytes in [archive(&entries), archive64(&entries)] {
        for step in [7, 4096, 1 << 20] {
            let (whole, faults) = read_with(&bytes, &Limits::default(), step);
            assert!(faults.is_empty(), "{faults:?}");
            let expected = entries.iter().map(|entry| {
                (
                    String::from_utf8_lossy(&entry.name).into_owned(),
                    entry.data.clone(),
                )
            });
            assert!(whole.into_iter().eq(expected));
        }
    }
}

#[test]
fn nothing_comes_out_of_nothing_without_complaint() {
    for bytes in [archive(&[]), archive64(&[])] {
        assert_eq!(read(&bytes), (Vec::new(), Vec::new()));
    }
    refused(&[], "it is empty"); // even an empty archive has an end record
}

#[test]
fn a_comment_and_a_plain_folder_are_no_fault() {
    let folder = Entry::new("folder/", "").with(|entry| entry.mode = 0o040_755);
    let mut bytes = archive(&[folder, good("folder/file"), Entry::new("b/", "").streamed()]);
    let length = bytes.len();
    bytes[length - 2] = 5;
    bytes.extend(b"hello");
    let (whole, faults) = read(&bytes);
    assert_eq!((whole.len(), faults), (1, Vec::new()));
}

#[test]
fn names_are_handed_on_and_never_judged() {
    let long = "n".repeat(65_000);
    let names = [
        "../x",
        "..\\x",
        "a/../../b",
        "/abs",
        "C:\\x",
        "\\\\host\\share",
        ".. /x",
        "NUL",
        "con.log",
        "COM¹",
        "a:b",
        "dot.",
        "space ",
        "a\0b",
        "\u{202E}gpj",
        "\x1B[31m",
        "Case",
        "case",
        &long,
    ];
    let (whole, faults) = read(&archive(&names.map(good)));
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(whole.len(), names.len());
    assert!(
        whole
            .iter()
            .zip(names)
            .all(|((found, _), name)| found == name)
    );
}

#[test]
fn a_damaged_member_does_not_hide_the_others() {
    faulty(
        good("a").with(|entry| entry.crc = Some(7)),
        "member \"a\": invalid checksum",
    );
    faulty(
        good("a").streamed().with(|entry| entry.crc = Some(7)),
        "invalid checksum",
    );
    faulty(
        good("a").with(|entry| entry.size = Some(10)),
        "larger than its declared",
    );
    faulty(
        good("a").with(|entry| entry.size = Some(10_000)),
        "480 bytes unpacked, 10000 declared",
    );
    faulty(
        good("a").with(|entry| entry.packed_size = Some(10)),
        "member \"a\"",
    );
    faulty(
        good("a")
            .stored()
            .with(|entry| entry.packed_size = Some(10)),
        "member \"a\"",
    );
    faulty(
        good("a").with(|entry| entry.local_name = Some(b"b".to_vec())),
        "filename mismatch",
    );
}

#[test]
fn what_is_no_plain_file_is_a_fault() {
    faulty(good("a").with(|entry| entry.flags |= 1), "encrypted");
    for method in [1, 9, 12, 14, 93, 99] {
        faulty(
            good("a").with(|entry| entry.method = method),
            "not supported",
        );
    }
    for mode in [0o120_777, 0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        faulty(
            good("a").stored().with(|entry| entry.mode = mode),
            "neither a file nor a folder",
        );
    }
    faulty(good("a/"), "a folder with content");
    faulty(
        good("a/").with(|entry| entry.size = Some(0)),
        "a folder with content",
    );
    faulty(
        good("a").with(|entry| entry.mode = 0o040_755),
        "a folder with content",
    );
}

#[test]
fn entries_of_one_name_are_told_apart_by_their_places() {
    let text = |text: &str| text.as_bytes().to_vec();
    let entries = [
        Entry::new("a", "one"),
        Entry::new("b", "two").stored(),
        Entry::new("a", "three").streamed(),
        Entry::new("a", "one"),
    ];
    let (whole, faults) = read(&archive(&entries));
    assert_eq!(faults, [""; 0]);
    let expected = [("a", "one"), ("b", "two"), ("a", "three"), ("a", "one")];
    let expected = expected.map(|(name, content)| (name.to_owned(), text(content)));
    assert!(whole == expected, "{whole:?}");
    // a damaged entry does not hide another of the same name
    let damaged = Entry::new("a", "other").with(|entry| entry.crc = Some(7));
    let (whole, faults) = read(&archive(&[good("a"), damaged, good("b")]));
    assert_eq!((whole.len(), faults.len()), (2, 1), "{faults:?}");
    assert!(faults[0].contains("checksum"), "{faults:?}");
}

#[test]
fn data_before_or_after_the_archive_refuse_it() {
    let bytes = archive(&[good("a")]);
    refused(
        &[b"<html></html>", &*bytes].concat(),
        "does not start as one",
    );
    refused(&[&*bytes, b"x"].concat(), "after the end");
    let (mut file, mut directory) = (b"PK\x03\x04 no entry".to_vec(), Vec::new());
    good("a").write(&mut file, &mut directory);
    refused(&finish(file, &directory, 1), "before the first entry");
    refused(
        &[b"PK\x03\x04", &*bytes].concat(),
        "not where its end states",
    );
}

#[test]
fn an_entry_count_that_lies_refuses_the_archive() {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for name in ["a", "b", "c"] {
        good(name).write(&mut file, &mut directory);
    }
    refused(
        &finish(file.clone(), &directory, 2),
        "more than its end states",
    );
    refused(
        &finish(file.clone(), &directory, 0),
        "more than its end states",
    );
    refused(
        &finish(file, &directory, 4),
        "damaged, or its end states too many",
    );
    let mut bytes = archive64(&[good("a"), good("b")]);
    let record = bytes.len() - 22 - 20 - 56;
    (bytes[record + 24], bytes[record + 32]) = (1, 1);
    refused(&bytes, "more than its end states");
    let mut bytes = archive64(&[good("a"), good("b")]);
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    refused(&bytes, "end records disagree");
}

#[test]
fn a_count_of_billions_is_refused_before_anything_is_kept_for_it() {
    let mut bytes = archive64(&[good("a")]);
    let record = bytes.len() - 22 - 20 - 56;
    for at in [record + 24, record + 32] {
        bytes[at..at + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    }
    refused(&bytes, "65535");
}

#[test]
fn overlapping_entries_refuse_the_archive() {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    good("a").write(&mut file, &mut directory);
    good("b").write(&mut Vec::new(), &mut directory);
    refused(&finish(file, &directory, 2), "overlap");
    let long = good("a").with(|entry| entry.packed_size = Some(500));
    refused(&archive(&[long, good("b")]), "overlap");
}

#[test]
fn an_entry_that_the_directory_leaves_out_is_reported() {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    good("a").write(&mut file, &mut directory);
    good("hidden").write(&mut file, &mut Vec::new());
    good("b").write(&mut file, &mut directory);
    let (whole, faults) = read(&finish(file, &directory, 2));
    assert_eq!(whole.len(), 2);
    assert!(faults[0].contains("belong to no member"), "{faults:?}");
}

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

/// Returns a small archive with every form of entry, and the contents of its members.
fn small() -> (Vec<u8>, Vec<Vec<u8>>) {
    let entries = [
        good("a"),
        good("b").streamed(),
        good("c").stored(),
        good("d").with(|entry| entry.is_zip64 = true),
    ];
    (
        archive64(&entries),
        entries.map(|entry| entry.data).to_vec(),
    )
}

#[test]
fn no_flipped_byte_makes_a_wrong_content_whole() {
    let (bytes, contents) = small();
    for at in 0..bytes.len() {
        for flip in [1, 0x10, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let (whole, faults) = read(&damaged);
            assert!(
                whole.iter().all(|(_, content)| contents.contains(content)),
                "byte {at}"
            );
            assert!(
                whole.len() == contents.len() || !faults.is_empty(),
                "byte {at}"
            );
        }
    }
}

#[test]
fn no_cut_archive_is_read() {
    let (bytes, _) = small();
    for length in 1..bytes.len() {
        let (whole, faults) = read(&bytes[..length]);
        assert_eq!((whole.len(), faults.len()), (0, 1), "{length} bytes");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        end in prop::sample::select(vec![&b""[..], b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0"]),
    ) {
        read(&[start, &bytes, end].concat());
    }

    #[test]
    fn an_archive_of_scattered_damage_never_panics_or_lies(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in 0..4_usize,
    ) {
        let (mut bytes, contents) = small();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        let (whole, _) = read(&bytes);
        prop_assert!(whole.iter().all(|(_, content)| contents.contains(content)));
    }

    #[test]
    fn an_archive_with_wild_numbers_in_its_directory_never_panics(
        from_end in 0..400_usize,
        number in prop::sample::select(vec![0_u64, 0xFFFF, 0xFFFF_FFFF, 1 << 63, u64::MAX - 20, u64::MAX]),
        width in prop::sample::select(vec![2_usize, 4, 8]),
    ) {
        let (mut bytes, contents) = small();
        let at = bytes.len() - width - from_end;
        bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        let (whole, _) = read(&bytes);
        prop_assert!(whole.iter().all(|(_, content)| contents.contains(content)));
    }
}
