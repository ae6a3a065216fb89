//! Tests of the marker in the data folder, with a state that is exchanged, lost or without an id.

use std::path::Path;

use super::simulation::{PREVIOUS, RECORD, Simulation};
use crate::spool::{Adopt, Lock, Settings, Spool, SpoolError};

fn collected() -> Simulation {
    let mut simulation = Simulation::new(1);
    simulation.collect().unwrap();
    simulation
}

#[test]
fn the_state_of_another_installation_in_the_place_of_ours_is_refused_until_it_is_adopted() {
    let simulation = collected();
    for sequence in [1, 1_000] {
        let mut simulation = simulation.fork();
        for path in [RECORD, PREVIOUS] {
            simulation.rewrite(path, |record| {
                record.id = "other".to_owned();
                record.sequence = sequence;
            });
        }
        let before = simulation.content(Path::new(RECORD));
        match simulation.collect() {
            Err(error @ SpoolError::Foreign { .. }) => {
                assert!(error.to_string().contains("another state"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(simulation.content(Path::new(RECORD)), before);
        let locks = tempfile::tempdir().unwrap();
        let settings = Settings {
            adopt: Adopt::Yes,
            ..simulation.settings()
        };
        let lock = Lock::take(locks.path(), "siem").unwrap();
        let (mut spool, recovery) = Spool::open(settings, lock).unwrap();
        assert_eq!(recovery.warnings.len(), 1, "{recovery:?}");
        spool.hand_over(simulation.time()).unwrap();
        drop(spool);
        assert!(simulation.collect().unwrap().warnings.is_empty());
    }
}

#[test]
fn a_record_without_an_id_takes_over_that_of_its_data_folder() {
    let mut simulation = collected();
    for path in [RECORD, PREVIOUS] {
        simulation.rewrite(path, |record| record.id.clear());
    }
    assert!(simulation.collect().unwrap().warnings.is_empty());
    assert!(simulation.collect().unwrap().warnings.is_empty());
}

#[test]
fn a_run_that_is_killed_after_a_loss_leaves_the_folder_to_the_same_installation() {
    let simulation = collected();
    for path in [RECORD, PREVIOUS] {
        simulation.model.tamper(Path::new(path), None);
    }
    simulation.at_every_change(|step, mut simulation| {
        simulation.kill();
        let (_, recovery) = simulation
            .open()
            .unwrap_or_else(|error| panic!("{step}: {error}"));
        assert!(recovery.warnings.len() < 2, "{step}: {recovery:?}");
    });
}
