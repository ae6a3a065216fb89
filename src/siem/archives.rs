//! API 1.0: fetches archive after archive, from the saved token until Mimecast has no more.
//!
//! One thread fetches the next archive while this one unpacks and commits the last. [`damaged`]
//! handles archives that fail verification.

mod damaged;
mod unpacking;

use std::io::{self, Write};
use std::sync::Arc;

use tracing::info;

use crate::api::answer::{Head, siem_token};
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, Client, Reply, Sink};
use crate::clock::Clock;
use crate::collect::prefetch::Prefetch;
use crate::collect::{Context, Ready, Source, Waiting};
use crate::config::Format;
use crate::failure::{Code, Failure};
use crate::logs::ARCHIVES;
use crate::spool::{Batch, Gap, Scratch, Scratches, Spool};

use super::{FetchError, gap_after, stale};

/// The source of archives that are not collected yet.
pub(super) struct ArchiveStream {
    client: Arc<Client>,
    clock: Clock,
    format: Format,
    prefetch: Prefetch<Asked, Result<Fetched, FetchError>>,
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
    /// The reason why every transfer broke off; `None` for a complete archive.
    cut: Option<String>,
}

/// An unpacked archive.
struct Unpacked {
    batch: Batch,
    /// The parts that fail verification, in words.
    faults: Vec<String>,
}

impl ArchiveStream {
    /// Returns the source, and starts to fetch the first archive after the spool's position.
    pub(super) fn start(context: &Context, spool: &Spool) -> Self {
        let (client, format) = (Arc::clone(&context.client), context.config.siem.format);
        let position = spool.position().map(str::to_owned);
        let asking = Arc::clone(&client);
        let prefetch = Prefetch::new(move |(token, scratches): Asked| {
            fetch(&asking, format, token.as_deref(), &scratches)
        });
        prefetch.start((position.clone(), spool.scratches()));
        Self {
            client,
            clock: context.clock.clone(),
            format,
            prefetch,
            position,
            restarted: false,
            finished: false,
        }
    }

    fn batch(&self, spool: &Spool) -> Batch {
        spool.batch(self.clock.present().latest)
    }

    /// True if this run may restart: the position is a saved one, and there was no restart yet.
    const fn can_restart(&self) -> bool {
        self.position.is_some() && !self.restarted
    }

    /// Restarts at the oldest archive that Mimecast keeps, and records the gap.
    fn restart(&mut self, spool: &Spool) -> Ready {
        self.restarted = true;
        let before = self.position.take();
        self.prefetch.start((None, spool.scratches()));
        let now = self.clock.present().earliest;
        let (gap, since) = gap_after(spool, now, "the saved position was refused");
        let mut batch = self.batch(spool);
        batch.note_gap(Gap { before, ..gap });
        batch.warn(format!(
            "Mimecast refused the saved position: collection continues from the oldest logs that \
             Mimecast keeps, and logs since {since} may be missing"
        ));
        Ready {
            batch,
            position: None,
        }
    }

    /// Records the gap of a run that was too late, at its end.
    fn record_late(&self, spool: &Spool, (gap, warning): (Gap, String)) -> Ready {
        let mut batch = self.batch(spool);
        batch.note_gap(gap);
        batch.warn(warning);
        Ready {
            batch,
            position: self.position.clone(),
        }
    }

    /// Starts to fetch the archive after this one.
    fn ask_after(&self, spool: &Spool, archive: &Archive) {
        self.prefetch
            .start((Some(archive.token.clone()), spool.scratches()));
    }

    /// Returns an error for an archive that leads back to itself, because it would be fetched forever.
    fn refuse_circle(&self, archive: &Archive) -> Result<(), Failure> {
        if self.position.as_ref() != Some(&archive.token) {
            return Ok(());
        }
        let what = "Mimecast sent an archive with the token of the request: the next request would \
                    return the same archive again";
        let remedy = "nothing was lost; please report it if it repeats";
        Err(Failure::new(Code::NotUnderstood, what, remedy))
    }
}

impl Source for ArchiveStream {
    /// Returns the next archive, unpacked. After an error the position has not moved.
    fn next(&mut self, spool: &Spool) -> Result<Option<Ready>, Failure> {
        if self.finished {
            return Ok(None);
        }
        let mut archive = match self.prefetch.take() {
            Ok(Fetched::Nothing) => {
                self.finished = true;
                let now = self.clock.present().earliest;
                let late = stale(spool, now).filter(|_| !self.restarted);
                return Ok(late.map(|gap| self.record_late(spool, gap)));
            }
            Ok(Fetched::Archive(archive)) => archive,
            Err(FetchError::Api(ApiError::PositionRefused)) if self.can_restart() => {
                return Ok(Some(self.restart(spool)));
            }
            Err(failed) => return Err(failed.into()),
        };
        self.refuse_circle(&archive)?;
        let mut batch;
        if let Some(why) = archive.cut.clone() {
            (archive, batch) = self.complete_or_give_up(spool, archive, &why)?;
            self.ask_after(spool, &archive);
        } else {
            self.ask_after(spool, &archive);
            let unpacked = self.unpack(spool, &mut archive)?;
            batch = unpacked.batch;
            if let Some(fault) = unpacked.faults.into_iter().next() {
                drop(batch); // frees disk space for the second copy
                (archive, batch) = self.check_second_copy(spool, archive, &fault)?;
                self.ask_after(spool, &archive);
            }
        }
        let position = Some(archive.token);
        self.position.clone_from(&position);
        Ok(Some(Ready { batch, position }))
    }
}

/// Asks for the archive after a position, and drops its bytes.
pub(super) fn ask(context: &Context, position: Option<&str>) -> Result<Waiting, ApiError> {
    let mut bytes = Counted(0);
    let body = endpoints::siem(position, context.config.siem.format);
    let count = match context
        .client
        .call(Call::Log(&ARCHIVES), &body, &mut bytes)?
    {
        Reply::Archive(_) => 1,
        Reply::Nothing => 0,
        Reply::Json(_) => return Err(not_an_archive()),
    };
    Ok(Waiting {
        kind: "archive",
        count,
        bytes: Some(bytes.0),
        span: None,
        more: count > 0,
        known: false,
    })
}

/// A sink that counts bytes.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Counted {
    fn clear(&mut self) -> io::Result<()> {
        self.0 = 0;
        Ok(())
    }
}

fn not_an_archive() -> ApiError {
    ApiError::NotUnderstood("JSON where an archive was expected".to_owned())
}

fn fetch(
    client: &Client,
    format: Format,
    token: Option<&str>,
    scratches: &Scratches,
) -> Result<Fetched, FetchError> {
    let mut raw = scratches.make().map_err(FetchError::Spool)?;
    let body = endpoints::siem(token, format);
    let (head, cut) = match client.call(Call::Log(&ARCHIVES), &body, &mut raw) {
        Ok(Reply::Archive(head)) => (head, None),
        Ok(Reply::Nothing) => return Ok(Fetched::Nothing),
        Ok(Reply::Json(_)) => return Err(FetchError::Api(not_an_archive())),
        Err(ApiError::Cut { head, why }) if head.is_success() => (*head, Some(why)),
        Err(error) => return Err(FetchError::Api(error.without_beginning())),
    };
    let Some(token) = siem_token(&head).map(str::to_owned) else {
        let without = "an archive without a usable continuation token".to_owned();
        return Err(FetchError::Api(cut.map_or_else(
            || ApiError::NotUnderstood(without),
            ApiError::Unreachable,
        )));
    };
    info!(kind = head.text("content-type"), cut, "fetched an archive");
    Ok(Fetched::Archive(Box::new(Archive {
        head,
        token,
        raw,
        cut,
    })))
}
