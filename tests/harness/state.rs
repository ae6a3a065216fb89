//! The state files, read and changed from outside.

use std::fs;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Installation;

impl Installation {
    /// The names of the files in the state folder.
    pub(crate) fn state_files(&self) -> Vec<String> {
        let listed = fs::read_dir(self.path("checkpoint")).expect("the folder is there");
        let names = listed.map(|entry| entry.expect("an entry").file_name().into_string());
        names.map(|name| name.expect("UTF-8")).collect()
    }

    /// What the newest run that ended with 75 would have printed on a terminal.
    pub(crate) fn last_put_off(&self) -> String {
        let listed = fs::read_dir(self.path("checkpoint/history")).expect("a history");
        let texts = listed.map(|entry| fs::read_to_string(entry.expect("an entry").path()));
        let texts: Vec<String> = texts.map(|text| text.expect("text")).collect();
        let runs = texts.iter().flat_map(|text| text.lines());
        let runs = runs.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let put_off = runs.filter(|run| run["code"] == 75);
        let run = put_off.max_by_key(|run| run["ended"].to_string());
        let failure = &run.expect("a run that ended with 75")["failure"];
        let text = |name: &str| failure[name].as_str().expect("text").to_owned();
        format!("{}\n  to do: {}", text("message"), text("remedy"))
    }

    /// What the state file of a stream says.
    pub(crate) fn record(&self, stream: &str) -> Value {
        let path = self.path(format!("checkpoint/{stream}.state"));
        let text = fs::read_to_string(path).expect("the state");
        let record = text.lines().nth(1).expect("a record behind the checksum");
        serde_json::from_str(record).expect("JSON")
    }

    /// Changes a state file as a program of ours could have written it. The copy kept of it goes.
    pub(crate) fn rewrite_record(&self, stream: &str, change: impl FnOnce(&mut Value)) {
        let mut record = self.record(stream);
        change(&mut record);
        let body = record.to_string();
        let sum: String = Sha256::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = format!("mimecast-collector-state {sum}\n{body}\n");
        let path = self.path(format!("checkpoint/{stream}.state"));
        fs::write(&path, text).expect("written");
        fs::remove_file(path.with_extension("state.prev")).expect("it was there");
    }
}
