//! Faults on the way, for every call of a setup: the right code, nothing half saved, nobody else asked,
//! and the next setup succeeds.

use std::net::TcpListener;

use super::tokens::connect;
use super::{saved, set_up};
use crate::harness::{Installation, Outcome};
use mimecast_sandbox::{Endpoint, Reply, Wire, changes};

type Setup = fn(&Installation) -> Outcome;

/// Each generation's calls, up to the one after which the answers are saved.
const CALLS: [(Setup, Endpoint); 4] = [
    (set_up, Endpoint::Discover),
    (set_up, Endpoint::Login),
    (set_up, Endpoint::Account),
    (connect, Endpoint::Token),
];

/// The exit code of a status.
const fn expected(call: Endpoint, status: u16) -> i32 {
    match (status, call) {
        (400 | 401 | 403, Endpoint::Token) | (401 | 403 | 418, _) => 77,
        (204 | 408 | 425 | 500.., _) => 75,
        _ => 76,
    }
}

/// The setup ends with the code and saves nothing; with the fault gone the next one succeeds.
#[track_caller]
fn holds(place: &Installation, setup: Setup, code: i32) -> Outcome {
    let outcome = setup(place).ends_with(code).says("to do: ");
    assert!(!saved(place), "{outcome:?}");
    place.clear();
    outcome
}

#[test]
fn every_status_of_every_call_has_its_exit_code_and_saves_nothing() {
    for (setup, call) in CALLS {
        let place = Installation::unconnected();
        for status in [201, 204, 302, 304, 400, 401, 403, 404, 410, 418, 426, 451] {
            println!("{call:?} {status}");
            place.always(call, changes::status(status));
            holds(&place, setup, expected(call, status));
        }
        setup(&place).ends_with(0);
    }
}

#[test]
fn a_portal_a_redirect_and_a_service_of_another_kind_are_not_mistaken_for_mimecast() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    elsewhere.set_nonblocking(true).expect("a socket can");
    let url = format!("http://{}/steal", elsewhere.local_addr().expect("bound"));
    for (setup, call) in CALLS {
        let place = Installation::unconnected();
        place.always(call, changes::html_200());
        holds(&place, setup, 76).says("text/html");
        for status in [301, 302, 303, 307, 308] {
            let redirect = changes::redirect_to(&url);
            place.always(call, move |reply: &mut Reply| {
                redirect(reply);
                reply.status = status;
            });
            holds(&place, setup, 76).says("a redirect to 127.0.0.1");
        }
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"data":7}"#,
            r#"{"access_token":7}"#,
        ] {
            place.always(call, move |reply: &mut Reply| {
                reply.set_header("content-type", "application/json");
                reply.set_body(body.as_bytes());
            });
            println!("{call:?} {body}");
            holds(&place, setup, 76);
        }
        place.always(call, changes::header("content-encoding", "gzip"));
        holds(&place, setup, 76).says("compressed answer, which was not requested");
        setup(&place).ends_with(0);
    }
    let contacted = elsewhere.accept().expect_err("P6: nobody came");
    assert_eq!(contacted.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_wire_that_breaks_always_is_told_and_one_that_breaks_once_is_not_noticed() {
    for (setup, call) in CALLS {
        let place = Installation::connected(); // whose configuration repeats twice and waits little
        if call == Endpoint::Token {
            place.configure_tokens("");
        }
        let before = std::fs::read(place.path("credentials.toml")).expect("readable");
        for wire in [Wire::ResetNow, Wire::CutAt(10), Wire::NoLength] {
            println!("{call:?} {wire:?}");
            place.always(call, changes::wire(wire.clone()));
            setup(&place)
                .ends_with(75)
                .says("authentication_setup --config")
                .says("` again");
            let after = std::fs::read(place.path("credentials.toml")).expect("readable");
            assert_eq!(after, before, "what was there stays");
            place.clear();
            place.next(call, changes::wire(wire));
        }
        setup(&place).ends_with(0);
    }
}
