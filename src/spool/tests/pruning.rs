//! Tests of the files that the collector deletes or keeps: sweep, quarantine and pruning.

use std::io::Write as _;
use std::path::Path;

use super::one_file::{TEXT, commit};
use super::simulation::{QUARANTINE, STAGING, Simulation, prune, settings};
use crate::durable::Mode;
use crate::spool::{Lock, Settings, Spool};

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
