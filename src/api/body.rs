//! The body of an answer: size limits, shape, and a check that its end is real.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};

use super::answer::{Head, siem_token};
use super::transport::{BodyTarget, HELD_LIMIT, RATE_BYTES, RATE_PERIOD, TransportError};

/// A check that ends a transfer that is too slow. It would otherwise use up the run's time.
pub(super) struct Rate {
    since: Duration,
    bytes: u64,
}

impl Rate {
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            since: now,
            bytes: 0,
        }
    }

    pub(super) fn add(&mut self, bytes: usize, now: Duration) -> Result<(), TransportError> {
        self.bytes += bytes as u64;
        if now.saturating_sub(self.since) < RATE_PERIOD {
            return Ok(());
        }
        if self.bytes < RATE_BYTES {
            return Err(TransportError::Passing(
                "the answer arrived too slowly".to_owned(),
            ));
        }
        *self = Self::new(now);
        Ok(())
    }
}

/// Returns the bytes as text. Each invalid sequence becomes three bytes, which also count for the limit.
pub fn text_of(held: Vec<u8>) -> Result<String, TransportError> {
    String::from_utf8(held).or_else(|error| {
        let chunks = error.as_bytes().utf8_chunks();
        let replaced = |invalid: &[u8]| if invalid.is_empty() { 0 } else { 3 };
        let bytes = chunks.map(|chunk| chunk.valid().len() + replaced(chunk.invalid()));
        if bytes.sum::<usize>() > HELD_LIMIT {
            return Err(TransportError::TooLarge);
        }
        Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
    })
}

pub(super) fn is_stored(head: &Head, target: BodyTarget, start: &[u8]) -> bool {
    match target {
        BodyTarget::SinkIfArchive => is_archive(head, start),
        BodyTarget::Sink => head.status == 200,
    }
}

/// True for an archive: it has a zip signature, or a continuation token, which Mimecast sends only
/// with archives.
fn is_archive(head: &Head, start: &[u8]) -> bool {
    let kind = head
        .text(CONTENT_TYPE.as_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_text = kind.contains("json") || kind.contains("html") || kind.starts_with("text/");
    start.starts_with(b"PK") || (siem_token(head).is_some() && !is_text && !start.starts_with(b"{"))
}

pub(super) fn check_framing(head: &Head, target: BodyTarget) -> Result<(), TransportError> {
    // an object is a gzip file, even if the store declares that as an encoding
    if target == BodyTarget::SinkIfArchive
        && let Some(coding) = head.text(CONTENT_ENCODING.as_str())
        && !coding.eq_ignore_ascii_case("identity")
    {
        return Err(TransportError::Improper(
            "a compressed answer, which was not requested".to_owned(),
        ));
    }
    // a coding before the chunks would be read as content, and a coding after them would hide a cut
    let is_chunked = head
        .text(TRANSFER_ENCODING.as_str())
        .is_some_and(|codings| codings.trim().eq_ignore_ascii_case("chunked"));
    let is_framed = is_chunked
        || (head.headers.contains_key(CONTENT_LENGTH)
            && !head.headers.contains_key(TRANSFER_ENCODING));
    if is_framed || matches!(head.status, 100..200 | 204 | 304) {
        return Ok(());
    }
    Err(TransportError::Passing(
        "an answer with neither a length nor plain chunks: its end could be a cut".to_owned(),
    ))
}
