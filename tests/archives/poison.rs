//! Every kind of archive that does not verify, one after the other in one drain.

use serde_json::json;

use super::{Poison, assert_nothing_elsewhere, zip};
use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Batch, FLAG_ENCRYPTED, ZipEntry, ZipFile};

/// Above the size from which the ratio is looked at.
const BOMB_BYTES: usize = 17 << 20;

fn line(number: usize, of: &str) -> String {
    format!("archive={number}|member={of}|acc=C0A0")
}

/// A good member of archive `number`.
fn good(number: usize, of: &str) -> ZipEntry {
    ZipEntry::new(format!("{of}_20261120.siem"), line(number, of) + "\n")
}

fn bad(change: impl FnOnce(&mut ZipEntry)) -> ZipEntry {
    let mut entry = ZipEntry::new("delivery_20261120.siem", b"spoiled=1\n".repeat(50));
    change(&mut entry);
    entry
}

fn of_type(unix: u32) -> ZipEntry {
    bad(|entry| entry.external_attributes = unix << 16)
}

/// One bad member between two good ones, which come out.
fn members() -> Vec<(ZipEntry, &'static str)> {
    let zeros = vec![0; BOMB_BYTES];
    vec![
        (bad(|entry| entry.declared_crc = Some(7)), "checksum"),
        (bad(|entry| entry.declared_size = Some(100)), "declared"),
        (bad(|entry| entry.declared_size = Some(900)), "declared"),
        (bad(|entry| entry.packed = Some(vec![0xff; 20])), "corrupt"),
        (
            bad(|entry| entry.packed = Some(Vec::new())),
            "incomplete deflate stream",
        ),
        (bad(|entry| entry.flags |= FLAG_ENCRYPTED), "encrypted"),
        (bad(|entry| entry.method = 99), "compression method"),
        (bad(|entry| entry.method = 9), "compression method"),
        (
            bad(|entry| entry.local_name = Some(b"other.siem".to_vec())),
            "header",
        ),
        (
            ZipEntry::symlink("link.siem", "/etc/passwd"),
            "Unix type 120000",
        ),
        (of_type(0o020_666), "Unix type 20000"),
        (of_type(0o060_666), "Unix type 60000"),
        (of_type(0o010_666), "Unix type 10000"),
        (of_type(0o140_666), "Unix type 140000"),
        (of_type(0o040_755), "a folder with content"),
        (ZipEntry::new("folder/", "content"), "a folder with content"),
        (ZipEntry::new("bomb.siem", &zeros), "per byte allowed"),
        (
            bad(|entry| {
                entry.data = zeros.clone();
                entry.declared_size = Some(100);
            }),
            "larger than its declared",
        ),
    ]
}

/// Archives of which nothing can be believed.
fn archives() -> Vec<(ZipFile, &'static str)> {
    let of = |name: &str| ZipEntry::new(name, "never=published\n");
    let whole = || ZipFile::new([of("receipt_1.siem"), of("process_1.siem")]);
    let with = |change: fn(&mut ZipFile)| {
        let mut file = whole();
        change(&mut file);
        file
    };
    vec![
        (
            with(|file| file.before = b"<html>".to_vec()),
            "does not start as one",
        ),
        (
            with(|file| file.before = b"PK\x03\x04junk".to_vec()),
            "before the first entry",
        ),
        (with(|file| file.after = b"\0".to_vec()), "after the end"),
        (
            with(|file| file.declared_count = Some(1)),
            "more than its end states",
        ),
        (
            with(|file| file.declared_count = Some(3)),
            "too many entries",
        ),
        (
            with(|file| file.declared_count = Some(u16::MAX)),
            "too many entries",
        ),
    ]
}

/// What is no archive though it came as one.
fn strangers() -> Vec<(Vec<u8>, &'static str)> {
    let bytes = |text: &[u8]| (text.to_vec(), "does not start as one");
    vec![
        (Vec::new(), "it is empty"),
        bytes(b"x"),
        bytes(b"<!DOCTYPE html><html>blocked</html>"),
        bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        bytes(b"a=1|b=2\n"),
        bytes(&[0; 300]),
    ]
}

fn all() -> Vec<Poison> {
    let mut all = Vec::new();
    for (number, (member, told)) in members().into_iter().enumerate() {
        let entries = [good(number, "receipt"), member, good(number, "process")];
        all.push(Poison {
            bytes: zip(entries),
            lines: vec![line(number, "receipt"), line(number, "process")],
            told,
        });
    }
    let archives = archives()
        .into_iter()
        .map(|(file, told)| (file.bytes(), told));
    for (bytes, told) in archives.chain(strangers()) {
        let lines = Vec::new();
        all.push(Poison { bytes, lines, told });
    }
    all
}

/// P1: the quarantine holds the very bytes that were served.
#[track_caller]
fn assert_kept(place: &Installation, served: impl Iterator<Item = Vec<u8>>) {
    let mut served: Vec<Vec<u8>> = served.collect();
    let mut kept = place.quarantined_bytes();
    served.sort_unstable();
    kept.sort_unstable();
    assert!(kept == served, "P1: the very bytes that were served");
}

#[test]
fn what_verifies_is_published_the_rest_is_kept_raw_and_the_drain_goes_on() {
    let place = Installation::connected();
    let all = all();
    for (seed, poison) in (1..).zip(&all) {
        poison.serve(&place, seed);
    }
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    let warnings = report["warnings"].as_array().expect("a list");
    for (poison, warning) in all.iter().zip(warnings) {
        let warning = warning.as_str().expect("a text");
        assert!(
            warning.contains(poison.told),
            "{:?} in {warning}",
            poison.told
        );
    }
    assert_eq!(warnings.len(), all.len(), "one for each: {report}");
    place.assert_siem_complete();
    assert_nothing_elsewhere(&place);
    let served = all.into_iter().map(|poison| poison.bytes);
    assert_kept(&place, served.filter(|bytes| !bytes.is_empty()));
    place.siem().stays_silent();
}

#[test]
fn cut_at_any_place_nothing_of_it_is_published_and_all_of_it_is_kept() {
    let whole = zip([good(1, "receipt"), good(1, "process")]);
    let place = Installation::connected();
    let cuts: Vec<usize> = (1..whole.len()).step_by(whole.len() / 24).collect();
    for (seed, cut) in (1..).zip(&cuts) {
        let cut = Batch::raw(&whole[..*cut]);
        place.serve(cut).serve(Batch::realistic(seed, 10));
    }
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    let warnings = report["warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), cuts.len());
    place.assert_siem_complete();
    assert_kept(&place, cuts.iter().map(|cut| whole[..*cut].to_vec()));
}

#[test]
fn usual_forms_of_an_archive_are_no_reason_to_complain() {
    let place = Installation::connected();
    let mut commented = ZipFile::new([good(1, "receipt")]);
    commented.comment = b"made by a gateway".to_vec();
    let folder = ZipEntry::new("folder/", "").stored();
    let inside = ZipEntry::new("folder/receipt_2.siem", line(2, "folder") + "\n");
    let archives = [
        (commented.bytes(), vec![line(1, "receipt")]),
        (zip([folder, inside]), vec![line(2, "folder")]),
        (zip([good(3, "receipt").stored()]), vec![line(3, "receipt")]),
        (
            zip([good(4, "receipt").streamed()]),
            vec![line(4, "receipt")],
        ),
        (zip([]), vec![]),
        // members of one name are different members
        (
            zip([
                ZipEntry::new("receipt_5.siem", line(5, "first") + "\n"),
                ZipEntry::new("receipt_5.siem", line(5, "second") + "\n"),
                ZipEntry::new("receipt_5.siem", line(5, "second") + "\n"),
            ]),
            vec![line(5, "first"), line(5, "second"), line(5, "second")],
        ),
    ];
    for (bytes, lines) in archives {
        place.serve(Batch::raw(bytes).with_lines(lines));
    }
    place.collects_logs();
    assert_nothing_elsewhere(&place);
}

#[test]
fn an_archive_inside_an_archive_is_data_like_any_other() {
    let place = Installation::connected();
    let inner = zip([good(1, "receipt")]);
    place.serve(Batch::files(&[("inner_1.zip", &inner)]));
    place.siem().stays_silent();
    let files = place.files("mta");
    assert_eq!(
        files.values().collect::<Vec<_>>(),
        [&[&*inner, b"\n"].concat()]
    );
    assert_nothing_elsewhere(&place);
}

#[test]
fn two_thousand_members_are_two_thousand_files() {
    let place = Installation::connected();
    let entries = (0..2_000).map(|number| good(number, &format!("receipt_{number}")));
    let lines = (0..2_000).map(|number| line(number, &format!("receipt_{number}")));
    let batch = Batch::raw(zip(entries)).with_lines(lines);
    place.serve(batch);
    place.siem().stays_silent();
    assert_eq!(place.files("mta").len(), 2_000);
    place.assert_siem_complete();
}

#[test]
fn the_report_counts_what_was_published_and_names_what_was_not() {
    let place = Installation::connected();
    let spoiled = bad(|entry| entry.declared_crc = Some(7));
    let bytes = zip([good(1, "receipt"), spoiled]);
    place.serve(Batch::raw(bytes).with_lines([line(1, "receipt")]));
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    let told = ["ok", "kind", "files", "events", "error"].map(|name| &report[name]);
    let wanted = json!([false, "look", 1, 1, null]);
    assert_eq!(json!(told), wanted);
    place.assert_siem_complete();
}
