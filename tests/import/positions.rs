//! Where the collectors continue: every event after the scripts' positions is published once, and no event
//! before them.

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};

use super::old::OldScripts;
use crate::audit::{ago, event};
use crate::harness::Installation;
use mimecast_sandbox::{AuditEvent, Batch};

/// The line that the scripts wrote for an event.
fn line(event: &AuditEvent) -> String {
    format!(
        "date={}+0000|mcType=auditLog|user={}|auditType=\"{}\"|eventInfo=\"{}\n",
        event.event_time.format("%Y-%m-%dT%H:%M:%S"),
        event.user,
        event.audit_type,
        event.event_info
    )
}

/// Writes the events into the scripts' file of a day.
fn scripts_wrote(place: &Installation, events: &[AuditEvent]) {
    let text: String = events.iter().map(line).collect();
    let path = place.path("data/audit/audit_log_20112026.log");
    fs::write(path, text).expect("written");
}

fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// The lines that the audit collector has published, sorted, without those of the scripts.
fn published(place: &Installation) -> Vec<String> {
    let files = place.files("audit").into_iter();
    let ours = files.filter(|(name, _)| name != "audit_log_20112026.log");
    let texts = ours.map(|(_, content)| String::from_utf8(content).expect("UTF-8"));
    let mut lines: Vec<String> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines.sort_unstable();
    lines
}

/// The lines of these events as this collector writes them, sorted: control characters in a row are one space.
fn lines_of<'a>(events: impl IntoIterator<Item = &'a AuditEvent>) -> Vec<String> {
    let one_line = |event| {
        let line = line(event);
        let parts = line.split(char::is_control).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = events.into_iter().map(one_line).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn archives_continue_after_the_token_and_old_files_stay_for_ever() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    place.serve_batches(0..5, 5);
    old.write("checkpoint_siem", &place.sandbox.siem_cursor(1));
    let theirs = place.path("data/mta/receipt_20261101000000000.siem");
    fs::write(theirs, "of the scripts\n").expect("written");
    scripts_wrote(&place, &[]);
    place.age("data/mta", 30);
    place.age("data/audit", 30);
    let (gateway, audit) = (place.files("mta"), place.files("audit"));
    place.finish(old.import(&place)).ends_with(0);
    for _ in 0..2 {
        place.siem().stays_silent();
        place.audit().stays_silent();
    }
    place.assert_unchanged("mta", &gateway);
    place.assert_unchanged("audit", &audit);
    let mut expected: Vec<Vec<u8>> = (2..5)
        .flat_map(|seed| Batch::realistic(seed, 5).lines())
        .collect();
    expected.push(b"of the scripts".to_vec());
    expected.sort_unstable();
    assert_eq!(place.lines("mta"), expected);
}

#[test]
fn audit_events_around_the_end_of_the_scripts_are_published_once() {
    for format in ["", "[audit]\nformat = \"json\"\n"] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        let end = ago(TimeDelta::minutes(90));
        let at = |number: u64, minutes| event(number, end + TimeDelta::minutes(minutes));
        let long_ago: Vec<_> = (0..5).map(|number| at(number, -300)).collect();
        let written: Vec<_> = (10..20)
            .map(|number| at(number, number as i64 - 50))
            .collect();
        let mut late = at(30, -20);
        let twin = at(10, 10 - 50);
        // an event that the scripts missed, with the text of another
        late.event_time = twin.event_time;
        late.event_info.clone_from(&twin.event_info);
        late.audit_type.clone_from(&twin.audit_type);
        late.user.clone_from(&twin.user);
        let missed = [late, at(31, -1)];
        let new: Vec<_> = (40..50).map(|number| at(number, number as i64)).collect();
        for events in [&long_ago[..], &written, &missed, &new] {
            place.serve_events(events.iter().cloned());
        }
        scripts_wrote(&place, &[&long_ago[..], &written].concat());
        old.write("checkpoint_audit_start", &stamp(end));
        place.finish(old.import(&place)).ends_with(0);
        if format.is_empty() {
            place.audit().stays_silent();
            place.audit().stays_silent();
            assert_eq!(published(&place), lines_of(missed.iter().chain(&new)));
        } else {
            place.edit("config.toml", "format = \"key_value\"", "format = \"json\"");
            place.audit().stays_silent();
            assert_eq!(published(&place).len(), missed.len() + new.len());
        }
    }
}

#[test]
fn a_window_that_the_scripts_left_is_fetched_as_a_whole_and_not_repeated() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    let start = ago(TimeDelta::days(3));
    let all: Vec<_> = (0..40)
        .map(|number| event(number, start + TimeDelta::hours(number as i64)))
        .collect();
    place.serve_events(all.iter().cloned());
    // the newest page came first
    scripts_wrote(&place, &all[20..30]);
    old.write("checkpoint_audit_start", &stamp(start));
    old.write("checkpoint_audit_next", "eNoABC");
    let outcome = place.finish(old.import(&place)).ends_with(0);
    assert!(
        outcome.stdout.contains("stopped inside a window"),
        "{outcome:?}"
    );
    place.audit().stays_silent();
    assert_eq!(
        published(&place),
        lines_of(all[..20].iter().chain(&all[30..]))
    );
}

#[test]
fn without_positions_the_first_run_looks_back_and_the_import_says_so() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    place.serve_batches(0..2, 5);
    let events: Vec<_> = (0..4)
        .map(|number| event(number, ago(TimeDelta::minutes(5 + 1_440 * number as i64))))
        .collect();
    place.serve_events(events.iter().cloned());
    let outcome = place.finish(old.import(&place)).ends_with(0);
    for words in [
        "there is no checkpoint_siem",
        "there is no checkpoint_audit_start",
        "are published again, because",
    ] {
        assert!(outcome.stdout.contains(words), "{words}: {outcome:?}");
    }
    place.collects_logs();
    place.audit().stays_silent();
    assert_eq!(published(&place), lines_of(&events));
}

#[test]
fn a_position_older_than_mimecasts_memory_is_a_gap() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    old.write("checkpoint_audit_start", "2020-01-01T00:00:00+0000");
    place.finish(old.import(&place)).ends_with(0);
    place.audit_says(65, "from 2020-01-01 00:00:00 UTC");
    place.audit().stays_silent();
}
