//! P1 and P2 when a later version opens the state of version 0.1.0.
//!
//! The fixtures are templates of its records, with a sandbox that answers to match. What was collected is answered in
//! another form when it is asked for again, and the agent leaves, deletes or moves what it reads.

mod contents;
mod installation;
mod template;

use serde_json::Value;

use crate::agent::Habit;
use contents::MISSING;
use installation::{Old, Situation};
use mimecast_sandbox::{Endpoint, at, changes};

/// Opens an installation that needs nothing from a person: one run collects what is new, the next finds nothing.
fn opens(situation: Situation, habit: Habit) {
    println!("{situation:?} {habit:?}");
    let mut old = Old::new(situation, habit);
    old.run().ends_with(0);
    old.assert_complete();
    old.run().ends_with(0);
    old.assert_complete();
}

#[test]
fn a_settled_state_goes_on_without_loss_or_repetition() {
    for habit in Habit::ALL {
        opens(Situation::SiemSettled, habit);
        opens(Situation::AuditSettled, habit);
    }
}

#[test]
fn an_unfinished_commit_is_finished() {
    for habit in Habit::ALL {
        opens(Situation::SiemMidCommit, habit);
        opens(Situation::ObjectsMidCommit, habit);
        opens(Situation::AuditMidCommit, habit);
    }
}

/// Version 0.1.0 was killed after the last rename and before the record said so.
#[test]
fn a_commit_of_which_only_the_end_is_missing_is_finished() {
    for situation in [
        Situation::SiemMidCommit,
        Situation::ObjectsMidCommit,
        Situation::AuditMidCommit,
    ] {
        let mut old = Old::new(situation, Habit::Leaves);
        old.publish_staged();
        old.run().ends_with(0);
        old.assert_complete();
    }
}

#[test]
fn a_page_that_was_half_done_is_finished_and_no_object_of_it_comes_twice() {
    for habit in Habit::ALL {
        // the store has the object that was missing
        opens(Situation::ObjectsHalfPage, habit);
        // the store still does not have it
        let mut old = Old::new(Situation::ObjectsHalfPage, habit);
        let name = format!("part-{MISSING:06}.json.gz");
        let missing = at::object("receipt", &name);
        let gone = changes::store_error(404, "NoSuchKey");
        old.place.always_at(Endpoint::Object, missing, gone);
        for _ in 0..4 {
            let code = old.run().code;
            assert!([0, 65, 75].contains(&code), "ended with {code}");
        }
        old.told.assert_once(&name);
        assert_eq!(old.told.codes().last(), Some(&0));
        old.agent.assert_read(old.lines_without(MISSING));
    }
}

#[test]
fn the_copy_of_a_settled_state_is_as_good_as_the_state() {
    let settled = [Situation::SiemSettled, Situation::AuditSettled];
    let cases = settled.map(|situation| Habit::ALL.map(|habit| (situation, habit)));
    // This copy still has its commit pending: version 0.1.0 looks for the files to tell whether it was finished.
    let half_page = (Situation::ObjectsHalfPage, Habit::Leaves);
    for (situation, habit) in cases.into_iter().flatten().chain([half_page]) {
        println!("{situation:?} {habit:?}");
        let mut old = Old::new(situation, habit);
        old.lose_state();
        old.run().ends_with(65);
        old.run().ends_with(0);
        old.assert_complete();
    }
}

#[test]
fn audit_state_of_api_1_0_goes_on_under_api_2_0() {
    for situation in [Situation::AuditSettled, Situation::AuditMidCommit] {
        let mut old = Old::new(situation, Habit::Deletes);
        old.place.configure_tokens("[audit]\nformat = \"json\"");
        old.run().ends_with(0);
        old.assert_complete();
    }
}

/// A template that version 0.1.0 could not have written would prove nothing.
#[test]
fn the_fixtures_are_records_of_version_0_1_0() {
    let members = [
        "account",
        "added",
        "before",
        "format",
        "gaps",
        "last_success",
        "not_before",
        "pending",
        "position",
        "seen",
        "sequence",
        "stream",
    ];
    for situation in Situation::ALL {
        let old = Old::new(situation, Habit::Leaves);
        let records = old.records();
        assert_eq!(records.len(), 2, "{situation:?}: the state and its copy");
        for (name, record) in &records {
            let fields = record.as_object().expect("an object");
            assert_eq!(fields.keys().collect::<Vec<_>>(), members, "{name}");
            assert_eq!(record["format"], 1);
        }
        let [state, copy]: [Value; 2] = records
            .into_values()
            .collect::<Vec<_>>()
            .try_into()
            .expect("two");
        let sequence = |record: &Value| record["sequence"].as_u64();
        assert_eq!(sequence(&state), sequence(&copy).map(|number| number + 1));
    }
}
