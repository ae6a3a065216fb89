//! P1, P2 and P5 when hours and days pass between two runs, or this host's clock is set right by as much.

use std::fs::{self, File};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::agent::{Agent, Habit};
use crate::audit::{JSON, ago, event, place as audit_place, set_clock};
use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Batch, Endpoint, Object, changes};

impl Installation {
    /// Lets time pass: all that was written so far, state and published files, becomes so much older. To a collector
    /// that is the same as a later time on this host's clock, which no test may set.
    fn pass(&self, time: TimeDelta) {
        let listed = fs::read_dir(self.path("checkpoint")).expect("the folder is there");
        let names = listed.map(|entry| entry.expect("an entry").file_name());
        let names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        for stream in names.iter().filter_map(|name| name.strip_suffix(".state")) {
            self.rewrite_record(stream, |record| make_older(record, time));
        }
        for folder in ["mta", "audit"] {
            for name in self.files(folder).keys() {
                let path = self.path("data").join(folder).join(name);
                let written = fs::metadata(&path).and_then(|data| data.modified());
                let then = DateTime::<Utc>::from(written.expect("known")) - time;
                let file = File::options().write(true).open(&path).expect("ours");
                file.set_modified(then.into()).expect("set");
            }
        }
    }
}

/// Moves back each time that a record holds, also in a position.
fn make_older(value: &mut Value, by: TimeDelta) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| make_older(item, by)),
        Value::Object(members) => {
            for name in ["seen", "added"] {
                if let Some(Value::Object(ids)) = members.get_mut(name) {
                    *ids = hours_older(ids, by.num_hours());
                }
            }
            members
                .values_mut()
                .for_each(|member| make_older(member, by));
        }
        Value::String(text) => {
            if let Ok(time) = text.parse::<DateTime<Utc>>() {
                *text = (time - by).format("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
            } else if text.starts_with('{') {
                let mut position = serde_json::from_str(text).expect("JSON");
                make_older(&mut position, by);
                *text = position.to_string();
            }
        }
        _ => {}
    }
}

/// Ids stand under the hour of their publication.
fn hours_older(ids: &Map<String, Value>, by: i64) -> Map<String, Value> {
    let older = ids.iter().map(|(hour, ids)| {
        let hour: i64 = hour.parse().expect("a number");
        ((hour - by).to_string(), ids.clone())
    });
    older.collect()
}

#[test]
fn files_of_a_time_when_this_hosts_clock_was_30_days_behind_are_kept_as_long_as_any() {
    let place = Installation::of_types("receipt");
    let month = TimeDelta::days(30);
    set_clock(&place, month.num_minutes());
    let objects = (0..5).map(|seed| Object::realistic(seed, 20));
    place.serve_objects("receipt", objects);
    place.siem().ends_with(65); // the clocks are days apart
    place.assert_objects_complete();
    place.pass(month);
    set_clock(&place, 0);
    place.siem().stays_silent();
    for hours in [7 * 24 - 1, 2] {
        place.assert_objects_complete();
        place.pass(TimeDelta::hours(hours));
        place.siem().stays_silent();
    }
    assert!(place.files("mta").is_empty(), "after a week they go");
}

#[test]
fn events_after_a_run_whose_clock_of_mimecast_was_ahead_are_published_once_by_the_next() {
    for (hours, is_first) in [(20, false), (2, false), (20, true), (2, true)] {
        println!("{hours} hours, the first run: {is_first}");
        let place = audit_place(JSON);
        if !is_first {
            place.serve_events([event(0, ago(TimeDelta::hours(1)))]);
            place.audit().stays_silent();
            place.pass(TimeDelta::minutes(30));
        }
        set_clock(&place, hours * 60);
        place.audit().stays_silent();
        place.pass(TimeDelta::hours(3));
        set_clock(&place, 0);
        let since = (2..=180).step_by(10).map(TimeDelta::minutes);
        let events = (1..).zip(since);
        place.serve_events(events.map(|(number, age)| event(number, ago(age))));
        place.collects_events();
    }
}

#[test]
fn after_a_refused_position_nothing_is_repeated_whose_files_were_deleted_as_old() {
    let place = Installation::configured("[retention]\ndata_days = 2");
    let mut agent = Agent::new("mta", Habit::Leaves);
    place.serve_batches(0..3, 20);
    place.siem().stays_silent();
    agent.look(&place);
    let published = place.files("mta").len();
    place.pass(TimeDelta::days(3));
    place.siem().stays_silent();
    assert!(place.files("mta").is_empty(), "deleted as old");
    place.serve(Batch::realistic(3, 20));
    let refused = changes::fail_in_200("err_audit_siem_invalid_token", "m");
    let twice = changes::times(2, refused);
    place.always(Endpoint::Siem, twice);
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    assert_eq!(report["repeated"], published, "recognised: {report}");
    assert_eq!(report["events"], 20, "the new ones: {report}");
    agent.look(&place);
    agent.assert_complete(&place);
}
