//! Objects that cannot be had, and what stands beside them.

use super::{assert_told, serve, waiting};
use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Endpoint, Object, at, changes};

#[test]
fn a_store_that_lacks_one_object_each_time_hides_no_gap_for_good() {
    let place = Installation::of_types("process");
    let mut told = Told::default();
    for run in 0..8_u64 {
        serve(&place, "process", run * 10..run * 10 + 2);
        let missing = Object::missing().named(&format!("m{run}.json.gz"));
        place.serve_objects("process", [missing]);
        told.run(&place, SIEM);
    }
    assert_told(&told);
}

#[test]
fn an_object_that_is_owed_and_whose_page_cannot_be_listed_is_told() {
    let place = waiting(0..3);
    place.serve_objects("process", [Object::missing()]);
    place.siem().ends_with(75);
    place.always_at(Endpoint::Events, at::first_page(), changes::status(503));
    let mut told = Told::default();
    for run in 0..5 {
        serve(&place, "process", 10 + run..11 + run);
        told.run(&place, SIEM);
    }
    assert_told(&told);
}

#[test]
fn a_page_whose_objects_all_fail_does_not_stop_the_pages_behind_it() {
    let place = Installation::of_types("process");
    place.serve_objects("process", (0..100).map(|_| Object::empty()));
    serve(&place, "process", 0..5);
    let codes = place.siem_codes(6);
    assert_eq!(
        place.files("mta").len(),
        5,
        "{codes:?} {}",
        place.log("siem")
    );
}

#[cfg(unix)]
#[test]
fn many_foreign_objects_on_a_page_need_no_open_file_each() {
    let place = waiting(0..2);
    place.serve_objects(
        "process",
        (0..90).map(|n| Object::raw(format!("foreign {n}").into_bytes())),
    );
    let run = |place: &Installation| {
        let mut command = place.command("/bin/sh");
        command.arg("-c").arg(format!(
            "ulimit -n 64; exec {SIEM} --config {}",
            place.path("config.toml").display()
        ));
        place.finish(command)
    };
    let codes: Vec<i32> = (0..3).map(|_| run(&place).code).collect();
    assert!(
        !codes.contains(&74) && codes.contains(&65),
        "{codes:?} {}",
        place.log("siem")
    );
}

#[test]
fn a_store_that_gives_odd_bytes_for_each_of_six_objects_is_no_success() {
    for body in [&b""[..], &b"{\"error\":\"blocked\"}"[..]] {
        let place = waiting(0..6);
        place.always(Endpoint::Object, move |reply| reply.set_body(body));
        let codes = place.siem_codes(3);
        assert!(
            !codes.contains(&0),
            "silence, and nothing is collected: {codes:?}"
        );
    }
}

#[test]
fn a_permission_that_one_type_lacks_hides_no_quarantine_of_another_for_good() {
    let place = Installation::of_types("av, spam");
    place.set(|switches| switches.forbid_types.extend(["spam"]));
    serve(&place, "av", 0..2);
    place.serve_objects("av", [Object::realistic(9, 50).corrupt()]);
    let said: String = (0..5).map(|_| place.siem().stderr).collect();
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn a_page_of_refused_objects_does_not_stop_the_pages_behind_it() {
    let place = Installation::of_types("process");
    place.serve_objects(
        "process",
        (0..100).map(|n| Object::missing().named(&format!("m{n}.json.gz"))),
    );
    serve(&place, "process", 0..5);
    let codes = place.siem_codes(8);
    assert_eq!(place.files("mta").len(), 5, "{codes:?}");
}
