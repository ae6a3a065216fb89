//! Tests with a disk like that of Windows: folders cannot be synced, and names become durable in
//! order and later.

use std::path::Path;

use super::simulation::{PUBLISHED, STAGING, Simulation};
use crate::durable::model::Renames;

/// The seeds of each step: the extremes, and random lengths of the journal.
const CUTS: std::ops::Range<u64> = 0..30;

/// Returns a first run, and one after another run half an hour ago.
fn beginnings() -> [Simulation; 2] {
    let first = Simulation::with(3, Renames::InOrder);
    let mut second = Simulation::with(2, Renames::InOrder);
    second.collect().unwrap();
    second.look();
    second.model.let_time_pass();
    second.batches = 4;
    [first, second]
}

/// Returns the complaints, except those of agents that read a name before the power cut removed it.
fn besides_repeats(simulation: &mut Simulation) -> Vec<String> {
    let mut wrong = simulation.verdict();
    wrong.retain(|wrong| !wrong.contains(" times: ") && !wrong.contains("vanished: "));
    wrong
}

#[test]
fn a_power_cut_at_any_step_and_place_of_the_journal_loses_and_repeats_nothing() {
    for beginning in beginnings() {
        let steps = beginning.at_every_change(|step, simulation| {
            for seed in CUTS {
                let mut simulation = simulation.fork();
                simulation.cut_power(seed);
                simulation.assert_whole(&(step, seed));
            }
        });
        assert!(steps > 40, "only {steps} steps were tried");
    }
}

#[test]
fn an_agent_that_was_quicker_than_the_journal_reads_again_and_misses_nothing() {
    for beginning in beginnings() {
        beginning.at_every_change(|step, simulation| {
            for seed in CUTS {
                let mut simulation = simulation.fork();
                simulation.look();
                simulation.cut_power(seed);
                let wrong = besides_repeats(&mut simulation);
                assert!(wrong.is_empty(), "step {step}, seed {seed}: {wrong:#?}");
            }
        });
    }
}

#[test]
fn a_second_cut_while_the_first_is_mended_loses_nothing() {
    let [beginning, _] = beginnings();
    let mut histories = 0;
    beginning.at_every_change(|first, mut simulation| {
        simulation.cut_power(3 + first);
        simulation.at_every_change(|second, mut simulation| {
            simulation.cut_power(first + second);
            simulation.assert_whole(&(first, second));
            histories += 1;
        });
    });
    assert!(histories > 1_000, "only {histories} histories were tried");
}

/// Returns a simulation of three batches whose process stored two and was killed.
fn cut_off_after_two() -> Simulation {
    cut_off(Simulation::with(3, Renames::InOrder))
}

/// Stores two batches and kills the process.
fn cut_off(mut simulation: Simulation) -> Simulation {
    let (mut spool, _) = simulation.open().unwrap();
    for _ in 0..2 {
        let answer = simulation.answer(spool.position()).unwrap();
        simulation.store(&mut spool, answer).unwrap();
    }
    drop(spool);
    simulation.kill();
    simulation
}

/// Returns the published names of a batch.
fn names(simulation: &Simulation, batch: usize) -> Vec<String> {
    let files = simulation.model.files(Path::new(PUBLISHED));
    let ours = |name: &String| name.starts_with(&format!("receipt_{batch}_"));
    files.into_keys().filter(ours).collect()
}

#[test]
fn a_file_of_the_batch_before_the_last_that_is_torn_is_told_and_its_events_come_again() {
    for torn in [&b""[..], b"\0\0\0\0", b"datetime=2026|batch=0"] {
        let mut simulation = cut_off_after_two();
        let name = names(&simulation, 0).remove(0);
        let path = Path::new(PUBLISHED).join(name);
        simulation.model.tamper(&path, Some(torn));
        let recovery = simulation.collect().unwrap();
        assert!(
            recovery.warnings[0].contains("repeats that batch"),
            "{recovery:?}"
        );
        let published = simulation.model.files(Path::new(PUBLISHED));
        let all: Vec<u8> = published.values().flatten().copied().collect();
        let all = String::from_utf8_lossy(&all);
        for line in 0..3 {
            let line = format!("datetime=2026|batch=0|line={line}\n");
            assert!(all.contains(&line), "{line}");
        }
        assert_eq!(published[path.file_name().unwrap().to_str().unwrap()], torn);
        let again = simulation.collect().unwrap();
        assert!(again.warnings.is_empty(), "told once: {again:?}");
    }
}

#[test]
fn a_rename_of_the_batch_before_the_last_that_was_undone_is_done_again() {
    let mut simulation = cut_off_after_two();
    let name = names(&simulation, 0).remove(0);
    let published = Path::new(PUBLISHED).join(&name);
    let content = simulation.content(&published).unwrap();
    let previous = Path::new(super::simulation::PREVIOUS);
    let previous = simulation.content(previous).unwrap();
    let previous = crate::spool::record::Record::decode(&previous).unwrap();
    let mut moves = previous.pending.iter();
    let staged = &moves.find(|moved| moved.name == name).unwrap().staged;
    simulation.model.tamper(&published, None);
    let staged = Path::new(STAGING).join(staged);
    simulation.model.tamper(&staged, Some(&content));
    let recovery = simulation.open().unwrap().1;
    assert_eq!((recovery.finished, recovery.warnings.len()), (1, 0));
    simulation.look();
    simulation.assert_whole(&"undone");
}

#[test]
fn an_older_file_that_is_torn_is_told_and_one_that_was_taken_away_is_not() {
    for (content, warnings) in [(Some(&b"\0"[..]), 1), (None, 0)] {
        let mut simulation = Simulation::with(1, Renames::InOrder);
        simulation.collect().unwrap();
        simulation.batches = 3;
        let simulation = cut_off(simulation);
        let path = Path::new(PUBLISHED).join(names(&simulation, 0).remove(0));
        simulation.model.tamper(&path, content);
        let recovery = simulation.open().unwrap().1;
        assert_eq!(recovery.warnings.len(), warnings, "{recovery:?}");
    }
}
