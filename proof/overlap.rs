//! P5: of ten starts at once one works, and nine leave with 75 within a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::harness::Place;
use crate::scene::Scene;
use crate::tally::Tally;
use mimecast_sandbox::Endpoint;

const STARTS: usize = 10;

pub(crate) fn run(rounds: u32) -> Tally {
    let mut tally = Tally::default();
    for scene in Scene::ALL {
        let place = scene.set();
        let gate = Gate::before(&place, scene);
        for round in 0..rounds {
            let label = format!("{} round {round}", scene.name());
            scene.serve(&place, 4 + u64::from(round));
            gate.shut();
            tally.count(&format!("{}: rounds of {STARTS}", scene.name()), 1);
            let mut slowest = Duration::ZERO;
            tally.check(&label, || slowest = start_all(&place, scene, &gate));
            tally.most(
                &format!("{}: slowest refusal in ms", scene.name()),
                slowest.as_millis() as u64,
            );
        }
        tally.check(scene.name(), || scene.assert_complete(&place));
    }
    tally
}

/// Starts them and gives how long the slowest took to leave.
fn start_all(place: &Place, scene: Scene, gate: &Gate) -> Duration {
    let mut running: Vec<_> = (0..STARTS)
        .map(|_| {
            (
                Instant::now(),
                scene.command(place).spawn().expect("the program starts"),
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
    gate.open();
    assert_eq!(running.len(), 1, "P5: one works");
    for (_, works) in running {
        place.wait(works).ends_with(0);
    }
    assert!(slowest < Duration::from_secs(1), "left after {slowest:?}");
    slowest
}

/// Holds the answers back while it is shut, so that the one that works is still at it.
struct Gate(Arc<AtomicBool>);

impl Gate {
    fn before(place: &Place, scene: Scene) -> Self {
        let shut = Arc::new(AtomicBool::new(false));
        let endpoint = match scene {
            Scene::Siem1 => Endpoint::Siem,
            Scene::Siem2 => Endpoint::Events,
            Scene::Audit1 | Scene::Audit2 => Endpoint::Audit,
        };
        let seen = Arc::clone(&shut);
        place.sandbox.always(endpoint, move |_| {
            while seen.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self(shut)
    }

    fn shut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn open(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
