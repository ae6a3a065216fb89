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
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    fn good(url: &str) -> Entry {
        Entry::Good(url.into())
    }

    fn lone(item: &str, why: &'static str) -> Entry {
        Entry::bad(item, why)
    }

    #[test]
    fn many_bad_entries_are_taken_together_and_hide_no_good_one() {
        for count in [BAD_ENTRIES, BAD_ENTRIES + 1, 10 * BAD_ENTRIES] {
            let text = format!(r#"{{"value":[{}{{"url":"a"}}]}}"#, "{},".repeat(count));
            let items = Page::read(&text).unwrap().items;
            assert!(items.contains(&good("a")) && items.len() <= BAD_ENTRIES + 2);
            let told = items.iter().map(|entry| match entry {
                Entry::Bad(bad) => bad.count as usize,
                Entry::Good(_) => 0,
            });
            assert_eq!(told.sum::<usize>(), count);
        }
    }

    #[test]
    fn a_next_page_that_is_no_token_leaves_the_entries() {
        for next in ["7", r#"{"canary":1}"#, "[]", "true"] {
            let text = format!(r#"{{"value":[{{"url":"a"}}],"@nextPage":{next}}}"#);
            let page = Page::read(&text).unwrap();
            assert_eq!(
                (page.items, page.next, page.is_next_odd),
                (vec![good("a")], None, true)
            );
        }
    }

    #[test]
    fn a_page_is_read_with_and_without_what_is_optional() {
        let text = r#"{"value":[{"url":"https://a/b?c","expiry":"x","size":1}],"@nextPage":"t","isCaughtUp":true}"#;
        let page = Page::read(text).unwrap();
        assert_eq!(page.items, [good("https://a/b?c")]);
        assert_eq!(
            (page.next.as_deref(), page.is_caught_up),
            (Some("t"), Some(true))
        );
        for text in [
            r#"{"value":[]}"#,
            r#"{"value":null}"#,
            r#"{"value":[],"@nextPage":null,"isCaughtUp":null}"#,
            r#"{"value":[],"@nextPage":"","isCaughtUp":"yes"}"#,
        ] {
            let page = Page::read(text).unwrap();
            assert_eq!(
                (page.items.len(), page.next, page.is_caught_up),
                (0, None, None)
            );
        }
    }

    #[test]
    fn one_bad_entry_leaves_the_others() {
        for (bad, why) in [
            ("{}", "has no address"),
            (r#"{"url":7}"#, "has no address"),
            (r#"{"url":null}"#, "has no address"),
            (r#"{"url":{"a":"]"}}"#, "has no address"),
            ("7", "is not an object"),
            (r#""https://a""#, "is not an object"),
            (r#"["https://a"]"#, "is not an object"),
            ("{\"url\":tru}", "is not JSON"),
        ] {
            let text = format!(r#"{{"value":[{{"url":"a"}},{bad},{{"url":"b"}}]}}"#);
            let page = Page::read(&text).unwrap();
            assert_eq!(page.items, [good("a"), lone(bad, why), good("b")], "{bad}");
        }
        let text = "{\"value\":[{\"url\":\"a\nb\"},{\"url\":\"c\"}]}";
        assert_eq!(Page::read(text).unwrap().items, [good("a\nb"), good("c")]);
    }

    #[test]
    fn an_error_never_repeats_an_address() {
        for text in [
            r#"{"value":"canary"}"#,
            r#"{"canary":[]}"#,
            r#"{"value":[{"url":"canary"}"#,
        ] {
            assert!(!Page::read(text).unwrap_err().contains("canary"));
        }
    }

    #[test]
    fn a_token_whose_ranges_are_all_empty_is_dead() {
        let dead = "[attachment_protect=0-0, av=0-0, url_protect=0-0]:0:null";
        let alive = "[attachment_protect=0-0, av=0-7]:0:null";
        for (text, expected) in [
            (dead, true),
            (alive, false),
            ("46:null", false),
            ("4554", false),
        ] {
            for token in [
                STANDARD.encode(text),
                URL_SAFE_NO_PAD.encode(text),
                text.to_owned(),
            ] {
                assert_eq!(is_dead(&token), expected, "{token}");
            }
        }
        let text = format!(r#"{{"value":[],"@nextPage":"{}"}}"#, STANDARD.encode(dead));
        assert_eq!(Page::read(&text).unwrap().next, None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = (Page::read(&text), is_dead(&text));
        }

        #[test]
        fn every_address_of_a_page_is_read_as_it_was_sent(
            urls in prop::collection::vec(".*", 0..8),
            next in prop::option::of("[a-zA-Z0-9]*"),
            is_caught_up in prop::option::of(any::<bool>()),
        ) {
            let items: Vec<_> = urls.iter().map(|url| serde_json::json!({"size": 1, "url": url})).collect();
            let text = serde_json::json!({"value": items, "@nextPage": next, "isCaughtUp": is_caught_up});
            let next = next.filter(|next| !next.is_empty());
            let page = Page::read(&text.to_string()).unwrap();
            let expected: Vec<_> = urls.iter().map(|url| good(url)).collect();
            prop_assert_eq!((page.items, page.next, page.is_caught_up), (expected, next, is_caught_up));
        }
    }
}
