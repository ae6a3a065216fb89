//! Reads one page of audit events item by item:
//! `{"meta":{"pagination":{"next":"…","totalCount":7}},"data":[{…}]}`.
//!
//! <https://integrations.mimecast.com/documentation/endpoint-reference/logs-and-statistics/get-audit-events/>.
//! Mimecast's documents and recorded answers disagree whether the last page has `next`, and whether pages have
//! `totalCount`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::scan;

/// The largest number of items on a page. Mimecast sends at most the requested number. The limit
/// bounds the memory for ids.
const ITEMS_LIMIT: usize = 100_000;
/// The longest token, in bytes.
const TOKEN_LIMIT: usize = 64 << 10;

/// One item of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// An item that is JSON.
    Whole(Cow<'a, str>),
    /// An item that is not JSON, or that nests too deeply for the JSON library, as it was sent.
    Broken(&'a str),
}

impl<'a> Item<'a> {
    /// Escapes raw control characters in an item's strings. `Broken` if the result is still not JSON.
    pub(crate) fn of(raw: &'a str) -> Self {
        scan::repaired(raw).map_or(Self::Broken(raw), Self::Whole)
    }
}

/// The members of a page beside its items.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageHead {
    /// The token of the next page; `None` on the last.
    pub(crate) next: Option<String>,
    /// The number of events of the window, if the page states it.
    pub(crate) total: Option<u64>,
    /// The number of items on the page.
    pub(crate) items: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow)]
    pagination: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pagination<'a> {
    #[serde(borrow)]
    next: Option<&'a RawValue>,
    #[serde(borrow)]
    total_count: Option<&'a RawValue>,
}

/// Calls `each` with the raw text of each item, in order. Returns `Ok(Err(clause))` if the text is not a page;
/// `each` may already have run for some items.
///
/// # Errors
/// The first error of `each`.
pub(crate) fn read<E>(
    text: &str,
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<Result<PageHead, String>, E> {
    let Some([meta, data]) = scan::members(text, ["meta", "data"]) else {
        return Ok(Err(
            "an audit page that is not JSON as documented".to_owned()
        ));
    };
    let (next, total) = match pagination(meta) {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    if data.is_some_and(has_too_many_items) {
        return Ok(Err("an audit page with too many items".to_owned()));
    }
    let mut items = 0;
    let done = match data {
        Some("null") => Some(()),
        Some(data) => scan::items(data, |item| {
            items += 1;
            each(item)
        })?,
        None => return Ok(Err("an audit page without data".to_owned())),
    };
    let head = PageHead { next, total, items };
    let why = "an audit page whose data is not a list".to_owned();
    Ok(done.map(|()| head).ok_or(why))
}

/// True for a page with too many items. It is checked before the first item is used, so that such a
/// page is refused as a whole.
fn has_too_many_items(data: &str) -> bool {
    if data.len() < ITEMS_LIMIT {
        return false;
    }
    let mut items = 0;
    let read = scan::items(data, |_| {
        items += 1;
        if items > ITEMS_LIMIT { Err(()) } else { Ok(()) }
    });
    read.is_err()
}

/// Returns the token of the next page, and the number of events of the window.
fn pagination(meta: Option<&str>) -> Result<(Option<String>, Option<u64>), String> {
    let meta: Meta<'_> =
        member_or_default(meta).ok_or("an audit page whose meta is not an object")?;
    let found: Pagination<'_> = member_or_default(meta.pagination.map(RawValue::get))
        .ok_or("an audit page whose pagination is not an object")?;
    let total = found.total_count.and_then(|count| {
        let count = count.get().trim_matches('"');
        count.parse().ok()
    });
    Ok((token(found.next)?, total))
}

/// Reads a member that is an object. Returns the default if it is absent, null or an empty list. Returns
/// `None` for any other value, because the default would count as the last page.
fn member_or_default<'a, T: Default + Deserialize<'a>>(json: Option<&'a str>) -> Option<T> {
    match json {
        None | Some("null") => Some(T::default()),
        Some(json) if json.starts_with('{') => serde_json::from_str(json).ok(),
        Some(json) => {
            let is_empty = scan::items(json, |_| Err(())).is_ok_and(|list| list.is_some());
            is_empty.then(T::default)
        }
    }
}

/// Returns the token; `None` if absent, null or empty. An error for any other value or a token above
/// [`TOKEN_LIMIT`], because treating it as the end would skip all later pages.
fn token(next: Option<&RawValue>) -> Result<Option<String>, String> {
    let Some(next) = next.map(RawValue::get).filter(|next| *next != "null") else {
        return Ok(None);
    };
    let token = Some(next).filter(|next| next.len() <= TOKEN_LIMIT);
    match token.and_then(|next| serde_json::from_str::<String>(next).ok()) {
        Some(token) => Ok(Some(token).filter(|token| !token.is_empty())),
        None => Err("an audit page whose next page is not a token".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn page(text: &str) -> Result<(Vec<String>, PageHead), String> {
        let mut items = Vec::new();
        let read = read(text, |item| {
            items.push(match Item::of(item) {
                Item::Whole(text) => text.into_owned(),
                Item::Broken(text) => format!("broken {text}"),
            });
            Ok::<_, ()>(())
        });
        read.unwrap().map(|head| (items, head))
    }

    #[test]
    fn items_the_next_token_and_the_count_are_read() {
        let text = r#"{"meta":{"pagination":{"next":"eNo","totalCount":7}},"data":[{"a":1},null],"fail":[]}"#;
        let (items, head) = page(text).unwrap();
        assert_eq!(items, [r#"{"a":1}"#, "null"]);
        assert_eq!(head.next.as_deref(), Some("eNo"));
        assert_eq!((head.total, head.items), (Some(7), 2));
    }

    #[test]
    fn a_page_of_more_items_than_the_limit_hands_out_none() {
        for (items, handed_out) in [(ITEMS_LIMIT, ITEMS_LIMIT), (ITEMS_LIMIT + 1, 0)] {
            let (text, mut count) = (format!("{{\"data\":[{}1]}}", "1,".repeat(items - 1)), 0);
            let read = read(&text, |_| {
                count += 1;
                Ok::<_, ()>(())
            });
            assert_eq!((read.unwrap().is_ok(), count), (handed_out > 0, handed_out));
        }
    }

    #[test]
    fn one_broken_item_leaves_the_others() {
        let (items, head) = page("{\"data\":[{\"a\":\"x\ty\"},{\"b\":tru},{\"c\":1}]}").unwrap();
        assert_eq!(
            items,
            [r#"{"a":"x\u0009y"}"#, "broken {\"b\":tru}", r#"{"c":1}"#]
        );
        assert_eq!(head.items, 3);
    }

    #[test]
    fn every_way_of_naming_no_next_page_is_read() {
        for meta in [
            "{}",
            "null",
            r#"{"pagination":{}}"#,
            r#"{"pagination":null}"#,
            r#"{"pagination":[]}"#,
            "[ ]",
            r#"{"pagination":{"next":null}}"#,
            r#"{"pagination":{"next":"","totalCount":"x"}}"#,
        ] {
            for data in ["[]", "null"] {
                let (_, head) = page(&format!(r#"{{"meta":{meta},"data":{data}}}"#)).unwrap();
                assert_eq!((head.next, head.total, head.items), (None, None, 0));
            }
        }
    }

    #[test]
    fn what_is_not_a_page_is_an_error_that_repeats_nothing() {
        let long = "canary ".repeat(1_000);
        for text in [
            String::new(),
            "[]".to_owned(),
            r#"{"data":[{"a":1}"#.to_owned(),
            r#"{"meta":{}}"#.to_owned(),
            format!(r#"{{"data":"{long}"}}"#),
            format!(r#"{{"data":{{"{long}":1}}}}"#),
            format!(r#"{{"meta":{{"pagination":{{"next":["{long}"]}}}},"data":[]}}"#),
            r#"{"meta":{"pagination":{"next":{}}},"data":[]}"#.to_owned(),
            r#"{"meta":{"pagination":["eNo"]},"data":[]}"#.to_owned(),
            r#"{"meta":{"pagination":"eNo"},"data":[]}"#.to_owned(),
            r#"{"meta":{"pagination":7},"data":[]}"#.to_owned(),
            r#"{"meta":[{"next":"eNo"}],"data":[]}"#.to_owned(),
            r#"{"meta":"next","data":[]}"#.to_owned(),
            r#"{"meta":{"pagination":{"next":"eNo","next":null}},"data":[]}"#.to_owned(),
            r#"{"meta":{"pagination":{"next":1}},"data":[]}"#.to_owned(),
            r#"{"meta":{"pagination":{"next":true}},"data":[]}"#.to_owned(),
        ] {
            let why = page(&text).unwrap_err();
            assert!(!why.contains("canary") && why.len() < 100, "{why}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = page(&text);
        }

        #[test]
        fn every_item_of_a_page_is_handed_out_as_it_was_sent(
            items in prop::collection::vec((".*", any::<i32>(), 0_usize..300), 0..8),
            next in prop::option::of(".*"),
            space in prop::sample::select(vec!["", " ", "\r\n\t"]),
        ) {
            let items: Vec<String> = items.iter().map(|(text, number, depth)| {
                let nested = "[".repeat(*depth) + &number.to_string() + &"]".repeat(*depth);
                format!("{{\"user\":{},\"n\":{nested}}}", Value::from(text.as_str()))
            }).collect();
            let meta = serde_json::json!({"status": 200, "pagination": {"next": next}});
            let data = items.join(&format!("{space},{space}"));
            let text = format!("{{\"data\":[{space}{data}{space}],\"meta\":{meta}}}");
            let (found, head) = page(&text).unwrap();
            // an item that nests too deeply for the JSON library is kept as broken, and still complete
            let same = found.iter().zip(&items).all(|(found, item)| found.strip_prefix("broken ").unwrap_or(found) == item);
            prop_assert!(same && found.len() == items.len());
            prop_assert_eq!(head.next, next.filter(|next| !next.is_empty()));
        }
    }
}
