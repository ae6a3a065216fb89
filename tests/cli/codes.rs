//! Each exit code by a run that earns it, with what it says. Code 70 needs a bug: the frame's own
//! test plants one.

use std::fs;
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};

#[cfg(unix)]
use crate::harness::set_mode;
use crate::harness::{Installation, Outcome, SETUP, SIEM};
#[cfg(unix)]
use mimecast_sandbox::Wire;
use mimecast_sandbox::{Batch, Endpoint, changes};

/// What went wrong, what to do and, once there is one, where the log is.
#[track_caller]
fn explains(outcome: Outcome, code: i32, words: &str) -> Outcome {
    let outcome = outcome.ends_with(code).says(words).says("\n  to do: ");
    assert_eq!(outcome.stdout, "");
    outcome
}

#[test]
fn code_0_when_nothing_was_waiting() {
    let place = Installation::connected();
    place.siem().stays_silent();
    place.audit().stays_silent();
}

#[test]
fn code_64_when_the_command_is_wrong() {
    explains(
        Installation::connected().run(SIEM, ["--fast"]),
        64,
        "unknown flag --fast",
    );
}

#[test]
fn code_65_when_something_should_be_looked_at() {
    let place = Installation::connected();
    place.serve(Batch::raw(*b"no archive"));
    let outcome = explains(place.siem(), 65, "quarantine");
    outcome.says("\n  log: ");
}

#[test]
fn code_69_when_an_outage_lasts() {
    let place = Installation::with_batches(0..1, 20);
    place.siem().stays_silent();
    place.rewrite_record("siem", |record| {
        record["last_success"] = "2026-01-01T00:00:00Z".into();
        record["moved_at"] = "2026-01-01T00:00:00Z".into();
    });
    place.always(Endpoint::Siem, changes::status(503));
    let outcome = explains(
        place.siem(),
        69,
        "nothing could be collected since 2026-01-01",
    );
    outcome.says("\n  log: ");
}

#[test]
fn code_74_when_the_local_disk_is_in_the_way() {
    let place = Installation::connected();
    fs::remove_dir(place.path("data/mta")).expect("removed");
    explains(place.siem(), 74, "mta is missing").says("to make the folder, run `");
    fs::write(place.path("data/mta"), "").expect("written");
    explains(place.siem(), 74, "mta is missing");
    fs::remove_dir_all(place.path("checkpoint")).expect("removed");
    fs::write(place.path("checkpoint"), "").expect("written");
    explains(place.siem(), 74, "checkpoint");
}

#[test]
fn code_75_when_a_later_run_makes_up_for_it() {
    let place = Installation::connected();
    place.always(Endpoint::Siem, changes::status(503));
    let outcome = explains(place.siem(), 75, "HTTP status 503");
    outcome.says("the next run continues");
    let text = fs::read_to_string(place.path("config.toml")).expect("readable");
    let closed = text.replace(&place.sandbox.url(), "http://127.0.0.1:9");
    fs::write(place.path("config.toml"), closed).expect("written");
    explains(place.siem(), 75, "could not be reached: 127.0.0.1");
}

#[test]
fn code_76_when_an_answer_was_not_understood() {
    let place = Installation::connected();
    place.always(Endpoint::Siem, changes::html_200());
    explains(place.siem(), 76, "was not understood").says("report");
}

#[test]
fn code_77_when_the_account_needs_attention() {
    let place = Installation::connected();
    place.set(|switches| switches.forbid = [Endpoint::Siem].into());
    let outcome = explains(place.siem(), 77, "\"Gateway | Tracking | Read\" is missing");
    let whole = format!(
        "to do: run `{} --config {}`",
        SETUP,
        place.path("config.toml").display()
    );
    outcome.says(&whole);
}

#[test]
fn code_78_names_the_file_the_line_and_the_cure() {
    let place = Installation::configured("[audit]\noverlap_minuts = 5");
    let outcome = explains(place.siem(), 78, "config.toml line 12");
    outcome.says("did you mean \"overlap_minutes\"?");
    for (text, words) in [
        ("", "base_url"),
        ("\0\0\0", "line 1"),
        ("[mimecast]\napi = 1\napi = 2\n", "given twice"),
        (
            "[mimecast]\nbase_url = \"https://canary.example.net\"\n",
            "line 2",
        ),
        ("[mimecast]\nsecret = canary\n", "line 2"),
    ] {
        fs::write(place.path("config.toml"), text).expect("written");
        explains(place.siem(), 78, words);
    }
    place.configure("");
    place.write_credentials("<your secret key>");
    explains(place.siem(), 78, "secret_key").says("placeholder");
    place.configure("");
    fs::remove_file(place.path("credentials.toml")).expect("removed");
    explains(place.siem(), 78, "no app_key and access_key and secret_key");
    assert!(place.requests().is_empty());
}

#[cfg(unix)]
#[test]
fn code_78_when_others_can_read_the_credentials() {
    let place = Installation::connected();
    let file = place.path("credentials.toml");
    for mode in [0o644, 0o640, 0o604, 0o620] {
        set_mode(&file, mode);
        let outcome = explains(place.siem(), 78, &format!("mode {mode:04o}"));
        outcome.says(&format!("to do: chmod 600 {}", file.display()));
    }
    assert!(place.requests().is_empty());
    set_mode(&file, 0o400);
    place.siem().stays_silent();
}

/// Longer than any test.
#[cfg(unix)]
const STALL: Wire = Wire::StallAt(50, Duration::from_secs(20));

/// Signals, the codes of runs that they end, and what those say.
#[cfg(unix)]
const SIGNALS: [(Signal, i32, &str); 2] = [
    (Signal::INT, 130, "interrupted"),
    (Signal::TERM, 143, "terminated"),
];

#[cfg(unix)]
#[test]
fn codes_130_and_143_at_once_and_the_next_run_goes_on() {
    for (signal, code, words) in SIGNALS {
        let place = Installation::with_batches(1..2, 20);
        place.next(Endpoint::Siem, changes::wire(STALL));
        let child = place.spawn_until(SIEM, Endpoint::Siem);
        std::thread::sleep(Duration::from_millis(100));
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let outcome = explains(place.wait(child), code, words);
        assert!(outcome.took.as_millis() < 1_500, "{outcome:?}");
        place.collects_logs();
    }
}
