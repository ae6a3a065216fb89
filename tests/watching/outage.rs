//! An outage that lasts ends with 69, and one that does not with 75 and without a word.

use std::time::Duration;

use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Endpoint, Object, at, changes};

#[test]
fn an_outage_that_lasts_is_urgent_and_a_short_one_is_not_mentioned() {
    let place = Installation::with_batches(0..1, 10);
    place.siem().stays_silent();
    place.always(Endpoint::Siem, changes::status(503));
    let short = place.collect(SIEM).ends_with(75);
    assert!(short.stderr.contains("HTTP status 503"), "{short:?}");
    let ago = chrono::Utc::now() - chrono::TimeDelta::hours(5);
    place.rewrite_record("siem", |record| {
        record["last_success"] = ago.to_rfc3339().into();
        record["moved_at"] = ago.to_rfc3339().into();
    });
    let long = place.siem_says(69, "nothing could be collected since");
    assert!(
        long.stderr.contains("Mimecast keeps what is waiting until"),
        "{long:?}"
    );
    place.clear();
    place.collects_logs();
}

#[test]
fn a_backlog_that_moves_is_no_outage() {
    let place = Installation::with_batches(0..1, 10);
    place.siem().stays_silent();
    place.always(Endpoint::Siem, changes::status(503));
    let ago = |hours| (chrono::Utc::now() - chrono::TimeDelta::hours(hours)).to_rfc3339();
    place.rewrite_record("siem", |record| {
        record["last_success"] = serde_json::Value::Null;
        record["began"] = ago(9).into();
        record["moved_at"] = ago(1).into();
    });
    place.siem_says(75, "HTTP status 503");
    place.rewrite_record("siem", |record| record["moved_at"] = ago(8).into());
    place.siem_says(69, "nothing could be collected since");
}

#[test]
fn an_outage_of_one_event_type_is_urgent_although_another_is_collected() {
    let types = "[siem]\ncloud_gateway_types = \"receipt, process\"";
    let place = Installation::configured_by_token(types);
    let serve = |kind, seed| {
        place.serve_objects(kind, [Object::realistic(seed, 3)]);
    };
    serve("receipt", 1);
    serve("process", 2);
    place.siem().stays_silent();
    let ago = (chrono::Utc::now() - chrono::TimeDelta::hours(5)).to_rfc3339();
    place.rewrite_record("cg_process", |record| {
        record["last_success"] = ago.clone().into();
        record["moved_at"] = ago.into();
    });
    place.always_at(
        Endpoint::Events,
        at::event_type("process"),
        changes::status(503),
    );
    serve("receipt", 3);
    place.siem_says(69, "cg_process: nothing could be collected since");
    place.clear();
    place.collects_objects();
}

#[test]
fn a_run_waits_for_the_end_of_an_outage_but_not_of_one_that_begins_later() {
    let network = "[network]\nretries = 0\nretry_wait_ms = 50\n[run]\nretry_minutes = 1";
    let place = Installation::configured(network);
    place.serve_batches(0..2, 10);
    for _ in 0..5 {
        place.next(Endpoint::Siem, changes::status(503));
    }
    place.collects_logs();
    // once somebody has answered, only the usual repetitions are left
    let place = Installation::configured(network);
    let is_second = |seen: &mimecast_sandbox::Seen| seen.body["data"][0]["token"].is_string();
    place.serve_batches(0..2, 10);
    place.always_at(Endpoint::Siem, is_second, changes::status(503));
    let outcome = place.collect(SIEM).ends_with(75);
    assert!(outcome.took < Duration::from_secs(20), "{outcome:?}");
}

#[test]
fn the_log_ends_a_run_with_one_line_of_counts() {
    let place = Installation::with_batches(0..2, 10);
    place.siem().stays_silent();
    let log = place.log("siem");
    let last = log.lines().last().expect("a line");
    for part in [
        "msg=\"the run ends\" code=0 seconds=",
        " files=",
        " events=20 ",
        " bytes=",
        " newest=",
        " more=false",
    ] {
        assert!(last.contains(part), "{part}: {last}");
    }
    place.always(Endpoint::Siem, changes::status(503));
    place.collect(SIEM).ends_with(75);
    let log = place.log("siem");
    let last = log.lines().last().expect("a line");
    assert!(
        last.contains("code=75") && last.contains("more=true"),
        "{last}"
    );
}

#[cfg(unix)]
#[test]
fn a_run_that_needs_nobody_leaves_one_line_in_the_journal() {
    use std::os::unix::fs::MetadataExt as _;
    let place = Installation::with_batches(0..1, 10);
    let journal = place.path("journal");
    let run = |named: Option<&str>| {
        let file = std::fs::File::create(&journal).expect("a file");
        let about = file.metadata().expect("a file");
        let stream = format!("{}:{}", about.dev(), about.ino());
        let mut command = place.command(SIEM);
        command.arg("--config").arg(place.path("config.toml"));
        command
            .env("JOURNAL_STREAM", named.unwrap_or(&stream))
            .stderr(file);
        place.finish(command).ends_with(0);
        std::fs::read_to_string(&journal).expect("text")
    };
    let text = run(None);
    assert!(text.starts_with("siem_collection: 10 events in "), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert_eq!(run(None), "siem_collection: nothing was waiting\n");
    assert_eq!(run(Some("1:2")), "", "another stream is the journal");
}

#[test]
fn a_fault_before_the_first_request_is_in_the_log_that_is_named() {
    let place = Installation::connected();
    std::fs::remove_file(place.path("credentials.toml")).expect("removed");
    let outcome = place.collect(SIEM).ends_with(78);
    assert!(outcome.stderr.contains("log: "), "{outcome:?}");
    assert!(place.log("siem").contains("the run ends early"));
}
