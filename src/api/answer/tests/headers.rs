//! The headers of answers: waits, tokens, dates, and the words about an answer.

use super::*;

/// [`NOW`] in seconds since 1970.
const NOW_SECONDS: u64 = 1_795_168_800;

#[test]
fn a_redirect_is_named_by_its_host_alone() {
    let head = head(
        307,
        &[(
            "location",
            "https://user:canary@evil.example.net/a?b=canary",
        )],
    );
    let Answer::NotUnderstood(text) = Answer::of(Call::Log(&ARCHIVES), &head, Body::Held(""))
    else {
        panic!("a redirect is nothing that is understood");
    };
    assert!(text.ends_with("a redirect to evil.example.net"), "{text}");
}

#[test]
fn waits_are_taken_from_whichever_header_makes_sense() {
    let seconds = |count| Some(Duration::from_secs(count));
    for (name, value, expected) in [
        ("retry-after", "3", seconds(3)),
        ("retry-after", "Fri, 20 Nov 2026 10:00:07 GMT", seconds(7)),
        ("retry-after", "Fri, 20 Nov 2026 09:00:00 GMT", None),
        ("retry-after", "99999999", None),
        ("retry-after", "-1", None),
        ("x-ratelimit-reset", "0", seconds(0)),
        (
            "x-ratelimit-reset",
            "1500",
            Some(Duration::from_millis(1_500)),
        ),
        ("x-ratelimit-reset", "7200000", Some(HORIZON)),
        ("x-ratelimit-reset", "-5", None),
        ("x-ratelimit-reset", "1.5", None),
        ("x-ratelimit-reset", "soon", None),
        ("x-ratelimit-reset", "1000000000000000000", Some(HORIZON)),
        ("x-ratelimit-reset", "99999999999999999999999", None),
    ] {
        assert_eq!(
            wait_hint(&head(429, &[(name, value)])),
            expected,
            "{name}: {value}"
        );
    }
    let at = (NOW_SECONDS + 9).to_string();
    assert_eq!(
        wait_hint(&head(429, &[("x-ratelimit-reset", &at)])),
        seconds(9)
    );
    let at = ((NOW_SECONDS + 9) * 1_000).to_string();
    assert_eq!(
        wait_hint(&head(429, &[("x-ratelimit-reset", &at)])),
        seconds(9)
    );
    let both = [("retry-after", "2"), ("x-ratelimit-reset", "9000")];
    assert_eq!(wait_hint(&head(429, &both)), seconds(2));
}

#[test]
fn what_is_said_of_an_answer_is_short_however_long_its_headers_are() {
    let host = format!("https://{}.example.com/", "a".repeat(5_000));
    let headers = [("content-type", &*"b".repeat(5_000)), ("location", &host)];
    let Answer::NotUnderstood(why) = Answer::of_object(&head(302, &headers)) else {
        panic!("a redirect is understood");
    };
    assert!(
        why.contains("a redirect to aaaa") && why.len() < 300,
        "{why}"
    );
}

#[test]
fn a_doubtful_token_is_no_token() {
    let long = "x".repeat(8_193);
    for value in ["", " ", "a b", long.as_str()] {
        assert_eq!(
            siem_token(&head(200, &[(SIEM_TOKEN, value)])),
            None,
            "{value}"
        );
    }
    assert_eq!(
        siem_token(&head(200, &[(SIEM_TOKEN, " eNo ")])),
        Some("eNo")
    );
}

proptest! {
    #[test]
    fn a_token_is_only_taken_if_it_can_be_sent_back(value in "[ -~]{0,40}") {
        let head = head(200, &[(SIEM_TOKEN, &value)]);
        let expected = Some(value.trim()).filter(|token| !token.is_empty() && !token.contains(' '));
        prop_assert_eq!(siem_token(&head), expected);
    }

    #[test]
    fn a_date_is_read_as_it_was_written(seconds in 0_i64..253_402_300_800) {
        let date = DateTime::from_timestamp(seconds, 0).unwrap();
        let text = httpdate::fmt_http_date(date.into());
        prop_assert_eq!(http_date(&text), Some(date));
        prop_assert_eq!(http_date(&text[1..]), None);
    }
}
