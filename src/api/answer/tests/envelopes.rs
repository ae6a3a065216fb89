//! The JSON of answers: errors inside success, empty lists, and answers of other services.

use super::*;

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
fn a_message_of_the_server_is_never_repeated() {
    let body = r#"{"fail":[{"errors":[{"code":"x y","message":"your password was canary"}]}]}"#;
    let answer = format!("{:?}", of(Call::Login, 400, body));
    assert!(!answer.contains("canary"), "{answer}");
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
