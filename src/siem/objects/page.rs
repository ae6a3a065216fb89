//! One page of a list under API 2.0: addresses, the token of the page after, and whether more follows.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::json::Members;
use crate::json::scan;
use crate::spool::Digest;

/// So many entries without an address, and so many addresses that are not fetched from, are told apart; further
/// ones of a page are taken together.
pub(crate) const BAD_ENTRIES: usize = 64;
/// No token and no address is longer, in bytes.
const TOKEN_LIMIT: usize = 64 << 10;

/// A list's answer, read as leniently as its sources disagree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Entries in the order of the list.
    pub(crate) items: Vec<Entry>,
    /// Where to go on; sometimes absent, and `None` for a token that would name nothing for ever.
    pub(crate) next: Option<String>,
    /// True if nothing is behind this page; `None` if that is not said. It can be so with files, too.
    pub(crate) is_caught_up: Option<bool>,
    /// True for a next page that is no token. It must not count as the end: that would skip all later pages.
    pub(crate) is_next_odd: bool,
}

/// One entry of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An address.
    Good(Box<str>),
    /// No address.
    Bad(Box<Bad>),
}

/// What is known of entries without an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Why, in one clause.
    pub(crate) why: &'static str,
    /// What tells it from other entries.
    pub(crate) digest: Digest,
    /// How many entries are meant.
    pub(crate) count: u32,
}

impl Bad {
    /// From now on another entry is meant, too.
    pub(crate) fn join(&mut self, other: &Self) {
        self.digest = self.digest.joined(other.digest);
        self.count = self.count.saturating_add(other.count);
    }
}

impl Page {
    /// Reads the text of an answer; the error says in one clause what is wrong.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let [value, next, is_caught_up] = scan::members(text, ["value", "@nextPage", "isCaughtUp"])
            .ok_or("a list that is not JSON as documented")?;
        let mut items = Items::default();
        let read = match value {
            Some("null") => Ok(Some(())),
            Some(value) => scan::items(value, |item| {
                items.push(Entry::read(item));
                Ok(())
            }),
            None => Ok(None),
        };
        read.and_then(|done: Option<()>| done.ok_or(()))
            .map_err(|()| "a list without its value")?;
        let next = next.map_or(Some(None), token);
        Ok(Self {
            items: items.close(),
            is_next_odd: next.is_none(),
            next: next.flatten().filter(|next| !is_dead(next)),
            is_caught_up: is_caught_up.and_then(|text| text.parse().ok()),
        })
    }
}

/// Entries as they are read.
#[derive(Default)]
struct Items {
    items: Vec<Entry>,
    bad: usize,
    /// Entries without an address that are taken together.
    rest: Option<Bad>,
}

impl Items {
    fn push(&mut self, entry: Entry) {
        if let Entry::Bad(bad) = entry {
            self.bad += 1;
            match &mut self.rest {
                _ if self.bad <= BAD_ENTRIES => self.items.push(Entry::Bad(bad)),
                Some(rest) => rest.join(&bad),
                rest => *rest = Some(*bad),
            }
        } else {
            self.items.push(entry);
        }
    }

    fn close(mut self) -> Vec<Entry> {
        let rest = self.rest.map(|rest| Entry::Bad(Box::new(rest)));
        self.items.extend(rest);
        self.items
    }
}

impl Entry {
    fn read(item: &str) -> Self {
        let Some(item) = scan::repaired(item) else {
            return Self::bad(item, "is not JSON");
        };
        let Ok(object) = serde_json::from_str::<Members<'_>>(&item) else {
            return Self::bad(&item, "is not an object");
        };
        let url = object.get("url").filter(|url| url.len() <= TOKEN_LIMIT);
        if let Some(url) = url.and_then(|url| serde_json::from_str::<Box<str>>(url).ok()) {
            return Self::Good(url);
        }
        // another time in each list makes no other entry
        let timeless = object.get("expiry").map(|expiry| item.replace(expiry, ""));
        Self::bad(timeless.as_deref().unwrap_or(&item), "has no address")
    }

    fn bad(text: &str, why: &'static str) -> Self {
        let digest = Digest::of(text.as_bytes());
        let count = 1;
        Self::Bad(Box::new(Bad { why, digest, count }))
    }
}

/// Reads a token; `None` for what is not one.
fn token(next: &str) -> Option<Option<String>> {
    if next == "null" {
        return Some(None);
    }
    let token = Some(next).filter(|next| next.len() <= TOKEN_LIMIT);
    let token = token.and_then(|next| serde_json::from_str::<String>(next).ok())?;
    Some(Some(token).filter(|token| !token.is_empty()))
}

/// Either alphabet, with or without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT),
];

/// True for a token in which every range is empty, such as `[av=0-0, url_protect=0-0]:0:null` in base64: it
/// was seen on a sister call of the service, which then names nothing for ever.
fn is_dead(token: &str) -> bool {
    let decoded = ALPHABETS
        .iter()
        .find_map(|alphabet| alphabet.decode(token).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.as_deref().unwrap_or(token);
    let ranges = text
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(ranges, _)| ranges.split(','));
    let is_empty = |range: &str| {
        let range = range.split_once('=').map(|(_, range)| range.trim());
        range == Some("0-0")
    };
    ranges.is_some_and(|mut ranges| ranges.all(is_empty))
}

#[cfg(test)]
mod tests;
