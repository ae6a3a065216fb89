//! Keeps downloads of objects away from services inside the company and on this host.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use secrecy::ExposeSecret as _;

use super::ApiError;
use crate::config::{Network, PrivateStores, Proxy, Scope};

/// A reserved host name (RFC 2606), which no operator exempts from the proxy.
const ANY_STORE: &str = "https://store.invalid/";

/// Resolves the names of object stores, and drops addresses that the configuration does not allow.
#[derive(Clone)]
pub(super) struct Guard(Arc<Inner>);

struct Inner {
    stores: PrivateStores,
    /// The host of the proxy. Its addresses are not checked, because a proxy may be inside the company.
    proxy: Option<String>,
}

/// An object store, by name, whose addresses are all refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Barred {
    /// A private address: the operator can allow it.
    #[error("the object store {0} has a private address")]
    Private(String),
    /// A local address: no setting allows it.
    #[error("the name of the object store {0} resolves to this host or to a link-local address")]
    Local(String),
}

impl From<Barred> for ApiError {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Private(host) => Self::PrivateStore(host),
            Barred::Local(host) => Self::LocalStore(host),
        }
    }
}

impl Guard {
    pub(super) fn of(network: &Network) -> Self {
        let (stores, proxy) = (network.private_stores.clone(), proxy_host(network));
        Self(Arc::new(Inner { stores, proxy }))
    }

    /// True for the proxy's own host. Its addresses are not checked, so no object may come from it.
    pub(super) fn is_proxy(&self, host: &str) -> bool {
        let proxy = self.0.proxy.as_deref();
        proxy.is_some_and(|proxy| proxy.eq_ignore_ascii_case(host))
    }

    /// Returns the addresses of `host` that the configuration allows.
    fn allowed_addresses(
        &self,
        host: &str,
        found: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Barred> {
        if self.is_proxy(host) {
            return Ok(found);
        }
        let allow = |at: &SocketAddr| self.0.stores.allow(host, at.ip());
        let is_private = found.iter().any(|at| Scope::of(at.ip()) == Scope::Private);
        let allowed: Vec<SocketAddr> = found.into_iter().filter(allow).collect();
        match (allowed.is_empty(), is_private) {
            (false, _) => Ok(allowed),
            (true, true) => Err(Barred::Private(host.to_owned())),
            (true, false) => Err(Barred::Local(host.to_owned())),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = guard.allowed_addresses(name.as_str(), found.collect())?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Returns the host of the proxy for requests to object stores.
///
/// The HTTP library uses the same matcher to find the proxy of environment and system. It does not
/// use the proxy for a host in `NO_PROXY`, so the guard checks every address of such a host.
fn proxy_host(network: &Network) -> Option<String> {
    match &network.proxy {
        Proxy::None => None,
        Proxy::Url(url) => {
            let url = Url::parse(url.expose_secret()).ok()?;
            url.host_str().map(str::to_owned)
        }
        Proxy::System => {
            let found = Matcher::from_system().intercept(&ANY_STORE.parse().ok()?)?;
            found.uri().host().map(str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::api::transport::TransportError;
    use crate::config::{Config, EXAMPLE, Environment};
    use crate::failure::{Code, Failure};

    fn guard(proxy: &str, stores: &str) -> Guard {
        let text = EXAMPLE.replace("proxy = \"\"", &format!("proxy = \"{proxy}\""));
        let stores = format!("private_stores = \"{stores}\"");
        let text = text.replace("private_stores = \"none\"", &stores);
        let config = Config::parse(&text, Path::new("/c/config.toml"), &Environment::default());
        Guard::of(&config.unwrap().network)
    }

    fn at(addresses: &[&str]) -> Vec<SocketAddr> {
        let parse = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
        addresses.iter().map(parse).collect()
    }

    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    }

    #[test]
    fn a_name_is_used_at_its_public_and_allowed_addresses_alone() {
        const STORE: &str = "s3.example.com";
        let private = Err(Barred::Private(STORE.to_owned()));
        let local = Err(Barred::Local(STORE.to_owned()));
        for (stores, found, expected) in [
            ("none", at(&["192.0.2.1"]), Ok(at(&["192.0.2.1"]))),
            (
                "none",
                at(&["10.0.0.1", "192.0.2.1"]),
                Ok(at(&["192.0.2.1"])),
            ),
            ("none", at(&["10.0.0.1", "127.0.0.1"]), private.clone()),
            ("none", at(&["fd00::1"]), private.clone()),
            ("none", at(&["127.0.0.1"]), local.clone()),
            ("none", at(&["0.0.0.0", "fe80::1"]), local.clone()),
            ("none", at(&[]), local.clone()),
            ("example.com", at(&["10.0.0.1"]), Ok(at(&["10.0.0.1"]))),
            (
                "example.com",
                at(&["10.0.0.1", "::1"]),
                Ok(at(&["10.0.0.1"])),
            ),
            ("example.com", at(&["169.254.169.254"]), local),
            ("10.0.0.0/24", at(&["10.0.0.1"]), Ok(at(&["10.0.0.1"]))),
            ("10.0.1.0/24", at(&["10.0.0.1"]), private),
        ] {
            let admitted = guard("none", stores).allowed_addresses(STORE, found.clone());
            assert_eq!(admitted, expected, "{stores}: {found:?}");
        }
    }

    #[test]
    fn the_name_of_the_proxy_alone_is_exempt() {
        let guard = guard("http://user:x@Proxy.example.com:3128", "none");
        assert!(guard.is_proxy("proxy.example.com") && guard.is_proxy("PROXY.example.com"));
        assert_eq!(
            guard.allowed_addresses("proxy.example.com", at(&["10.0.0.1"])),
            Ok(at(&["10.0.0.1"]))
        );
        for other in ["a.proxy.example.com", "example.com", "proxy.example.com."] {
            assert!(!guard.is_proxy(other), "{other}");
            assert!(
                guard.allowed_addresses(other, at(&["10.0.0.1"])).is_err(),
                "{other}"
            );
        }
    }

    #[test]
    fn a_name_of_this_host_is_resolved_and_refused() {
        let resolved = guard("none", "localhost").resolve("localhost".parse().unwrap());
        let error = runtime().block_on(resolved).err().expect("loopback");
        assert_eq!(
            error.downcast_ref(),
            Some(&Barred::Local("localhost".to_owned()))
        );
    }

    /// The answer of a name server, filtered by a guard.
    struct Answered(Guard, Vec<SocketAddr>);

    impl Resolve for Answered {
        fn resolve(&self, name: Name) -> Resolving {
            let allowed = self.0.allowed_addresses(name.as_str(), self.1.clone());
            let addrs = allowed.map(|allowed| Box::new(allowed.into_iter()) as Addrs);
            Box::pin(async move { Ok(addrs?) })
        }
    }

    #[test]
    fn a_public_name_with_a_private_address_is_a_matter_of_the_configuration() {
        const STORE: &str = "bucket.s3.example.com";
        let answered = Answered(guard("none", "none"), at(&["10.0.0.1"]));
        let client = reqwest::Client::builder().no_proxy().dns_resolver(answered);
        let sent = client.build().unwrap().get(format!("https://{STORE}/a"));
        let error = runtime().block_on(sent.send()).unwrap_err();
        let TransportError::Store(barred) = TransportError::of(&error) else {
            panic!("{error:?}");
        };
        assert_eq!(barred, Barred::Private(STORE.to_owned()));
        let failure = Failure::from(ApiError::from(barred));
        assert_eq!(failure.code, Code::Config);
        let line = format!("under [network] in config.toml: private_stores = \"{STORE}\"");
        assert!(failure.remedy.ends_with(&line), "{failure:?}");
    }
}
