//! HTTP statuses, and bodies that say something else than their status.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::{Collector, json};
use crate::sandbox::{changes, zip_of};

/// Status, exit code, attempts with two repetitions allowed, what is said.
const STATUSES: &[(u16, i32, usize, &str)] = &[
    (204, 76, 1, "HTTP status 204"),
    (206, 76, 1, "HTTP status 206"),
    (301, 76, 1, "HTTP status 301"),
    (304, 76, 1, "HTTP status 304"),
    (400, 76, 1, "HTTP status 400"),
    (401, 77, 1, "run authentication_setup"),
    (403, 77, 1, "Read\" is missing"),
    (404, 76, 1, "HTTP status 404"),
    (405, 76, 1, "HTTP status 405"),
    (408, 75, 3, "HTTP status 408"),
    (418, 77, 1, "access key has expired"),
    (421, 76, 1, "HTTP status 421"),
    (425, 75, 3, "HTTP status 425"),
    (451, 76, 1, "HTTP status 451"),
    (500, 75, 3, "HTTP status 500"),
    (502, 75, 3, "HTTP status 502"),
    (503, 75, 3, "HTTP status 503"),
    (504, 75, 3, "HTTP status 504"),
    (599, 75, 3, "HTTP status 599"),
];

#[test]
fn every_status_has_its_exit_code_and_costs_no_event() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        for &(status, code, attempts, text) in STATUSES {
            println!("{collector:?} {status}");
            place
                .sandbox
                .always(collector.endpoint(), changes::status(status));
            let before = place.sandbox.count(collector.endpoint());
            collector.holds(&place, code, text);
            let asked = place.sandbox.count(collector.endpoint()) - before;
            assert_eq!(asked, attempts, "P4: {status}");
            collector.recovers(&place);
            collector.refill(&place);
        }
    }
}

#[test]
fn a_fault_that_passes_is_not_even_mentioned_and_every_attempt_is_signed_anew() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        let before = place.sandbox.count(collector.endpoint());
        for status in [503, 408] {
            place
                .sandbox
                .next(collector.endpoint(), changes::status(status));
        }
        collector.overcomes(&place);
        let requests = place.sandbox.requests().split_off(before);
        assert!(requests.len() >= 3, "two failures and a success");
        let mut ids: Vec<_> = requests.iter().map(|seen| &seen.request_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), requests.len(), "one request id for each attempt");
    }
}

#[test]
fn a_missing_permission_is_named_as_the_console_names_it() {
    for (collector, permission) in [
        (Collector::Siem, "\"Gateway | Tracking | Read\""),
        (Collector::Audit, "\"Account | Logs | Read\""),
    ] {
        let place = collector.behind();
        place
            .sandbox
            .set(|switches| switches.forbid = [collector.endpoint()].into());
        collector.holds(&place, 77, permission);
        place.sandbox.set(|switches| switches.forbid.clear());
        collector.recovers(&place);
    }
}

#[test]
fn expired_keys_keep_the_position_until_setup_was_run() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        place.sandbox.set(|switches| switches.revoked = true);
        collector
            .holds(&place, 77, "the access key has expired")
            .says("run authentication_setup");
        place.sandbox.set(|switches| switches.revoked = false);
        collector.recovers(&place);
    }
}

#[test]
fn the_target_of_a_redirect_is_never_contacted() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    elsewhere.set_nonblocking(true).expect("a socket can");
    let address = elsewhere.local_addr().expect("bound");
    let target = format!("http://{address}/steal?ticket=canary-query");
    for collector in Collector::BOTH {
        let place = collector.behind();
        for status in [301, 302, 303, 307, 308] {
            let redirect = changes::redirect_to(&target);
            place.sandbox.always(collector.endpoint(), move |reply| {
                redirect(reply);
                reply.status = status;
            });
            let outcome = collector.holds(&place, 76, "a redirect to 127.0.0.1");
            assert!(!outcome.stderr.contains("canary-query"), "P6: {outcome:?}");
            collector.recovers(&place);
            collector.refill(&place);
        }
        assert!(!place.log("").contains("canary-query"), "P6");
    }
    let contacted = elsewhere.accept().expect_err("P6: nobody came");
    assert_eq!(contacted.kind(), ErrorKind::WouldBlock);
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
    for collector in Collector::BOTH {
        let place = collector.behind();
        for &(body, code, text) in BODIES {
            println!("{collector:?} {body}");
            place.sandbox.always(collector.endpoint(), json(body));
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
        place.sandbox.always(collector.endpoint(), told);
        let outcome = collector.holds(&place, 76, "an error without a code");
        assert!(!outcome.stderr.contains(['\u{1b}']) && !outcome.stderr.contains("canary-echo"));
        assert!(!place.log("").contains("canary-echo"), "P6");
    }
}

#[test]
fn a_page_of_html_is_neither_logs_nor_nothing() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        place
            .sandbox
            .always(collector.endpoint(), changes::html_200());
        collector.holds(&place, 76, "text/html");
        collector.recovers(&place);
    }
}

#[test]
fn json_instead_of_an_archive_and_an_archive_instead_of_json_are_not_understood() {
    let place = Collector::Siem.behind();
    let body = r#"{"meta":{"status":200},"data":[{"acc":"C0A0"}],"fail":[]}"#;
    place.sandbox.always(Collector::Siem.endpoint(), json(body));
    Collector::Siem.holds(&place, 76, "JSON with data instead of an archive");
    Collector::Siem.recovers(&place);

    let place = Collector::Audit.behind();
    let archive = zip_of(&[("receipt_1.siem", b"a=1\n")]);
    place
        .sandbox
        .always(Collector::Audit.endpoint(), move |reply| {
            reply.set_header("content-type", "application/octet-stream");
            reply.set_body(archive.as_slice());
        });
    Collector::Audit.holds(&place, 76, "an archive where JSON was expected");
    Collector::Audit.recovers(&place);
}

#[test]
fn the_body_decides_and_the_content_type_may_be_written_in_any_way() {
    for collector in Collector::BOTH {
        let place = collector.behind();
        for kind in [
            "application/json;charset=UTF-8",
            "APPLICATION/JSON",
            "Application/Octet-Stream",
            "text/plain",
            "",
        ] {
            println!("{collector:?} {kind}");
            place
                .sandbox
                .always(collector.endpoint(), changes::header("content-type", kind));
            collector.run(&place).stays_silent();
            collector.refill(&place);
        }
        place.sandbox.always(
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
    for collector in Collector::BOTH {
        let place = collector.behind();
        place.sandbox.next(collector.endpoint(), doubt());
        collector.overcomes(&place);
        collector.refill(&place);
        place.sandbox.always(collector.endpoint(), doubt());
        let before = place.sandbox.count(collector.endpoint());
        collector.holds(&place, 77, "the application id is not known");
        assert_eq!(place.sandbox.count(collector.endpoint()), before + 2);
        collector.recovers(&place);
    }
}
