//! `status`, `history` and `verify`: what they show, and that they change nothing.

mod monitor; // the files and the check of [monitor]
mod outage; // 69 instead of 75

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::harness::{AUDIT, Installation, Outcome, SIEM};
use mimecast_sandbox::{Batch, Endpoint, changes};

/// Every file below a folder, with its content and its time.
pub(crate) fn snapshot(folder: &Path, found: &mut BTreeMap<String, (Vec<u8>, SystemTime)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            snapshot(&path, found);
        } else {
            let time = fs::metadata(&path).expect("a file").modified();
            let content = fs::read(&path).expect("readable");
            found.insert(path.display().to_string(), (content, time.expect("a time")));
        }
    }
}

fn json(place: &Installation, program: &str, command: &[&str]) -> Value {
    let arguments = command.iter().chain(&["--json"]);
    place.run(program, arguments).ends_with(0).json()
}

/// The only stream of API 1.0.
fn stream(status: &Value) -> &Value {
    assert_eq!(status["streams"].as_array().map(Vec::len), Some(1));
    &status["streams"][0]
}

fn lines_of(place: &Installation) -> u64 {
    place.lines("mta").len() as u64
}

/// The only file of the history.
fn ledger(place: &Installation) -> PathBuf {
    let listed = fs::read_dir(place.path("checkpoint/history")).expect("a folder");
    let mut paths = listed.map(|entry| entry.expect("an entry").path());
    paths.next().expect("a ledger")
}

/// A table that fits a terminal.
#[track_caller]
fn table(outcome: Outcome) -> String {
    let outcome = outcome.ends_with(0);
    let widest = outcome.stdout.lines().map(|line| line.chars().count());
    assert!(widest.max().unwrap_or(0) <= 80, "{}", outcome.stdout);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

#[test]
fn status_counts_what_was_published() {
    let place = Installation::with_batches(0..3, 40);
    place.siem().stays_silent();
    place.siem().stays_silent();
    let status = json(&place, SIEM, &["status"]);
    let shown = stream(&status);
    assert_eq!(shown["week"]["events"], lines_of(&place));
    assert_eq!(shown["week"]["files"], place.files("mta").len());
    assert_eq!(shown["last_run"]["events"], 0);
    assert_eq!(status["last_run"]["code"], 0);
    assert_eq!(status["runs"].as_array().map(Vec::len), Some(2));
    assert!(shown["newest_event"].is_string() && shown["last_success"].is_string());
    let hours: Vec<u64> = serde_json::from_value(shown["hours"].clone()).expect("numbers");
    assert_eq!(hours.iter().sum::<u64>(), lines_of(&place));
    let text = table(place.run(SIEM, ["status"]));
    assert!(
        text.contains("siem  ") && text.contains("SEVEN DAYS"),
        "{text}"
    );
}

#[test]
fn each_event_type_has_its_row() {
    let place = Installation::connected_by_token();
    place.siem().stays_silent();
    let text = table(place.run(SIEM, ["status"]));
    let rows = text.lines().filter(|line| line.starts_with("cg_"));
    assert_eq!(rows.count(), 10, "{text}");
}

#[test]
fn before_the_first_run_nothing_is_known_and_nothing_fails() {
    let place = Installation::connected();
    let text = table(place.run(AUDIT, ["status"]));
    assert!(text.contains("no run is recorded"), "{text}");
    assert_eq!(table(place.run(AUDIT, ["history"])), "no run is recorded\n");
    place.run(AUDIT, ["verify"]).ends_with(0);
    place
        .run(AUDIT, ["status", "--max-age", "2h"])
        .ends_with(69);
    assert!(!place.path("checkpoint/history").exists());
}

#[test]
fn the_age_of_the_last_success_decides_the_code() {
    let place = Installation::with_batches(0..1, 20);
    place.siem().stays_silent();
    let fresh = place.run(SIEM, ["status", "--max-age", "2h"]).ends_with(0);
    assert!(
        fresh.stdout.starts_with("siem_collection OK: "),
        "{fresh:?}"
    );
    assert_eq!(fresh.stdout.lines().count(), 1);
    place.rewrite_record("siem", |record| {
        record["last_success"] = "2026-01-01T00:00:00Z".into();
    });
    let old = place.run(SIEM, ["status", "--max-age", "2h"]).ends_with(69);
    assert!(
        old.stdout.starts_with("siem_collection CRITICAL: "),
        "{old:?}"
    );
    let text = table(place.run(SIEM, ["status"]));
    assert!(
        text.contains("may have lost data since 2026-01-08"),
        "{text}"
    );
    place
        .run(SIEM, ["status", "--max-age", "soon"])
        .ends_with(64);
}

#[test]
fn history_lists_each_run_with_its_failure() {
    let place = Installation::with_batches(0..1, 20);
    place.siem().stays_silent();
    place.next(Endpoint::Siem, changes::html_200());
    place.next(Endpoint::Siem, changes::html_200());
    place.siem().ends_with(76);
    place.serve(Batch::raw(*b"no archive")).siem().ends_with(65);
    let history = json(&place, SIEM, &["history"]);
    let runs = history["runs"].as_array().expect("runs");
    let codes: Vec<_> = runs.iter().map(|run| run["code"].as_u64()).collect();
    assert_eq!(codes, [Some(0), Some(76), Some(65)]);
    assert!(
        runs[1]["failure"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("not understood"))
    );
    assert!(runs[1]["retries"].as_u64() > Some(0));
    assert!(
        runs[2]["warnings"][0]
            .as_str()
            .is_some_and(|text| text.contains("quarantine"))
    );
    let text = table(place.run(SIEM, ["history", "--days", "1"]));
    assert!(text.contains("not understood"), "{text}");
    let status = json(&place, SIEM, &["status"]);
    assert_eq!(stream(&status)["quarantined"], 1);
    place.run(SIEM, ["history", "--days", "0"]).ends_with(64);
}

#[test]
fn a_killed_run_is_counted_once_by_the_run_that_recovers() {
    let place = Installation::connected();
    crate::crash::kill_and_finish(&place, SIEM, "mta", |round| {
        place.serve(Batch::realistic(u64::from(round), 8));
    });
    let status = json(&place, SIEM, &["status"]);
    assert!(stream(&status)["week"]["events"].as_u64() <= Some(lines_of(&place)));
    let found = json(&place, SIEM, &["verify"]);
    assert_eq!(found["good"], place.files("mta").len());
}

#[test]
fn verify_tells_taken_files_from_changed_and_foreign_ones() {
    let place = Installation::with_batches(0..2, 20);
    place.siem().stays_silent();
    let names = place.names("mta");
    let found = json(&place, SIEM, &["verify"]);
    assert_eq!(
        (&found["good"], &found["taken"]),
        (&names.len().into(), &0.into())
    );
    fs::remove_file(place.path("data/mta").join(&names[0])).expect("taken by an agent");
    let found = json(&place, SIEM, &["verify"]);
    assert_eq!(
        (&found["good"], &found["taken"]),
        (&(names.len() - 1).into(), &1.into())
    );
    fs::write(place.path("data/mta").join(&names[1]), "changed").expect("written");
    fs::write(place.path("data/mta/notes.txt"), "foreign").expect("written");
    let outcome = place.run(SIEM, ["verify"]).ends_with(65);
    let expected = [
        format!("changed: {}", names[1]),
        "not of the collector: notes.txt".to_owned(),
    ];
    for text in expected {
        assert!(outcome.stdout.contains(&text), "{outcome:?}");
    }
    fs::remove_dir_all(place.path("checkpoint/history")).expect("lost");
    let outcome = place.run(SIEM, ["verify", "--json"]).ends_with(65).json();
    assert_eq!(outcome["unlisted"], names.len() - 2);
    assert_eq!(outcome["changed"][0], names[1]);
}

#[test]
fn the_commands_change_nothing_and_need_no_lock() {
    let place = Installation::with_batches(0..2, 20);
    place.siem().stays_silent();
    place.next(
        Endpoint::Siem,
        changes::wire(mimecast_sandbox::Wire::StallAt(
            0,
            std::time::Duration::from_secs(20),
        )),
    );
    place.serve_batches(2..3, 20);
    let asked = place.count(Endpoint::Siem);
    let child = place.spawn(SIEM);
    while place.count(Endpoint::Siem) == asked {
        std::thread::yield_now();
    }
    let mut before = BTreeMap::new();
    snapshot(&place.path("."), &mut before);
    for command in [
        &["status"][..],
        &["status", "--max-age", "1h"],
        &["history"],
        &["verify"],
    ] {
        place.run(SIEM, command).ends_with(0);
    }
    let mut after = BTreeMap::new();
    snapshot(&place.path("."), &mut after);
    assert_eq!(before, after);
    place.kill(child);
}

#[test]
fn a_damaged_part_is_named_and_hides_nothing_else() {
    let place = Installation::with_batches(0..1, 20);
    place.siem().stays_silent();
    let path = ledger(&place);
    let good = fs::read_to_string(&path).expect("text");
    let later = good.replacen("\"schema\":1", "\"schema\":2", 1);
    fs::write(&path, format!("{{\"cut\":\n{good}{later}")).expect("written");
    let text = table(place.run(SIEM, ["status"]));
    assert!(text.contains("1 line not counted: damaged"), "{text}");
    assert!(
        text.contains("1 line not counted: of a later version"),
        "{text}"
    );
    let status = json(&place, SIEM, &["status"]);
    assert_eq!(stream(&status)["week"]["events"], lines_of(&place));
    place.rewrite_record("siem", |record| record["format"] = 99.into());
    let text = table(place.run(SIEM, ["status"]));
    assert!(
        text.contains("a later version of the collector wrote it"),
        "{text}"
    );
    fs::write(place.path("checkpoint/siem.state"), "\0").expect("written");
    let status = json(&place, SIEM, &["status"]);
    assert!(
        stream(&status)["unreadable"]
            .as_str()
            .is_some_and(|why| why.contains("damaged"))
    );
    assert_eq!(stream(&status)["week"]["events"], lines_of(&place));
}

#[test]
fn a_ledger_that_cannot_be_read_hides_nothing_else() {
    let place = Installation::with_batches(0..1, 10);
    place.siem().stays_silent();
    let day = (chrono::Utc::now() - chrono::TimeDelta::days(2)).format("%Y-%m-%d");
    let odd = place.path(format!("checkpoint/history/siem_collection_{day}.jsonl"));
    fs::create_dir(odd).expect("made");
    let text = table(place.run(SIEM, ["status"]));
    assert!(text.contains("history: cannot read"), "{text}");
    assert_eq!(
        stream(&json(&place, SIEM, &["status"]))["week"]["events"],
        lines_of(&place)
    );
    place.run(SIEM, ["status", "--max-age", "1h"]).ends_with(0);
    place.run(SIEM, ["verify"]).ends_with(0);
}
