//! The end of a run: warns if the clocks differ, deletes old files, hands over the data folder.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::Collection;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::spool::{Spool, SpoolError, prune::Pruned};

/// Files are deleted only if the two clocks differ by at most this.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(10);
/// The name of the trouble that the clocks are days apart.
const CLOCKS: &str = "clocks";

impl Collection<'_> {
    /// Ends a run after all streams, and deletes old files.
    ///
    /// # Errors
    /// The most urgent failure of a single stream.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.check_clocks();
        let worst = self.worst_trouble();
        // prune if any stream is complete, so that a lasting trouble of another does not fill the disk
        if !self.drained.is_empty() {
            self.prune()?;
        }
        worst.map_or(Ok(()), Err)
    }

    /// Returns the time by which old files were deleted, or `None` if the run deleted none.
    pub fn pruned_at(&self) -> Option<DateTime<Utc>> {
        self.pruned_at
    }

    /// Returns the number of runs in a row in which the clocks were days apart. The first stream by
    /// name counts them.
    pub(super) fn runs_with_clocks_apart(&self) -> u32 {
        let lead = self.spools.values().next();
        lead.map_or(0, |lead| lead.runs_with(CLOCKS))
    }

    /// Warns the operator if the clocks are days apart. That is a trouble once it lasts.
    fn check_clocks(&mut self) {
        let present = self.context.clock.present();
        let Some(apart) = present.apart else { return };
        let Some(lead) = self.spools.values_mut().next() else {
            return;
        };
        let runs = self.clocks_apart + 1;
        let what = days_apart(apart);
        if runs == 1 && !present.is_host_wrong {
            lead.warn(what.clone());
        }
        if let Err(other) = lead.count_trouble(CLOCKS, runs, present.earliest) {
            warn!(%other, "could not save that the clocks differ");
        }
        let remedy = "set this host's clock; if it is right, report it to Mimecast";
        let failure = Failure::later(CLOCKS, what, remedy).if_it_lasts(Code::Config, remedy);
        let failure = failure.after(runs);
        if failure.code == Code::Config {
            self.troubles.push(failure);
        }
    }

    fn prune(&mut self) -> Result<(), SpoolError> {
        if self.context.range.is_some() {
            return Ok(()); // the folder of a replay belongs to a person
        }
        let (now, skew) = (self.now(), self.context.clock.skew());
        if skew.is_none_or(|skew| skew.abs() > SKEW_LIMIT) {
            let text = "nothing was deleted: this host's clock does not agree with Mimecast's";
            self.report.notes.push(text.to_owned());
            warn!(?skew, "{text}");
            return Ok(());
        }
        let retention = &self.context.config.retention;
        let mut pruned = Pruned::default();
        let spools = || self.spools.values();
        let published: HashSet<String> = spools()
            .flat_map(|spool| spool.published_now().cloned())
            .collect();
        if let Some(spool) = spools().next() {
            pruned = pruned + spool.prune_published(now, days(retention.data), &published)?;
        }
        for spool in spools() {
            pruned = pruned + spool.prune_quarantine(now, days(retention.quarantine))?;
        }
        self.report.pruned(pruned);
        let (removed, kept) = (pruned.removed, pruned.kept);
        info!(removed, kept, "deleted old files");
        self.pruned_at = Some(now);
        Ok(())
    }

    /// Hands the data folder over to the next run, and adds the untold warnings to the report.
    ///
    /// # Errors
    /// The failure of the first stream that cannot be handed over. The other streams are handed over.
    pub fn hand_over(&mut self) -> Result<(), SpoolError> {
        let latest = self.context.clock.present().latest;
        let mut handed_over = Ok(());
        for spool in self.spools.values_mut() {
            let this = spool.hand_over(latest);
            let this =
                this.inspect_err(|error| warn!(%error, "could not hand over the data folder"));
            handed_over = handed_over.and(this);
            self.report.warnings.extend(spool.untold());
        }
        handed_over
    }

    /// Returns the report, and the streams whose warnings are not told yet.
    pub fn into_report(self) -> (Report, Untold) {
        let now = self.context.clock.present();
        // the others are free for the next run while this one delivers
        let spools = self
            .spools
            .into_values()
            .filter(Spool::has_untold)
            .collect();
        let untold = Untold {
            spools,
            now: Some(now.earliest),
        };
        (self.report, untold)
    }
}

/// The streams of a finished run, with warnings that the operator has not read yet.
#[derive(Default)]
pub struct Untold {
    spools: Vec<Spool>,
    now: Option<DateTime<Utc>>,
}

impl Untold {
    /// Deletes all warnings. Call it once they have been told.
    pub fn forget(&mut self) {
        let Some(now) = self.now else { return };
        for spool in &mut self.spools {
            if let Err(error) = spool.forget_told(now) {
                warn!(%error, "could not delete warnings that were told: they may be told again");
            }
        }
    }
}

/// Describes the difference of the clocks in one sentence.
fn days_apart(apart: TimeDelta) -> String {
    let hours = apart.num_hours().abs();
    let way = if apart > TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let span = if hours < 72 {
        format!("{hours} hours")
    } else {
        format!("{} days", hours / 24)
    };
    format!("this host's clock is {span} {way} Mimecast's: one of the two is wrong")
}

/// Returns the whole days of a duration.
pub fn days(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs() / (24 * 60 * 60)).unwrap_or(u32::MAX)
}
