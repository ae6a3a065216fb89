//! P1 and P4 for archives of every kind of wrongness: what verifies is published, what does not is
//! kept raw, and the batches behind it arrive all the same.

mod cut;
mod documents;
mod names;
mod poison;
mod twice;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::Place;
use mimecast_sandbox::{Batch, ZipEntry, ZipFile};

/// An archive with something wrong in it.
struct Poison {
    bytes: Vec<u8>,
    /// The lines of its members that verify.
    lines: Vec<String>,
    /// Words of the warning.
    told: &'static str,
}

impl Poison {
    /// Queues it, with a good batch behind it.
    fn serve(&self, place: &Place, seed: u64) {
        let lines = self.lines.iter().map(String::as_bytes);
        let batch = Batch::raw(self.bytes.as_slice()).with_lines(lines);
        place.sandbox.serve(batch);
        place.sandbox.serve(Batch::realistic(seed, 10));
    }
}

/// The archive of these entries.
fn zip(entries: impl IntoIterator<Item = ZipEntry>) -> Vec<u8> {
    ZipFile::new(entries).bytes()
}

/// The quarantined bytes, in the order of their names; each has a note beside it.
fn quarantined_bytes(place: &Place) -> Vec<Vec<u8>> {
    let folder = place.path("checkpoint/quarantine");
    let names = place.quarantined();
    let raw = names.iter().filter(|name| name.ends_with(".raw"));
    let bytes: Vec<Vec<u8>> = raw
        .map(|name| fs::read(folder.join(name)).expect("readable"))
        .collect();
    assert_eq!(names.len(), 2 * bytes.len(), "bytes and a note: {names:?}");
    bytes
}

/// Whatever an archive held, nothing stands outside the folders that the program was given.
fn assert_nothing_elsewhere(place: &Place) {
    let top = [
        "checkpoint",
        "config.toml",
        "credentials.toml",
        "data",
        "log",
    ];
    assert_eq!(listed(&place.path("")), top.map(PathBuf::from).into());
    let data = [".collector", "audit", "mta", "tmp"];
    assert_eq!(listed(&place.path("data")), data.map(PathBuf::from).into());
    assert_eq!(listed(&place.path("data/audit")), BTreeSet::new());
    assert_eq!(listed(&place.path("data/tmp")), BTreeSet::new());
    for entry in fs::read_dir(place.path("data/mta")).expect("there") {
        let entry = entry.expect("an entry");
        assert!(entry.file_type().expect("a type").is_file(), "{entry:?}");
        let name = entry.file_name().into_string().expect("ASCII");
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        assert!(name.len() < 100 && name.bytes().all(plain), "{name}");
    }
}

fn listed(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).expect("there");
    let names = entries.map(|entry| PathBuf::from(entry.expect("an entry").file_name()));
    names.collect()
}
