//! Reads pages of lists, with and without optional and invalid parts.

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
