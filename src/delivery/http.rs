//! HTTP destinations: one request for each batch, compressed, over a connection that stays open.

mod elastic;
mod hec;
mod reply;
mod sumo;
mod webhook;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Identity, Url};
use secrecy::{ExposeSecret as _, SecretString};

use super::batch::{Limits, Part};
use super::sender::Sender;
use super::verdict::Verdict;
use crate::api::NoSink;
use crate::api::transport::{BodyTarget, Reach, Received, ReceivedBody, Transport};
use crate::clock::Clock;
use crate::config::destination::Kind;
use crate::config::{Destination, is_on_this_host};
use crate::credentials::DestinationSecrets;
use crate::durable;
use crate::failure::{Code, Failure};
use reply::{Reply, of_error};

/// The lines of a batch.
const BATCH_LINES: usize = 10_000;
/// The bytes of a batch before compression. Sumo Logic advises 100 kB to 1 MB, and Splunk's HEC takes 1 MB.
const BATCH_BYTES: usize = 900 << 10;
/// The largest file with a certificate and its key, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// A product that gets one request for each batch.
trait Exchange {
    /// Sends lines. The meaning of the answer is the result in both cases.
    fn exchange(&self, part: Part<'_>) -> Result<Verdict, Verdict>;

    /// True if the product recognises lines that it has already.
    fn knows_repetitions(&self) -> bool {
        false
    }
}

impl<E: Exchange> Sender for E {
    fn limits(&self) -> Limits {
        Limits {
            lines: BATCH_LINES,
            bytes: BATCH_BYTES,
        }
    }

    fn send(&mut self, part: Part<'_>) -> Verdict {
        self.exchange(part).unwrap_or_else(|verdict| verdict)
    }

    fn knows_repetitions(&self) -> bool {
        Exchange::knows_repetitions(self)
    }
}

/// Prepares a sender. It connects when it sends.
///
/// # Errors
/// A secret is missing, or certificates cannot be used.
pub fn open<'a>(
    destination: &'a Destination,
    secrets: &DestinationSecrets,
    (host, clock): (&str, &Clock),
) -> Result<Box<dyn Sender + 'a>, Failure> {
    let name = &destination.name;
    Ok(match &destination.kind {
        Kind::Sumo(settings) => {
            let url = required(name, secrets, "url")?;
            let post = Post::new(destination, &secret_url(name, url)?, clock)?;
            Box::new(sumo::Sumo::new(post, settings, host))
        }
        Kind::SplunkHec(settings) => {
            let token = required(name, secrets, "token")?;
            let mut post = Post::new(destination, &settings.url, clock)?;
            post.set_secret("authorization", "Splunk ", token);
            Box::new(hec::Hec::new(post, settings, (host, clock)))
        }
        Kind::Elastic(settings) => {
            let mut post = Post::new(destination, &settings.url, clock)?;
            if let Some(key) = secrets.get("api_key") {
                post.set_secret("authorization", "ApiKey ", key);
            } else if let Some(user) = secrets.get("username") {
                let password = required(name, secrets, "password")?;
                post.set_basic(user, password);
            }
            Box::new(elastic::Elastic::new(post, settings))
        }
        Kind::Webhook(settings) => {
            let url = match &settings.url {
                Some(url) => url.clone(),
                None => secret_url(name, required(name, secrets, "url")?)?,
            };
            let mut post = Post::new(destination, &url, clock)?;
            for (header, value) in &secrets.headers {
                post.set_secret(header, "", value);
            }
            Box::new(webhook::Webhook::new(post))
        }
        Kind::Syslog(_) => unreachable!("it is not reached by HTTP"),
    })
}

fn required<'s>(
    name: &str,
    secrets: &'s DestinationSecrets,
    key: &str,
) -> Result<&'s SecretString, Failure> {
    secrets.get(key).ok_or_else(|| {
        let what = format!("destination {name}: no {key} in credentials.toml");
        let remedy = format!("add {key} under [destination.{name}] in credentials.toml");
        Failure::new(Code::Config, what, remedy)
    })
}

fn secret_url(name: &str, text: &SecretString) -> Result<Url, Failure> {
    let url = Url::parse(text.expose_secret()).ok();
    url.filter(crate::config::destination::is_allowed)
        .ok_or_else(|| {
            let what =
                format!("destination {name}: the url in credentials.toml is not an https URL");
            let remedy = format!("correct url under [destination.{name}] in credentials.toml");
            Failure::new(Code::Config, what, remedy)
        })
}

/// Sends requests to one destination.
struct Post {
    transport: Transport,
    url: Url,
    headers: HeaderMap,
}

impl Post {
    fn new(destination: &Destination, url: &Url, clock: &Clock) -> Result<Self, Failure> {
        let reach = match url.scheme() == "http" && is_on_this_host(url) {
            true => Reach::Loopback,
            false => Reach::Api,
        };
        let identity = identity(destination)?;
        let network = &destination.network;
        let transport = Transport::as_client(network, reach, identity, clock.clone());
        Ok(Self {
            transport: transport.map_err(|error| {
                let context = format!("destination {}", destination.name);
                Failure::from(error).context(&context)
            })?,
            url: url.clone(),
            headers: HeaderMap::new(),
        })
    }

    /// Sets a header of every request. A value that does not fit into a header was refused before.
    fn set_secret(&mut self, name: &str, prefix: &str, value: &SecretString) {
        let text = format!("{prefix}{}", value.expose_secret());
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(&text)) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
    }

    fn set_basic(&mut self, user: &SecretString, password: &SecretString) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let pair = format!("{}:{}", user.expose_secret(), password.expose_secret());
        let encoded = SecretString::from(STANDARD.encode(pair));
        self.set_secret("authorization", "Basic ", &encoded);
    }

    /// Sends a body to a path below the address, and returns the answer.
    fn send(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &[u8],
    ) -> Result<Reply, Verdict> {
        let mut url = self.url.clone();
        if !path.is_empty() {
            let whole = format!("{}{path}", url.path().trim_end_matches('/'));
            url.set_path(&whole);
        }
        let request = self.transport.client().post(url);
        let mut request = request
            .headers(self.headers.clone())
            .header(CONTENT_ENCODING, "gzip")
            .body(compressed(body));
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                request = request.header(*name, value);
            }
        }
        let request = request
            .build()
            .map_err(|error| Verdict::Broken(error.without_url().to_string()))?;
        let received = self
            .transport
            .exchange(request, BodyTarget::SinkIfArchive, &mut NoSink);
        match received.map_err(of_error)? {
            Received {
                head,
                body: ReceivedBody::Held(text),
            } => Ok(Reply { head, text }),
            _ => Err(Verdict::NotUnderstood(
                "the answer is an archive".to_owned(),
            )),
        }
    }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn identity(destination: &Destination) -> Result<Option<Identity>, Failure> {
    let Some(client) = &destination.client else {
        return Ok(None);
    };
    let refused = |what: String| {
        let what = format!("destination {}: {what}", destination.name);
        Failure::new(Code::Config, what, "correct [[destination]] in config.toml")
    };
    let read = |setting: &str, path: &std::path::Path| {
        durable::read_named(path, FILE_LIMIT)
            .map_err(|error| refused(format!("{setting} {}: {error}", path.display())))
    };
    let mut pem = read("client_cert", &client.cert)?;
    pem.push(b'\n');
    pem.extend(read("client_key", &client.key)?);
    let identity = Identity::from_pem(&pem);
    let identity = identity.map_err(|_| {
        refused("client_cert and client_key are not a certificate and its key".to_owned())
    })?;
    Ok(Some(identity))
}

/// Returns a line as text. Bytes that are not UTF-8 are replaced, because JSON cannot hold them.
fn text_of(line: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(line)
}

/// True if a line is one JSON object.
fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}
