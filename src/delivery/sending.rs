//! The delivery to one destination in one run: sends the outbox in order, repeats what is unclear, and moves the
//! record after each confirmation.
//!
//! The rules:
//! - The record moves only over lines that the destination has, or that are in the quarantine.
//! - A line goes to the quarantine only if the destination refuses it alone and takes another line in the same
//!   run. A hundred refusals in a row are a mistake in a setting.
//! - Lines that may have arrived are sent again. The run says how many.
//! - No number of attempts and no age ends the delivery of a line. Only the limits of the outbox do.

mod attempt;
mod refusals;
mod settle;

use std::path::Path;
use std::time::Duration;

use super::Setting;
use super::batch::{Batch, Limits};
use super::queue::{Next, Queue};
use super::record::{Cursor, Kept};
use super::sender::Sender;
use super::verdict::{Again, Fate, Verdict};
use crate::clock::Clock;
use crate::config::Destination;
use crate::durable::Disk;
use crate::failure::Failure;
use crate::report::Delivered;
use crate::spool;
use refusals::Refused;

/// The fewest bytes to which the size of a batch shrinks.
const FEWEST_BYTES: usize = 1 << 10;

/// The delivery to one destination in one run.
pub struct Sending<'a, 's> {
    disk: &'a dyn Disk,
    destination: &'a Destination,
    sender: Box<dyn Sender + 'a>,
    queue: Queue<'a>,
    kept: &'s mut Kept,
    clock: Clock,
    /// The time for which a run repeats an attempt, beyond the number of the configuration.
    patience: Duration,
    /// The state folder.
    state: &'a Path,
    delivered: &'s mut Delivered,
    /// Lines that were refused alone, since the last line that was taken.
    refused: Vec<Refused>,
    /// The number of lines that were refused without a taken one between them.
    in_a_row: usize,
    /// True if a line was taken after those.
    is_proved: bool,
    /// Where the cursor stood before the first of those.
    held_at: Option<Cursor>,
    /// The number of lines that were taken and are not behind the saved cursor.
    uncovered: u64,
    /// True if the outbox has lost the files that the record names as confirmed.
    is_done_deleted: bool,
    /// True once the destination has taken a line in this run.
    has_taken: bool,
}

/// How far the cursor has moved in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    lines: usize,
    files: usize,
}

/// The state of one line of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has no clear answer.
    Waiting,
    /// It was refused alone, and nothing proves yet that it is at fault.
    Refused,
    /// The destination or the quarantine has it.
    Done,
}

impl<'a, 's> Sending<'a, 's> {
    /// Prepares the delivery. `delivered` counts what is done.
    pub fn new(
        setting: Setting<'a>,
        destination: &'a Destination,
        sender: Box<dyn Sender + 'a>,
        queue: Queue<'a>,
        kept: &'s mut Kept,
        delivered: &'s mut Delivered,
    ) -> Self {
        Self {
            disk: &**setting.disk,
            destination,
            sender,
            queue,
            kept,
            clock: setting.clock.clone(),
            patience: setting.config.run.retry_for,
            state: &setting.config.folders.state,
            delivered,
            refused: Vec::new(),
            in_a_row: 0,
            is_proved: false,
            held_at: None,
            uncovered: 0,
            is_done_deleted: true,
            has_taken: false,
        }
    }

    /// Sends everything that waits.
    ///
    /// # Errors
    /// The failure that ends the delivery for this run. What was confirmed before is saved.
    pub fn run(&mut self) -> Result<(), Failure> {
        let done = self.send_all();
        // a line that nothing proves to be at fault is sent again
        if let Some(cursor) = self.held_at.take() {
            self.kept.record.cursor = cursor;
        }
        if !self.sender.knows_repetitions() {
            self.delivered.repeated += self.uncovered;
        }
        done
    }

    fn send_all(&mut self) -> Result<(), Failure> {
        loop {
            self.clock.check()?;
            match self.queue.next(&self.kept.record, self.limits())? {
                Next::Nothing => break,
                Next::Damaged(queued, what) => self.give_up_damaged(&queued, what)?,
                Next::Batch(batch) => self.deliver(&batch)?,
            }
        }
        self.end_of_refusals()
    }

    /// Returns the limits of the next batch.
    fn limits(&self) -> Limits {
        let mut limits = self.sender.limits();
        if let Some(most) = self.kept.record.most_bytes {
            limits.bytes = limits.bytes.min(most);
        }
        limits
    }

    /// Sends a batch until each line is delivered or refused.
    fn deliver(&mut self, batch: &Batch) -> Result<(), Failure> {
        if self.kept.record.in_flight.is_none() && !self.sender.knows_repetitions() {
            self.kept.record.in_flight = Some(self.sender.most_lines() as u64);
            self.kept.save()?;
        }
        let mut states = vec![State::Waiting; batch.lines().len()];
        let mut work = vec![(0..states.len()).collect::<Vec<_>>()];
        let mut place = Place::default();
        if states.is_empty() {
            return self.settle(batch, &mut states, &mut place);
        }
        while let Some(lines) = work.pop() {
            self.clock.check()?;
            let verdict = self.attempt(batch, &lines)?;
            let is_single = lines.len() == 1;
            match verdict {
                Verdict::Delivered => self.take(&lines, &mut states),
                Verdict::Each(fates) => {
                    let again = self.take_each(batch, &lines, fates, &mut states)?;
                    // those that may have arrived go alone, so that no other answer makes them unclear again
                    work.extend(again.into_iter().filter(|lines| !lines.is_empty()));
                }
                Verdict::TooLarge(why) | Verdict::Refused(why) if is_single => {
                    self.refuse(batch, lines[0], why, &mut states)?;
                }
                Verdict::TooLarge(_) => {
                    let bytes = batch.part(&lines).bytes() / 2;
                    self.kept.record.most_bytes = Some(bytes.max(FEWEST_BYTES));
                    halve(&mut work, lines);
                }
                Verdict::Refused(_) => halve(&mut work, lines),
                _ => unreachable!("an attempt ends with another verdict"),
            }
            self.settle(batch, &mut states, &mut place)?;
        }
        Ok(())
    }

    fn take(&mut self, lines: &[usize], states: &mut [State]) {
        for line in lines {
            states[*line] = State::Done;
        }
        self.has_taken |= !lines.is_empty();
        self.uncovered += lines.len() as u64;
        if !lines.is_empty() {
            self.in_a_row = 0;
        }
        self.is_proved |= !lines.is_empty() && !self.refused.is_empty();
        self.delivered.events += lines.len() as u64;
    }

    /// Takes the fates of single lines. Returns the lines that have to be sent again: those that cannot have arrived,
    /// and those that may have.
    fn take_each(
        &mut self,
        batch: &Batch,
        lines: &[usize],
        fates: Vec<Fate>,
        states: &mut [State],
    ) -> Result<[Vec<usize>; 2], Failure> {
        let [mut later, mut unclear] = [Vec::new(), Vec::new()];
        let mut longest = 0;
        for (line, fate) in lines.iter().zip(fates) {
            match fate {
                Fate::Delivered => self.take(&[*line], states),
                Fate::Refused(why) => {
                    states[*line] = State::Refused;
                    self.hold(batch, *line, why);
                    longest = longest.max(self.in_a_row);
                }
                Fate::Again(Again::Later(_)) => later.push(*line),
                Fate::Again(Again::Unknown(_)) => unclear.push(*line),
            }
        }
        if !self.sender.knows_repetitions() {
            self.delivered.repeated += unclear.len() as u64;
        }
        self.check_row(longest)?;
        Ok([later, unclear])
    }

    /// Gives up a file that another program has changed or deleted.
    fn give_up_damaged(&mut self, queued: &spool::Queued, what: &str) -> Result<(), Failure> {
        let text = format!(
            "{}: another program has {what} {} in the outbox, so it was not delivered: if it is still \
             published, see `verify`",
            self.name(),
            queued.name
        );
        self.kept.record.warn(text);
        let cursor = &mut self.kept.record.cursor;
        if std::mem::take(&mut self.is_done_deleted) {
            cursor.done.clear();
        }
        cursor.finish(queued);
        match self.refused.is_empty() {
            true => self.save(),
            false => Ok(()),
        }
    }

    fn name(&self) -> &str {
        &self.destination.name
    }

    fn trouble(&self, kind: &str) -> String {
        format!("delivery {} {kind}", self.name())
    }

    fn sentence(&self, what: &str) -> String {
        format!("while delivering to {}: {what}", self.name())
    }
}

/// Puts both halves of some lines on the stack, the first on top.
fn halve(work: &mut Vec<Vec<usize>>, mut lines: Vec<usize>) {
    let second = lines.split_off(lines.len() / 2);
    work.push(second);
    work.push(lines);
}
