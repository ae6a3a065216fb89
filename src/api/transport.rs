//! One HTTP exchange: sends a request and receives its answer, under limits of bytes, time and rate.
//!
//! This module follows no redirect, decompresses nothing and does not retry. It refuses a body
//! without a length and without chunks, because its end may be a cut. Errors contain no address:
//! the HTTP library would add it with its query.

mod error;

use std::future::Future;
use std::time::Duration;

use reqwest::header::CONTENT_LENGTH;
use reqwest::{ClientBuilder, Identity, Request, Response, redirect};
use tokio::runtime::{Builder, Runtime};

use super::answer::Head;
use super::body::{Rate, check_framing, is_stored, text_of};
use super::guard::Guard;
use super::trust::{check_authorities, proxied, trusting};
use super::{ApiError, Sink};
use crate::clock::{Clock, TICK};
use crate::config::Network;
pub(crate) use error::TransportError;
use error::innermost;

/// The largest answer that is held in memory, in bytes. A page of audit events is far smaller.
pub(crate) const HELD_LIMIT: usize = 16 << 20;
/// The largest archive, in bytes.
const STORED_LIMIT: u64 = 16 << 30;
/// A body that brings less than [`RATE_BYTES`] in this time is too slow.
pub(super) const RATE_PERIOD: Duration = Duration::from_secs(30);
pub(super) const RATE_BYTES: u64 = 30 << 10;
const AGENT: &str = concat!("mimecast-collector/", env!("CARGO_PKG_VERSION"));

/// The connections, with the network settings of the configuration.
pub(crate) struct Transport {
    client: reqwest::Client,
    runtime: Option<Runtime>,
    idle_timeout: Duration,
    request_timeout: Duration,
    clock: Clock,
}

/// The target of requests. It decides which addresses and proxies are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The host of the API, or a destination of the configuration.
    Api,
    /// A store that the API names. It must not be in the local network, unless the operator allows it.
    Store,
    /// This host, as in a rehearsal.
    Loopback,
}

/// The target of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyTarget {
    /// An archive goes into the sink, any other body into memory.
    SinkIfArchive,
    /// The body of every success goes into the sink.
    Sink,
}

/// An answer as it arrived.
pub(crate) struct Received {
    pub(crate) head: Head,
    pub(crate) body: ReceivedBody,
}

/// The place of the body.
pub(crate) enum ReceivedBody {
    /// In memory. Bytes that are not UTF-8 are replaced, because one of them must not make a page unreadable.
    Held(String),
    Stored,
    /// In the sink up to a cut, with the reason of the cut.
    Cut(String),
}

impl Transport {
    /// Prepares a transport without connecting.
    pub(crate) fn new(network: &Network, reach: Reach, clock: Clock) -> Result<Self, ApiError> {
        Self::as_client(network, reach, None, clock)
    }

    /// Prepares a transport that shows a certificate of its own, if the server asks for one.
    pub(crate) fn as_client(
        network: &Network,
        reach: Reach,
        identity: Option<Identity>,
        clock: Clock,
    ) -> Result<Self, ApiError> {
        let unusable = |why: String| ApiError::Unusable(why);
        let is_loopback = reach == Reach::Loopback;
        let builder = ClientBuilder::new()
            .user_agent(AGENT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .https_only(!is_loopback)
            .connect_timeout(network.connect_timeout);
        let builder = match reach {
            Reach::Store => builder.dns_resolver(Guard::of(network)),
            Reach::Api | Reach::Loopback => builder,
        };
        let builder = match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        };
        let builder = proxied(builder, network, is_loopback)?;
        check_authorities()?;
        let client = trusting(builder, network)?.build().map_err(|error| {
            let ca_file = network
                .ca_file
                .as_ref()
                .map(|path| path.display().to_string());
            let with = ca_file
                .map(|path| format!(" with ca_file {path}"))
                .unwrap_or_default();
            unusable(format!("cannot set up TLS{with}: {}", innermost(&error)))
        })?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ApiError::Host)?;
        Ok(Self {
            client,
            runtime: Some(runtime),
            idle_timeout: network.idle_timeout,
            request_timeout: network.request_timeout,
            clock,
        })
    }

    /// Returns the HTTP client, which builds requests.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends one request and receives its answer.
    pub(crate) fn exchange(
        &self,
        request: Request,
        target: BodyTarget,
        sink: &mut dyn Sink,
    ) -> Result<Received, TransportError> {
        let runtime = self.runtime.as_ref().expect("only taken when dropped");
        runtime.block_on(async {
            let begun = self.clock.elapsed();
            let sent = self
                .watch(self.client.execute(request), self.idle_timeout)
                .await?;
            let mut response = sent.map_err(|error| TransportError::of(&error))?;
            let head = Head {
                status: response.status().as_u16(),
                headers: std::mem::take(response.headers_mut()),
            };
            check_framing(&head, target)?;
            let mut begins_stored = None;
            let received = self.receive_body(
                &mut response,
                &head,
                (target, &mut begins_stored),
                sink,
                begun,
            );
            match received.await {
                Ok(body) => Ok(Received { head, body }),
                Err(TransportError::Passing(why))
                    if begins_stored.unwrap_or_else(|| is_stored(&head, target, &[])) =>
                {
                    let body = ReceivedBody::Cut(why);
                    Ok(Received { head, body })
                }
                Err(fault) => Err(fault),
            }
        })
    }

    /// Receives a body. Sets `archive` once the first bytes show whether the body goes into the sink.
    async fn receive_body(
        &self,
        response: &mut Response,
        head: &Head,
        (target, archive): (BodyTarget, &mut Option<bool>),
        sink: &mut dyn Sink,
        begun: Duration,
    ) -> Result<ReceivedBody, TransportError> {
        // reserves the stated length, because growing by doubling needs twice the memory for a moment
        let length = head.text(CONTENT_LENGTH.as_str());
        let length = length.and_then(|length| length.parse().ok());
        let mut held = Vec::with_capacity(length.unwrap_or(0).min(HELD_LIMIT));
        let mut stored = 0_u64;
        let mut rate = Rate::new(self.clock.elapsed());
        loop {
            // `watch` checks only while it waits, which a steady flow never does
            self.clock.check().map_err(TransportError::Stopped)?;
            let spent = self.clock.elapsed().saturating_sub(begun);
            let left = self.request_timeout.saturating_sub(spent);
            if left.is_zero() {
                let whole = self.request_timeout.as_secs();
                return Err(TransportError::Passing(format!(
                    "the answer was not complete after {whole} s"
                )));
            }
            let chunk = match self
                .watch(response.chunk(), self.idle_timeout.min(left))
                .await
            {
                Err(TransportError::Passing(_)) if left < self.idle_timeout => continue, // reported above
                watched => watched?,
            };
            let Some(chunk) = chunk.map_err(|error| TransportError::of(&error))? else {
                break;
            };
            rate.add(chunk.len(), self.clock.elapsed())?;
            if *archive.get_or_insert_with(|| is_stored(head, target, &chunk)) {
                stored += chunk.len() as u64;
                sink.write_all(&chunk).map_err(TransportError::Sink)?;
            } else {
                held.extend_from_slice(&chunk);
            }
            if held.len() > HELD_LIMIT || stored > STORED_LIMIT {
                return Err(TransportError::TooLarge);
            }
        }
        // an empty archive has no signature: only its headers show it
        Ok(match archive {
            Some(true) => ReceivedBody::Stored,
            None if is_stored(head, target, &[]) => ReceivedBody::Stored,
            _ => ReceivedBody::Held(text_of(held)?),
        })
    }

    /// Waits for `work` until `limit`, a signal or the end of the time budget.
    async fn watch<T>(
        &self,
        work: impl Future<Output = T>,
        limit: Duration,
    ) -> Result<T, TransportError> {
        tokio::pin!(work);
        let begun = self.clock.elapsed();
        loop {
            let waited = self.clock.elapsed().saturating_sub(begun);
            let tick = limit.saturating_sub(waited).min(TICK);
            if let Ok(done) = tokio::time::timeout(tick, &mut work).await {
                return Ok(done);
            }
            self.clock.check().map_err(TransportError::Stopped)?;
            if waited + tick >= limit {
                let limit = limit.as_secs_f32();
                return Err(TransportError::Passing(format!(
                    "nothing arrived for {limit:.0} s"
                )));
            }
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        // a pending name lookup must not delay the end of the program
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
