//! The meaning of answers: statuses first, and what holds for any answer.

mod envelopes;
mod headers;

use crate::logs::{ARCHIVES, AUDIT, CLOUD_GATEWAY, CLOUD_INTEGRATED};
use proptest::prelude::*;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::*;

const NOW: &str = "Fri, 20 Nov 2026 10:00:00 GMT";

fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
    let headers = headers.iter().chain([&("date", NOW)]);
    let headers = headers.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    Head {
        status,
        headers: headers.collect(),
    }
}

fn of(call: Call, status: u16, body: &str) -> Answer {
    let head = head(status, &[("content-type", "application/json")]);
    Answer::of(call, &head, Body::Held(body))
}

fn failing(code: &str) -> String {
    format!(
        r#"{{"meta":{{"status":200}},"data":[],"fail":[{{"errors":[{{"code":"{code}","message":"m","retryable":false}}]}}]}}"#
    )
}

#[test]
fn every_status_has_one_meaning() {
    for status in 100..600 {
        let answer = of(Call::Log(&AUDIT), status, "");
        let expected = match status {
            401 => Answer::Denied(Denial::Keys),
            403 => Answer::Denied(Denial::Permission("Account | Logs | Read")),
            418 => Answer::Denied(Denial::Expired),
            429 => Answer::SlowDown(None),
            204 | 408 | 425 | 500.. => Answer::Broken(format!("HTTP status {status}")),
            _ => Answer::NotUnderstood(format!(
                "HTTP status {status} with 0 bytes of application/json"
            )),
        };
        assert_eq!(answer, expected, "{status}");
    }
    assert_eq!(of(Call::Login, 401, ""), Answer::Denied(Denial::Login));
    for call in [
        Call::Log(&ARCHIVES),
        Call::Log(&CLOUD_GATEWAY),
        Call::Log(&CLOUD_INTEGRATED),
    ] {
        assert_eq!(of(call, 204, ""), Answer::Nothing);
    }
}

#[test]
fn every_status_of_an_object_store_has_one_meaning() {
    for status in 100..600 {
        let answer = Answer::of_object(&head(status, &[]));
        let is_expected = match status {
            200 => answer == Answer::Data,
            400 | 401 | 403 => answer == Answer::Lapsed,
            404 | 410 => answer == Answer::Gone,
            429 => answer == Answer::SlowDown(None),
            408 | 425 | 500.. => matches!(answer, Answer::Broken(_)),
            _ => matches!(answer, Answer::NotUnderstood(_)),
        };
        assert!(is_expected, "{status}: {answer:?}");
        let page = head(status, &[("content-type", "text/html; charset=utf-8")]);
        let answer = Answer::of_object(&page);
        assert!(matches!(answer, Answer::NotUnderstood(_)), "{answer:?}");
    }
}

#[test]
fn data_beside_an_error_is_no_data() {
    let both = failing("err_new").replace("\"data\":[]", "\"data\":[{\"id\":\"1\"}]");
    assert!(matches!(
        of(Call::Log(&AUDIT), 200, &both),
        Answer::NotUnderstood(_)
    ));
}

fn is_success(answer: &Answer) -> bool {
    matches!(answer, Answer::Data | Answer::Nothing)
}

proptest! {
    #[test]
    fn deciding_never_panics(status in 100_u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
        for call in [Call::Discover, Call::Login, Call::Account, Call::Log(&ARCHIVES), Call::Log(&AUDIT)] {
            let _ = Answer::of(call, &head(status, &[]), Body::Held(&String::from_utf8_lossy(&body)));
        }
    }

    #[test]
    fn no_error_is_a_success(
        status in prop::sample::select(vec![200_u16, 200, 206, 302, 400, 429, 500]),
        inner in prop::option::of(prop::sample::select(vec![200_u16, 201, 401, 404, 429, 503])),
        fail in 0_usize..3,
        error in prop::option::of("[a-z_]{0,12}"),
        data in prop::sample::select(vec!["[]", "[1]", "null", "{}", "7"]),
    ) {
        let failures = vec![serde_json::json!({"errors": [{"code": "err_x", "message": "canary"}]}); fail];
        let data: Value = serde_json::from_str(data).unwrap();
        let body = serde_json::json!({
            "meta": {"status": inner}, "fail": failures, "error": error, "data": data, "value": data,
        }).to_string();
        let is_good = status == 200 && matches!(inner, None | Some(200)) && fail == 0 && error.is_none();
        for call in [Call::Account, Call::Log(&ARCHIVES), Call::Log(&AUDIT), Call::Token, Call::Log(&CLOUD_GATEWAY)] {
            let answer = of(call, status, &body);
            prop_assert!(is_good || !is_success(&answer), "{:?}", answer);
            prop_assert!(answer != Answer::Nothing || call == Call::Log(&ARCHIVES));
            let is_repeated = format!("{answer:?}").contains("canary");
            prop_assert!(!is_repeated);
        }
    }

    #[test]
    fn a_wait_is_never_longer_than_an_hour(name in 0_usize..2, value in "[ -~]{0,40}") {
        let name = ["retry-after", "x-ratelimit-reset"][name];
        if let Some(wait) = wait_hint(&head(429, &[(name, &value)])) {
            prop_assert!(wait <= HORIZON);
        }
    }
}
