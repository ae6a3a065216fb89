//! A batch of one file, for tests that need no more.

use std::io::Write as _;
use std::path::Path;

use super::simulation::{PUBLISHED, RECORD, Simulation, written};
use crate::durable::model::Fault;
use crate::spool::{Extension, FileName, Spool, SpoolError, Stored};

pub(super) const TEXT: &str = "datetime=2026|one\n";

pub(super) fn commit(spool: &mut Spool, text: &str) -> Result<Stored, SpoolError> {
    let now = Simulation::new(0).time();
    let mut batch = spool.batch(now);
    let mut part = batch.part()?;
    part.write_all(text.as_bytes()).map_err(written)?;
    batch.add(part, "receipt_20261120", Extension::Siem)?;
    spool.commit(batch, Some("1".to_owned()), now)
}

/// Returns the published name of [`TEXT`].
pub(super) fn name() -> FileName {
    let simulation = Simulation::new(0);
    commit(&mut simulation.open().unwrap().0, TEXT).unwrap();
    FileName::parse(
        simulation
            .model
            .files(Path::new(PUBLISHED))
            .keys()
            .next()
            .unwrap(),
    )
    .unwrap()
}

/// Returns a simulation whose process was killed after committing [`TEXT`] and before publishing it.
pub(super) fn committed() -> Simulation {
    for step in 0.. {
        let mut simulation = Simulation::new(0);
        simulation.model.plan(Some(Fault::StopAtChange(step)));
        if let Ok((mut spool, _)) = simulation.open() {
            let _ = commit(&mut spool, TEXT);
        }
        assert!(simulation.model.crashed(), "nothing was ever committed");
        let state = simulation.content(Path::new(RECORD));
        simulation.kill();
        if state.is_some() {
            assert!(simulation.model.files(Path::new(PUBLISHED)).is_empty());
            return simulation;
        }
    }
    unreachable!("it is committed at some step")
}

pub(super) fn published(simulation: &Simulation) -> Vec<String> {
    simulation
        .model
        .files(Path::new(PUBLISHED))
        .into_keys()
        .collect()
}
