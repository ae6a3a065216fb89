//! Tests with a disk that fails one call and then works: full, broken or forbidden.

use std::io::ErrorKind;

use super::world::World;
use crate::durable::model::Fault;
use crate::spool::{Left, Recovery, SpoolError};

/// `Other` represents an I/O error, which has no name in the standard library.
const KINDS: [ErrorKind; 3] = [
    ErrorKind::StorageFull,
    ErrorKind::Other,
    ErrorKind::PermissionDenied,
];

/// Fails every call of a run in turn, and passes the resulting world to `judge`. Returns the number
/// of failed runs.
fn at_every_call(
    run: impl Fn(&mut World) -> Result<Recovery, SpoolError>,
    mut judge: impl FnMut(World, (u64, ErrorKind)),
) -> u64 {
    let mut beginning = World::new(1);
    beginning.collect().unwrap();
    beginning.look();
    beginning.batches = 3;
    let mut failures = 0;
    for kind in KINDS {
        for call in 0.. {
            let mut world = beginning.fork();
            world.model.plan(Some(Fault::FailCall(call, kind)));
            failures += u64::from(run(&mut world).is_err());
            if (call % 2) == 0 {
                world.look();
            }
            if world.model.calls() <= call {
                break;
            }
            judge(world, (call, kind));
        }
    }
    failures
}

#[test]
fn whichever_call_fails_the_next_run_makes_it_whole() {
    let failures = at_every_call(World::collect, |mut world, history| {
        world.assert_whole(&history);
    });
    println!("{failures} runs failed at a call");
    assert!(failures > 200, "only {failures} runs failed");
}

#[test]
fn a_power_cut_after_a_failed_call_loses_and_repeats_nothing() {
    at_every_call(World::collect, |world, history| {
        for seed in [0, history.0 + 3] {
            let mut world = world.fork();
            world.cut_power(seed);
            world.assert_whole(&(history, seed));
        }
    });
}

#[test]
fn after_a_failed_commit_no_further_change_is_accepted() {
    let stubborn = |world: &mut World| {
        let (mut spool, recovery) = world.open()?;
        while let Some(answer) = world.answer(spool.position()) {
            if let Err(error) = world.store(&mut spool, answer) {
                let _ = spool.leave(&Left::default(), world.time());
                let _ = spool.finish(world.time(), &[]);
                return Err(error);
            }
        }
        spool.finish(world.time(), &[])?;
        Ok(recovery)
    };
    at_every_call(stubborn, |mut world, history| world.assert_whole(&history));
}

#[test]
fn a_commit_that_was_decided_and_not_published_cannot_be_settled() {
    let mut refused = 0;
    let counting = at_every_call(
        |world: &mut World| {
            let (mut spool, recovery) = world.open()?;
            while let Some(answer) = world.answer(spool.position()) {
                world.store(&mut spool, answer).inspect_err(|_| {
                    if spool.halfway {
                        let left = spool.leave(&Left::default(), world.time());
                        let again = [left, spool.finish(world.time(), &[])];
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
