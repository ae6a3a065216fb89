//! Tests with long random histories of an installation.
//!
//! A failed test names the number of the history. `HISTORIES=1000000 cargo test --release --lib
//! whatever_happens` tries that many, of both streams.

use std::path::Path;

use super::damage::DAMAGES;
use super::simulation::{self, PREVIOUS, RECORD, Simulation};
use crate::durable::model::Fault;

const USUAL: u64 = 2_000;
/// Rare histories beyond these: a marker of the data folder that cannot be read for a moment.
const RARE: [u64; 1] = [54_641];
const KINDS: [std::io::ErrorKind; 2] = [
    std::io::ErrorKind::StorageFull,
    std::io::ErrorKind::PermissionDenied,
];
/// The approximate number of changes and of calls of a long run.
const CHANGES: u64 = 100;
const CALLS: u64 = 200;

/// The end of the last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The run finished: any single state file may be lost.
    Finished,
    /// The run was interrupted: only the power and the process may fail.
    Interrupted,
}

fn random_history(seed: u64) -> (Simulation, Vec<String>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut simulation = Simulation::new(random.usize(0..3));
    let mut state = State::Interrupted;
    let mut story = Vec::new();
    for _ in 0..random.usize(2..9) {
        simulation.batches += random.usize(0..2);
        simulation.now += 1_800;
        let event = random.u32(0..10);
        story.push(format!(
            "{event} in {state:?} with {} batches",
            simulation.batches
        ));
        if random.bool() {
            simulation.look();
        }
        state = match (event, state) {
            (0..=3, _) => stopped(&mut simulation, event, &mut random),
            (4, _) => {
                let fault = Fault::FailCall(random.u64(0..CALLS), *random.choice(&KINDS).unwrap());
                ended(simulation.collect_into(Some(fault)).is_ok())
            }
            (5, State::Finished) => {
                damage(&mut simulation, &mut random);
                State::Interrupted
            }
            (6, State::Finished) => {
                prune(&mut simulation);
                state
            }
            (7, _) => {
                simulation.cut_power(random.u64(..));
                state
            }
            _ => ended(simulation.collect_into(None).is_ok()),
        };
    }
    (simulation, story)
}

fn ended(well: bool) -> State {
    if well {
        State::Finished
    } else {
        State::Interrupted
    }
}

/// Kills a run or cuts its power, unless the run ends before.
fn stopped(simulation: &mut Simulation, event: u32, random: &mut fastrand::Rng) -> State {
    let done = simulation.collect_into(Some(Fault::StopAtChange(random.u64(0..CHANGES))));
    if !simulation.model.crashed() {
        return ended(done.is_ok());
    }
    if event < 2 {
        simulation.kill()
    } else {
        simulation.cut_power(random.u64(..))
    }
    State::Interrupted
}

fn damage(simulation: &mut Simulation, random: &mut fastrand::Rng) {
    let path = Path::new(if random.bool() { RECORD } else { PREVIOUS });
    let Some(content) = simulation.content(path) else {
        return;
    };
    let (_, damage) = random.choice(&DAMAGES).unwrap();
    simulation.model.tamper(path, damage(&content).as_deref());
}

fn prune(simulation: &mut Simulation) {
    simulation.now += 8 * 86_400;
    simulation.look();
    simulation.agent.expect_pruning();
    simulation.model.plan(None);
    let (spool, _) = simulation.open().unwrap();
    simulation::prune(&spool, simulation.time(), 7, 10_000);
}

/// Returns the numbers of the histories to try.
pub(super) fn numbers(usual: u64) -> std::ops::Range<u64> {
    let count = std::env::var("HISTORIES")
        .ok()
        .and_then(|text| text.parse().ok());
    0..count.unwrap_or(usual)
}

#[test]
fn whatever_happens_every_line_is_published_once() {
    for seed in numbers(USUAL).chain(RARE) {
        let (mut simulation, story) = random_history(seed);
        simulation.assert_whole(&format!("history {seed}: {story:#?}"));
    }
}
