//! One object of API 2.0: a gzip file of JSON lines, read up to a verified end.

use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write};

use super::gzip::GzipMembers;
use crate::api::ApiError;
use crate::clock::{Clock, Stopped};
use crate::config::Aliases;
use crate::json::Members;
use crate::siem::{COPY_BYTES, check_signal};
use crate::spool::Scratch;

/// The largest unpacked object, in bytes. A page of 100 objects is far smaller.
const LIMIT_BYTES: u64 = 4 << 30;
/// The longest line that is changed, in bytes. The vendor's lines are far shorter.
const LINE_BYTES: u64 = 8 << 20;

/// The damage of an object.
pub(crate) struct ObjectFault {
    pub(crate) what: String,
    /// True if the damage is after the last event, so that all events could be read.
    pub(crate) is_behind: bool,
}

impl ObjectFault {
    pub(super) fn of(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            is_behind: false,
        }
    }
}

/// Writes the object's lines. Returns the damage, if there is any. Bytes that are not packed are
/// written unchanged, because the caller has checked that they are lines.
pub(super) fn unpack(
    raw: &mut Scratch,
    part: &mut impl Write,
    aliases: Aliases,
    clock: &Clock,
) -> Result<Option<ObjectFault>, ApiError> {
    let is_packed = first_bytes(raw)? == FirstBytes::Gzip;
    let packed = BufReader::with_capacity(COPY_BYTES, &mut *raw);
    if !is_packed {
        let ended = write_lines(packed, part, aliases, &|| check_signal(clock))?;
        return ended.map_or(Ok(None), |error| Err(ApiError::Sink(error)));
    }
    lines(packed, part, aliases, &|| check_signal(clock))
}

/// The kind of an object, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstBytes {
    Empty,
    Gzip,
    /// Neither: a damaged object, or a page of a proxy.
    Foreign,
}

/// Reads the first bytes. The next read begins at the first byte.
pub(super) fn first_bytes(raw: &mut Scratch) -> Result<FirstBytes, ApiError> {
    let mut first = Vec::new();
    raw.seek(SeekFrom::Start(0)).map_err(ApiError::Sink)?;
    raw.take(2)
        .read_to_end(&mut first)
        .map_err(ApiError::Sink)?;
    raw.seek(SeekFrom::Start(0)).map_err(ApiError::Sink)?;
    Ok(match *first {
        [] => FirstBytes::Empty,
        [0x1f, 0x8b] => FirstBytes::Gzip,
        _ => FirstBytes::Foreign,
    })
}

/// True if the bytes are JSON lines of the listed type, because a proxy has unpacked the object.
/// The next read begins at the first byte.
///
/// # Errors
/// [`ApiError::Sink`] if the file cannot be read.
pub(super) fn lines_of_type(raw: &mut Scratch, listed: &str) -> Result<bool, ApiError> {
    raw.seek(SeekFrom::Start(0)).map_err(ApiError::Sink)?;
    let found = are_lines_of_type(&mut BufReader::with_capacity(COPY_BYTES, &mut *raw), listed);
    raw.seek(SeekFrom::Start(0)).map_err(ApiError::Sink)?;
    found.map_err(ApiError::Sink)
}

/// The longest name of a type, in bytes.
const KIND_BYTES: usize = 256;

fn are_lines_of_type(source: &mut impl BufRead, listed: &str) -> io::Result<bool> {
    let same_type = |json: &str| {
        let letters = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
        let kind = serde_json::from_str::<String>(json);
        kind.is_ok_and(|kind| letters(&kind) == letters(listed))
    };
    let (mut line, mut count) = (Vec::new(), 0_u64);
    while source
        .by_ref()
        .take(LINE_BYTES)
        .read_until(b'\n', &mut line)?
        > 0
    {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            let Ok(members) = serde_json::from_str::<Members<'_>>(&text) else {
                return Ok(false);
            };
            let kind = members.get("type").or_else(|| members.get("eventType"));
            if !kind.is_some_and(|kind| kind.len() < KIND_BYTES && same_type(kind)) {
                return Ok(false);
            }
            count += 1;
        }
        line.clear();
    }
    Ok(count > 0)
}

/// Unpacks bytes from any source, with the errors of [`unpack`]. Invalid bytes are damage, not an
/// error of the disk.
pub(crate) fn lines(
    packed: impl BufRead,
    part: &mut impl Write,
    aliases: Aliases,
    check_signal: &dyn Fn() -> Result<(), Stopped>,
) -> Result<Option<ObjectFault>, ApiError> {
    let mut unpacked = GzipMembers::new(packed).take(LIMIT_BYTES);
    let ended = write_lines(&mut unpacked, part, aliases, check_signal)?;
    let what = match ended {
        Some(error) if is_of_the_bytes(&error) => "it is not a whole gzip file",
        Some(error) => return Err(ApiError::Sink(error)),
        None if unpacked.limit() == 0 => "it unpacks to more than 4 GiB",
        None if unpacked.get_ref().has_garbage() => {
            return Ok(Some(ObjectFault {
                what: "bytes follow its end".to_owned(),
                is_behind: true,
            }));
        }
        None => return Ok(None),
    };
    Ok(Some(ObjectFault::of(what)))
}

/// Writes lines as the configuration requires. Returns the error that ended the reading early.
fn write_lines(
    unpacked: impl Read,
    part: &mut impl Write,
    aliases: Aliases,
    check_signal: &dyn Fn() -> Result<(), Stopped>,
) -> Result<Option<io::Error>, ApiError> {
    match aliases {
        Aliases::Off => copy(unpacked, part, check_signal),
        Aliases::On => copy_with_aliases(unpacked, part, check_signal),
    }
}

/// Copies the vendor's bytes unchanged. Returns the error that ended the reading early.
fn copy(
    mut unpacked: impl Read,
    part: &mut impl Write,
    check_signal: &dyn Fn() -> Result<(), Stopped>,
) -> Result<Option<io::Error>, ApiError> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        check_signal()?;
        match unpacked.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => part.write_all(&buffer[..count]).map_err(ApiError::Sink)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Some(error)),
        }
    }
}

/// Copies line by line, and adds two members at the end of each object.
fn copy_with_aliases(
    unpacked: impl Read,
    part: &mut impl Write,
    check_signal: &dyn Fn() -> Result<(), Stopped>,
) -> Result<Option<io::Error>, ApiError> {
    let mut unpacked = BufReader::with_capacity(COPY_BYTES, unpacked);
    let mut line = Vec::new();
    loop {
        check_signal()?;
        line.clear();
        match unpacked
            .by_ref()
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return Ok(None),
            Ok(_) => {
                add_aliases(&mut line);
                part.write_all(&line).map_err(ApiError::Sink)?;
            }
            Err(error) => return Ok(Some(error)),
        }
    }
}

/// Adds `eventType` and `subType` with the values of `type` and `subtype`. Lines that are not an
/// object stay unchanged.
fn add_aliases(line: &mut Vec<u8>) {
    let Some(end) = line.iter().rposition(|byte| *byte == b'}') else {
        return;
    };
    let added = {
        let Ok(text) = std::str::from_utf8(&line[..=end]) else {
            return;
        };
        let Ok(members) = serde_json::from_str::<Members<'_>>(text) else {
            return;
        };
        let mut added = String::new();
        for (name, alias) in [("type", "eventType"), ("subtype", "subType")] {
            if let (Some(value), None) = (members.get(name), members.get(alias)) {
                added.push_str(&format!(",\"{alias}\":{value}"));
            }
        }
        added
    };
    line.splice(end..end, added.into_bytes());
}

/// True if the bytes caused the error, not the disk.
fn is_of_the_bytes(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    error.raw_os_error().is_none()
        && matches!(
            error.kind(),
            InvalidData | InvalidInput | UnexpectedEof | Other
        )
}

#[cfg(test)]
mod tests;
