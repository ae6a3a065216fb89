//! Tests with a disk that fails one call and then works: full, broken or forbidden.

use std::io::ErrorKind;

use super::simulation::Simulation;
use crate::durable::model::Fault;
use crate::spool::{Left, Recovery, SpoolError};

/// `Other` represents an I/O error, which has no name in the standard library.
const KINDS: [ErrorKind; 3] = [
    ErrorKind::StorageFull,
    ErrorKind::Other,
    ErrorKind::PermissionDenied,
];

/// Fails every call of a run in turn, and passes the resulting simulation to `judge`. Returns the number
/// of failed runs.
fn at_every_call(
    run: impl Fn(&mut Simulation) -> Result<Recovery, SpoolError>,
    mut judge: impl FnMut(Simulation, (u64, ErrorKind)),
) -> u64 {
    let mut beginning = Simulation::new(1);
    beginning.collect().unwrap();
    beginning.look();
    beginning.batches = 3;
    let mut failures = 0;
    for kind in KINDS {
        for call in 0.. {
            let mut simulation = beginning.fork();
            simulation.model.plan(Some(Fault::FailCall(call, kind)));
            failures += u64::from(run(&mut simulation).is_err());
            if (call % 2) == 0 {
                simulation.look();
            }
            if simulation.model.calls() <= call {
                break;
            }
            judge(simulation, (call, kind));
        }
    }
    failures
}

#[test]
fn whichever_call_fails_the_next_run_makes_it_whole() {
    let failures = at_every_call(Simulation::collect, |mut simulation, history| {
        simulation.assert_whole(&history);
    });
    println!("{failures} runs failed at a call");
    assert!(failures > 200, "only {failures} runs failed");
}

#[test]
fn a_power_cut_after_a_failed_call_loses_and_repeats_nothing() {
    at_every_call(Simulation::collect, |simulation, history| {
        for seed in [0, history.0 + 3] {
            let mut simulation = simulation.fork();
            simulation.cut_power(seed);
            simulation.assert_whole(&(history, seed));
        }
    });
}

#[test]
fn after_a_failed_commit_no_further_change_is_accepted() {
    let stubborn = |simulation: &mut Simulation| {
        let (mut spool, recovery) = simulation.open()?;
        while let Some(answer) = simulation.answer(spool.position()) {
            if let Err(error) = simulation.store(&mut spool, answer) {
                let _ = spool.leave(&Left::default(), simulation.time());
                let _ = spool.finish(simulation.time(), &[]);
                return Err(error);
            }
        }
        spool.finish(simulation.time(), &[])?;
        Ok(recovery)
    };
    at_every_call(stubborn, |mut simulation, history| {
        simulation.assert_whole(&history)
    });
}

#[test]
fn a_commit_that_was_decided_and_not_published_cannot_be_settled() {
    let mut refused = 0;
    let counting = at_every_call(
        |simulation: &mut Simulation| {
            let (mut spool, recovery) = simulation.open()?;
            while let Some(answer) = simulation.answer(spool.position()) {
                simulation.store(&mut spool, answer).inspect_err(|_| {
                    if spool.commit_failed {
                        let left = spool.leave(&Left::default(), simulation.time());
                        let again = [left, spool.finish(simulation.time(), &[])];
                        assert!(again.iter().all(Result::is_err));
                    }
                })?;
            }
            Ok(recovery)
        },
        |_, _| refused += 1,
    );
    assert!(counting > 0 && refused > 0);
}
