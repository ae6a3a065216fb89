//! Audit events: window after window, oldest first, up to a minute ago.
//!
//! Mimecast answers newest first and some events appear late. So a window counts only when all its
//! pages have been had, windows overlap, and the ids of what was taken are remembered with it. Page
//! tokens are offsets into a list that can grow: none outlives its window.

pub(crate) mod line;
pub(crate) mod page;
mod window;

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, Client, NoSink, Reply};
use crate::config::Format;
use crate::report::{Code, Failure};
use crate::run::{Program, Ready, Run, Source, Stream};
use crate::spool::{Digest, Extension, Gap, Scratch, Spill, Spool};
use line::Event;
use page::Page;
use window::{Plan, Window};

/// The program.
pub const PROGRAM: Program = Program {
    name: "audit",
    program: "audit_collection",
    about: "Collects the audit events of Mimecast since the last run",
    folder: "audit",
};

/// The story of a run: one stream, the same under both API generations.
///
/// # Errors
/// Whatever ends the run before the last window is collected.
pub fn collect(run: &mut Run) -> anyhow::Result<()> {
    let stream = Stream {
        name: PROGRAM.name.to_owned(),
        stem: String::new(),
        kind: (),
    };
    for stream in run.open(vec![stream])? {
        let mut events = Events::waiting(run, &stream.spool)?;
        run.drain(stream, &mut events)?;
    }
    Ok(())
}

/// Ids are remembered for so long beyond the overlap: also a larger overlap that is set later and a
/// clock that goes back find them.
const MEMORY: TimeDelta = TimeDelta::hours(26);
/// A window with more events than this is asked for in halves: it bounds memory, not volume.
const EVENTS_LIMIT: usize = 200_000;
/// A host whose clock is further off plans its windows by the server's clock instead.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(2);

/// The windows that have not been collected yet.
struct Events {
    client: Arc<Client>,
    format: Format,
    plan: Plan,
    /// What a person should look at, told with the first window.
    warnings: Vec<String>,
    finished: bool,
}

/// The events of one window, newest first.
struct Taken {
    lines: Spill,
    ids: Vec<(i64, Digest)>,
    known: HashSet<Digest>,
    nameless: HashMap<Digest, u32>,
    odd: Option<Scratch>,
    warnings: Vec<String>,
}

impl Events {
    /// Plans from the spool's position, or from the newest published file if the state was lost.
    ///
    /// # Errors
    /// A [`Failure`] when the position is not a time.
    fn waiting(run: &Run, spool: &Spool) -> anyhow::Result<Self> {
        let audit = &run.config.audit;
        let mut warnings = Vec::new();
        let position = match spool.position() {
            Some(text) => Some(parse_position(text)?),
            None => {
                let end = window::newest_end(&spool.published_names()?);
                warnings.extend(end.map(|end| resumed(end, audit.overlap)));
                end
            }
        };
        Ok(Self {
            client: run.client(),
            format: audit.format,
            plan: Plan::new(position, audit.overlap, audit.first_look_back),
            warnings,
            finished: false,
        })
    }

    /// All pages of a window; nothing when it holds too much and can be halved.
    fn fetch(&self, spool: &Spool, window: &Window) -> anyhow::Result<Option<Taken>> {
        let mut taken = Taken {
            lines: Spill::new(spool.scratch()?),
            ids: Vec::new(),
            known: HashSet::new(),
            nameless: HashMap::new(),
            odd: None,
            warnings: Vec::new(),
        };
        let mut tokens = HashSet::new();
        let mut token = None;
        loop {
            let page_size = endpoints::AUDIT_PAGE;
            let body = endpoints::audit(window.from, window.to, page_size, token.as_deref());
            let Reply::Json(text) = self.client.call(Call::Audit, &body, &mut NoSink)? else {
                return Err(not_understood("an audit answer that is no JSON".to_owned()));
            };
            let page = Page::read(&text).map_err(not_understood)?;
            for item in &page.items {
                self.take(spool, window, item.get(), &mut taken)?;
            }
            info!(
                events = page.items.len(),
                new = taken.lines.len(),
                "a page has arrived"
            );
            token = match page.next {
                Some(next) if !page.items.is_empty() => Some(next),
                _ => return Ok(Some(taken)),
            };
            if !tokens.insert(token.clone()) {
                taken.warnings.push(format!(
                    "Mimecast named a page of audit events twice ({} to {}): what stands behind it \
                     may be missing",
                    window.from, window.to
                ));
                return Ok(Some(taken));
            }
            if taken.known.len() > EVENTS_LIMIT && self.plan.can_halve(window) {
                return Ok(None);
            }
        }
    }

    /// Takes one item in, unless an earlier window or page held it.
    fn take(
        &self,
        spool: &Spool,
        window: &Window,
        item: &str,
        taken: &mut Taken,
    ) -> anyhow::Result<()> {
        let event = Event::read(item);
        let id = match event.as_ref().and_then(Event::id) {
            Some(id) => Some(Digest::of(id.as_bytes())).filter(|id| taken.known.insert(*id)),
            None => Some(taken.number(item)),
        };
        let Some(id) = id.filter(|id| !spool.has_seen(*id)) else {
            return Ok(());
        };
        let time = event.as_ref().and_then(Event::time).unwrap_or(window.to);
        let time = time.clamp(window.from, window.to);
        taken.ids.push((time.timestamp(), id));
        let Some(event) = event else {
            return taken.keep_odd(spool, item);
        };
        let line = match self.format {
            Format::KeyValue => event.key_value(),
            Format::Json => event.json(),
        };
        taken
            .lines
            .push(&line)
            .map_err(|error| ApiError::Sink(error).into())
    }

    /// Turns the window's events into one file, oldest first.
    fn batch(&self, spool: &Spool, window: &Window, mut taken: Taken) -> anyhow::Result<Ready> {
        let mut batch = spool.batch();
        let mut part = batch.part()?;
        taken
            .lines
            .write_reversed(&mut part)
            .map_err(ApiError::Sink)?;
        let kind = match self.format {
            Format::KeyValue => Extension::Log,
            Format::Json => Extension::Json,
        };
        batch.add(part, &window.stem(), kind)?;
        batch.remember(taken.ids);
        batch.forget_before((window.to - self.plan.overlap() - MEMORY).timestamp());
        if let Some((from, to)) = window.gap {
            let reason = "older than Mimecast keeps audit events".to_owned();
            batch.note_gap(Gap {
                from: Some(from),
                to,
                reason,
            });
            let text = "the last run was so long ago that Mimecast no longer has all events since";
            taken
                .warnings
                .push(format!("{text}: those from {from} to {to} are missing"));
        }
        if let Some(mut odd) = taken.odd {
            let note = format!("audit items that are no objects, window {}", window.stem());
            let place = spool.quarantine(&mut odd, &note)?;
            taken.warnings.push(format!(
                "audit items that are no events were kept in {}",
                place.display()
            ));
        }
        let position = Some(window::position(window.to));
        Ok(Ready {
            batch,
            position,
            warnings: taken.warnings,
        })
    }
}

impl Source for Events {
    /// The next window with all its events.
    fn next(&mut self, spool: &Spool) -> anyhow::Result<Option<Ready>> {
        while !self.finished {
            let skew = self.client.skew();
            let planned = self.plan.next(self.client.now());
            let Some(taken) = self.fetch(spool, &planned)? else {
                self.plan.halve(&planned);
                continue;
            };
            let found = self.client.skew().unwrap_or_default();
            if skew.is_none() && found.abs() > SKEW_LIMIT {
                warn!(
                    seconds = found.num_seconds(),
                    "this host's clock is off: planning anew"
                );
                continue;
            }
            if self.plan.goes_back(&planned) > MEMORY {
                return Err(far_ahead(&planned));
            }
            self.finished = planned.is_last;
            let mut ready = self.batch(spool, &planned, taken)?;
            ready.warnings.append(&mut self.warnings);
            self.plan.reached(planned.to);
            return Ok(Some(ready));
        }
        Ok(None)
    }
}

impl Taken {
    /// Stands in for the id of an item that has none: its text and how often that came before. Equal
    /// texts are of one second, so every window that has one of them has them all.
    fn number(&mut self, item: &str) -> Digest {
        let count = self
            .nameless
            .entry(Digest::of(item.as_bytes()))
            .or_insert(0);
        *count += 1;
        let id = Digest::of(format!("{count} {item}").as_bytes());
        self.known.insert(id);
        id
    }

    /// Keeps what is no event at all, for the quarantine.
    fn keep_odd(&mut self, spool: &Spool, item: &str) -> anyhow::Result<()> {
        let mut file = match self.odd.take() {
            Some(file) => file,
            None => spool.scratch()?,
        };
        writeln!(file, "{item}").map_err(ApiError::Sink)?;
        self.odd = Some(file);
        Ok(())
    }
}

fn parse_position(text: &str) -> anyhow::Result<DateTime<Utc>> {
    text.parse().map_err(|_| {
        let what = "the audit state holds a position that is not a time";
        Failure::new(
            Code::Config,
            what,
            "move the state file away to start again",
        )
        .into()
    })
}

/// State was lost: where collection goes on, and what that can repeat.
fn resumed(end: DateTime<Utc>, overlap: Duration) -> String {
    let minutes = overlap.as_secs() / 60;
    format!(
        "collection goes on at the end of the newest published file, {end}: events of the {minutes} \
         minutes before may have been written again"
    )
}

fn far_ahead(window: &Window) -> anyhow::Error {
    let what = format!(
        "audit events are already collected to a time days after the present, which is {} by \
         Mimecast's clock",
        window.to
    );
    let remedy = "if that clock is right, move audit.state, audit.state.prev and the published files \
                  that name later times away";
    Failure::new(Code::Config, what, remedy).into()
}

fn not_understood(why: String) -> anyhow::Error {
    ApiError::NotUnderstood(why).into()
}
