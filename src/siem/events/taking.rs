//! The objects of a page, taken one after another, and when to do without one.

use std::io;

use chrono::TimeDelta;
use tracing::{info, warn};

use super::{Events, Listed};
use crate::api::ApiError;
use crate::api::objects::{Address, Objects};
use crate::config::Aliases;
use crate::report::{Code, Failure};
use crate::siem::Failed;
use crate::siem::object::{self, Fault, Look};
use crate::siem::position::ObjectId;
use crate::spool::{Batch, Extension, Gap, Part, Scratch, Scratches, Spool};

/// How often a page is listed again for fresh addresses, in one run.
const RELISTS: u32 = 3;

/// Objects that are fetched again only to see whether the store answers.
pub(super) const PROBES: usize = 3;
/// A store that does not have what is listed, and gives nothing else either, is believed after so long.
const SILENCE: TimeDelta = TimeDelta::hours(24);

/// Why an object could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    /// However fresh its address.
    #[error("its address is refused")]
    Refused,
    #[error("the store does not have it")]
    Gone,
    #[error("it is listed with a size and arrives empty")]
    Empty,
    #[error("what arrives is no gzip file, and the store gave none at all")]
    Foreign,
    #[error("it is listed no longer")]
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
        let Some(listed) = self.queue.pop_front() else {
            return Ok(());
        };
        let odd = match object::look(&mut raw)? {
            Look::Empty if listed.has_content => Some(Reason::Empty),
            Look::Empty | Look::Gzip => None,
            Look::Foreign => Some(Reason::Foreign),
        };
        if let Some(reason) = odd
            && !self.is_worth_keeping(spool, &listed, reason)
        {
            self.put_off(spool, listed, reason);
            return Ok(());
        }
        self.is_fresh = false;
        self.ask_for_front(spool);
        let mut part = batch.part()?;
        let fault = self.unpack(&mut raw, &listed, &mut part)?;
        let whole = match fault {
            None => Some(part),
            Some(fault) => self.doubt(spool, batch, &listed, (raw, part, fault))?,
        };
        if let Some(part) = whole {
            if listed.has_content {
                self.kind.store_answers.set();
            }
            let stem = format!("{}_{}", self.kind.stem, listed.address.stem());
            batch.add(part, &stem, Extension::Json)?;
        }
        self.position.finish(listed.id());
        Ok(())
    }

    /// Whether bytes that are no gzip file are an object's all the same, damaged: on a second look, and
    /// when the store has shown that it answers with objects.
    fn is_worth_keeping(&mut self, spool: &Spool, listed: &Listed, reason: Reason) -> bool {
        listed.is_second && reason == Reason::Foreign && self.store_answers(spool)
    }

    /// An object is asked for once more after the others, by which the store shows whether it answers with
    /// objects at all.
    fn put_off(&mut self, spool: &Spool, mut listed: Listed, reason: Reason) {
        if listed.is_second {
            self.do_without(spool, listed.id(), &listed.address.place(), reason);
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
        let Some(listed) = self.queue.pop_front() else {
            return Ok(());
        };
        self.ask_for_front(spool);
        self.do_without(spool, listed.id(), &listed.address.place(), reason);
        Ok(())
    }

    /// Leaves an object to the next run, or gives it up when an earlier run could not have it either.
    ///
    /// A store that gives nothing says nothing of a single object, as somebody may stand before it; nor
    /// does an address that may have lapsed while others were stored.
    pub(super) fn do_without(&mut self, spool: &Spool, id: ObjectId, place: &str, reason: Reason) {
        let is_sure = self.position.missing.contains(&id)
            && match reason {
                Reason::Refused => self.is_fresh && self.store_answers(spool),
                Reason::Empty => self.store_answers(spool),
                Reason::Gone => self.store_answers(spool) || self.is_silent_for_long(),
                Reason::Foreign => false,
                Reason::NotListed => true,
            };
        if !is_sure {
            if !self.missing.contains(&id) {
                self.missing.push(id); // the next run tries once more
                self.why = Some(reason);
            }
            return;
        }
        self.warnings.push(format!(
            "an object of {} could not be had in two runs and is recorded as a gap: {place} ({reason})",
            self.kind.name
        ));
        self.gaps.push(Gap {
            from: spool.last_success(),
            to: self.client.now(),
            reason: format!("object {place} could not be had: {reason}"),
        });
        self.position.finish(id);
    }

    /// Whether the store answers with objects: one that arrived in this run shows it, of whatever type, or
    /// one of the page that an earlier run had.
    fn store_answers(&mut self, spool: &Spool) -> bool {
        while !self.kind.store_answers.get()
            && let Some(known) = self.known.pop()
        {
            // whatever it comes to, this run does not depend on it
            let fetched = fetch(&self.kind.objects, &known, &spool.scratches());
            let mut sink = io::sink();
            let unpacked = fetched.map_err(anyhow::Error::from).and_then(|mut raw| {
                object::unpack(&mut raw, true, &mut sink, Aliases::Off, &self.clock)
            });
            if matches!(unpacked, Ok(None)) {
                self.kind.store_answers.set();
            }
        }
        self.kind.store_answers.get()
    }

    fn is_silent_for_long(&self) -> bool {
        let since = self.position.silent_since;
        since.is_some_and(|since| self.client.now() - since > SILENCE)
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
