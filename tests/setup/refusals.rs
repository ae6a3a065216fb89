//! What the setup does not accept: said once, with what to do, and nothing half-done is left.

use std::fs;
use std::time::Duration;

use super::{Given, assert_collects, complete, file, saved, set_up};
#[cfg(unix)]
use crate::harness::set_mode;
use crate::harness::{Installation, SETUP, SIEM};
use mimecast_sandbox::{Endpoint, Sandbox, changes};

/// What is different from a setup that succeeds.
type Change = fn(&mut Given);

#[test]
fn answers_that_cannot_be_right_are_refused_before_anyone_is_asked() {
    let place = Installation::unconnected();
    let empty = file(&place, "empty", "");
    let refusals: [(&[&str], &str); 8] = [
        (
            &["--password-file", "-", "--app-key-file", "-"],
            "more than one secret",
        ),
        (
            &["--password-file", empty.to_str().expect("UTF-8")],
            "it is empty",
        ),
        (&["--password-file", "-"], "it is empty"),
        (&["--password-file", "/no/such/file"], "/no/such/file"),
        (&["--password-file", "/"], "cannot read the secret in /"),
        (
            &["--base-url", "https://evil.example.net"],
            "--base-url: host evil.example.net",
        ),
        (
            &["--base-url", "http://us-api.mimecast.com"],
            "--base-url: not https",
        ),
        (&["--auth-type", "other"], "expected one of cloud, domain"),
    ];
    for (flags, words) in refusals {
        let mut command = complete(&place, |_| ());
        command.args(flags);
        place.finish(command).ends_with(64).says(words);
    }
    for change in [
        (|given| given.data = "/".into()) as Change,
        |given| given.data = "/etc".into(),
        |given| given.app_id = "two words",
        |given| given.email = "nobody",
        |given| given.app_key = "two words",
    ] {
        place.finish(complete(&place, change)).ends_with(64);
    }
    assert!(!saved(&place) && place.requests().is_empty());
}

/// An id and a key that Mimecast does not know.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// What is wrong, the sentence, and the step.
const REFUSALS: [(Change, &str, &str); 4] = [
    (
        |given| given.password = "wrong",
        "the e-mail address or password was not accepted",
        "preparation step 1",
    ),
    (
        |given| given.email = "nobody@example.com",
        "no Mimecast region knows this e-mail address",
        "preparation step 1",
    ),
    (
        |given| given.app_id = UNKNOWN,
        "the application id is not known",
        "preparation step 7",
    ),
    (
        |given| given.app_key = UNKNOWN,
        "the application key, access key or secret key was not accepted",
        "preparation step 7",
    ),
];

#[test]
fn a_refusal_is_one_sentence_that_names_the_step_to_revisit_and_nothing_is_saved() {
    for (change, sentence, step) in REFUSALS {
        let place = Installation::unconnected();
        let outcome = place.finish(complete(&place, change)).ends_with(77);
        outcome.says(sentence).says(step);
        assert!(!saved(&place));
    }
    let place = Installation::unconnected();
    place.next(Endpoint::Account, changes::expired_key());
    set_up(&place)
        .ends_with(77)
        .says("has expired")
        .says("preparation step 4");
    assert!(!saved(&place));
}

#[test]
fn a_missing_permission_is_named_as_in_the_console_and_the_configuration_is_saved() {
    for (endpoint, name) in [
        (Endpoint::Siem, "Gateway | Tracking | Read"),
        (Endpoint::Audit, "Account | Logs | Read"),
    ] {
        let place = Installation::unconnected();
        place.set(|switches| switches.forbid = [endpoint].into());
        let outcome = set_up(&place).ends_with(77);
        assert!(
            outcome.stdout.contains(&format!("  {name:<27} missing\n")),
            "{outcome:?}"
        );
        assert_eq!(outcome.stdout.matches(" ok\n").count(), 1, "{outcome:?}");
        outcome
            .says(&format!("lacks \"{name}\""))
            .says("preparation step 2");
        place.set(|switches| switches.forbid.clear());
        assert_collects(&place);
    }
    let place = Installation::unconnected();
    place.set(|switches| {
        switches.forbid = [Endpoint::Siem, Endpoint::Audit].into();
    });
    let outcome = set_up(&place).ends_with(77);
    outcome.says("lacks \"Gateway | Tracking | Read\" and \"Account | Logs | Read\"");
}

#[test]
fn keys_that_will_expire_are_pointed_out_and_others_are_not() {
    const DAY_MS: u64 = 86_400_000;
    for (lifetime, note) in [
        (3 * DAY_MS, Some("the keys will expire in 3 days")),
        (DAY_MS / 2, Some("the keys will expire in 12 hours")),
        (0, None),
        (3_650 * DAY_MS, None),
    ] {
        let place = Installation::unconnected();
        place.set(|switches| switches.binding_duration_ms = lifetime);
        let outcome = set_up(&place).ends_with(0);
        let said = outcome.stdout.contains(note.unwrap_or("expire"));
        assert_eq!(said, note.is_some(), "{outcome:?}");
        let status = place.run(SIEM, ["status"]).ends_with(0).stdout;
        assert_eq!(
            status.contains("the keys expire in"),
            note.is_some(),
            "{status}"
        );
        let status = place.run(SIEM, ["status", "--json"]).ends_with(0).json();
        assert_eq!(
            status["keys_expire_at"].is_string(),
            lifetime > 0,
            "{status}"
        );
        let mut command = complete(&place, |_| ());
        command.arg("--json");
        let notes = place.finish(command).ends_with(0).json()["notes"].to_string();
        assert_eq!(
            notes.contains("preparation step 4"),
            note.is_some(),
            "{notes}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_said_before_anyone_is_asked() {
    let place = Installation::unconnected();
    fs::write(place.path("file"), "in the way").expect("written");
    fs::create_dir(place.path("half")).expect("a folder");
    fs::write(place.path("half/mta"), "in the way").expect("written");
    for data in ["file", "file/below", "half"] {
        let command = complete(&place, |given| given.data = place.path(data));
        let outcome = place.finish(command).ends_with(74);
        outcome.says("cannot make").says("choose another folder");
    }
    let mut command = place.command(SETUP);
    command
        .args(["--no-input", "--data-dir"])
        .arg(place.path("data"));
    command.arg("--config").arg(place.path("file/config.toml"));
    command.args(["--email", "a@example.com", "--app-id", "x"]);
    command.args(["--base-url", &place.sandbox.url()]);
    command.envs([("MIMECAST_PASSWORD", "x"), ("MIMECAST_APP_KEY", "x")]);
    place.finish(command).ends_with(74).says("cannot make");
    assert!(place.requests().is_empty());
}

/// Hosts that are not Mimecast's.
const FOREIGN: [&str; 8] = [
    "https://evil.example.net",
    "http://192.0.2.1",
    "http://us-api.mimecast.com",
    "https://us-api.mimecast.com.evil.example.net",
    "https://us-api.mimecast.com@evil.example.net",
    "evil.example.net",
    "//evil.example.net",
    "",
];

#[test]
fn no_answer_leads_to_a_host_that_is_not_mimecasts() {
    for host in FOREIGN {
        let place = Installation::unconnected();
        place.set(|switches| switches.region_api = Some(host.to_owned()));
        set_up(&place)
            .ends_with(76)
            .says("Mimecast named an API host that is not allowed");
        assert_eq!(
            place.requests().len(),
            1,
            "discovery alone, which holds no secret"
        );
        assert!(!saved(&place));
    }
    let (place, other) = (Installation::unconnected(), Sandbox::start());
    let elsewhere = changes::redirect_to(&format!("{}/api/login/login", other.url()));
    place.always(Endpoint::Login, elsewhere);
    set_up(&place).ends_with(76).says("redirect");
    assert!(other.requests().is_empty() && !saved(&place));
}

#[test]
fn an_outage_is_waited_for_then_told_and_what_was_there_stays() {
    for endpoint in [Endpoint::Discover, Endpoint::Login, Endpoint::Account] {
        let place = Installation::connected();
        let credentials = || fs::read(place.path("credentials.toml")).expect("readable");
        let before = credentials();
        place.always(endpoint, changes::status(503));
        let outcome = set_up(&place).ends_with(75).says("HTTP status 503");
        outcome
            .says("authentication_setup --config")
            .says("` again");
        assert_eq!(place.count(endpoint), 3, "two retries are configured");
        assert_eq!(credentials(), before);
    }
}

#[test]
fn killed_at_any_moment_it_leaves_nothing_or_something_complete() {
    let place = Installation::unconnected();
    for _ in 0..12 {
        let child = complete(&place, |_| ()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..150_000)));
        place.kill(child);
        if place.path("config.toml").exists() {
            place.siem().stays_silent(); // which needs both files to be whole
        }
    }
    set_up(&place).ends_with(0);
    assert_collects(&place);
}

/// Configurations that are none, and words of the refusal.
const BROKEN: [(&str, &str); 2] = [
    ("[mimecast\n", "config.toml line 1: not valid TOML"),
    (
        "[audit]\noverlap_minuts = 1\n",
        "did you mean \"overlap_minutes\"?",
    ),
];

#[test]
fn a_broken_configuration_is_named_and_left_alone() {
    let place = Installation::unconnected();
    for (text, words) in BROKEN {
        fs::write(place.path("config.toml"), text).expect("written");
        set_up(&place).ends_with(78).says(words);
        let left = fs::read_to_string(place.path("config.toml"));
        assert_eq!(left.expect("readable"), text);
    }
    assert!(place.requests().is_empty());
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_refused_to_all_but_root() {
    let place = Installation::unconnected();
    fs::create_dir(place.path("sealed")).expect("a folder");
    set_mode(&place.path("sealed"), 0o555);
    let is_root = rustix::process::geteuid().is_root();
    let command = complete(&place, |given| given.data = place.path("sealed/data"));
    place
        .finish(command)
        .ends_with(if is_root { 0 } else { 74 });
    set_mode(&place.path("sealed"), 0o755);
}
