//! The client of one Mimecast host, for one application.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tracing::{debug, info};

use super::answer::{Answer, Body, Denial, Head};
use super::attempts::{Attempts, outcome};
use super::endpoints::Call;
use super::retry::Policy;
use super::token::Application;
use super::transport::{BodyTarget, Reach, Received, ReceivedBody, Transport, TransportError};
use super::{ApiError, Identity, NoSink, Reply, Sink, identity};
use crate::clock::Clock;
use crate::config::{BaseUrl, Network};

/// If the clocks differ by more, a refused signature is reported as a wrong clock.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(2);

/// The client of one Mimecast host, for one application.
pub struct Client {
    transport: Transport,
    base: BaseUrl,
    app_id: String,
    identity: Identity,
    attempts: Attempts,
    clock: Clock,
    requests: AtomicU64,
}

/// The content of a request.
#[derive(Clone, Copy)]
enum RequestContent<'a> {
    Json(&'a Value),
    /// A JSON body whose answer is stored unchanged.
    Raw(&'a Value),
    Query(&'a [(&'static str, String)]),
}

impl Client {
    /// Prepares a client without connecting.
    ///
    /// # Errors
    /// [`ApiError::Unusable`] if proxy or certificates cannot be used.
    pub fn new(
        base: BaseUrl,
        app_id: &str,
        identity: Identity,
        network: &Network,
        clock: Clock,
    ) -> Result<Self, ApiError> {
        let reach = if base.is_loopback() {
            Reach::Loopback
        } else {
            Reach::Api
        };
        Ok(Self {
            transport: Transport::new(network, reach, clock.clone())?,
            base,
            app_id: app_id.to_owned(),
            identity,
            attempts: Attempts::new(clock.clone(), Policy::of(network)),
            clock,
            requests: AtomicU64::new(0),
        })
    }

    /// Repeats requests for this time if nobody has answered in this run yet.
    pub fn patient(self, time: Duration) -> Self {
        Self {
            attempts: self.attempts.patient(time),
            ..self
        }
    }

    /// Sends a JSON body and retries if that can help.
    ///
    /// # Errors
    /// [`ApiError`] if another attempt in this run cannot help.
    pub fn call(&self, call: Call, body: &Value, sink: &mut dyn Sink) -> Result<Reply, ApiError> {
        self.request(call, RequestContent::Json(body), sink)
    }

    /// Sends a JSON body and writes the complete body of the answer into `sink`, unchanged. Returns
    /// the head, or `None` for an answer without content.
    ///
    /// # Errors
    /// The same as [`Client::call`].
    pub fn call_raw(
        &self,
        call: Call,
        body: &Value,
        sink: &mut dyn Sink,
    ) -> Result<Option<Head>, ApiError> {
        match self.request(call, RequestContent::Raw(body), sink) {
            Ok(Reply::Archive(head)) => Ok(Some(head)),
            Ok(Reply::Json(_) | Reply::Nothing) => Ok(None),
            Err(error) => Err(error.without_beginning()),
        }
    }

    /// Sends a query and returns the JSON of the answer.
    ///
    /// # Errors
    /// The same as [`Client::call`].
    pub fn list(&self, call: Call, query: &[(&'static str, String)]) -> Result<String, ApiError> {
        match self.request(call, RequestContent::Query(query), &mut NoSink)? {
            Reply::Json(text) => Ok(text),
            // an answer without content is an empty list
            Reply::Nothing => Ok(r#"{"value":[]}"#.to_owned()),
            Reply::Archive(_) => Err(ApiError::NotUnderstood(
                "a list that is not JSON".to_owned(),
            )),
        }
    }

    /// Fetches a token under API 2.0. A signature needs no call of its own.
    ///
    /// # Errors
    /// The same as [`Client::call`].
    pub fn log_in(&self) -> Result<(), ApiError> {
        match &self.identity {
            Identity::Bearer(application) => self.token(application).map(drop),
            _ => Ok(()),
        }
    }

    /// Returns the number of attempts so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the repetition of requests, for others that share its count.
    pub const fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Returns the URL of the host.
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    fn request(
        &self,
        call: Call,
        content: RequestContent<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Reply, ApiError> {
        let mut renewed = false;
        loop {
            let asked = self.attempts.make(self.base.host(), || {
                sink.clear().map_err(ApiError::Sink)?;
                self.attempt(call, content, sink)
            });
            match (&self.identity, asked) {
                // Mimecast also refuses valid tokens at times: a new one decides
                (Identity::Bearer(application), Err(ApiError::Denied(Denial::Keys))) => {
                    if renewed {
                        return Err(ApiError::Denied(Denial::Token));
                    }
                    info!(
                        call = call.path(),
                        "Mimecast refused the token: fetching a new one"
                    );
                    application.drop_token();
                    renewed = true;
                }
                (_, Err(ApiError::Denied(Denial::Keys))) => {
                    return Err(ApiError::Denied(self.keys_or_clock()));
                }
                (_, asked) => return asked.map(|(answer, received)| reply(&answer, received)),
            }
        }
    }

    /// Returns a denial that names the clock if this host's clock is wrong, else the keys.
    fn keys_or_clock(&self) -> Denial {
        match self.clock.skew() {
            Some(skew) if skew.abs() > SKEW_LIMIT => Denial::Clock(-skew.num_seconds()),
            _ => Denial::Keys,
        }
    }

    /// Sends one request with its own signature, and returns the meaning of the answer.
    fn attempt(
        &self,
        call: Call,
        content: RequestContent<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(Answer, Option<Received>), ApiError> {
        let headers = match &self.identity {
            Identity::Bearer(application) => identity::bearer_headers(&self.token(application)?)?,
            one => identity::signed_headers(one, &self.app_id, call, self.clock.now())?,
        };
        let url = self.base.join(call.path());
        let client = self.transport.client();
        let request = match content {
            RequestContent::Json(body) | RequestContent::Raw(body) => {
                client.post(url).body(body.to_string())
            }
            RequestContent::Query(query) => client.get(with_query(url, query)),
        };
        let target = match content {
            RequestContent::Raw(_) => BodyTarget::Sink,
            RequestContent::Json(_) | RequestContent::Query(_) => BodyTarget::SinkIfArchive,
        };
        self.send(call, request.headers(headers).build(), (target, sink))
    }

    /// Returns the current token, or a new one if that has expired.
    fn token(&self, application: &Application) -> Result<SecretString, ApiError> {
        if let Some(token) = application.token(self.clock.elapsed()) {
            return Ok(token);
        }
        let asked = self.attempts.make(self.base.host(), || {
            let mut headers = HeaderMap::new();
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            let url = self.base.join(Call::Token.path());
            let request = self
                .transport
                .client()
                .request(Method::POST, url)
                .headers(headers);
            let request = request.body(application.form().expose_secret().to_owned());
            self.send(
                Call::Token,
                request.build(),
                (BodyTarget::SinkIfArchive, &mut NoSink),
            )
        });
        let (_, received) = asked?;
        let elapsed = self.clock.elapsed();
        match received.body {
            ReceivedBody::Held(text) => application.keep(&text, elapsed),
            ReceivedBody::Stored | ReceivedBody::Cut(_) => None,
        }
        .and_then(|()| application.token(elapsed))
        .ok_or_else(|| ApiError::NotUnderstood("a token answer without a token".to_owned()))
    }

    fn send(
        &self,
        call: Call,
        request: reqwest::Result<Request>,
        (target, sink): (BodyTarget, &mut dyn Sink),
    ) -> Result<(Answer, Option<Received>), ApiError> {
        let unusable = |error: reqwest::Error| ApiError::Unusable(error.without_url().to_string());
        let request = request.map_err(unusable)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let sent = match self.transport.exchange(request, target, sink) {
            Err(TransportError::Sink(_))
                if !call.is_archive() && target == BodyTarget::SinkIfArchive =>
            {
                Err(TransportError::Improper(
                    "an archive where JSON was expected".to_owned(),
                ))
            }
            sent => sent,
        };
        outcome(sent, self.base.host(), |received| {
            self.learn_time(&received.head);
            let body = match &received.body {
                ReceivedBody::Held(text) => Body::Held(text),
                ReceivedBody::Stored => Body::Stored,
                ReceivedBody::Cut(why) => return Answer::Broken(why.clone()),
            };
            let status = received.head.status;
            let request_id = received.head.text("x-request-id");
            debug!(call = call.path(), status, request_id, "answered");
            Answer::of(call, &received.head, body)
        })
    }

    fn learn_time(&self, head: &Head) {
        if let Some(date) = head.date() {
            self.clock.learn(date);
        }
    }
}

fn with_query(mut url: reqwest::Url, query: &[(&'static str, String)]) -> reqwest::Url {
    url.query_pairs_mut().extend_pairs(query);
    url
}

fn reply(answer: &Answer, received: Received) -> Reply {
    match received.body {
        _ if *answer == Answer::Nothing => Reply::Nothing,
        ReceivedBody::Held(text) => Reply::Json(text),
        ReceivedBody::Stored | ReceivedBody::Cut(_) => Reply::Archive(received.head),
    }
}
