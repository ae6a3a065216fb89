//! A batch: finished files that no agent sees yet, and the ids, gaps and warnings of their commit.

use chrono::{DateTime, Utc};

use super::SpoolError;
use super::gap::{Gap, Warning};
use super::name::{Extension, FileName};
use super::part::Part;
use super::record::{Move, hex};
use super::seen::Digest;
use super::settings::Wanted;
use super::staging::Staging;
use crate::durable::Mode;

/// The files, ids, gaps and warnings of one commit. Dropping an uncommitted batch deletes its files.
pub struct Batch {
    pub(super) staging: Staging,
    mode: Mode,
    /// Says which lines make a file worth publishing. `None` if every line does.
    wanted: Option<Wanted>,
    /// The time from which the age of its files counts.
    published_at: DateTime<Utc>,
    pub(super) moves: Vec<Move>,
    pub(super) ids: Vec<Digest>,
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<Warning>,
    pub(super) size: Size,
    pub(super) repeated: u64,
    newest: Option<DateTime<Utc>>,
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The number of published files.
    pub files: u64,
    /// The number of lines in them.
    pub events: u64,
    /// The number of bytes in them.
    pub bytes: u64,
}

impl Batch {
    pub(super) const fn new(
        staging: Staging,
        mode: Mode,
        wanted: Option<Wanted>,
        published_at: DateTime<Utc>,
    ) -> Self {
        Self {
            staging,
            mode,
            wanted,
            published_at,
            moves: Vec::new(),
            ids: Vec::new(),
            gaps: Vec::new(),
            warnings: Vec::new(),
            size: Size {
                files: 0,
                events: 0,
                bytes: 0,
            },
            repeated: 0,
            newest: None,
        }
    }

    /// Makes a new file of the batch. The caller writes it and passes it to [`Batch::add`].
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the disk cannot make the file.
    pub fn part(&self) -> Result<Part, SpoolError> {
        let file = self
            .staging
            .create("staged", self.mode)
            .map_err(|error| SpoolError::disk("make a file in", &self.staging.folder, error))?;
        Ok(Part::new(file))
    }

    /// Adds a file to the batch, after its content has reached the disk. Adds a line break at the
    /// end if it is missing. Skips an empty file, because an agent would find no event in it, and a
    /// file without a wanted line.
    ///
    /// # Errors
    /// [`SpoolError::Disk`]; the batch then abandons the file.
    pub fn add(&mut self, mut part: Part, stem: &str, kind: Extension) -> Result<(), SpoolError> {
        if part.size.bytes == 0 {
            return Ok(());
        }
        let failed = |error| SpoolError::disk("write to", &self.staging.folder, error);
        part.end_line().map_err(failed)?;
        if let Some(wanted) = &self.wanted
            && !part.has_line(wanted).map_err(failed)?
        {
            return Ok(());
        }
        let size = part.size;
        let (file, sha256) = part.close().map_err(failed)?;
        let sha256 = hex(&sha256);
        let name = self.free_name(&FileName::new(stem, &sha256, kind));
        let staged = file.keep(self.published_at.into()).map_err(failed)?;
        self.moves.push(Move {
            staged,
            name: name.to_string(),
            size: size.bytes,
            sha256,
            events: Some(size.events),
        });
        self.size.files += 1;
        self.size.events += size.events;
        self.size.bytes += size.bytes;
        Ok(())
    }

    /// Returns the name, with a number if another file of the batch has the same name. Two equal
    /// members of one archive become two files.
    fn free_name(&self, name: &FileName) -> FileName {
        let is_free = |name: &FileName| self.moves.iter().all(|moved| moved.name != name.as_str());
        let mut names = (1..).map(|count| name.variant(count));
        names.find(is_free).expect("a batch is finite")
    }

    /// Returns the time from which the age of its files and ids counts.
    pub(super) const fn published_at(&self) -> DateTime<Utc> {
        self.published_at
    }

    /// Adds ids of published content. [`Spool::has_seen`](super::Spool::has_seen) finds them after
    /// the commit.
    pub fn remember(&mut self, ids: impl IntoIterator<Item = Digest>) {
        self.ids.extend(ids);
    }

    /// Adds the time of an event, for [`Batch::newest`].
    pub fn saw_event_at(&mut self, time: Option<DateTime<Utc>>) {
        self.newest = self.newest.max(time);
    }

    /// Returns the time of the newest event that the source has named.
    pub const fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest
    }

    /// Counts a skipped file, whose content is already published.
    pub const fn repeat(&mut self) {
        self.repeated += 1;
    }

    /// Adds a gap: a stretch of time whose events the collector could not fetch.
    pub fn note_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Adds a warning for the operator. The run that reports it ends with exit code 65.
    pub fn warn(&mut self, text: impl Into<String>) {
        let (text, daily) = (text.into(), None);
        self.warnings.push(Warning { text, daily });
    }

    /// Adds a warning that the collector reports at most once a day for each name.
    pub fn warn_daily(&mut self, name: &'static str, text: impl Into<String>) {
        let (text, daily) = (text.into(), Some(name));
        self.warnings.push(Warning { text, daily });
    }

    /// Returns the warnings so far.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(|warning| warning.text.as_str())
    }

    /// True if a commit would change only the position.
    pub const fn is_empty(&self) -> bool {
        self.moves.is_empty()
            && self.ids.is_empty()
            && self.gaps.is_empty()
            && self.warnings.is_empty()
    }

    /// Returns the size so far.
    pub const fn size(&self) -> Size {
        self.size
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for moved in &self.moves {
            // the next run sweeps what this leaves behind
            let _ = self
                .staging
                .disk
                .remove(&self.staging.folder.join(&moved.staged));
        }
    }
}
