//! API 2.0: the objects that a list names, by addresses that carry their own permission.
//!
//! They are fetched by a client that holds no credentials: an object store refuses a request with
//! two permissions, and it is somebody else's host.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderMap;

use super::answer::Answer;
use super::client::{outcome, persist};
use super::public::is_public;
use super::retry::Policy;
use super::transport::{Reach, Take, Transport};
use super::{ApiError, Sink};
use crate::clock::Clock;
use crate::config::{BaseUrl, Network};

/// Where an object lies. Its query is a permission: only the path is ever shown or kept.
#[derive(Clone)]
pub struct Address(Url);

/// Fetches objects.
pub struct Objects {
    transport: Transport,
    policy: Policy,
    clock: Clock,
    is_rehearsal: bool,
}

impl Objects {
    /// Prepares to fetch; `base` is the API that names the addresses.
    ///
    /// # Errors
    /// [`ApiError::Unusable`] when proxy or certificates cannot be used.
    pub fn new(base: &BaseUrl, network: &Network, clock: Clock) -> Result<Self, ApiError> {
        let is_rehearsal = base.is_loopback();
        let reach = if is_rehearsal {
            Reach::Loopback
        } else {
            Reach::Store
        };
        let transport = Transport::new(network, reach, clock.clone())?;
        Ok(Self {
            transport,
            policy: Policy::of(network),
            clock,
            is_rehearsal,
        })
    }

    /// Reads an address of a list.
    ///
    /// # Errors
    /// [`ApiError::NotUnderstood`] for one that a store of Mimecast's would not have.
    pub fn address(&self, text: &str) -> Result<Address, ApiError> {
        Address::parse(text, self.is_rehearsal)
            .map_err(|why| ApiError::NotUnderstood(format!("an object's address {why}")))
    }

    /// Fetches an object into `sink`, byte for byte.
    ///
    /// # Errors
    /// [`ApiError::PositionRefused`] when the address has lapsed, and as
    /// [`Client::call`](super::Client::call).
    pub fn fetch(&self, address: &Address, sink: &mut dyn Sink) -> Result<(), ApiError> {
        let host = address.0.host_str().unwrap_or_default();
        let fetched = persist(&self.clock, self.policy, host, || {
            sink.clear().map_err(ApiError::Sink)?;
            let request = self.transport.client().get(address.0.clone());
            let request = request.headers(HeaderMap::new()).build();
            let request =
                request.map_err(|error| ApiError::Unusable(error.without_url().to_string()))?;
            let sent = self.transport.exchange(request, Take::Object, sink);
            outcome(sent, host, |received| Answer::of_object(&received.head))
        });
        fetched.map(drop)
    }
}

impl Address {
    pub(crate) fn parse(text: &str, is_rehearsal: bool) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is no URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user name");
        }
        let host = url.host_str().unwrap_or_default();
        let number: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let is_loopback = host == "localhost" || number.is_some_and(|number| number.is_loopback());
        match url.scheme() {
            _ if is_loopback && is_rehearsal => return Ok(Self(url)),
            "https" => {}
            _ => return Err("is not https"),
        }
        if is_loopback || host.is_empty() || number.is_some_and(|number| !is_public(number)) {
            return Err("leads into a private network");
        }
        Ok(Self(url))
    }

    /// The part that stays the same when a page is listed again: host and path.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{self:?}")
    }

    /// The last part of the path without the endings that say how it is packed.
    #[must_use]
    pub fn stem(&self) -> &str {
        let last = self.0.path().rsplit('/').next().unwrap_or_default();
        let last = last.strip_suffix(".gz").unwrap_or(last);
        last.strip_suffix(".json")
            .or_else(|| last.strip_suffix(".ndjson"))
            .unwrap_or(last)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}{}",
            self.0.host_str().unwrap_or_default(),
            self.0.path()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_world_outside_are_fetched() {
        for good in [
            "https://bucket.s3.example.com/a/b.json.gz?X-Amz-Signature=x",
            "https://192.0.2.1/a",
            "https://[2001:db8::1]/a",
        ] {
            assert!(Address::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://bucket.s3.example.com/a",
            "ftp://bucket.s3.example.com/a",
            "https://user@bucket.s3.example.com/a",
            "https://127.0.0.1/a",
            "https://localhost/a",
            "https://10.1.2.3/a",
            "https://172.16.0.1/a",
            "https://192.168.0.1/a",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/a",
            "https://0.0.0.0/a",
            "https://[::1]/a",
            "https://[fe80::1]/a",
            "https://[fd00::1]/a",
            "https://[::ffff:10.0.0.1]/a",
            "https://[::10.0.0.1]/a",
            "https://[64:ff9b::10.0.0.1]/a",
            "https://[2002:a00:1::]/a",
            "https://[fec0::1]/a",
            "https://2130706433/a",
            "/a/b",
        ] {
            assert!(Address::parse(bad, false).is_err(), "{bad}");
        }
        assert!(Address::parse("http://127.0.0.1:8425/a", true).is_ok());
        assert!(Address::parse("http://192.0.2.1/a", true).is_err());
    }

    #[test]
    fn a_stem_is_the_last_part_and_no_permission_is_shown() {
        let text = "https://s.example.com/a/part-0001.json.gz?X-Amz-Signature=canary";
        let address = Address::parse(text, false).unwrap();
        assert_eq!(address.stem(), "part-0001");
        assert_eq!(format!("{address:?}"), "s.example.com/a/part-0001.json.gz");
    }
}
