//! Signals while a run waits: it ends soon, says so by its code, and leaves nothing half done.

#![cfg(unix)]

use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Collector, side_by_side};
use crate::harness::Installation;
use mimecast_sandbox::{Reply, Wire, changes};

/// What a run can be waiting for, by name.
fn waits() -> [(&'static str, Wire, bool); 4] {
    let long = Duration::from_secs(30);
    let every = Duration::from_millis(30);
    [
        ("an answer", Wire::Silent(long), false),
        ("the rest of an answer", Wire::StallAt(200, long), false),
        ("a trickle", Wire::Drip { bytes: 1, every }, false),
        ("the end of a rate limit", Wire::Whole, true),
    ]
}

fn cases() -> Vec<(Collector, Signal, i32, usize)> {
    let signals = [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 143)];
    let mut cases = Vec::new();
    for collector in Collector::ALL {
        // each signal in one wait, and one signal in each wait
        cases.extend(signals.map(|(signal, code)| (collector, signal, code, 0)));
        cases.extend((1..waits().len()).map(|wait| (collector, Signal::TERM, 143, wait)));
    }
    cases
}

#[test]
fn a_signal_ends_every_wait_soon_and_the_next_run_gets_everything() {
    side_by_side(cases(), |(collector, signal, code, wait)| {
        let (name, wire, limited) = waits()[wait].clone();
        println!("{collector:?} {signal:?} while waiting for {name}");
        let place = collector.behind_with("[network]\nidle_timeout_seconds = 60");
        place.always(collector.endpoint(), move |reply: &mut Reply| {
            if limited {
                changes::rate_limited(None, None)(reply);
            }
            reply.wire = wire.clone();
        });
        interrupt(&place, collector, signal, code);
        assert_eq!(place.files("tmp").len(), 0, "nothing is left in tmp/");
        collector.recovers(&place);
    });
}

/// Sends `signal` once the run waits for its answer.
fn interrupt(place: &Installation, collector: Collector, signal: Signal, code: i32) {
    let before = place.count(collector.endpoint());
    let child = place.spawn(collector.program());
    while place.count(collector.endpoint()) == before {
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_millis(100));
    kill_process(Pid::from_child(&child), signal).expect("ours, and running");
    let outcome = place.wait(child).ends_with(code).says("to do: ");
    assert!(outcome.took < Duration::from_secs(5), "{outcome:?}");
}
