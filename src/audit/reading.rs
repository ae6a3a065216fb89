//! Reading one window: all its pages, again if some are missing.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::page::{self, Head, Item};
use super::taken::Taken;
use super::window::Window;
use super::{EVENTS_LIMIT, Events};
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Reply};
use crate::spool::{Gap, Spool};

/// Pages without events that are followed in a row.
const EMPTY_PAGES: u32 = 5;
/// How often a window is read if events are missing by its own count.
const READINGS: u32 = 3;

/// Pages that are given up in one run: more of them are not single bad pages.
const UNREAD_LIMIT: u32 = 5;

/// What became of a window.
pub(super) enum Read {
    /// All its events.
    Whole(Box<Taken>),
    /// More than can be held: a shorter window is asked for.
    TooMuch,
    /// A page is too large or cannot be read: a smaller one is asked for.
    TooLarge,
    /// The clocks want another window.
    OtherPlan,
}

/// How the pages of one reading ended.
enum Pages {
    /// All were read. The count that Mimecast stated, if it did, and how many items came.
    End(Option<u64>, u64),
    TooMuch,
    TooLarge,
    OtherPlan,
}

/// One page.
enum Answer {
    Page(Head),
    Unreadable(String),
}

impl Events {
    /// Reads a window, again if events are missing by Mimecast's own count.
    pub(super) fn read(&mut self, spool: &Spool, window: &Window) -> anyhow::Result<Read> {
        let mut taken = Taken::new(self.format, spool)?;
        for reading in 1..=READINGS {
            taken.begin_reading();
            let (stated, listed) = match self.read_pages(spool, window, &mut taken)? {
                Pages::End(stated, listed) => (stated, listed),
                Pages::TooMuch => return Ok(Read::TooMuch),
                Pages::OtherPlan => return Ok(Read::OtherPlan),
                Pages::TooLarge if window.can_halve() => return Ok(Read::TooMuch),
                Pages::TooLarge => return Ok(Read::TooLarge),
            };
            // Mimecast counts an item twice that it lists twice; several readings together can have them all
            let found = listed.max(taken.len() as u64);
            match stated {
                Some(stated) if stated > found => {
                    warn!(
                        reading,
                        stated, found, "events are missing by Mimecast's count"
                    );
                    taken.short = Some(short(window, stated, found));
                }
                _ => {
                    if let Some(stated) = stated.filter(|stated| *stated < found) {
                        info!(stated, found, "there are more events than Mimecast counts");
                    }
                    taken.short = None;
                    break;
                }
            }
        }
        Ok(Read::Whole(Box::new(taken)))
    }

    /// Reads all pages of a window once.
    fn read_pages(
        &mut self,
        spool: &Spool,
        window: &Window,
        taken: &mut Taken,
    ) -> anyhow::Result<Pages> {
        let (mut tokens, mut token) = (HashSet::new(), None);
        let (mut stated, mut listed, mut empty) = (None, 0, 0);
        loop {
            let head = match self.page(spool, window, token.as_deref(), taken)? {
                Answer::Page(head) => head,
                Answer::Unreadable(_) if window.can_halve() || self.page_size > 1 => {
                    return Ok(Pages::TooLarge);
                }
                Answer::Unreadable(why) => {
                    self.keep_unread(spool, window, (token.as_deref(), &why), taken)?;
                    return Ok(Pages::End(None, listed));
                }
            };
            if !self.is_as_planned(spool)? {
                return Ok(Pages::OtherPlan);
            }
            let (events, new) = (head.items, taken.lines.len());
            info!(events, new, "a page has arrived");
            stated = stated.or(head.total);
            listed += head.items as u64;
            empty = if head.items == 0 { empty + 1 } else { 0 };
            let Some(next) = head.next.filter(|_| empty < EMPTY_PAGES) else {
                return Ok(Pages::End(stated, listed));
            };
            let is_new = tokens.insert(next.clone());
            if !is_new && head.items == 0 {
                return Ok(Pages::End(stated, listed));
            }
            if !is_new {
                taken.warnings.push(format!(
                    "Mimecast named a page of audit events twice ({} to {}): events of later pages \
                     may be missing",
                    window.from, window.to
                ));
                return Ok(Pages::End(stated, listed));
            }
            token = Some(next);
            if taken.len() > EVENTS_LIMIT && window.can_halve() {
                return Ok(Pages::TooMuch);
            }
        }
    }

    /// Asks for one page and takes its events in. A page that cannot be read is asked for once more.
    fn page(
        &mut self,
        spool: &Spool,
        window: &Window,
        token: Option<&str>,
        taken: &mut Taken,
    ) -> anyhow::Result<Answer> {
        let body = endpoints::audit(window.from, window.to, self.page_size, token);
        let mut why = String::new();
        for _ in 0..2 {
            let text = match self.client.call(Call::Audit, &body, &mut NoSink) {
                Ok(Reply::Json(text)) => text,
                Ok(Reply::Archive(_) | Reply::Nothing) => return Err(not_json().into()),
                Err(ApiError::TooLarge(what)) => return Ok(Answer::Unreadable(what)),
                Err(ApiError::NotUnderstood(what)) => return self.doubt(what),
                Err(error) => return Err(error.into()),
            };
            let (published, mut broken) = (&mut self.published, 0_u32);
            let read = page::read(&text, &mut |item| {
                broken += u32::from(matches!(item, Item::Broken(_)));
                taken.take(&item, spool, published)
            })?;
            match read {
                Ok(head) => {
                    self.has_read = true;
                    return Ok(self.isolate(window, head, broken));
                }
                Err(what) => why = what,
            }
            warn!(why, "a page of audit events cannot be read");
        }
        self.doubt(why)
    }

    /// Where an item that is not JSON ends can be a guess, and it may hide its neighbours: it is asked for
    /// alone, as far as that is possible.
    fn isolate(&mut self, window: &Window, head: Head, broken: u32) -> Answer {
        let is_alone = !window.can_halve() && self.page_size == 1;
        if broken == 0 || self.isolated >= UNREAD_LIMIT {
            return Answer::Page(head);
        }
        if is_alone {
            self.isolated += 1;
            return Answer::Page(head);
        }
        Answer::Unreadable("an audit item that is not JSON".to_owned())
    }

    /// A page that cannot be read is one bad page only if Mimecast answers others: something in front of it
    /// may be the cause.
    fn doubt(&mut self, why: String) -> anyhow::Result<Answer> {
        if !self.has_read {
            let second = self.now() - TimeDelta::minutes(2);
            let body = endpoints::audit(second, second, 1, None);
            let Reply::Json(text) = self.client.call(Call::Audit, &body, &mut NoSink)? else {
                return Err(not_json().into());
            };
            let read = page::read(&text, &mut |_| anyhow::Ok(()))?;
            read.map_err(ApiError::NotUnderstood)?;
            self.has_read = true;
        }
        Ok(Answer::Unreadable(why))
    }

    /// Keeps the bytes of the smallest page that can be asked for and that cannot be read.
    fn keep_unread(
        &mut self,
        spool: &Spool,
        window: &Window,
        (token, why): (Option<&str>, &str),
        taken: &mut Taken,
    ) -> anyhow::Result<()> {
        self.unread += 1;
        if self.unread > UNREAD_LIMIT {
            return Err(ApiError::NotUnderstood(why.to_owned()).into());
        }
        let body = endpoints::audit(window.from, window.to, self.page_size, token);
        let mut raw = spool.scratch()?;
        self.client.call_raw(Call::Audit, &body, &mut raw)?;
        let note = format!("a page of audit events, window {}: {why}", window.stem());
        let kept = spool.quarantine(&mut raw, &note)?;
        let text = format!(
            "a page of audit events at {} cannot be read ({why}); its bytes are kept in {}, and events \
             of this second may be missing",
            window.from,
            kept.display()
        );
        let reason = "a page of audit events cannot be read";
        taken.unread.push((text, gap(window, reason)));
        Ok(())
    }
}

fn not_json() -> ApiError {
    ApiError::NotUnderstood("an audit answer that is not JSON".to_owned())
}

fn gap(window: &Window, reason: &str) -> Gap {
    let (from, to): (DateTime<Utc>, DateTime<Utc>) = (window.from, window.to);
    Gap::of(Some(from), to, reason)
}

fn short(window: &Window, stated: u64, found: u64) -> String {
    format!(
        "Mimecast counts {stated} audit events from {} to {} and has sent {found}: some may be missing",
        window.from, window.to
    )
}
