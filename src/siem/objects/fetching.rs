//! Fetches the objects of the page in hand, one after another.

use tracing::info;

use super::damaged::SecondCopy;
use super::missing::{Evidence, Reason, Verdict, verdict};
use super::page_in_hand::{ListedObject, OddBytes};
use super::unpack::{self, FirstBytes, ObjectFault};
use super::{Batch, FetchError, ObjectStream, Scratch, Scratches, Spool, Step};
use crate::api::ApiError;
use crate::api::objects::{Address, Objects};
use crate::event_time::event_time;
use crate::failure::Failure;
use crate::spool::{Digest, Extension, Gap, Part};

/// The number of times that one run lists pages again for new addresses.
const RELISTS: u32 = 3;
/// The failures in a row after which the store counts as silent, if it has returned no object in this run.
const MISSES: u32 = 5;

impl ObjectStream {
    /// True if the page has no more objects, or the store seems to return none at all.
    pub(super) fn is_page_done(&self) -> bool {
        let is_silent = self.misses >= MISSES && !self.kind.store_seen.get();
        is_silent || self.page.as_ref().is_none_or(|page| page.queue.is_empty())
    }

    /// Adds the next object of the page to the batch, or marks it as failed.
    ///
    /// # Errors
    /// A failure that concerns all objects, or this host.
    pub(super) fn fetch_next(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let page = self.page.as_mut().expect("a page is in hand");
        let Some(listed) = page.queue.pop_front() else {
            return Ok(());
        };
        // the first object of the queue is always the one that is being fetched
        let error = match self.prefetch.take() {
            Ok(raw) => return self.add_to_batch(spool, batch, listed, raw),
            Err(FetchError::Spool(error)) => return Err(error.into()),
            Err(FetchError::Api(error)) => error,
        };
        let Some(reason) = Reason::of(&error) else {
            page.queue.push_front(listed);
            return Err(error.into());
        };
        if matches!(error, ApiError::Lapsed | ApiError::Gone)
            && self.relists < RELISTS
            && self.kind.budget.take()
        {
            page.queue.push_front(listed);
            return self.relist(spool, batch);
        }
        info!(kind = self.kind.name, %error, "an object cannot be fetched");
        if matches!(error, ApiError::SlowDown(_)) {
            // two requests to slow down without an object between them concern all objects
            let was_slowed = std::mem::replace(&mut self.is_slowed, true);
            if was_slowed {
                page.queue.push_front(listed);
                return Err(error.into());
            }
        }
        self.note_failed(spool, listed, reason);
        self.last_error = Some(error);
        Ok(())
    }

    /// Lists the page in hand again, because an address may have expired.
    fn relist(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        self.relists += 1;
        let page = self.page.as_ref().expect("a page is in hand");
        let (key, purpose) = (page.key.clone(), page.purpose.clone());
        info!(
            kind = self.kind.name,
            "the store refused an address or does not have its object: listing the page again"
        );
        match self.list_page(&key) {
            Ok(page) => self.take_in_hand(page, (key, purpose), spool, batch),
            Err(ApiError::PositionRefused) => {
                self.fail_unfetched();
                self.step = Step::Leave;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Marks the objects that are not fetched yet as failed, because Mimecast refuses their list.
    fn fail_unfetched(&mut self) {
        let Some(page) = &mut self.page else { return };
        for listed in std::mem::take(&mut page.queue) {
            page.fail(listed.place, Reason::PageRefused, None);
        }
    }

    /// Unpacks an object that has arrived, and adds its lines to the batch.
    fn add_to_batch(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        listed: ListedObject,
        mut raw: Scratch,
    ) -> Result<(), Failure> {
        let odd = match unpack::first_bytes(&mut raw)? {
            FirstBytes::Empty => Some(Reason::Empty),
            FirstBytes::Gzip => None,
            FirstBytes::Foreign if unpack::lines_of_type(&mut raw, self.kind.name)? => None,
            FirstBytes::Foreign => Some(Reason::Foreign),
        };
        if let Some(reason) = odd {
            return self.handle_odd(spool, batch, listed, (reason, raw));
        }
        self.is_slowed = false;
        self.misses = 0;
        let page = self.page.as_mut().expect("a page is in hand");
        page.is_fresh = false;
        self.prefetch_first(spool);
        let mut part = batch.part()?;
        let part = match self.unpack(&mut raw, &mut part)? {
            None => Some(part),
            Some(fault) => {
                match self.check_second_copy(spool, batch, &listed, (raw, part, fault))? {
                    SecondCopy::Lines(part) => Some(*part),
                    SecondCopy::GivenUp => None,
                    SecondCopy::Undecided => return Ok(()),
                }
            }
        };
        if let Some(part) = part {
            self.kind.store_seen.set();
            let stem = format!("{}_{}", self.kind.stem, listed.address.stem());
            batch.saw_event_at(part.last_line().and_then(event_time));
            batch.add(part, &stem, Extension::Json)?;
        }
        self.finish_object(batch, &listed.place);
        Ok(())
    }

    /// Marks an object as finished, so that no run fetches it again.
    pub(super) fn finish_object(&mut self, batch: &mut Batch, place: &str) {
        let id = Digest::of(place.as_bytes());
        batch.remember([id]);
        self.taken.insert(id);
        self.position.settle(place);
    }

    /// Moves an odd object to the end of the page for a second attempt, because the others show whether
    /// the store returns objects. After the second attempt, it is a gap or has failed.
    fn handle_odd(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        mut listed: ListedObject,
        (reason, mut raw): (Reason, Scratch),
    ) -> Result<(), Failure> {
        let digest = raw.fingerprint().map_err(ApiError::Sink)?;
        let arrived = OddBytes { reason, digest };
        let page = self.page.as_mut().expect("a page is in hand");
        match listed.first.replace(arrived.clone()) {
            None => page.queue.push_back(listed),
            Some(first) => {
                let raw = (reason == Reason::Foreign).then_some(raw);
                self.decide_odd(spool, batch, listed, (reason, raw, first == arrived))?;
            }
        }
        self.continue_after_miss(spool);
        Ok(())
    }

    /// Decides about an odd object after its second attempt. A gap is recorded while the bytes are at hand,
    /// because a page keeps those of a few failed objects only. Any other object has failed.
    fn decide_odd(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        listed: ListedObject,
        (reason, raw, is_same_again): (Reason, Option<Scratch>, bool),
    ) -> Result<(), Failure> {
        let page = self.page.as_mut().expect("a page is in hand");
        let failed_before = self.position.runs_failed(&listed.place);
        let evidence = Evidence {
            store_returned_others: self.kind.store_seen.get(),
            is_fresh: page.is_fresh,
            is_silent_for_long: false, // decides only about objects that the store does not have
            is_same_again,
        };
        if verdict(reason, failed_before, evidence) == Verdict::Gap {
            return self.give_up(spool, batch, &listed.place, (reason, raw));
        }
        page.fail(listed.place, reason, raw);
        if let Some(failed) = page.failed.last_mut() {
            failed.is_same_again = is_same_again;
        }
        Ok(())
    }

    /// Marks an object as failed. `leave` decides later if it becomes a gap or is owed.
    fn note_failed(&mut self, spool: &Spool, listed: ListedObject, reason: Reason) {
        let page = self.page.as_mut().expect("a page is in hand");
        page.fail(listed.place, reason, None);
        self.continue_after_miss(spool);
    }

    /// Continues after a failure. While the store has returned no object, the collector tries the
    /// other end of the page. Bad objects are often neighbours.
    fn continue_after_miss(&mut self, spool: &Spool) {
        self.misses += 1;
        let page = self.page.as_mut().expect("a page is in hand");
        let is_first_time = |listed: &&ListedObject| listed.first.is_none();
        if !self.kind.store_seen.get() && page.queue.back().filter(is_first_time).is_some() {
            page.queue.rotate_right(1);
        }
        self.prefetch_first(spool);
    }

    /// Unpacks an object into `part`. Returns its fault if it is damaged.
    ///
    /// # Errors
    /// The failure of this host.
    pub(super) fn unpack(
        &self,
        raw: &mut Scratch,
        part: &mut Part,
    ) -> Result<Option<ObjectFault>, Failure> {
        Ok(unpack::unpack(raw, part, self.aliases, &self.clock)?)
    }

    /// Returns the gap of an object.
    pub(super) fn gap(&self, spool: &Spool, place: &str, reason: &dyn std::fmt::Display) -> Gap {
        let from = spool.last_success().or_else(|| spool.began());
        let reason = format!("object {place} could not be collected: {reason}");
        Gap::of(from, self.now(), reason)
    }
}

/// Fetches an object into a scratch file.
///
/// # Errors
/// The error of the store, of the network or of the disk.
pub(super) fn fetch(
    objects: &Objects,
    address: &Address,
    scratches: &Scratches,
) -> Result<Scratch, FetchError> {
    let mut raw = scratches.make().map_err(FetchError::Spool)?;
    objects.fetch(address, &mut raw).map_err(FetchError::Api)?;
    Ok(raw)
}
