//! What grows old is deleted, and nothing else.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Endpoint, Wire, at, changes};

const OLD: &str = "receipt_20260101000000000_0123456789abcdef.siem";
const YOUNG: &str = "process_20260101000000000_0123456789abcdef.siem";
const HOURS: u64 = 3_600;
const DAYS: u64 = 24 * HOURS;

/// A file whose content was last changed so many seconds ago.
fn plant(path: &Path, age: u64) {
    fs::write(path, "a=1\n").expect("written");
    let then = SystemTime::now() - Duration::from_secs(age);
    let file = File::options().write(true).open(path).expect("opened");
    file.set_times(fs::FileTimes::new().set_modified(then))
        .expect("set");
}

/// An installation that has been in use, with one old and one younger file of its own.
fn aged() -> Installation {
    let place = Installation::with_batches(1..2, 30);
    place.siem().stays_silent();
    plant(&place.path("data/mta").join(OLD), 7 * DAYS + HOURS);
    plant(&place.path("data/mta").join(YOUNG), 7 * DAYS - HOURS);
    place
}

fn is_there(place: &Installation, name: &str) -> bool {
    place.path("data/mta").join(name).symlink_metadata().is_ok()
}

#[test]
fn a_good_run_deletes_what_is_older_than_a_week_and_nothing_younger() {
    let place = aged();
    let before = place.files("mta").len();
    let outcome = place.run(crate::harness::SIEM, ["--json"]).ends_with(0);
    assert_eq!(outcome.json()["pruned"], 1);
    assert!(!is_there(&place, OLD) && is_there(&place, YOUNG));
    assert_eq!(place.files("mta").len(), before - 1);
}

/// As a program does that copies files with their times, or sets them by what stands in them.
#[test]
fn what_a_run_has_published_is_not_deleted_by_it_whatever_time_it_gets() {
    let place = Installation::with_batches(0..2, 30);
    let stall = changes::wire(Wire::StallAt(100, Duration::from_millis(1_500)));
    place.always_at(Endpoint::Siem, at::batch(1), stall);
    let run = place.spawn(SIEM);
    while place.files("mta").is_empty() {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(200)); // all of the first batch is there
    let published: Vec<String> = place.files("mta").into_keys().collect();
    let then = SystemTime::now() - Duration::from_secs(90 * DAYS);
    for name in &published {
        let path = place.path("data/mta").join(name);
        let file = File::options().write(true).open(path).expect("opened");
        file.set_modified(then).expect("set");
    }
    place.wait(run).stays_silent();
    place.assert_siem_complete();
    place.siem().stays_silent();
    assert!(published.iter().all(|name| !is_there(&place, name)));
}

#[test]
fn the_age_is_that_of_the_configuration() {
    let place = aged();
    place.configure("[retention]\ndata_days = 30\nlog_days = 1\nquarantine_days = 1");
    place.siem().stays_silent();
    assert!(is_there(&place, OLD));
    plant(&place.path("data/mta").join(OLD), 30 * DAYS + HOURS);
    place.siem().stays_silent();
    assert!(!is_there(&place, OLD));
}

#[cfg(unix)]
#[test]
fn names_that_are_not_exactly_ours_and_what_is_no_file_stay_for_ever() {
    let place = aged();
    let mta = place.path("data/mta");
    let foreign = [
        "notes.txt",
        "receipt_20260101000000000.siem",
        "Receipt_20260101000000000_0123456789abcdef.siem",
        "receipt_20260101000000000_0123456789ABCDEF.siem",
        "receipt_20260101000000000_0123456789abcde.siem",
        "receipt_20260101000000000_0123456789abcdef.siem.gz",
        "receipt_20260101000000000_0123456789abcdef.txt",
        "receipt_20260101000000000_0123456789abcdef-1.siem",
        ".receipt_20260101000000000_0123456789abcdef.siem",
        "audit_log_01012026.log",
    ];
    for name in foreign {
        plant(&mta.join(name), 900 * DAYS);
    }
    let target = place.path("somebody's");
    plant(&target, 900 * DAYS);
    let (link, folder) = (
        OLD.replace("receipt", "linked"),
        OLD.replace("receipt", "folder"),
    );
    std::os::unix::fs::symlink(&target, mta.join(&link)).expect("made");
    // a link as old as the rest: its own age must not be what saves it
    let touched = std::process::Command::new("touch")
        .args(["-h", "-d", "2024-01-01"])
        .arg(mta.join(&link))
        .status();
    assert!(touched.expect("touch is there").success());
    fs::create_dir(mta.join(&folder)).expect("made");
    plant(&mta.join(&folder).join(OLD), 900 * DAYS);
    let times = fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    File::open(mta.join(&folder))
        .expect("opened")
        .set_times(times)
        .expect("set");
    place.siem().stays_silent();
    for name in foreign.iter().chain([&link.as_str(), &folder.as_str()]) {
        assert!(is_there(&place, name), "{name}");
    }
    assert!(target.exists() && mta.join(&folder).join(OLD).exists());
    assert!(!is_there(&place, OLD), "while what is ours goes");
}

#[test]
fn a_number_behind_the_digest_is_ours_too() {
    let place = aged();
    let name = OLD.replace(".siem", "-2.siem");
    plant(&place.path("data/mta").join(&name), 8 * DAYS);
    place.siem().stays_silent();
    assert!(!is_there(&place, &name));
}

#[test]
fn a_run_that_fails_deletes_nothing() {
    let place = aged();
    place.always(Endpoint::Siem, changes::status(503));
    place.siem().ends_with(75);
    assert!(is_there(&place, OLD));
    place.clear().always(Endpoint::Siem, changes::expired_key());
    place.siem().ends_with(77);
    assert!(is_there(&place, OLD));
    place.clear().siem().stays_silent();
    assert!(!is_there(&place, OLD));
}

#[test]
fn a_clock_that_is_wrong_or_unconfirmed_deletes_nothing() {
    let place = aged();
    for offset in [3_600, -3_600] {
        place.set(|switches| {
            switches.clock_offset_seconds = offset;
            switches.skew_limit_seconds = 7_200;
        });
        let outcome = place.run(crate::harness::SIEM, ["--json"]).ends_with(0);
        assert_eq!(outcome.json()["pruned"], 0);
        let notes = outcome.json()["notes"].to_string();
        assert!(notes.contains("nothing was deleted"), "{notes}");
    }
    place.set(|switches| switches.clock_offset_seconds = 0);
    place.always(Endpoint::Siem, changes::without_header("date"));
    place.siem().stays_silent();
    assert!(is_there(&place, OLD));
    place.clear();
    place.siem().stays_silent();
    assert!(!is_there(&place, OLD));
}

#[test]
fn a_run_with_a_wrong_clock_deletes_nothing_and_the_next_one_does() {
    let place = aged();
    place.set(|switches| {
        switches.clock_offset_seconds = 3_600;
        switches.skew_limit_seconds = 7_200;
    });
    place.siem().stays_silent();
    place.set(|switches| switches.clock_offset_seconds = 0);
    place.siem().stays_silent();
    // the earlier of both clocks counted in that run, too
    assert!(!is_there(&place, OLD));
}

#[test]
fn own_logs_grow_old_and_other_peoples_do_not() {
    let place = aged();
    let log = |name: &str| place.path("log").join(name);
    let foreign = [
        "audit_2026-01-01.log", // of another stream, which looks after it
        "siem_2026-01-01.log.1",
        "siem_2026-13-01.log",
        "siem_yesterday.log",
        "notes.log",
    ];
    for name in foreign {
        plant(&log(name), 900 * DAYS);
    }
    plant(&log("siem_2026-01-01.log"), 7 * DAYS + HOURS);
    plant(&log("siem_2026-01-02.log"), 7 * DAYS - HOURS);
    place.siem().stays_silent();
    assert!(!log("siem_2026-01-01.log").exists());
    assert!(log("siem_2026-01-02.log").exists());
    assert!(foreign.iter().all(|name| log(name).exists()));
    place.audit().stays_silent();
    assert!(!log("audit_2026-01-01.log").exists());
}

#[test]
fn the_quarantine_is_kept_for_30_days() {
    let place = aged();
    let quarantined = |name: &str| place.path("checkpoint/quarantine").join(name);
    let old = ["siem_0123456789abcdef.raw", "siem_0123456789abcdef.txt"];
    let kept = ["siem_fedcba9876543210.raw", "siem_fedcba9876543210.txt"];
    let foreign = ["audit_0123456789abcdef.raw", "siem_note.txt", "notes.txt"];
    for (names, age) in [
        (&old[..], 31 * DAYS),
        (&kept, 29 * DAYS),
        (&foreign, 900 * DAYS),
    ] {
        for name in names {
            plant(&quarantined(name), age);
        }
    }
    place.siem().stays_silent();
    assert!(old.iter().all(|name| !quarantined(name).exists()));
    assert!(
        kept.iter()
            .chain(&foreign)
            .all(|name| quarantined(name).exists())
    );
}

#[test]
fn a_time_before_1970_or_in_the_future_decides_as_any_other_and_harms_nothing() {
    let place = aged();
    let set = |name: &str, time: SystemTime| {
        let path = place.path("data/mta").join(name);
        fs::write(&path, "a=1\n").expect("written");
        let file = File::options().write(true).open(&path).expect("opened");
        file.set_times(fs::FileTimes::new().set_modified(time))
            .expect("set");
    };
    let [epoch, before, ahead, far] =
        ["epoch", "before", "ahead", "far"].map(|stem| OLD.replace("receipt", stem));
    let century = Duration::from_secs(36_500 * DAYS);
    set(&epoch, SystemTime::UNIX_EPOCH);
    set(&before, SystemTime::UNIX_EPOCH - Duration::from_secs(DAYS));
    set(&ahead, SystemTime::now() + Duration::from_secs(DAYS));
    set(&far, SystemTime::now() + century);
    place.siem().stays_silent();
    assert!(!is_there(&place, &epoch) && !is_there(&place, &before));
    assert!(is_there(&place, &ahead) && is_there(&place, &far));
}

#[cfg(unix)]
#[test]
fn of_a_file_with_two_names_only_ours_goes_and_a_link_that_leads_nowhere_stays() {
    let place = aged();
    let mta = place.path("data/mta");
    let original = place.path("somebody's");
    plant(&original, 900 * DAYS);
    let [hard, dangling] = ["hard", "dangling"].map(|name| OLD.replace("receipt", name));
    fs::hard_link(&original, mta.join(&hard)).expect("made");
    std::os::unix::fs::symlink("/nowhere/at/all", mta.join(&dangling)).expect("made");
    place.siem().stays_silent();
    assert!(!is_there(&place, &hard) && original.exists());
    assert!(is_there(&place, &dangling));
}

#[test]
fn a_retention_that_makes_no_sense_is_refused_by_line_and_deletes_nothing() {
    let place = aged();
    for days in [
        "0",
        "-1",
        "1000000000",
        "99999999999999999999",
        "1.5",
        "\"7\"",
    ] {
        place.configure(&format!("[retention]\ndata_days = {days}"));
        place.siem_says(78, "config.toml line 1");
        assert!(is_there(&place, OLD), "{days}");
    }
    place.configure("[retention]\ndata_days = 1");
    let outcome = place.run(crate::harness::SIEM, ["--json"]).ends_with(0);
    let notes = outcome.json()["notes"].to_string();
    assert!(notes.contains("data_days"), "P7: a warning: {notes}");
    assert!(!is_there(&place, OLD));
}
