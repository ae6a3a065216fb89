//! `replay`: a range again, in a folder of its own, beside the live position.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::audit::{JSON, audit_with, event};
use crate::harness::{AUDIT, Installation, Outcome, SIEM};
use crate::watching::snapshot;
use mimecast_sandbox::{Batch, Endpoint, Object, changes};

fn ago(hours: i64) -> DateTime<Utc> {
    (Utc::now() - TimeDelta::hours(hours)).trunc_subsecs(0)
}

fn shown(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Replays the range between two ages in hours.
fn replay(place: &Installation, program: &str, (from, to): (i64, i64), into: &str) -> Outcome {
    let (from, to) = (shown(ago(from)), shown(ago(to)));
    replay_times(place, program, (&from, &to), &place.path(into))
}

fn replay_times(
    place: &Installation,
    program: &str,
    (from, to): (&str, &str),
    into: &Path,
) -> Outcome {
    let into = into.to_str().expect("UTF-8");
    let arguments = ["replay", "--from", from, "--to", to, "--into", into];
    place.run(program, arguments)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let listed = fs::read_dir(folder).expect("a folder");
    let named = listed.map(|entry| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, fs::read(entry.path()).expect("readable"))
    });
    named.collect()
}

fn lines(folder: &Path) -> Vec<String> {
    let mut lines: Vec<String> = files(folder)
        .into_values()
        .flat_map(|content| {
            let text = String::from_utf8(content).expect("UTF-8");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines
}

/// The start of the window that a request names.
fn start_of(body: &serde_json::Value) -> DateTime<Utc> {
    let text = body["data"][0]["startDateTime"].as_str().expect("a date");
    let time = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z");
    time.expect("checked by the sandbox").to_utc()
}

/// Everything that belongs to the live collection.
fn live(place: &Installation) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["checkpoint", "data"] {
        snapshot(&place.path(folder), &mut found);
    }
    let contents = found
        .into_iter()
        .map(|(path, (content, _))| (path, content));
    contents.collect()
}

#[test]
fn audit_events_of_the_range_come_again_and_the_live_collection_notices_nothing() {
    let ages = [100, 50, 30, 26, 10, 3, 1];
    let events = (0..).zip(ages).map(|(number, age)| event(number, ago(age)));
    let place = audit_with(JSON, events);
    place.audit().stays_silent();
    let before = live(&place);
    replay(&place, AUDIT, (60, 5), "again").stays_silent();
    assert_eq!(lines(&place.path("again/audit")).len(), 4);
    assert_eq!(live(&place), before);
    let asked = place.count(Endpoint::Audit);
    replay_times(
        &place,
        AUDIT,
        range_of(&place).as_tuple(),
        &place.path("again"),
    )
    .stays_silent();
    assert_eq!(place.count(Endpoint::Audit), asked, "it is complete");
    assert_eq!(lines(&place.path("again/audit")).len(), 4);
    place.audit().stays_silent();
    assert_eq!(place.audit_ids().len(), ages.len());
}

/// The range that the folder `again` holds.
struct RangeText(String, String);

impl RangeText {
    fn as_tuple(&self) -> (&str, &str) {
        (&self.0, &self.1)
    }
}

fn range_of(place: &Installation) -> RangeText {
    let text = fs::read(place.path("again/checkpoint/audit.replay.json")).expect("readable");
    let order: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let time = |end: &str| order["range"][end].as_str().expect("a time").to_owned();
    RangeText(time("from"), time("to"))
}

#[test]
fn a_replay_that_was_stopped_continues_where_it_was() {
    let events = (0..20).map(|number| event(number, ago(10 + 12 * number as i64)));
    let place = audit_with(JSON, events);
    let is_late = |seen: &mimecast_sandbox::Seen| start_of(&seen.body) > ago(200);
    place.always_at(Endpoint::Audit, is_late, changes::status(503));
    let again = place.path("again");
    let (from, to) = (shown(ago(240)), shown(ago(5)));
    replay_times(&place, AUDIT, (&from, &to), &again).ends_with(75);
    let first = lines(&again.join("audit"));
    assert!(!first.is_empty() && first.len() < 20, "{first:?}");
    place.clear();
    let asked = place.calls(Endpoint::Audit).len();
    replay_times(&place, AUDIT, (&from, &to), &again).stays_silent();
    let oldest = start_of(&place.calls(Endpoint::Audit)[asked].body);
    assert!(oldest > ago(230), "it does not begin again");
    let all = lines(&again.join("audit"));
    assert_eq!(all.len(), 20, "each once");
    replay_times(&place, AUDIT, (&from, &shown(ago(6))), &again)
        .ends_with(64)
        .says("holds the replay from");
}

/// Asserts that a replay of both generations publishes the same files as the live collection, but only those with
/// an event of the range.
#[track_caller]
fn files_of_the_range(place: &Installation) {
    place.siem().stays_silent();
    let before = live(place);
    replay(place, SIEM, (60, 20), "again").stays_silent();
    assert_eq!(live(place), before);
    let again = files(&place.path("again/mta"));
    let published = place.files("mta");
    assert!(!again.is_empty() && again.len() < published.len());
    for (name, content) in &again {
        assert_eq!(
            published.get(name),
            Some(content),
            "the same name and bytes"
        );
    }
    let in_range = |content: &[u8]| {
        let text = String::from_utf8(content.to_vec()).expect("UTF-8");
        text.contains("of-the-range")
    };
    let expected = published.iter().filter(|(_, content)| in_range(content));
    let expected: Vec<&String> = expected.map(|(name, _)| name).collect();
    assert_eq!(again.keys().collect::<Vec<_>>(), expected);
    let order = fs::read(place.path("again/checkpoint/siem.replay.json")).expect("readable");
    let order: serde_json::Value = serde_json::from_slice(&order).expect("JSON");
    let time = |end: &str| order["range"][end].as_str().expect("a time").to_owned();
    let range = (time("from"), time("to"));
    replay_times(place, SIEM, (&range.0, &range.1), &place.path("again")).stays_silent();
    assert_eq!(files(&place.path("again/mta")), again, "nothing twice");
}

/// The ages of the events of five files, in hours, and whether the file has an event of the range of 60 to 20.
const AGES: [(&[i64], bool); 5] = [
    (&[100, 90], false),
    (&[61, 59], true),
    (&[40], true),
    (&[19, 30, 18], true),
    (&[3], false),
];

fn mark(is_of_range: bool) -> &'static str {
    if is_of_range { "of-the-range" } else { "other" }
}

#[test]
fn archives_of_api_1_0_are_replayed_file_by_file() {
    let place = Installation::connected();
    for (number, (ages, is_of_range)) in AGES.into_iter().enumerate() {
        let lines = ages.iter().map(|age| {
            let time = ago(*age).format("%Y-%m-%dT%H:%M:%S+0000");
            format!(
                "datetime={time}|aCode=A{number}{age}|Subject={}\n",
                mark(is_of_range)
            )
        });
        let name = format!("receipt_2026112000000000{number}.siem");
        let content: String = lines.collect();
        place.serve(Batch::files(&[(&name, content.as_bytes())]));
    }
    files_of_the_range(&place);
}

#[test]
fn objects_of_api_2_0_are_replayed_file_by_file() {
    let place = Installation::of_types("av");
    for (number, (ages, is_of_range)) in AGES.into_iter().enumerate() {
        let lines = ages.iter().map(|age| {
            let time = ago(*age).timestamp_millis();
            let subject = mark(is_of_range);
            format!(r#"{{"timestamp":{time},"number":{number},"subject":"{subject}"}}"#)
        });
        let object = Object::lines(lines).named(&format!("part-{number}.json.gz"));
        place.serve_objects("av", [object]);
    }
    files_of_the_range(&place);
}

#[test]
fn a_line_without_a_time_keeps_its_file() {
    let place = Installation::connected();
    let long = format!("{}{}", "x".repeat(200_000), "\n");
    let old = format!(
        "datetime={}|aCode=A\n",
        ago(100).format("%Y-%m-%dT%H:%M:%S+0000")
    );
    place.serve(Batch::files(&[
        ("a_1.siem", format!("{old}{old}").as_bytes()),
        ("b_1.siem", format!("{old}no time at all\n").as_bytes()),
        ("c_1.siem", format!("{old}{long}{old}").as_bytes()),
    ]));
    replay(&place, SIEM, (60, 20), "again").stays_silent();
    let names: Vec<String> = files(&place.path("again/mta")).into_keys().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("b_") && names[1].starts_with("c_"));
}

#[test]
fn what_cannot_be_replayed_is_refused_in_one_sentence() {
    let place = Installation::connected();
    fs::create_dir(place.path("full")).expect("a folder");
    fs::write(place.path("full/mine.txt"), "mine").expect("a file");
    let (day, week) = (shown(ago(24)), shown(ago(24 * 6)));
    let in_zone = ago(24).format("%Y-%m-%dT%H:%M:%S+02:00").to_string();
    for (program, (from, to), into, text) in [
        (SIEM, (&*day, &*week), "again", "--from is not before --to"),
        (SIEM, (&*day, &*day), "again", "--from is not before --to"),
        (
            SIEM,
            (&*shown(ago(24 * 8)), &*day),
            "again",
            "which is 7 days",
        ),
        (
            AUDIT,
            (&*shown(ago(24 * 61)), &*day),
            "again",
            "which is 60 days",
        ),
        (
            SIEM,
            (&*day, &*shown(ago(-1))),
            "again",
            "--to is in the future",
        ),
        (SIEM, (&*week, &*in_zone), "again", "a time in UTC"),
        (
            SIEM,
            ("yesterday", &*day),
            "again",
            "a day or a time in UTC",
        ),
        (SIEM, (&*week, &*day), "full", "is not empty"),
        (SIEM, (&*week, &*day), "data", "belongs to the collector"),
        (
            SIEM,
            (&*week, &*day),
            "data/mta/new",
            "belongs to the collector",
        ),
        (
            SIEM,
            (&*week, &*day),
            "checkpoint",
            "inside the state folder",
        ),
        (SIEM, (&*week, &*day), "", "belongs to the collector"),
        (SIEM, (&*week, &*day), "/", "root of a file system"),
        (SIEM, (&*week, &*day), "/tmp", "folder of the system"),
    ] {
        let outcome = replay_times(&place, program, (from, to), &place.path(into));
        outcome.ends_with(64).says(text);
    }
    assert_eq!(place.requests().len(), 0, "refused before any request");
    assert_eq!(files(&place.path("full")).len(), 1);
    assert!(!place.path("again").exists());
}

#[test]
fn both_collectors_replay_into_one_folder() {
    let place = audit_with(JSON, [event(1, ago(30))]);
    place.serve(Batch::realistic_at(1, 20, ago(30)));
    replay(&place, AUDIT, (60, 20), "again").stays_silent();
    replay(&place, SIEM, (60, 20), "again").stays_silent();
    assert_eq!(lines(&place.path("again/audit")).len(), 1);
    assert_eq!(lines(&place.path("again/mta")).len(), 20);
}

#[test]
fn a_replay_whose_beginning_left_the_retention_continues_and_says_what_is_missing() {
    let place = audit_with(JSON, [event(1, ago(30))]);
    let again = place.path("again");
    place.always(Endpoint::Audit, changes::status(503));
    let (from, to) = (shown(ago(59 * 24)), shown(ago(20)));
    replay_times(&place, AUDIT, (&from, &to), &again)
        .ends_with(75)
        .says("start the same command again");
    place.clear();
    // two days pass
    let old = shown(ago(61 * 24));
    let order = again.join("checkpoint/audit.replay.json");
    let text = fs::read_to_string(&order).expect("readable");
    fs::write(&order, text.replace(&from, &old)).expect("written");
    replay_times(&place, AUDIT, (&old, &to), &again)
        .ends_with(65)
        .says("are missing");
    assert_eq!(lines(&again.join("audit")).len(), 1);
}

#[test]
fn a_replay_that_ended_while_it_made_its_folders_can_begin_again() {
    let place = audit_with(JSON, [event(1, ago(30))]);
    fs::create_dir_all(place.path("again/checkpoint")).expect("folders");
    replay(&place, AUDIT, (60, 20), "again").stays_silent();
    assert_eq!(lines(&place.path("again/audit")).len(), 1);
}

#[test]
fn a_way_through_a_missing_folder_leads_nowhere_else() {
    let place = Installation::connected();
    let into = place.path("missing/../data/mta/again");
    replay_times(&place, SIEM, (&shown(ago(60)), &shown(ago(20))), &into)
        .ends_with(64)
        .says("belongs to the collector");
    assert!(files(&place.path("data/mta")).is_empty());
}

#[test]
fn the_end_of_a_range_has_passed_by_mimecasts_clock_too() {
    let place = audit_with(JSON, [event(1, ago(30))]);
    crate::audit::set_clock(&place, -60);
    let (from, to) = (shown(ago(48)), shown(Utc::now() - TimeDelta::minutes(20)));
    replay_times(&place, AUDIT, (&from, &to), &place.path("again"))
        .ends_with(75)
        .says("the range ends less than a minute ago");
}
