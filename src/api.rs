//! Everything that speaks Mimecast, and nothing that touches the disk.
//!
//! [`Client::call`] asks until there is an answer or no point in asking; each attempt is signed
//! anew. What an answer means is decided in [`answer`], when to ask again in [`retry`]. The two
//! generations differ in who signs ([`identity`]) and in the calls; all else is shared.

pub mod answer;
mod attempts;
pub mod body;
mod client;
pub mod endpoints;
mod guard;
pub mod identity;
pub mod login;
pub mod objects;
pub mod retry;
pub(crate) mod sign;
pub mod token;
pub(crate) mod transport;
mod trust;

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use crate::clock::Stopped;
use answer::{Denial, Head};
pub use client::Client;
pub use identity::Identity;

/// Why a call has no usable answer; each variant says who has to act.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The account needs attention: run `authentication_setup`.
    #[error("Mimecast refused: {0}")]
    Denied(Denial),
    /// Nobody: the next run does not ask before that time.
    #[error("Mimecast asks to slow down until {}", .0.format("%Y-%m-%d %H:%M:%S UTC"))]
    SlowDown(DateTime<Utc>),
    /// Nobody, unless it repeats.
    #[error("Mimecast could not be reached: {0}")]
    Unreachable(String),
    /// The caller, which has the beginning of an archive in its sink: the rest broke off each time.
    #[error("the connection to Mimecast breaks: {why}")]
    Cut {
        /// Status and headers, which arrived whole.
        head: Box<Head>,
        /// How it broke off the last time.
        why: String,
    },
    /// The operator: the setting `private_stores` does not list this host.
    #[error(
        "the object store {0} has a private address, which private_stores in [network] does not allow"
    )]
    PrivateStore(String),
    /// The operator: this host's DNS is wrong, and no setting helps.
    #[error("the name of the object store {0} leads to this host or its link")]
    LocalStore(String),
    /// The caller, which goes on from elsewhere.
    #[error("Mimecast no longer accepts this position")]
    PositionRefused,
    /// The caller, which lists the page again.
    #[error("the address of an object has expired")]
    Lapsed,
    /// The caller, which asks for less.
    #[error("{0}")]
    TooLarge(String),
    /// The caller, which does without it once it is sure.
    #[error("the object store does not have an object")]
    Gone,
    /// The authors: an answer that this program does not know.
    #[error("an answer was not understood: {0}")]
    NotUnderstood(String),
    /// Whoever looks after the host: the answer could not be stored.
    #[error("an answer could not be stored: {0}")]
    Sink(#[source] io::Error),
    /// Nobody: a signal, or the end of the budget.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The configuration: proxy, certificates.
    #[error("{0}")]
    Unusable(String),
    /// Whoever looks after the host: it is short of something.
    #[error("cannot wait for the network: {0}")]
    Host(#[source] io::Error),
}

/// No answer about an account or a token is longer, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

impl ApiError {
    /// The error of an answer that is larger than any known one.
    pub(crate) fn too_large() -> Self {
        Self::TooLarge("an answer larger than any known one".to_owned())
    }

    /// The same for a caller to whom the beginning of a body is of no use.
    pub(crate) fn without_beginning(self) -> Self {
        match self {
            Self::Cut { why, .. } => Self::Unreachable(why),
            other => other,
        }
    }
}

/// Where an archive goes; emptied before each attempt.
pub trait Sink: Write {
    /// Forgets what was written.
    ///
    /// # Errors
    /// As the disk reports.
    fn clear(&mut self) -> io::Result<()>;
}

/// For calls whose answer is never an archive.
#[derive(Debug)]
pub struct NoSink;

impl Write for NoSink {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("an archive where JSON was expected"))
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for NoSink {
    fn clear(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer that is a success.
#[derive(Debug)]
pub enum Reply {
    /// JSON, checked to be free of errors.
    Json(String),
    /// An archive, in the sink.
    Archive(Head),
    /// Nothing is waiting.
    Nothing,
}
