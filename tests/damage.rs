//! State records that are lost, damaged, foreign or no files at all.
//!
//! Nothing may be lost by it, and what can be repeated is bounded and told.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::{AUDIT, Installation, Outcome, SIEM};
use mimecast_sandbox::{AuditEvent, Batch};

type Damage = fn(&Path);

/// What can become of a state file that leaves nothing to read.
const DAMAGES: [Damage; 5] = [
    |path| fs::remove_file(path).expect("it was there"),
    |path| fs::write(path, "").expect("written"),
    |path| {
        let bytes = fs::read(path).expect("readable");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    },
    |path| {
        let mut bytes = fs::read(path).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("written");
    },
    |path| fs::write(path, b"\xff\xfe\0 not ours").expect("written"),
];

const STREAMS: [(&str, &str); 2] = [("siem", SIEM), ("audit", AUDIT)];

/// An installation whose last two runs of both streams brought something. Audit events are told
/// apart by their ids.
fn collected() -> Installation {
    let place = Installation::configured("[audit]\nformat = \"json\"");
    for run in 0..2 {
        add(&place, run);
        place.siem().stays_silent();
        place.audit().stays_silent();
    }
    place
}

/// Something new for both streams; the audit events of all runs are within one overlap and before it.
fn add(place: &Installation, run: u64) {
    place.serve(Batch::realistic(run, 30));
    let hours = [0, 0, 1, 2, 30];
    place.serve_events((0..).zip(hours).map(|(number, hour)| {
        let age = TimeDelta::hours(hour * i64::from(run == 0)) + TimeDelta::minutes(2 + number);
        AuditEvent::realistic(run * 10 + number as u64, Utc::now() - age)
    }));
}

fn run(place: &Installation, program: &str) -> Outcome {
    place.collect(program)
}

fn state_of(place: &Installation, stream: &str) -> String {
    place
        .path(format!("checkpoint/{stream}.state"))
        .to_str()
        .expect("UTF-8")
        .to_owned()
}

/// Whether these bytes were kept beside the state for somebody to look at.
fn is_set_aside(place: &Installation, bytes: &[u8]) -> bool {
    let mut kept = states(place).into_iter();
    kept.any(|(name, content)| name.contains(".bad-") && content == bytes)
}

fn assert_complete(place: &Installation, stream: &str) {
    match stream {
        "siem" => place.assert_siem_complete(),
        _ => place.assert_audit_complete(),
    }
}

/// Changes a state record as a program of ours could have written it.
fn forge(path: &Path, name: &str, value: impl Into<Value>) {
    let text = fs::read_to_string(path).expect("readable");
    let mut record: Value =
        serde_json::from_str(text.lines().nth(1).expect("a record")).expect("JSON");
    record[name] = value.into();
    let body = record.to_string();
    let sum: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::write(path, format!("mimecast-collector-state {sum}\n{body}\n")).expect("written");
}

/// Every regular file of the state folder that holds a state.
fn states(place: &Installation) -> BTreeMap<String, Vec<u8>> {
    let listed = fs::read_dir(place.path("checkpoint")).expect("the folder is there");
    let paths = listed
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file());
    paths
        .map(|path| {
            (
                path.display().to_string(),
                fs::read(path).expect("readable"),
            )
        })
        .collect()
}

#[test]
fn one_damaged_state_file_costs_nothing_and_repeats_nothing() {
    let place = collected();
    for (first, (stream, program)) in [2, 10].into_iter().zip(STREAMS) {
        for (round, damage) in (first..).zip(DAMAGES) {
            let state = state_of(&place, stream);
            damage(Path::new(&state));
            let damaged = fs::read(&state).ok();
            add(&place, round);
            run(&place, program)
                .ends_with(65)
                .says("continues from its copy");
            assert_complete(&place, stream);
            assert!(damaged.is_none_or(|bytes| is_set_aside(&place, &bytes)));
            // the copy alone is no reason to say anything: the state itself is whole
            damage(Path::new(&format!("{state}.prev")));
            run(&place, program).stays_silent();
            assert_complete(&place, stream);
        }
        // what the other stream has not seen yet
        place.siem().stays_silent();
        place.audit().stays_silent();
    }
}

#[test]
fn siem_logs_whose_state_is_lost_are_neither_lost_nor_repeated() {
    let place = collected();
    for (round, damage) in (2..).zip(DAMAGES) {
        let state = state_of(&place, "siem");
        damage(Path::new(&state));
        damage(Path::new(&format!("{state}.prev")));
        add(&place, round);
        place.siem_says(65, "was lost");
        place.assert_siem_complete();
        place.siem().stays_silent();
    }
}

#[test]
fn audit_events_whose_state_is_lost_are_repeated_for_one_overlap_at_most() {
    for damage in DAMAGES {
        let place = collected();
        let newest = place
            .files("audit")
            .into_keys()
            .map(|name| end_of(&name))
            .max();
        let begin = newest.expect("files") - TimeDelta::minutes(60);
        let state = state_of(&place, "audit");
        for path in [&state, &format!("{state}.prev")] {
            damage(Path::new(path));
        }
        add(&place, 2);
        place.audit_says(65, "was lost");
        assert!(
            place.log("audit").contains("may be written again"),
            "it says so"
        );
        let published = place.audit_ids();
        for event in place.sandbox.audit_events() {
            let times = published.iter().filter(|id| **id == event.id).count();
            let at_most = if event.event_time < begin { 1 } else { 2 };
            assert!((1..=at_most).contains(&times), "{times} times: {event:?}");
        }
        place.audit().stays_silent();
        assert_eq!(place.audit_ids(), published);
    }
}

/// The end of the window in a file's name.
fn end_of(name: &str) -> DateTime<Utc> {
    let stamp = name.split('_').nth(3).expect("audit_log_<from>_<to>_…");
    NaiveDateTime::parse_from_str(stamp, "%Y%m%dt%H%M%Sz")
        .expect("a time")
        .and_utc()
}

#[test]
fn a_state_of_a_later_version_or_another_account_is_left_untouched() {
    let place = collected();
    add(&place, 2);
    for (stream, program) in STREAMS {
        for (name, value, said) in [
            ("format", Value::from(3), "a later version"),
            ("account", "CUSA99A999".into(), "of account CUSA99A999"),
            ("stream", "other".into(), "stream other"),
        ] {
            for generation in ["", ".prev"] {
                let path = state_of(&place, stream) + generation;
                let good = fs::read(&path).expect("readable");
                forge(Path::new(&path), name, value.clone());
                let before = states(&place);
                run(&place, program).ends_with(78).says(said).says(&path);
                assert_eq!(states(&place), before);
                fs::write(&path, good).expect("written");
            }
        }
        run(&place, program).stays_silent();
        assert_complete(&place, stream);
    }
}

#[cfg(unix)]
#[test]
fn a_state_that_is_no_file_stops_the_run_at_once() {
    let place = collected();
    let strange: [Damage; 4] = [
        |path| fs::create_dir(path).expect("made"),
        |path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.expect("mkfifo is there").success());
        },
        |path| std::os::unix::fs::symlink("/dev/zero", path).expect("made"),
        |path| {
            let file = fs::File::create(path).expect("made");
            file.set_len(1 << 30).expect("sparse");
        },
    ];
    for (stream, program) in STREAMS {
        for generation in ["", ".prev"] {
            for make in strange {
                let path = state_of(&place, stream) + generation;
                let good = fs::read(&path).expect("readable");
                fs::remove_file(&path).expect("removed");
                make(Path::new(&path));
                let outcome = run(&place, program).ends_with(78).says(&path);
                assert!(outcome.took < Duration::from_secs(5), "{outcome:?}");
                let removed = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
                removed.expect("still there");
                fs::write(&path, good).expect("written");
            }
        }
        run(&place, program).stays_silent();
    }
}
