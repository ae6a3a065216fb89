//! A batch: lines of consecutive files of one folder, which a destination gets together.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::logs;
use crate::spool::Queued;

/// The bytes of an event id before its encoding: half of a SHA-256.
const ID_BYTES: usize = 16;

/// The most that a destination takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of lines.
    pub lines: usize,
    /// The bytes of these lines. A longer line goes alone.
    pub bytes: usize,
}

/// A file in an outbox of which a batch has lines.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name in the outbox.
    pub queued: Queued,
    /// Its log type, such as `receipt`, `cg_url_protect` or `audit`.
    pub log_type: Arc<str>,
    /// The SHA-256 of its content.
    pub sha256: [u8; 32],
    /// True if the batch has its last line.
    pub is_complete: bool,
}

/// One line of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The place of its file in [`Batch::sources`].
    pub source: usize,
    /// Where it begins in its file, in bytes.
    pub offset: u64,
    /// Where it begins in [`Batch::text`].
    start: usize,
    /// Where it ends there, without its break.
    end: usize,
}

/// Lines of consecutive files of one folder.
#[derive(Debug, Default)]
pub struct Batch {
    text: Vec<u8>,
    lines: Vec<Line>,
    /// The files of the lines, in order.
    pub sources: Vec<Source>,
    /// Where the last file continues after the batch, in bytes.
    pub end: u64,
}

/// Some lines of a batch, in order.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    batch: &'a Batch,
    lines: &'a [usize],
}

impl Source {
    /// Returns the source for a file with this content.
    pub fn new(queued: Queued, sha256: [u8; 32]) -> Self {
        Self {
            log_type: log_type(&queued).into(),
            queued,
            sha256,
            is_complete: false,
        }
    }
}

/// Returns the log type of a file. Its stream tells it, or the beginning of its name.
fn log_type(queued: &Queued) -> String {
    let Queued { stream, folder, .. } = queued;
    if folder == logs::AUDIT_FOLDER {
        return logs::AUDIT.name.to_owned();
    }
    let stem = queued.name.stem();
    let objects = [&logs::CLOUD_GATEWAY, &logs::CLOUD_INTEGRATED].into_iter();
    let known = objects
        .flat_map(|log| {
            let types = log.types.iter();
            types.map(|kind| format!("{}_{}", log.name, kind.replace(' ', "_")))
        })
        .filter(|kind| {
            stream == kind
                || stem
                    .strip_prefix(kind)
                    .is_some_and(|rest| rest.starts_with('_'))
        });
    // `process` and `process_…` could both be types
    known
        .max_by_key(String::len)
        .unwrap_or_else(|| stem.split('_').next().unwrap_or_default().to_owned())
}

impl Batch {
    /// Adds a line, which may end with its break.
    pub fn push(&mut self, offset: u64, line: &[u8]) {
        let source = self.sources.len() - 1;
        let start = self.text.len();
        self.text.extend_from_slice(line);
        let broken = line.strip_suffix(b"\n").unwrap_or(line);
        let broken = broken.strip_suffix(b"\r").unwrap_or(broken);
        self.lines.push(Line {
            source,
            offset,
            start,
            end: start + broken.len(),
        });
    }

    /// Returns a batch without lines, of one whole file.
    pub fn of(source: Source) -> Self {
        Self {
            sources: vec![source],
            ..Self::default()
        }
    }

    /// Returns a batch of one of the lines.
    pub fn of_one(&self, line: &Line) -> Self {
        let mut one = Self::of(self.sources[line.source].clone());
        one.push(line.offset, self.text(line));
        one
    }

    /// Returns the lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the bytes so far.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the folder of the files.
    pub fn folder(&self) -> &str {
        self.sources
            .first()
            .map_or("", |first| &first.queued.folder)
    }

    /// Returns the text of a line, without its break.
    pub fn text(&self, line: &Line) -> &[u8] {
        &self.text[line.start..line.end]
    }

    /// Returns the lines at these places.
    pub const fn part<'a>(&'a self, lines: &'a [usize]) -> Part<'a> {
        Part { batch: self, lines }
    }

    /// Returns the id of a line: the same in each run and at each destination, and another one for an equal line
    /// at another place.
    pub fn id(&self, line: &Line) -> String {
        let mut hash = Sha256::new();
        hash.update(self.sources[line.source].sha256);
        hash.update(line.offset.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..ID_BYTES])
    }
}

impl<'a> Part<'a> {
    /// Returns the number of lines.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns the folder of the files.
    pub fn folder(&self) -> &'a str {
        self.batch.folder()
    }

    /// Returns the lines: the text without its break, and the line.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a Line)> + use<'a> {
        let batch = self.batch;
        self.lines.iter().map(move |place| {
            let line = &batch.lines[*place];
            (batch.text(line), line)
        })
    }

    /// Returns the bytes of the lines, with a break each.
    pub fn bytes(&self) -> usize {
        self.iter().map(|(text, _)| text.len() + 1).sum()
    }

    /// Returns the log type of a line.
    pub fn log_type(&self, line: &Line) -> &'a str {
        &self.batch.sources[line.source].log_type
    }

    /// Returns the id of a line.
    pub fn id(&self, line: &Line) -> String {
        self.batch.id(line)
    }

    /// Returns the number of the commit of a line: milliseconds since 1970.
    pub fn number(&self, line: &Line) -> u64 {
        self.batch.sources[line.source].queued.number
    }

    /// Returns the name of the published file of a line.
    pub fn file(&self, line: &Line) -> &'a str {
        self.batch.sources[line.source].queued.name.as_str()
    }
}
