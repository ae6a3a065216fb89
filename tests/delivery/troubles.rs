//! What a far end can do, and what the run makes of it.

use super::far_ends::PRODUCTS;
use super::{FarEnd, Place};
use mimecast_sandbox::receivers::{Http, Product};
use mimecast_sandbox::{Endpoint, changes};

fn http(place: &Place) -> &Http {
    match &place.end {
        FarEnd::Http(http) => http,
        FarEnd::Syslog(_) => unreachable!("it is HTTP"),
    }
}

#[test]
fn a_refused_client_stops_its_destination_and_not_the_collection() {
    for product in PRODUCTS {
        for (status, code) in [(401, 77), (403, 77), (404, 77), (302, 78), (415, 78)] {
            if matches!(product, Product::Hec { .. }) && ![401, 403].contains(&status) {
                continue; // its codes tell more than the status
            }
            let place = Place::http(product);
            http(&place).refuses_all(status);
            let outcome = place.collect(1..2, 5).ends_with(code);
            outcome.says("while delivering to soc");
            place.installation.assert_siem_complete();
            assert!(place.arrived().is_empty());
            http(&place).refuses_nothing();
            place.installation.siem().stays_silent();
            place.assert_delivered();
        }
    }
}

#[test]
fn one_bad_event_among_good_ones_is_quarantined_alone() {
    for product in PRODUCTS {
        let place = Place::http(product);
        place.installation.serve_batches(1..3, 30);
        // learnt from an installation without faults
        let other = Place::http(Product::Webhook);
        other.collect(1..3, 30).stays_silent();
        let poison = other.published()[17].clone();
        let mark = &poison[poison.len() - 40..];
        assert!(!mark.contains('"'), "it is the same text in JSON");
        http(&place).refuses_events_with(mark);
        place
            .installation
            .siem()
            .ends_with(65)
            .says("soc refused an event");
        let mut expected = place.published();
        let bad = expected.iter().filter(|line| line.contains(mark)).count();
        expected.retain(|line| !line.contains(mark));
        let mut arrived = place.arrived();
        arrived.sort();
        expected.sort();
        let odd = |these: &[String], those: &[String]| -> Vec<String> {
            these
                .iter()
                .filter(|line| !those.contains(line))
                .cloned()
                .collect()
        };
        let most = 2 * expected.len();
        assert!(
            arrived.len() <= most,
            "{product:?}: {} events",
            arrived.len()
        );
        let (missing, added) = (odd(&expected, &arrived), odd(&arrived, &expected));
        assert!(
            missing.is_empty() && added.is_empty(),
            "{product:?} {mark} {missing:#?} {added:#?}"
        );
        if !matches!(product, Product::Hec { .. }) {
            assert_eq!(arrived.len(), expected.len(), "{product:?}"); // Splunk may keep those before a bad one
        }
        let quarantine = place.installation.quarantined();
        let raw = quarantine.iter().filter(|name| name.ends_with(".raw"));
        assert_eq!(raw.count(), bad, "{product:?} {quarantine:?}");
        place.installation.siem().stays_silent();
    }
}

#[test]
fn a_destination_that_refuses_everything_keeps_everything() {
    for product in PRODUCTS {
        let place = Place::http(product);
        http(&place).refuses_all(400);
        place.collect(1..2, 5);
        let codes: Vec<i32> = (0..3).map(|_| place.installation.siem().code).collect();
        assert_eq!(codes.last(), Some(&78), "{product:?} {codes:?}");
        assert!(place.installation.quarantined().is_empty());
        http(&place).refuses_nothing();
        place.installation.siem().stays_silent();
        place.assert_delivered();
    }
}

#[test]
fn a_body_that_is_too_large_is_sent_in_parts() {
    let place = Place::http(Product::Webhook);
    http(&place).max_body(2_000);
    place.collect(1..3, 40).stays_silent();
    place.assert_delivered();
}

#[test]
fn a_destination_that_is_away_gets_everything_when_it_is_back() {
    for product in PRODUCTS {
        let place = Place::http(product);
        for run in 1..4 {
            http(&place).cuts_before_reading();
            http(&place).cuts_before_reading();
            http(&place).cuts_before_reading();
            place.installation.serve_batches(run..run + 1, 5);
            let code = place.installation.siem().code;
            assert!([65, 75].contains(&code), "{code}");
            place.installation.assert_siem_complete();
        }
        place.installation.siem();
        place.assert_none_lost(0);
        assert!(place.waiting().is_empty());
    }
}

#[test]
fn an_answer_of_somebody_else_is_not_a_confirmation() {
    for product in PRODUCTS {
        let place = Place::http(product);
        http(&place).answers(200, &[("Content-Type", "text/html")], "<html>Log in</html>");
        place.collect(1..2, 5).ends_with(76);
        place.installation.siem().stays_silent();
        place.assert_delivered();
    }
}

#[test]
fn a_run_that_cannot_collect_still_delivers() {
    let place = Place::http(Product::Webhook);
    http(&place).refuses_all(401);
    place.collect(1..2, 5).ends_with(77);
    http(&place).refuses_nothing();
    place
        .installation
        .always(Endpoint::Siem, changes::status(503));
    place.installation.siem().ends_with(75);
    place.assert_delivered();
}

#[test]
fn an_index_that_is_not_allowed_is_named_and_nothing_is_quarantined() {
    let place = Place::of(
        FarEnd::Http(Http::start(Product::Hec { ack: false })),
        "index = \"wrong\"",
    );
    http(&place).allows_indexes(&["mail"]);
    place.collect(1..2, 5).ends_with(77).says("index");
    assert!(place.installation.quarantined().is_empty());
    place
        .installation
        .edit("config.toml", "\"wrong\"", "\"mail\"");
    place.installation.siem().stays_silent();
    place.assert_delivered();
}
