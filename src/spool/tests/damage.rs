//! Tests with a state that is lost, damaged, foreign or of a later version.

use std::path::Path;

use super::simulation::{PREVIOUS, PUBLISHED, RECORD, Replay, STATE, Simulation};
use crate::spool::SpoolError;
use crate::spool::record::{Move, Record, digest};

type Damage = fn(&[u8]) -> Option<Vec<u8>>;

/// Kinds of damage to a file. `None` means that the file is missing.
pub(super) const DAMAGES: [(&str, Damage); 6] = [
    ("missing", |_| None),
    ("empty", |_| Some(Vec::new())),
    ("cut short", |bytes| Some(bytes[..bytes.len() / 2].to_vec())),
    ("zeroed", |bytes| Some(vec![0; bytes.len()])),
    ("one bit flipped", |bytes| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    }),
    ("something else", |_| Some(b"\xff\xfe not ours".to_vec())),
];

impl Simulation {
    pub(super) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let name = path.file_name().unwrap().to_str().unwrap();
        self.model.files(path.parent().unwrap()).remove(name)
    }

    fn damage(&self, path: &str, damage: Damage) {
        let content = self.content(Path::new(path)).unwrap();
        self.model
            .tamper(Path::new(path), damage(&content).as_deref());
    }

    /// Changes a state file and keeps its checksum valid.
    pub(super) fn rewrite(&self, path: &str, change: impl FnOnce(&mut Record)) {
        let mut record = Record::decode(&self.content(Path::new(path)).unwrap()).unwrap();
        change(&mut record);
        self.model.tamper(Path::new(path), Some(&record.encode()));
    }

    fn set_aside(&self) -> usize {
        self.model
            .files(Path::new(STATE))
            .keys()
            .filter(|name| name.contains(".bad-"))
            .count()
    }
}

/// Returns a simulation with two collected batches and two more waiting.
fn finished() -> Simulation {
    let mut simulation = Simulation::new(2);
    simulation.collect().unwrap();
    simulation.look();
    simulation.batches = 4;
    simulation
}

#[test]
fn after_a_finished_run_any_single_state_file_may_be_lost_or_damaged() {
    for path in [RECORD, PREVIOUS] {
        for (what, damage) in DAMAGES {
            let mut simulation = finished();
            simulation.damage(path, damage);
            let recovery = simulation.fork().collect().unwrap();
            assert!(!recovery.lost);
            assert_eq!(
                recovery.warnings.len(),
                usize::from(path == RECORD),
                "{what}"
            );
            simulation.at_every_change(|step, mut simulation| {
                simulation.kill();
                simulation.assert_whole(&(path, what, step));
            });
            simulation.assert_whole(&(path, what));
            assert_eq!(simulation.set_aside(), usize::from(what != "missing"));
        }
    }
}

#[test]
fn the_same_holds_when_the_published_files_are_gone_by_then() {
    for path in [RECORD, PREVIOUS] {
        let mut simulation = finished();
        for name in simulation.model.files(Path::new(PUBLISHED)).keys() {
            simulation
                .model
                .tamper(&Path::new(PUBLISHED).join(name), None);
        }
        simulation.agent.expect_pruning();
        simulation.damage(path, |_| None);
        simulation.assert_whole(&path);
    }
}

#[test]
fn the_same_holds_after_a_run_that_stopped_early() {
    let mut simulation = Simulation::new(3);
    let (mut spool, _) = simulation.open().unwrap();
    for _ in 0..2 {
        let answer = simulation.answer(spool.position()).unwrap();
        simulation.store(&mut spool, answer).unwrap();
    }
    spool
        .leave(&crate::spool::Left::default(), simulation.time())
        .unwrap();
    drop(spool);
    simulation.look();
    simulation.damage(RECORD, |_| None);
    simulation.assert_whole(&"settled");
}

#[test]
fn with_both_files_bad_it_starts_from_the_earliest_and_says_so() {
    for (what, damage) in DAMAGES {
        let mut simulation = Simulation::new(3);
        simulation.replay = Replay::Identical;
        simulation.collect().unwrap();
        simulation.look();
        simulation.damage(RECORD, damage);
        simulation.damage(PREVIOUS, damage);
        let (spool, recovery) = simulation.open().unwrap();
        assert!(recovery.lost && spool.position().is_none());
        assert_eq!(recovery.warnings.len(), 1);
        drop(spool);
        assert_eq!(
            simulation.set_aside(),
            if what == "missing" { 0 } else { 2 }
        );
        simulation.assert_whole(&what); // a service that sends the same bytes again causes no repeated line
    }
}

#[test]
fn a_first_run_is_not_taken_for_a_lost_state() {
    let simulation = Simulation::new(1);
    let foreign = Path::new(PUBLISHED).join("notes.txt");
    simulation.model.tamper(&foreign, Some(b"mine"));
    let (spool, recovery) = simulation.open().unwrap();
    assert_eq!(recovery, crate::spool::Recovery::default());
    assert!(spool.position().is_none() && spool.last_success().is_none());
}

#[test]
fn a_record_that_is_not_for_this_program_stops_it_untouched() {
    let changes: [fn(&mut Record); 3] = [
        |record| record.format += 1,
        |record| record.account = "CUSB00B000".to_owned(),
        |record| record.stream = "audit".to_owned(),
    ];
    for path in [RECORD, PREVIOUS] {
        for change in changes {
            let mut simulation = finished();
            simulation.rewrite(path, change);
            let before = simulation.model.files(Path::new(STATE));
            let refused = simulation.collect();
            assert!(
                matches!(refused, Err(SpoolError::Unusable { .. })),
                "{refused:?}"
            );
            assert_eq!(simulation.model.files(Path::new(STATE)), before);
        }
    }
}

#[test]
fn a_record_that_names_paths_counts_as_damaged() {
    let mut simulation = finished();
    simulation.rewrite(RECORD, |record| {
        record.pending.push(Move {
            staged: "siem-00000000-1-1.staged".to_owned(),
            name: "../../etc/passwd_0123456789abcdef.siem".to_owned(),
            size: 1,
            sha256: digest(b"x"),
            events: None,
        });
    });
    let recovery = simulation.fork().collect().unwrap();
    assert!(
        recovery.warnings[0].contains("not the collector's"),
        "{recovery:?}"
    );
    simulation.assert_whole(&"paths");
}

#[test]
fn an_old_file_put_back_does_not_win_over_the_newer_copy() {
    let mut simulation = finished();
    let old = simulation.content(Path::new(RECORD)).unwrap();
    simulation.collect().unwrap();
    simulation.look();
    simulation.batches = 5;
    simulation.model.tamper(Path::new(RECORD), Some(&old));
    let recovery = simulation.fork().collect().unwrap();
    assert!(recovery.warnings[0].contains("older"), "{recovery:?}");
    simulation.at_every_change(|step, mut simulation| {
        simulation.kill();
        simulation.assert_whole(&step);
    });
}

#[test]
fn a_file_put_back_is_noticed_as_soon_as_it_is_older_than_the_copy() {
    let mut simulation = Simulation::new(4);
    let (mut spool, _) = simulation.open().unwrap();
    let mut generations = Vec::new();
    while let Some(answer) = simulation.answer(spool.position()) {
        simulation.store(&mut spool, answer).unwrap();
        generations.push(simulation.content(Path::new(RECORD)).unwrap());
    }
    drop(spool);
    // the last is the state, the one before it the copy
    for (age, old) in generations.iter().rev().enumerate() {
        let simulation = simulation.fork();
        simulation.model.tamper(Path::new(RECORD), Some(old));
        let (spool, recovery) = simulation.open().unwrap();
        let is_noticed = age >= 2;
        let told = recovery.warnings.iter();
        let told = told.filter(|text| text.contains("older than its copy"));
        assert_eq!(told.count(), usize::from(is_noticed), "{age} {recovery:?}");
        let position = if age == 0 { "4" } else { "3" };
        assert_eq!(spool.position(), Some(position), "{age}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_state_that_is_no_file_is_refused_without_waiting() {
    use super::simulation::settings;
    use crate::spool::{Lock, Spool};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let makers: [fn(&Path); 4] = [
        |path| std::fs::create_dir(path).unwrap(),
        |path| std::os::unix::fs::symlink("/etc/hostname", path).unwrap(),
        |path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap(),
        |path| {
            let options = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path);
            options
                .unwrap()
                .set_len(crate::spool::record::SIZE_LIMIT + 1)
                .unwrap();
        },
    ];
    for make in makers {
        let folder = tempfile::tempdir().unwrap();
        make(&folder.path().join("siem.state"));
        let now = Simulation::new(0).time();
        let places = crate::spool::Settings {
            data: folder.path().to_owned(),
            state: folder.path().to_owned(),
            staging: folder.path().to_owned(),
            published: folder.path().to_owned(),
            ..settings("siem", now)
        };
        let opened = Spool::open(places, Lock::take(folder.path(), "siem").unwrap());
        assert!(matches!(opened, Err(SpoolError::Unusable { .. })));
    }
}
