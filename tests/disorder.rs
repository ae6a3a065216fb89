//! P1, P2, P4 and P7 when one item is bad among good ones, at every place where items are listed.

mod archives; // one bad archive
mod audit_events; // counts, ids and pages of audit events
mod lists; // one bad list or entry
mod objects; // one bad object
mod positions; // positions that are no good

use std::collections::BTreeSet;

use crate::agent::{Agent, Habit};
use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Endpoint, Object, at, changes};

const ONE_TYPE: &str = "[siem]\ncloud_gateway_types = \"receipt\"";

fn one_type() -> Installation {
    Installation::configured_by_token(ONE_TYPE)
}

fn serve(place: &Installation, kind: &str, seeds: std::ops::Range<u64>) {
    let objects =
        seeds.map(|seed| Object::realistic(seed, 3).named(&format!("part-{seed}.json.gz")));
    place.serve_objects(kind, objects);
}

/// An installation of one type, for which these objects are waiting.
fn waiting(seeds: std::ops::Range<u64>) -> Installation {
    let place = one_type();
    serve(&place, "receipt", seeds);
    place
}

/// The lines of these objects of the type `receipt`.
fn lines_of(seeds: impl Iterator<Item = u64>) -> BTreeSet<Vec<u8>> {
    let model = one_type();
    for seed in seeds {
        serve(&model, "receipt", seed..seed + 1);
    }
    model.sandbox.all_object_lines().into_iter().collect()
}

/// What a run in trouble has found is told by the next one that can end with it.
#[test]
fn over_a_whole_life_each_gap_and_each_quarantine_is_told_by_exactly_one_run() {
    let place = Installation::of_types("receipt, spam");
    let (mut told, mut agent) = (Told::default(), Agent::new("mta", Habit::Moves));
    let mut seeds = 0..;
    let mut more = |place: &Installation| {
        for kind in ["receipt", "spam"] {
            let seed = seeds.next().expect("endless");
            serve(place, kind, seed..seed + 1);
        }
    };
    let damaged = |name: &str| Object::realistic(9_000, 20).corrupt().named(name);
    more(&place);
    told.run(&place, SIEM);
    // kept raw in a run that an outage of the other type ends with 75
    place.serve_objects("receipt", [damaged("bad-1.json.gz")]);
    more(&place);
    let spam = at::event_type("spam");
    place.always_at(Endpoint::Events, spam, changes::status(503));
    told.runs(&place, SIEM, 2);
    place.clear();
    more(&place);
    told.run(&place, SIEM);
    // a missing object, told by the second run that misses it
    place.serve_objects("spam", [Object::missing().named("gone.json.gz")]);
    for _ in 0..3 {
        more(&place);
        told.run(&place, SIEM);
    }
    // a refused position in a run that is refused altogether afterwards
    let refused = changes::flat(400, "Request Validation Failed", "m");
    let twice = changes::times(2, refused);
    let receipt = at::both(at::event_type("receipt"), at::later_pages());
    place.always_at(Endpoint::Events, receipt, twice);
    place.set(|switches| switches.forbid_types.extend(["spam"]));
    told.run(&place, SIEM);
    place.clear();
    place.set(|switches| switches.forbid_types.clear());
    for _ in 0..3 {
        more(&place);
        told.run(&place, SIEM);
        agent.look(&place);
    }
    for text in ["is damaged", "gone.json.gz", "refused the saved position"] {
        told.assert_once(text);
    }
    let codes = told.codes();
    assert_eq!((codes[1], codes[2], codes[3]), (75, 75, 65), "{codes:?}");
    assert_eq!(codes.last(), Some(&0), "{codes:?}");
    agent.assert_complete(&place);
}
