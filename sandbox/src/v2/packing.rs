//! From an object's text to the bytes in the store.

use std::io::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::shelf::Kept;

/// An object that waits for its place.
pub(super) struct Packed {
    pub(super) name: Option<String>,
    pub(super) appeared: Option<DateTime<Utc>>,
    pub(super) body: Option<Arc<[u8]>>,
    pub(super) size: usize,
    pub(super) lines: Vec<Vec<u8>>,
}

impl Packed {
    pub(super) fn at(self, place: usize, now: DateTime<Utc>) -> Kept {
        Kept {
            // The same names in every type: only the type that was asked for tells them apart.
            name: self
                .name
                .unwrap_or_else(|| format!("part-{place:06}.json.gz")),
            appeared: self.appeared.unwrap_or(now),
            body: self.body,
            size: self.size,
            lines: self.lines,
            downloads: 0,
            is_hidden: false,
        }
    }
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    None,
    Corrupt,
    Cut(usize),
}

impl Damage {
    pub(super) fn done_to(self, body: Arc<[u8]>) -> Arc<[u8]> {
        match self {
            Self::None => body,
            Self::Cut(bytes) => body[..bytes.min(body.len())].into(),
            Self::Corrupt => {
                let mut body = body.to_vec();
                let middle = body.len() / 2;
                for byte in body.iter_mut().skip(middle).take(16) {
                    *byte ^= 0x5a;
                }
                body.into()
            }
        }
    }
}

/// Packs in that many members of equal size.
pub(crate) fn gzip(text: &[u8], members: usize) -> Vec<u8> {
    let size = text.len().div_ceil(members).max(1);
    let mut parts: Vec<&[u8]> = text.chunks(size).collect();
    // Nothing at all is a member, too, and so are those that are left without a byte.
    parts.resize(members, b"");
    let mut packed = Vec::new();
    for part in parts {
        let mut encoder = GzEncoder::new(packed, Compression::default());
        packed = encoder
            .write_all(part)
            .and_then(|()| encoder.finish())
            .expect("writing to memory");
    }
    packed
}

/// Lines are cut at line feeds only, the last one needs none, and a blank one counts.
pub(super) fn lines_of(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return Vec::new();
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}
