//! Proof that the agent and the ledger of what was told notice what they are for.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::agent::{Agent, Habit};
use crate::harness::{Installation, Outcome, SIEM};
use crate::told::Told;
use mimecast_sandbox::{AuditEvent, Batch};

fn publish(place: &Installation, path: &str, content: &str) {
    fs::write(place.path("data").join(path), content).expect("written");
}

fn fails(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_err()
}

#[test]
fn each_file_is_read_once_and_put_away_by_habit() {
    for habit in Habit::ALL {
        let place = Installation::connected();
        let lines = ["datetime=1", "datetime=2", "datetime=3"];
        let text = lines.join("\n") + "\n";
        let name = "receipt_20261120000000000.siem";
        place.serve(Batch::files(&[(name, text.as_bytes())]));
        let mut agent = Agent::new("mta", habit);
        publish(&place, "mta/a.siem", "datetime=1\ndatetime=2\n");
        publish(&place, "mta/.hidden", "half a li");
        assert_eq!((agent.look(&place), agent.look(&place)), (2, 0));
        let is_left = place.files("mta").contains_key("a.siem");
        assert_eq!(is_left, habit == Habit::Leaves);
        assert_eq!(
            place.path("read/mta/a.siem").exists(),
            habit == Habit::Moves
        );
        assert!(fails(|| agent.assert_complete(&place)), "P1");
        publish(&place, "mta/b.siem", "datetime=3\n");
        assert_eq!(agent.look(&place), 1);
        agent.assert_complete(&place);
        publish(&place, "mta/c.siem", "datetime=3\n");
        agent.look(&place);
        assert!(fails(|| agent.assert_complete(&place)), "P2");
        assert_eq!(agent.repeated(), ["datetime=3"]);
        agent.assert_read(["datetime=1", "datetime=2", "datetime=3", "datetime=3"]);
    }
}

#[test]
fn a_name_that_comes_back_is_read_again_and_one_that_changes_is_a_fault() {
    let place = Installation::connected();
    let mut agent = Agent::new("mta", Habit::Leaves);
    publish(&place, "mta/a.siem", "datetime=1\n");
    agent.look(&place);
    fs::remove_file(place.path("data/mta/a.siem")).expect("it was there");
    agent.look(&place);
    publish(&place, "mta/a.siem", "datetime=1\n");
    assert_eq!((agent.look(&place), agent.repeated().len()), (1, 1));
    publish(&place, "mta/a.siem", "datetime=2\n");
    assert!(fails(|| assert_eq!(agent.look(&place), 1)), "P3");
}

#[test]
fn an_agent_can_change_its_habit_and_knows_what_it_has_read() {
    let place = Installation::connected();
    let mut agent = Agent::new("mta", Habit::Leaves);
    publish(&place, "mta/a.siem", "datetime=1\n");
    agent.look(&place);
    agent.take_to(Habit::Deletes);
    publish(&place, "mta/b.siem", "datetime=2\n");
    agent.look(&place);
    assert_eq!(place.names("mta"), ["a.siem"]);
    let times = [&b"datetime=1"[..], b"datetime=2", b"datetime=3"].map(|line| agent.times(line));
    assert_eq!(times, [1, 1, 0]);
}

#[test]
fn audit_events_are_told_apart_by_their_ids() {
    let place = Installation::connected();
    let event = AuditEvent::realistic(1, chrono::Utc::now());
    let other = event.clone().with_info("other words");
    let line = |event: &AuditEvent| event.json() + "\n";
    publish(&place, "audit/a.json", &line(&event));
    publish(&place, "audit/b.json", &line(&other));
    place.serve_events([event.clone(), event.rearranged(), other]);
    let mut agent = Agent::new("audit", Habit::Deletes);
    assert_eq!(agent.look(&place), 2);
    agent.assert_complete(&place); // one id, two events
}

fn outcome(code: i32, stdout: &str) -> Outcome {
    Outcome {
        code,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        took: Duration::ZERO,
    }
}

#[test]
fn only_a_run_that_ends_with_65_counts_and_only_one() {
    let mut told = Told::default();
    told.hear(&outcome(75, r#"{"warnings":["a gap"]}"#));
    told.hear(&outcome(-1, ""));
    told.assert_never("gap");
    told.hear(&outcome(65, r#"{"warnings":["other","a gap of process"]}"#));
    told.hear(&outcome(0, r#"{"warnings":[]}"#));
    told.assert_once("gap");
    told.assert_once("other");
    told.hear(&outcome(65, r#"{"warnings":["a gap"]}"#));
    assert!(catch_unwind(|| told.assert_once("gap")).is_err());
    assert_eq!(told.codes(), [75, -1, 65, 0, 65]);
}

#[test]
fn a_quarantined_archive_is_told_once() {
    let place = Installation::connected();
    let mut told = Told::default();
    told.run(&place, SIEM).ends_with(0);
    place.serve(Batch::raw(*b"no archive"));
    told.runs(&place, SIEM, 2);
    told.assert_once("quarantine");
    assert_eq!(told.codes(), [0, 65, 0]);
}
