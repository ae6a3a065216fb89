//! Many starts at once, a holder that was stopped, and neighbours: one writer, and the others soon gone.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Collector::{self, Audit, Objects, Siem};
use crate::harness::{Installation, Outcome};
use mimecast_sandbox::{Wire, changes};

/// A run that holds the lock until its answer comes: starts it and waits until it asks.
fn holder(collector: Collector, place: &Installation, pause: Duration) -> std::process::Child {
    let before = place.count(collector.endpoint());
    let stall = changes::wire(Wire::StallAt(40, pause));
    place.next(collector.endpoint(), stall);
    let child = place.spawn(collector.program());
    while place.count(collector.endpoint()) == before {
        thread::sleep(Duration::from_millis(2));
    }
    child
}

/// So many starts at once; each ends for the other's sake.
fn losers(collector: Collector, place: &Installation, count: usize) {
    let started = Instant::now();
    let children: Vec<_> = (0..count)
        .map(|_| place.spawn(collector.program()))
        .collect();
    for child in children {
        let outcome: Outcome = place.wait(child).ends_with(75);
        outcome.says("another run");
    }
    // under a second each; all of them share the processors with the other tests
    let limit = Duration::from_millis(2_000 + 500 * count as u64);
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
}

#[test]
fn of_ten_and_of_fifty_starts_at_once_one_works_and_the_others_are_soon_gone() {
    for (collector, count) in [(Siem, 50), (Audit, 10), (Objects, 10)] {
        let place = collector.behind_with("[network]\nidle_timeout_seconds = 600");
        let run = holder(collector, &place, Duration::from_secs(600));
        let before = place.requests().len();
        losers(collector, &place, count);
        assert_eq!(place.requests().len(), before, "nobody else asked");
        place.kill(run);
        collector.recovers(&place); // free at once
    }
}

#[test]
fn starts_at_the_same_moment_lose_and_repeat_nothing() {
    for collector in Collector::ALL {
        let place = collector.behind();
        let children: Vec<_> = (0..10).map(|_| place.spawn(collector.program())).collect();
        let ended = children.into_iter().map(|child| place.wait(child));
        let codes: Vec<i32> = ended.map(|outcome| outcome.code).collect();
        assert!(codes.contains(&0), "{codes:?}");
        assert!(codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
        collector.recovers(&place);
    }
}

#[test]
fn a_holder_that_was_stopped_stays_the_one_writer_and_goes_on_when_it_may() {
    for collector in [Siem, Audit] {
        let place = collector.behind();
        let run = holder(collector, &place, Duration::from_millis(400));
        let id = Pid::from_child(&run);
        kill_process(id, Signal::STOP).expect("ours");
        losers(collector, &place, 2);
        kill_process(id, Signal::CONT).expect("ours");
        place.wait(run).stays_silent();
        collector.recovers(&place);
    }
}

#[test]
fn the_two_collectors_do_not_wait_for_each_other() {
    let place = Siem.behind();
    Audit.refill(&place);
    let run = holder(Siem, &place, Duration::from_secs(600));
    Audit.run(&place).stays_silent();
    let mut expected = place.sandbox.audit_ids();
    expected.sort_unstable();
    assert_eq!(place.audit_ids(), expected);
    kill_process(Pid::from_child(&run), Signal::TERM).expect("ours");
    place.wait(run).ends_with(143);
    Siem.recovers(&place);
}

/// A signal at any moment, and a second one behind it: never half done.
#[test]
fn a_signal_at_any_moment_leaves_nothing_half_done() {
    for collector in [Siem, Objects, Audit] {
        let place = collector.behind();
        let seed = fastrand::u64(..);
        println!("{collector:?} seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..24 {
            let (signal, code) =
                [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 143)][round % 3];
            let run = place.spawn(collector.program());
            let id = Pid::from_child(&run);
            thread::sleep(Duration::from_micros(random.u64(30_000..90_000)));
            let _ = kill_process(id, signal); // it may have ended
            if round % 2 == 0 {
                thread::sleep(Duration::from_millis(random.u64(0..3)));
                let _ = kill_process(id, signal);
            }
            let outcome = place.wait(run);
            let early = outcome.code == -1; // before it listens to signals
            assert!(early || [0, code].contains(&outcome.code), "{outcome:?}");
            assert!(outcome.took < Duration::from_secs(5), "{outcome:?}");
            if round % 4 == 0 {
                collector.refill(&place);
            }
        }
        collector.recovers(&place);
    }
}

/// In another order than that of the names each of two runs could hold what the other lacks.
#[test]
fn locks_are_taken_in_one_order_whichever_type_a_run_begins_with() {
    let place = Installation::connected_by_token();
    place.siem().stays_silent();
    let _held = ["cg_av", "cg_url_protect"].map(|stream| {
        let path = place.path(format!("checkpoint/{stream}.lock"));
        let file = std::fs::File::open(path).expect("an earlier run has made it");
        file.try_lock().expect("no run is under way");
        file
    });
    place.siem_each_says([75; 12], "cg_av ");
}
