//! Sorts addresses into those of the internet, of a company and of this host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks that no setting allows: this host, its link with the cloud's metadata service, and addresses
/// that reach many hosts.
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

/// Networks inside companies (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
];

/// The kind of network that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The internet.
    Public,
    /// A company's own network.
    Private,
    /// This host, its link, or many hosts at once: never a store.
    Barred,
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

/// True if the network shares an address with a barred one.
pub(super) fn is_barred(network: &IpNet) -> bool {
    networks(&BARRED).any(|barred| barred.contains(network) || network.contains(&barred))
}

fn is_in(list: &'static [&str], address: IpAddr) -> bool {
    networks(list).any(|network| network.contains(&address))
}

fn networks(list: &'static [&str]) -> impl Iterator<Item = IpNet> {
    list.iter()
        .map(|text| text.parse().expect("the list holds networks"))
}

/// Returns the IPv4 address inside an IPv6 address, because some routers use the inner one. The forms are
/// compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056).
pub(super) fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
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
    }
}
