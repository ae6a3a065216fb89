//! Tests of single files: names in use, vanished files, pruning and quarantine.

use std::io::Write;
use std::path::Path;

use super::simulation::{
    PUBLISHED, QUARANTINE, RECORD, STAGING, Simulation, prune, settings, written,
};
use crate::durable::Mode;
use crate::durable::model::Fault;
use crate::spool::{Extension, FileName, Left, Lock, Settings, Spool, SpoolError, Stored};

const TEXT: &str = "datetime=2026|one\n";

fn commit(spool: &mut Spool, text: &str) -> Result<Stored, SpoolError> {
    let now = Simulation::new(0).time();
    let mut batch = spool.batch(now);
    let mut part = batch.part()?;
    part.write_all(text.as_bytes()).map_err(written)?;
    batch.add(part, "receipt_20261120", Extension::Siem)?;
    spool.commit(batch, Some("1".to_owned()), now)
}

/// Returns the published name of [`TEXT`].
fn name() -> FileName {
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
fn committed() -> Simulation {
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

fn published(simulation: &Simulation) -> Vec<String> {
    simulation
        .model
        .files(Path::new(PUBLISHED))
        .into_keys()
        .collect()
}

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

type Interference = fn(&Simulation, &Path);

#[test]
fn whoever_takes_the_lock_or_the_state_away_stops_every_further_change() {
    let interferences: [(&str, Interference); 4] = [
        ("the lock is gone", |_, lock| {
            std::fs::remove_file(lock).unwrap();
        }),
        ("another lock stands in its place", |_, lock| {
            std::fs::remove_file(lock).unwrap();
            drop(Lock::take(lock.parent().unwrap(), "siem").unwrap());
        }),
        ("the state is gone", |simulation, _| {
            simulation.model.tamper(Path::new(RECORD), None);
        }),
        ("another state stands in its place", |simulation, _| {
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

#[test]
fn a_sweep_leaves_what_other_programs_and_streams_stage() {
    let simulation = Simulation::new(0);
    let own = simulation.open().unwrap().0.staging.prefix;
    let kept = [
        "notes.txt",
        "siem-00000000-1-1.staged",
        "audit-00000000-1-1.scratch",
    ];
    let swept = [format!("{own}1-1.staged"), format!("{own}1-2.scratch")];
    for name in kept.into_iter().chain(swept.iter().map(String::as_str)) {
        simulation
            .model
            .tamper(&Path::new(STAGING).join(name), Some(b"x"));
    }
    drop(simulation.open().unwrap());
    let left = simulation.model.files(Path::new(STAGING));
    assert!(left.len() == kept.len() && kept.iter().all(|name| left.contains_key(*name)));
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

#[test]
fn the_quarantine_keeps_the_same_bytes_once_and_for_the_owner_alone() {
    let simulation = Simulation::new(0);
    let (spool, _) = simulation.open().unwrap();
    for (bytes, note) in [(b"bad", "first"), (b"bad", "again"), (b"odd", "other")] {
        let mut raw = spool.scratch().unwrap();
        raw.write_all(bytes).unwrap();
        let path = spool.quarantine(&mut raw, note).unwrap();
        assert_eq!(simulation.content(&path).unwrap(), bytes);
        for path in [path.with_extension("txt"), path] {
            assert_eq!(simulation.model.mode(&path), Some(Mode::PRIVATE));
        }
    }
    assert_eq!(simulation.model.files(Path::new(QUARANTINE)).len(), 4);
}

#[test]
fn a_wait_that_was_asked_for_is_remembered_until_a_run_gets_through() {
    let simulation = Simulation::new(0);
    let until = simulation.time();
    let (mut spool, _) = simulation.open().unwrap();
    commit(&mut spool, TEXT).unwrap();
    let left = Left {
        not_before: Some(until),
        ..Left::default()
    };
    spool.leave(&left, until).unwrap();
    drop(spool);
    let (mut spool, _) = simulation.open().unwrap();
    assert_eq!(
        (spool.not_before(), spool.last_success()),
        (Some(until), None)
    );
    spool.finish(until, &[]).unwrap();
    drop(spool);
    let (spool, _) = simulation.open().unwrap();
    assert_eq!(
        (spool.not_before(), spool.last_success()),
        (None, Some(until))
    );
}

#[test]
fn pruning_deletes_own_old_files_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for name in ["state", "state/quarantine", "tmp", "mta"] {
        std::fs::create_dir(place(name)).unwrap();
    }
    let simulation = Simulation::new(0);
    let places = Settings {
        data: folder.path().to_owned(),
        state: place("state"),
        staging: place("tmp"),
        published: place("mta"),
        ..settings("siem", simulation.time())
    };
    let lock = Lock::take(&place("state"), "siem").unwrap();
    let (mut spool, _) = Spool::open(places, lock).unwrap();
    commit(&mut spool, TEXT).unwrap();
    let pending = spool.published_names().unwrap()[0].to_string();

    let own = |stem: &str| format!("mta/{stem}_0123456789abcdef.siem");
    let old = [
        own("old"),
        "state/quarantine/siem_0123456789abcdef.raw".to_owned(),
    ];
    let kept = [
        own("new"),
        "mta/notes.txt".to_owned(),
        "state/quarantine/a.raw".to_owned(),
        "target".to_owned(),
    ];
    let week_ago =
        std::time::SystemTime::from(simulation.time()) - std::time::Duration::from_secs(8 * 86_400);
    for name in old.iter().chain(&kept).chain([&format!("mta/{pending}")]) {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(place(name)).unwrap();
        file.set_modified(if *name == own("new") {
            simulation.time().into()
        } else {
            week_ago
        })
        .unwrap();
    }
    #[cfg(unix)] // on Windows only administrators may make links
    std::os::unix::fs::symlink(place("target"), place(&own("link"))).unwrap();
    std::fs::create_dir(place(&own("folder"))).unwrap();

    let pruned = prune(&spool, simulation.time(), 7, 7);
    assert_eq!((pruned.removed, pruned.kept), (2, 0));
    assert!(old.iter().all(|name| !place(name).exists()));
    assert!(kept.iter().all(|name| place(name).exists()));
    assert!(place("mta").join(&pending).exists() && place(&own("folder")).is_dir());
    assert!(cfg!(windows) || place(&own("link")).symlink_metadata().is_ok());

    spool.finish(simulation.time(), &[]).unwrap();
    assert_eq!(
        prune(&spool, simulation.time(), u32::MAX, u32::MAX).removed,
        0
    );
    assert_eq!(prune(&spool, simulation.time(), 7, 7).removed, 1); // it is no longer pending
}
