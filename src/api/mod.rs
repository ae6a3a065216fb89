//! Everything that speaks Mimecast, and nothing that touches the disk.
//!
//! [`Client::call`] asks until there is an answer or no point in asking; each attempt is signed
//! anew. What an answer means is decided in [`answer`], when to ask again in [`retry`].

pub mod answer;
pub mod endpoints;
pub mod login;
pub mod retry;
pub(crate) mod sign;
pub(crate) mod transport;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::clock::{Clock, Stopped};
use crate::config::{BaseUrl, Network};
use crate::credentials::Credentials;
use answer::{Answer, Body, Denial, Head};
use endpoints::Call;
use retry::{Next, Policy, Retry};
use transport::{Fault, Received, Transport};

const DATE: HeaderName = HeaderName::from_static("x-mc-date");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-mc-req-id");
const APP_ID: HeaderName = HeaderName::from_static("x-mc-app-id");

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
    /// The caller, which goes on from elsewhere.
    #[error("Mimecast no longer accepts this position")]
    PositionRefused,
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

/// Who signs.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Only the application is named: discovery.
    Application,
    /// E-mail address and password, as the value of `Authorization`.
    Basic(SecretString),
    /// A key pair.
    Keys(Credentials),
}

/// One host of Mimecast, asked as one application.
pub struct Client {
    transport: Transport,
    base: BaseUrl,
    app_id: String,
    identity: Identity,
    policy: Policy,
    clock: Clock,
    requests: AtomicU64,
    /// The server's clock minus ours.
    skew: Mutex<Option<TimeDelta>>,
}

impl Client {
    /// Prepares to ask; no connection is made yet.
    ///
    /// # Errors
    /// [`ApiError::Unusable`] when proxy or certificates cannot be used.
    pub fn new(
        base: BaseUrl,
        app_id: &str,
        identity: Identity,
        network: &Network,
        clock: Clock,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            transport: Transport::new(network, base.is_loopback(), clock.clone())?,
            base,
            app_id: app_id.to_owned(),
            identity,
            policy: Policy {
                retries: network.retries,
                first_wait: network.retry_wait,
            },
            clock,
            requests: AtomicU64::new(0),
            skew: Mutex::new(None),
        })
    }

    /// Asks, and repeats what is worth repeating.
    ///
    /// # Errors
    /// [`ApiError`], once nothing can be gained by asking again in this run.
    pub fn call(&self, call: Call, body: &Value, sink: &mut dyn Sink) -> Result<Reply, ApiError> {
        let mut retry = Retry::new(self.policy);
        loop {
            self.clock.check()?;
            sink.clear().map_err(ApiError::Sink)?;
            let (answer, received) = self.attempt(call, body, sink)?;
            if let (Answer::Data | Answer::Nothing, Some(received)) = (&answer, received) {
                return Ok(reply(&answer, received));
            }
            match retry.next(&answer, self.clock.left(), fastrand::f64()) {
                Next::Wait(wait) => {
                    info!(call = call.path(), ?wait, ?answer, "asking again");
                    self.clock.sleep(wait)?;
                }
                Next::GiveUp => return Err(self.error(answer, Duration::ZERO)),
                Next::GiveUpFor(wait) => return Err(self.error(answer, wait)),
            }
        }
    }

    /// The server's clock minus the host's, once an answer has shown it.
    #[must_use]
    pub fn skew(&self) -> Option<TimeDelta> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time by the server's clock, by ours until an answer has shown it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now() + self.skew().unwrap_or_default()
    }

    /// Attempts so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The host that is asked.
    #[must_use]
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// One request with a signature of its own, and what came of it.
    fn attempt(
        &self,
        call: Call,
        body: &Value,
        sink: &mut dyn Sink,
    ) -> Result<(Answer, Option<Received>), ApiError> {
        let request = self
            .transport
            .client()
            .post(self.base.join(call.path()))
            .headers(self.headers(call)?)
            .body(body.to_string())
            .build()
            .map_err(|error| ApiError::Unusable(error.without_url().to_string()))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        match self.transport.exchange(request, sink) {
            Ok(received) => {
                self.learn_time(&received.head);
                let body = match &received.body {
                    transport::Body::Held(text) => Body::Held(text),
                    transport::Body::Stored => Body::Stored,
                };
                let answer = Answer::of(call, &received.head, body);
                debug!(
                    call = call.path(),
                    status = received.head.status,
                    "answered"
                );
                Ok((answer, Some(received)))
            }
            Err(Fault::Passing(why)) => Ok((Answer::Broken(why), None)),
            Err(Fault::Lasting(why)) => Err(ApiError::Unreachable(self.at_host(&why))),
            Err(Fault::Improper(why)) => Err(ApiError::NotUnderstood(why)),
            Err(Fault::Sink(error)) => Err(ApiError::Sink(error)),
            Err(Fault::Stopped(stopped)) => Err(stopped.into()),
        }
    }

    fn headers(&self, call: Call) -> Result<HeaderMap, ApiError> {
        let (now, id) = (self.clock.now(), Uuid::new_v4());
        let (date, id, authorization) = match &self.identity {
            Identity::Keys(keys) => {
                let signed = sign::sign(keys, now, id, call.path());
                (signed.date, signed.request_id, Some(signed.authorization))
            }
            Identity::Basic(value) => (sign::date(now), id.to_string(), Some(value.clone())),
            Identity::Application => (sign::date(now), id.to_string(), None),
        };
        let value = |text: &str, what: &str| {
            let text = HeaderValue::from_str(text);
            text.map_err(|_| ApiError::Unusable(format!("{what} cannot stand in a header")))
        };
        let mut headers = HeaderMap::new();
        headers.insert(DATE, value(&date, "the date")?);
        headers.insert(REQUEST_ID, value(&id, "the request id")?);
        headers.insert(APP_ID, value(&self.app_id, "the application id")?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // archives and JSON come from the same call
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(authorization) = authorization {
            let mut authorization = value(authorization.expose_secret(), "the authorization")?;
            authorization.set_sensitive(true);
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok(headers)
    }

    fn learn_time(&self, head: &Head) {
        if let Some(date) = head.date() {
            let skew = date - self.clock.now();
            *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        }
    }

    fn error(&self, answer: Answer, wait: Duration) -> ApiError {
        warn!(?answer, "giving up");
        match answer {
            Answer::Denied(denial) => ApiError::Denied(denial),
            Answer::SlowDown(_) => {
                let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
                ApiError::SlowDown(self.clock.now() + wait.min(TimeDelta::hours(1)))
            }
            Answer::PositionRefused => ApiError::PositionRefused,
            Answer::Broken(why) => ApiError::Unreachable(self.at_host(&why)),
            Answer::NotUnderstood(why) => ApiError::NotUnderstood(why),
            Answer::Data | Answer::Nothing => ApiError::NotUnderstood("no answer".to_owned()),
        }
    }

    fn at_host(&self, why: &str) -> String {
        format!("{}: {why}", self.base.host())
    }
}

fn reply(answer: &Answer, received: Received) -> Reply {
    match received.body {
        _ if *answer == Answer::Nothing => Reply::Nothing,
        transport::Body::Held(text) => Reply::Json(text),
        transport::Body::Stored => Reply::Archive(received.head),
    }
}
