//! Planted mistakes: the checks that accept the collector must find each of these.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::simulation::{PUBLISHED, STAGING, STATE, Simulation};
use chrono::{DateTime, Utc};

use crate::durable::model::{Fault, Model, Renames};
use crate::durable::{Disk, Entry, Handle, Mode};
use crate::spool::publish::{self, Committed};
use crate::spool::{Batch, Spool, SpoolError};

/// The order of the two most important steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    CommitFirst,
    /// The mistake.
    PublishFirst,
}

impl Order {
    pub(super) fn commit(
        self,
        spool: &mut Spool,
        batch: Batch,
        (position, now): (String, DateTime<Utc>),
    ) -> Result<(), SpoolError> {
        if self == Self::CommitFirst {
            return spool.commit(batch, Some(position), now).map(drop);
        }
        let staged = publish::stage(batch)?;
        let early = Committed {
            moves: staged.moves.clone(),
            number: 1,
            size: staged.size,
            repeated: 0,
        };
        publish::publish(&spool.settings, early)?;
        let late = spool
            .checkpoint
            .commit(staged, Some(position), spool.time(now, now))?;
        drop(late.moves);
        Ok(())
    }
}

/// The syncs that a forgetful disk skips.
#[derive(Clone, Copy, Debug)]
pub(super) enum Skips {
    Files,
    Folder(&'static str),
}

/// A disk that skips syncs.
pub(super) struct Forgetful {
    pub(super) disk: Model,
    pub(super) skips: Skips,
}

struct ForgetfulHandle(Box<dyn Handle>);

impl Disk for Forgetful {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>> {
        let file = self.disk.create(path, mode)?;
        match self.skips {
            Skips::Files => Ok(Box::new(ForgetfulHandle(file))),
            Skips::Folder(_) => Ok(file),
        }
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        self.disk.open(path)
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        let file = self.disk.append(path)?;
        match self.skips {
            Skips::Files => Ok(Box::new(ForgetfulHandle(file))),
            Skips::Folder(_) => Ok(file),
        }
    }
    fn ensure_folder(&self, folder: &Path, mode: Mode) -> io::Result<()> {
        self.disk.ensure_folder(folder, mode)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self.skips {
            Skips::Folder(skipped) if Path::new(skipped) == folder => Ok(()),
            _ => self.disk.sync_folder(folder),
        }
    }
    fn syncs_folders(&self) -> bool {
        self.disk.syncs_folders()
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(folder)
    }
    fn entry(&self, path: &Path) -> io::Result<Option<Entry>> {
        self.disk.entry(path)
    }
}

impl Handle for ForgetfulHandle {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
    fn set_modified(&mut self, time: std::time::SystemTime) -> io::Result<()> {
        self.0.set_modified(time)
    }
}

impl Read for ForgetfulHandle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for ForgetfulHandle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for ForgetfulHandle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// The way in which a run is interrupted.
#[derive(Clone, Copy, Debug)]
enum Ends {
    ByKills,
    ByPowerCuts,
}

/// True if an interruption at some step of a run causes a finding of this kind.
fn is_caught(simulation: &Simulation, ends: Ends, kind: &str) -> bool {
    for step in 0.. {
        let mut stopped = simulation.fork();
        let _ = stopped.collect_into(Some(Fault::StopAtChange(step)));
        if !stopped.model.crashed() {
            return false;
        }
        let mut found = match ends {
            Ends::ByKills => {
                stopped.kill();
                stopped.verdict()
            }
            Ends::ByPowerCuts => (0..24).flat_map(|seed| after_cut(&stopped, seed)).collect(),
        }
        .into_iter();
        if found.any(|finding| finding.contains(kind)) {
            return true;
        }
    }
    unreachable!("a run ends")
}

fn after_cut(stopped: &Simulation, seed: u64) -> Vec<String> {
    let mut simulation = stopped.fork();
    simulation.cut_power(seed);
    simulation.verdict()
}

#[test]
fn publishing_before_the_commit_is_caught_by_kills_alone() {
    let mut simulation = Simulation::new(3);
    simulation.order = Order::PublishFirst;
    assert!(is_caught(&simulation, Ends::ByKills, "2 times: "));
}

#[test]
fn a_file_that_is_not_synced_is_caught() {
    let mut simulation = Simulation::new(2);
    simulation.skips = Some(Skips::Files);
    for kind in ["lost: ", "2 times: ", "partial: "] {
        assert!(is_caught(&simulation, Ends::ByPowerCuts, kind), "{kind}");
    }
}

#[test]
fn a_folder_that_is_not_synced_is_caught_whichever_it_is() {
    for (folder, renames, kind) in [
        (STATE, Renames::Atomic, "2 times: "),
        (STAGING, Renames::Atomic, "2 times: "),
        // an atomic rename is durable in both folders as soon as either is synced
        (PUBLISHED, Renames::Broken, "lost: "),
    ] {
        let mut simulation = Simulation::with(3, renames);
        simulation.skips = Some(Skips::Folder(folder));
        assert!(is_caught(&simulation, Ends::ByPowerCuts, kind), "{folder}");
    }
}
