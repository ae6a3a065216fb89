//! An outage that lasts ends with 69, and one that does not with 75 and without a word.

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
