//! Names of members are text for people: none becomes a path.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{assert_nothing_elsewhere, zip};
use crate::harness::Installation;
use mimecast_sandbox::{Batch, ZipEntry};

/// Names of members, and the stem that is made of each.
const NAMES: &[(&[u8], &str)] = &[
    (b"../up.siem", "up"),
    (b"..\\up_too.siem", "up_too"),
    (b"a/../../b.siem", "b"),
    (
        b"../../../../../../tmp/collector-canary.siem",
        "collector-canary",
    ),
    (
        b"/tmp/collector-canary-absolute.siem",
        "collector-canary-absolute",
    ),
    (b"C:\\Windows\\System32\\x.siem", "x"),
    (b"\\\\host\\share\\y.siem", "y"),
    (b"~/.ssh/authorized_keys.siem", "authorized_keys"),
    (b".. /space.siem", "space"),
    (b"NUL.siem", "nul"),
    (b"con.log.siem", "con_log"),
    ("COM\u{b9}.siem".as_bytes(), "com_"),
    (b"a:b.siem", "a_b"),
    (b"trailing. .siem", "trailing__"),
    (b"\x1b[31mred\x07\r\n.siem", "__31mred___"),
    (b"nul\0byte.siem", "nul_byte"),
    ("\u{202e}bidi.siem".as_bytes(), "_bidi"),
    ("\u{6771}\u{4eac}.siem".as_bytes(), "__"),
    (b"\xff\xfe.siem", "__"),
    (b"UPPER.SIEM", "upper"),
    (b"no_extension", "no_extension"),
    (b"program.exe", "program"),
    (b".siem", "log"),
    (b"$(reboot);`id`|x&.siem", "__reboot___id__x_"),
];

#[test]
fn a_hostile_name_gives_a_harmless_stem_and_loses_no_line() {
    let place = Installation::connected();
    let entry = |(name, stem): &(&[u8], &str)| ZipEntry::new(name, content(name, stem));
    let lines = NAMES.iter().map(|(name, stem)| content(name, stem));
    let lines = lines.map(|line| line.trim_end().to_owned());
    let batch = Batch::raw(zip(NAMES.iter().map(entry))).with_lines(lines);
    place.serve(batch);
    place.collects_logs();
    assert_nothing_elsewhere(&place);
    let mut expected: Vec<String> = NAMES
        .iter()
        .map(|(name, stem)| published(stem, &content(name, stem)))
        .collect();
    expected.sort_unstable();
    let found: Vec<String> = place.files("mta").into_keys().collect();
    assert_eq!(found, expected);
    for outside in ["collector-canary", "collector-canary-absolute"] {
        let path = Path::new("/tmp").join(outside).with_extension("siem");
        assert!(!path.exists(), "{}", path.display());
    }
}

/// Content that no other name has.
fn content(name: &[u8], stem: &str) -> String {
    format!("stem={stem}|name={name:02x?}\n")
}

/// The name as it is documented, composed by means of its own.
fn published(stem: &str, content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let digits: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{stem}_{digits}.siem")
}

#[test]
fn a_name_of_three_hundred_letters_is_cut_and_one_of_sixty_thousand_too() {
    let place = Installation::connected();
    for length in [300, 60_000] {
        let line = format!("length={length}");
        let entry = ZipEntry::new("n".repeat(length) + ".siem", format!("{line}\n"));
        place.serve(Batch::raw(zip([entry])).with_lines([line]));
    }
    place.collects_logs();
    for name in place.names("mta") {
        assert_eq!(name.len(), 60 + 1 + 16 + 5, "{name}");
    }
}

#[test]
fn names_that_become_equal_keep_their_own_files() {
    let place = Installation::connected();
    let names = ["a:b.siem", "a?b.siem", "A_B.siem", "a_b.siem", "x/a_b.siem"];
    let lines = names.map(|name| format!("name={name}"));
    let entries = names.map(|name| ZipEntry::new(name, format!("name={name}\n")));
    place.serve(Batch::raw(zip(entries)).with_lines(lines));
    place.collects_logs();
    let files = place.names("mta");
    assert_eq!(files.len(), names.len());
    assert!(files.iter().all(|name| name.starts_with("a_b_")));
}

#[test]
fn a_hostile_file_name_of_the_archive_itself_is_not_even_looked_at() {
    let place = Installation::connected();
    for (seed, value) in [
        "attachment; filename=\"../../../../tmp/collector-canary.zip\"",
        "attachment; filename*=UTF-8''%2e%2e%2fx.zip",
        "filename=",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        place.serve(Batch::realistic(seed as u64, 10));
        let change = mimecast_sandbox::changes::header("content-disposition", value);
        place.next(mimecast_sandbox::Endpoint::Siem, change);
        place.siem().stays_silent();
    }
    place.serve(Batch::realistic(90, 10));
    let change = mimecast_sandbox::changes::without_header("content-disposition");
    place.next(mimecast_sandbox::Endpoint::Siem, change);
    place.collects_logs();
    assert_nothing_elsewhere(&place);
}
