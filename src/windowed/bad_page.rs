//! Pages that cannot be read: finds out whether others can, and continues without the bad one.

use chrono::{DateTime, TimeDelta, Utc};

use super::Windows;
use super::found::PageContent;
use super::page;
use super::plan::Window;
use super::reading::{BadPage, PageAnswer, PagesRead, not_json};
use super::taken::Taken;
use crate::api::answer::Denial;
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Reply};
use crate::failure::{Failure, LASTING_RUNS};
use crate::logs::AUDIT;
use crate::spool::{Gap, Spool};

/// The number of pages that one run may give up. More of them have another cause than single bad pages.
pub(super) const UNREAD_LIMIT: u32 = 5;
/// The number of times that an unreadable page is fetched for the quarantine, while its bytes differ.
const RAW_TRIES: u32 = 3;
/// After so many runs (one day of half-hourly runs), no other event is needed as proof: the page is given up.
const LONG_RUNS: u32 = 48;
/// The time after a bad page in which other events are searched, and the length of one search.
const LOOKED_AT: TimeDelta = TimeDelta::days(7);
const WINDOW: TimeDelta = TimeDelta::hours(23);
/// The reason of a gap for one second. State files contain it.
const UNREAD: &str = "a page of audit events cannot be read";

impl Windows {
    /// Treats a page as unreadable if Mimecast answers another request. Otherwise a proxy may be the cause.
    pub(super) fn check_unreadable(&mut self, why: String) -> Result<PageAnswer, Failure> {
        if !self.has_read {
            self.ask_for_a_second(self.now() - TimeDelta::minutes(2))?;
        }
        Ok(PageAnswer::Bad(BadPage::Unreadable(why)))
    }

    /// Treats a page as absent if Mimecast answers another request. Otherwise it is an outage.
    pub(super) fn check_absent(
        &mut self,
        spool: &Spool,
        window: &Window,
        error: ApiError,
    ) -> Result<PageAnswer, Failure> {
        let is_doubtful = matches!(
            error,
            ApiError::Unreachable(_) | ApiError::Denied(Denial::Permission(_))
        );
        // if Mimecast answers no request at all, the first run sends no more
        let lasts = ["unreachable", "denied"].map(|trouble| spool.runs_with(trouble) > 0);
        let lasts = lasts.contains(&true) || self.has_read || was_absent(spool, window);
        if !is_doubtful || !lasts {
            return Err(error.into());
        }
        let recent = self.now() - TimeDelta::minutes(2);
        let is_inside = !window.can_halve() && window.from.timestamp() == recent.timestamp();
        let other = recent - TimeDelta::minutes(i64::from(is_inside));
        match self.ask_for_a_second(other) {
            Ok(()) => Ok(PageAnswer::Bad(BadPage::Absent(error.to_string()))),
            Err(stopped) if stopped.is_stop() => Err(stopped),
            Err(_) => Err(error.into()),
        }
    }

    /// Requests one second, to find out whether Mimecast answers at all.
    fn ask_for_a_second(&mut self, second: DateTime<Utc>) -> Result<(), Failure> {
        let body = endpoints::audit(second, second, 1, None);
        let Reply::Json(text) = self.client.call(Call::Log(&AUDIT), &body, &mut NoSink)? else {
            return Err(not_json().into());
        };
        let read = page::read(&text, |_| Ok::<_, Failure>(()))?;
        read.map_err(ApiError::NotUnderstood)?;
        self.has_read = true;
        Ok(())
    }

    /// Continues after a bad page: with smaller windows or pages, or without the page if it is the smallest.
    pub(super) fn continue_without(
        &mut self,
        spool: &Spool,
        window: &Window,
        (token, listed): (Option<&str>, usize),
        bad: &BadPage,
        taken: &mut Taken,
    ) -> Result<PagesRead, Failure> {
        if window.can_halve() {
            return Ok(PagesRead::TooMuch);
        }
        let is_known = spool.has_gap(window.from, UNREAD);
        let is_other = match bad {
            BadPage::Unreadable(_) => !is_known && self.pieces.unread(listed),
            BadPage::TooLarge(_) | BadPage::Absent(_) => !is_known && self.pieces.halve(),
        };
        match bad {
            _ if is_other => return Ok(PagesRead::OtherSize),
            _ if is_known => {}
            BadPage::TooLarge(why) | BadPage::Unreadable(why) => {
                if !self.keep_unread(spool, window, (token, why), taken)? {
                    return Ok(PagesRead::OtherSize); // it can be read now
                }
            }
            BadPage::Absent(why) => self.give_up(spool, window, why, taken)?,
        }
        Ok(PagesRead::End(None, listed))
    }

    /// Quarantines the bytes of an unreadable page that cannot be smaller. Returns false if the
    /// page can be read now.
    fn keep_unread(
        &mut self,
        spool: &Spool,
        window: &Window,
        (token, why): (Option<&str>, &str),
        taken: &mut Taken,
    ) -> Result<bool, Failure> {
        self.unread += 1;
        if self.unread > UNREAD_LIMIT {
            return Err(ApiError::NotUnderstood(why.to_owned()).into());
        }
        let body = endpoints::audit(window.from, window.to, self.pieces.size(), token);
        let mut raw = spool.scratch()?;
        let (mut found, mut before) = (PageContent::Sound, None);
        for _ in 0..RAW_TRIES {
            found = match self.client.call_raw(Call::Log(&AUDIT), &body, &mut raw) {
                Ok(head) => {
                    PageContent::in_answer(head.as_ref(), &mut raw).map_err(ApiError::Sink)?
                }
                Err(error) => PageContent::NoPage(of_the_page(error)?.to_string()),
            };
            let bytes = raw.fingerprint().map_err(ApiError::Sink)?;
            let is_same = before.replace(bytes) == before;
            if !matches!(found, PageContent::Damaged(_)) || is_same {
                break;
            }
            found = PageContent::NoPage("other bytes each time".to_owned());
        }
        let fault = match found {
            PageContent::Sound if self.unread < UNREAD_LIMIT => return Ok(false),
            PageContent::Damaged(fault) if self.is_another_read(window)? => fault,
            PageContent::Sound => why.to_owned(), // the fault is not in its bytes
            PageContent::NoPage(why) | PageContent::Damaged(why) => {
                self.give_up(spool, window, &why, taken)?;
                return Ok(true);
            }
        };
        let note = format!("a page of audit events, window {}: {fault}", window.stem());
        let kept = spool.quarantine(&mut raw, &note)?;
        let text = format!(
            "a page of audit events at {} cannot be read ({why}); its bytes are kept in {}, and events \
             of this second may be missing",
            window.from,
            kept.display()
        );
        taken.unread.push((text, gap(window, UNREAD)));
        Ok(true)
    }

    /// True if this run has read a page with an event, here or after the window. Then the network
    /// works, and only this page is bad.
    fn is_another_read(&mut self, window: &Window) -> Result<bool, Failure> {
        let mut from = window.to + TimeDelta::seconds(1);
        let end = self.now().min(from + LOOKED_AT);
        while !self.has_read_event && from <= end {
            let to = end.min(from + WINDOW);
            let body = endpoints::audit(from, to, 1, None);
            match self.client.call(Call::Log(&AUDIT), &body, &mut NoSink) {
                Ok(Reply::Json(text)) => {
                    let read = page::read(&text, |_| Ok::<_, Failure>(()))?;
                    self.has_read_event = read.is_ok_and(|head| head.items > 0);
                }
                Ok(_) => {}
                Err(error) => drop(of_the_page(error)?),
            }
            from = to + TimeDelta::seconds(1);
        }
        Ok(self.has_read_event)
    }

    /// Gives up a page that has not arrived in several runs.
    fn give_up(
        &mut self,
        spool: &Spool,
        window: &Window,
        why: &str,
        taken: &mut Taken,
    ) -> Result<(), Failure> {
        let trouble = trouble(window.from);
        self.unread += 1;
        let runs = spool.runs_with(&trouble) + 1;
        let is_due = match runs {
            ..LASTING_RUNS => false,
            LASTING_RUNS..LONG_RUNS => self.is_another_read(window)?,
            _ => true,
        };
        if !is_due || self.unread > UNREAD_LIMIT {
            let what = format!(
                "audit events of {} do not arrive, while others do: {why}",
                window.from
            );
            let remedy = "nothing to do: a later run fetches them, or continues without them";
            return Err(Failure::later(trouble, what, remedy));
        }
        let text = format!(
            "audit events of {} did not arrive in {runs} runs ({why}): events of this second may be \
             missing",
            window.from
        );
        taken.unread.push((text, gap(window, UNREAD)));
        Ok(())
    }
}

/// Returns an error as `Err` if it concerns more than one page.
fn of_the_page(error: ApiError) -> Result<ApiError, ApiError> {
    match error {
        ApiError::NotUnderstood(_)
        | ApiError::TooLarge(_)
        | ApiError::Unreachable(_)
        | ApiError::Denied(Denial::Permission(_)) => Ok(error),
        error => Err(error),
    }
}

/// Returns the name of the trouble of a second whose page does not arrive. Runs are compared by it.
fn trouble(second: DateTime<Utc>) -> String {
    format!("page {}", second.timestamp())
}

/// True if a page of a second of the window did not arrive in the last run.
fn was_absent(spool: &Spool, window: &Window) -> bool {
    let mut second = window.from;
    while second <= window.to && spool.runs_with(&trouble(second)) == 0 {
        second += TimeDelta::seconds(1);
    }
    second <= window.to
}

/// Shortens a window so that each second with an unreadable page is a window of its own. So the
/// collector does not search for it again.
pub(super) fn beside_gaps(spool: &Spool, mut window: Window) -> Window {
    let mut second = window.from;
    while second <= window.to {
        if spool.has_gap(second, UNREAD) {
            let is_first = second == window.from;
            let end = second - TimeDelta::seconds(i64::from(!is_first));
            window.is_last &= end == window.to;
            window.to = end;
        }
        second += TimeDelta::seconds(1);
    }
    window
}

fn gap(window: &Window, reason: &str) -> Gap {
    let (from, to): (DateTime<Utc>, DateTime<Utc>) = (window.from, window.to);
    Gap::of(Some(from), to, reason)
}
