//! API 2.0: fetches the objects of a list. Each address contains its own permission.
//!
//! The client for objects has no credentials. An object store refuses a request with two
//! permissions, and the store belongs to another company.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderMap;

use super::answer::Answer;
use super::attempts::{Attempts, outcome};
use super::client::Client;
use super::guard::Guard;
use super::transport::{BodyTarget, Reach, ReceivedBody, Transport};
use super::{ApiError, Sink};
use crate::clock::Clock;
use crate::config::{Network, PrivateStores, Scope};

/// The address of an object. Its query grants access, like a password, so only host and path are shown or
/// saved.
#[derive(Clone)]
pub struct Address(Url);

/// The client that fetches objects.
pub struct Objects {
    transport: Transport,
    attempts: Attempts,
    is_rehearsal: bool,
    stores: PrivateStores,
    guard: Guard,
}

/// The reason why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// An address that no store of Mimecast's has. The text follows "an object's address".
    Odd(&'static str),
    /// A private host that the configuration does not list.
    Private(String),
}

impl Objects {
    /// Prepares a client. `base` is the API whose lists contain the addresses.
    ///
    /// # Errors
    /// [`ApiError::Unusable`] if proxy or certificates cannot be used.
    pub fn new(client: &Client, network: &Network, clock: Clock) -> Result<Self, ApiError> {
        let is_rehearsal = client.base().is_loopback();
        let reach = if is_rehearsal {
            Reach::Loopback
        } else {
            Reach::Store
        };
        let transport = Transport::new(network, reach, clock)?;
        Ok(Self {
            transport,
            attempts: client.attempts().clone(),
            is_rehearsal,
            stores: network.private_stores.clone(),
            guard: Guard::of(network),
        })
    }

    /// Reads an address of a list.
    ///
    /// # Errors
    /// [`ApiError::PrivateStore`] for a private address that the configuration does not list.
    /// [`ApiError::NotUnderstood`] for one that no store of Mimecast's has.
    pub fn address(&self, text: &str) -> Result<Address, ApiError> {
        let odd = |why| ApiError::NotUnderstood(format!("an object's address {why}"));
        let address = Address::parse(text, self.is_rehearsal, &self.stores);
        let address = address.map_err(|error| match error {
            AddressError::Odd(why) => odd(why),
            AddressError::Private(host) => ApiError::PrivateStore(host),
        })?;
        if !self.is_rehearsal && self.guard.is_proxy(address.host()) {
            return Err(odd("leads to the proxy itself"));
        }
        Ok(address)
    }

    /// Fetches an object into `sink` unchanged.
    ///
    /// # Errors
    /// [`ApiError::Lapsed`] if the address has expired, [`ApiError::Gone`] if the store does not
    /// have the object, or an error of [`Client::call`](super::Client::call).
    pub fn fetch(&self, address: &Address, sink: &mut dyn Sink) -> Result<(), ApiError> {
        let host = address.0.host_str().unwrap_or_default();
        let fetched = self.attempts.make(host, || {
            sink.clear().map_err(ApiError::Sink)?;
            let request = self.transport.client().get(address.0.clone());
            let request = request.headers(HeaderMap::new()).build();
            let request =
                request.map_err(|error| ApiError::Unusable(error.without_url().to_string()))?;
            let sent = self.transport.exchange(request, BodyTarget::Sink, sink);
            outcome(sent, host, |received| match &received.body {
                ReceivedBody::Cut(why) => Answer::Broken(why.clone()),
                ReceivedBody::Held(_) | ReceivedBody::Stored => Answer::of_object(&received.head),
            })
        });
        fetched.map(drop).map_err(ApiError::without_beginning)
    }
}

impl Address {
    pub(crate) fn parse(
        text: &str,
        is_rehearsal: bool,
        stores: &PrivateStores,
    ) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Odd("is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Odd("contains a user name"));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let number: Option<IpAddr> = host.parse().ok();
        let is_loopback = host == "localhost" || number.is_some_and(|number| number.is_loopback());
        match url.scheme() {
            _ if is_loopback && is_rehearsal => return Ok(Self(url)),
            "https" => {}
            _ => return Err(AddressError::Odd("is not https")),
        }
        let scope = number.map_or(Scope::Public, Scope::of);
        if is_loopback || host.is_empty() || scope == Scope::Barred {
            return Err(AddressError::Odd(
                "leads to this host or to a link-local address",
            ));
        }
        if number.is_some_and(|number| !stores.allow(host, number)) {
            return Err(AddressError::Private(host.to_owned()));
        }
        Ok(Self(url))
    }

    /// Returns the name or address of the host.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns host and path, which stay the same when a page is listed again.
    pub fn place(&self) -> String {
        format!("{self:?}")
    }

    /// Returns the last part of the path without the endings of its format, such as `.json.gz`.
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

    fn parse(text: &str, stores: &str) -> Result<Address, AddressError> {
        Address::parse(text, false, &PrivateStores::parse(stores).unwrap())
    }

    #[test]
    fn only_addresses_of_the_world_outside_are_fetched() {
        for good in [
            "https://bucket.s3.example.com/a/b.json.gz?X-Amz-Signature=x",
            "https://192.0.2.1/a",
            "https://[2001:db8::1]/a",
        ] {
            assert!(parse(good, "none").is_ok(), "{good}");
        }
        for bad in [
            "http://bucket.s3.example.com/a",
            "ftp://bucket.s3.example.com/a",
            "https://user@bucket.s3.example.com/a",
            "https://127.0.0.1/a",
            "https://localhost/a",
            "https://169.254.169.254/latest/meta-data",
            "https://0.0.0.0/a",
            "https://[::1]/a",
            "https://[fe80::1]/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[fec0::1]/a",
            "https://2130706433/a",
            "/a/b",
        ] {
            let stores = "localhost, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fd00::/8";
            for stores in ["none", stores] {
                let refused = parse(bad, stores).unwrap_err();
                assert!(matches!(refused, AddressError::Odd(_)), "{bad} {stores}");
            }
        }
        let rehearsed = |text| Address::parse(text, true, &PrivateStores::default());
        assert!(rehearsed("http://127.0.0.1:8425/a").is_ok());
        assert!(rehearsed("http://192.0.2.1/a").is_err());
    }

    #[test]
    fn a_private_address_is_fetched_only_if_the_operator_lists_it() {
        for (host, network) in [
            ("10.1.2.3", "10.1.0.0/16"),
            ("172.16.0.1", "172.16.0.1"),
            ("192.168.0.1", "192.168.0.0/24"),
            ("100.64.0.1", "100.64.0.0/10"),
            ("fd00::1", "fd00::/8"),
            ("::ffff:a00:1", "10.0.0.0/8"),
            ("::a00:1", "10.0.0.0/8"),
            ("64:ff9b::a00:1", "10.0.0.0/8"),
            ("2002:a00:1::", "10.0.0.0/8"),
        ] {
            let url = match host.contains(':') {
                true => format!("https://[{host}]/a"),
                false => format!("https://{host}/a"),
            };
            let private = AddressError::Private(host.to_owned());
            assert_eq!(parse(&url, "none").unwrap_err(), private, "{host}");
            assert_eq!(parse(&url, "10.200.0.0/16").unwrap_err(), private, "{host}");
            assert!(parse(&url, network).is_ok(), "{host}");
            assert!(parse(&url, host).is_ok(), "{host}: as the message proposes");
        }
    }

    #[test]
    fn a_stem_is_the_last_part_and_no_permission_is_shown() {
        let text = "https://s.example.com/a/part-0001.json.gz?X-Amz-Signature=canary";
        let address = parse(text, "none").unwrap();
        assert_eq!(address.stem(), "part-0001");
        assert_eq!(format!("{address:?}"), "s.example.com/a/part-0001.json.gz");
    }
}
