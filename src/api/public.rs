//! Addresses of the world outside: what a server names must not lead to a service beside this program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Names of stores lead to the world outside, not to a service beside this program.
pub(super) struct Public;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| is_public(at.ip())).collect();
            if public.is_empty() {
                return Err("the store's name leads to no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the world outside.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || first == 0
                || is_shared)
        }
        IpAddr::V6(address) => {
            let is_site_local = address.segments()[0] & 0xffc0 == 0xfec0;
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || is_site_local)
                && within(address).is_none_or(|inner| is_public(inner.into()))
        }
    }
}

/// The older address that some routers and gateways make of one that holds it: compatible ones
/// (RFC 4291), NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056).
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
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

    proptest! {
        #[test]
        fn an_address_is_judged_the_same_in_whatever_it_is_wrapped(bits in any::<u32>(), is_local in any::<bool>()) {
            let bits = if is_local { 0x0a00_0000 | bits & 0x00ff_ffff } else { bits };
            let (inner, wide) = (Ipv4Addr::from_bits(bits), u128::from(bits));
            let wrapped = [wide, 0xffff << 32 | wide, 0x64_ff9b << 96 | wide, 0x2002 << 112 | wide << 80];
            for address in wrapped.map(Ipv6Addr::from_bits) {
                prop_assert_eq!(is_public(address.into()), is_public(inner.into()), "{}", address);
            }
        }
    }
}
