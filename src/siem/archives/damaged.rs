//! Archives that fail verification, and archives whose transfer breaks off each time.
//!
//! The collector fetches such an archive again. If the second copy verifies, the first was damaged
//! in transfer.
//!
//! If both copies are the same, Mimecast itself has these bytes. The collector quarantines them,
//! publishes the members that verify, and moves the position.
//!
//! If the copies differ and neither verifies, the position does not move. The same holds for a transfer that
//! breaks off. After three runs at one position the collector gives up the archive. But first a later archive
//! must arrive complete and verify: otherwise the network may be the cause.

use tracing::warn;

use super::{Archive, ArchiveStream, FetchError, Fetched, Unpacked, fetch};
use crate::api::ApiError;
use crate::api::answer::Head;
use crate::failure::{Failure, LASTING_RUNS};
use crate::siem::second_copy::{self, Comparison};
use crate::siem::{check_signal, gap_after};
use crate::spool::{Batch, Digest, Gap, Spool};

/// The number of later archives that are tried.
const TRIED_BEHIND: usize = 64;
/// After so many runs (one day of half-hourly runs), a shorter later archive is enough.
const LONG_RUNS: u32 = 48;

impl ArchiveStream {
    /// Fetches a damaged archive again, and returns the archive and the batch to commit.
    pub(super) fn check_second_copy(
        &mut self,
        spool: &Spool,
        first: Box<Archive>,
        fault: &str,
    ) -> Result<(Box<Archive>, Batch), Failure> {
        warn!(fault, "an archive does not verify: fetching it again");
        self.prefetch.discard();
        let Some(again) = self.fetch_again(spool)? else {
            return self.give_up_or_wait(spool, vec![*first], fault);
        };
        let mut copies = [first, again];
        let unpacked = self.unpack(spool, &mut copies[1])?;
        let is_whole = unpacked.faults.is_empty() && copies[1].cut.is_none();
        let [first, again] = &mut copies;
        match second_copy::compare(&mut first.raw, &mut again.raw, is_whole)? {
            Comparison::Second => {
                let [_, again] = copies;
                Ok((again, unpacked.batch))
            }
            Comparison::Same => {
                let [_, mut again] = copies;
                let batch = self.give_up(spool, &mut again, unpacked)?;
                Ok((again, batch))
            }
            Comparison::Differs => {
                drop(unpacked); // frees disk space for the best copy
                let copies = copies.map(|copy| *copy);
                self.give_up_or_wait(spool, copies.into(), fault)
            }
        }
    }

    /// Gives up an archive and returns its best copy, if that is due. Otherwise the next run
    /// fetches it again.
    fn give_up_or_wait(
        &self,
        spool: &Spool,
        mut copies: Vec<Archive>,
        fault: &str,
    ) -> Result<(Box<Archive>, Batch), Failure> {
        if self.may_give_up(spool, &mut copies)? {
            self.give_up_best(spool, copies)
        } else {
            Err(differs(self.trouble(), fault))
        }
    }

    /// Fetches the archive at the position again. Returns `None` if it does not arrive.
    fn fetch_again(&self, spool: &Spool) -> Result<Option<Box<Archive>>, Failure> {
        let position = self.position.as_deref();
        match fetch(&self.client, self.format, position, &spool.scratches()) {
            Ok(Fetched::Archive(again)) => {
                self.refuse_circle(&again)?;
                Ok(Some(again))
            }
            Ok(Fetched::Nothing) => Ok(None),
            Err(failed) => self.tolerate_archive_error(failed).map(|()| None),
        }
    }

    /// Ignores an error that may concern this archive alone. Returns any other as the failure.
    fn tolerate_archive_error(&self, failed: FetchError) -> Result<(), Failure> {
        check_signal(&self.clock)?;
        match failed {
            FetchError::Api(ApiError::Unreachable(_) | ApiError::NotUnderstood(_)) => Ok(()),
            failed => Err(failed.into()),
        }
    }

    /// Gives up an archive, and publishes the copy of which most members verify.
    fn give_up_best(
        &self,
        spool: &Spool,
        copies: Vec<Archive>,
    ) -> Result<(Box<Archive>, Batch), Failure> {
        let mut best = None;
        for mut copy in copies {
            let files = self.unpack(spool, &mut copy)?.batch.size().files;
            if best.as_ref().is_none_or(|(most, _)| files > *most) {
                best = Some((files, copy));
            }
        }
        let (_, mut best) = best.expect("there is one");
        let mut unpacked = self.unpack(spool, &mut best)?;
        if let Some(why) = &best.cut {
            let fault = format!("its transfer breaks off: {why}");
            unpacked.faults.insert(0, fault);
        }
        let batch = self.give_up(spool, &mut best, unpacked)?;
        Ok((Box::new(best), batch))
    }

    /// Gives up the rest of an archive whose transfer breaks off each time. Returns the complete
    /// archive if the next attempt succeeds.
    pub(super) fn complete_or_give_up(
        &self,
        spool: &Spool,
        archive: Box<Archive>,
        why: &str,
    ) -> Result<(Box<Archive>, Batch), Failure> {
        let mut copies = vec![*archive];
        if !self.may_give_up(spool, &mut copies)? {
            let what = format!("the transfer of an archive broke off each time: {why}");
            let remedy = "nothing to do if it passes: the next run fetches it again; else check \
                          network and proxy";
            return Err(Failure::later(self.trouble(), what, remedy));
        }
        // an outage may have ended meanwhile
        if let Some(mut again) = self.fetch_again(spool)? {
            let unpacked = self.unpack(spool, &mut again)?;
            if again.cut.is_none() && unpacked.faults.is_empty() {
                return Ok((again, unpacked.batch));
            }
            copies.push(*again);
        }
        self.give_up_best(spool, copies)
    }

    /// True if the collector may give up an archive that several runs could not fetch. Proof is a
    /// later archive that is not shorter: it shows that the network works. After many runs a
    /// shorter one is enough.
    fn may_give_up(&self, spool: &Spool, copies: &mut [Archive]) -> Result<bool, Failure> {
        let runs = spool.runs_with(&self.trouble()) + 1;
        if runs < LASTING_RUNS {
            return Ok(false);
        }
        let mut longest = 0;
        for copy in copies.iter_mut() {
            longest = longest.max(copy.raw.size().map_err(ApiError::Sink)?);
        }
        let proof = if runs < LONG_RUNS { longest } else { 0 };
        self.is_one_behind_whole(spool, &copies[0], proof)
    }

    /// True if a later archive of at least so many bytes arrives complete and verifies.
    fn is_one_behind_whole(
        &self,
        spool: &Spool,
        archive: &Archive,
        bytes: u64,
    ) -> Result<bool, Failure> {
        let mut token = archive.token.clone();
        for _ in 0..TRIED_BEHIND {
            let fetched = fetch(&self.client, self.format, Some(&token), &spool.scratches());
            check_signal(&self.clock)?;
            let mut behind = match fetched {
                Ok(Fetched::Archive(behind)) if behind.token != token => behind,
                Ok(_) | Err(FetchError::Api(ApiError::Stopped(_))) => return Ok(false),
                Err(failed) => return self.tolerate_archive_error(failed).map(|()| false),
            };
            if behind.cut.is_none()
                && behind.raw.size().map_err(ApiError::Sink)? >= bytes
                && self.unpack(spool, &mut behind)?.faults.is_empty()
            {
                return Ok(true);
            }
            token = behind.token;
        }
        Ok(false)
    }

    /// Quarantines a damaged archive and records the gap. The members that verify are published.
    fn give_up(
        &self,
        spool: &Spool,
        archive: &mut Archive,
        Unpacked { mut batch, faults }: Unpacked,
    ) -> Result<Batch, Failure> {
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

    /// Returns the name of the trouble at this position, by which runs are compared. The kind of
    /// damage may differ between runs.
    fn trouble(&self) -> String {
        let at = format!("{:?}", self.position);
        format!("damaged {:016x}", Digest::of(at.as_bytes()).short())
    }
}

/// Returns the failure of copies that differ: the damage happened in transfer, so no copy is published yet.
fn differs(trouble: String, fault: &str) -> Failure {
    let what = format!("an archive arrived damaged ({fault}) and differently each time");
    let remedy = "nothing to do: the next run fetches it again";
    Failure::later(trouble, what, remedy)
}

/// Returns the note for the quarantine: some headers, and the damage.
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
