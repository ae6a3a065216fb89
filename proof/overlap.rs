//! P5: of ten starts at once one works, and nine leave with 75 within a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::harness::Installation;
use crate::stream::Stream;
use crate::tally::Tally;
use mimecast_sandbox::Endpoint;

const STARTS: usize = 10;

pub(crate) fn run(rounds: u32) -> Tally {
    let mut tally = Tally::default();
    for stream in Stream::ALL {
        let place = stream.set();
        let held = HeldAnswers::before(&place, stream);
        for round in 0..rounds {
            let label = format!("{} round {round}", stream.name());
            stream.serve(&place, 4 + u64::from(round));
            held.hold();
            tally.count(&format!("{}: rounds of {STARTS}", stream.name()), 1);
            let mut slowest = Duration::ZERO;
            tally.check(&label, || slowest = start_all(&place, stream, &held));
            tally.most(
                &format!("{}: slowest refusal in ms", stream.name()),
                slowest.as_millis() as u64,
            );
        }
        tally.check(stream.name(), || stream.assert_complete(&place));
    }
    tally
}

/// Starts them and gives how long the slowest took to leave.
fn start_all(place: &Installation, stream: Stream, held: &HeldAnswers) -> Duration {
    let mut running: Vec<_> = (0..STARTS)
        .map(|_| {
            (
                Instant::now(),
                stream.command(place).spawn().expect("the program starts"),
            )
        })
        .collect();
    let mut slowest = Duration::ZERO;
    let limit = Instant::now() + Duration::from_secs(20);
    while running.len() > 1 && Instant::now() < limit {
        let mut index = 0;
        while index < running.len() {
            if running[index].1.try_wait().expect("a child").is_none() {
                index += 1;
                continue;
            }
            let (started, ended) = running.swap_remove(index);
            slowest = slowest.max(started.elapsed());
            let outcome = place.wait(ended).ends_with(75);
            assert!(outcome.stderr.contains("another"), "{outcome:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    held.release();
    assert_eq!(running.len(), 1, "P5: one works");
    for (_, works) in running {
        place.wait(works).ends_with(0);
    }
    assert!(slowest < Duration::from_secs(1), "left after {slowest:?}");
    slowest
}

/// Holds the answers back until they are released, so that the one that works is still at it.
struct HeldAnswers(Arc<AtomicBool>);

impl HeldAnswers {
    fn before(place: &Installation, stream: Stream) -> Self {
        let shut = Arc::new(AtomicBool::new(false));
        let endpoint = match stream {
            Stream::Siem1 => Endpoint::Siem,
            Stream::Siem2 => Endpoint::Events,
            Stream::Audit1 | Stream::Audit2 => Endpoint::Audit,
        };
        let seen = Arc::clone(&shut);
        place.always(endpoint, move |_| {
            while seen.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self(shut)
    }

    fn hold(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn release(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
