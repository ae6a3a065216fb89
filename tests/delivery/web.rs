//! HTTP collectors: what each product gets.

use super::far_ends::PRODUCTS;
use super::{FarEnd, Place};
use mimecast_sandbox::receivers::{Http, Product, Stored};

fn stored(place: &Place) -> Vec<Stored> {
    match &place.end {
        FarEnd::Http(http) => http.stored(),
        FarEnd::Syslog(_) => unreachable!("it is HTTP"),
    }
}

#[test]
fn each_product_gets_each_event_once() {
    for product in PRODUCTS {
        let place = Place::http(product);
        place.collect(1..4, 40).stays_silent();
        place.assert_delivered();
        assert!(place.waiting().is_empty());
        let FarEnd::Http(http) = &place.end else {
            unreachable!("it is HTTP")
        };
        assert_eq!(http.connections(), 1, "{product:?}");
        let requests = http.requests();
        place.installation.siem().stays_silent();
        assert_eq!(http.requests(), requests, "{product:?}");
    }
}

#[test]
fn an_event_carries_what_its_product_indexes() {
    let sumo = Place::of(
        FarEnd::Http(Http::start(Product::Sumo)),
        "category = { mta = \"security/mimecast/mta\" }",
    );
    sumo.collect(1..2, 5).stays_silent();
    for event in stored(&sumo) {
        assert_eq!(event.category.as_deref(), Some("security/mimecast/mta"));
        assert!(event.host.is_some());
    }

    let hec = Place::of(
        FarEnd::Http(Http::start(Product::Hec { ack: false })),
        "index = \"mail\"",
    );
    hec.collect(1..2, 5).stays_silent();
    for event in stored(&hec) {
        assert_eq!(event.index.as_deref(), Some("mail"));
        assert_eq!(event.sourcetype.as_deref(), Some("mimecast:siem"));
        assert!(event.time.is_some());
        assert!(
            event
                .fields
                .is_some_and(|fields| fields.contains("event_id"))
        );
    }

    let bulk = Place::http(Product::Bulk);
    bulk.collect(1..2, 5).stays_silent();
    for event in stored(&bulk) {
        assert_eq!(event.index.as_deref(), Some("logs-mimecast.mta-default"));
        assert!(event.event.contains("\"@timestamp\""));
        assert!(event.id.is_some_and(|id| id.len() == 22));
    }

    let webhook = Place::http(Product::Webhook);
    webhook.collect(1..2, 5).stays_silent();
    assert!(
        stored(&webhook)
            .iter()
            .all(|event| event.header("idempotency-key").is_some())
    );
}

#[test]
fn an_answer_that_was_lost_repeats_at_most_one_batch_and_the_run_says_so() {
    for product in PRODUCTS {
        for fault in [Http::applies_then_cuts as fn(&Http), |http: &Http| {
            http.applies_then_answers(500)
        }] {
            let place = Place::http(product);
            let FarEnd::Http(http) = &place.end else {
                unreachable!("it is HTTP")
            };
            fault(http);
            let outcome = place.collect(1..3, 40);
            if product == Product::Bulk {
                outcome.stays_silent(); // it recognises what it has
                place.assert_delivered();
            } else {
                outcome.ends_with(65).says("twice");
                place.assert_none_lost(80);
            }
            assert!(place.waiting().is_empty(), "{product:?}");
        }
    }
}

#[test]
fn what_did_not_arrive_is_sent_again_without_a_word() {
    for product in PRODUCTS {
        let place = Place::http(product);
        let FarEnd::Http(http) = &place.end else {
            unreachable!("it is HTTP")
        };
        http.answers(429, &[("Retry-After", "0")], "");
        place.collect(1..3, 40).stays_silent();
        place.assert_delivered();
    }
}

#[test]
fn splunk_is_asked_until_it_has_indexed() {
    let place = Place::http(Product::Hec { ack: true });
    let FarEnd::Http(http) = &place.end else {
        unreachable!("it is HTTP")
    };
    http.acknowledges_after(3);
    place.collect(1..2, 40).stays_silent();
    assert!(http.polls() >= 3);
    place.assert_delivered();
}

#[test]
fn a_token_that_does_not_acknowledge_is_refused_if_it_must() {
    let place = Place::of(
        FarEnd::Http(Http::start(Product::Hec { ack: false })),
        "ack = \"always\"",
    );
    place
        .collect(1..2, 5)
        .ends_with(78)
        .says("indexer acknowledgement");
    assert!(!place.waiting().is_empty());
}
