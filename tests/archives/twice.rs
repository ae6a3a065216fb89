//! A damaged archive is fetched once more: what differs was damaged on the way, what is the same is
//! what Mimecast has.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::assert_nothing_elsewhere;
use crate::harness::Installation;
use crate::harness::answers::flip;
use mimecast_sandbox::{Batch, Endpoint, Reply, Wire, changes, zip_of};

/// Three batches wait.
fn waiting() -> Installation {
    Installation::with_batches(0..3, 40)
}

#[test]
fn damaged_once_it_is_fetched_again_and_nobody_is_bothered() {
    for position in 0..3 {
        let place = waiting();
        for _ in 0..position {
            place.next(Endpoint::Siem, |_| ());
        }
        place.next(Endpoint::Siem, changes::corrupt());
        place.collects_logs();
        assert_eq!(place.quarantined(), [""; 0]);
    }
}

#[test]
fn cut_anywhere_once_it_is_fetched_again_and_nobody_is_bothered() {
    let size = Batch::realistic(0, 40).size();
    let place = Installation::connected();
    for (seed, bytes) in (0..).zip([1, 3, 4, 29, size / 2, size - 22, size - 1]) {
        println!("cut at {bytes} of {size}");
        place.serve(Batch::realistic(seed, 40));
        place.next(Endpoint::Siem, changes::truncated(bytes));
        place.collects_logs();
    }
    assert_eq!(place.quarantined(), [""; 0]);
}

#[test]
fn damaged_differently_each_time_it_is_left_for_later() {
    let place = waiting();
    let count = AtomicUsize::new(0);
    place.always(Endpoint::Siem, move |reply| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        flip(|length| length / 3 + number, 0xff)(reply);
    });
    place.siem_says(75, "differently each time");
    assert_eq!(place.files("mta").len(), 0, "nothing is published");
    assert_eq!(place.quarantined(), [""; 0]);
    place.clear().collects_logs();
}

#[test]
fn when_the_second_fetch_fails_the_damage_decides_nothing() {
    let gone = |reply: &mut Reply| changes::wire(Wire::ResetNow)(reply);
    type Change = Box<dyn Fn(&mut Reply) + Send + Sync>;
    let nothing = r#"{"meta":{"isLastToken":true,"status":200},"data":[],"fail":[]}"#;
    let cases: [(Change, i32); 3] = [
        (Box::new(changes::expired_key()), 77),
        (Box::new(gone), 75),
        (
            Box::new(move |reply| {
                changes::status(200)(reply);
                reply.set_body(nothing.as_bytes());
            }),
            75,
        ),
    ];
    for (change, code) in cases {
        let place = waiting();
        place.configure("[network]\nretries = 0");
        place.next(Endpoint::Siem, changes::corrupt());
        place.next(Endpoint::Siem, |_| ()); // the one asked for ahead
        place.next(Endpoint::Siem, change);
        place.siem().ends_with(code);
        assert_eq!(place.files("mta").len(), 0, "nothing is published");
        assert_eq!(place.quarantined(), [""; 0]);
        place.collects_logs();
    }
}

#[test]
fn the_same_damage_twice_is_kept_raw_for_its_owner_alone_and_collection_goes_on() {
    let place = Installation::connected();
    let mut damaged = zip_of(&[("receipt_1.siem", b"a=1\n"), ("process_1.siem", b"b=2\n")]);
    let first_data = 30 + "receipt_1.siem".len();
    damaged[first_data] ^= 0x01;
    let batch = Batch::raw(damaged.as_slice()).with_lines(["b=2"]);
    place.serve(batch);
    place.serve(Batch::realistic(1, 40));
    let outcome = place.siem_says(65, "an archive is damaged");
    place.assert_siem_complete();
    assert_nothing_elsewhere(&place);
    assert_eq!(place.quarantined_bytes(), [damaged], "P1: byte for byte");
    for name in place.quarantined() {
        let path = place.path("checkpoint/quarantine").join(&name);
        assert_owner_only(&path);
        if name.ends_with(".txt") {
            check_note(&place, &fs::read_to_string(&path).expect("text"));
        } else {
            let told = path.display().to_string();
            assert!(outcome.stderr.contains(&told), "P7: {outcome:?}");
        }
    }
    place.collects_logs();
}

/// The note says what is wrong and what the headers were, and holds nothing that opens a door.
fn check_note(place: &Installation, note: &str) {
    for part in [
        "sha256=",
        "fault: member \"receipt_1.siem\"",
        "content-type: ",
    ] {
        assert!(note.contains(part), "{note}");
    }
    for secret in place.sandbox.account().secrets() {
        assert!(!note.contains(secret), "P6: {note}");
    }
    let lower = note.to_ascii_lowercase();
    assert!(
        !lower.contains("authorization") && !lower.contains("mc-siem-token"),
        "P6: {note}"
    );
}

#[cfg(unix)]
fn assert_owner_only(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "P6: {}", path.display());
}

#[cfg(not(unix))]
fn assert_owner_only(_: &std::path::Path) {}

const STATES: [&str; 2] = ["checkpoint/siem.state", "checkpoint/siem.state.prev"];

#[test]
fn interrupted_between_quarantine_and_commit_the_bytes_are_kept_once() {
    let place = Installation::connected();
    let damaged: &[u8] = b"PK\x03\x04 and no more";
    place.serve(Batch::raw(damaged));
    place.siem().ends_with(65);
    let kept = place.quarantined();
    // as if the state had been lost before the batch was committed; one of the two may not be there
    let _ = STATES.map(|state| fs::remove_file(place.path(state)));
    place.siem().ends_with(65);
    assert_eq!(place.quarantined(), kept);
    assert_eq!(place.quarantined_bytes(), [damaged]);
}
