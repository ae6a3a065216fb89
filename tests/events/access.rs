//! Who may: tokens, and types that are refused.

use super::serve;
use crate::harness::Installation;
use mimecast_sandbox::{CG_TYPES, Endpoint, TokenRefusal, changes};

#[test]
fn one_types_refusal_does_not_keep_old_files() {
    let place = Installation::connected_by_token();
    serve(&place, "receipt", 0..1);
    place.siem().stays_silent();
    place.age("data/mta", 8);
    place.set(|switches| switches.forbid_types.extend(["journal"]));
    place.siem().ends_with(77);
    assert_eq!(place.files("mta").len(), 0);
}

#[test]
fn one_types_refusal_does_not_stop_the_others() {
    let place = Installation::connected_by_token();
    for kind in CG_TYPES {
        serve(&place, kind, 0..1);
    }
    place.set(|switches| switches.forbid_types.extend(["journal"]));
    place.siem_says(77, "Threat and Security Events (SIEM) | Read");
    assert_eq!(place.files("mta").len(), 9);
    place.set(|switches| switches.forbid_types.clear());
    place.collects_objects();
}

#[test]
fn a_token_that_expires_in_the_middle_is_renewed() {
    let place = Installation::connected_by_token();
    for kind in CG_TYPES {
        serve(&place, kind, 0..1);
    }
    place.set(|switches| switches.token_uses = Some(7));
    place.collects_objects();
    assert!(place.count(Endpoint::Token) > 1);
}

#[test]
fn a_refusal_of_a_good_token_is_tried_once_with_another() {
    let place = Installation::connected_by_token();
    serve(&place, "receipt", 0..1);
    place.next(Endpoint::Events, changes::status(401));
    place.collects_objects();
    place.always(Endpoint::Events, changes::status(401));
    place.siem_says(77, "a fresh token was not accepted");
}

#[test]
fn a_wrong_secret_is_told_and_never_shown() {
    for refusal in [
        TokenRefusal::Flat,
        TokenRefusal::Nested,
        TokenRefusal::Empty,
    ] {
        let place = Installation::connected_by_token();
        place.set(|switches| {
            switches.wrong_client_secret = true;
            switches.token_refusal = refusal;
        });
        place.siem_says(77, "client id or client secret was not accepted");
        let log = place.log("siem");
        assert!(
            place
                .sandbox
                .secrets()
                .iter()
                .all(|secret| !log.contains(secret)),
            "P6: {log}"
        );
    }
}

#[test]
fn odd_lifetimes_of_a_token_are_survived() {
    for expires_in in [None, Some(0), Some(-1), Some(1), Some(i64::MAX)] {
        let place = Installation::connected_by_token();
        place.set(|switches| switches.token_expires_in = expires_in);
        serve(&place, "receipt", 0..1);
        place.collects_objects();
    }
}

#[test]
fn a_trouble_that_lasts_is_told_although_the_run_ends_early() {
    let place = Installation::connected_by_token();
    let types = "spam, journal, receipt, process";
    place.configure_tokens(&format!("[siem]\ncloud_gateway_types = \"{types}\""));
    place.set(|switches| switches.forbid_types.extend(["spam"]));
    place.always(Endpoint::Events, |reply| {
        if reply.status == 200 {
            changes::status(503)(reply);
        }
    });
    // the second type that cannot be asked for ends the run, whichever came first
    for _ in 0..40 {
        let before = place.requests().len();
        let outcome = place.siem();
        let mut requests = place.requests().into_iter().skip(before);
        if requests.any(|seen| seen.path.contains("type=spam")) {
            outcome.ends_with(77).says("is missing");
            return;
        }
        assert_ne!(outcome.code, 77);
    }
    panic!("the type that is refused was never asked for");
}
