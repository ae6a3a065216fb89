//! Tests of directories that lie.

use super::builder::{archive, archive64, finish, good};
use super::{read, refused};

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
