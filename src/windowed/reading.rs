//! Reads one window: all its pages, and all again if some events are missing.

use std::collections::HashSet;

use tracing::{info, warn};

use super::bad_page::UNREAD_LIMIT;
use super::page::{self, PageHead};
use super::plan::Window;
use super::taken::Taken;
use super::{EVENTS_LIMIT, Windows};
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Reply};
use crate::failure::Failure;
use crate::logs::AUDIT;
use crate::spool::Spool;

/// The number of pages without events that are followed in a row.
const EMPTY_PAGES: u32 = 5;
/// The number of times that a window is read if Mimecast counts more events.
const READINGS: u32 = 3;

/// The result of reading a window.
pub(super) enum WindowRead {
    /// All its events.
    Whole(Box<Taken>),
    /// The window is too large or unreadable: halve it.
    TooMuch,
    /// The clocks require another plan.
    OtherPlan,
}

/// The result of reading all pages once.
pub(super) enum PagesRead {
    /// All pages were read: the count that Mimecast stated, if any, and the number of items.
    End(Option<u64>, usize),
    TooMuch,
    /// The pages must have another size.
    OtherSize,
    OtherPlan,
}

/// The result of one page request.
pub(super) enum PageAnswer {
    /// A page, and the index of its first new item that is not JSON.
    Page(PageHead, Option<usize>),
    Bad(BadPage),
}

/// A page without usable events.
pub(super) enum BadPage {
    TooLarge(String),
    Unreadable(String),
    /// It does not arrive, although others do.
    Absent(String),
}

impl Windows {
    /// Reads a window, and reads it again while Mimecast counts more events.
    pub(super) fn read(&mut self, spool: &Spool, window: &Window) -> Result<WindowRead, Failure> {
        let mut taken = Taken::new(self.format, spool)?;
        let mut reading = 1;
        while reading <= READINGS {
            taken.begin_reading();
            let (stated, listed) = match self.read_pages(spool, window, &mut taken)? {
                PagesRead::End(stated, listed) => (stated, listed),
                PagesRead::TooMuch => return Ok(WindowRead::TooMuch),
                PagesRead::OtherPlan => return Ok(WindowRead::OtherPlan),
                PagesRead::OtherSize => continue,
            };
            // Mimecast counts an item twice if it lists it twice; several readings together can be complete
            let found = listed.max(taken.len()) as u64;
            let Some(stated) = stated.filter(|stated| *stated > found) else {
                if let Some(stated) = stated.filter(|stated| *stated < found) {
                    info!(stated, found, "Mimecast sent more events than it counts");
                }
                taken.short = None;
                break;
            };
            warn!(
                reading,
                stated, found, "Mimecast sent fewer events than it counts"
            );
            taken.short = Some(short(window, stated, found));
            reading += 1;
        }
        Ok(WindowRead::Whole(Box::new(taken)))
    }

    /// Reads all pages of a window once.
    fn read_pages(
        &mut self,
        spool: &Spool,
        window: &Window,
        taken: &mut Taken,
    ) -> Result<PagesRead, Failure> {
        let (mut tokens, mut token) = (HashSet::new(), None);
        let (mut stated, mut listed, mut empty) = (None, 0, 0);
        loop {
            let place = (token.as_deref(), listed);
            let head = match self.page(spool, window, place, taken)? {
                PageAnswer::Page(head, broken) => {
                    if !self.is_as_planned(spool)? {
                        return Ok(PagesRead::OtherPlan);
                    }
                    if let Some(other) = self.look_closer(window, (listed, head.items), broken) {
                        return Ok(other);
                    }
                    head
                }
                PageAnswer::Bad(bad) => {
                    return self.continue_without(spool, window, place, &bad, taken);
                }
            };
            let (events, new) = (head.items, taken.lines.len());
            info!(events, new, "fetched a page");
            stated = stated.or(head.total);
            listed += head.items;
            empty = if head.items == 0 { empty + 1 } else { 0 };
            let Some(next) = head.next.filter(|_| empty < EMPTY_PAGES) else {
                return Ok(PagesRead::End(stated, listed));
            };
            let is_new = tokens.insert(next.clone());
            if !is_new && head.items == 0 {
                return Ok(PagesRead::End(stated, listed));
            }
            if !is_new {
                taken.warnings.push(format!(
                    "Mimecast named a page of audit events twice ({} to {}): events of later pages \
                     may be missing",
                    window.from, window.to
                ));
                return Ok(PagesRead::End(stated, listed));
            }
            token = Some(next);
            if taken.len() > EVENTS_LIMIT && window.can_halve() {
                return Ok(PagesRead::TooMuch);
            }
        }
    }

    /// Requests the page after `listed` items and collects its events. Retries once if the page
    /// cannot be read.
    fn page(
        &mut self,
        spool: &Spool,
        window: &Window,
        (token, listed): (Option<&str>, usize),
        taken: &mut Taken,
    ) -> Result<PageAnswer, Failure> {
        let body = endpoints::audit(window.from, window.to, self.pieces.size(), token);
        let mut why = String::new();
        for _ in 0..2 {
            let text = match self.client.call(Call::Log(&AUDIT), &body, &mut NoSink) {
                Ok(Reply::Json(text)) => text,
                Ok(Reply::Archive(_) | Reply::Nothing) => return Err(not_json().into()),
                Err(ApiError::TooLarge(what)) => {
                    return Ok(PageAnswer::Bad(BadPage::TooLarge(what)));
                }
                Err(ApiError::NotUnderstood(what)) => return self.check_unreadable(what),
                Err(error) => return self.check_absent(spool, window, error),
            };
            let (published, mut at, mut broken) = (&mut self.published, 0, None);
            let covered = self.pieces.covered();
            let read = page::read(&text, |item| {
                let is_broken = taken.take(item, spool, published)?;
                if is_broken && listed + at >= covered {
                    broken = broken.or(Some(at));
                }
                at += 1;
                Ok::<_, Failure>(())
            })?;
            match read {
                Ok(head) => {
                    self.has_read = true;
                    self.has_read_event |= head.items > 0;
                    return Ok(PageAnswer::Page(head, broken));
                }
                Err(what) => why = what,
            }
            warn!(why, "a page of audit events cannot be read");
        }
        self.check_unreadable(why)
    }

    /// Changes the window or the page size so that an item that is not JSON is last on its page. Its end can
    /// be a guess, which may hide its neighbours. Returns `None` if no change is needed or possible.
    fn look_closer(
        &mut self,
        window: &Window,
        (before, items): (usize, usize),
        broken: Option<usize>,
    ) -> Option<PagesRead> {
        if let Some(at) = broken.filter(|_| self.isolated < UNREAD_LIMIT) {
            if window.can_halve() {
                return Some(PagesRead::TooMuch);
            }
            if self.pieces.broken(before + at, (before, items)) {
                return Some(PagesRead::OtherSize);
            }
            self.isolated += 1;
        }
        let is_other = !window.can_halve() && self.pieces.arrived(before + items, items);
        is_other.then_some(PagesRead::OtherSize)
    }
}

pub(super) fn not_json() -> ApiError {
    ApiError::NotUnderstood("an audit answer that is not JSON".to_owned())
}

fn short(window: &Window, stated: u64, found: u64) -> String {
    format!(
        "Mimecast counts {stated} audit events from {} to {} and has sent {found}: some may be missing",
        window.from, window.to
    )
}
