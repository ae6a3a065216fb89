//! Requests to Mimecast and to the object stores. This module does not touch the disk.
//!
//! [`Client::call`] retries until it has an answer, or until another attempt cannot help. Each attempt has
//! its own signature. [`answer`] decides what an answer means, [`retry`] when to send the request again. The
//! two API generations differ in how they authenticate ([`identity`]) and in the calls.

pub mod answer;
mod attempts;
pub mod body;
mod client;
pub mod endpoints;
mod guard;
pub mod identity;
pub mod login;
pub mod objects;
pub mod ping;
pub mod retry;
pub(crate) mod sign;
pub mod signer;
pub mod token;
pub(crate) mod transport;
mod trust;

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use crate::clock::Stopped;
use answer::{Denial, Head};
pub use client::Client;
pub use identity::Identity;

/// The reason why a call has no usable answer. The doc of each variant says who has to act.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The operator: run `authentication_setup`.
    #[error("Mimecast refused: {0}")]
    Denied(Denial),
    /// No action needed: the next run sends no request before that time.
    #[error("Mimecast asks to slow down until {}", .0.format("%Y-%m-%d %H:%M:%S UTC"))]
    SlowDown(DateTime<Utc>),
    /// No action needed, unless it repeats.
    #[error("Mimecast could not be reached: {0}")]
    Unreachable(String),
    /// The caller: its sink holds the beginning of an archive, because every transfer broke off.
    #[error("the connection to Mimecast broke off: {why}")]
    Cut {
        /// Status and headers, which arrived complete.
        head: Box<Head>,
        /// The reason why the last transfer broke off.
        why: String,
    },
    /// The operator: the setting `private_stores` does not list this host.
    #[error(
        "the object store {0} has a private address, which private_stores in [network] does not allow"
    )]
    PrivateStore(String),
    /// The operator: the store's name is wrong in DNS or in the hosts file. No setting allows such an address.
    #[error("the name of the object store {0} resolves to this host or to a link-local address")]
    LocalStore(String),
    /// The caller: it continues from another position.
    #[error("Mimecast no longer accepts this position")]
    PositionRefused,
    /// The caller: it lists the page again.
    #[error("the address of an object has expired")]
    Lapsed,
    /// The caller: it requests less.
    #[error("{0}")]
    TooLarge(String),
    /// The caller: it records a gap once the evidence is sufficient.
    #[error("the object store does not have an object")]
    Gone,
    /// The authors: this program does not know such an answer.
    #[error("an answer was not understood: {0}")]
    NotUnderstood(String),
    /// The operator of this host: the disk did not store the answer.
    #[error("an answer could not be stored: {0}")]
    Sink(#[source] io::Error),
    /// No action needed: a signal or the end of the time budget stopped the call.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The operator: a setting is wrong, such as proxy or certificates.
    #[error("{0}")]
    Unusable(String),
    /// The operator of this host: a limit of the host is reached, such as open files.
    #[error("cannot set up network connections: {0}")]
    Host(#[source] io::Error),
}

/// The largest answer about an account or a token, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

impl ApiError {
    /// Returns the error for an answer that exceeds a size limit.
    pub(crate) fn too_large() -> Self {
        Self::TooLarge("an answer that is too large".to_owned())
    }

    /// Returns the error without its partial archive, for a caller that cannot use one.
    pub(crate) fn without_beginning(self) -> Self {
        match self {
            Self::Cut { why, .. } => Self::Unreachable(why),
            other => other,
        }
    }
}

/// The place where an archive is written. It is emptied before each attempt.
pub trait Sink: Write {
    /// Deletes what was written.
    ///
    /// # Errors
    /// The error of the disk.
    fn clear(&mut self) -> io::Result<()>;
}

/// The sink of calls whose answer is never an archive.
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

/// A successful answer.
#[derive(Debug)]
pub enum Reply {
    /// JSON that reports no error.
    Json(String),
    /// An archive, which is in the sink.
    Archive(Head),
    /// No new data.
    Nothing,
}
