//! Published lines, for a run whose state was lost or is older than the published files.
//!
//! Such a run does not know the ids of the newest events, but their lines are in the published
//! files. A line is skipped as many times as it was published. Equal lines are interchangeable, so
//! no event is lost.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};

use chrono::{DateTime, TimeDelta, Utc};

use super::plan;
use super::script_lines::ScriptLines;
use super::taken::words;
use crate::spool::{Digest, Spool, SpoolError};

/// The number of times that each line was published and not yet skipped.
#[derive(Debug, Default)]
pub(super) struct Published {
    lines: HashMap<Digest, u32>,
    /// The lines of the retired Python scripts.
    pub(super) of_scripts: ScriptLines,
}

impl Published {
    /// Reads the files of all windows that end at `from` or later.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the folder or a file cannot be read.
    pub(super) fn since(spool: &Spool, from: DateTime<Utc>) -> Result<Self, SpoolError> {
        let mut lines = HashMap::new();
        for name in spool.published_names()? {
            if plan::of_name(&name).is_none_or(|(_, to)| to < from) {
                continue;
            }
            let Some(file) = spool.read_published(&name)? else {
                continue; // an agent has removed it
            };
            let mut file = BufReader::new(file);
            let mut line = Vec::new();
            let failed = |error| spool.failed_to_read(&name, error);
            while file.read_until(b'\n', &mut line).map_err(failed)? > 0 {
                *lines.entry(Digest::of(&line)).or_insert(0) += 1;
                line.clear();
            }
        }
        Ok(Self {
            lines,
            of_scripts: ScriptLines::default(),
        })
    }

    /// True if the line, with its line break, was published and must be skipped. Counts down.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        if self.lines.is_empty() {
            return false;
        }
        let left = self
            .lines
            .get_mut(&Digest::of(line))
            .filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

/// Returns the newest end of a window in the names of published files. Ignores ends more than a day in the
/// future, because a clock was wrong when they were published.
///
/// # Errors
/// [`SpoolError::Disk`] if the folder cannot be read.
pub(super) fn newest_end(
    spool: &Spool,
    present: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, SpoolError> {
    let names = spool.published_names()?;
    let ends = names.iter().filter_map(plan::of_name).map(|(_, to)| to);
    Ok(ends.filter(|to| *to <= present + TimeDelta::days(1)).max())
}

/// Returns the warning after lost or old state: where collection continues, and which events can repeat.
pub(super) fn resumed(end: DateTime<Utc>) -> String {
    format!(
        "collection of audit events continues at the end of the newest published file, {}: earlier events \
         may be written again if an agent has removed their file",
        words(end)
    )
}
