//! Leaves a page: decides about each object that failed.

use std::io;

use chrono::TimeDelta;
use tracing::info;

use super::fetching::fetch;
use super::missing::{Evidence, Reason, Verdict, verdict};
use super::page_in_hand::{FailedObject, PROBES, PageInHand, Purpose};
use super::position::PageKey;
use super::unpack;
use super::{Batch, EMPTY_PAGES, FetchError, ObjectStream, Spool, Step};
use crate::api::ApiError;
use crate::api::objects::Address;
use crate::config::Aliases;
use crate::failure::{Code, Failure, OBJECTS, Reach};
use crate::spool::Scratch;

/// After this long with 404 for everything, treat listed objects as gone.
const SILENCE: TimeDelta = TimeDelta::hours(24);

impl ObjectStream {
    /// Leaves the page in hand: decides about failed objects, and moves to the next page.
    pub(super) fn leave(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let mut page = self.page.take().expect("a page is in hand");
        let is_of_store = |failed: &FailedObject| failed.reason.is_of_the_store();
        if !page.queue.is_empty() || page.failed.iter().any(is_of_store) {
            self.seek_evidence(spool, &page)?;
        }
        let store_returned_others = self.kind.store_seen.get();
        if store_returned_others && !page.queue.is_empty() {
            self.page = Some(page); // its first object is being fetched
            self.step = Step::Fetch;
            return Ok(());
        }
        page.fail_odd();
        let failed = std::mem::take(&mut page.failed);
        self.visited.push(page.key.clone());
        let is_cut_short = !page.queue.is_empty();
        let has_failed = is_cut_short || failed.iter().any(is_of_store);
        self.note_silence(store_returned_others, has_failed);
        let mut kept = is_cut_short.then_some(Reason::Unreachable);
        for failure in failed {
            self.clock.check()?;
            let reason = failure.reason;
            if self.decide(spool, batch, &page.key, failure)?
                && (is_cut_short || !kept.is_some_and(Reason::is_of_the_store))
            {
                kept = Some(reason);
            }
        }
        let is_of_store = kept.is_some_and(Reason::is_of_the_store);
        let is_held = is_cut_short
            || (is_of_store && !store_returned_others && page.purpose == Purpose::Current);
        if let Some(reason) = kept {
            self.keep_trouble(reason, is_held);
        }
        if is_held {
            self.step = Step::Done;
            return Ok(());
        }
        match page.purpose {
            Purpose::Current => self.turn(page),
            Purpose::Owed => self.step = Step::Owed,
        }
        Ok(())
    }

    /// Finds out whether the store returns any object. It tries objects of this page that were
    /// published before, then objects of the next page.
    fn seek_evidence(&mut self, spool: &Spool, page: &PageInHand) -> Result<(), Failure> {
        self.probe(spool, &page.probes);
        let is_known = self.kind.store_seen.get();
        let token = page
            .next
            .clone()
            .filter(|next| page.key.token.as_ref() != Some(next));
        let Some(token) = token.filter(|_| !is_known && self.kind.budget.take()) else {
            return Ok(());
        };
        let key = PageKey {
            token: Some(token),
            since: None,
        };
        match self.list_page(&key) {
            Ok(next) => {
                let known = (&self.position, spool, &self.taken);
                let next =
                    PageInHand::of(next, (key, Purpose::Current), known, &self.kind.objects)?;
                let addresses = next.queue.iter().map(|listed| listed.address.clone());
                let addresses: Vec<_> = next.probes.iter().cloned().chain(addresses).collect();
                self.probe(spool, &addresses[..addresses.len().min(PROBES)]);
            }
            Err(error) => info!(%error, "the next page cannot be listed"),
        }
        Ok(())
    }

    /// Fetches objects only to see whether the store returns any.
    fn probe(&self, spool: &Spool, addresses: &[Address]) {
        for address in addresses {
            if self.kind.store_seen.get() {
                return;
            }
            let fetched = fetch(&self.kind.objects, address, &spool.scratches());
            if let Err(FetchError::Api(ApiError::Unreachable(_))) = &fetched {
                return;
            }
            let mut sink = io::sink();
            let unpacked = fetched.map_err(Failure::from).and_then(|mut raw| {
                Ok(unpack::unpack(
                    &mut raw,
                    &mut sink,
                    Aliases::Off,
                    &self.clock,
                )?)
            });
            if matches!(unpacked, Ok(None)) {
                self.kind.store_seen.set();
            }
        }
    }

    fn note_silence(&mut self, store_returned_others: bool, has_failed: bool) {
        if store_returned_others {
            self.position.silent_since = None;
        } else if has_failed {
            let now = self.now();
            self.position.silent_since.get_or_insert(now);
        }
    }

    /// Decides about an object that failed. Returns true if the next run has to fetch it.
    pub(super) fn decide(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        page: &PageKey,
        failed: FailedObject,
    ) -> Result<bool, Failure> {
        let FailedObject {
            place,
            reason,
            is_fresh,
            raw,
            is_same_again,
        } = failed;
        let silent_since = self.position.silent_since;
        let evidence = Evidence {
            store_returned_others: self.kind.store_seen.get(),
            is_fresh,
            is_silent_for_long: silent_since.is_some_and(|since| self.now() - since > SILENCE),
            is_same_again,
        };
        let before = self.position.runs_failed(&place);
        let counts = match verdict(reason, before, evidence) {
            Verdict::NextRun { counts } => counts,
            Verdict::Gap => {
                self.give_up(spool, batch, &place, (reason, raw))?;
                return Ok(false);
            }
        };
        self.position.owe(&place, page, before + u32::from(counts));
        Ok(true)
    }

    /// Records the gap of an object. The bytes that arrived instead of it go to the quarantine.
    pub(super) fn give_up(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        place: &str,
        (reason, raw): (Reason, Option<Scratch>),
    ) -> Result<(), Failure> {
        let kept = match raw {
            Some(mut raw) => {
                let kept =
                    spool.quarantine(&mut raw, &format!("object: {place}\nfault: {reason}"))?;
                format!("; its bytes are kept in {}", kept.display())
            }
            None => String::new(),
        };
        batch.warn(format!(
            "an object of {} could not be collected and is recorded as a gap: {place} \
             ({reason}){kept}",
            self.kind.name
        ));
        batch.note_gap(self.gap(spool, place, &reason));
        if reason.is_of_the_list() {
            self.position.settle(place);
        } else {
            self.finish_object(batch, place);
        }
        Ok(())
    }

    /// Sets the failure to report at the end about objects that are left to the next run.
    pub(super) fn keep_trouble(&mut self, reason: Reason, is_held: bool) {
        let error = self.last_error.take();
        let why = match &error {
            Some(ApiError::NotUnderstood(why)) if reason == Reason::BadEntry => {
                format!("{reason}: {why}")
            }
            Some(error) if Reason::of(error) == Some(reason) => error.to_string(),
            _ => reason.to_string(),
        };
        let what = format!(
            "some objects of {} could not be collected: for the last one, {why}",
            self.kind.name
        );
        let passing = "nothing to do if it passes: the next run tries again";
        self.trouble = Some(match (reason, error) {
            (_, Some(error @ ApiError::SlowDown(_))) => error.into(),
            (Reason::PrivateStore, Some(error)) if is_held => Failure {
                what,
                reach: Reach::Stream,
                ..error.into()
            },
            (Reason::PrivateStore, _) if is_held => {
                let remedy = "add the store's network as private_stores under [network] in \
                              config.toml, if it is the one that Mimecast's objects come from";
                Failure::new(Code::Config, what, remedy)
            }
            _ if !is_held => {
                let remedy =
                    "nothing to do: the next run tries again, and records a gap if it fails";
                Failure::later(OBJECTS, what, remedy)
            }
            (Reason::Unreachable, Some(error)) => Failure {
                what,
                reach: Reach::Stream,
                ..error.into()
            },
            (Reason::Unreachable, None) => Failure::later("store unreachable", what, passing),
            _ => {
                let lasting = "allow this host to fetch from the object store: check firewall, proxy and \
                               [network] in config.toml";
                let failure = Failure::later("store silent", what, passing);
                failure.if_it_lasts(Code::Config, lasting)
            }
        });
    }

    /// Moves to the next page, or ends the walk.
    fn turn(&mut self, page: PageInHand) {
        let is_empty = page.entries == 0;
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        self.is_quiet = !page.has_news;
        if page.is_next_odd {
            let why = "a list whose next page is not a token".to_owned();
            self.trouble = Some(ApiError::NotUnderstood(why).into());
        }
        let token = self.position.token.clone();
        let next = page.next.filter(|next| Some(next) != token.as_ref());
        let is_stated_end = page.is_caught_up == Some(true) || next.is_none();
        // an empty page may not be the last, so the next is listed while list calls are left
        let is_last = is_stated_end || self.empty_pages >= EMPTY_PAGES;
        if let Some(next) = next {
            self.position.turn(next);
        }
        let may_go_on = !is_last && (!is_empty || self.kind.budget.has_some());
        self.step = if may_go_on { Step::List } else { Step::Owed };
    }
}
