//! HTTP statuses, and bodies that say something else than their status.

use std::ops::RangeInclusive;

use super::{Collector, json, side_by_side};
use mimecast_sandbox::{Endpoint, changes, zip_of};

/// Every class, every status with a meaning of its own, and some that nobody uses.
const STATUSES: [u16; 39] = [
    100, 103, 199, 201, 202, 205, 206, 226, 299, 300, 301, 302, 303, 304, 305, 307, 308, 399, 400,
    401, 402, 403, 404, 405, 406, 408, 410, 416, 418, 421, 425, 426, 431, 451, 499, 500, 502, 503,
    599,
];

/// Exit code, attempts with two repetitions allowed, and what is said.
fn expected(
    collector: Collector,
    call: Endpoint,
    status: u16,
) -> (i32, RangeInclusive<usize>, String) {
    let named = format!("HTTP status {status}");
    match (status, call) {
        // no answer: the one that they announce never comes; two objects wait
        (..200, Endpoint::Object) => (75, 6..=6, "the connection broke".to_owned()),
        (..200, _) => (75, 3..=3, "the connection broke".to_owned()),
        (408 | 425 | 500.., Endpoint::Object) => (75, 6..=6, named),
        (408 | 425 | 500.., _) => (75, 3..=3, named),
        (400 | 401 | 403, Endpoint::Token) => {
            (77, 1..=1, "client id or client secret was not".to_owned())
        }
        // listed again three times, and then left to the next run
        (400 | 401 | 403 | 404 | 410, Endpoint::Object) => {
            (75, 5..=5, "could not be collected".to_owned())
        }
        (_, Endpoint::Object) => (75, 4..=4, named),
        (401, _) if collector.is_by_token() => (77, 2..=2, "a fresh token was not".to_owned()),
        (401, _) => (77, 1..=1, "authentication_setup --config".to_owned()),
        (403, _) => (77, 1..=1, "Read\" is missing".to_owned()),
        (418, _) => (77, 1..=1, "access key has expired".to_owned()),
        // asked once more; for audit events another window is tried, too
        _ => (76, 2..=4, named),
    }
}

/// Nothing is waiting, as far as that can be believed: no position moves by it.
#[test]
fn an_answer_without_content_moves_no_position() {
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        place.always(call, changes::status(204));
        let before = place.files(collector.folder());
        let is_nothing = matches!(call, Endpoint::Siem | Endpoint::Events);
        let code = if is_nothing { 0 } else { 75 };
        collector.run(&place).ends_with(code);
        assert_eq!(place.files(collector.folder()), before);
        collector.recovers(&place);
    }
}

#[test]
fn every_status_of_every_call_has_its_exit_code_and_costs_no_event() {
    side_by_side(Collector::calls(), |(collector, call)| {
        let place = collector.behind();
        for status in STATUSES {
            println!("{collector:?} {call:?} {status}");
            let bare = changes::status(status);
            place.always(call, move |reply| {
                bare(reply);
                reply.set_header("connection", "close");
            });
            let before = place.count(call);
            let (code, attempts, text) = expected(collector, call, status);
            collector.holds(&place, code, &text);
            let asked = place.count(call) - before;
            assert!(
                attempts.contains(&asked),
                "P4: {asked} times: {collector:?} {call:?} {status}"
            );
            collector.recovers(&place);
            collector.refill(&place);
        }
    });
}

#[test]
fn a_fault_that_passes_is_not_even_mentioned_and_every_attempt_is_signed_anew() {
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        for status in [503, 408] {
            place.next(call, changes::status(status));
        }
        collector.overcomes(&place);
    }
    for collector in Collector::BOTH {
        let place = collector.behind();
        let before = place.count(collector.endpoint());
        for status in [503, 408] {
            place.next(collector.endpoint(), changes::status(status));
        }
        collector.overcomes(&place);
        let requests = place.requests().split_off(before);
        assert!(requests.len() >= 3, "two failures and a success");
        let mut ids: Vec<_> = requests.iter().map(|seen| &seen.request_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), requests.len(), "one request id for each attempt");
    }
}

/// What a collector needs, as the console writes it.
const fn permission(collector: Collector) -> &'static str {
    match collector {
        Collector::Siem => "\"Gateway | Tracking | Read\"",
        Collector::Objects => "\"Threat and Security Events (SIEM) | Read\"",
        Collector::Audit | Collector::AuditByToken => "\"Account | Logs | Read\"",
    }
}

#[test]
fn a_missing_permission_is_named_as_the_console_names_it() {
    for collector in Collector::ALL {
        let place = collector.behind();
        place.set(|switches| switches.forbid = [collector.endpoint()].into());
        collector.holds(&place, 77, permission(collector));
        place.set(|switches| switches.forbid.clear());
        collector.recovers(&place);
    }
}

#[test]
fn expired_keys_keep_the_position_until_setup_was_run() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        place.set(|switches| switches.revoked = true);
        collector
            .holds(&place, 77, "the access key has expired")
            .says("authentication_setup --config");
        place.set(|switches| switches.revoked = false);
        collector.recovers(&place);
    }
}

/// Bodies under status 200, the exit code, what is said.
const BODIES: &[(&str, i32, &str)] = &[
    ("", 76, "0 bytes"),
    ("null", 76, "HTTP status 200"),
    ("[]", 76, "HTTP status 200"),
    ("\"no\"", 76, "HTTP status 200"),
    (
        "{\"meta\":{\"status\":200},\"data\":[",
        76,
        "HTTP status 200",
    ),
    ("{}", 76, "not understood"),
    (r#"{"error":"blocked by policy"}"#, 76, "not understood"),
    (
        r#"{"meta":{"status":200},"data":{},"fail":[]}"#,
        76,
        "not understood",
    ),
    (
        r#"{"meta":{"status":500},"data":[],"fail":[]}"#,
        75,
        "HTTP status 500",
    ),
    (
        r#"{"meta":{"status":403},"data":[],"fail":[]}"#,
        77,
        "is missing",
    ),
    (
        r#"{"meta":{"status":418},"data":[],"fail":[]}"#,
        77,
        "has expired",
    ),
    (
        r#"{"meta":{"status":200},"data":[{"id":"1"}],"fail":[{"errors":[{"code":"err_some_thing","message":"m","retryable":false}]}]}"#,
        76,
        "err_some_thing",
    ),
    (
        r#"{"meta":{"status":200},"data":[],"fail":[{"errors":[{"code":"err_some_thing","retryable":true}]}]}"#,
        75,
        "err_some_thing",
    ),
    (
        r#"{"meta":{"status":200},"data":[],"fail":[{"key":{},"errors":[]}]}"#,
        76,
        "an error without a code",
    ),
    (
        r#"{"meta":{"status":200},"data":[],"fail":[{"code":"err_xdk_binding_expired"}]}"#,
        77,
        "has expired",
    ),
];

#[test]
fn a_success_whose_body_says_otherwise_is_a_failure() {
    for collector in [Collector::Siem, Collector::Audit, Collector::AuditByToken] {
        let place = collector.behind();
        for &(body, code, text) in BODIES {
            println!("{collector:?} {body}");
            place.always(collector.endpoint(), json(body));
            collector.holds(&place, code, text);
            collector.recovers(&place);
            collector.refill(&place);
        }
    }
}

#[test]
fn what_a_server_writes_into_an_error_is_not_repeated() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        let told = changes::fail_in_200("err_\u{1b}[31m", "canary-echo of what was sent");
        place.always(collector.endpoint(), told);
        let outcome = collector.holds(&place, 76, "an error without a code");
        assert!(!outcome.stderr.contains(['\u{1b}']) && !outcome.stderr.contains("canary-echo"));
        assert!(!place.log("").contains("canary-echo"), "P6");
    }
}

#[test]
fn a_page_of_html_is_neither_logs_nor_nothing_whichever_call_gets_it() {
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        place.always(call, changes::html_200());
        let code = if call == Endpoint::Object { 75 } else { 76 };
        collector.holds(&place, code, "text/html");
        collector.recovers(&place);
    }
}

#[test]
fn json_instead_of_an_archive_and_an_archive_instead_of_json_are_not_understood() {
    let place = Collector::Siem.behind();
    let body = r#"{"meta":{"status":200},"data":[{"acc":"C0A0"}],"fail":[]}"#;
    place.always(Collector::Siem.endpoint(), json(body));
    Collector::Siem.holds(&place, 76, "JSON with data instead of an archive");
    Collector::Siem.recovers(&place);

    let place = Collector::Audit.behind();
    let archive = zip_of(&[("receipt_1.siem", b"a=1\n")]);
    place.always(Collector::Audit.endpoint(), move |reply| {
        reply.set_header("content-type", "application/octet-stream");
        reply.set_body(archive.as_slice());
    });
    Collector::Audit.holds(&place, 76, "an archive where JSON was expected");
    Collector::Audit.recovers(&place);
}

#[test]
fn the_body_decides_and_the_content_type_may_be_written_in_any_way() {
    for collector in Collector::ALL {
        let place = collector.behind();
        for kind in [
            "application/json;charset=UTF-8",
            "APPLICATION/JSON",
            "Application/Octet-Stream",
            "text/plain",
            "",
        ] {
            println!("{collector:?} {kind}");
            place.always(collector.endpoint(), changes::header("content-type", kind));
            collector.run(&place).stays_silent();
            collector.refill(&place);
        }
        place.always(
            collector.endpoint(),
            changes::without_header("content-type"),
        );
        collector.run(&place).stays_silent();
        collector.recovers(&place);
    }
}

#[test]
fn an_application_that_is_doubted_once_is_asked_about_again() {
    let doubt = || changes::fail_in_200("err_developer_key", "App ID is invalid");
    for (collector, call) in Collector::BOTH.map(|both| (both, both.endpoint())) {
        let place = collector.behind();
        place.next(call, doubt());
        collector.overcomes(&place);
        collector.refill(&place);
        let before = place.always(call, doubt()).count(call);
        collector.holds(&place, 77, "the application id is not known");
        assert_eq!(place.count(call), before + 2);
        collector.recovers(&place);
    }
}
