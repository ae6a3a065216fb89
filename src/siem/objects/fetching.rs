//! Fetches the objects of the page in hand, one after another.

use tracing::{info, warn};

use super::missing::Reason;
use super::page_in_hand::{ListedObject, OddBytes};
use super::unpack::{self, FirstBytes, ObjectFault};
use super::{Batch, FetchError, ObjectStream, Scratch, Scratches, Spool, Step};
use crate::api::ApiError;
use crate::api::objects::{Address, Objects};
use crate::event_time::event_time;
use crate::failure::Failure;
use crate::siem::second_copy::{self, Comparison};
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

    /// Adds the next object of the page to the batch, or records that it could not be fetched.
    pub(super) fn store_next(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let fetched = self.prefetch.take();
        let page = self.page.as_mut().expect("a page is in hand");
        let Some(listed) = page.queue.pop_front() else {
            return Ok(());
        };
        let error = match fetched {
            Ok(raw) => return self.arrived(spool, batch, listed, raw),
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
        if matches!(error, ApiError::SlowDown(_)) && std::mem::replace(&mut self.is_slowed, true) {
            page.queue.push_front(listed);
            return Err(error.into()); // this concerns all objects
        }
        self.put_off(spool, listed, reason);
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
            "an address has expired: listing the page again"
        );
        match self.list_page(&key) {
            Ok(page) => self.take_in_hand(page, (key, purpose), spool, batch),
            Err(ApiError::PositionRefused) => {
                self.refuse_page();
                self.step = Step::Leave;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Marks all objects of the page as failed, because Mimecast refuses its list.
    pub(super) fn refuse_page(&mut self) {
        let Some(page) = &mut self.page else { return };
        for listed in std::mem::take(&mut page.queue) {
            page.fail(listed.place, Reason::PageRefused, None);
        }
    }

    /// Unpacks an object that has arrived.
    fn arrived(
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
            return self.try_again_last(spool, batch, listed, (reason, raw));
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
                let whole = self.check_second_copy(spool, batch, &listed, (raw, part, fault))?;
                if whole.is_none() {
                    return Ok(());
                }
                whole.flatten()
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

    /// Moves an odd object to the end of the page for a second attempt. The others show whether the
    /// store returns objects.
    fn try_again_last(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        mut listed: ListedObject,
        (reason, mut raw): (Reason, Scratch),
    ) -> Result<(), Failure> {
        let digest = raw.fingerprint().map_err(ApiError::Sink)?;
        let arrived = OddBytes { reason, digest };
        let page = self.page.as_mut().expect("a page is in hand");
        if let Some(first) = listed.first.replace(arrived.clone()) {
            let is_same_again = first == arrived;
            if is_same_again && reason == Reason::Foreign && self.kind.store_seen.get() {
                self.give_up(spool, batch, &listed.place, (reason, Some(raw)))?;
            } else {
                let raw = (reason == Reason::Foreign).then_some(raw);
                page.fail(listed.place, reason, raw);
                if let Some(failed) = page.failed.last_mut() {
                    failed.is_same_again = is_same_again;
                }
            }
        } else {
            page.queue.push_back(listed);
        }
        self.continue_after_miss(spool);
        Ok(())
    }

    /// Postpones an object to a later run, so that no other waits for it.
    fn put_off(&mut self, spool: &Spool, listed: ListedObject, reason: Reason) {
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

    fn unpack(&self, raw: &mut Scratch, part: &mut Part) -> Result<Option<ObjectFault>, Failure> {
        Ok(unpack::unpack(raw, part, self.aliases, &self.clock)?)
    }

    /// Fetches a damaged object again. Returns its lines if they are good, `Some(None)` if its
    /// bytes are in quarantine, `None` if the next run decides.
    fn check_second_copy(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        listed: &ListedObject,
        (mut raw, part, fault): (Scratch, Part, ObjectFault),
    ) -> Result<Option<Option<Part>>, Failure> {
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
                return Ok(None);
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
                Ok(Some(Some(second)))
            }
            Comparison::Same => {
                self.quarantine(spool, batch, listed, (&mut raw, &fault.what))?;
                if !fault.is_behind {
                    batch.note_gap(self.gap(spool, &listed.place, &fault.what));
                }
                Ok(Some(fault.is_behind.then_some(part)))
            }
            Comparison::Differs => {
                self.note_damage(listed, raw);
                Ok(None)
            }
        }
    }

    fn note_damage(&mut self, listed: &ListedObject, raw: Scratch) {
        let page = self.page.as_mut().expect("a page is in hand");
        page.fail(listed.place.clone(), Reason::Damaged, Some(raw));
    }

    /// Quarantines bytes that the collector cannot read as events, and warns the operator.
    pub(super) fn quarantine(
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

    /// Returns the gap of an object.
    pub(super) fn gap(&self, spool: &Spool, place: &str, reason: &dyn std::fmt::Display) -> Gap {
        let from = spool.last_success().or_else(|| spool.began());
        let reason = format!("object {place} could not be fetched: {reason}");
        Gap::of(from, self.now(), reason)
    }
}

/// Fetches an object into a scratch file.
pub(super) fn fetch(
    objects: &Objects,
    address: &Address,
    scratches: &Scratches,
) -> Result<Scratch, FetchError> {
    let mut raw = scratches.make().map_err(FetchError::Spool)?;
    objects.fetch(address, &mut raw).map_err(FetchError::Api)?;
    Ok(raw)
}
