//! `--dry-run`: asks, writes nothing, moves nothing.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};

use crate::audit::{JSON, audit_with, recent};
use crate::harness::{AUDIT, Installation, SIEM};
use crate::watching::snapshot;
use mimecast_sandbox::{Batch, Endpoint, Object, at, changes};

/// Asks, and asserts that every file below the installation is what it was.
#[track_caller]
fn asks(place: &Installation, program: &str, code: i32, lines: &[&str]) {
    let snapshot = || {
        let mut found = BTreeMap::new();
        snapshot(&place.path(""), &mut found);
        found
    };
    let before = snapshot();
    let outcome = place.run(program, ["--dry-run"]).ends_with(code);
    assert_eq!(snapshot(), before);
    for line in lines {
        assert!(outcome.stdout.contains(line), "{line}: {}", outcome.stdout);
    }
    if code == 0 {
        let widest = outcome.stdout.lines().map(|line| line.chars().count());
        assert!(widest.max().unwrap_or(0) <= 80, "{}", outcome.stdout);
    }
}

#[test]
fn archives_that_wait_are_shown_before_the_first_run_and_after_it() {
    let place = Installation::connected();
    asks(&place, SIEM, 0, &["siem  nothing is waiting"]);
    place.serve(Batch::realistic(1, 20));
    place.serve(Batch::realistic(2, 20));
    asks(&place, SIEM, 0, &["siem  1 archive, and perhaps more ("]);
    place.collects_logs();
    asks(&place, SIEM, 0, &["siem  nothing is waiting"]);
    place.serve(Batch::realistic(3, 20));
    asks(&place, SIEM, 0, &["siem  1 archive, and perhaps more ("]);
    place.collects_logs();
}

#[test]
fn objects_that_wait_are_shown_for_each_type_and_one_refused_type_hides_none() {
    let place = Installation::of_types("av, receipt");
    place.serve_objects("av", (0..3).map(|seed| Object::realistic(seed, 5)));
    asks(
        &place,
        SIEM,
        0,
        &["cg_av       3 objects", "cg_receipt  nothing is waiting"],
    );
    assert_eq!(place.count(Endpoint::Object), 0, "none is fetched");
    let av = at::event_type("av");
    place.always_at(Endpoint::Events, av, changes::status(403));
    asks(
        &place,
        SIEM,
        77,
        &["cg_av       ", "cg_receipt  nothing is waiting"],
    );
    place.clear();
    place.collects_objects();
}

/// The run and the question before it name the same day.
#[test]
fn after_a_move_from_1_0_it_asks_from_the_day_on_which_1_0_was_last_collected() {
    // without a run of API 1.0, all that Mimecast keeps
    for (has_run, days_back) in [(true, 0), (false, 7)] {
        let place = Installation::connected();
        place.serve(Batch::realistic(1, 20));
        if has_run {
            place.collects_logs();
        }
        place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt\"");
        place.serve_objects("receipt", (0..2).map(|seed| Object::realistic(seed, 5)));
        asks(&place, SIEM, 0, &["cg_receipt  2 objects"]);
        place.siem().stays_silent();
        let day = Utc::now() - TimeDelta::days(days_back);
        let day = format!("dateRangeStartsAt={}", day.format("%Y-%m-%d"));
        let lists = place.calls(Endpoint::Events);
        for list in [&lists[0], &lists[1]] {
            assert!(list.path.contains(&day), "{day}: {}", list.path);
        }
    }
}

#[test]
fn audit_events_that_wait_are_counted() {
    let place = audit_with(JSON, recent(0..7));
    let day = (Utc::now() - TimeDelta::days(7))
        .format("%Y-%m-%d")
        .to_string();
    asks(&place, AUDIT, 0, &["audit  7 events from ", &day]);
    let json = place
        .run(AUDIT, ["--dry-run", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(json["streams"][0]["count"], 7);
    // without a position no event is published
    assert_eq!(json["streams"][0]["known"], false);
    assert_eq!(json["streams"][0]["stream"], "audit");
    place.collects_events();
}

#[test]
fn a_refusal_is_the_refusal_of_a_run_and_other_flags_do_not_go_with_it() {
    let place = Installation::connected();
    place.always(Endpoint::Siem, changes::expired_key());
    asks(&place, SIEM, 77, &[]);
    place.run(SIEM, ["--dry-run", "--json"]).ends_with(77);
    for flags in [
        &["--dry-run", "--adopt"][..],
        &["--dry-run", "--jitter", "5m"],
    ] {
        place
            .run(SIEM, flags)
            .ends_with(64)
            .says("does not go with");
    }
    place.run(SIEM, ["status", "--dry-run"]).ends_with(64);
}
