//! One page of a list under API 2.0: addresses, the token of the next page, and whether more follows.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::json::Members;
use crate::json::scan;
use crate::spool::Digest;

/// The number of bad entries of a page that are counted one by one, and the number of refused
/// addresses. Further ones become one entry.
pub(crate) const BAD_ENTRIES: usize = 64;
/// The longest token or address, in bytes.
const TOKEN_LIMIT: usize = 64 << 10;

/// The answer of a list. Sources disagree about its form, so every known form is accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The entries in the order of the list.
    pub(crate) items: Vec<Entry>,
    /// The token of the next page. `None` if it is absent, or if it would never list an object.
    pub(crate) next: Option<String>,
    /// True if this is the last page for now; `None` if the page does not say. A last page can have objects.
    pub(crate) is_caught_up: Option<bool>,
    /// True if the next page is not a token. It must not count as the end: that would skip all later pages.
    pub(crate) is_next_odd: bool,
}

/// One entry of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An address.
    Good(Box<str>),
    /// An entry without an address.
    Bad(Box<Bad>),
}

/// One or more entries without an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// The reason, in one clause.
    pub(crate) why: &'static str,
    /// The digest that distinguishes it from other entries.
    pub(crate) digest: Digest,
    /// The number of entries.
    pub(crate) count: u32,
}

impl Bad {
    /// Adds another bad entry to this one.
    pub(crate) fn join(&mut self, other: &Self) {
        self.digest = self.digest.joined(other.digest);
        self.count = self.count.saturating_add(other.count);
    }
}

impl Page {
    /// Reads the text of an answer. The error says in one clause what is wrong.
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

/// The entries that have been read so far.
#[derive(Default)]
struct Items {
    items: Vec<Entry>,
    bad: usize,
    /// The bad entries above the limit, as one.
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
        // the expiry differs in each list, but the entry is the same
        let timeless = object.get("expiry").map(|expiry| item.replace(expiry, ""));
        Self::bad(timeless.as_deref().unwrap_or(&item), "has no address")
    }

    fn bad(text: &str, why: &'static str) -> Self {
        let digest = Digest::of(text.as_bytes());
        let count = 1;
        Self::Bad(Box::new(Bad { why, digest, count }))
    }
}

/// Reads a token. Returns `None` for a value that is not a token, and `Some(None)` if there is none.
fn token(next: &str) -> Option<Option<String>> {
    if next == "null" {
        return Some(None);
    }
    let token = Some(next).filter(|next| next.len() <= TOKEN_LIMIT);
    let token = token.and_then(|next| serde_json::from_str::<String>(next).ok())?;
    Some(Some(token).filter(|token| !token.is_empty()))
}

/// Accepts padding and its absence.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT),
];

/// True for a token in which every range is empty, such as `[av=0-0, url_protect=0-0]:0:null` in
/// base64.
/// A sister call of the service has sent such a token and then never lists an object.
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
