//! Tests of a lost or restored state: it counts as resumed until a run finishes.

use std::collections::BTreeMap;
use std::path::Path;

use super::simulation::{RECORD, STATE, Simulation};
use crate::spool::Left;

impl Simulation {
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

/// Collects two batches in two runs. Returns the simulation and a backup from between them.
fn collected() -> (Simulation, BTreeMap<String, Vec<u8>>) {
    let mut simulation = Simulation::new(1);
    simulation.collect().unwrap();
    let backup = simulation.backup();
    simulation.batches = 2;
    simulation.collect().unwrap();
    (simulation, backup)
}

#[test]
fn failed_runs_do_not_hide_that_a_state_was_lost_or_restored() {
    let (simulation, backup) = collected();
    for state in [backup, BTreeMap::new()] {
        let mut simulation = simulation.fork();
        simulation.restore(&state);
        for _ in 0..3 {
            assert!(simulation.fail());
        }
        let recovery = simulation.collect().unwrap();
        assert!(recovery.warnings.is_empty(), "{recovery:?}");
        assert!(!simulation.is_resumed());
    }
}

#[test]
fn a_run_that_is_killed_does_not_hide_it_either_and_it_waits_to_be_told_once() {
    let (simulation, backup) = collected();
    for state in [backup, BTreeMap::new()] {
        let mut simulation = simulation.fork();
        simulation.restore(&state);
        for _ in 0..3 {
            assert!(simulation.is_resumed());
            simulation.kill();
        }
        let (mut spool, _) = simulation.open().unwrap();
        assert_eq!(spool.untold().len(), 1, "{:?}", spool.untold());
        spool.forget_told(simulation.time()).unwrap();
        drop(spool);
        simulation.kill();
        let (spool, recovery) = simulation.open().unwrap();
        assert!(spool.is_resumed() && spool.untold().is_empty());
        assert!(recovery.warnings.is_empty(), "{recovery:?}");
    }
}

#[test]
fn a_backup_is_recognised_after_another_one_was_restored() {
    let (mut simulation, first) = collected();
    let second = simulation.backup();
    for _ in 0..3 {
        simulation.collect().unwrap();
    }
    simulation.restore(&first);
    simulation.fail();
    simulation.restore(&second);
    let (spool, recovery) = simulation.open().unwrap();
    assert!(recovery.older && spool.is_resumed());
}

#[test]
fn an_outage_in_the_first_run_of_all_is_no_loss() {
    let mut simulation = Simulation::new(1);
    let (mut spool, _) = simulation.open().unwrap();
    spool.hand_over(simulation.time()).unwrap(); // refused before the first request
    drop(spool);
    assert!(simulation.content(Path::new(RECORD)).is_none());
    assert!(!simulation.is_resumed() && !simulation.fail() && !simulation.is_resumed());
    assert!(simulation.collect().unwrap().warnings.is_empty());
}
