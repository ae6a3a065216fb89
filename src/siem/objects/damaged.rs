//! Damaged objects: fetches a second copy, and decides by both.

use tracing::warn;

use super::fetching::fetch;
use super::missing::Reason;
use super::page_in_hand::ListedObject;
use super::unpack::{self, FirstBytes, ObjectFault};
use super::{Batch, FetchError, ObjectStream, Scratch, Spool};
use crate::failure::Failure;
use crate::siem::second_copy::{self, Comparison};
use crate::spool::Part;

/// The decision about a damaged object.
pub(super) enum SecondCopy {
    /// Its lines are good. Bytes behind the last event are in quarantine.
    Lines(Box<Part>),
    /// Both copies have the same damage: the bytes are in quarantine, and the object is a gap.
    GivenUp,
    /// The object has failed, and the page decides about it when it is left.
    Undecided,
}

impl ObjectStream {
    /// Fetches a damaged object again, and decides by both copies.
    ///
    /// # Errors
    /// A failure that concerns all objects, or this host.
    pub(super) fn check_second_copy(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        listed: &ListedObject,
        (mut raw, part, fault): (Scratch, Part, ObjectFault),
    ) -> Result<SecondCopy, Failure> {
        warn!(
            kind = self.kind.name,
            fault = fault.what,
            "an object does not verify: fetching it again"
        );
        let fetched = fetch(&self.kind.objects, &listed.address, &spool.scratches());
        let mut again = match fetched {
            Ok(again) => again,
            Err(FetchError::Spool(error)) => return Err(error.into()),
            Err(FetchError::Api(error)) if Reason::of(&error).is_none() => {
                return Err(error.into());
            }
            Err(FetchError::Api(_)) => {
                self.note_damage(listed, raw);
                return Ok(SecondCopy::Undecided);
            }
        };
        let mut second = batch.part()?;
        let second_fault = match unpack::first_bytes(&mut again)? {
            FirstBytes::Gzip => self.unpack(&mut again, &mut second)?,
            FirstBytes::Empty | FirstBytes::Foreign => {
                Some(ObjectFault::of("it is not a gzip file"))
            }
        };
        let is_whole = second_fault.as_ref().is_none_or(|fault| fault.is_behind);
        match second_copy::compare(&mut raw, &mut again, is_whole)? {
            Comparison::Second => {
                if let Some(fault) = second_fault {
                    self.quarantine(spool, batch, listed, (&mut again, &fault.what))?;
                }
                Ok(SecondCopy::Lines(Box::new(second)))
            }
            Comparison::Same => {
                self.quarantine(spool, batch, listed, (&mut raw, &fault.what))?;
                if fault.is_behind {
                    return Ok(SecondCopy::Lines(Box::new(part)));
                }
                batch.note_gap(self.gap(spool, &listed.place, &fault.what));
                Ok(SecondCopy::GivenUp)
            }
            Comparison::Differs => {
                self.note_damage(listed, raw);
                Ok(SecondCopy::Undecided)
            }
        }
    }

    /// Marks a damaged object as failed, and keeps its bytes.
    fn note_damage(&mut self, listed: &ListedObject, raw: Scratch) {
        let page = self.page.as_mut().expect("a page is in hand");
        page.fail(listed.place.clone(), Reason::Damaged, Some(raw));
    }

    /// Quarantines bytes that the collector cannot read as events, and warns the operator.
    fn quarantine(
        &self,
        spool: &Spool,
        batch: &mut Batch,
        listed: &ListedObject,
        (raw, fault): (&mut Scratch, &str),
    ) -> Result<(), Failure> {
        let place = &listed.place;
        let kept = spool.quarantine(raw, &format!("object: {place}\nfault: {fault}"))?;
        batch.warn(format!(
            "an object of {} is damaged ({fault}); its bytes are kept in {}",
            self.kind.name,
            kept.display()
        ));
        Ok(())
    }
}
