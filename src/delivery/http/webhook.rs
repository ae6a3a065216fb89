//! Any service that takes JSON lines: one POST for each batch, and any 2xx confirms it.
//!
//! A line that is not a JSON object becomes `{"message": …}`. `Idempotency-Key` is the same when a batch is sent
//! again, so that the far end can recognise it.

use super::{Exchange, Post, is_object, text_of};
use crate::delivery::batch::Part;
use crate::delivery::verdict::Verdict;

/// A sender to any service.
pub struct Webhook {
    post: Post,
}

impl Webhook {
    pub const fn new(post: Post) -> Self {
        Self { post }
    }
}

impl Exchange for Webhook {
    fn exchange(&self, part: Part<'_>) -> Result<Verdict, Verdict> {
        let mut body = Vec::with_capacity(part.bytes());
        for (text, _) in part.iter() {
            match is_object(text) {
                true => body.extend_from_slice(text),
                false => {
                    let wrapped = serde_json::json!({ "message": text_of(text) });
                    body.extend_from_slice(wrapped.to_string().as_bytes());
                }
            }
            body.push(b'\n');
        }
        let first = part.iter().next().map(|(_, line)| part.id(line));
        let key = format!("{}-{}", first.unwrap_or_default(), part.len());
        let headers = [
            ("content-type", "application/x-ndjson"),
            ("idempotency-key", &*key),
            ("x-mimecast-stream", part.folder()),
        ];
        let reply = self.post.send("", &headers, &body)?;
        Ok(reply.usual_or_page().unwrap_or(Verdict::Delivered))
    }
}
