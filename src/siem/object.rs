//! One object of API 2.0: a gzip file of JSON lines, read to the clean end of its last member.

use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};

use flate2::read::MultiGzDecoder;

use super::{COPY_BYTES, going_on};
use crate::api::ApiError;
use crate::clock::Clock;
use crate::config::Aliases;
use crate::document::Members;
use crate::spool::{Part, Scratch};

/// The largest object that is unpacked, in bytes; a page of 100 is far below.
const LIMIT_BYTES: u64 = 4 << 30;
/// No line of the vendor's comes near; what is longer is copied as it is.
const LINE_BYTES: u64 = 8 << 20;

/// Writes the object's lines; says what is wrong with the bytes, if anything is.
///
/// `has_content` is what the list says: somebody between here and the store can answer with nothing.
pub(super) fn unpack(
    raw: &mut Scratch,
    has_content: bool,
    part: &mut Part,
    aliases: Aliases,
    clock: &Clock,
) -> anyhow::Result<Option<String>> {
    let size = raw.seek(SeekFrom::End(0)).map_err(ApiError::Sink)?;
    raw.seek(SeekFrom::Start(0)).map_err(ApiError::Sink)?;
    if size == 0 {
        let fault = "it is empty, although it was listed with a size";
        return Ok(has_content.then(|| fault.to_owned())); // else an object without events
    }
    let packed = BufReader::with_capacity(COPY_BYTES, &mut *raw);
    let unpacked = MultiGzDecoder::new(packed).take(LIMIT_BYTES);
    let fault = match aliases {
        Aliases::Off => copy(unpacked, part, clock)?,
        Aliases::On => copy_with_aliases(unpacked, part, clock)?,
    };
    match fault {
        Some(error) if is_of_the_bytes(&error) => {
            Ok(Some("it is not a whole gzip file".to_owned()))
        }
        Some(error) => Err(ApiError::Sink(error).into()),
        None if part.bytes() >= LIMIT_BYTES => Ok(Some("it unpacks to more than 4 GiB".to_owned())),
        None => Ok(None),
    }
}

/// Copies the vendor's bytes unchanged; yields what ended the reading early.
fn copy(
    mut unpacked: impl Read,
    part: &mut Part,
    clock: &Clock,
) -> anyhow::Result<Option<io::Error>> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        going_on(clock)?;
        match unpacked.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => part.write_all(&buffer[..count]).map_err(ApiError::Sink)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Some(error)),
        }
    }
}

/// Copies line by line, with two more members at the end of each object.
fn copy_with_aliases(
    unpacked: impl Read,
    part: &mut Part,
    clock: &Clock,
) -> anyhow::Result<Option<io::Error>> {
    let mut unpacked = BufReader::with_capacity(COPY_BYTES, unpacked);
    let mut line = Vec::new();
    loop {
        going_on(clock)?;
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

/// Adds `eventType` and `subType` with the values of `type` and `subtype`; what is no object stays
/// as it is.
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

/// Whether the bytes are to blame, not the disk that they are on.
fn is_of_the_bytes(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    error.raw_os_error().is_none()
        && matches!(
            error.kind(),
            InvalidData | InvalidInput | UnexpectedEof | Other
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliased(line: &str) -> String {
        let mut line = line.as_bytes().to_vec();
        add_aliases(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn aliases_are_added_at_the_end_and_nothing_else_changes() {
        assert_eq!(
            aliased("{\"type\":\"receipt\",\"a\":\"\\/ }\", \"subtype\":null}\r\n"),
            "{\"type\":\"receipt\",\"a\":\"\\/ }\", \"subtype\":null,\"eventType\":\"receipt\",\"subType\":null}\r\n"
        );
        for unchanged in [
            "{\"eventType\":\"x\",\"type\":\"y\"}\n",
            "[1]\n",
            "{\"type\":\n",
            "\n",
            "}",
        ] {
            assert_eq!(aliased(unchanged), unchanged);
        }
    }
}
