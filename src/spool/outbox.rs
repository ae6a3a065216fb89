//! The outboxes: one folder for each destination, with a second name of each committed file until the
//! destination has confirmed it.
//!
//! The names sort in the order of the commits. A file gets its second names after the commit and before
//! publication, so that no agent and no retention can take it away first. Recovery repeats this step.

use std::io;
use std::path::Path;

use super::name::FileName;
use super::publish::{Trust, has_same_content};
use super::record::Move;
use super::{Settings, SpoolError};
use crate::durable::Kind;

/// The name of a file in an outbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queued {
    /// The number of the commit: milliseconds since 1970, and higher than that of the stream's last commit.
    pub number: u64,
    /// The place of the file in its commit.
    pub index: u32,
    /// The folder of the published file.
    pub folder: String,
    /// The stream that committed it.
    pub stream: String,
    /// The name of the published file.
    pub name: FileName,
}

impl Queued {
    /// Reads a name that [`Queued::file_name`] has made.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let queued = Self {
            number: next()?.parse().ok()?,
            index: next()?.parse().ok()?,
            folder: next()?.to_owned(),
            stream: next()?.to_owned(),
            name: FileName::parse(next()?)?,
        };
        (queued.file_name() == text).then_some(queued)
    }

    /// Returns the name in the outbox.
    pub fn file_name(&self) -> String {
        let Self {
            number,
            index,
            folder,
            stream,
            name,
        } = self;
        format!("{number:014}-{index:06}-{folder}-{stream}-{name}")
    }
}

/// Gives every committed file that is not published yet a name in each outbox, and makes these names durable.
pub(super) fn fill(
    settings: &Settings,
    moves: &[Move],
    number: u64,
    trust: Trust,
) -> Result<(), SpoolError> {
    for outbox in &settings.outboxes {
        // a killed run may have added names without a sync
        let mut is_used = false;
        for (index, moved) in moves.iter().enumerate() {
            let added = add(settings, outbox, (number, index, moved), trust);
            is_used |= added.map_err(|error| SpoolError::disk("fill", outbox, error))?;
        }
        if is_used {
            let synced = settings.disk.sync_folder(outbox);
            synced.map_err(|error| SpoolError::disk("sync", outbox, error))?;
        }
    }
    Ok(())
}

/// True if an outbox holds the file. Its staged name is gone then because the file was published.
pub(super) fn holds(
    settings: &Settings,
    (number, index, moved): (u64, usize, &Move),
) -> io::Result<bool> {
    let Some(queued) = queued(settings, (number, index, moved)) else {
        return Ok(false);
    };
    for outbox in &settings.outboxes {
        if has_same_content(&*settings.disk, &outbox.join(queued.file_name()), moved)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds one file, unless the outbox has it. Returns false if it needs no name there: no staged file is left, or its
/// content is published.
fn add(
    settings: &Settings,
    outbox: &Path,
    (number, index, moved): (u64, usize, &Move),
    trust: Trust,
) -> io::Result<bool> {
    let disk = &*settings.disk;
    let staged = settings.staging.join(&moved.staged);
    let is_staged = match trust {
        Trust::JustWritten => disk.entry(&staged)?.is_some(),
        Trust::Verify(_) => has_same_content(disk, &staged, moved)?,
    };
    let Some(queued) = queued(settings, (number, index, moved)).filter(|_| is_staged) else {
        return Ok(false);
    };
    // the same content is published: it was in the outbox before
    let published = settings.published.join(&moved.name);
    if has_same_content(disk, &published, moved)? {
        return Ok(false);
    }
    let target = outbox.join(queued.file_name());
    match disk.entry(&target)? {
        Some(entry) if entry.kind == Kind::File && entry.size == moved.size => return Ok(true),
        Some(_) => disk.remove(&target)?,
        None => {}
    }
    disk.link(&staged, &target)?;
    Ok(true)
}

fn queued(settings: &Settings, (number, index, moved): (u64, usize, &Move)) -> Option<Queued> {
    let folder = settings.published.file_name()?.to_str()?;
    Some(Queued {
        number,
        index: u32::try_from(index).ok()?,
        folder: folder.to_owned(),
        stream: settings.stream.clone(),
        name: FileName::parse(&moved.name)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_sorts_by_commit_and_place() {
        let named = |number, index| Queued {
            number,
            index,
            folder: "mta".to_owned(),
            stream: "cg_url_protect".to_owned(),
            name: FileName::parse("cg_url_protect_a-b_0123456789abcdef-2.json").unwrap(),
        };
        let names = [(9, 1), (10, 0), (10, 2), (10, 11)].map(|(number, index)| {
            let queued = named(number, index);
            assert_eq!(Queued::parse(&queued.file_name()), Some(queued.clone()));
            queued.file_name()
        });
        assert!(names.is_sorted());
        for odd in [
            "",
            "1-0-mta-siem-a_0123456789abcdef.siem",
            "00000000000001-000000-mta-siem-a_0123456789abcdef.siem.tmp",
            "00000000000001-000000-mta--a_0123456789abcdef.siem",
            ".begun",
        ] {
            assert_eq!(Queued::parse(odd), None, "{odd}");
        }
    }
}
