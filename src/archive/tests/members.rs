//! Tests of members: usual forms, damage, and names.

use super::builder::{Entry, archive, archive64, good};
use super::{faulty, read, read_with, refused};
use crate::archive::Limits;

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
