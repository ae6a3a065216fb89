use crate::logs::{ARCHIVES, AUDIT, CLOUD_GATEWAY, CLOUD_INTEGRATED};
use proptest::prelude::*;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::*;

const NOW: &str = "Fri, 20 Nov 2026 10:00:00 GMT";
const NOW_SECONDS: u64 = 1_795_168_800;

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

/// Only Mimecast's own words may make a saved position invalid.
#[test]
fn a_list_refuses_a_position_only_in_mimecasts_own_words() {
    let stated = [
        r#"{"error":{"code":"Request Validation Failed","message":"m"}}"#,
        r#"{"fail":[{"code":"InvalidRequest","message":"the date is too old"}]}"#,
        r#"{"fail":[{"code":"err_invalid_page_token","message":"m"}]}"#,
    ];
    let foreign = [
        "",
        "<html>Bad Request</html>",
        "{}",
        r#"{"error":"blocked"}"#,
        r#"{"error":{"reason":"blocked"}}"#,
        r#"{"fail":[]}"#,
        r#"{"code":"blocked"}"#,
        r#"{"error":{"code":"BadRequest","message":"blocked by policy 17"}}"#,
        r#"{"fail":[{"code":"err_validation_type_not_licensed","message":"m"}]}"#,
        r#"{"fail":[{"code":"","message":"token"}]}"#,
    ];
    for call in [Call::Log(&CLOUD_GATEWAY), Call::Log(&CLOUD_INTEGRATED)] {
        for body in stated {
            assert_eq!(of(call, 400, body), Answer::PositionRefused, "{body}");
        }
        for body in foreign {
            let answer = of(call, 400, body);
            assert!(
                matches!(answer, Answer::NotUnderstood(_)),
                "{body}: {answer:?}"
            );
        }
    }
}

#[test]
fn every_way_of_sending_nothing_is_an_empty_list() {
    for meta in [
        r#"{"status":200}"#,
        r#"{"status":204}"#,
        r#"{"status":"200"}"#,
    ] {
        for fail in ["[]", "{}", "null"] {
            for data in ["[]", "null", "[ ]"] {
                let body = format!(
                    r#"{{"meta":{meta},"fail":{fail},"error":null,"data":{data},"value":{data}}}"#
                );
                assert_eq!(
                    of(Call::Log(&ARCHIVES), 200, &body),
                    Answer::Nothing,
                    "{body}"
                );
                assert_eq!(of(Call::Log(&AUDIT), 200, &body), Answer::Data, "{body}");
                assert_eq!(
                    of(Call::Log(&CLOUD_GATEWAY), 200, &body),
                    Answer::Data,
                    "{body}"
                );
            }
        }
    }
    let end = r#"{"meta":{"status":200},"data":[{"isLastToken":true}],"fail":[]}"#;
    assert_eq!(of(Call::Log(&ARCHIVES), 200, end), Answer::Nothing);
    for body in [
        r#"{"meta":{"status":200},"fail":[]}"#,
        r#"{"meta":{}}"#,
        "",
        "{",
    ] {
        for call in [Call::Log(&AUDIT), Call::Log(&CLOUD_GATEWAY)] {
            let answer = of(call, 200, body);
            assert!(
                matches!(answer, Answer::NotUnderstood(_)),
                "{body}: {answer:?}"
            );
        }
    }
}

/// One item that is not JSON does not make the answer unreadable.
#[test]
fn a_broken_item_spoils_no_envelope() {
    let body = "{\"meta\":{\"status\":200},\"data\":[{\"a\":\"x\ny\"},{\"b\":tru}],\"fail\":[]}";
    assert_eq!(of(Call::Log(&AUDIT), 200, body), Answer::Data);
    let cut = &body[..body.len() - 2];
    assert!(matches!(
        of(Call::Log(&AUDIT), 200, cut),
        Answer::NotUnderstood(_)
    ));
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
fn json_of_some_other_service_is_neither_data_nor_nothing() {
    for call in [Call::Log(&ARCHIVES), Call::Log(&AUDIT), Call::Account] {
        for body in [
            "{}",
            r#"{"error":null}"#,
            r#"{"meta":{}}"#,
            r#"{"ok":true}"#,
        ] {
            let answer = of(call, 200, body);
            assert!(matches!(answer, Answer::NotUnderstood(_)), "{answer:?}");
        }
    }
}

#[test]
fn an_error_inside_200_is_not_a_success() {
    for (code, expected) in [
        ("err_xdk_binding_expired", Answer::Denied(Denial::Expired)),
        ("err_xdk_invalid_signature", Answer::Denied(Denial::Keys)),
        ("err_developer_key", Answer::Denied(Denial::ApplicationId)),
        (
            "err_audit_log_incorrect_region",
            Answer::Denied(Denial::Region),
        ),
        ("err_audit_siem_invalid_token", Answer::PositionRefused),
        (
            "app_forbidden",
            Answer::Denied(Denial::Permission("Gateway | Tracking | Read")),
        ),
        (
            "err_new",
            Answer::NotUnderstood("Mimecast reported err_new".to_owned()),
        ),
    ] {
        assert_eq!(
            of(Call::Log(&ARCHIVES), 200, &failing(code)),
            expected,
            "{code}"
        );
        assert_eq!(
            of(Call::Log(&ARCHIVES), 400, &failing(code)),
            expected,
            "{code} with 400"
        );
    }
    let inner = r#"{"meta":{"status":403},"data":[],"fail":[]}"#;
    assert!(matches!(
        of(Call::Log(&AUDIT), 200, inner),
        Answer::Denied(_)
    ));
    assert!(matches!(
        of(Call::Log(&AUDIT), 200, r#"{"fail":[{"message":"x"}]}"#),
        Answer::NotUnderstood(_)
    ));
    let again = failing("err_new").replace("false", "true");
    assert!(matches!(
        of(Call::Log(&AUDIT), 200, &again),
        Answer::Broken(_)
    ));
}

#[test]
fn data_beside_an_error_is_no_data() {
    let both = failing("err_new").replace("\"data\":[]", "\"data\":[{\"id\":\"1\"}]");
    assert!(matches!(
        of(Call::Log(&AUDIT), 200, &both),
        Answer::NotUnderstood(_)
    ));
}

#[test]
fn the_end_of_the_siem_logs_is_known_with_and_without_its_flag() {
    for body in [
        r#"{"meta":{"isLastToken":true,"status":200},"data":[],"fail":[]}"#,
        r#"{"meta":{"status":200},"data":[ ],"fail":[]}"#,
        r#"{"meta":{"status":200},"fail":null}"#,
    ] {
        assert_eq!(
            of(Call::Log(&ARCHIVES), 200, body),
            Answer::Nothing,
            "{body}"
        );
    }
    assert!(matches!(
        of(Call::Log(&ARCHIVES), 200, r#"{"data":[{}]}"#),
        Answer::NotUnderstood(_)
    ));
}

#[test]
fn a_page_that_is_not_the_api_is_not_understood() {
    for body in [
        "<html></html>",
        "",
        "null",
        "[]",
        "{",
        "{\"data\":3}",
        "\u{feff}{}",
    ] {
        assert!(
            matches!(of(Call::Log(&AUDIT), 200, body), Answer::NotUnderstood(_)),
            "{body}"
        );
    }
}

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
fn a_message_of_the_server_is_never_repeated() {
    let body = r#"{"fail":[{"errors":[{"code":"x y","message":"your password was canary"}]}]}"#;
    let answer = format!("{:?}", of(Call::Login, 400, body));
    assert!(!answer.contains("canary"), "{answer}");
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
fn a_status_in_the_body_that_is_no_status_is_no_success() {
    for status in ["\"401\"", "5000", "-1", "200.5", "true", "{}", "\"ok\""] {
        let body = format!(r#"{{"meta":{{"status":{status}}},"data":[],"fail":[]}}"#);
        for call in [Call::Log(&ARCHIVES), Call::Log(&AUDIT), Call::Account] {
            let answer = of(call, 200, &body);
            assert!(!is_success(&answer), "{status}: {answer:?}");
        }
    }
    for status in ["200", "\"200\"", "null"] {
        let body = format!(r#"{{"meta":{{"status":{status}}},"data":[],"fail":[]}}"#);
        assert_eq!(of(Call::Log(&AUDIT), 200, &body), Answer::Data, "{status}");
    }
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

fn is_success(answer: &Answer) -> bool {
    matches!(answer, Answer::Data | Answer::Nothing)
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

    #[test]
    fn a_wait_is_never_longer_than_an_hour(name in 0_usize..2, value in "[ -~]{0,40}") {
        let name = ["retry-after", "x-ratelimit-reset"][name];
        if let Some(wait) = wait_hint(&head(429, &[(name, &value)])) {
            prop_assert!(wait <= HORIZON);
        }
    }
}
