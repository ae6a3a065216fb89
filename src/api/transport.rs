//! One HTTP exchange: a request out, an answer in, under limits of bytes, time and rate.
//!
//! No redirect is followed, no answer is decompressed or retried here, and a body whose end cannot
//! be told from a cut (neither a length nor chunks) is refused. Errors carry no address: the HTTP
//! library would put it into the text, query included.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::time::Duration;

use reqwest::header::CONTENT_LENGTH;
use reqwest::{ClientBuilder, Request, Response, redirect};
use tokio::runtime::{Builder, Runtime};

use super::answer::Head;
use super::body::{Rate, check_framing, is_stored, text_of};
use super::guard::{Barred, Guard};
use super::trust::{check_authorities, proxied, trusting};
use super::{ApiError, Sink};
use crate::clock::{Clock, Stopped, TICK};
use crate::config::Network;

/// Answers that are held in memory, in bytes; a page of audit events is far below.
pub(crate) const HELD_LIMIT: usize = 16 << 20;
/// The largest archive, in bytes.
const STORED_LIMIT: u64 = 16 << 30;
/// A body that brings less than [`RATE_BYTES`] in this time is not worth waiting for.
pub(super) const RATE_PERIOD: Duration = Duration::from_secs(30);
pub(super) const RATE_BYTES: u64 = 30 << 10;
const AGENT: &str = concat!("mimecast-collector/", env!("CARGO_PKG_VERSION"));

/// The network, with everything that the configuration says about it.
pub(crate) struct Transport {
    client: reqwest::Client,
    runtime: Option<Runtime>,
    idle: Duration,
    whole: Duration,
    clock: Clock,
}

/// Where requests go, which decides what is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The API's own host.
    Api,
    /// A store that the API names: never a host of the network that this program runs in.
    Store,
    /// This very machine, as in a rehearsal.
    Loopback,
}

/// What is done with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// An archive goes into the sink, all else is held.
    ByShape,
    /// Whatever comes with success goes into the sink.
    Object,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Worth repeating: no connection, a cut, a stall.
    Passing(String),
    /// Not worth repeating in this run, such as a certificate that is not trusted.
    Lasting(String),
    /// The addresses of an object store are not allowed.
    Store(Barred),
    /// A setting of the network is wrong.
    Unusable(String),
    /// An answer that breaks a limit or a rule of HTTP.
    Improper(String),
    /// An answer larger than any known one.
    TooLarge,
    /// The caller's sink failed.
    Sink(io::Error),
    /// A signal, or the end of the budget.
    Stopped(Stopped),
}

/// What arrived.
pub(crate) struct Received {
    pub(crate) head: Head,
    pub(crate) body: Body,
}

/// Where the body is.
pub(crate) enum Body {
    /// Bytes that are not UTF-8 are replaced: one of them must not make a whole page unreadable.
    Held(String),
    Stored,
    /// Stored up to where the transfer broke off, for this reason.
    Cut(String),
}

impl Transport {
    /// Prepares connections; none is made yet.
    pub(crate) fn new(network: &Network, reach: Reach, clock: Clock) -> Result<Self, ApiError> {
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
        let (idle, whole) = (network.idle_timeout, network.request_timeout);
        Ok(Self {
            client,
            runtime: Some(runtime),
            idle,
            whole,
            clock,
        })
    }

    /// A builder of requests.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends one request and takes its answer in.
    pub(crate) fn exchange(
        &self,
        request: Request,
        take: Take,
        sink: &mut dyn Sink,
    ) -> Result<Received, Fault> {
        let runtime = self.runtime.as_ref().expect("only taken when dropped");
        runtime.block_on(async {
            let begun = self.clock.elapsed();
            let sent = self.watch(self.client.execute(request), self.idle).await?;
            let mut response = sent.map_err(|error| fault_of(&error))?;
            let head = Head {
                status: response.status().as_u16(),
                headers: std::mem::take(response.headers_mut()),
            };
            check_framing(&head, take)?;
            let mut begins_stored = None;
            let taken = self.take_in(
                &mut response,
                &head,
                (take, &mut begins_stored),
                sink,
                begun,
            );
            match taken.await {
                Ok(body) => Ok(Received { head, body }),
                Err(Fault::Passing(why))
                    if begins_stored.unwrap_or_else(|| is_stored(&head, take, &[])) =>
                {
                    let body = Body::Cut(why);
                    Ok(Received { head, body })
                }
                Err(fault) => Err(fault),
            }
        })
    }

    /// Takes a body in; sets whether it goes into the sink once its beginning shows that.
    async fn take_in(
        &self,
        response: &mut Response,
        head: &Head,
        (take, archive): (Take, &mut Option<bool>),
        sink: &mut dyn Sink,
        begun: Duration,
    ) -> Result<Body, Fault> {
        // growing by doubling would take twice as much for a moment
        let length = head.text(CONTENT_LENGTH.as_str());
        let length = length.and_then(|length| length.parse().ok());
        let mut held = Vec::with_capacity(length.unwrap_or(0).min(HELD_LIMIT));
        let mut stored = 0_u64;
        let mut rate = Rate::new(self.clock.elapsed());
        loop {
            self.clock.check().map_err(Fault::Stopped)?; // bytes that keep coming never let it wait
            let spent = self.clock.elapsed().saturating_sub(begun);
            let left = self.whole.saturating_sub(spent);
            if left.is_zero() {
                let whole = self.whole.as_secs();
                return Err(Fault::Passing(format!(
                    "the answer was not complete after {whole} s"
                )));
            }
            let chunk = match self.watch(response.chunk(), self.idle.min(left)).await {
                Err(Fault::Passing(_)) if left < self.idle => continue, // out of time: said above
                watched => watched?,
            };
            let Some(chunk) = chunk.map_err(|error| fault_of(&error))? else {
                break;
            };
            rate.add(chunk.len(), self.clock.elapsed())?;
            if *archive.get_or_insert_with(|| is_stored(head, take, &chunk)) {
                stored += chunk.len() as u64;
                sink.write_all(&chunk).map_err(Fault::Sink)?;
            } else {
                held.extend_from_slice(&chunk);
            }
            if held.len() > HELD_LIMIT || stored > STORED_LIMIT {
                return Err(Fault::TooLarge);
            }
        }
        // an archive of no bytes has no signature: only its headers tell
        Ok(match archive {
            Some(true) => Body::Stored,
            None if is_stored(head, take, &[]) => Body::Stored,
            _ => Body::Held(text_of(held)?),
        })
    }

    /// Waits for `work`, but neither longer than `limit` nor beyond a signal or the budget.
    async fn watch<T>(&self, work: impl Future<Output = T>, limit: Duration) -> Result<T, Fault> {
        tokio::pin!(work);
        let begun = self.clock.elapsed();
        loop {
            let waited = self.clock.elapsed().saturating_sub(begun);
            let tick = limit.saturating_sub(waited).min(TICK);
            if let Ok(done) = tokio::time::timeout(tick, &mut work).await {
                return Ok(done);
            }
            self.clock.check().map_err(Fault::Stopped)?;
            if waited + tick >= limit {
                let limit = limit.as_secs_f32();
                return Err(Fault::Passing(format!("nothing arrived for {limit:.0} s")));
            }
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        // a name that is still being looked up must not keep the program from ending
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What an error of the HTTP library means.
pub(super) fn fault_of(error: &reqwest::Error) -> Fault {
    if let Some(barred) = find::<Barred>(error) {
        return Fault::Store(barred.clone());
    }
    let cause = innermost(error);
    if cause.contains("proxy authorization required") {
        let what = "the proxy wants a valid user name and password: expected them in proxy, such as \
                    \"http://user:password@proxy.example.com:3128\"";
        return Fault::Unusable(what.to_owned());
    }
    let is_tls = cause.contains("certificate") || cause.contains("peer is incompatible");
    let text = if is_tls {
        return Fault::Lasting(format!("the connection is not trusted: {cause}"));
    } else if error.is_connect() && error.is_timeout() {
        "no connection in time".to_owned()
    } else if error.is_connect() {
        format!("no connection: {cause}")
    } else {
        format!("the connection broke: {cause}")
    };
    Fault::Passing(text)
}

/// Returns the first cause of that type.
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

/// The last cause in the chain, which is the operating system's or the TLS library's own word.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = None;
    while let Some(inner) = cause {
        text = Some(inner.to_string());
        cause = inner.source();
    }
    text.unwrap_or_else(|| "the HTTP library gave no reason".to_owned())
}
