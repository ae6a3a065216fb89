//! Proof that lists are refused for the documented reasons, and that misuse is told apart from misfortune.

use serde_json::Value;

use super::by_hand::{Ask, list, next, recently, told, with_objects};
use crate::{Endpoint, StalePage, changes};

#[test]
fn refuses_or_jumps_when_objects_are_gone() {
    let (sandbox, token) = with_objects("process", 6);
    let ask = |query: &str| list(&token, "process", query).send(&sandbox);
    let first = ask(&(recently() + "&pageSize=1")).json();
    sandbox.purge_objects("process", 3);
    let refused = ask(&next(&first));
    assert_eq!(refused.status, 400);
    assert_ne!(refused.json()["error"]["message"], Value::Null);
    assert_eq!(ask("&nextPage=NDU1NA%3D%3D").status, 400);
    sandbox.set(|switches| switches.stale_next_page = StalePage::Jump);
    assert_eq!(told(&ask(&next(&first)).json()).0, 3);
    assert_eq!(told(&ask(&recently()).json()).0, 3);
    assert_eq!(sandbox.object_names("process").len(), 3);
    assert!(sandbox.complaints().is_empty());
}

#[test]
fn limits_the_calls() {
    let (sandbox, token) = with_objects("receipt", 1);
    let ask = |log_type: &str| list(&token, log_type, &recently()).send(&sandbox);
    assert_eq!(ask("receipt").status, 200);
    sandbox.set(|switches| switches.list_limit = Some((2, 60_000)));
    assert_eq!(ask("av").status, 200);
    let limited = ask("receipt");
    assert_eq!(
        (limited.status, limited.header("x-ratelimit-remaining")),
        (429, "0")
    );
    assert_eq!(limited.header("x-ratelimit-limit"), "2");
    let reset: u64 = limited
        .header("x-ratelimit-reset")
        .parse()
        .expect("a number");
    assert!((50_000..=60_000).contains(&reset), "{reset}");
    assert_ne!(limited.json()["fail"][0]["message"], Value::Null);
    assert_eq!(ask("mailflow").status, 200, "counted by call");

    sandbox.next(Endpoint::EventsCi, changes::throttled(Some(7), Some("3")));
    let throttled = ask("entities");
    assert_eq!(
        (throttled.status, throttled.header("retry-after")),
        (429, "3")
    );
    assert_eq!(throttled.header("x-ratelimit-reset"), "7");
    assert_ne!(throttled.header("x-request-id"), "");
    assert_ne!(throttled.json()["fail"][0]["message"], Value::Null);
}

#[test]
fn refuses_undocumented_queries_and_complains() {
    let (sandbox, token) = with_objects("receipt", 1);
    sandbox.allow_complaints();
    let backwards = recently() + "&dateRangeEndsAt=2001-01-01";
    let queries = [
        "&pageSize=0",
        "&pageSize=101",
        "&pageSize=010",
        "&dateRangeStartsAt=2026-11-20T00:00:00Z",
        &backwards,
        "&type=av",
        "&types=av",
        "&@nextPage=x",
        "&nextPage=NDU1NA==",
        "&pageSize",
        "&",
    ];
    for query in queries {
        let answer = list(&token, "receipt", query).send(&sandbox);
        assert_eq!(answer.status, 400, "{query}");
    }
    assert_eq!(sandbox.complaints().len(), queries.len());
}

#[test]
fn refuses_unknown_types_and_complains() {
    let (sandbox, token) = with_objects("receipt", 1);
    sandbox.allow_complaints();
    let types = [
        "receipt,av",
        "Receipt",
        "process:Hld",
        "ttp-url",
        "mailflow2",
        "",
    ];
    for log_type in types {
        let answer = list(&token, log_type, &recently()).send(&sandbox);
        assert_eq!(answer.status, 400, "{log_type}");
    }
    assert_eq!(sandbox.complaints().len(), types.len());
}

#[test]
fn refuses_malformed_requests_and_complains() {
    let (sandbox, token) = with_objects("receipt", 1);
    sandbox.allow_complaints();
    let good = || list(&token, "receipt", &recently());
    let spoiled = |spoil: fn(&mut Ask)| {
        let mut ask = good();
        spoil(&mut ask);
        ask
    };
    let date = "Fri, 20 Nov 2026 00:00:00 UTC";
    let refused = [
        (
            400,
            spoiled(|ask| ask.target = Endpoint::Events.path().to_owned()),
        ),
        (405, spoiled(|ask| ask.method = "POST")),
        (400, spoiled(|ask| ask.body = "{}".to_owned())),
        (400, good().with("x-mc-date", date)),
        (400, good().with("Accept", "application/gzip")),
        (500, good().with("Accept-Encoding", "gzip, zstd")),
    ];
    for (status, ask) in &refused {
        let answer = ask.send(&sandbox);
        assert_eq!(answer.status, *status, "{} {:?}", ask.target, ask.headers);
    }
    assert_eq!(sandbox.complaints().len(), refused.len());
    let accepted = good().with("Accept-Encoding", "gzip, deflate");
    assert_eq!(accepted.send(&sandbox).status, 200);
}
