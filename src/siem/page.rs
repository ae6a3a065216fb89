//! One page of a list under API 2.0: addresses, the token of the page after, and whether it matters.

use serde::Deserialize;
use serde_json::Value;

/// A list's answer, read as leniently as its sources disagree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Objects in the order of the list.
    pub(crate) items: Vec<Item>,
    /// Where to go on; sometimes absent.
    pub(crate) next: Option<String>,
    /// Whether nothing is behind this page; unknown when absent. It can be so with files, too.
    pub(crate) is_caught_up: Option<bool>,
}

#[derive(Deserialize)]
struct Answer {
    value: Vec<Item>,
    #[serde(rename = "@nextPage", default)]
    next: Value,
    #[serde(rename = "isCaughtUp", default)]
    is_caught_up: Value,
}

/// One object of a list.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its address.
    pub(crate) url: String,
    /// Bytes, packed or unpacked: that is said nowhere. More than none in either case, if it holds anything.
    #[serde(default)]
    size: Value,
}

impl Item {
    /// Whether the list says that there is something in it.
    pub(crate) fn has_content(&self) -> bool {
        self.size.as_u64().is_some_and(|size| size > 0)
    }
}

impl Page {
    /// Reads the text of an answer; the error says in one clause what is wrong.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let answer: Answer = serde_json::from_str(text)
            .map_err(|_| "a list that is not JSON as documented".to_owned())?;
        let next = match answer.next {
            Value::Null => None,
            Value::String(token) if token.is_empty() => None,
            Value::String(token) => Some(token),
            // taken for the end it could hide everything behind it
            _ => return Err("a list whose next page is no token".to_owned()),
        };
        Ok(Self {
            items: answer.value,
            next,
            is_caught_up: answer.is_caught_up.as_bool(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_page_is_read_with_and_without_what_is_optional() {
        let text = r#"{"value":[{"url":"https://a/b?c","expiry":"x","size":1}],"@nextPage":"t","isCaughtUp":true}"#;
        let page = Page::read(text).unwrap();
        let [item] = &page.items[..] else {
            panic!("one object: {page:?}");
        };
        assert_eq!(item.url, "https://a/b?c");
        assert!(item.has_content());
        assert_eq!(
            (page.next.as_deref(), page.is_caught_up),
            (Some("t"), Some(true))
        );
        for unsaid in [
            "",
            r#","size":null"#,
            r#","size":"1""#,
            r#","size":-1"#,
            r#","size":0"#,
        ] {
            let text = format!(r#"{{"value":[{{"url":"u"{unsaid}}}]}}"#);
            assert!(!Page::read(&text).unwrap().items[0].has_content(), "{text}");
        }
        let page = Page::read(r#"{"value":[]}"#).unwrap();
        assert_eq!((page.next, page.is_caught_up), (None, None));
    }

    #[test]
    fn an_error_never_repeats_an_address() {
        for text in [
            r#"{"value":[{"url":1,"x":"canary"}]}"#,
            r#"{"value":"canary"}"#,
            r#"{"value":[],"@nextPage":{"canary":1}}"#,
        ] {
            assert!(!Page::read(text).unwrap_err().contains("canary"));
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = Page::read(&text);
        }

        #[test]
        fn every_address_of_a_page_is_read_as_it_was_sent(
            urls in prop::collection::vec(".*", 0..8),
            next in prop::option::of(".*"),
            is_caught_up in prop::option::of(any::<bool>()),
        ) {
            let items: Vec<_> = urls.iter().map(|url| serde_json::json!({"size": 1, "url": url})).collect();
            let text = serde_json::json!({"value": items, "@nextPage": next, "isCaughtUp": is_caught_up});
            let next = next.filter(|next| !next.is_empty());
            let page = Page::read(&text.to_string()).unwrap();
            let read: Vec<_> = page.items.iter().map(|item| item.url.clone()).collect();
            prop_assert_eq!((read, page.next, page.is_caught_up), (urls, next, is_caught_up));
        }
    }
}
