//! The delivery to one destination in one run: sends the outbox in order, repeats what is unclear, and moves the
//! record after each confirmation.
//!
//! The rules:
//! - The record moves only over lines that the destination has, or that are in the quarantine.
//! - A line goes to the quarantine only if the destination refuses it alone and takes another line in the same
//!   run. A hundred refusals in a row are a mistake in a setting.
//! - Lines that may have arrived are sent again. The run says how many.
//! - No number of attempts and no age ends the delivery of a line. Only the limits of the outbox do.

use std::path::Path;
use std::time::Duration;

use tracing::{info, warn};

use super::Setting;
use super::batch::{Batch, Limits};
use super::queue::{LINE_LIMIT, Next, Queue};
use super::record::{Cursor, Kept, Open};
use super::sender::Sender;
use super::verdict::{Again, Fate, Trouble, Verdict};
use crate::clock::Clock;
use crate::config::Destination;
use crate::durable::Disk;
use crate::failure::{Code, Failure};
use crate::report::Delivered;
use crate::spool;

/// The number of lines in a row whose refusal is a mistake in a setting.
const REFUSALS_IN_A_ROW: usize = 100;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
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

/// A line that a destination has refused alone.
struct Refused {
    batch: Batch,
    why: String,
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

    /// Sends lines until the answer is clear. Waits between attempts.
    fn attempt(&mut self, batch: &Batch, lines: &[usize]) -> Result<Verdict, Failure> {
        if let [line] = lines
            && batch.text(&batch.lines()[*line]).len() as u64 >= LINE_LIMIT
        {
            let why = format!("it is longer than {} MiB", LINE_LIMIT >> 20);
            return Ok(Verdict::Refused(why));
        }
        let (mut attempts, begun) = (0, self.clock.elapsed());
        let (mut unclear, mut counted) = (0, 0);
        loop {
            let verdict = self.sender.send(batch.part(lines));
            for remark in self.sender.remarks() {
                self.kept.record.warn(format!("{}: {remark}", self.name()));
            }
            let (why, asked) = match verdict {
                Verdict::Each(fates) if fates.iter().all(Fate::is_again) => {
                    unclear = fates.iter().filter(|fate| fate.is_unknown()).count();
                    (first_reason(fates), None)
                }
                Verdict::Delivered
                | Verdict::Each(_)
                | Verdict::Refused(_)
                | Verdict::TooLarge(_) => return Ok(verdict),
                Verdict::Denied(trouble) => return Err(self.stopped(Code::Denied, trouble)),
                Verdict::Misconfigured(trouble) => {
                    return Err(self.stopped(Code::Config, trouble));
                }
                Verdict::NotUnderstood(why) => {
                    let remedy =
                        "check that the address is that of such a destination; else report it";
                    return Err(self.stopped(Code::NotUnderstood, Trouble::new(why, remedy)));
                }
                Verdict::SlowDown(asked, why) => (why, asked),
                Verdict::Broken(why) => (why, None),
                Verdict::Unknown(why) => {
                    unclear = lines.len();
                    (why, None)
                }
            };
            if unclear > counted && !self.sender.knows_repetitions() {
                self.delivered.repeated += (unclear - counted) as u64;
                counted = unclear;
            }
            self.clock.check()?; // a signal explains a broken connection
            attempts += 1;
            let wait = asked.unwrap_or_else(|| self.wait(attempts));
            let spent = self.clock.elapsed().saturating_sub(begun);
            let may_repeat = attempts <= self.destination.network.retries
                || spent.saturating_add(wait) < self.patience;
            let fits = wait < self.clock.left() && wait <= self.patience.max(LONGEST_WAIT);
            warn!(destination = self.name(), why, attempts, "not delivered");
            if !may_repeat || !fits {
                return Err(self.postponed(why, asked));
            }
            self.delivered.retries += 1;
            self.clock.sleep(wait)?;
        }
    }

    /// Returns the wait before the next attempt: doubled each time, with chance in it.
    fn wait(&self, attempts: u32) -> Duration {
        let first = self.destination.network.retry_wait;
        let doubled =
            first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1).min(16)));
        doubled
            .min(LONGEST_WAIT)
            .mul_f64(0.5 + fastrand::f64() / 2.0)
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

    /// Holds a line that was refused alone, until another line proves that it is at fault.
    fn refuse(
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
    fn check_row(&self, refused: usize) -> Result<(), Failure> {
        if refused < REFUSALS_IN_A_ROW {
            return Ok(());
        }
        let last = self.refused.last().map_or("", |last| &last.why);
        let what = format!("refuses each of {REFUSALS_IN_A_ROW} lines in a row: {last}");
        let remedy = "correct the destination in config.toml, or its far end";
        Err(self.stopped(Code::Config, Trouble::new(what, remedy)))
    }

    fn hold(&mut self, batch: &Batch, line: usize, why: String) {
        self.is_proved = false;
        self.in_a_row += 1;
        self.refused.push(Refused {
            batch: batch.of_one(&batch.lines()[line]),
            why,
        });
    }

    /// Moves the record over the lines that need no more attention. Behind a line that is held, it moves in memory
    /// alone.
    fn settle(
        &mut self,
        batch: &Batch,
        states: &mut [State],
        place: &mut Place,
    ) -> Result<(), Failure> {
        if self.held_at.is_none() {
            self.move_over(batch, states, place)?;
        }
        if self.refused.is_empty() {
            return Ok(());
        }
        let cursor = &self.kept.record.cursor;
        self.held_at.get_or_insert_with(|| cursor.clone());
        if self.is_proved {
            self.try_refused_again()?;
            let refused = states.iter_mut().filter(|state| **state == State::Refused);
            refused.for_each(|state| *state = State::Done);
            return self.move_over(batch, states, place);
        }
        let known = states.iter().take_while(|state| **state != State::Waiting);
        self.move_to(batch, known.count(), place);
        Ok(())
    }

    /// Moves the record over the first lines that are done.
    fn move_over(
        &mut self,
        batch: &Batch,
        states: &[State],
        place: &mut Place,
    ) -> Result<(), Failure> {
        let is_done = |state: &&State| **state == State::Done;
        let lines = states.iter().take_while(is_done).count();
        if self.move_to(batch, lines, place) || self.uncovered > 0 && lines > 0 {
            self.save()?;
        }
        self.uncovered = states[lines..].iter().filter(is_done).count() as u64;
        Ok(())
    }

    /// Moves the cursor before a line of a batch. Returns false if it is there.
    fn move_to(&mut self, batch: &Batch, lines: usize, place: &mut Place) -> bool {
        let next = batch.lines().get(lines);
        let last = batch.sources.len() - 1;
        let (source, offset) = next.map_or((last, batch.end), |line| (line.source, line.offset));
        let is_whole = next.is_none() && batch.sources[last].is_complete;
        let files = if is_whole { last + 1 } else { source };
        if (Place { lines, files }) == *place {
            return false;
        }
        let cursor = &mut self.kept.record.cursor;
        if std::mem::take(&mut self.is_done_deleted) {
            cursor.done.clear();
        }
        for file in &batch.sources[place.files..files] {
            cursor.finish(&file.queued);
            self.delivered.files += 1;
        }
        if !is_whole && offset > 0 {
            let name = batch.sources[source].queued.file_name();
            cursor.open = Some(Open { name, offset });
        }
        *place = Place { lines, files };
        true
    }

    /// Saves the record, then deletes the confirmed files.
    fn save(&mut self) -> Result<(), Failure> {
        let record = &mut self.kept.record;
        if self.has_taken {
            record.confirmed_at = Some(self.clock.now());
            (record.behind_since, record.hindrance) = (None, None);
        }
        self.kept.save()?;
        for name in &self.kept.record.cursor.done {
            self.queue.remove(name)?;
        }
        if !self.kept.record.cursor.done.is_empty() {
            self.queue.sync()?;
        }
        self.is_done_deleted = true;
        Ok(())
    }

    /// Sends each line that was refused alone once more, because the destination has taken another line. One that
    /// is refused again goes to the quarantine.
    fn try_refused_again(&mut self) -> Result<(), Failure> {
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
    fn end_of_refusals(&mut self) -> Result<(), Failure> {
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

    /// Returns the failure that a person has to mend.
    fn stopped(&self, code: Code, trouble: Trouble) -> Failure {
        let mut failure = Failure::new(code, self.sentence(&trouble.what), trouble.remedy);
        failure.trouble = self.trouble(code.kind());
        failure
    }

    /// Returns the failure that a later run makes up for.
    fn postponed(&mut self, why: String, asked: Option<Duration>) -> Failure {
        if let Some(asked) = asked {
            let until = chrono::TimeDelta::from_std(asked).ok();
            self.kept.record.not_before = until.map(|wait| self.clock.now() + wait);
        }
        info!(destination = self.name(), why, "delivery is postponed");
        let remedy = "nothing to do if it passes: the next run continues";
        Failure::later(self.trouble("unreachable"), self.sentence(&why), remedy)
    }
}

/// Returns why the first of some lines has to be sent again.
fn first_reason(fates: Vec<Fate>) -> String {
    let reason = fates.into_iter().find_map(|fate| match fate {
        Fate::Again(Again::Later(why) | Again::Unknown(why)) => Some(why),
        _ => None,
    });
    reason.unwrap_or_default()
}

/// Puts both halves of some lines on the stack, the first on top.
fn halve(work: &mut Vec<Vec<usize>>, mut lines: Vec<usize>) {
    let second = lines.split_off(lines.len() / 2);
    work.push(second);
    work.push(lines);
}
