//! Where a run begins, and what is known to be published from there on.

use chrono::TimeDelta;

use super::plan::Progress;
use super::published::{self, Published};
use super::script_lines::ScriptLines;
use crate::collect::Context;
use crate::failure::{Code, Failure};
use crate::spool::Spool;

/// The beginning of a run.
pub(super) struct Beginning {
    pub(super) place: Progress,
    pub(super) published: Published,
    /// Warnings that are added to the first batch.
    pub(super) warnings: Vec<String>,
}

impl Beginning {
    /// Returns the spool's position. If the state was lost or is older than the published files, it is the end
    /// of the newest file.
    ///
    /// # Errors
    /// A [`Failure`] if the position cannot be read.
    pub(super) fn of(context: &Context, spool: &Spool) -> Result<Self, Failure> {
        let audit = &context.config.audit;
        let mut warnings = Vec::new();
        let mut place = match spool.position() {
            Some(text) => Progress::read(text).ok_or_else(unreadable)?,
            None => Progress::default(),
        };
        let mut published = Published::default();
        let is_first = spool.position().is_none();
        if is_first || spool.is_resumed() {
            let end = published::newest_end(spool, context.clock.now())?;
            if let Some(end) = end.filter(|end| Some(*end) > place.reached) {
                let overlap = TimeDelta::from_std(audit.overlap).unwrap_or_default();
                published = Published::since(spool, end - overlap)?;
                warnings.push(published::resumed(end));
                place = Progress {
                    reached: Some(end),
                    ..Progress::default()
                };
            }
        }
        if spool.is_resumed() {
            let overlap = TimeDelta::from_std(audit.overlap).unwrap_or_default();
            let from = place.reached.map(|reached| reached - overlap);
            published.of_scripts = ScriptLines::since(spool, from)?;
        }
        Ok(Self {
            place,
            published,
            warnings,
        })
    }
}

pub(super) fn unreadable() -> Failure {
    let what = "the audit state contains a position that is not a time";
    let remedy = "move the state file away: collection then continues at the end of the newest published file";
    Failure::new(Code::Config, what, remedy)
}
