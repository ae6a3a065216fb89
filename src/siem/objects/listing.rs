//! Lists the page of the position, or of the next day that Mimecast accepts.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::info;

use super::page::Page;
use super::page_in_hand::{self, PageInHand, Purpose};
use super::position::PageKey;
use super::{ObjectStream, Step, beginning};
use crate::api::ApiError;
use crate::api::endpoints::{self, Call};
use crate::failure::{Failure, LIST_CALLS};
use crate::siem::{KEPT, gap_after, stale};
use crate::spool::{Batch, Gap, Spool};

impl ObjectStream {
    /// Counts a list call. True if it is allowed: the first call of each type always is.
    pub(super) fn may_list(&mut self) -> bool {
        let is_allowed = self.lists == 0 || self.kind.budget.take();
        self.lists += u32::from(is_allowed);
        is_allowed
    }

    /// Returns the day on which the very first page begins.
    pub(super) fn since(&self) -> DateTime<Utc> {
        let beginning = beginning(self.now(), self.kind.begins_at);
        self.position.since.unwrap_or(beginning)
    }

    /// Lists a page. Retries once if the answer cannot be read.
    pub(super) fn list_page(&self, key: &PageKey) -> Result<Page, ApiError> {
        let since = key.since.unwrap_or_else(|| self.since());
        let query = endpoints::events(self.kind.name, since, key.token.as_deref());
        let list = || self.client.list(Call::Log(self.kind.log), &query);
        match Page::read(&list()?) {
            Ok(page) if !page.is_next_odd => Ok(page),
            _ => Page::read(&list()?).map_err(ApiError::NotUnderstood),
        }
    }

    /// Lists the page of the position, and starts with it. Gaps on the way there are recorded only
    /// after a page was listed, because a service that refuses everything proves nothing.
    pub(super) fn list(&mut self, spool: &Spool, batch: &mut Batch) -> Result<(), Failure> {
        let saved = self.position.clone();
        let mut given_up = Vec::new();
        let listed = self.list_from(spool, &mut given_up);
        if listed.is_err() {
            self.position = saved;
        }
        let Some((page, key)) = listed? else {
            self.trouble = Some(used_up());
            self.step = Step::Owed;
            return Ok(());
        };
        for (gap, warning) in given_up {
            batch.note_gap(gap);
            batch.warn(warning);
        }
        self.take_in_hand(page, (key, Purpose::Current), spool, batch)
    }

    /// Lists the page of the position, or of the next day that Mimecast accepts. Returns `None` if
    /// no call is left.
    pub(super) fn list_from(
        &mut self,
        spool: &Spool,
        given_up: &mut Vec<(Gap, String)>,
    ) -> Result<Option<(Page, PageKey)>, Failure> {
        loop {
            if !self.may_list() {
                return Ok(None);
            }
            let since = self.since();
            let mut key = self.position.page();
            if key.token.is_none() {
                key.since = Some(since);
            }
            match self.list_page(&key) {
                // this answer corrected the clock, and the first day changed: list again
                Ok(_) if key.token.is_none() && self.since().date_naive() != since.date_naive() => {
                }
                Ok(page) => {
                    if key.token.is_none() {
                        self.position.since = Some(since);
                    }
                    return Ok(Some((page, key)));
                }
                Err(ApiError::PositionRefused) => given_up.push(self.start_again(spool, since)?),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Starts with a page that was listed. If the page in hand is the same, its failed objects stay failed.
    pub(super) fn take_in_hand(
        &mut self,
        page: Page,
        key: (PageKey, Purpose),
        spool: &Spool,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        if self.lists == 1
            && let Some((gap, warning)) = stale(spool, self.now())
        {
            batch.note_gap(gap);
            batch.warn(warning);
        }
        let objects = Arc::clone(&self.kind.objects);
        let known = (&self.position, spool, &self.taken);
        let mut hand = PageInHand::of(page, key, known, &objects)?;
        batch.remember(hand.done_before.drain(..));
        match self.page.take() {
            Some(before) if before.key == hand.key => hand.continue_from(before),
            _ => {}
        }
        let has_news = hand.has_news && hand.purpose == Purpose::Current;
        if has_news || self.position.named_at.is_none() {
            self.note_named();
        }
        self.forget_mended(&hand);
        self.last_error = hand.refused.take().or(self.last_error.take());
        self.keep_in_hand(hand, spool);
        self.miss_unlisted();
        Ok(())
    }

    /// Removes owed entries without an address that this list no longer contains.
    pub(super) fn forget_mended(&mut self, hand: &PageInHand) {
        let there = hand.places();
        self.position.owed.retain(|owed| {
            owed.page != hand.key
                || !page_in_hand::is_entry(&owed.place)
                || there.contains(&*owed.place)
        });
    }

    /// Starts to fetch the objects of a page.
    pub(super) fn keep_in_hand(&mut self, hand: PageInHand, spool: &Spool) {
        info!(
            kind = self.kind.name,
            entries = hand.entries,
            new = hand.queue.len(),
            "listed a page"
        );
        self.page = Some(hand);
        self.prefetch_first(spool);
        self.step = Step::Fetch;
    }

    /// Saves, with the precision of an hour, when the list last contained an object.
    pub(super) fn note_named(&mut self) {
        let now = self.now();
        let is_recent = |named: DateTime<Utc>| (now - named).abs() < TimeDelta::hours(1);
        if !self.position.named_at.is_some_and(is_recent) {
            self.position.named_at = Some(now);
        }
    }

    /// Continues from the oldest events that Mimecast keeps, after it has refused a token or a day.
    /// Returns the gap and the warning.
    pub(super) fn start_again(
        &mut self,
        spool: &Spool,
        since: DateTime<Utc>,
    ) -> Result<(Gap, String), Failure> {
        let present = self.clock.present();
        if let Some(token) = self.position.token.clone() {
            let (gap, from) = gap_after(spool, present.earliest, "the saved position was refused");
            self.page = None;
            self.position.restart(present.earliest - KEPT);
            let before = Some(token);
            let warning = format!(
                "Mimecast refused the saved position of {}: collection continues from the oldest \
                 events that Mimecast keeps, and events since {from} may be missing",
                self.kind.name
            );
            return Ok((Gap { before, ..gap }, warning));
        }
        // a list covers whole days, and the first hours of this one may have expired just now
        let next = (since + TimeDelta::days(1)).max(present.latest - KEPT);
        if next > present.latest {
            let why = "Mimecast refused all days of a list".to_owned();
            return Err(ApiError::NotUnderstood(why).into());
        }
        let reason = format!("Mimecast refused to list from {}", since.format("%Y-%m-%d"));
        let warning = format!(
            "{reason}: collection of {} starts at {}",
            self.kind.name,
            next.format("%Y-%m-%d")
        );
        self.position.since = Some(next);
        Ok((Gap::of(Some(since), next, reason), warning))
    }
}

fn used_up() -> Failure {
    let what = "the list calls that Mimecast allows in a quarter of an hour are used up";
    Failure::later(LIST_CALLS, what, "nothing to do: the next run continues")
}
