//! Long stories of everything that can happen to an installation, made up by chance.
//!
//! Each is known by its number, which a failure names. `HISTORIES=1000000 cargo test --release --lib
//! whatever_happens` tries as many, of both streams.

use std::path::Path;

use super::damage::DAMAGES;
use super::world::{self, PREVIOUS, RECORD, World};
use crate::durable::model::Fault;

const USUAL: u64 = 2_000;
const KINDS: [std::io::ErrorKind; 2] = [
    std::io::ErrorKind::StorageFull,
    std::io::ErrorKind::PermissionDenied,
];
/// Changes and calls of a long run, about.
const CHANGES: u64 = 100;
const CALLS: u64 = 200;

/// What the last run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Whole: any single state file may be lost.
    Finished,
    /// Not whole: only the power and the process may fail.
    Interrupted,
}

fn live(seed: u64) -> (World, Vec<String>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(random.usize(0..3));
    let mut state = State::Interrupted;
    let mut story = Vec::new();
    for _ in 0..random.usize(2..9) {
        world.batches += random.usize(0..2);
        world.now += 1_800;
        let event = random.u32(0..10);
        story.push(format!(
            "{event} in {state:?} with {} batches",
            world.batches
        ));
        if random.bool() {
            world.look();
        }
        state = match (event, state) {
            (0..=3, _) => stopped(&mut world, event, &mut random),
            (4, _) => {
                let fault = Fault::FailCall(random.u64(0..CALLS), *random.choice(&KINDS).unwrap());
                ended(world.collect_into(Some(fault)).is_ok())
            }
            (5, State::Finished) => {
                damage(&mut world, &mut random);
                State::Interrupted
            }
            (6, State::Finished) => {
                prune(&mut world);
                state
            }
            (7, _) => {
                world.cut_power(random.u64(..));
                state
            }
            _ => ended(world.collect_into(None).is_ok()),
        };
    }
    (world, story)
}

fn ended(well: bool) -> State {
    if well {
        State::Finished
    } else {
        State::Interrupted
    }
}

/// A run that is killed or cut off, unless it ends before.
fn stopped(world: &mut World, event: u32, random: &mut fastrand::Rng) -> State {
    let done = world.collect_into(Some(Fault::StopAtChange(random.u64(0..CHANGES))));
    if !world.model.crashed() {
        return ended(done.is_ok());
    }
    if event < 2 {
        world.kill()
    } else {
        world.cut_power(random.u64(..))
    }
    State::Interrupted
}

fn damage(world: &mut World, random: &mut fastrand::Rng) {
    let path = Path::new(if random.bool() { RECORD } else { PREVIOUS });
    let Some(content) = world.content(path) else {
        return;
    };
    let (_, damage) = random.choice(&DAMAGES).unwrap();
    world.model.tamper(path, damage(&content).as_deref());
}

fn prune(world: &mut World) {
    world.now += 8 * 86_400;
    world.look();
    world.agent.expect_pruning();
    world.model.plan(None);
    let (spool, _) = world.open().unwrap();
    world::prune(&spool, world.time(), 7, 10_000);
}

/// The numbers of the histories to try.
pub(super) fn numbers(usual: u64) -> std::ops::Range<u64> {
    let count = std::env::var("HISTORIES")
        .ok()
        .and_then(|text| text.parse().ok());
    0..count.unwrap_or(usual)
}

#[test]
fn whatever_happens_every_line_is_published_once() {
    for seed in numbers(USUAL) {
        let (mut world, story) = live(seed);
        world.assert_whole(&format!("history {seed}: {story:#?}"));
    }
}
