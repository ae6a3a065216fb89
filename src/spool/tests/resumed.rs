//! Tests of a lost or restored state: it counts as resumed until a run finishes.

use std::collections::BTreeMap;
use std::path::Path;

use super::world::{RECORD, STATE, World};
use crate::spool::Left;

impl World {
    /// Ends a run with an outage. Returns true if its spool counts as resumed.
    fn fail(&self) -> bool {
        let (mut spool, _) = self.open().unwrap();
        let left = Left {
            troubles: vec!["unreachable".to_owned()],
            not_before: None,
        };
        spool.leave(&left, self.time()).unwrap();
        spool.hand_over(self.time()).unwrap();
        spool.is_resumed()
    }

    fn is_resumed(&self) -> bool {
        let (spool, _) = self.open().unwrap();
        spool.is_resumed()
    }

    fn backup(&self) -> BTreeMap<String, Vec<u8>> {
        self.model.files(Path::new(STATE))
    }

    fn restore(&self, backup: &BTreeMap<String, Vec<u8>>) {
        for name in self.backup().keys() {
            self.model.tamper(&Path::new(STATE).join(name), None);
        }
        for (name, content) in backup {
            let path = Path::new(STATE).join(name);
            self.model.tamper(&path, Some(content));
        }
    }
}

/// Collects two batches in two runs. Returns the world and a backup from between them.
fn collected() -> (World, BTreeMap<String, Vec<u8>>) {
    let mut world = World::new(1);
    world.collect().unwrap();
    let backup = world.backup();
    world.batches = 2;
    world.collect().unwrap();
    (world, backup)
}

#[test]
fn failed_runs_do_not_hide_that_a_state_was_lost_or_restored() {
    let (world, backup) = collected();
    for state in [backup, BTreeMap::new()] {
        let mut world = world.fork();
        world.restore(&state);
        for _ in 0..3 {
            assert!(world.fail());
        }
        let recovery = world.collect().unwrap();
        assert!(recovery.warnings.is_empty(), "{recovery:?}");
        assert!(!world.is_resumed());
    }
}

#[test]
fn a_run_that_is_killed_does_not_hide_it_either_and_it_waits_to_be_told_once() {
    let (world, backup) = collected();
    for state in [backup, BTreeMap::new()] {
        let mut world = world.fork();
        world.restore(&state);
        for _ in 0..3 {
            assert!(world.is_resumed());
            world.kill();
        }
        let (mut spool, _) = world.open().unwrap();
        assert_eq!(spool.untold().len(), 1, "{:?}", spool.untold());
        spool.forget_told(world.time()).unwrap();
        drop(spool);
        world.kill();
        let (spool, recovery) = world.open().unwrap();
        assert!(spool.is_resumed() && spool.untold().is_empty());
        assert!(recovery.warnings.is_empty(), "{recovery:?}");
    }
}

#[test]
fn a_backup_is_recognised_after_another_one_was_restored() {
    let (mut world, first) = collected();
    let second = world.backup();
    for _ in 0..3 {
        world.collect().unwrap();
    }
    world.restore(&first);
    world.fail();
    world.restore(&second);
    let (spool, recovery) = world.open().unwrap();
    assert!(recovery.older && spool.is_resumed());
}

#[test]
fn an_outage_in_the_first_run_of_all_is_no_loss() {
    let mut world = World::new(1);
    let (mut spool, _) = world.open().unwrap();
    spool.hand_over(world.time()).unwrap(); // refused before the first request
    drop(spool);
    assert!(world.content(Path::new(RECORD)).is_none());
    assert!(!world.is_resumed() && !world.fail() && !world.is_resumed());
    assert!(world.collect().unwrap().warnings.is_empty());
}
