//! One page of audit events, as Mimecast sends it.
//!
//! <https://integrations.mimecast.com/documentation/endpoint-reference/logs-and-statistics/get-audit-events/>.
//! Sources disagree whether `next` is there on the last page, so both are an end: no `next`, and a
//! page without items.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Items, newest first, and the token of the page after.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) items: Vec<&'a RawValue>,
    pub(crate) next: Option<String>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    meta: Value,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

impl<'a> Page<'a> {
    /// Reads the text of an answer; the error says in one clause what is wrong.
    pub(crate) fn read(text: &'a str) -> Result<Self, String> {
        // the error's own Display quotes what it found, which may be anything; its place does not
        let answer: Answer<'a> = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("an audit page that is not JSON as documented, line {line} column {column}")
        })?;
        let next = match answer.meta.pointer("/pagination/next") {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) if token.is_empty() => None,
            Some(Value::String(token)) => Some(token.clone()),
            // taken for the end it could hide every event behind it
            Some(_) => return Err("an audit page whose next page is no token".to_owned()),
        };
        Ok(Self {
            items: answer.data,
            next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn items_and_the_next_token_are_read() {
        let text = r#"{"meta":{"pagination":{"next":"eNo"}},"data":[{"a":1},null],"fail":[]}"#;
        let page = Page::read(text).unwrap();
        assert_eq!(
            page.items.iter().map(|item| item.get()).collect::<Vec<_>>(),
            [r#"{"a":1}"#, "null"]
        );
        assert_eq!(page.next.as_deref(), Some("eNo"));
    }

    #[test]
    fn every_way_of_naming_no_next_page_is_an_end() {
        for meta in [
            "{}",
            "null",
            r#"{"pagination":{}}"#,
            r#"{"pagination":{"next":null}}"#,
            r#"{"pagination":{"next":""}}"#,
        ] {
            assert_eq!(
                Page::read(&format!(r#"{{"meta":{meta},"data":[]}}"#))
                    .unwrap()
                    .next,
                None
            );
        }
    }

    #[test]
    fn a_next_page_that_is_no_token_is_not_taken_for_the_end() {
        for next in ["{}", "1", "[]", "true"] {
            let text = format!(r#"{{"meta":{{"pagination":{{"next":{next}}}}},"data":[]}}"#);
            assert!(Page::read(&text).is_err(), "{next}");
        }
    }

    #[test]
    fn an_error_never_repeats_what_was_sent() {
        let long = "canary ".repeat(1_000);
        for text in [
            format!(r#"{{"data":"{long}"}}"#),
            format!(r#"{{"data":{{"{long}":1}}}}"#),
            format!(r#"{{"meta":{{"pagination":{{"next":["{long}"]}}}},"data":[]}}"#),
        ] {
            let why = Page::read(&text).unwrap_err();
            assert!(!why.contains("canary") && why.len() < 100, "{why}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = Page::read(&text);
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
            let page = Page::read(&text).unwrap();
            let found: Vec<_> = page.items.iter().map(|item| item.get()).collect();
            prop_assert_eq!(found, items);
            prop_assert_eq!(page.next, next.filter(|next| !next.is_empty()));
        }
    }
}
