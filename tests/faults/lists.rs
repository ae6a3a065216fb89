//! Lists of API 2.0 that are odd: what is not understood is held back, what is dangerous is not fetched.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::Collector::Objects;
use super::json as text;
use mimecast_sandbox::{Endpoint, Object, Reply};

/// A list, the exit code, what is said.
const LISTS: [(&str, &str); 7] = [
    (r#"{"value":7}"#, "list"),
    (r#"{"value":{}}"#, "list"),
    (
        r#"{"value":[],"@nextPage":{"token":"x"}}"#,
        "next page is not a token",
    ),
    (r#"{"value":[],"@nextPage":7}"#, "next page is not a token"),
    (
        r#"{"value":[],"@nextPage":true}"#,
        "next page is not a token",
    ),
    (r#"{"isCaughtUp":true}"#, "not understood"),
    (
        r#"{"value":[{"url":"https://example.com/a""#,
        "HTTP status 200",
    ),
];

#[test]
fn a_list_that_is_not_as_documented_is_not_taken_for_an_empty_one() {
    let place = Objects.behind();
    for (list, told) in LISTS {
        println!("{list}");
        place.always(Endpoint::Events, text(list));
        Objects.holds(&place, 76, told);
        Objects.recovers(&place);
        Objects.refill(&place);
    }
}

/// Addresses that no store of Mimecast's has.
const ADDRESSES: [&str; 13] = [
    "",
    "/relative",
    "ftp://example.com/a",
    "file:///etc/passwd",
    "http://example.com/a",
    "https://user:canary@example.com/a",
    "https://user@127.0.0.1/a",
    "https://10.0.0.1/a",
    "https://192.168.1.1/a",
    "https://169.254.169.254/latest/meta-data",
    "https://[fe80::1]/a",
    "https://[::ffff:169.254.169.254]/a",
    "https://2852039166/a", // 169.254.169.254 as one number
];

#[test]
fn an_address_that_leads_anywhere_but_to_a_store_is_not_fetched() {
    let place = Objects.behind();
    for address in ADDRESSES {
        println!("{address}");
        let list = json!({"value": [{"url": address, "size": 1}], "isCaughtUp": true});
        place.always(Endpoint::Events, text(&list.to_string()));
        let before = place.requests().len();
        let outcome = Objects.run(&place);
        let (code, words) = match address {
            "https://10.0.0.1/a" | "https://192.168.1.1/a" => (78, "the object store 1"),
            _ => (75, "objects of receipt could not be collected"),
        };
        let outcome = outcome.ends_with(code).says(words);
        assert!(!outcome.stderr.contains("canary"), "P6: {outcome:?}");
        assert_eq!(place.requests().len(), before + 2, "token and list");
        Objects.recovers(&place);
        Objects.refill(&place);
    }
}

/// A name that is let through as far as the resolver, in a list that comes once.
#[test]
fn an_object_at_a_name_that_does_not_exist_is_put_off_and_then_a_gap() {
    let place = Objects.behind();
    let list = json!({"value": [{"url": "https://nowhere.invalid/a"}], "isCaughtUp": true});
    place.next(Endpoint::Events, text(&list.to_string()));
    for code in [75, 75, 65, 0] {
        Objects.run(&place).ends_with(code);
    }
    Objects.overcomes(&place);
}

#[test]
fn an_object_that_is_named_on_two_pages_is_published_once() {
    let place = Objects.behind();
    place.serve_objects(
        "receipt",
        (1_000..1_150).map(|seed| Object::realistic(seed, 1)),
    );
    let first = Mutex::new(None::<Value>);
    place.always(Endpoint::Events, move |reply: &mut Reply| {
        let mut body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let items = body["value"].as_array_mut().expect("a list");
        let mut first = first.lock().expect("nobody panics");
        match (&*first, items.first()) {
            (None, Some(item)) => *first = Some(item.clone()),
            (Some(item), _) => items.push(item.clone()),
            (None, None) => {}
        }
        reply.set_body(body.to_string().into_bytes());
    });
    Objects.overcomes(&place);
    Objects.recovers(&place);
}

/// Two pages that name each other would be listed for ever.
#[test]
fn pages_in_a_circle_end_the_run_below_the_limit_of_calls() {
    let place = Objects.behind();
    place.sandbox.allow_complaints(); // these tokens were not given out
    let circle = Mutex::new((0, Value::Null));
    place.always(Endpoint::Events, move |reply: &mut Reply| {
        let mut circle = circle.lock().expect("nobody panics");
        if circle.0 == 0 {
            let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
            circle.1 = body["value"].clone();
        }
        circle.0 += 1;
        let next = format!("circle-{}", circle.0 % 2);
        let list = json!({"value": circle.1, "@nextPage": next, "isCaughtUp": false});
        reply.become_reply(Reply::json(200, &list));
    });
    let before = place.count(Endpoint::Events);
    Objects.run(&place).ends_with(75).says("are used up");
    assert!(place.count(Endpoint::Events) - before <= 45);
    place.assert_objects_complete();
    place.clear();
    // the place where it stopped is none of Mimecast's
    Objects
        .run(&place)
        .ends_with(65)
        .says("refused the saved position");
    Objects.overcomes(&place);
}
