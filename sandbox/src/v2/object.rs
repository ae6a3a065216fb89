//! One object of a type's list, as a test describes it.

use std::iter;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::event;
use super::packing::{Damage, Packed, gzip, lines_of};

/// A gzip file of JSON lines, or something that should have been one.
#[derive(Clone, Debug)]
pub struct Object {
    content: Content,
    /// More lines behind the content.
    more: Vec<Vec<u8>>,
    members: usize,
    final_newline: bool,
    damage: Damage,
    name: Option<String>,
    appeared: Option<DateTime<Utc>>,
    declared_size: Option<usize>,
    lines: Option<Vec<Vec<u8>>>,
}

#[derive(Clone, Debug)]
enum Content {
    Realistic(u64, usize, DateTime<Utc>),
    /// These bytes, packed.
    Text(Vec<u8>),
    /// These very bytes.
    Raw(Arc<[u8]>),
    /// Listed, but not in the store.
    Missing,
}

impl Object {
    /// `events` records of the type that it is served for, dated around 2026-11-20. Equal arguments give equal bytes; no
    /// line occurs twice over all seeds and types.
    pub fn realistic(seed: u64, events: usize) -> Self {
        let start = DateTime::from_timestamp(1_795_132_800, 0).expect("a date");
        // A quarter of an hour apart, as the service makes them; after 1000 seeds the dates start again.
        let step = TimeDelta::minutes(15) * (seed % 1000) as i32;
        Self::realistic_at(seed, events, start + step)
    }

    /// The same with records of the half hour before `time`.
    pub fn realistic_at(seed: u64, events: usize, time: DateTime<Utc>) -> Self {
        Self::new(Content::Realistic(seed, events, time))
    }

    /// These lines, each with a line break.
    pub fn lines(lines: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut text = Vec::new();
        for line in lines {
            text.extend_from_slice(line.as_ref());
            text.push(b'\n');
        }
        Self::text(text)
    }

    /// These bytes, packed; of nothing for `b""`.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    /// These very bytes as the body. The ledger gets nothing from it; see [`with_lines`](Self::with_lines).
    pub fn raw(body: impl Into<Arc<[u8]>>) -> Self {
        Self::new(Content::Raw(body.into()))
    }

    /// Not a single byte.
    pub fn empty() -> Self {
        Self::raw([])
    }

    /// Listed, but the store answers 404. The ledger gets nothing from it.
    pub fn missing() -> Self {
        Self::new(Content::Missing)
    }

    /// One more line at the end.
    fn and_line(mut self, line: impl Into<Vec<u8>>) -> Self {
        self.more.push(line.into());
        self
    }

    /// One more line that holds nothing.
    pub fn and_blank_line(self) -> Self {
        self.and_line(Vec::new())
    }

    /// One more line, whose text ends in the middle of a character and goes on.
    pub fn and_invalid_utf8(self) -> Self {
        self.and_line(*b"{\"type\":\"receipt\",\"subject\":\"M\xfcller \xe6\x9d\",\"_offset\":-1}")
    }

    /// One more line of at least `bytes` bytes.
    pub fn and_long_line(self, bytes: usize) -> Self {
        let detail = "detail \\\"ü\\\" ".repeat(bytes / 13 + 1);
        self.and_line(format!(r#"{{"spamInfo":"{detail}","_offset":{bytes}}}"#))
    }

    /// One more line that stops in the middle.
    pub fn and_broken_json(self) -> Self {
        self.and_line(*b"{\"type\":\"receipt\",\"subject\":\"half a")
    }

    /// Packed in that many gzip members, cut wherever it falls.
    pub fn in_members(mut self, members: usize) -> Self {
        self.members = members.max(1);
        self
    }

    /// The last line ends without a line break.
    pub fn without_final_newline(mut self) -> Self {
        self.final_newline = false;
        self
    }

    /// Damaged in its middle, every time. The ledger gets nothing from it.
    pub fn corrupt(mut self) -> Self {
        self.damage = Damage::Corrupt;
        self
    }

    /// Only its first bytes, every time, in an answer that looks sound. The ledger gets nothing from it.
    pub fn cut_at(mut self, bytes: usize) -> Self {
        self.damage = Damage::Cut(bytes);
        self
    }

    /// The last part of its path, instead of one made of its place.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// When it appeared, for ranges of dates: instead of the moment of serving.
    pub const fn dated(mut self, time: DateTime<Utc>) -> Self {
        self.appeared = Some(time);
        self
    }

    /// What the list says of its size, instead of the truth.
    pub const fn with_size(mut self, size: usize) -> Self {
        self.declared_size = Some(size);
        self
    }

    /// States what a client should publish of it, for the ledger.
    pub fn with_lines(mut self, lines: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.lines = Some(lines.into_iter().map(Into::into).collect());
        self
    }

    fn new(content: Content) -> Self {
        Self {
            content,
            more: Vec::new(),
            members: 1,
            final_newline: true,
            damage: Damage::None,
            name: None,
            appeared: None,
            declared_size: None,
            lines: None,
        }
    }

    /// Renders and packs it as an object of that type.
    pub(super) fn pack(self, log_type: &'static str) -> Packed {
        let text = self.render(log_type);
        let lines = self.lines.unwrap_or_else(|| match &text {
            Some(text) if self.damage == Damage::None => lines_of(text),
            _ => Vec::new(),
        });
        let body = match (self.content, text) {
            (Content::Raw(body), _) => Some(body),
            (_, Some(text)) => Some(gzip(&text, self.members).into()),
            (_, None) => None,
        };
        let body = body.map(|body| self.damage.done_to(body));
        let size = body.as_ref().map_or(0, |body| body.len());
        Packed {
            name: self.name,
            appeared: self.appeared,
            size: self.declared_size.unwrap_or(size),
            body,
            lines,
        }
    }

    /// The text before packing, where there is one.
    fn render(&self, log_type: &'static str) -> Option<Vec<u8>> {
        let mut text = match &self.content {
            Content::Text(text) => text.clone(),
            Content::Realistic(seed, events, time) => {
                let numbers = 0..*events as u64;
                let lines = numbers.map(|number| event::line(log_type, *seed, number, *time));
                lines.flat_map(|line| (line + "\n").into_bytes()).collect()
            }
            Content::Raw(_) | Content::Missing => return None,
        };
        for line in &self.more {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        if !self.final_newline && text.last() == Some(&b'\n') {
            text.pop();
        }
        Some(text)
    }
}

/// So that a test may serve one as well as many.
impl IntoIterator for Object {
    type Item = Self;
    type IntoIter = iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        iter::once(self)
    }
}
