//! P2 and P5 when a data folder is shared, an installation moved, a backup restored or a lock removed.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use chrono::TimeDelta;

use crate::audit::{JSON, ago, event, place as audit_place, recent, set_clock};
use crate::harness::{AUDIT, Installation, Outcome, SIEM, set_mode};
use mimecast_sandbox::{Batch, Endpoint, Object, Wire, changes};

/// All files of the state folder, as a backup takes them.
fn backup(place: &Installation) -> BTreeMap<String, Vec<u8>> {
    let listed = fs::read_dir(place.path("checkpoint")).expect("the folder is there");
    let files = listed
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| {
            let kind = entry.file_type().expect("known");
            kind.is_file() && !entry.file_name().to_string_lossy().ends_with(".lock")
        });
    files
        .map(|entry| {
            let name = entry.file_name().into_string().expect("UTF-8");
            (name, fs::read(entry.path()).expect("readable"))
        })
        .collect()
}

fn restore(place: &Installation, backup: &BTreeMap<String, Vec<u8>>) {
    for name in self::backup(place).keys() {
        fs::remove_file(place.path("checkpoint").join(name)).expect("ours");
    }
    for (name, content) in backup {
        fs::write(place.path("checkpoint").join(name), content).expect("written");
    }
}

/// Runs a collector of a second installation: another state folder, the same data folder.
fn second(place: &Installation, program: &str, more: &[&str]) -> Outcome {
    let text = fs::read_to_string(place.path("config.toml")).expect("text");
    let data = place.path("data").display().to_string();
    let folders = format!("[folders]\ndata = '{data}'\nstate = '../other'\n");
    fs::create_dir_all(place.path("second")).expect("made");
    let text = text.replace("[folders]\ndata = \"data\"\n", &folders);
    fs::write(place.path("second/config.toml"), text).expect("written");
    let credentials = place.path("second/credentials.toml");
    fs::copy(place.path("credentials.toml"), &credentials).expect("copied");
    set_mode(&credentials, 0o600);
    let mut command = place.command(program);
    command
        .arg("--config")
        .arg(place.path("second/config.toml"))
        .args(more);
    place.finish(command)
}

/// Runs into an outage, several times.
fn fail(place: &Installation, program: &str, times: usize) {
    let calls = [Endpoint::Siem, Endpoint::Events, Endpoint::Audit];
    for call in calls.into_iter().filter(|_| times > 0) {
        place.always(call, changes::status(503));
    }
    for _ in 0..times {
        place.collect(program).ends_with(75);
    }
    place.clear();
}

#[test]
fn a_data_folder_that_belongs_to_another_state_is_refused_until_it_is_adopted() {
    for program in [SIEM, AUDIT] {
        let place = Installation::with_batches(1..2, 20);
        place.serve_events(recent([1]));
        place.collect(program).stays_silent();
        second(&place, program, &[]).ends_with(78).says("--adopt");
        let adopted = second(&place, program, &["--adopt"]);
        adopted.ends_with(65).says("adopted the data folder");
        second(&place, program, &[]).stays_silent();
        place.collect(program).ends_with(78).says("belongs to");
    }
}

#[test]
fn an_installation_that_is_moved_with_all_its_folders_goes_on_silently() {
    let place = Installation::with_batches(1..2, 20);
    place.siem().stays_silent();
    for folder in [
        "data",
        "checkpoint",
        "config.toml",
        "credentials.toml",
        "log",
    ] {
        fs::create_dir_all(place.path("moved")).expect("made");
        fs::rename(place.path(folder), place.path("moved").join(folder)).expect("moved");
    }
    place.serve(Batch::realistic(2, 20));
    let mut command = place.command(SIEM);
    command.arg("--config").arg(place.path("moved/config.toml"));
    place.finish(command).stays_silent();
    fs::rename(place.path("moved/data"), place.path("data")).expect("moved");
    place.assert_siem_complete();
}

#[test]
fn a_restored_audit_state_is_told_and_repeats_nothing_that_is_still_published() {
    let key_value = "[audit]\nformat = \"key_value\"\n";
    for (format, outages) in [(JSON, 0), (key_value, 0), (JSON, 1), (key_value, 2)] {
        let place = audit_place(format);
        set_clock(&place, -120);
        let now = ago(TimeDelta::minutes(120));
        place.serve_events(
            (0..50).map(|number| event(number, now - TimeDelta::minutes(2 + number as i64))),
        );
        place.audit().stays_silent();
        let old = backup(&place);
        for (run, minutes) in [(1, -90), (2, -60), (3, -30)] {
            set_clock(&place, minutes);
            let now = ago(TimeDelta::minutes(-minutes));
            let ages = [2, 11, 25, 55].map(TimeDelta::minutes);
            let numbers = run * 100..;
            place.serve_events(
                numbers
                    .zip(ages)
                    .map(|(number, age)| event(number, now - age)),
            );
            place.audit().stays_silent();
        }
        let published = place.lines("audit");
        restore(&place, &old);
        set_clock(&place, 0);
        fail(&place, AUDIT, outages);
        place.audit_says(65, "older than the published files");
        assert_eq!(place.lines("audit"), published, "P2");
        place.audit().stays_silent();
    }
}

#[test]
fn a_lost_state_is_told_once_and_an_outage_after_it_repeats_no_file_that_is_still_there() {
    for program in [SIEM, AUDIT] {
        for outages in [0, 1, 2] {
            let place = Installation::connected();
            let folder = if program == SIEM { "mta" } else { "audit" };
            for number in 0..3 {
                place.serve(Batch::realistic(number, 20));
                let time = ago(TimeDelta::minutes(5));
                place.serve_events([event(number, time)]);
            }
            place.collect(program).stays_silent();
            let published = place.lines(folder);
            restore(&place, &BTreeMap::new());
            fail(&place, program, outages);
            place.collect(program).ends_with(65).says("was lost");
            assert_eq!(place.lines(folder), published, "P2: {outages}");
            place.collect(program).stays_silent();
        }
    }
}

#[test]
fn a_state_of_another_installation_in_the_place_of_ours_is_refused_until_it_is_adopted() {
    let place = Installation::with_batches(1..2, 20);
    place.siem().stays_silent();
    // the other one has a data folder of its own and has come further
    fs::create_dir_all(place.path("other/data/mta")).expect("made");
    fs::create_dir_all(place.path("other/data/tmp")).expect("made");
    for name in ["config.toml", "credentials.toml"] {
        fs::copy(place.path(name), place.path("other").join(name)).expect("copied");
        set_mode(&place.path("other").join(name), 0o600);
    }
    for seed in [2, 3] {
        place.serve(Batch::realistic(seed, 20));
        let mut command = place.command(SIEM);
        command.arg("--config").arg(place.path("other/config.toml"));
        place.finish(command).stays_silent();
    }
    let ours = backup(&place);
    for name in ["siem.state", "siem.state.prev"] {
        let from = place.path("other/checkpoint").join(name);
        fs::copy(from, place.path("checkpoint").join(name)).expect("copied");
    }
    let theirs = backup(&place);
    let refused = place.siem().ends_with(78);
    refused.says("of another installation").says("--adopt");
    // with the right state nothing is missing
    restore(&place, &ours);
    place.collects_logs();
    restore(&place, &theirs);
    place
        .run(SIEM, ["--adopt"])
        .ends_with(65)
        .says("may be missing");
    place.siem().stays_silent();
}

#[test]
fn a_restored_mail_state_is_told_and_repeats_no_file_that_is_still_published() {
    for generation in [1, 2] {
        let place = Installation::connected();
        if generation == 2 {
            place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt\"");
        }
        let serve = |seed| match generation {
            1 => place.serve(Batch::realistic(seed, 20)),
            _ => place.serve_objects("receipt", [Object::realistic(seed, 20)]),
        };
        serve(1);
        place.siem().stays_silent();
        let old = backup(&place);
        serve(2);
        place.siem().stays_silent();
        restore(&place, &old);
        serve(3);
        place.siem_says(65, "older than the published files");
        place.siem().stays_silent();
        match generation {
            1 => place.assert_siem_complete(),
            _ => place.assert_objects_complete(),
        }
    }
}

#[test]
fn a_lock_that_a_cleaner_removes_lets_only_one_of_two_runs_write() {
    let place = Installation::with_batches(100..101, 50);
    place.siem().stays_silent();
    place.serve_batches(0..6, 50);
    place.set(|switches| switches.replays_differ = true);
    let before = place.files("mta").len();
    place.next(Endpoint::Siem, |_| ());
    let stall = Wire::StallAt(100, Duration::from_millis(1_500));
    place.next(Endpoint::Siem, changes::wire(stall));
    let first = place.spawn(SIEM);
    while place.files("mta").len() == before {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(100)); // the first batch is stored
    fs::remove_file(place.path("checkpoint/siem.lock")).expect("a cleaner may");
    place.siem().stays_silent();
    place
        .wait(first)
        .ends_with(75)
        .says("another process changed");
    place.collects_logs();
}

#[test]
fn the_state_of_one_type_that_cannot_be_used_stops_no_other_type() {
    let place = Installation::of_types("receipt, spam, journal");
    for kind in ["receipt", "spam", "journal"] {
        place.serve_objects(kind, [Object::realistic(1, 5)]);
    }
    fs::create_dir_all(place.path("checkpoint/cg_spam.state")).expect("made");
    place.siem_says(78, "cg_spam.state");
    assert_eq!(place.files("mta").len(), 2);
    fs::remove_dir(place.path("checkpoint/cg_spam.state")).expect("ours");
    place.collects_objects();
}

#[test]
fn the_record_of_another_account_says_nothing_about_where_to_begin() {
    let place = Installation::connected();
    place.siem().stays_silent();
    place.configure_tokens("[siem]\ncloud_gateway_types = \"receipt\"");
    let account = place.sandbox.account().account_code;
    place.edit("config.toml", account, "CUSX99X999");
    place.siem().ends_with(0);
    let list = place.calls(Endpoint::Events).pop().expect("a list");
    let oldest = ago(TimeDelta::days(7)).format("dateRangeStartsAt=%Y-%m-%d");
    assert!(list.path.contains(&oldest.to_string()));
}

#[test]
fn a_data_folder_that_cannot_be_marked_is_told_and_costs_no_event() {
    let ways: [(&str, bool); 2] = [("data/.collector", true), ("data/.collector/siem", false)];
    for (path, is_first) in ways {
        let place = Installation::connected();
        if !is_first {
            place.siem().stays_silent();
            fs::remove_file(place.path(path)).expect("there");
        }
        // a file in the place of a folder, or a folder in the place of a file
        match is_first {
            true => fs::write(place.path(path), "x").expect("written"),
            false => fs::create_dir(place.path(path)).expect("made"),
        }
        place.serve(Batch::realistic(1, 20));
        for _ in 0..2 {
            place.siem_says(74, "move away");
            place.assert_siem_complete();
        }
        match is_first {
            true => fs::remove_file(place.path(path)).expect("there"),
            false => fs::remove_dir(place.path(path)).expect("there"),
        }
        place.collects_logs();
    }
}
