//! The calls of the disk in memory, and their effect on the visible and the durable state.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use super::super::{Disk, Entry, Handle, Kind, Mode};
use super::state::{Content, name_of, text};
use super::{Model, Renames};

impl Disk for Model {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn Handle>> {
        let mut state = self.state();
        state.change()?;
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !state.folders.contains(&name_of(path).0) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let id = state.store(Vec::new(), Vec::new(), mode);
        state.rename_names(vec![(name_of(path), Some(id))]);
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            id,
            at: 0,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        let mut state = self.state();
        state.look()?;
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            id: state.find(path)?,
            at: 0,
        }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Handle>> {
        let mut state = self.state();
        state.look()?;
        let id = state.find(path)?;
        let at = state.files[id].visible.len();
        drop(state);
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            id,
            at,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let id = state.find(from)?;
        if state.find(to).ok() != Some(id) {
            // POSIX: a rename between two names of one file has no effect
            state.rename_names(vec![(name_of(to), Some(id)), (name_of(from), None)]);
        }
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if state.find(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.find(from)?;
        state.rename_names(vec![(name_of(to), Some(id))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.find(path)?;
        state.rename_names(vec![(name_of(path), None)]);
        Ok(())
    }

    fn ensure_folder(&self, folder: &Path, _: Mode) -> io::Result<()> {
        let mut state = self.state();
        state.look()?;
        let folder = text(folder).into_owned();
        if !state.folders.contains(&folder) {
            state.folders.push(folder);
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if state.renames == Renames::InOrder {
            return Ok(());
        }
        let folder = text(folder);
        for at in 0..state.unsynced.len() {
            let touched = state.unsynced[at]
                .iter()
                .any(|((inside, _), _)| *inside == folder);
            let whole = touched && state.renames == Renames::Atomic;
            state.settle(at, |(inside, _)| whole || *inside == folder);
        }
        state.unsynced.retain(|operation| !operation.is_empty());
        Ok(())
    }

    fn syncs_folders(&self) -> bool {
        self.state().renames != Renames::InOrder
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.state();
        state.look()?;
        let folder = text(folder);
        let inside = state.visible.iter().filter(|((at, _), _)| *at == folder);
        Ok(inside
            .map(|((_, name), id)| state.files[*id].entry(name))
            .collect())
    }

    fn entry(&self, path: &Path) -> io::Result<Option<Entry>> {
        let mut state = self.state();
        state.look()?;
        Ok(state
            .find(path)
            .ok()
            .map(|id| state.files[id].entry(&name_of(path).1)))
    }
}

impl Content {
    fn entry(&self, name: &str) -> Entry {
        let (name, size) = (name.to_owned(), self.visible.len() as u64);
        Entry {
            name,
            kind: Kind::File,
            size,
            modified: Some(self.modified),
        }
    }
}

struct OpenFile {
    disk: Model,
    id: usize,
    at: usize,
}

impl Read for OpenFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.look()?;
        let count = state.files[self.id]
            .visible
            .get(self.at..)
            .unwrap_or_default()
            .read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

impl Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let was_down = state.crashed;
        let failed = state.change();
        let count = match failed {
            Ok(()) => bytes.len(),
            Err(_) if was_down => 0,
            Err(_) => bytes.len() / 2,
        };
        let now = state.now;
        let file = &mut state.files[self.id];
        let end = self.at + count;
        if file.visible.len() < end {
            file.visible.resize(end, 0);
        }
        file.visible[self.at..end].copy_from_slice(&bytes[..count]);
        (file.modified, self.at) = (now, end);
        failed.map(|()| count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for OpenFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (0, i64::try_from(at).unwrap()),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.disk.state().files[self.id].visible.len(), by),
        };
        let at = base.checked_add_signed(isize::try_from(offset).unwrap());
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at as u64)
    }
}

impl Handle for OpenFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let done = state.change();
        if state.files[self.id].sync_failed {
            state
                .forbidden_calls
                .push("a file was synced again after a failed sync".to_owned());
        }
        let crashed = state.crashed;
        let file = &mut state.files[self.id];
        match &done {
            Ok(()) if !file.sync_failed => file.durable.clone_from(&file.visible),
            Err(_) if !crashed => file.sync_failed = true,
            _ => {}
        }
        done
    }

    fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        state.files[self.id].modified = time;
        Ok(())
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        state.files[self.id]
            .visible
            .resize(usize::try_from(bytes).unwrap(), 0);
        Ok(())
    }
}
