//! Pages that are listed in addition to the page of the position: pages with owed objects, and lists by date.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::missing::Reason;
use super::page_in_hand::{FailedObject, PageInHand, Purpose};
use super::position::PageKey;
use super::{Batch, ObjectStream, QUIET, Spool, Step};
use crate::api::ApiError;
use crate::failure::Failure;
use crate::siem::KEPT;

/// The number of pages with owed objects that one run lists.
const OWED_PAGES: u32 = 5;

impl ObjectStream {
    /// Lists the next page with objects that an earlier run could not fetch.
    pub(super) fn list_owed(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let waiting = self.position.owed.iter().map(|owed| owed.page.clone());
        let current = self.position.page();
        let next = waiting
            .into_iter()
            .find(|page| !self.visited.contains(page) && *page != current);
        let is_allowed = self.owed_pages < OWED_PAGES;
        let Some(key) = next.filter(|_| is_allowed && self.kind.budget.take_for_owed()) else {
            self.step = Step::Date;
            return Ok(());
        };
        self.owed_pages += 1;
        match self.list_page(&key) {
            Ok(page) => self.take_in_hand(page, (key, Purpose::Owed), spool, batch),
            Err(ApiError::PositionRefused) => {
                self.fail_owed(spool, batch, &key, Reason::PageRefused)
            }
            // other pages were listed in this run, so the failure concerns this page
            Err(
                error @ (ApiError::Unreachable(_)
                | ApiError::NotUnderstood(_)
                | ApiError::TooLarge(_)),
            ) => {
                warn!(%error, "cannot list a page with owed objects");
                self.fail_owed(spool, batch, &key, Reason::NoList)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Marks owed objects as failed if their page no longer lists them.
    pub(super) fn miss_unlisted(&mut self) {
        let Some(page) = &mut self.page else { return };
        let there = page.places();
        let owed = self.position.owed.iter();
        let gone = owed.filter(|owed| owed.page == page.key && !there.contains(&*owed.place));
        let gone: Vec<String> = gone.map(|owed| owed.place.clone()).collect();
        for place in gone {
            page.fail(place, Reason::NotListed, None);
        }
    }

    /// Marks the owed objects of a page as failed, because its list cannot be used.
    fn fail_owed(
        &mut self,
        spool: &Spool,
        batch: &mut Batch,
        key: &PageKey,
        reason: Reason,
    ) -> Result<(), Failure> {
        self.visited.push(key.clone());
        let owed = self.position.owed.iter().filter(|owed| owed.page == *key);
        let places: Vec<String> = owed.map(|owed| owed.place.clone()).collect();
        for place in places {
            let failed = FailedObject {
                place,
                reason,
                is_fresh: true,
                raw: None,
                is_same_again: false,
            };
            if self.decide(spool, batch, key, failed)? {
                self.keep_trouble(reason, false);
            }
        }
        Ok(())
    }

    /// Lists by date, once a day, if the token has listed no object for long. Such a token may
    /// never list one again.
    pub(super) fn list_by_date(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let now = self.now();
        let is_old =
            |time: Option<DateTime<Utc>>| time.is_none_or(|time| (now - time).abs() > QUIET);
        let named_at = self
            .position
            .named_at
            .filter(|_| self.position.token.is_some());
        let is_due = self.is_quiet && is_old(self.position.dated_at) && is_old(named_at);
        let Some(named_at) = named_at.filter(|_| is_due && self.kind.budget.take()) else {
            self.step = Step::Done;
            return Ok(());
        };
        let since = (named_at - TimeDelta::days(1)).max(now - KEPT).min(now);
        info!(
            kind = self.kind.name,
            "the token has listed no object for a day: listing by date"
        );
        self.position.dated_at = Some(now);
        self.step = Step::Done;
        let mut key = PageKey {
            token: None,
            since: Some(since),
        };
        while let Some(next) = self.walk(key, spool, batch)? {
            key = next;
        }
        Ok(())
    }

    /// Lists one page of a walk by date. A page with new objects becomes the page of the position.
    /// Otherwise returns the next page, if there is one.
    fn walk(
        &mut self,
        key: PageKey,
        spool: &Spool,
        batch: &mut Batch,
    ) -> Result<Option<PageKey>, Failure> {
        let page = match self.list_page(&key) {
            Ok(page) => page,
            Err(error) => {
                warn!(%error, "cannot list a type by date");
                return Ok(None); // the saved token stays
            }
        };
        let objects = std::sync::Arc::clone(&self.kind.objects);
        let hand = PageInHand::of(
            page,
            (key.clone(), Purpose::Current),
            (&self.position, spool, &self.taken),
            &objects,
        )?;
        if hand.queue.is_empty() {
            let is_last = hand.entries == 0 || hand.is_caught_up == Some(true);
            let next = hand.next.filter(|_| !is_last && self.kind.budget.take());
            return Ok(next.map(|token| PageKey {
                token: Some(token),
                since: None,
            }));
        }
        batch.warn(format!(
            "the saved position of {} has listed no object for a day, but a list by date has {} new \
             objects: collection continues from there",
            self.kind.name,
            hand.queue.len()
        ));
        self.position.jump(key);
        self.keep_in_hand(hand, spool);
        Ok(None)
    }
}
