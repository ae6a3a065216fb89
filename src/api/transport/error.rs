//! The errors of an exchange, and what an error of the HTTP library means.

use std::error::Error as _;
use std::io;

use crate::api::guard::Barred;
use crate::clock::Stopped;

/// The reason why there is no answer.
#[derive(Debug)]
pub(crate) enum TransportError {
    /// There was no connection, so that nothing was sent. A retry may solve it.
    NoConnection(String),
    /// A fault that a retry may solve: a cut, a stall.
    Passing(String),
    /// A fault that no retry in this run solves, such as a certificate that is not trusted.
    Lasting(String),
    /// The configuration does not allow the addresses of an object store.
    Store(Barred),
    /// A setting of the network is wrong.
    Unusable(String),
    /// An answer that breaks a limit or a rule of HTTP.
    Improper(String),
    /// An answer that exceeds a size limit.
    TooLarge,
    /// An error of the caller's sink.
    Sink(io::Error),
    /// A signal, or the end of the time budget.
    Stopped(Stopped),
}

impl TransportError {
    /// Returns the meaning of an error of the HTTP library.
    pub(in crate::api) fn of(error: &reqwest::Error) -> Self {
        if let Some(barred) = find::<Barred>(error) {
            return Self::Store(barred.clone());
        }
        let cause = innermost(error);
        if cause.contains("proxy authorization required") {
            let what = "the proxy requires a valid user name and password: set them in proxy, such as \
                        \"http://user:password@proxy.example.com:3128\"";
            return Self::Unusable(what.to_owned());
        }
        let is_tls = cause.contains("certificate") || cause.contains("peer is incompatible");
        if is_tls {
            Self::Lasting(format!("the connection is not trusted: {cause}"))
        } else if error.is_connect() && error.is_timeout() {
            Self::NoConnection("no connection in time".to_owned())
        } else if error.is_connect() {
            Self::NoConnection(format!("no connection: {cause}"))
        } else {
            Self::Passing(format!("the connection broke: {cause}"))
        }
    }
}

/// Returns the first cause of type `E`.
fn find<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// Returns the last cause in the chain, which is the text of the operating system or of the TLS library.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = None;
    while let Some(inner) = cause {
        text = Some(inner.to_string());
        cause = inner.source();
    }
    text.unwrap_or_else(|| "the HTTP library gave no reason".to_owned())
}
