//! Values of headers. Each line of the input is one value, in the order of `NAMES`.
//!
//! - A wait is at most an hour. If the header is a plain number, the wait is that number.
//! - A token can be sent back unchanged.
//! - A date is between 1970 and 9999.
//! - The message about an answer is short and printable, and names only the host of an address.
#![no_main]

use std::time::Duration;

use chrono::Datelike as _;
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::Call;
use mimecast_collector::fuzzing::siem_token;
use mimecast_collector::fuzzing::{ARCHIVES, AUDIT};
use mimecast_collector::fuzzing::{Answer, Body, Head};
use mimecast_collector_fuzz::CANARY;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

const NAMES: [&str; 7] = [
    "retry-after",
    "x-ratelimit-reset",
    "date",
    "mc-siem-token",
    "content-type",
    "content-disposition",
    "location",
];

fn head(status: u16, data: &[u8]) -> Head {
    let mut headers = HeaderMap::new();
    for (name, value) in NAMES.iter().zip(data.split(|byte| *byte == b'\n')) {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_bytes(value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Head { status, headers }
}

fn check_wait(head: &Head) {
    let answer = Answer::of(Call::Log(&ARCHIVES), head, Body::Held(""));
    let Answer::SlowDown(wait) = answer else {
        panic!("429 is {answer:?}");
    };
    let hour = Duration::from_secs(3_600);
    assert!(wait.unwrap_or_default() <= hour);
    let asked = head
        .text("retry-after")
        .and_then(|text| text.trim().parse().ok());
    if let Some(seconds @ 0..=86_400) = asked {
        assert_eq!(wait, Some(Duration::from_secs(seconds).min(hour)));
    }
    if !head.headers.contains_key("retry-after") && !head.headers.contains_key("x-ratelimit-reset")
    {
        assert_eq!(wait, None);
    }
    if !head
        .text("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"))
    {
        assert_eq!(Answer::of_object(head), Answer::SlowDown(wait));
    }
}

fn check_words(head: &Head) {
    for answer in [
        Answer::of(Call::Log(&AUDIT), head, Body::Held("{")),
        Answer::of(Call::Log(&AUDIT), head, Body::Stored),
        Answer::of_object(head),
    ] {
        let Answer::NotUnderstood(why) = answer else {
            panic!("a redirect is {answer:?}");
        };
        assert!(
            why.chars().count() <= 400 && !why.contains(char::is_control),
            "{why:?}"
        );
        let is_elsewhere = NAMES[..6]
            .iter()
            .any(|name| head.text(name).unwrap_or_default().contains("Canary"));
        assert!(is_elsewhere || !why.contains(CANARY), "{why:?}");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut redirect = head(302, data);
    check_wait(&head(429, data));
    if let Some(date) = redirect.date() {
        assert!((1970..=9999).contains(&date.year()), "{date}");
    }
    if let Some(token) = siem_token(&redirect) {
        assert!(
            (1..=8_192).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
        );
        assert!(HeaderValue::from_str(token).is_ok());
    }
    check_words(&redirect);
    if let Some(location) = redirect.text("location") {
        let location = format!("{location}?{CANARY}");
        if let Ok(location) = HeaderValue::from_str(&location) {
            redirect.headers.insert("location", location);
            check_words(&redirect);
        }
    }
});
