//! The record follows what the destination has confirmed.

use super::{Place, Sending, State};
use crate::delivery::batch::Batch;
use crate::delivery::record::Open;
use crate::failure::Failure;

impl Sending<'_, '_> {
    /// Moves the record over the lines that need no more attention. Behind a line that is held, it moves in memory
    /// alone.
    pub(super) fn settle(
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
    pub(super) fn move_over(
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
    pub(super) fn move_to(&mut self, batch: &Batch, lines: usize, place: &mut Place) -> bool {
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
    pub(super) fn save(&mut self) -> Result<(), Failure> {
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
}
