//! Archives that do not verify, and archives whose transfer breaks off each time.
//!
//! An archive that does not verify is fetched once more. If it verifies then, the fault was on the way
//! and is forgotten. The same bytes again are what Mimecast really has: they are kept raw, whatever did
//! verify is published, and the stream moves on. Other bytes that do not verify either decide nothing, and
//! nothing moves. The same holds for a transfer that breaks off.
//!
//! After three runs at the same position the archive is given up, once another one behind it arrives whole
//! and verifies: until then the network may be at fault.

use tracing::warn;

use super::{Archive, FetchError, Fetched, Logs, Unpacked, fetch};
use crate::api::ApiError;
use crate::api::answer::Head;
use crate::failure::{Failure, LASTING_RUNS};
use crate::siem::second_copy::{self, Belief};
use crate::siem::{gap_after, going_on};
use crate::spool::{Batch, Digest, Gap, Spool};

/// So many archives behind one that is not sound are tried.
const TRIED_BEHIND: usize = 64;
/// After so many runs, a day of one each half hour, a shorter archive shows enough.
const LONG_RUNS: u32 = 48;

impl Logs {
    /// Fetches a damaged archive once more; returns what is to be believed of the two.
    pub(super) fn second_look(
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
            Belief::Second => {
                let [_, again] = copies;
                Ok((again, unpacked.batch))
            }
            Belief::Same => {
                let [_, mut again] = copies;
                let batch = self.give_up(spool, &mut again, unpacked)?;
                Ok((again, batch))
            }
            Belief::Differs => {
                drop(unpacked); // its files make room for those of the best copy
                let copies = copies.map(|copy| *copy);
                self.give_up_or_wait(spool, copies.into(), fault)
            }
        }
    }

    /// Gives up an archive by the best of its copies, if that is due; else the next run fetches it again.
    fn give_up_or_wait(
        &self,
        spool: &Spool,
        mut copies: Vec<Archive>,
        fault: &str,
    ) -> Result<(Box<Archive>, Batch), Failure> {
        if self.is_given_up(spool, &mut copies)? {
            self.give_up_best(spool, copies)
        } else {
            Err(differs(self.trouble(), fault))
        }
    }

    /// Fetches the archive at the position once more; nothing if it does not come.
    fn fetch_again(&self, spool: &Spool) -> Result<Option<Box<Archive>>, Failure> {
        let position = self.position.as_deref();
        match fetch(&self.client, self.format, position, &spool.scratches()) {
            Ok(Fetched::Archive(again)) => {
                self.refuse_circle(&again)?;
                Ok(Some(again))
            }
            Ok(Fetched::Nothing) => Ok(None),
            Err(failed) => self.if_of_the_archive(failed).map(|()| None),
        }
    }

    /// Passes a failure on unless it can be of one archive alone.
    fn if_of_the_archive(&self, failed: FetchError) -> Result<(), Failure> {
        going_on(&self.clock)?;
        match failed {
            FetchError::Api(ApiError::Unreachable(_) | ApiError::NotUnderstood(_)) => Ok(()),
            failed => Err(failed.into()),
        }
    }

    /// Gives up an archive by the copy of which most verifies.
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

    /// Does without the rest of an archive whose transfer breaks off each time, or returns it whole if it
    /// arrives after all.
    pub(super) fn without_the_rest(
        &self,
        spool: &Spool,
        archive: Box<Archive>,
        why: &str,
    ) -> Result<(Box<Archive>, Batch), Failure> {
        let mut copies = vec![*archive];
        if !self.is_given_up(spool, &mut copies)? {
            let what = format!("the transfer of an archive broke off each time: {why}");
            let remedy = "nothing to do if it passes: the next run fetches it again; else check \
                          network and proxy";
            return Err(Failure::later(self.trouble(), what, remedy));
        }
        // an outage may have ended since
        if let Some(mut again) = self.fetch_again(spool)? {
            let unpacked = self.unpack(spool, &mut again)?;
            if again.cut.is_none() && unpacked.faults.is_empty() {
                return Ok((again, unpacked.batch));
            }
            copies.push(*again);
        }
        self.give_up_best(spool, copies)
    }

    /// Decides whether an archive that has not arrived sound in several runs is given up: only if one behind
    /// it that is no shorter shows that the network is not at fault. After many runs a shorter one does.
    fn is_given_up(&self, spool: &Spool, copies: &mut [Archive]) -> Result<bool, Failure> {
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

    /// True if an archive of so many bytes behind this one arrives whole and verifies.
    fn is_one_behind_whole(
        &self,
        spool: &Spool,
        archive: &Archive,
        bytes: u64,
    ) -> Result<bool, Failure> {
        let mut token = archive.token.clone();
        for _ in 0..TRIED_BEHIND {
            let fetched = fetch(&self.client, self.format, Some(&token), &spool.scratches());
            going_on(&self.clock)?;
            let mut behind = match fetched {
                Ok(Fetched::Archive(behind)) if behind.token != token => behind,
                Ok(_) | Err(FetchError::Api(ApiError::Stopped(_))) => return Ok(false),
                Err(failed) => return self.if_of_the_archive(failed).map(|()| false),
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

    /// Keeps the bytes of a damaged archive and records the gap; what verifies of it is published.
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
