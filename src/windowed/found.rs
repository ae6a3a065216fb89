//! The content of an answer to a page request: a readable page, a damaged one, or something else.

use std::convert::Infallible;
use std::io::{self, Read as _, Seek as _};

use super::page;
use crate::api::ApiError;
use crate::api::answer::{self, Head};
use crate::api::body::text_of;
use crate::api::endpoints::Call;
use crate::api::transport::HELD_LIMIT;
use crate::json::scan;
use crate::logs::AUDIT;
use crate::spool::Scratch;

/// The number of bytes that show whether an answer is a page.
const HEAD_BYTES: usize = 64 << 10;

/// The content of an answer to a page request.
#[derive(Debug)]
pub(super) enum PageContent {
    /// A page that can be read.
    Sound,
    /// A page that cannot be read, or a part of one.
    Damaged(String),
    /// An error, or an answer of a proxy or another service: Mimecast has not sent the page.
    NoPage(String),
}

impl PageContent {
    pub(super) fn in_answer(head: Option<&Head>, raw: &mut Scratch) -> io::Result<Self> {
        let Some(head) = head else {
            return Ok(Self::NoPage("an answer without content".to_owned()));
        };
        let size = raw.size()?;
        let bytes = usize::try_from(size).map_or(HEAD_BYTES, |size| match size {
            0..=HELD_LIMIT => size,
            _ => HEAD_BYTES,
        });
        let mut held = Vec::with_capacity(bytes);
        raw.rewind()?;
        raw.take(bytes as u64).read_to_end(&mut held)?;
        let beginning = String::from_utf8_lossy(&held[..held.len().min(HEAD_BYTES)]).into_owned();
        // a part of a page, and not HTML or the JSON of another service
        let is_like_one = beginning.trim_start().starts_with('{') && beginning.contains("\"data\"");
        let text = match text_of(held) {
            Ok(text) if size == bytes as u64 => text,
            _ if is_like_one => return Ok(Self::Damaged(ApiError::too_large().to_string())),
            _ => return Ok(Self::NoPage(ApiError::too_large().to_string())),
        };
        let is_broken = is_like_one && scan::each_member(&text, |_, _| ()).is_none();
        Ok(
            match answer::Answer::of(Call::Log(&AUDIT), head, answer::Body::Held(&text)) {
                answer::Answer::Data => match page::read(&text, |_| Ok::<_, Infallible>(())) {
                    Ok(read) => read.map_or_else(Self::Damaged, |_| Self::Sound),
                },
                answer::Answer::NotUnderstood(why) if is_broken => Self::Damaged(why),
                answer::Answer::NotUnderstood(why) => Self::NoPage(why),
                other => Self::NoPage(format!("{other:?}")),
            },
        )
    }
}
