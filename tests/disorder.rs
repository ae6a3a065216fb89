//! P1, P2, P4 and P7 when one item is bad among good ones, at every place where items are listed.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::agent::{Agent, Habit};
use crate::audit::{JSON, ago, event, place as audit_place, set_clock};
use crate::harness::{AUDIT, Place, SIEM};
use crate::sandbox::{
    AuditEvent, AuditMiss, BadEntry, Batch, CaughtUp, EmptyPages, Endpoint, Object, PurgedToken,
    TotalCount, ZipEntry, at, changes,
};
use crate::told::Told;

const ONE_TYPE: &str = "[siem]\ncloud_gateway_types = \"receipt\"";

fn one_type() -> Place {
    let place = Place::connected_by_token();
    place.configure_tokens(ONE_TYPE);
    place
}

fn serve(place: &Place, kind: &str, seeds: std::ops::Range<u64>) {
    let objects =
        seeds.map(|seed| Object::realistic(seed, 3).named(&format!("part-{seed}.json.gz")));
    place.sandbox.serve_objects(kind, objects);
}

/// The lines of these objects of the type `receipt`.
fn lines_of(seeds: impl Iterator<Item = u64>) -> BTreeSet<Vec<u8>> {
    let model = one_type();
    for seed in seeds {
        serve(&model, "receipt", seed..seed + 1);
    }
    model.sandbox.all_object_lines().into_iter().collect()
}

#[test]
fn one_object_that_fails_in_any_way_holds_up_no_other_and_is_a_gap_that_is_told_once() {
    for failing in changes::Failing::ALL {
        println!("{failing:?}");
        let place = one_type();
        place.configure_tokens(&format!(
            "{ONE_TYPE}\n[network]\nretries = 1\nretry_wait_ms = 2\nidle_timeout_seconds = 1"
        ));
        serve(&place, "receipt", 0..105); // two pages
        let bad = at::object("receipt", "part-7.json.gz");
        place
            .sandbox
            .always_at(Endpoint::Object, bad, failing.change());
        let others = lines_of((0..105).filter(|seed| *seed != 7));
        let (mut told, mut agent) = (Told::default(), Agent::new("mta", Habit::Deletes));
        told.run(&place, SIEM);
        agent.look(&place);
        if failing == changes::Failing::Unpacked {
            assert_eq!(told.codes(), [0], "JSON lines of the listed type are taken");
            agent.assert_complete(&place);
            continue;
        }
        agent.assert_read(others.iter().cloned());
        for _ in 0..3 {
            told.run(&place, SIEM);
        }
        let codes = told.codes();
        assert_eq!(
            codes.iter().filter(|code| **code == 65).count(),
            1,
            "{codes:?}"
        );
        assert_eq!(codes[3], 0, "{codes:?}");
        told.assert_once("part-7.json.gz");
        agent.look(&place);
        agent.assert_read(others);
    }
}

#[test]
fn an_object_that_comes_back_in_time_is_published_and_no_gap() {
    for failing in changes::Failing::ALL {
        let place = one_type();
        serve(&place, "receipt", 0..105);
        let bad = at::object("receipt", "part-7.json.gz");
        // the relists of one run do not help
        let change = changes::times(8, failing.change());
        if [changes::Failing::Silent, changes::Failing::ForeignJson].contains(&failing) {
            continue; // long time-outs; and the same bytes twice are what the store has
        }
        place.sandbox.always_at(Endpoint::Object, bad, change);
        let mut told = Told::default();
        told.run(&place, SIEM);
        place.sandbox.clear();
        told.run(&place, SIEM);
        told.run(&place, SIEM);
        told.assert_never("part-7.json.gz");
        place.assert_objects_complete();
    }
}

#[test]
fn several_bad_objects_at_the_beginning_hide_none_behind_them() {
    let place = one_type();
    serve(&place, "receipt", 0..20);
    for seed in 0..4 {
        let bad = at::object("receipt", &format!("part-{seed}.json.gz"));
        place
            .sandbox
            .always_at(Endpoint::Object, bad, changes::status(503));
    }
    place.siem().ends_with(75);
    let published: BTreeSet<Vec<u8>> = place.lines("mta").into_iter().collect();
    assert_eq!(published, lines_of(4..20));
}

#[test]
fn one_type_whose_list_fails_in_any_way_stops_no_other_type() {
    for failing in changes::Failing::ALL {
        if failing == changes::Failing::Unpacked {
            continue; // a list is not packed
        }
        println!("{failing:?}");
        let place = Place::connected_by_token();
        let network = "[network]\nretries = 1\nretry_wait_ms = 2\nidle_timeout_seconds = 1";
        place.configure_tokens(network);
        for kind in ["receipt", "process", "spam", "journal"] {
            serve(&place, kind, 0..2);
        }
        let bad = at::event_type("spam");
        place
            .sandbox
            .always_at(Endpoint::Events, bad, failing.change());
        let outcome = place.siem();
        assert!([75, 76, 77].contains(&outcome.code), "{outcome:?}");
        assert_eq!(place.files("mta").len(), 6, "{failing:?}");
        place.sandbox.clear();
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn an_entry_that_names_no_object_holds_up_no_other_and_is_a_gap_that_is_told_once() {
    for (label, raw) in BadEntry::WITHOUT_OBJECT {
        for index in [0, 3] {
            println!("{label} at {index}");
            let place = one_type();
            serve(&place, "receipt", 0..6);
            place
                .sandbox
                .set(|switches| switches.bad_entries = vec![BadEntry::before(index, raw)]);
            let mut told = Told::default();
            told.run(&place, SIEM);
            place.assert_objects_complete();
            for _ in 0..2 {
                told.run(&place, SIEM);
            }
            assert_eq!(told.codes(), [75, 65, 0], "{label}");
            told.assert_once("entry");
            serve(&place, "receipt", 6..8);
            place.siem();
            place.assert_objects_complete();
        }
    }
}

#[test]
fn an_entry_that_is_right_in_the_next_list_is_no_gap() {
    let place = one_type();
    serve(&place, "receipt", 0..6);
    place
        .sandbox
        .set(|switches| switches.bad_entries = vec![BadEntry::replacing(2, "{}")]);
    place.siem().ends_with(75);
    place.sandbox.set(|switches| switches.bad_entries.clear());
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn what_is_odd_beside_a_good_address_does_not_matter() {
    for (label, raw) in BadEntry::WITH_OBJECT {
        let place = one_type();
        serve(&place, "receipt", 0..3);
        place
            .sandbox
            .set(|switches| switches.bad_entries = vec![BadEntry::replacing(1, raw)]);
        println!("{label}");
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn an_agent_that_deletes_or_moves_what_it_reads_meets_nothing_twice() {
    for habit in Habit::ALL {
        let place = one_type();
        place.sandbox.set(|switches| {
            switches.page_overlap = 2;
            switches.replays_differ = true;
        });
        let mut agent = Agent::new("mta", habit);
        for run in 0..4 {
            serve(&place, "receipt", run * 60..run * 60 + 60);
            if run == 2 {
                // a list that is empty once and full again under the same token
                place.sandbox.set(|switches| {
                    switches.empty_once.insert("receipt");
                });
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
        let place = Place::connected();
        let mut agent = Agent::new("mta", Habit::Deletes);
        for seed in 0..6 {
            place.sandbox.serve(Batch::realistic(seed, 20));
        }
        place.siem().stays_silent();
        agent.look(&place);
        place.configure("[retention]\ndata_days = 2");
        place.sandbox.serve(Batch::realistic(6, 20));
        let refused = match refusal {
            PurgedToken::Refuse200 => 200,
            _ => 400,
        };
        place
            .sandbox
            .set(|switches| switches.invalid_token_status = refused);
        let invalid = changes::fail_in_200("err_audit_siem_invalid_token", "m");
        let change = changes::times(2, move |reply: &mut crate::sandbox::Reply| {
            invalid(reply);
            reply.status = refused;
        });
        place.sandbox.always(Endpoint::Siem, change);
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
        let place = one_type();
        serve(&place, "receipt", 0..3);
        if !is_first {
            place.siem().stays_silent();
            serve(&place, "receipt", 3..6);
        }
        place.sandbox.next(Endpoint::Events, refused());
        place.siem().stays_silent();
        place.assert_objects_complete();

        serve(&place, "receipt", 6..8);
        for _ in 0..2 {
            place.sandbox.next(Endpoint::Events, |reply| {
                changes::html_200()(reply);
                reply.status = 400;
            });
        }
        place.siem().ends_with(76);
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn a_token_that_names_nothing_for_ever_is_never_adopted() {
    for way in [CaughtUp::WhenEmpty, CaughtUp::Unsaid, CaughtUp::Never] {
        let place = one_type();
        serve(&place, "receipt", 0..2);
        place.sandbox.set(|switches| {
            switches.dead_cursors.insert("receipt", way);
        });
        place.siem().stays_silent();
        serve(&place, "receipt", 2..4);
        place.siem().stays_silent();
        place.siem().stays_silent();
        place.assert_objects_complete();
    }
}

#[test]
fn audit_pages_without_events_end_no_window() {
    for (after, pages) in [(0, 1), (1, 1), (1, 4), (2, 3)] {
        let place = audit_place(JSON);
        place.sandbox.set(|switches| {
            switches.audit_page_items = Some(3);
            switches.empty_audit_pages = vec![EmptyPages { after, pages }];
        });
        place
            .sandbox
            .audit((0..9).map(|number| event(number, ago(TimeDelta::minutes(5)))));
        println!("{pages} after {after}");
        place.audit().stays_silent();
        place.assert_audit_complete();
    }
}

#[test]
fn events_that_one_reading_misses_are_found_by_the_count_and_the_next_one() {
    let place = audit_place(JSON);
    place.sandbox.set(|switches| {
        switches.total_count = TotalCount::Exact;
        switches.audit_misses = vec![AuditMiss { at: 2, events: 3 }];
    });
    place
        .sandbox
        .audit((0..9).map(|number| event(number, ago(TimeDelta::minutes(5)))));
    place.audit().stays_silent();
    place.assert_audit_complete();
}

#[test]
fn a_count_that_stays_too_high_is_told_at_most_once_a_day_and_one_too_low_never() {
    for (off, codes) in [(2, [65, 0, 0]), (-2, [0, 0, 0])] {
        let place = audit_place(JSON);
        place
            .sandbox
            .set(|switches| switches.total_count = TotalCount::Off(off));
        let mut told = Told::default();
        for run in 0..3 {
            place
                .sandbox
                .audit((0..4).map(|number| event(run * 10 + number, ago(TimeDelta::minutes(5)))));
            told.run(&place, AUDIT);
        }
        assert_eq!(told.codes(), codes);
        place.assert_audit_complete();
    }
}

#[test]
fn two_events_of_one_id_are_two_events_and_another_spelling_is_none() {
    for format in [JSON, "[audit]\nformat = \"key_value\"\n"] {
        let place = audit_place(format);
        let time = ago(TimeDelta::minutes(5));
        let first = event(1, time);
        place.sandbox.audit([
            first.clone(),
            first.clone().rearranged(),
            first.clone().with_info("other words"),
        ]);
        place.audit().stays_silent();
        assert_eq!(place.lines("audit").len(), 2);
        let log = place.log("audit");
        assert!(
            log.contains("events that have the id of another event"),
            "{log}"
        );
        place
            .sandbox
            .set(|switches| switches.audit_forms_differ = true);
        place.sandbox.audit([first.with_info("and others")]);
        place.audit().stays_silent();
        place.audit().stays_silent();
        assert_eq!(place.lines("audit").len(), 3);
    }
}

#[test]
fn one_bad_audit_event_costs_no_other_and_is_kept() {
    type Spoil = fn(AuditEvent) -> AuditEvent;
    let ways: [(Spoil, i32); 3] = [
        (AuditEvent::with_control_character, 0), // nothing of it is lost
        (|event| event.with_raw("{\"id\":tru}"), 65),
        (AuditEvent::broken, 65), // the page around it is no JSON
    ];
    for (spoil, code) in ways {
        let place = audit_place(&format!("{JSON}first_look_back_days = 1"));
        let minutes = |number: u64| ago(TimeDelta::minutes(5 + number as i64 * 7));
        place
            .sandbox
            .audit((0..20).map(|number| event(number, minutes(number))));
        place
            .sandbox
            .audit([spoil(event(100, ago(TimeDelta::minutes(63))))]);
        let mut told = Told::default();
        for _ in 0..2 {
            told.run(&place, AUDIT);
        }
        assert_eq!(told.codes(), [code, 0]);
        let mut expected = place.sandbox.readable_audit_ids();
        if code == 0 {
            expected = place.sandbox.audit_ids();
        } else {
            assert_eq!(place.quarantined().len(), 2, "the bytes and a note");
        }
        expected.sort_unstable();
        let found = place.audit_ids();
        let lost = expected.iter().position(|id| !found.contains(id));
        let all = place.sandbox.audit_events();
        let lost = lost.map(|at| all.iter().find(|event| event.id == expected[at]));
        assert!(
            found == expected,
            "{code}: lost {lost:?} of {}",
            expected.len()
        );
    }
}

#[test]
fn an_audit_page_that_is_too_large_arrives_in_smaller_ones() {
    let place = audit_place(&format!("{JSON}first_look_back_days = 1"));
    let time = ago(TimeDelta::minutes(5));
    place
        .sandbox
        .audit((0..480).map(|number| event(number, time).of_size(40_000)));
    place.audit().stays_silent();
    place.assert_audit_complete();
}

#[test]
fn an_archive_with_the_same_fault_in_three_runs_is_kept_and_what_verifies_is_published() {
    let place = Place::connected();
    let entries = [
        ZipEntry::new("receipt_1.siem", "a=1\n"),
        ZipEntry::symlink("link.siem", "/etc/passwd"),
    ];
    let batch = Batch::repacked_each_time(entries).with_lines(["a=1"]);
    place.sandbox.serve(batch);
    place.sandbox.serve(Batch::realistic(1, 20));
    let mut told = Told::default();
    for _ in 0..4 {
        told.run(&place, SIEM);
    }
    assert_eq!(told.codes(), [75, 75, 65, 0]);
    told.assert_once("an archive is damaged");
    place.assert_siem_complete();
    let kept = place.quarantined();
    let raw = kept.iter().find(|name| name.ends_with(".raw"));
    let raw = place
        .path("checkpoint/quarantine")
        .join(raw.expect("its bytes are kept"));
    let bytes = std::fs::read(raw).expect("readable");
    let link = b"/etc/passwd";
    assert!(bytes.windows(link.len()).any(|part| part == link));
}

#[test]
fn an_object_of_no_bytes_is_no_object_whatever_its_size_is_said_to_be() {
    let place = one_type();
    place
        .sandbox
        .set(|switches| switches.lists_without_size = true);
    serve(&place, "receipt", 0..2);
    place
        .sandbox
        .serve_objects("receipt", [Object::empty().named("empty.json.gz")]);
    serve(&place, "receipt", 2..4);
    let mut told = Told::default();
    for _ in 0..3 {
        told.run(&place, SIEM);
    }
    assert_eq!(told.codes(), [75, 65, 0]);
    told.assert_once("empty.json.gz");
    place.assert_objects_complete();
}

#[test]
fn an_archive_of_no_bytes_once_is_a_fault_on_the_way() {
    let place = Place::connected();
    for seed in 0..4 {
        place.sandbox.serve(Batch::realistic(seed, 30));
    }
    place.sandbox.next(Endpoint::Siem, |_| ());
    place
        .sandbox
        .next(Endpoint::Siem, changes::Failing::Empty.change());
    place.siem().stays_silent();
    place.assert_siem_complete();
}

#[test]
fn a_token_that_has_named_nothing_for_a_day_is_replaced_by_what_a_list_by_date_names() {
    let place = one_type();
    set_clock(&place, -30 * 60);
    serve(&place, "receipt", 0..3);
    place.run(SIEM, [""; 0]); // the clocks are a day apart, which is told
    place.sandbox.freeze_cursors("receipt");
    serve(&place, "receipt", 3..6);
    let mut told = Told::default();
    set_clock(&place, -23 * 60);
    told.run(&place, SIEM); // still for less than a day
    set_clock(&place, 0);
    let lists = place.sandbox.count(Endpoint::Events);
    told.run(&place, SIEM);
    assert!(place.sandbox.count(Endpoint::Events) <= lists + 4);
    told.assert_once("has listed no object for a day");
    serve(&place, "receipt", 6..8);
    told.run(&place, SIEM);
    assert_eq!(told.codes()[1..], [65, 0]);
    place.assert_objects_complete();
    // a type without new objects is listed by date once a day
    let lists = place.sandbox.count(Endpoint::Events);
    place.siem().stays_silent();
    assert_eq!(place.sandbox.count(Endpoint::Events), lists + 1);
}

/// What a run in trouble has found is told by the next one that can end with it.
#[test]
fn over_a_whole_life_each_gap_and_each_quarantine_is_told_by_exactly_one_run() {
    let place = Place::connected_by_token();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt, spam\"");
    let (mut told, mut agent) = (Told::default(), Agent::new("mta", Habit::Moves));
    let mut seeds = 0..;
    let mut more = |place: &Place| {
        for kind in ["receipt", "spam"] {
            let seed = seeds.next().expect("endless");
            serve(place, kind, seed..seed + 1);
        }
    };
    let damaged = |name: &str| Object::realistic(9_000, 20).corrupt().named(name);
    more(&place);
    told.run(&place, SIEM);
    // kept raw in a run that an outage of the other type ends with 75
    place
        .sandbox
        .serve_objects("receipt", [damaged("bad-1.json.gz")]);
    more(&place);
    let spam = at::event_type("spam");
    place
        .sandbox
        .always_at(Endpoint::Events, spam, changes::status(503));
    told.run(&place, SIEM);
    told.run(&place, SIEM);
    place.sandbox.clear();
    more(&place);
    told.run(&place, SIEM);
    // a missing object, told by the second run that misses it
    place
        .sandbox
        .serve_objects("spam", [Object::missing().named("gone.json.gz")]);
    for _ in 0..3 {
        more(&place);
        told.run(&place, SIEM);
    }
    // a refused position in a run that is refused altogether afterwards
    let refused = changes::flat(400, "Request Validation Failed", "m");
    let twice = changes::times(2, refused);
    let receipt = at::both(at::event_type("receipt"), at::later_pages());
    place.sandbox.always_at(Endpoint::Events, receipt, twice);
    place.sandbox.set(|switches| {
        switches.forbid_types.insert("spam");
    });
    told.run(&place, SIEM);
    place.sandbox.clear();
    place.sandbox.set(|switches| switches.forbid_types.clear());
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

#[test]
fn a_late_event_behind_a_run_that_stopped_in_the_middle_is_found() {
    let place = audit_place(JSON);
    let minutes = TimeDelta::minutes;
    crate::audit::set_clock(&place, -90);
    place.audit().stays_silent();
    crate::audit::set_clock(&place, -60);
    let is_long = |seen: &crate::sandbox::Seen| {
        at::window(seen).is_some_and(|(from, to)| to - from > TimeDelta::minutes(20))
    };
    place
        .sandbox
        .always_at(Endpoint::Audit, is_long, changes::foreign_json());
    let end = at::window_of(ago(minutes(63)));
    let end = at::both(end, move |seen| !is_long(seen));
    place
        .sandbox
        .always_at(Endpoint::Audit, end, changes::status(503));
    place.audit().ends_with(75);
    place.sandbox.clear();
    place.sandbox.audit([event(1, ago(minutes(100)))]); // 40 to 50 minutes late
    for now in [-30, 0] {
        crate::audit::set_clock(&place, now);
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}

#[test]
fn an_archive_with_a_lasting_fault_is_given_up_by_a_copy_that_shows_it() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let place = Place::connected();
    let entries = [
        ZipEntry::new("receipt_1.siem", "a=1\n"),
        ZipEntry::symlink("link.siem", "/etc/passwd"),
    ];
    place
        .sandbox
        .serve(Batch::repacked_each_time(entries).with_lines(["a=1"]));
    place.sandbox.serve(Batch::realistic(1, 20));
    for _ in 0..2 {
        place.siem().ends_with(75);
    }
    let answers = AtomicUsize::new(0);
    place
        .sandbox
        .always_at(Endpoint::Siem, at::batch(0), move |reply| {
            if answers.fetch_add(1, Ordering::Relaxed) == 1 {
                changes::truncated(40)(reply); // the second copy is cut on the way
            }
        });
    place.siem();
    place.siem();
    place.assert_siem_complete();
}
