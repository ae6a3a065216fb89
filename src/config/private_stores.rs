//! The private addresses that the operator allows for object stores inside the company.
//!
//! A list from Mimecast names the addresses of objects. The collector fetches from an address inside the
//! company only if the operator lists it, because a forged list could else reach any internal service.

use std::net::IpAddr;

use ipnet::IpNet;

use super::scope::{Scope, embedded, is_barred};

/// An example of entries, for messages.
const EXAMPLE: &str = "expected names or networks such as \"s3.example.com, 10.20.0.0/16\"";

/// Object stores that may have a private address. There are none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateStores {
    /// Names in lower case. A name includes the hosts below it.
    names: Vec<String>,
    networks: Vec<IpNet>,
}

impl PrivateStores {
    /// Reads the setting: `none`, or names and networks with commas between them.
    ///
    /// # Errors
    /// The number of the wrong entry, without its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut stores = Self::default();
        if matches!(text.trim(), "" | "none") {
            return Ok(stores);
        }
        for (number, entry) in (1..).zip(text.split(',').map(str::trim)) {
            let refused =
                |what: &str| Err(format!("{EXAMPLE}, or \"none\", but entry {number} {what}"));
            if let Some(network) = network(entry) {
                if is_barred(&network) {
                    return refused("includes loopback, link-local or multicast addresses");
                }
                stores.networks.push(network);
            } else if let Some(name) = name(entry) {
                stores.names.push(name);
            } else {
                return refused("is neither");
            }
        }
        Ok(stores)
    }

    /// True if the collector may fetch an object from `host` at `address`.
    pub(crate) fn allow(&self, host: &str, address: IpAddr) -> bool {
        match Scope::of(address) {
            Scope::Public => true,
            Scope::Barred => false,
            Scope::Private => self.has_name(host) || self.has_network(address),
        }
    }

    fn has_name(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.names.iter().any(|name| {
            let below = host.strip_suffix(name.as_str());
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        })
    }

    fn has_network(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        let inner = match canonical {
            IpAddr::V6(address) => embedded(address).map(IpAddr::from),
            IpAddr::V4(_) => None,
        };
        let forms = [Some(address), Some(canonical), inner];
        let mut forms = forms.into_iter().flatten();
        forms.any(|form| self.networks.iter().any(|network| network.contains(&form)))
    }
}

/// Returns the network, or the network of a single address.
fn network(entry: &str) -> Option<IpNet> {
    let single = || Some(IpNet::from(entry.parse::<IpAddr>().ok()?));
    let network = entry.parse::<IpNet>().ok().or_else(single)?;
    Some(network.trunc())
}

/// Returns the name in lower case. A dot before it is dropped.
fn name(entry: &str) -> Option<String> {
    let name = entry.strip_prefix('.').unwrap_or(entry);
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name.split('.').all(is_label) && !is_number;
    is_name.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stores(text: &str) -> PrivateStores {
        PrivateStores::parse(text).unwrap()
    }

    #[test]
    fn only_what_is_listed_is_allowed_and_never_this_host_or_its_link() {
        for (setting, host, address, expected) in [
            ("none", "s3.example.com", "192.0.2.1", true),
            ("none", "s3.example.com", "10.0.0.1", false),
            ("s3.example.com", "s3.example.com", "10.0.0.1", true),
            (".S3.Example.com", "bucket.s3.example.com", "fd00::1", true),
            ("example.com", "bucket.s3.EXAMPLE.com.", "100.64.0.1", true),
            ("s3.example.com", "evils3.example.com", "10.0.0.1", false),
            (
                "s3.example.com",
                "s3.example.com.example.net",
                "10.0.0.1",
                false,
            ),
            ("s3.example.com", "s3.example.com", "127.0.0.1", false),
            ("s3.example.com", "s3.example.com", "169.254.169.254", false),
            ("s3.example.com", "s3.example.com", "fe80::1", false),
            (
                "s3.example.com",
                "s3.example.com",
                "::ffff:127.0.0.1",
                false,
            ),
            ("10.20.0.0/16", "s3.example.com", "10.20.3.4", true),
            ("10.20.0.0/16", "s3.example.com", "10.21.0.1", false),
            ("10.20.0.0/16", "s3.example.com", "::ffff:10.20.3.4", true),
            ("10.20.0.0/16", "s3.example.com", "64:ff9b::10.20.3.4", true),
            ("10.20.3.4", "10.20.3.4", "10.20.3.4", true),
            ("fd00:1::/32", "s3.example.com", "fd00:1::5", true),
            ("fd00:1::/32", "s3.example.com", "fd00:2::5", false),
            (
                "64:ff9b::/96",
                "s3.example.com",
                "64:ff9b::127.0.0.1",
                false,
            ),
            (
                "s3.example.com, 10.20.0.0/16",
                "x.example.net",
                "10.20.0.1",
                true,
            ),
        ] {
            let allowed = stores(setting).allow(host, address.parse().unwrap());
            assert_eq!(allowed, expected, "{setting}: {host} at {address}");
        }
    }

    #[test]
    fn an_entry_that_is_wrong_or_too_wide_is_refused_by_its_number() {
        let barred = "includes loopback, link-local or multicast addresses";
        for (text, number, what) in [
            ("127.0.0.1", 1, barred),
            ("0.0.0.0/0", 1, barred),
            ("10.0.0.0/8, ::/0", 2, barred),
            ("::1", 1, barred),
            ("169.254.169.254", 1, barred),
            ("fe80::/10", 1, barred),
            ("s3.example.com, ", 2, "is neither"),
            ("10.0.0", 1, "is neither"),
            ("10.0.0.0/33", 1, "is neither"),
            ("https://s3.example.com", 1, "is neither"),
            ("*.example.com", 1, "is neither"),
            ("s3..example.com", 1, "is neither"),
        ] {
            let expected = format!("{EXAMPLE}, or \"none\", but entry {number} {what}");
            assert_eq!(PrivateStores::parse(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in ".*", list in "[0-9a-f.:/, ]{0,40}") {
            let _ = (PrivateStores::parse(&text), PrivateStores::parse(&list));
        }
    }
}
