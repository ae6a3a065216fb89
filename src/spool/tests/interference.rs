//! Tests of a lock or a state that another process deletes or replaces during a run.

use std::path::Path;

use super::one_file::{TEXT, commit, published};
use super::simulation::{RECORD, Simulation};
use crate::spool::{Left, Lock, Spool, SpoolError};

type Interference = fn(&Simulation, &Path);

#[test]
fn whoever_takes_the_lock_or_the_state_away_stops_every_further_change() {
    let interferences: [(&str, Interference); 4] = [
        ("the lock is gone", |_, lock| {
            std::fs::remove_file(lock).unwrap();
        }),
        ("another lock replaced it", |_, lock| {
            std::fs::remove_file(lock).unwrap();
            drop(Lock::take(lock.parent().unwrap(), "siem").unwrap());
        }),
        ("the state is gone", |simulation, _| {
            simulation.model.tamper(Path::new(RECORD), None);
        }),
        ("another state replaced it", |simulation, _| {
            let mut bytes = simulation.content(Path::new(RECORD)).unwrap();
            bytes[30] ^= 1;
            simulation.model.tamper(Path::new(RECORD), Some(&bytes));
        }),
    ];
    type Change = fn(&mut Spool, &Simulation) -> Result<(), SpoolError>;
    let changes: [Change; 3] = [
        |spool, _| commit(spool, "datetime=2026|two\n").map(drop),
        |spool, simulation| spool.finish(simulation.time(), &[]),
        |spool, simulation| {
            let left = Left {
                troubles: vec!["outage".to_owned()],
                ..Left::default()
            };
            spool.leave(&left, simulation.time())
        },
    ];
    for (what, interfere) in interferences {
        for change in changes {
            let (simulation, locks) = (Simulation::new(0), tempfile::tempdir().unwrap());
            let lock = Lock::take(locks.path(), "siem").unwrap();
            let (mut spool, _) = Spool::open(simulation.settings(), lock).unwrap();
            commit(&mut spool, TEXT).unwrap();
            interfere(&simulation, &locks.path().join("siem.lock"));
            let before = simulation.content(Path::new(RECORD));
            let changed = change(&mut spool, &simulation);
            assert!(
                matches!(changed, Err(SpoolError::Interfered { .. })),
                "{what}: {changed:?}"
            );
            assert_eq!(simulation.content(Path::new(RECORD)), before, "{what}");
            assert_eq!(published(&simulation).len(), 1, "{what}");
        }
    }
}
