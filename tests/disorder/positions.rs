//! Positions that repeat, that are refused, and that name nothing.

use super::{one_type, serve, waiting};
use crate::agent::{Agent, Habit};
use crate::audit::set_clock;
use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, CaughtUp, Endpoint, PurgedToken, changes};

#[test]
fn an_agent_that_deletes_or_moves_what_it_reads_meets_nothing_twice() {
    for habit in Habit::ALL {
        let place = one_type();
        place.set(|switches| {
            switches.page_overlap = 2;
            switches.replays_differ = true;
        });
        let mut agent = Agent::new("mta", habit);
        for run in 0..4 {
            serve(&place, "receipt", run * 60..run * 60 + 60);
            if run == 2 {
                // a list that is empty once and full again under the same token
                place.set(|switches| switches.empty_once.extend(["receipt"]));
            }
            place.siem().stays_silent();
            agent.look(&place);
        }
        place.siem().stays_silent();
        agent.look(&place);
        agent.assert_complete(&place);
    }
}

#[test]
fn after_a_refused_position_archives_that_an_agent_has_taken_are_not_published_again() {
    for refusal in [PurgedToken::Refuse200, PurgedToken::Refuse400] {
        let place = Installation::connected();
        let mut agent = Agent::new("mta", Habit::Deletes);
        place.serve_batches(0..6, 20);
        place.siem().stays_silent();
        agent.look(&place);
        place.configure("[retention]\ndata_days = 2");
        place.serve(Batch::realistic(6, 20));
        let refused = match refusal {
            PurgedToken::Refuse200 => 200,
            _ => 400,
        };
        place.set(|switches| switches.invalid_token_status = refused);
        let invalid = changes::fail_in_200("err_audit_siem_invalid_token", "m");
        let change = changes::times(2, move |reply: &mut mimecast_sandbox::Reply| {
            invalid(reply);
            reply.status = refused;
        });
        place.always(Endpoint::Siem, change);
        let report = place.run(SIEM, ["--json"]).ends_with(65).json();
        assert!(report["repeated"].as_u64() > Some(0), "{report}");
        agent.look(&place);
        agent.assert_complete(&place);
    }
}

#[test]
fn a_position_is_given_up_only_when_mimecast_says_so_twice() {
    // once, in Mimecast's words or in those of a proxy
    let refused = || changes::flat(400, "Request Validation Failed", "m");
    for is_first in [true, false] {
        let place = waiting(0..3);
        if !is_first {
            place.siem().stays_silent();
            serve(&place, "receipt", 3..6);
        }
        place.next(Endpoint::Events, refused());
        place.collects_objects();

        serve(&place, "receipt", 6..8);
        for _ in 0..2 {
            place.next(Endpoint::Events, |reply| {
                changes::html_200()(reply);
                reply.status = 400;
            });
        }
        place.siem().ends_with(76);
        place.collects_objects();
    }
}

#[test]
fn a_token_that_names_nothing_for_ever_is_never_adopted() {
    for way in [CaughtUp::WhenEmpty, CaughtUp::Unsaid, CaughtUp::Never] {
        let place = waiting(0..2);
        place.set(|switches| switches.dead_cursors.extend([("receipt", way)]));
        place.siem().stays_silent();
        serve(&place, "receipt", 2..4);
        place.siem().stays_silent();
        place.collects_objects();
    }
}

#[test]
fn a_token_that_has_named_nothing_for_a_day_is_replaced_by_what_a_list_by_date_names() {
    let place = one_type();
    set_clock(&place, -30 * 60);
    serve(&place, "receipt", 0..3);
    place.collect(SIEM); // the clocks are a day apart, which is told
    place.sandbox.freeze_cursors("receipt");
    serve(&place, "receipt", 3..6);
    let mut told = Told::default();
    set_clock(&place, -23 * 60);
    told.run(&place, SIEM); // still for less than a day
    set_clock(&place, 0);
    let lists = place.count(Endpoint::Events);
    told.run(&place, SIEM);
    assert!(place.count(Endpoint::Events) <= lists + 4);
    told.assert_once("has listed no object for a day");
    serve(&place, "receipt", 6..8);
    told.run(&place, SIEM);
    assert_eq!(told.codes()[1..], [65, 0]);
    place.assert_objects_complete();
    // a type without new objects is listed by date once a day
    let lists = place.count(Endpoint::Events);
    place.siem().stays_silent();
    assert_eq!(place.count(Endpoint::Events), lists + 1);
}
