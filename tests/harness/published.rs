//! What the programs have published, kept aside and logged.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Installation;

impl Installation {
    /// A run that stays silent, after which the e-mail logs are complete.
    #[track_caller]
    pub(crate) fn collects_logs(&self) -> &Self {
        self.siem().stays_silent();
        self.assert_siem_complete();
        self
    }

    /// The same for the objects of API 2.0.
    #[track_caller]
    pub(crate) fn collects_objects(&self) -> &Self {
        self.siem().stays_silent();
        self.assert_objects_complete();
        self
    }

    /// The same for audit events that are written as JSON.
    #[track_caller]
    pub(crate) fn collects_events(&self) -> &Self {
        self.audit().stays_silent();
        self.assert_audit_complete();
        self
    }

    /// Names and contents of a folder below the data folder, without its sub-folders.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let listed = fs::read_dir(self.path("data").join(folder)).expect("the folder is there");
        let entries = listed.map(|entry| entry.expect("an entry"));
        let files = entries.filter(|entry| !entry.path().is_dir()).map(|entry| {
            let name = entry.file_name().into_string().expect("names are UTF-8");
            (name, fs::read(entry.path()).expect("readable"))
        });
        files.collect()
    }

    /// The names of the files in a folder below the data folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        self.files(folder).into_keys().collect()
    }

    /// P3: the files that were in a folder before are still there, with the same content.
    #[track_caller]
    pub(crate) fn assert_unchanged(&self, folder: &str, before: &BTreeMap<String, Vec<u8>>) {
        let after = self.files(folder);
        for (name, content) in before {
            assert!(after.get(name) == Some(content), "P3: {name} changed");
        }
    }

    /// Every line of a published folder, sorted; each file is whole lines of text.
    pub(crate) fn lines(&self, folder: &str) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for (name, content) in self.files(folder) {
            let content = content.strip_suffix(b"\n").unwrap_or_else(|| {
                panic!("P3: {name} does not end with a line break");
            });
            lines.extend(content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        lines.sort_unstable();
        lines
    }

    /// P1, P2 and P3 of the e-mail logs: what Mimecast had is published, each line once.
    pub(crate) fn assert_siem_complete(&self) {
        let mut expected = self.sandbox.siem_lines();
        expected.sort_unstable();
        assert_same(&self.lines("mta"), &expected);
        assert_eq!(self.files("tmp").len(), 0, "nothing is left in tmp/");
    }

    /// P1, P2 and P3 of the objects of API 2.0.
    pub(crate) fn assert_objects_complete(&self) {
        let mut expected = self.sandbox.all_object_lines();
        expected.sort_unstable();
        assert_same(&self.lines("mta"), &expected);
        assert_eq!(self.files("tmp").len(), 0, "nothing is left in tmp/");
    }

    /// P1, P2 and P3 of audit events that are written as JSON: each id once.
    pub(crate) fn assert_audit_complete(&self) {
        let mut expected = self.sandbox.audit_ids();
        expected.sort_unstable();
        assert_same(&self.audit_ids(), &expected);
        assert_eq!(self.files("tmp").len(), 0, "nothing is left in tmp/");
    }

    /// The ids of published audit events, sorted; for the format `json`.
    pub(crate) fn audit_ids(&self) -> Vec<String> {
        let ids = self.lines("audit").into_iter().map(|line| {
            let event: Value = serde_json::from_slice(&line).expect("a JSON line");
            event["id"].as_str().expect("an id").to_owned()
        });
        let mut ids: Vec<String> = ids.collect();
        ids.sort_unstable();
        ids
    }

    /// Makes the files in a folder so many days old.
    pub(crate) fn age(&self, folder: &str, days: u64) {
        let old = SystemTime::now() - Duration::from_secs(days * 24 * 3_600);
        for entry in fs::read_dir(self.path(folder)).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            let file = fs::File::options().append(true).open(path).expect("ours");
            file.set_modified(old).expect("the owner may");
        }
    }

    /// The names in the quarantine.
    pub(crate) fn quarantined(&self) -> Vec<String> {
        let folder = self.path("checkpoint/quarantine");
        let listed = fs::read_dir(folder).expect("the folder is there");
        let names = listed.map(|entry| entry.expect("an entry").file_name().into_string());
        let mut names: Vec<String> = names.map(|name| name.expect("UTF-8")).collect();
        names.sort_unstable();
        names
    }

    /// The quarantined bytes, in the order of their names; each has a note beside it.
    pub(crate) fn quarantined_bytes(&self) -> Vec<Vec<u8>> {
        let folder = self.path("checkpoint/quarantine");
        let names = self.quarantined();
        let raw = names.iter().filter(|name| name.ends_with(".raw"));
        let bytes: Vec<Vec<u8>> = raw
            .map(|name| fs::read(folder.join(name)).expect("readable"))
            .collect();
        assert_eq!(names.len(), 2 * bytes.len(), "bytes and a note: {names:?}");
        bytes
    }

    /// All lines of a collector's own log.
    pub(crate) fn log(&self, stream: &str) -> String {
        let listed = fs::read_dir(self.path("log")).expect("the folder is there");
        let ours = listed.filter_map(|entry| {
            let entry = entry.expect("an entry");
            let is_ours = entry.file_name().to_string_lossy().starts_with(stream);
            is_ours.then(|| fs::read_to_string(entry.path()).expect("readable"))
        });
        ours.collect()
    }
}

/// Compares sorted lists and names the first difference instead of printing both.
#[track_caller]
fn assert_same<T: Ord + std::fmt::Debug>(found: &[T], expected: &[T]) {
    let lost = expected
        .iter()
        .find(|item| found.binary_search(item).is_err());
    assert!(lost.is_none(), "P1: lost {lost:?}");
    let twice = found.windows(2).find(|pair| pair[0] == pair[1]);
    assert!(twice.is_none() || found == expected, "P2: twice {twice:?}");
    assert!(
        found == expected,
        "P3: {} lines instead of {}",
        found.len(),
        expected.len()
    );
}
