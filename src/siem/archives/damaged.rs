//! Archives that do not verify, and archives whose transfer breaks off each time.
//!
//! An archive that does not verify is fetched once more. If it verifies then, the fault was on the way
//! and is forgotten. The same bytes again are what Mimecast really has: they are kept raw, whatever did
//! verify is published, and the stream moves on. Other bytes that do not verify either decide nothing, and
//! nothing moves, until that has happened at the same position in three runs.
//!
//! A transfer that breaks off in three runs counts as damage once an archive behind it verifies: until
//! then the network may be at fault.

use tracing::warn;

use super::{Archive, Fetched, Logs, Unpacked, fetch};
use crate::api::ApiError;
use crate::api::answer::Head;
use crate::report::{Failure, LASTING_RUNS};
use crate::siem::second_copy::{self, Belief};
use crate::siem::{gap_after, going_on};
use crate::spool::{Batch, Digest, Gap, Spool};

/// So many archives behind one that breaks off are tried.
const TRIED_BEHIND: usize = 4;

impl Logs {
    /// Fetches a damaged archive once more; returns what is to be believed of the two.
    pub(super) fn second_look(
        &mut self,
        spool: &Spool,
        first: Box<Archive>,
        fault: &str,
    ) -> anyhow::Result<(Box<Archive>, Batch)> {
        warn!(fault, "an archive does not verify: fetching it again");
        self.ahead.forget();
        let position = self.position.as_deref();
        let fetched = fetch(&self.client, self.format, position, &spool.scratches())?;
        let Fetched::Archive(again) = fetched else {
            return Err(differs(self.trouble(), fault).into());
        };
        self.refuse_circle(&again)?;
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
            Belief::Differs if self.is_lasting(spool) => {
                self.give_up_worse(spool, copies, unpacked)
            }
            Belief::Differs => Err(differs(self.trouble(), fault).into()),
        }
    }

    /// Gives up a damaged archive by the copy of which more verifies.
    fn give_up_worse(
        &self,
        spool: &Spool,
        [mut first, mut again]: [Box<Archive>; 2],
        of_second: Unpacked,
    ) -> anyhow::Result<(Box<Archive>, Batch)> {
        let files = of_second.batch.size().files;
        drop(of_second); // its files make room for those of the first copy
        let of_first = self.unpack(spool, &mut first)?;
        if of_first.batch.size().files >= files {
            let batch = self.give_up(spool, &mut first, of_first)?;
            return Ok((first, batch));
        }
        drop(of_first);
        let of_second = self.unpack(spool, &mut again)?;
        let batch = self.give_up(spool, &mut again, of_second)?;
        Ok((again, batch))
    }

    /// Does without the rest of an archive whose transfer breaks off each time, once that lasts and another
    /// one shows that transfers work.
    pub(super) fn without_the_rest(
        &self,
        spool: &Spool,
        archive: &mut Archive,
        why: String,
    ) -> anyhow::Result<Batch> {
        if !self.is_lasting(spool) || !self.is_one_behind_whole(spool, archive)? {
            let what = format!("the transfer of an archive broke off each time: {why}");
            let remedy = "nothing to do if it passes: the next run fetches it again; else check network \
                          and proxy";
            return Err(Failure::later(self.trouble(), what, remedy).into());
        }
        let mut unpacked = self.unpack(spool, archive)?;
        let fault = format!("its transfer breaks off: {why}");
        unpacked.faults.insert(0, fault);
        self.give_up(spool, archive, unpacked)
    }

    /// True if an archive behind this one arrives whole and verifies.
    fn is_one_behind_whole(&self, spool: &Spool, archive: &Archive) -> anyhow::Result<bool> {
        let mut token = archive.token.clone();
        for _ in 0..TRIED_BEHIND {
            let fetched = fetch(&self.client, self.format, Some(&token), &spool.scratches());
            going_on(&self.clock)?;
            let Ok(Fetched::Archive(mut behind)) = fetched else {
                return Ok(false);
            };
            if behind.cut.is_none() && self.unpack(spool, &mut behind)?.faults.is_empty() {
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

    /// True if this run is the third in a row with damage at this position.
    fn is_lasting(&self, spool: &Spool) -> bool {
        spool.runs_with(&self.trouble()) + 1 >= LASTING_RUNS
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
