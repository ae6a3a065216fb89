//! An answer before it is sent, and the ways in which it reaches the client.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;

/// One answer: what it says, and how the bytes travel.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// In the order of sending; a name may stand twice.
    pub headers: Vec<(String, String)>,
    /// As it is before any framing.
    pub body: Arc<[u8]>,
    /// How it travels.
    pub wire: Wire,
}

/// How the bytes of an answer travel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// Declared length, sent at once, connection kept.
    #[default]
    Whole,
    /// Chunked framing with a proper end.
    Chunked,
    /// Neither a length nor chunks: only the closing of the connection ends the body.
    NoLength,
    /// Declares the full length and closes after this many bytes of the body.
    CutAt(usize),
    /// Closes without any answer.
    ResetNow,
    /// Pauses after this many bytes of the body, then sends the rest.
    StallAt(usize, Duration),
    /// Sends the body in small pieces with a pause after each.
    Drip {
        /// The size of a piece.
        bytes: usize,
        /// The pause after it.
        every: Duration,
    },
    /// Keeps the connection open without answering, then closes it.
    Silent(Duration),
    /// The body is the entire response, status line included; the connection is closed after it.
    Raw,
    /// `Transfer-Encoding: gzip, chunked`: packed, then in chunks. Permitted by the standard.
    GzipChunked,
    /// `Transfer-Encoding: chunked, gzip`: chunks, which are packed as a whole; the connection is closed after them.
    /// The standard does not permit it, because the last chunk no longer shows the end.
    ChunkedGzip,
}

impl Wire {
    /// 27,000 bytes in 30 seconds: less than a client has to wait for.
    pub const TOO_SLOW: Self = Self::Drip {
        bytes: 90,
        every: Duration::from_millis(100),
    };
    /// Slow, but several times as fast as [`TOO_SLOW`](Self::TOO_SLOW).
    pub const SLOW: Self = Self::Drip {
        bytes: 500,
        every: Duration::from_millis(100),
    };

    /// Whether the client gets to see a status at all.
    pub(crate) const fn answers(&self) -> bool {
        !matches!(self, Self::ResetNow | Self::Silent(_))
    }
}

impl Reply {
    /// A JSON answer; compact text and a content type without charset, as recorded.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::text(status, value.to_string())
    }

    /// The same from JSON text that stands ready.
    pub(crate) fn text(status: u16, json: String) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Arc::from(json.into_bytes()),
            wire: Wire::Whole,
        }
    }

    /// `data` with a success envelope and the headers that only successes carry.
    pub(crate) fn success(data: &Value) -> Self {
        Self::envelope(200, &json!({"status": 200}), data, &json!([])).unstored()
    }

    /// Adds the headers that the recorded service puts on successes.
    pub(crate) fn unstored(mut self) -> Self {
        self.set_header("cache-control", "no-store");
        self.set_header("pragma", "no-cache");
        self.set_header("x-robots-tag", "noindex, nofollow");
        self
    }

    /// A failure: the HTTP status and the same in `meta.status`, one error in `fail[]`.
    pub fn failure(status: u16, code: &str, message: &str) -> Self {
        let error = json!({"code": code, "message": message, "retryable": false});
        let meta = json!({"status": status});
        Self::envelope(status, &meta, &json!([]), &json!([{"errors": [error]}]))
    }

    /// The service's envelope, its three members in the recorded order.
    pub(crate) fn envelope(status: u16, meta: &Value, data: &Value, fail: &Value) -> Self {
        Self::text(
            status,
            format!(r#"{{"meta":{meta},"data":{data},"fail":{fail}}}"#),
        )
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        http::find(&self.headers, name)
    }

    /// Replaces the header, or adds it.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Takes the header away; `content-length` is added on sending and is governed by [`Wire`].
    pub fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
    }

    /// Puts a different body in; the declared length follows.
    pub fn set_body(&mut self, body: impl Into<Arc<[u8]>>) {
        self.body = body.into();
    }

    /// Turns this into another answer but keeps the headers that every answer carries: date, request id and rate
    /// limit.
    pub fn become_reply(&mut self, other: Self) {
        let common: Vec<_> = self
            .headers
            .drain(..)
            .filter(|(name, _)| {
                matches!(name.as_str(), "date" | "x-request-id") || name.starts_with("x-ratelimit-")
            })
            .collect();
        *self = other;
        for (name, value) in common {
            self.set_header(&name, &value);
        }
    }
}
