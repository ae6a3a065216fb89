//! Lines that are refused alone: they are held until another line proves that they are at fault.

use super::{Sending, State};
use crate::delivery::batch::Batch;
use crate::delivery::verdict::{Fate, Trouble, Verdict};
use crate::failure::{Code, Failure};
use crate::spool;

/// The number of lines in a row whose refusal is a mistake in a setting.
const REFUSALS_IN_A_ROW: usize = 100;

/// A line that a destination has refused alone.
pub(super) struct Refused {
    batch: Batch,
    why: String,
}

impl Sending<'_, '_> {
    /// Holds a line that was refused alone, until another line proves that it is at fault.
    pub(super) fn refuse(
        &mut self,
        batch: &Batch,
        line: usize,
        why: String,
        states: &mut [State],
    ) -> Result<(), Failure> {
        states[line] = State::Refused;
        self.hold(batch, line, why);
        self.check_row(self.in_a_row)
    }

    /// Fails if so many lines in a row are refused that a setting must be wrong.
    pub(super) fn check_row(&self, refused: usize) -> Result<(), Failure> {
        if refused < REFUSALS_IN_A_ROW {
            return Ok(());
        }
        let last = self.refused.last().map_or("", |last| &last.why);
        let what = format!("refuses each of {REFUSALS_IN_A_ROW} lines in a row: {last}");
        let remedy = "correct the destination in config.toml, or its far end";
        Err(self.stopped(Code::Config, Trouble::new(what, remedy)))
    }

    pub(super) fn hold(&mut self, batch: &Batch, line: usize, why: String) {
        self.is_proved = false;
        self.in_a_row += 1;
        self.refused.push(Refused {
            batch: batch.of_one(&batch.lines()[line]),
            why,
        });
    }

    /// Sends each line that was refused alone once more, because the destination has taken another line. One that
    /// is refused again goes to the quarantine.
    pub(super) fn try_refused_again(&mut self) -> Result<(), Failure> {
        self.is_proved = false;
        let owner = format!("deliver_{}", self.name());
        for Refused { batch, .. } in std::mem::take(&mut self.refused) {
            let (line, file) = (&batch.lines()[0], batch.sources[0].queued.name.clone());
            let why = match self.attempt(&batch, &[0])? {
                Verdict::Refused(why) | Verdict::TooLarge(why) => why,
                Verdict::Each(fates) => match fates.into_iter().next() {
                    Some(Fate::Refused(why)) => why,
                    _ => continue,
                },
                _ => {
                    self.delivered.events += 1;
                    continue;
                }
            };
            let (name, offset) = (self.name(), line.offset);
            let note = format!("destination={name}\nfile={file}\noffset={offset}\nreason={why}");
            let line = (&*owner, batch.text(line));
            let path = spool::quarantine_line(self.disk, self.state, line, &note)?;
            let path = path.display();
            let text = format!("{name} refused an event of {file}: {why}; it is in {path}");
            self.kept.record.warn(text);
            self.delivered.refused += 1;
        }
        self.held_at = None;
        Ok(())
    }

    /// Decides about refused lines at the end of the outbox, when no other line follows that could prove something.
    pub(super) fn end_of_refusals(&mut self) -> Result<(), Failure> {
        let Some(last) = self.refused.last() else {
            return Ok(());
        };
        if self.has_taken {
            self.try_refused_again()?;
            self.save()?;
            self.uncovered = 0;
            return Ok(());
        }
        let count = self.refused.len();
        let what = format!("refuses all events that wait ({count}): {}", last.why);
        let remedy = "nothing to do if it passes: they are sent again with the next events";
        let correct = "correct the destination in config.toml, or its far end";
        let failure = Failure::later(self.trouble("refused"), self.sentence(&what), remedy);
        Err(failure.if_it_lasts(Code::Config, correct))
    }
}
