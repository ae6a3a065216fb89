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

use crate::harness::Installation;
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
    fn serve(&self, place: &Installation, seed: u64) {
        let lines = self.lines.iter().map(String::as_bytes);
        let batch = Batch::raw(self.bytes.as_slice()).with_lines(lines);
        place.serve(batch);
        place.serve(Batch::realistic(seed, 10));
    }
}

/// The archive of these entries.
fn zip(entries: impl IntoIterator<Item = ZipEntry>) -> Vec<u8> {
    ZipFile::new(entries).bytes()
}

/// Whatever an archive held, nothing stands outside the folders that the program was given.
fn assert_nothing_elsewhere(place: &Installation) {
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
