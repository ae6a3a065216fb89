//! Object stores inside the company: which private addresses an operator has allowed.
//!
//! A list from Mimecast names addresses to fetch from. An address inside the company is fetched only
//! if the operator lists it, because a forged list could otherwise reach any internal service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What an entry looks like, for messages.
const EXAMPLE: &str = "expected names or networks such as \"s3.example.com, 10.20.0.0/16\"";

/// No setting allows an address in these networks: this host, its link with the cloud's metadata
/// service, and addresses that reach many hosts.
const BARRED: [&str; 9] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/127",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Networks that companies use inside (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
];

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The internet.
    Public,
    /// A company's own network.
    Private,
    /// This host, its link, or many hosts at once: never a store.
    Barred,
}

/// Object stores that may have a private address; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateStores {
    /// Lower-case names; a host below one is allowed as well.
    names: Vec<String>,
    networks: Vec<IpNet>,
}

impl Scope {
    pub(crate) fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if is_in(&BARRED, address) {
            Self::Barred
        } else if is_in(&PRIVATE, address) {
            Self::Private
        } else {
            match address {
                IpAddr::V6(address) => {
                    embedded(address).map_or(Self::Public, |inner| Self::of(inner.into()))
                }
                IpAddr::V4(_) => Self::Public,
            }
        }
    }
}

impl PrivateStores {
    /// Reads the setting: `none`, or names and networks with commas between them.
    ///
    /// # Errors
    /// Says which entry is wrong, and never repeats it.
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

    /// True if an object may be fetched from `address`, to which `host` leads.
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

/// Returns the name in lower case; a dot before it is allowed and means the same.
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

/// True if the network shares an address with a barred one.
fn is_barred(network: &IpNet) -> bool {
    networks(&BARRED).any(|barred| barred.contains(network) || network.contains(&barred))
}

fn is_in(list: &'static [&str], address: IpAddr) -> bool {
    networks(list).any(|network| network.contains(&address))
}

fn networks(list: &'static [&str]) -> impl Iterator<Item = IpNet> {
    list.iter()
        .map(|text| text.parse().expect("the list holds networks"))
}

/// Returns the IPv4 address inside an IPv6 one, which some routers use instead: compatible
/// (RFC 4291), NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0, 0, 0, 0, 0, 0, high, low] => (high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, 0, 0, 0, high, low] => {
            (high, low)
        }
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stores(text: &str) -> PrivateStores {
        PrivateStores::parse(text).unwrap()
    }

    #[test]
    fn the_scope_of_an_address_is_that_of_its_network() {
        for (address, expected) in [
            ("192.0.2.1", Scope::Public),
            ("2001:db8::1", Scope::Public),
            ("172.32.0.1", Scope::Public),
            ("100.128.0.1", Scope::Public),
            ("10.1.2.3", Scope::Private),
            ("172.31.255.255", Scope::Private),
            ("192.168.0.1", Scope::Private),
            ("100.64.0.1", Scope::Private),
            ("fd00::1", Scope::Private),
            ("::ffff:10.0.0.1", Scope::Private),
            ("64:ff9b::10.0.0.1", Scope::Private),
            ("0.0.0.0", Scope::Barred),
            ("127.0.0.1", Scope::Barred),
            ("169.254.169.254", Scope::Barred),
            ("224.0.0.1", Scope::Barred),
            ("255.255.255.255", Scope::Barred),
            ("::", Scope::Barred),
            ("::1", Scope::Barred),
            ("fe80::1", Scope::Barred),
            ("fec0::1", Scope::Barred),
            ("ff02::1", Scope::Barred),
            ("::ffff:127.0.0.1", Scope::Barred),
            ("64:ff9b::169.254.169.254", Scope::Barred),
            ("2002:7f00:1::", Scope::Barred),
        ] {
            assert_eq!(Scope::of(address.parse().unwrap()), expected, "{address}");
        }
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
        fn an_address_has_the_same_scope_in_every_wrapping(bits in any::<u32>(), is_local in any::<bool>()) {
            let bits = if is_local { 0x0a00_0000 | bits & 0x00ff_ffff } else { bits };
            let (inner, wide) = (Ipv4Addr::from_bits(bits), u128::from(bits));
            let wrapped = [0xffff << 32 | wide, 0x64_ff9b << 96 | wide, 0x2002 << 112 | wide << 80];
            for address in wrapped.map(Ipv6Addr::from_bits) {
                prop_assert_eq!(Scope::of(address.into()), Scope::of(inner.into()), "{}", address);
            }
        }

        #[test]
        fn no_text_causes_a_panic(text in ".*", list in "[0-9a-f.:/, ]{0,40}") {
            let _ = (PrivateStores::parse(&text), PrivateStores::parse(&list));
        }
    }
}
