//! P1 for audit events when a run stops before the present.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;

use super::{JSON, ago, event, place as audit_place, set_clock};
use crate::harness::Installation;
use mimecast_sandbox::{Endpoint, at, changes};

fn state(place: &Installation) -> String {
    fs::read_to_string(place.path("checkpoint/audit.state")).expect("there")
}

#[test]
fn an_event_that_appears_late_before_the_place_where_a_run_stopped_is_not_lost() {
    let place = audit_place(JSON);
    set_clock(&place, -240);
    place.audit().stays_silent();
    set_clock(&place, -180);
    let now = ago(TimeDelta::minutes(180));
    // a window near the present is read in pieces, and the run ends before the last of them
    let bad = now - TimeDelta::minutes(10);
    place.serve_events([
        event(1, now - TimeDelta::minutes(40)),
        event(2, bad).broken(),
        event(3, now - TimeDelta::minutes(2)),
    ]);
    let asked = AtomicUsize::new(0);
    place.always_at(Endpoint::Audit, at::window_of(bad), move |reply| {
        if asked.fetch_add(1, Ordering::Relaxed) > 8 {
            changes::status(503)(reply);
        }
    });
    place.audit().ends_with(75);
    assert!(state(&place).contains("resume"));
    place.clear();
    // twenty minutes late, well within the overlap of an hour
    place.serve_events([event(4, now - TimeDelta::minutes(20))]);
    for minutes in [-60, -30, 0] {
        set_clock(&place, minutes);
        place.audit();
    }
    let ids = place.audit_ids();
    for number in [1, 3, 4] {
        let id = event(number, now).id;
        let times = ids.iter().filter(|found| **found == id).count();
        assert_eq!(times, 1, "event {number}");
    }
}
