//! API 1.0: archive after archive, from the saved token until nothing is waiting.
//!
//! The next archive is already under way while the last is being stored: one thread asks, this one
//! unpacks and commits. An archive that cannot be verified is fetched once more. If it verifies then,
//! the fault was on the way and is forgotten. The same bytes again are what Mimecast really has: they
//! are kept raw, whatever did verify is published, and the stream moves on. Other bytes that do not
//! verify either decide nothing, and nothing moves.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::Arc;

use serde::Deserializer as _;
use tracing::{info, warn};

use crate::api::answer::{Head, siem_token};
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, Client, Reply};
use crate::archive::{self, ArchiveError, Limits, Member};
use crate::clock::Clock;
use crate::config::Format;
use crate::document;
use crate::fetch::Ahead;
use crate::report::{Code, Failure, LASTING_RUNS};
use crate::run::{Ready, Run, Source};
use crate::spool::{Batch, Digest, Extension, Gap, Part, Scratch, Scratches, Spool};

use super::second_copy::{self, Belief};
use super::{COPY_BYTES, Failed, gap_after, going_on, stale};

/// The archives that are waiting.
pub(super) struct Logs {
    client: Arc<Client>,
    clock: Clock,
    format: Format,
    ahead: Ahead<Asked, Result<Fetched, Failed>>,
    position: Option<String>,
    restarted: bool,
    finished: bool,
}

type Asked = (Option<String>, Scratches);

enum Fetched {
    Nothing,
    Archive(Box<Archive>),
}

/// An archive as it arrived.
struct Archive {
    head: Head,
    token: String,
    raw: Scratch,
}

/// An archive in pieces.
struct Unpacked {
    batch: Batch,
    /// What does not verify; empty if all does.
    faults: Vec<String>,
}

impl Logs {
    /// Asks for the first archive after the spool's position.
    pub(super) fn waiting(run: &Run, spool: &Spool) -> Self {
        let (client, format) = (run.client(), run.config.siem.format);
        let position = spool.position().map(str::to_owned);
        let asking = Arc::clone(&client);
        let ahead = Ahead::new(move |(token, scratches): Asked| {
            fetch(&asking, format, token.as_deref(), &scratches)
        });
        ahead.ask((position.clone(), spool.scratches()));
        Self {
            client,
            clock: run.clock.clone(),
            format,
            ahead,
            position,
            restarted: false,
            finished: false,
        }
    }

    fn batch(&self, spool: &Spool) -> Batch {
        spool.batch(self.clock.present().latest)
    }

    /// True if starting over can help: the position is a saved one, and this is the first time.
    const fn can_restart(&self) -> bool {
        self.position.is_some() && !self.restarted
    }

    /// Goes on from the oldest archive that Mimecast keeps, and says what may be missing.
    fn restart(&mut self, spool: &Spool) -> Ready {
        self.restarted = true;
        let before = self.position.take();
        self.ahead.ask((None, spool.scratches()));
        let now = self.clock.present().earliest;
        let (gap, since) = gap_after(spool, now, "the saved position was refused");
        let mut batch = self.batch(spool);
        batch.note_gap(Gap { before, ..gap });
        batch.warn(format!(
            "Mimecast refused the saved position: collection goes on from the oldest logs that it \
             keeps, and logs since {since} may be missing"
        ));
        Ready {
            batch,
            position: None,
        }
    }

    /// Records a gap at the end of a run that came too late.
    fn record_late(&self, spool: &Spool, (gap, warning): (Gap, String)) -> Ready {
        let mut batch = self.batch(spool);
        batch.note_gap(gap);
        batch.warn(warning);
        Ready {
            batch,
            position: self.position.clone(),
        }
    }

    /// Unpacks an archive into a batch.
    fn unpack(&self, spool: &Spool, from: &mut Archive) -> anyhow::Result<Unpacked> {
        let mut batch = self.batch(spool);
        let mut faults = Vec::new();
        let found = archive::members(&mut from.raw, &Limits::default(), |member| {
            let fault = self.store(member, spool, &mut batch)?;
            faults.extend(fault);
            anyhow::Ok(())
        });
        let found = found.map_err(|error| match error {
            ArchiveError::Source(error) => ApiError::Sink(error).into(),
            ArchiveError::Each(error) => error,
        })?;
        faults.extend(found.iter().map(ToString::to_string));
        Ok(Unpacked { batch, faults })
    }

    /// Writes one member as a file of the batch, unless it is not whole or was published before. Returns
    /// what is wrong with its content.
    fn store(
        &self,
        member: &mut Member<'_>,
        spool: &Spool,
        batch: &mut Batch,
    ) -> anyhow::Result<Option<String>> {
        let name = member.name().to_owned();
        let stem = name
            .rsplit_once('.')
            .map_or(name.as_str(), |(stem, _)| stem);
        let mut part = batch.part()?;
        let fault = match self.format {
            Format::KeyValue => copy(member, &mut part, &self.clock)?,
            Format::Json => explode(member, &mut part, &self.clock)?,
        };
        if !member.is_whole() || fault.is_some() || part.bytes() == 0 {
            return Ok(fault);
        }
        part.end_line().map_err(ApiError::Sink)?;
        let content = part.digest();
        let named = Digest::of(format!("{stem}\n{content:?}").as_bytes());
        // after a restart the same logs can come under other names
        let is_replay = self.restarted || spool.is_resumed();
        if spool.has_seen(if is_replay { content } else { named })? {
            batch.repeat();
            return Ok(None);
        }
        let kind = match self.format {
            Format::KeyValue => Extension::Siem,
            Format::Json => Extension::Json,
        };
        batch.add(part, stem, kind)?;
        batch.remember([content, named]);
        Ok(None)
    }

    /// An archive that leads back to itself would be fetched for ever.
    fn refuse_circle(&self, archive: &Archive) -> Result<(), Failure> {
        if self.position.as_ref() != Some(&archive.token) {
            return Ok(());
        }
        let what = "Mimecast sent an archive with the token that it was asked with: going on would \
                    fetch the same archive for ever";
        let remedy = "nothing was lost; please report it if it repeats";
        Err(Failure::new(Code::NotUnderstood, what, remedy))
    }

    /// Fetches a damaged archive once more; returns what is to be believed of the two.
    fn second_look(
        &mut self,
        spool: &Spool,
        mut first: Box<Archive>,
        fault: &str,
    ) -> anyhow::Result<(Box<Archive>, Batch)> {
        warn!(fault, "an archive does not verify: fetching it again");
        self.ahead.forget();
        let trouble = self.trouble();
        let position = self.position.as_deref();
        let fetched = fetch(&self.client, self.format, position, &spool.scratches())?;
        let Fetched::Archive(mut again) = fetched else {
            return Err(differs(trouble, fault).into());
        };
        self.refuse_circle(&again)?;
        let unpacked = self.unpack(spool, &mut again)?;
        let is_whole = unpacked.faults.is_empty();
        let belief = second_copy::compare(&mut first.raw, &mut again.raw, is_whole)?;
        // damage at the same position in three runs is as good as the same bytes
        let is_lasting = spool.runs_with(&trouble) + 1 >= LASTING_RUNS;
        let batch = match belief {
            Belief::Second => unpacked.batch,
            Belief::Differs if !is_lasting => return Err(differs(trouble, fault).into()),
            Belief::Differs => {
                let second_files = unpacked.batch.size().files;
                drop(unpacked);
                // the copy of which more verifies
                let mut best = first;
                let mut unpacked = self.unpack(spool, &mut best)?;
                if unpacked.batch.size().files < second_files {
                    std::mem::swap(&mut best, &mut again);
                    drop(unpacked);
                    unpacked = self.unpack(spool, &mut best)?;
                }
                again = best;
                self.give_up(spool, &mut again, unpacked)?
            }
            Belief::Same => self.give_up(spool, &mut again, unpacked)?,
        };
        self.ahead
            .ask((Some(again.token.clone()), spool.scratches()));
        Ok((again, batch))
    }

    /// Keeps the bytes of a damaged archive and records the gap; what verifies of it is published.
    fn give_up(
        &self,
        spool: &Spool,
        archive: &mut Archive,
        Unpacked { mut batch, faults }: Unpacked,
    ) -> anyhow::Result<Batch> {
        let fault = faults.first().map_or("it is damaged", String::as_str);
        let kept = if archive.raw.is_empty().map_err(ApiError::Sink)? {
            "no byte of it has arrived".to_owned()
        } else {
            let place = spool.quarantine(&mut archive.raw, &note(&archive.head, &faults))?;
            format!("its bytes are kept in {}", place.display())
        };
        batch.warn(format!("an archive is damaged ({fault}); {kept}"));
        let now = self.clock.present().earliest;
        let (gap, _) = gap_after(spool, now, &format!("an archive is damaged: {fault}"));
        batch.note_gap(Gap {
            before: self.position.clone(),
            after: Some(archive.token.clone()),
            ..gap
        });
        Ok(batch)
    }

    /// The name of damage at this position, by which runs are compared. What is damaged may differ.
    fn trouble(&self) -> String {
        let at = format!("{:?}", self.position);
        format!("damaged {:016x}", Digest::of(at.as_bytes()).short())
    }
}

/// What differs each time was damaged on the way: nothing of it is believed yet.
fn differs(trouble: String, fault: &str) -> Failure {
    let what = format!("an archive arrived damaged ({fault}) and differently each time");
    let remedy = "nothing to do: the next run fetches it again";
    Failure::later(trouble, what, remedy)
}

impl Source for Logs {
    /// The next archive, unpacked. After an error the position has not moved.
    fn next(&mut self, spool: &Spool) -> anyhow::Result<Option<Ready>> {
        if self.finished {
            return Ok(None);
        }
        let mut archive = match self.ahead.wait() {
            Ok(Fetched::Nothing) => {
                self.finished = true;
                let now = self.clock.present().earliest;
                let late = stale(spool, now).filter(|_| !self.restarted);
                return Ok(late.map(|gap| self.record_late(spool, gap)));
            }
            Ok(Fetched::Archive(archive)) => archive,
            Err(Failed::Api(ApiError::PositionRefused)) if self.can_restart() => {
                return Ok(Some(self.restart(spool)));
            }
            Err(failed) => return Err(failed.into()),
        };
        self.refuse_circle(&archive)?;
        self.ahead
            .ask((Some(archive.token.clone()), spool.scratches()));
        let Unpacked { mut batch, faults } = self.unpack(spool, &mut archive)?;
        if let Some(fault) = faults.into_iter().next() {
            drop(batch); // its files make room for those of the second copy
            (archive, batch) = self.second_look(spool, archive, &fault)?;
        }
        let position = Some(archive.token);
        self.position.clone_from(&position);
        Ok(Some(Ready { batch, position }))
    }
}

fn fetch(
    client: &Client,
    format: Format,
    token: Option<&str>,
    scratches: &Scratches,
) -> Result<Fetched, Failed> {
    let mut raw = scratches.make().map_err(Failed::Spool)?;
    let body = endpoints::siem(token, format);
    match client
        .call(Call::Siem, &body, &mut raw)
        .map_err(Failed::Api)?
    {
        Reply::Archive(head) => {
            let token = siem_token(&head).map(str::to_owned).ok_or_else(|| {
                let why = "an archive without a usable continuation token".to_owned();
                Failed::Api(ApiError::NotUnderstood(why))
            })?;
            info!(kind = head.text("content-type"), "an archive has arrived");
            Ok(Fetched::Archive(Box::new(Archive { head, token, raw })))
        }
        Reply::Nothing => Ok(Fetched::Nothing),
        Reply::Json(_) => {
            let why = "JSON where an archive was expected".to_owned();
            Err(Failed::Api(ApiError::NotUnderstood(why)))
        }
    }
}

/// Copies the vendor's bytes unchanged. A read error is the member's own business: it knows.
fn copy(member: &mut Member<'_>, part: &mut Part, clock: &Clock) -> anyhow::Result<Option<String>> {
    let mut buffer = vec![0; COPY_BYTES];
    while let Ok(count @ 1..) = member.read(&mut buffer) {
        going_on(clock)?;
        part.write_all(&buffer[..count]).map_err(ApiError::Sink)?;
    }
    Ok(None)
}

/// Writes each object of the document's `data` as one line; says what is wrong with the document.
fn explode(
    member: &mut Member<'_>,
    part: &mut Part,
    clock: &Clock,
) -> anyhow::Result<Option<String>> {
    let name: String = member.name().chars().take(60).collect();
    let mut failed = None;
    let mut reader = BufReader::with_capacity(COPY_BYTES, &mut *member);
    if reader.fill_buf().is_ok_and(<[u8]>::is_empty) {
        return Ok(None);
    }
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut line = Vec::new();
    let read = json.deserialize_map(document::Data::new(|item| {
        line.clear();
        document::push_one_line(&mut line, item);
        line.push(b'\n');
        let written = going_on(clock).and_then(|()| {
            part.write_all(&line)
                .map_err(|error| ApiError::Sink(error).into())
        });
        written.map_err(|error| failed = Some(error)).is_ok()
    }));
    let read = read.and_then(|found| json.end().map(|()| found));
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(match read {
        Ok(true) => None,
        Ok(false) => Some(format!("{} is JSON without data", name.escape_debug())),
        Err(_) if member.is_faulty() => None, // the archive's fault says it better
        Err(_) => Some(format!(
            "{} is not the JSON of a log file",
            name.escape_debug()
        )),
    })
}

/// What is known of a damaged archive: allowed headers, and what is wrong.
fn note(head: &Head, faults: &[String]) -> String {
    let names = [
        "date",
        "content-type",
        "content-length",
        "content-disposition",
    ];
    let headers = names.iter().filter_map(|name| {
        let value: String = head.text(name)?.chars().take(200).collect();
        Some(format!("{name}: {}", value.escape_debug()))
    });
    let faults = faults.iter().map(|fault| format!("fault: {fault}"));
    headers.chain(faults).collect::<Vec<_>>().join("\n")
}
