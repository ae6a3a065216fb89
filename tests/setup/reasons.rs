//! The reason that a refusal names, and what a secret's file may hold.

use std::fs;
#[cfg(unix)]
use std::time::Duration;

use super::{assert_collects, bare, complete, saved};
use crate::harness::{Installation, SETUP};

/// A flag, its value, and words of the refusal.
const REASONS: [(&str, &str, &str); 9] = [
    ("--app-id", "two words", "--app-id: holds a space"),
    (
        "--app-id",
        "a\u{2013}b",
        "--app-id: holds a letter or sign that is not ASCII",
    ),
    ("--app-id", "", "--app-id: is empty"),
    ("--email", "nobody", "it has no @ with a domain"),
    ("--email", "@example.com", "it has no name before the @"),
    ("--email", "a@localhost", "its domain has no dot"),
    ("--email", "a b@example.com", "it holds a space"),
    (
        "--base-url",
        "us-api.mimecast.com",
        "such as https://us-api.mimecast.com",
    ),
    (
        "--discovery-url",
        "api.mimecast.com",
        "such as https://api.mimecast.com",
    ),
];

/// A host as it is typed, and the address that is suggested.
const MEANT: [(&str, &str); 3] = [
    (
        "api.services.mimecast.com",
        "https://api.services.mimecast.com",
    ),
    ("us-api.mimecast.com", "https://api.services.mimecast.com"),
    (
        "uk-api.services.mimecast.com/",
        "https://uk-api.services.mimecast.com",
    ),
];

/// The reason is the real one, and an address in it is one that the next setup accepts.
#[test]
fn a_refusal_names_the_real_reason() {
    let place = Installation::unconnected();
    for (flag, value, words) in REASONS {
        let mut command = place.command(SETUP);
        command.arg("--no-input").arg("--config");
        command.arg(place.path("config.toml")).args([flag, value]);
        place.finish(command).ends_with(64).says(words);
    }
    for (typed, meant) in MEANT {
        let mut command = bare(&place);
        command.args(["--client-id", "x", "--base-url", typed]);
        let outcome = place.finish(command).ends_with(64);
        outcome.says(&format!("such as {meant}"));
    }
    assert!(!saved(&place) && place.requests().is_empty());
}

#[test]
fn a_secret_file_may_begin_with_a_byte_order_mark_and_utf_16_is_named() {
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    let wide: Vec<u8> = account
        .app_key
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [b"\xff\xfe", &wide[..]].concat();
    fs::create_dir(place.path("secrets")).expect("a folder");
    let path = place.path("secrets/key");
    for bytes in [&wide, &marked] {
        fs::write(&path, bytes).expect("written");
        let mut command = complete(&place, |_| ());
        command.arg("--app-key-file").arg(&path);
        let outcome = place.finish(command).ends_with(64);
        outcome.says("UTF-16 text, save it as UTF-8");
    }
    fs::write(&path, format!("\u{feff}{}\r\n", account.app_key)).expect("written");
    let mut command = complete(&place, |_| ());
    command.arg("--app-key-file").arg(&path);
    place.finish(command).ends_with(0);
    // and so may both files of an installation
    for name in ["config.toml", "credentials.toml"] {
        let text = fs::read_to_string(place.path(name)).expect("readable");
        fs::write(place.path(name), format!("\u{feff}{text}")).expect("written");
    }
    assert_collects(&place);
    fs::remove_file(&path).expect("removed");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_setup_that_waits_for_a_secret() {
    use rustix::process::{Pid, Signal, kill_process};
    let place = Installation::unconnected();
    let mut command = complete(&place, |_| ());
    command.args(["--password-file", "-"]);
    command.stdin(std::process::Stdio::piped());
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut child = command.spawn().expect("it starts");
        let input = child.stdin.take(); // stays open, and nothing is written to it
        std::thread::sleep(Duration::from_millis(500));
        kill_process(Pid::from_child(&child), signal).expect("ours");
        let outcome = place.wait(child).ends_with(code);
        assert!(outcome.took < Duration::from_secs(5), "{outcome:?}");
        outcome.says("nothing was changed");
        drop(input);
    }
    assert!(!saved(&place) && place.requests().is_empty());
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let place = Installation::unconnected();
    place.finish(bare(&place)).ends_with(64).says(
        "missing answers: API 2.0 needs --data-dir, --client-id, \
             --client-secret-file (or MIMECAST_CLIENT_SECRET); \
             API 1.0 needs --data-dir, --app-id, --app-key-file (or MIMECAST_APP_KEY), \
             --email, --password-file (or MIMECAST_PASSWORD)",
    );
    for (api, missing) in [
        (
            "2",
            "missing answers: --data-dir, --client-id, --client-secret-file (or MIMECAST_CLIENT_SECRET)",
        ),
        (
            "1",
            "missing answers: --data-dir, --app-id, --app-key-file (or MIMECAST_APP_KEY), --email",
        ),
    ] {
        let mut command = bare(&place);
        command.args(["--api", api]);
        place.finish(command).ends_with(64).says(missing);
    }
    let mut command = bare(&place);
    command.env("MIMECAST_ACCESS_KEY", "half");
    let outcome = place.finish(command).ends_with(64);
    outcome.says("--base-url or --email, --secret-key-file (or MIMECAST_SECRET_KEY)");
    assert!(!saved(&place) && place.requests().is_empty());
}
