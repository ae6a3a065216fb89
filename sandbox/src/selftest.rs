//! Proof that the sandbox says no, and yes, to requests written by hand with their own signer.

use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::by_hand::{Answer, Call, connect};
use crate::{Endpoint, Sandbox, Wire, changes, dates, signing};

#[test]
fn agrees_with_the_published_signatures() {
    let published = signing::signature(
        "U2VjcmV0S2V5",
        "Sun, 21 Aug 2022 13:49:40 UTC",
        "3d796b76-4180-40e5-8f7c-6e0fd643b1a9",
        "/api/test/some-url",
        "ApplicationKey",
    );
    assert_eq!(published.as_deref(), Some("WOywLsnZlsE+D6bp/ug6uch5kxc="));
}

#[test]
fn refuses_a_wrong_signature_without_complaint() {
    let sandbox = Sandbox::start();
    let mut call = Call::new(Endpoint::Account, &json!({"data": []}));
    call.app_key = "00000000-1111-2222-3333-444444444444";
    let answer = call.send(&sandbox);
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.text(),
        r#"{"meta":{"status":401},"data":[],"fail":[{"errors":[{"code":"err_xdk_invalid_signature","message":"0004 Invalid Signature","retryable":false}]}]}"#
    );
    assert!(sandbox.complaints().is_empty());

    let mut call = Call::new(Endpoint::Account, &json!({"data": []}));
    call.app_id = "00000000-0000-4000-8000-000000000000";
    let answer = call.send(&sandbox);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (200, "err_developer_key")
    );
}

/// A good call, spoiled in one way.
fn spoiled(spoil: impl FnOnce(&mut Call)) -> Call {
    let mut call = Call::new(Endpoint::Account, &json!({"data": []}));
    spoil(&mut call);
    call
}

#[test]
fn refuses_stale_and_repeated_calls_and_complains() {
    let sandbox = Sandbox::start();
    sandbox.allow_complaints();
    let stale = dates::to_signed(Utc::now() - TimeDelta::minutes(16));
    let stale = spoiled(|call| call.date = stale);
    assert_eq!(stale.send(&sandbox).status, 401);
    let first = Call::new(Endpoint::Account, &json!({"data": []}));
    assert_eq!(first.send(&sandbox).status, 200);
    assert_eq!(first.send(&sandbox).status, 401, "the same request id");
    assert_eq!(sandbox.complaints().len(), 2);
    assert_eq!(sandbox.count(Endpoint::Account), 3);
}

#[test]
fn refuses_malformed_calls_and_complains() {
    let sandbox = Sandbox::start();
    sandbox.allow_complaints();
    let more = json!({"data": [], "more": 1});
    let no_form = json!({"data": [{"type": "MTA"}]});
    let refused = [
        (400, Call::new(Endpoint::Account, &more)),
        (400, Call::new(Endpoint::Siem, &no_form)),
        (400, spoiled(|call| call.body = "{'data': []}".to_owned())),
        (
            404,
            spoiled(|call| call.path = "/api/audit/other".to_owned()),
        ),
        (404, spoiled(|call| call.path.push_str("?a=b"))),
        (405, spoiled(|call| call.method = "GET")),
        (400, spoiled(|call| call.content_type = "text/plain")),
    ];
    for (status, call) in &refused {
        let answer = call.send(&sandbox);
        assert_eq!(answer.status, *status, "{} {}", call.path, call.body);
    }
    assert_eq!(sandbox.complaints().len(), refused.len());
    assert_eq!(sandbox.count(Endpoint::Account), 4, "of paths that exist");
}

#[test]
#[should_panic(expected = "no such path")]
fn fails_the_test_at_its_end() {
    let sandbox = Sandbox::start();
    let call = Call {
        path: "/api/other".to_owned(),
        ..Call::new(Endpoint::Account, &json!({}))
    };
    call.send(&sandbox);
}

#[test]
fn leads_from_discovery_to_the_account() {
    let sandbox = Sandbox::start();
    let account = sandbox.account();
    let unknown = json!({"data": [{"emailAddress": "nobody@example.com"}]});
    let answer = Call::unsigned(Endpoint::Discover, &unknown, None).send(&sandbox);
    assert_eq!(
        (answer.status, answer.json()["data"][0].get("region")),
        (200, None)
    );
    let known = json!({"data": [{"emailAddress": account.email}]});
    let answer = Call::unsigned(Endpoint::Discover, &known, None).send(&sandbox);
    assert_eq!(
        answer.json()["data"][0]["region"]["api"],
        json!(sandbox.url())
    );

    let user = json!({"data": [{"userName": account.email}]});
    let login = |scheme: &str, password: &str| {
        let credentials = STANDARD.encode(format!("{}:{password}", account.email));
        Call::unsigned(
            Endpoint::Login,
            &user,
            Some(format!("{scheme} {credentials}")),
        )
        .send(&sandbox)
    };
    let wrong = login("Basic-Cloud", "wrong");
    assert_eq!(wrong.status, 401);
    assert_eq!(
        wrong.json()["fail"][0]["key"]["userName"],
        json!(account.email)
    );
    sandbox.set(|switches| {
        switches.authenticate = vec!["Basic-Cloud".to_owned()];
        switches.revoked = true;
    });
    assert_eq!(login("Basic-AD", account.password).status, 401);
    let ask = || Call::new(Endpoint::Account, &json!({"data": []})).send(&sandbox);
    assert_eq!(
        (ask().status, ask().code().as_str()),
        (418, "err_xdk_binding_expired")
    );
    let pair = login("Basic-Cloud", account.password).json();
    assert_eq!(pair["data"][0]["secretKey"], json!(account.secret_key));
    assert_eq!(
        ask().json()["data"][0]["accountCode"],
        json!(account.account_code)
    );
}

#[test]
fn counts_calls_and_alters_answers() {
    let sandbox = Sandbox::start();
    let ask = || Call::new(Endpoint::Account, &json!({"data": []})).send(&sandbox);
    let answer = ask();
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-ratelimit-limit"), "800");
    assert_eq!(answer.header("x-ratelimit-remaining"), "799");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_ne!(answer.header("date"), "");
    sandbox.next(Endpoint::Account, changes::rate_limited(Some(3000), None));
    sandbox.next(Endpoint::Account, changes::wire(Wire::Chunked));
    sandbox.next(Endpoint::Account, changes::wire(Wire::CutAt(5)));
    sandbox.next(Endpoint::Account, changes::wire(Wire::ResetNow));
    let limited = ask();
    assert_eq!(
        (limited.status, limited.header("x-ratelimit-reset")),
        (429, "3000")
    );
    let chunked = ask();
    assert_eq!(chunked.header("transfer-encoding"), "chunked");
    assert!(chunked.body.ends_with(b"\r\n0\r\n\r\n"));
    assert_eq!(ask().body.len(), 5);
    assert_eq!(ask().status, 0);
    sandbox.set(|switches| switches.rate_limit = Some((2, 60_000)));
    // The window is the one that the first call opened, and it is used up.
    assert_eq!(ask().status, 429);
    let statuses: Vec<u16> = sandbox.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 429, 200, 200, 0, 429]);
}

#[test]
fn keeps_a_connection_and_survives_a_killed_client() {
    let sandbox = Sandbox::start();
    let call = Call::new(Endpoint::Account, &json!({"data": []}));
    let mut killed = connect(&sandbox);
    let request = call.request();
    killed
        .write_all(&request[..request.len() - 5])
        .expect("sent");
    drop(killed);
    let mut kept = connect(&sandbox);
    for _ in 0..3 {
        let call = Call::new(Endpoint::Account, &json!({"data": []}));
        kept.write_all(&call.request()).expect("sent");
        assert_eq!(Answer::read(&kept).status, 200);
    }
}

#[test]
fn travels_in_every_way_and_stops_at_once() {
    let sandbox = Sandbox::start();
    let ask = || Call::new(Endpoint::Account, &json!({"data": []})).send(&sandbox);
    let pause = Duration::from_millis(50);
    let ways = [
        (Wire::NoLength, 200),
        (Wire::StallAt(3, pause), 200),
        (
            Wire::Drip {
                bytes: 200,
                every: pause,
            },
            200,
        ),
        (Wire::Silent(pause), 0),
    ];
    for (way, status) in ways {
        let started = Instant::now();
        let slow = !matches!(way, Wire::NoLength);
        sandbox.next(Endpoint::Account, changes::wire(way));
        let answer = ask();
        assert_eq!(answer.status, status);
        assert_eq!(answer.body.len() > 400, status == 200);
        assert!(!slow || started.elapsed() >= pause);
    }
    sandbox.next(Endpoint::Account, |reply| {
        reply.wire = Wire::Raw;
        reply.set_body(*b"HTTP/1.1 299 Odd\r\ncontent-length: 2\r\n\r\nhi");
    });
    let raw = ask();
    assert_eq!((raw.status, raw.body.as_slice()), (299, b"hi".as_slice()));

    sandbox.next(
        Endpoint::Account,
        changes::wire(Wire::Silent(Duration::from_secs(60))),
    );
    let mut waiting = connect(&sandbox);
    let call = Call::new(Endpoint::Account, &json!({"data": []}));
    waiting.write_all(&call.request()).expect("sent");
    while sandbox.count(Endpoint::Account) < 6 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let started = Instant::now();
    drop(sandbox);
    assert_eq!(Answer::read(&waiting).status, 0);
    assert!(started.elapsed() < Duration::from_secs(5));
}
