//! What the import refuses, and that it then writes and requests nothing.

use std::fs;
use std::process::Command;

use super::old::{OldScripts, Protocol};
use crate::harness::{Installation, Outcome};
use mimecast_sandbox::Endpoint;

/// Runs a command that writes no state and no configuration.
#[track_caller]
fn refused(place: &Installation, command: Command, code: i32) -> Outcome {
    let outcome = place.finish(command).ends_with(code);
    for name in ["config.toml", "credentials.toml", "checkpoint", "log"] {
        assert!(!place.path(name).exists(), "{name}: {outcome:?}");
    }
    outcome
}

#[test]
fn a_hostile_or_foreign_pickle_is_refused_before_anything_else_is_read() {
    let huge = [b"(d".as_slice(), &vec![b'('; 70_000], b"."].concat();
    let deep = [b"(".repeat(60_000), b".".to_vec()].concat();
    for (bytes, why) in [
        (&b"cos\nsystem\n(S'touch canary'\ntR."[..], "can run code"),
        (
            b"(dp0\nS'data_dir'\np1\n(S'true'\nios\nsystem\np2\ns.",
            "can run code",
        ),
        (b"\x80\x02}U\x08data_dirU\x01x\x81s.", "can run code"),
        (b"\x80\x04\x95\x10\x00", "protocol 4"),
        (&deep, "too many values"),
        (&huge, "larger than"),
        (b"", "cut short"),
        (b"(dp0\nS'data_dir'\n", "cut short"),
        (b"(dp0\n.", "api_base_url is missing"),
        (b"(dp0\n.more", "bytes after its end"),
        (b"[mimecast]\n", "do not write"),
        (b"(dS'user'\nS'x'\ns.", "do not write"),
    ] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        old.write_pickle(bytes);
        // it is refused before this is looked at
        old.write("checkpoint_siem", "");
        let outcome = refused(&place, old.import(&place), 78);
        outcome
            .says("is not the configuration of the Python scripts")
            .says("nothing was changed");
        let outcome = place.finish(old.import(&place)).says(why);
        assert_eq!(outcome.stdout, "");
        assert!(place.requests().is_empty());
        assert!(!place.path("secrets/python/canary").exists());
    }
}

#[test]
fn an_entry_that_cannot_be_right_is_named() {
    for (number, value, why) in [
        (1, "https://example.com", "api_base_url"),
        (1, "", "api_base_url is empty"),
        (2, "", "access_key is empty"),
        (2, "two words", "access_key"),
        (3, "not base64!", "secret_key"),
        (4, "", "account_code is empty"),
    ] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        old.write_config(Protocol::Two, |entries| {
            entries[number].1 = value.to_owned()
        });
        refused(&place, old.import(&place), 78).says(why);
        assert!(place.requests().is_empty());
    }
}

#[test]
fn a_folder_without_the_scripts_configuration_is_named() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    fs::remove_file(old.path("checkpoint/config.txt")).expect("it was there");
    let outcome = refused(&place, old.import(&place), 64);
    outcome.says("holds no checkpoint/config.txt of the Python scripts");
    fs::create_dir(old.path("checkpoint/config.txt")).expect("a folder");
    refused(&place, old.import(&place), 78).says("cannot read");
}

#[test]
fn a_position_that_is_damaged_is_named_with_what_to_do() {
    for (name, text, why) in [
        ("checkpoint_siem", "", "is empty, as after a killed run"),
        ("checkpoint_siem", "two words", "is damaged"),
        ("checkpoint_audit_start", "soon", "does not hold a time"),
        (
            "checkpoint_audit_start",
            "2999-01-01T00:00:00+0000",
            "in the future",
        ),
    ] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        old.write(name, text);
        let outcome = refused(&place, old.import(&place), 78);
        outcome.says(why).says("restore the file from a copy");
        assert!(place.requests().is_empty());
    }
}

#[test]
fn a_data_folder_of_another_host_is_asked_for() {
    let other = if cfg!(windows) {
        "/var/mimecast"
    } else {
        r"C:\Mimecast\data"
    };
    for folder in [other, "data", "/"] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        old.write_config(Protocol::Text, |entries| entries[0].1 = folder.to_owned());
        refused(&place, old.import(&place), 64)
            .says(&format!("the scripts' data folder {folder} is"))
            .says("--data-dir");
        let mut command = old.import(&place);
        command.arg("--data-dir").arg(place.path("data"));
        place.finish(command).ends_with(0);
    }
}

#[test]
fn positions_of_another_account_are_not_taken() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    old.write_config(Protocol::Text, |entries| {
        entries[4].1 = "CUSB00B000".to_owned()
    });
    let outcome = refused(&place, old.import(&place), 78);
    outcome.says("belongs to account CUSA00A000, and the scripts collected account CUSB00B000");
}

#[test]
fn a_state_of_any_stream_is_not_overwritten() {
    for name in ["siem.state", "audit.state.prev", "cg_receipt.state"] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        fs::create_dir(place.path("checkpoint")).expect("a folder");
        fs::write(place.path("checkpoint").join(name), "a state").expect("written");
        let outcome = place.finish(old.import(&place)).ends_with(78);
        outcome.says(name).says("would overwrite");
        assert!(!place.path("config.toml").exists());
        assert!(place.requests().is_empty());
    }
}

#[test]
fn flags_that_contradict_the_import_are_refused() {
    for (flags, why) in [
        (["--api", "2.0"], "API 1.0 alone"),
        (["--client-id", "x"], "API 1.0 alone"),
        (
            ["--access-key-file", "x"],
            "takes the keys from the scripts",
        ),
    ] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        let mut command = place.command(crate::harness::SETUP);
        command.args(flags).arg("import").arg(old.path(""));
        refused(&place, command, 64).says(why);
    }
}

#[test]
fn missing_answers_are_named_at_once() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    let mut command = place.command(crate::harness::SETUP);
    command.arg("--config").arg(place.path("config.toml"));
    command.arg("import").arg(old.path("")).arg("--no-input");
    let outcome = refused(&place, command, 64);
    outcome.says("missing answers: --app-id, --app-key-file");
    assert_eq!(place.count(Endpoint::Account), 0);
}
