//! Clocks that disagree: Mimecast's is the one that counts for windows, and nothing is deleted.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};

use super::AUDIT_AS_JSON;
use super::Collector::{self, Audit, Siem};
use crate::harness::Installation;
use mimecast_sandbox::AuditEvent;

const HOUR: i64 = 3_600;

/// The server's clock is ahead by so much, and the service does not mind.
fn set_apart(place: &Installation, seconds: i64) {
    place.set(|switches| {
        switches.clock_offset_seconds = seconds;
        switches.skew_limit_seconds = u64::MAX;
    });
}

/// A published file that retention would delete.
fn old_file(place: &Installation, collector: Collector) -> PathBuf {
    let name = "receipt_20260101000000000_0123456789abcdef.siem";
    let path = place.path("data").join(collector.folder()).join(name);
    fs::write(&path, "old\n").expect("written");
    let month = Duration::from_secs(30 * 24 * 3_600);
    let file = fs::File::options().write(true).open(&path).expect("there");
    file.set_modified(SystemTime::now() - month).expect("ours");
    path
}

#[test]
fn with_a_wrong_clock_everything_arrives_once_and_nothing_is_deleted() {
    let cases = [-HOUR, HOUR].map(|offset| Collector::ALL.map(|collector| (collector, offset)));
    for (collector, offset) in cases.into_iter().flatten() {
        let place = collector.behind();
        set_apart(&place, offset);
        let old = old_file(&place, collector);
        collector.run(&place).stays_silent();
        assert!(old.exists(), "{offset}: no clock can be trusted to delete");
        set_apart(&place, 0);
        collector.run(&place).stays_silent(); // after a run in the future: still in doubt
        collector.run(&place).stays_silent();
        assert!(!old.exists(), "with clocks that agree it is deleted");
        collector.recovers(&place);
    }
}

#[test]
fn the_age_of_a_file_counts_from_the_later_clock() {
    for collector in Collector::ALL {
        let place = collector.behind();
        let before = place.files(collector.folder());
        set_apart(&place, 30 * 24 * HOUR); // as if this host's were 30 days behind
        collector.run(&place).ends_with(65);
        let later = SystemTime::now() + Duration::from_secs(29 * 24 * 3_600);
        let mut published = 0;
        for name in place.files(collector.folder()).keys() {
            if !before.contains_key(name) {
                let path = place.path("data").join(collector.folder()).join(name);
                let written = fs::metadata(path).expect("there").modified();
                assert!(written.expect("known") > later, "{collector:?}: {name}");
                published += 1;
            }
        }
        assert!(published > 0, "{collector:?}");
    }
}

#[test]
fn audit_windows_end_by_the_earlier_of_both_clocks() {
    for offset in [-HOUR, -60] {
        let place = Installation::configured(AUDIT_AS_JSON);
        set_apart(&place, offset);
        let server_now = Utc::now() + TimeDelta::seconds(offset);
        for number in 0..4 {
            // each time one that is fresh and one that is late
            let minutes = [2, 55].map(TimeDelta::minutes);
            let numbers = [number, number + 100];
            let events = minutes.into_iter().zip(numbers);
            place.serve_events(
                events.map(|(ago, number)| AuditEvent::realistic(number, server_now - ago)),
            );
            Audit.run(&place).stays_silent();
            place.assert_audit_complete();
        }
    }
}

#[test]
fn a_signature_refused_because_of_the_clock_is_told_as_that() {
    for collector in Collector::BOTH {
        for offset in [-HOUR, HOUR] {
            let place = collector.behind();
            place.set(|switches| switches.clock_offset_seconds = offset);
            let outcome = collector.holds(&place, 77, "this host's clock is ");
            outcome.says("to do: set this host's clock");
            place.set(|switches| switches.clock_offset_seconds = 0);
            collector.recovers(&place);
        }
    }
}

#[test]
fn wrong_keys_are_still_told_as_that() {
    let place = Siem.behind();
    place.write_credentials("d3Jvbmcgc2VjcmV0IGtleQ==");
    let outcome = Siem.holds(&place, 77, "was not accepted");
    assert!(!outcome.stderr.contains("clock"), "P7: {outcome:?}");
    place.write_credentials(place.sandbox.account().secret_key);
    Siem.recovers(&place);
}
