//! The ways in which one item can fail while all others are good.

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use crate::changes::{html_200, redirect_to, status, wire};
use crate::reply::{Reply, Wire};

/// One way of failing, for a table of tests: `for failing in Failing::ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// 503.
    Unavailable,
    /// 404.
    NotFound,
    /// 403.
    Forbidden,
    /// No answer before the client's time-out.
    Silent,
    /// Closes in the middle of the body.
    Cut,
    /// 307 to another host.
    Redirected,
    /// 200 with a page of HTML.
    Html,
    /// Declares a longer body than it sends, then closes.
    WrongLength,
    /// 200 with the genuine headers and not a single byte.
    Empty,
    /// 200 with JSON that is not Mimecast's.
    ForeignJson,
    /// An object whose gzip layer a proxy has removed.
    Unpacked,
}

impl Failing {
    /// Each once.
    pub const ALL: [Self; 11] = [
        Self::Unavailable,
        Self::NotFound,
        Self::Forbidden,
        Self::Silent,
        Self::Cut,
        Self::Redirected,
        Self::Html,
        Self::WrongLength,
        Self::Empty,
        Self::ForeignJson,
        Self::Unpacked,
    ];

    /// Returns the alteration.
    pub fn change(self) -> impl Fn(&mut Reply) + Send + Sync {
        move |reply| match self {
            Self::Unavailable => status(503)(reply),
            Self::NotFound => status(404)(reply),
            Self::Forbidden => status(403)(reply),
            // Longer than any time-out of a test.
            Self::Silent => wire(Wire::Silent(Duration::from_secs(30)))(reply),
            Self::Cut => wire(Wire::CutAt(reply.body.len() / 2))(reply),
            Self::Redirected => redirect_to("http://store.example.com/object")(reply),
            Self::Html => html_200()(reply),
            Self::WrongLength => longer_than_sent(1)(reply),
            Self::Empty => no_bytes()(reply),
            Self::ForeignJson => foreign_json()(reply),
            Self::Unpacked => unpacked()(reply),
        }
    }
}

/// The body is gone; status and headers stay, so a SIEM answer keeps its token and its `Content-Disposition`.
pub fn no_bytes() -> impl Fn(&mut Reply) + Send + Sync {
    |reply| reply.set_body([])
}

/// Declares that many bytes more than it sends, and closes the connection.
fn longer_than_sent(bytes: usize) -> impl Fn(&mut Reply) + Send + Sync {
    move |reply| {
        let declared = reply.body.len() + bytes;
        reply.set_header("content-length", &declared.to_string());
        reply.set_header("connection", "close");
    }
}

/// 200 with JSON of something in between.
pub fn foreign_json() -> impl Fn(&mut Reply) + Send + Sync {
    |reply| {
        status(200)(reply);
        reply.set_header("content-type", "application/json");
        reply.set_body(*b"{\"error\":\"blocked\",\"policy\":17}");
    }
}

/// An object without its gzip layer. What is not packed stays as it is.
pub fn unpacked() -> impl Fn(&mut Reply) + Send + Sync {
    |reply| {
        let mut text = Vec::new();
        let read = MultiGzDecoder::new(&*reply.body).read_to_end(&mut text);
        if read.is_ok() {
            reply.set_body(text);
        }
    }
}

/// Only the first `count` answers are altered.
pub fn times(
    count: usize,
    change: impl Fn(&mut Reply) + Send + Sync,
) -> impl Fn(&mut Reply) + Send + Sync {
    let applied = AtomicUsize::new(0);
    move |reply| {
        if applied.fetch_add(1, Ordering::Relaxed) < count {
            change(reply);
        }
    }
}
