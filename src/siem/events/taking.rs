//! The objects of a page, taken one after another, and when to do without one.

use tracing::{info, warn};

use super::{Events, Listed};
use crate::api::ApiError;
use crate::api::objects::{Address, Objects};
use crate::report::{Code, Failure};
use crate::siem::Failed;
use crate::siem::object::{self, Fault};
use crate::siem::position::ObjectId;
use crate::spool::{Batch, Extension, Gap, Part, Scratch, Scratches, Spool};

/// How often a page is listed again for fresh addresses, in one run.
const RELISTS: u32 = 3;

/// Why an object could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its address was not accepted, however fresh.
    Refused,
    /// The store does not have it.
    Gone,
    /// Nothing arrived of what is listed with a size: an object, or whoever stands before the store.
    Empty,
    /// The page names it no longer.
    NotListed,
}

impl Events {
    /// Takes the next object of the page into the batch.
    pub(super) fn take_object(&mut self, spool: &Spool, batch: &mut Batch) -> anyhow::Result<()> {
        let mut raw = match self.ahead.wait() {
            Ok(raw) => raw,
            Err(Failed::Api(ApiError::PositionRefused)) => {
                return self.have_again(spool, Reason::Refused);
            }
            Err(Failed::Api(ApiError::Gone)) => return self.have_again(spool, Reason::Gone),
            Err(Failed::Api(ApiError::Unreachable(why))) => {
                let what = format!("an object of {} could not be had: {why}", self.kind.name);
                let remedy = "nothing to do if it passes: the next run goes on";
                return Err(Failure::new(Code::Later, what, remedy).into());
            }
            Err(failed) => return Err(failed.into()),
        };
        let has_content = self.queue.front().is_some_and(|listed| listed.has_content);
        if has_content && object::is_empty(&mut raw)? {
            self.put_off(spool);
            return Ok(());
        }
        self.kind.store_answers.set();
        self.is_fresh = false;
        let Some(listed) = self.queue.pop_front() else {
            return Ok(());
        };
        self.ask_for_front(spool);
        let mut part = batch.part()?;
        let fault = self.unpack(&mut raw, &listed, &mut part)?;
        let whole = match fault {
            None => Some(part),
            Some(fault) => self.doubt(spool, batch, &listed, (raw, part, fault))?,
        };
        let address = &listed.address;
        if let Some(part) = whole {
            let stem = format!("{}_{}", self.kind.stem, address.stem());
            batch.add(part, &stem, Extension::Json)?;
        }
        self.position.finish(&address.place());
        Ok(())
    }

    /// Nothing arrived of the first object of the queue: it is asked for once more after the others, by
    /// which the store shows whether it answers with content at all.
    fn put_off(&mut self, spool: &Spool) {
        let Some(mut listed) = self.queue.pop_front() else {
            return;
        };
        if listed.is_second {
            let place = listed.address.place();
            self.do_without(spool, ObjectId::of(&place), &place, Reason::Empty);
        } else {
            listed.is_second = true;
            self.queue.push_back(listed);
        }
        self.ask_for_front(spool);
    }

    /// The first address of the queue was refused: list the page again, or do without the object.
    fn have_again(&mut self, spool: &Spool, reason: Reason) -> anyhow::Result<()> {
        if self.relists < RELISTS {
            self.relists += 1;
            info!(
                kind = self.kind.name,
                "an address has lapsed: listing the page again"
            );
            return self.list(spool);
        }
        let Some(Listed { address, .. }) = self.queue.pop_front() else {
            return Ok(());
        };
        self.ask_for_front(spool);
        let place = address.place();
        self.do_without(spool, ObjectId::of(&place), &place, reason);
        Ok(())
    }

    /// Leaves an object to the next run, or gives it up when an earlier run could not have it either.
    ///
    /// A store that refuses everything, or answers with nothing, says nothing of a single object, as
    /// somebody may stand before it; nor does an address that may have lapsed while others were stored.
    pub(super) fn do_without(&mut self, spool: &Spool, id: ObjectId, place: &str, reason: Reason) {
        let answers = self.kind.store_answers.get();
        let is_sure = match reason {
            Reason::Refused => self.is_fresh && answers,
            Reason::Empty => answers,
            Reason::Gone | Reason::NotListed => true,
        };
        if !self.position.missing.contains(&id) || !is_sure {
            if !self.missing.contains(&id) {
                self.missing.push(id); // the next run tries once more
            }
            return;
        }
        self.warnings.push(format!(
            "an object of {} could not be had in two runs and is recorded as a gap: {place}",
            self.kind.name
        ));
        self.gaps.push(Gap {
            from: spool.last_success(),
            to: self.client.now(),
            reason: format!("object {place} could not be had"),
        });
        self.position.done.push(id);
    }

    fn unpack(
        &self,
        raw: &mut Scratch,
        listed: &Listed,
        part: &mut Part,
    ) -> anyhow::Result<Option<Fault>> {
        object::unpack(raw, listed.has_content, part, self.aliases, &self.clock)
    }

    /// Fetches a doubtful object once more: yields its lines when all of them can be read, and keeps the
    /// bytes when they are the same again.
    fn doubt(
        &mut self,
        spool: &Spool,
        batch: &Batch,
        listed: &Listed,
        (mut raw, mut part, mut fault): (Scratch, Part, Fault),
    ) -> anyhow::Result<Option<Part>> {
        let text = fault.what.clone();
        warn!(
            kind = self.kind.name,
            fault = text,
            "an object does not verify: fetching it again"
        );
        let differs = || {
            let what = format!("an object arrived damaged ({text}) and differently each time");
            let remedy = "nothing to do: the next run fetches it again";
            Failure::new(Code::Later, what, remedy)
        };
        let address = &listed.address;
        let mut again = match fetch(&self.kind.objects, address, &spool.scratches()) {
            Err(Failed::Api(ApiError::PositionRefused | ApiError::Gone)) => {
                return Err(differs().into());
            }
            fetched => fetched?,
        };
        let fingerprint = |raw: &mut Scratch| raw.fingerprint().map_err(ApiError::Sink);
        if fingerprint(&mut again)? != fingerprint(&mut raw)? {
            part = batch.part()?;
            fault = match self.unpack(&mut again, listed, &mut part)? {
                None => return Ok(Some(part)),
                Some(fault) if fault.is_behind => fault,
                Some(_) => return Err(differs().into()),
            };
            raw = again;
        }
        let Fault { what, is_behind } = fault;
        let place = spool.quarantine(&mut raw, &format!("object: {address:?}\nfault: {what}"))?;
        self.warnings.push(format!(
            "an object of {} is damaged ({what}); its bytes are kept in {}",
            self.kind.name,
            place.display()
        ));
        Ok(is_behind.then_some(part))
    }
}

pub(super) fn fetch(
    objects: &Objects,
    address: &Address,
    scratches: &Scratches,
) -> Result<Scratch, Failed> {
    let mut raw = scratches.make().map_err(Failed::Spool)?;
    objects.fetch(address, &mut raw).map_err(Failed::Api)?;
    Ok(raw)
}
