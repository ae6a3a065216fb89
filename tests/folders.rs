//! Folders that are missing, shared or full of other people's things, and names that are taken.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;

use crate::audit::{JSON, ago, event, place as audit_place, recent};
use crate::harness::{AUDIT, Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, Endpoint, Wire, changes};

/// Leaves the collector's own leftovers in tmp/, as a kill in mid-download does; yields a name.
fn leave_a_download(place: &Installation) -> String {
    let stall = Wire::StallAt(100, Duration::from_secs(1));
    place.next(Endpoint::Siem, changes::wire(stall));
    let before = place.count(Endpoint::Siem);
    let child = place.spawn(SIEM);
    while place.count(Endpoint::Siem) == before {
        std::thread::yield_now();
    }
    place.kill(child);
    place.files("tmp").into_keys().next().expect("a leftover")
}

/// Makes a link, except on Windows, where only administrators may.
#[cfg(unix)]
fn leave_a_link(target: &Path, link: &Path) -> bool {
    std::os::unix::fs::symlink(target, link).expect("made");
    true
}

#[cfg(windows)]
fn leave_a_link(_: &Path, _: &Path) -> bool {
    false
}

#[test]
fn own_leftovers_are_swept_and_everything_else_stays() {
    let place = Installation::with_batches(1..2, 30);
    let own = leave_a_download(&place);
    let parts: Vec<&str> = own.split('-').collect();
    let tmp = place.path("data/tmp");
    let staged = format!("{}-{}-1-77.staged", parts[0], parts[1]);
    fs::write(tmp.join(&staged), "never committed\n").expect("written");
    let foreign = [
        "notes.txt".to_owned(),
        format!("audit-{}-1-1.staged", parts[1]),
        format!("{}-00000000-1-1.staged", parts[0]),
        own.replace(".scratch", ".bak"),
    ];
    for name in &foreign {
        fs::write(tmp.join(name), "mine").expect("written");
    }
    let folder = own.replace(".scratch", "1.scratch");
    fs::create_dir(tmp.join(&folder)).expect("made");
    let link = own.replace(".scratch", "2.scratch");
    let links = leave_a_link(Path::new("notes.txt"), &tmp.join(&link)).then_some(link);
    place.siem().stays_silent();
    let mut left: Vec<String> = fs::read_dir(&tmp)
        .expect("listed")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    left.sort_unstable();
    let mut expected: Vec<String> = foreign.into_iter().chain([folder]).chain(links).collect();
    expected.sort_unstable();
    assert_eq!(left, expected);
    let mut lines = place.sandbox.siem_lines();
    lines.sort_unstable();
    assert_eq!(
        place.lines("mta"),
        lines,
        "a leftover is never taken for collected"
    );
}

#[test]
fn a_second_installation_in_one_data_folder_is_refused_from_the_first_moment_on() {
    let (one, other) = (Installation::connected(), Installation::connected());
    let config = fs::read_to_string(other.path("config.toml")).expect("readable");
    let shared = one.path("data").display().to_string();
    let config = config.replace("data = \"data\"", &format!("data = '{shared}'"));
    fs::write(other.path("config.toml"), config).expect("written");
    one.serve(Batch::realistic(1, 30));
    other.serve(Batch::realistic(2, 30));
    // under wine a loaded machine takes seconds to start a program
    let pause = Duration::from_millis(if cfg!(windows) { 8_000 } else { 1_500 });
    one.configure("[network]\nidle_timeout_seconds = 20");
    let stall = Wire::StallAt(100, pause);
    one.next(Endpoint::Siem, changes::wire(stall));
    let run = one.spawn_until(SIEM, Endpoint::Siem);
    other.siem_says(78, "belongs to");
    assert!(other.requests().is_empty());
    assert_ne!(one.files("tmp").len(), 0, "the download goes on");
    one.wait(run).stays_silent();
    one.assert_siem_complete();
}

#[test]
fn a_name_that_is_taken_by_something_else_gets_a_number() {
    let model = Installation::connected();
    model.serve(Batch::realistic(1, 30));
    model.siem().stays_silent();
    let names: Vec<String> = model.files("mta").into_keys().collect();

    let place = Installation::connected();
    place.siem().stays_silent();
    place.serve(Batch::realistic(1, 30));
    let taken = |number: usize| place.path("data/mta").join(&names[number]);
    fs::write(taken(0), "somebody's\n").expect("written");
    fs::create_dir(taken(1)).expect("made");
    let is_link = leave_a_link(Path::new("/nowhere"), &taken(2));
    place.siem_says(65, "its name is in use");
    assert_eq!(fs::read(taken(0)).expect("readable"), b"somebody's\n");
    assert!(taken(1).is_dir() && taken(2).is_symlink() == is_link);
    for name in &names[..2 + usize::from(is_link)] {
        let path = place
            .path("data/mta")
            .join(name.replace(".siem", "-2.siem"));
        assert_eq!(
            fs::read(&path).expect("published"),
            model.files("mta")[name]
        );
        let numbered = path.file_name().expect("a name").to_str().expect("UTF-8");
        assert!(
            place.log("siem").contains(numbered),
            "each is told: {numbered}"
        );
    }
    place.siem().stays_silent();
}

#[test]
fn folders_of_its_own_are_made_and_those_of_the_agent_are_not() {
    let place = Installation::with_batches(1..2, 30);
    place.siem().stays_silent();
    fs::remove_dir_all(place.path("checkpoint/quarantine")).expect("removed");
    fs::remove_dir_all(place.path("log")).expect("removed");
    place.siem().stays_silent();
    assert!(place.path("checkpoint/quarantine").is_dir() && place.path("log").is_dir());
    fs::remove_dir_all(place.path("checkpoint")).expect("removed");
    place.serve(Batch::realistic(2, 30));
    place.siem_says(65, "was lost");
    place.assert_siem_complete();

    for folder in ["data/tmp", "data/mta"] {
        let aside = place.path("aside");
        fs::rename(place.path(folder), &aside).expect("moved");
        place.siem_says(74, "is missing");
        fs::write(place.path(folder), "in the way").expect("written");
        place
            .siem()
            .ends_with(74)
            .says(place.path(folder).to_str().expect("UTF-8"));
        fs::remove_file(place.path(folder)).expect("removed");
        fs::rename(&aside, place.path(folder)).expect("moved");
    }
    place.siem().stays_silent();
}

#[test]
fn a_file_in_the_way_of_the_state_stops_the_run_and_one_in_the_way_of_the_log_does_not() {
    let place = Installation::with_batches(1..2, 30);
    fs::write(place.path("checkpoint"), "in the way").expect("written");
    place.siem_says(74, "checkpoint");
    fs::remove_file(place.path("checkpoint")).expect("removed");
    fs::remove_dir_all(place.path("log")).expect("the first run made it");
    fs::write(place.path("log"), "in the way").expect("written");
    place.siem_says(0, "no log is written");
    place.assert_siem_complete();
}

#[test]
fn a_configuration_that_setup_has_not_filled_in_is_refused() {
    let place = Installation::connected();
    let text = fs::read_to_string(place.path("config.toml")).expect("readable");
    let app_id = place.sandbox.account().app_id;
    fs::write(place.path("config.toml"), text.replace(app_id, "")).expect("written");
    for program in [SIEM, AUDIT] {
        let outcome = place.collect(program).ends_with(78);
        outcome.says("app_id").says("authentication_setup --config");
    }
    assert!(place.requests().is_empty());
}

#[test]
fn a_first_run_that_is_refused_or_meets_an_outage_is_no_lost_state() {
    for program in [SIEM, AUDIT] {
        for refused in [true, false] {
            let place = Installation::connected_by_token();
            let refuse = |is_wrong| {
                let sandbox = &place.sandbox;
                sandbox.set(|switches| switches.wrong_client_secret = is_wrong);
            };
            if refused {
                refuse(true);
                place.collect(program).ends_with(77);
                refuse(false);
            } else {
                for call in [Endpoint::Siem, Endpoint::Events, Endpoint::Audit] {
                    place.always(call, changes::status(503));
                }
                place.collect(program).ends_with(75);
                place.clear();
            }
            place.collect(program).stays_silent();
        }
    }
}

#[test]
fn ids_beside_a_state_that_are_missing_or_damaged_are_told_once() {
    let damages: [fn(&mut Vec<u8>); 3] = [
        Vec::clear,
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
    ];
    for damage in damages {
        let place = audit_place(JSON);
        let early = recent(0..1_200);
        place.serve_events(early);
        place.audit().stays_silent();
        let late = event(5_000, ago(TimeDelta::minutes(4)));
        place.serve_events([late]);
        place.audit().stays_silent();
        let path = place.path("checkpoint/audit.state.ids-1");
        let mut bytes = fs::read(&path).expect("there");
        damage(&mut bytes);
        match bytes.is_empty() {
            true => fs::remove_file(&path).expect("ours"),
            false => fs::write(&path, &bytes).expect("written"),
        }
        let mut told = Told::default();
        told.runs(&place, AUDIT, 4);
        told.assert_once("damaged or missing");
        assert!(
            told.codes()[2..].iter().all(|code| *code == 0),
            "{:?}",
            told.codes()
        );
    }
}
