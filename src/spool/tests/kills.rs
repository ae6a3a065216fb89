//! Tests that kill a run, or cut its power, at every step.

use super::world::World;
use crate::durable::model::{Fault, Renames};

/// The way in which a run ends early.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    PowerCut(u64),
}

impl World {
    fn end(&mut self, end: End) {
        match end {
            End::Kill => self.kill(),
            End::PowerCut(seed) => self.cut_power(seed),
        }
    }

    /// Stops the next run at every change in turn. Returns the number of changes.
    pub(super) fn at_every_change(&self, mut then: impl FnMut(u64, Self)) -> u64 {
        for step in 0.. {
            let mut world = self.fork();
            let done = world.collect_into(Some(Fault::StopAtChange(step)));
            if !world.model.crashed() {
                done.unwrap();
                return step;
            }
            then(step, world);
        }
        unreachable!("a run ends")
    }
}

/// Returns a first run, and one that finds the state of another run.
fn beginnings() -> [World; 2] {
    let mut second = World::new(2);
    second.collect().unwrap();
    second.look();
    second.batches = 4;
    [World::new(3), second]
}

const POWER_CUTS: std::ops::Range<u64> = 0..12;

#[test]
fn a_run_killed_at_any_step_loses_and_repeats_nothing() {
    for beginning in beginnings() {
        let steps = beginning.at_every_change(|step, mut world| {
            world.end(End::Kill);
            world.assert_whole(&step);
        });
        println!("killed at {steps} steps");
        assert!(steps > 40, "only {steps} steps were tried");
    }
}

#[test]
fn a_power_cut_at_any_step_loses_and_repeats_nothing() {
    for beginning in beginnings() {
        let steps = beginning.at_every_change(|step, world| {
            for seed in POWER_CUTS {
                let mut world = world.fork();
                if (step + seed) % 2 == 0 {
                    world.look(); // an agent may have read what the power cut removes
                }
                world.end(End::PowerCut(seed));
                world.assert_whole(&(step, seed));
            }
        });
        println!("power cut {} times at {steps} steps", POWER_CUTS.end);
    }
}

#[test]
fn a_recovery_interrupted_at_any_step_loses_and_repeats_nothing() {
    let mut beginning = World::new(2);
    beginning.collect().unwrap();
    beginning.look();
    beginning.batches = 3;
    let mut histories = 0;
    beginning.at_every_change(|first, world| {
        for once in [
            End::Kill,
            End::PowerCut(0),
            End::PowerCut(1),
            End::PowerCut(3 + first),
        ] {
            let mut world = world.fork();
            if first % 2 == 0 {
                world.look();
            }
            world.end(once);
            world.at_every_change(|second, world| {
                let seed = if second % 2 == 0 { 0 } else { first + second };
                for twice in [End::Kill, End::PowerCut(seed)] {
                    let mut world = world.fork();
                    world.end(twice);
                    world.assert_whole(&(once, first, twice, second));
                    histories += 1;
                }
            });
        }
    });
    println!("interrupted twice {histories} times");
    assert!(histories > 6_000, "only {histories} histories were tried");
}

#[test]
fn where_a_rename_is_not_atomic_nothing_is_lost_or_partial() {
    let beginning = World::with(3, Renames::Broken);
    beginning.at_every_change(|step, world| {
        for seed in POWER_CUTS {
            let mut world = world.fork();
            world.end(End::PowerCut(seed));
            // the collector fetches a file without a name again: only then may lines repeat
            let mut wrong = world.verdict();
            wrong.retain(|wrong| !wrong.contains(" times: "));
            assert!(wrong.is_empty(), "step {step}, seed {seed}: {wrong:#?}");
        }
    });
}
