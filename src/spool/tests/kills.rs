//! Tests that kill a run, or cut its power, at every step.

use super::simulation::Simulation;
use crate::durable::model::{Fault, Renames};

/// The way in which a run ends early.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    PowerCut(u64),
}

impl Simulation {
    fn end(&mut self, end: End) {
        match end {
            End::Kill => self.kill(),
            End::PowerCut(seed) => self.cut_power(seed),
        }
    }

    /// Stops the next run at every change in turn. Returns the number of changes.
    pub(super) fn at_every_change(&self, mut then: impl FnMut(u64, Self)) -> u64 {
        for step in 0.. {
            let mut simulation = self.fork();
            let done = simulation.collect_into(Some(Fault::StopAtChange(step)));
            if !simulation.model.crashed() {
                done.unwrap();
                return step;
            }
            then(step, simulation);
        }
        unreachable!("a run ends")
    }
}

/// Returns a first run, and one that finds the state of another run.
fn beginnings() -> [Simulation; 2] {
    let mut second = Simulation::new(2);
    second.collect().unwrap();
    second.look();
    second.batches = 4;
    [Simulation::new(3), second]
}

const POWER_CUTS: std::ops::Range<u64> = 0..12;

#[test]
fn a_run_killed_at_any_step_loses_and_repeats_nothing() {
    for beginning in beginnings() {
        let steps = beginning.at_every_change(|step, mut simulation| {
            simulation.end(End::Kill);
            simulation.assert_whole(&step);
        });
        println!("killed at {steps} steps");
        assert!(steps > 40, "only {steps} steps were tried");
    }
}

#[test]
fn a_power_cut_at_any_step_loses_and_repeats_nothing() {
    for beginning in beginnings() {
        let steps = beginning.at_every_change(|step, simulation| {
            for seed in POWER_CUTS {
                let mut simulation = simulation.fork();
                if (step + seed) % 2 == 0 {
                    simulation.look(); // an agent may have read what the power cut removes
                }
                simulation.end(End::PowerCut(seed));
                simulation.assert_whole(&(step, seed));
            }
        });
        println!("power cut {} times at {steps} steps", POWER_CUTS.end);
    }
}

#[test]
fn a_recovery_interrupted_at_any_step_loses_and_repeats_nothing() {
    let mut beginning = Simulation::new(2);
    beginning.collect().unwrap();
    beginning.look();
    beginning.batches = 3;
    let mut histories = 0;
    beginning.at_every_change(|first, simulation| {
        for once in [
            End::Kill,
            End::PowerCut(0),
            End::PowerCut(1),
            End::PowerCut(3 + first),
        ] {
            let mut simulation = simulation.fork();
            if first % 2 == 0 {
                simulation.look();
            }
            simulation.end(once);
            simulation.at_every_change(|second, simulation| {
                let seed = if second % 2 == 0 { 0 } else { first + second };
                for twice in [End::Kill, End::PowerCut(seed)] {
                    let mut simulation = simulation.fork();
                    simulation.end(twice);
                    simulation.assert_whole(&(once, first, twice, second));
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
    let beginning = Simulation::with(3, Renames::Broken);
    beginning.at_every_change(|step, simulation| {
        for seed in POWER_CUTS {
            let mut simulation = simulation.fork();
            simulation.end(End::PowerCut(seed));
            // the collector fetches a file without a name again: only then may lines repeat
            let mut wrong = simulation.verdict();
            wrong.retain(|wrong| !wrong.contains(" times: "));
            assert!(wrong.is_empty(), "step {step}, seed {seed}: {wrong:#?}");
        }
    });
}
