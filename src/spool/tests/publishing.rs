//! Tests of publishing one file: names in use, and files that vanished or changed.

use std::path::Path;

use super::one_file::{TEXT, commit, committed, name, published};
use super::simulation::{PUBLISHED, RECORD, STAGING, Simulation};
use crate::durable::Mode;

#[test]
fn a_name_taken_by_other_content_is_left_alone_and_ours_is_numbered() {
    let (name, simulation) = (name(), Simulation::new(0));
    let taken = Path::new(PUBLISHED).join(name.as_str());
    simulation.model.tamper(&taken, Some(b"changed by hand\n"));
    let stored = commit(&mut simulation.open().unwrap().0, TEXT).unwrap();
    assert_eq!(stored.renamed, [name.variant(2).to_string()]);
    assert_eq!(simulation.content(&taken).unwrap(), b"changed by hand\n");
    let ours = Path::new(PUBLISHED).join(name.variant(2).as_str());
    assert_eq!(simulation.content(&ours).unwrap(), TEXT.as_bytes());
}

#[test]
fn a_name_taken_by_the_same_content_is_done() {
    let simulation = Simulation::new(0);
    let (mut spool, _) = simulation.open().unwrap();
    assert_eq!(commit(&mut spool, TEXT).unwrap().repeated, 0);
    assert_eq!(commit(&mut spool, TEXT).unwrap().repeated, 1);
    assert_eq!(published(&simulation).len(), 1);
    assert!(simulation.model.files(Path::new(STAGING)).is_empty());
}

#[test]
fn recovery_says_so_when_it_has_to_number_a_file_and_finds_it_again() {
    let (name, mut simulation) = (name(), committed());
    let taken = Path::new(PUBLISHED).join(name.as_str());
    simulation.model.tamper(&taken, Some(b"changed by hand\n"));
    let (_, recovery) = simulation.open().unwrap();
    assert_eq!(recovery.finished, 1);
    assert!(
        recovery.warnings[0].contains(name.variant(2).as_str()),
        "{recovery:?}"
    );
    simulation.kill();
    simulation.model.tamper(&taken, None); // an agent removes the other content before the next run
    let (spool, _) = simulation.open().unwrap();
    assert_eq!(spool.untold().len(), 1, "one text waits to be told");
    assert_eq!(spool.position(), Some("1"));
    assert_eq!(published(&simulation), [name.variant(2).to_string()]);
}

#[test]
fn a_committed_file_in_neither_place_is_asked_for_again() {
    let mut simulation = committed();
    for name in simulation.model.files(Path::new(STAGING)).keys() {
        simulation
            .model
            .tamper(&Path::new(STAGING).join(name), None);
    }
    let (spool, recovery) = simulation.open().unwrap();
    assert_eq!(spool.position(), None);
    assert!(!recovery.lost && recovery.warnings[0].contains("1 of 1 committed files"));
    drop(spool);
    simulation.kill();
    let (spool, recovery) = simulation.open().unwrap();
    assert_eq!((spool.position(), recovery.warnings.len()), (None, 0));
}

#[test]
fn a_staged_file_that_changed_is_not_published() {
    let simulation = committed();
    let staged = simulation
        .model
        .files(Path::new(STAGING))
        .into_keys()
        .next()
        .unwrap();
    simulation
        .model
        .tamper(&Path::new(STAGING).join(staged), Some(b"changed by hand\n"));
    let (spool, recovery) = simulation.open().unwrap();
    assert_eq!((spool.position(), recovery.warnings.len()), (None, 1));
    assert!(published(&simulation).is_empty());
}

#[test]
fn a_file_ends_with_a_line_break_and_an_empty_one_is_none() {
    let simulation = Simulation::new(0);
    let (mut spool, _) = simulation.open().unwrap();
    assert_eq!(commit(&mut spool, "").unwrap().size.files, 0);
    let size = commit(&mut spool, "one\ntwo").unwrap().size;
    assert_eq!((size.files, size.events, size.bytes), (1, 2, 8));
    let path = Path::new(PUBLISHED).join(&published(&simulation)[0]);
    assert_eq!(simulation.content(&path).unwrap(), b"one\ntwo\n");
    assert_eq!(simulation.model.mode(&path), Some(Mode(0o640)));
    assert_eq!(
        simulation.model.mode(Path::new(RECORD)),
        Some(Mode::PRIVATE)
    );
}
