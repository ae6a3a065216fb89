//! Unpacks archives: each member becomes a file of the batch.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use serde::Deserializer as _;

use super::{Archive, ArchiveStream, Unpacked};
use crate::api::ApiError;
use crate::archive::{self, ArchiveError, Limits, Member};
use crate::clock::Clock;
use crate::config::Format;
use crate::event_time::event_time;
use crate::failure::Failure;
use crate::json;
use crate::siem::{COPY_BYTES, check_signal};
use crate::spool::{Batch, Digest, Extension, Part, Spool};

impl ArchiveStream {
    /// Unpacks an archive into a batch.
    pub(super) fn unpack(&self, spool: &Spool, from: &mut Archive) -> Result<Unpacked, Failure> {
        let mut batch = self.batch(spool);
        let mut faults = Vec::new();
        let found = archive::members(&mut from.raw, &Limits::default(), |member| {
            let fault = self.store(member, spool, &mut batch)?;
            faults.extend(fault);
            Ok::<_, Failure>(())
        });
        let found = found.map_err(|error| match error {
            ArchiveError::Source(error) => ApiError::Sink(error).into(),
            ArchiveError::Each(error) => error,
        })?;
        faults.extend(found.iter().map(ToString::to_string));
        Ok(Unpacked { batch, faults })
    }

    /// Adds one member to the batch, unless it is damaged or was published before. Returns the
    /// fault of its content.
    fn store(
        &self,
        member: &mut Member<'_>,
        spool: &Spool,
        batch: &mut Batch,
    ) -> Result<Option<String>, Failure> {
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
        // after a restart the same logs can have other names
        let is_replay = self.restarted || spool.is_resumed();
        if spool.has_seen(if is_replay { content } else { named })? {
            batch.repeat();
            return Ok(None);
        }
        let kind = match self.format {
            Format::KeyValue => Extension::Siem,
            Format::Json => Extension::Json,
        };
        batch.saw_event_at(part.last_line().and_then(event_time));
        batch.add(part, stem, kind)?;
        batch.remember([content, named]);
        Ok(None)
    }
}

/// Copies the vendor's bytes unchanged. It ignores a read error, because the member records it.
fn copy(
    member: &mut Member<'_>,
    part: &mut Part,
    clock: &Clock,
) -> Result<Option<String>, Failure> {
    let mut buffer = vec![0; COPY_BYTES];
    while let Ok(count @ 1..) = member.read(&mut buffer) {
        check_signal(clock)?;
        part.write_all(&buffer[..count]).map_err(ApiError::Sink)?;
    }
    Ok(None)
}

/// Writes each object of the document's `data` as one line. Returns the fault of the document.
fn explode(
    member: &mut Member<'_>,
    part: &mut Part,
    clock: &Clock,
) -> Result<Option<String>, Failure> {
    let name: String = member.name().chars().take(60).collect();
    let mut failed = None;
    let mut reader = BufReader::with_capacity(COPY_BYTES, &mut *member);
    if reader.fill_buf().is_ok_and(<[u8]>::is_empty) {
        return Ok(None);
    }
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut line = Vec::new();
    let read = json.deserialize_map(json::Data::new(|item| {
        line.clear();
        json::push_one_line(&mut line, item);
        line.push(b'\n');
        let written = check_signal(clock)
            .map_err(ApiError::from)
            .and_then(|()| part.write_all(&line).map_err(ApiError::Sink));
        written.map_err(|error| failed = Some(error)).is_ok()
    }));
    let read = read.and_then(|found| json.end().map(|()| found));
    if let Some(error) = failed {
        return Err(error.into());
    }
    Ok(match read {
        Ok(true) => None,
        Ok(false) => Some(format!("{} is JSON without data", name.escape_debug())),
        Err(_) if member.is_faulty() => None, // the archive reports a better fault
        Err(_) => Some(format!(
            "{} is not the JSON of a log file",
            name.escape_debug()
        )),
    })
}
