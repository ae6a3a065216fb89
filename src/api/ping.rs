//! Calls a check of healthchecks.io, or of a service with the same convention.
//!
//! Vendor: <https://healthchecks.io/docs/http_api/>. `/start` begins a run, the bare address is a success,
//! and any other exit code follows the address.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;

use super::NoSink;
use super::transport::{BodyTarget, Reach, Transport, TransportError};
use crate::clock::Clock;
use crate::config::{Network, is_on_this_host};

/// The longest time for one call, because a run must not wait for its check.
const LIMIT: Duration = Duration::from_secs(10);

/// Calls the check. `part` follows the address, if it is not empty.
///
/// # Errors
/// A clause that says what failed. The clause does not contain the address, because the address is a secret:
/// everyone who knows it can call the check.
pub fn ping(network: &Network, clock: &Clock, url: &Url, part: &str) -> Result<(), String> {
    let mut network = network.clone();
    network.connect_timeout = network.connect_timeout.min(LIMIT);
    network.idle_timeout = LIMIT;
    network.request_timeout = LIMIT;
    let reach = match url.scheme() == "http" && is_on_this_host(url) {
        true => Reach::Loopback,
        false => Reach::Api,
    };
    // a run whose budget has ended still reports its end
    let clock = clock.clone().with_budget(Duration::MAX);
    let transport = Transport::new(&network, reach, clock).map_err(|error| error.to_string())?;
    let mut url = url.clone();
    if !part.is_empty() {
        let segments = url.path_segments_mut();
        segments
            .map_err(|()| "its address has no path".to_owned())?
            .pop_if_empty()
            .push(part);
    }
    let request = transport.client().get(url).headers(HeaderMap::new());
    let request = request
        .build()
        .map_err(|error| error.without_url().to_string())?;
    match transport.exchange(request, BodyTarget::SinkIfArchive, &mut NoSink) {
        Ok(received) if (200..300).contains(&received.head.status) => Ok(()),
        Ok(received) => Err(format!("HTTP status {}", received.head.status)),
        Err(
            TransportError::NoConnection(why)
            | TransportError::Passing(why)
            | TransportError::Lasting(why)
            | TransportError::Unusable(why)
            | TransportError::Improper(why),
        ) => Err(why),
        Err(TransportError::Stopped(stopped)) => Err(stopped.to_string()),
        Err(_) => Err("the answer is not one of a check".to_owned()),
    }
}
