//! Pages of addresses under API 2.0.
//!
//! - If a general reader of JSON accepts the page, both find the same entries, addresses and token. A token
//!   whose ranges are all empty is the exception.
//! - Errors never repeat an address, because its query is a permission.
//! - An accepted address is https, without a user, and not in a private network. The place and the stem of
//!   an address do not hold its query.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::Extension;
use mimecast_collector::fuzzing::{ListPage, address, file_name, list_page, own_name};
use mimecast_collector_fuzz::{CANARY, first, from_base64, items, members, sha256};
use serde_json::{Value, json};

/// The number of entries without an address that a page holds one by one.
const BAD_ENTRIES: usize = 64;

/// Reads a page and returns its addresses.
fn check(text: &str) -> Option<Vec<String>> {
    let page = match list_page(text) {
        Ok(page) => page,
        Err(why) => {
            assert!(why.is_ascii() && why.len() < 100, "{why:?}");
            return None;
        }
    };
    if members(text).is_some() {
        check_against_json(&page, text);
    }
    for entry in &page.entries {
        match entry {
            Ok(url) => check_address(url),
            Err(why) => assert!(why.is_ascii() && why.len() < 40),
        }
    }
    Some(page.entries.into_iter().filter_map(Result::ok).collect())
}

fn check_against_json(page: &ListPage, text: &str) {
    let page_members = members(text).expect("an object");
    let listed = items(first(&page_members, "value").expect("a page has a value"));
    let listed = listed.expect("a list");
    if page.entries.len() < listed.len() {
        // many entries without an address count as one
        let bad = page.entries.iter().filter(|entry| entry.is_err()).count();
        return assert!(bad > BAD_ENTRIES, "an entry has vanished");
    }
    for (entry, sent) in page.entries.iter().zip(listed) {
        let Ok(Value::Object(object)) = serde_json::from_str(sent.get()) else {
            continue;
        };
        let names = members(sent.get()).expect("an object");
        if names.iter().filter(|(name, _)| name == "url").count() < 2 {
            let url = object.get("url").and_then(Value::as_str);
            assert_eq!(entry.as_ref().ok().map(String::as_str), url);
        }
    }
    let read = |name| serde_json::from_str(first(&page_members, name).unwrap_or("null"));
    let next: Value = read("@nextPage").unwrap_or_default();
    let next = next.as_str().filter(|next| !next.is_empty());
    match &page.next {
        Some(found) => assert_eq!(Some(found.as_str()), next),
        None => assert!(next.is_none_or(may_be_dead), "{next:?} is not adopted"),
    }
    let is_caught_up: Value = read("isCaughtUp").unwrap_or_default();
    assert_eq!(page.is_caught_up, is_caught_up.as_bool());
}

/// True if a range of the token is empty. A token whose ranges are all empty never names an object.
fn may_be_dead(token: &str) -> bool {
    let text = from_base64(token);
    text.as_deref().unwrap_or(token).contains("0-0")
}

fn check_address(text: &str) {
    let address = match address(text) {
        Ok(address) => address,
        Err(why) => return assert!(why.len() < 80),
    };
    let (place, stem) = (address.place(), address.stem());
    let url = reqwest::Url::parse(text).expect("an address is a URL");
    assert!(url.scheme() == "https" && url.username().is_empty() && url.password().is_none());
    assert!(!place.contains(['?', '#']) && !stem.contains('/'));
    let host = place.split('/').next().unwrap_or_default();
    assert!(!host.is_empty() && !host.contains('@') && host != "localhost");
    if let Ok(number) = host.trim_matches(['[', ']']).parse() {
        assert!(!is_private(number), "{number} is fetched from");
    }
    let name = file_name(stem, &sha256(stem.as_bytes()), Extension::Json);
    assert_eq!(own_name(name.as_str()), Some(name.clone()));
}

/// True for an address from which the collector does not fetch, also inside a longer address.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let number = u32::from(address);
            let networks = [
                (0, 8),
                (0x0A00_0000, 8),
                (0x6440_0000, 10),
                (0x7F00_0000, 8),
                (0xA9FE_0000, 16),
                (0xAC10_0000, 12),
                (0xC0A8_0000, 16),
                (0xE000_0000, 4),
            ];
            networks
                .iter()
                .any(|(start, bits)| (number ^ start) >> (32 - bits) == 0)
        }
        IpAddr::V6(address) => {
            let number = u128::from(address);
            let inner = |shift: u32| is_private(Ipv4Addr::from((number >> shift) as u32).into());
            let first = number >> 112;
            match number >> 32 {
                0 | 0xFFFF | 0x0064_FF9B_0000_0000_0000_0000 => inner(0),
                _ if first == 0x2002 => inner(80),
                _ => {
                    [0xFE80, 0xFEC0].contains(&(first & 0xFFC0))
                        || first >> 9 == 0x7E
                        || first >> 8 == 0xFF
                }
            }
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Page {
    addresses: Vec<Parts>,
    next: Option<String>,
    is_caught_up: Option<bool>,
}

#[derive(Arbitrary, Debug)]
struct Parts {
    scheme: u8,
    user: u8,
    host: Host,
    path: String,
}

#[derive(Arbitrary, Debug)]
enum Host {
    Named(u8),
    Four(u32),
    Short(u32),
    Six(u128),
    Inside(u8, u32),
    Other(String),
}

impl Parts {
    fn text(&self) -> String {
        let scheme =
            ["https", "HTTPS", "http", "ftp", "file", "https:"][usize::from(self.scheme % 6)];
        let user = ["", "", "", "user@", "user:word@"][usize::from(self.user % 5)];
        let host = match &self.host {
            Host::Named(number) => {
                let names = [
                    "store.example.com",
                    "localhost",
                    "LOCALHOST",
                    "a.b:444",
                    "127.1",
                    "0x7f.1",
                    "",
                ];
                names[usize::from(*number) % names.len()].to_owned()
            }
            Host::Four(number) => Ipv4Addr::from(*number).to_string(),
            Host::Short(number) => number.to_string(),
            Host::Six(number) => format!("[{}]", std::net::Ipv6Addr::from(*number)),
            Host::Inside(kind, number) => {
                let number = u128::from(*number);
                let number = match kind % 4 {
                    0 => number,
                    1 => 0xFFFF << 32 | number,
                    2 => 0x0064_FF9B_u128 << 96 | number,
                    _ => 0x2002_u128 << 112 | number << 80,
                };
                format!("[{}]", std::net::Ipv6Addr::from(number))
            }
            Host::Other(text) => text.clone(),
        };
        format!("{scheme}://{user}{host}/{}?X-Signature={CANARY}", self.path)
    }
}

fn play(page: &Page) {
    let urls: Vec<_> = page.addresses.iter().take(8).map(Parts::text).collect();
    let items: Vec<_> = urls
        .iter()
        .map(|url| json!({"url": url, "size": 1}))
        .collect();
    let text = json!({"value": items, "@nextPage": page.next, "isCaughtUp": page.is_caught_up});
    assert_eq!(check(&text.to_string()).as_ref(), Some(&urls));
    for url in &urls {
        if let Ok(address) = address(url) {
            let shown = format!("{address:?}{}{}", address.place(), address.stem());
            assert!(!shown.contains(CANARY) || url.matches(CANARY).count() > 1);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    check(&text);
    check_address(&text);
    if let Ok(page) = Page::arbitrary(&mut Unstructured::new(data)) {
        play(&page);
    }
});
