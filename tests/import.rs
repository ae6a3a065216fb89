//! What `authentication_setup import` takes over from the Python scripts, and what it refuses.

pub(crate) mod old; // a folder as the scripts left it
mod positions; // where the collectors continue
mod refusals; // what is not the scripts', or not usable

use std::fs;

use crate::harness::{Installation, SETUP};
use mimecast_sandbox::{Batch, Endpoint, changes};
use old::{OldScripts, Protocol};

#[test]
fn one_command_takes_over_from_each_protocol_that_python_2_writes() {
    for protocol in [Protocol::Text, Protocol::Binary, Protocol::Two] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        old.write_config(protocol, |_| ());
        let outcome = place.finish(old.import(&place)).ends_with(0);
        assert_eq!(outcome.stderr, "");
        let mut said = outcome.stdout.lines();
        for words in [
            "  account       CUSA00A000",
            "Stop the schedule of the Python scripts before you continue. Their files are not changed.",
            "Config saved successfully",
            "  Gateway | Tracking | Read   ok",
            "  Account | Logs | Read       ok",
        ] {
            assert!(said.any(|line| line == words), "{words}: {outcome:?}");
        }
        assert_eq!(place.count(Endpoint::Login), 0);
        assert_eq!(place.count(Endpoint::Discover), 0);
        place.serve(Batch::realistic(1, 5));
        place.siem().stays_silent();
        place.audit().stays_silent();
        place.assert_siem_complete();
    }
}

#[test]
fn the_folder_may_be_named_from_any_of_its_places_and_is_not_changed() {
    for below in ["", "checkpoint", "scripts"] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        let script = old.path("scripts/siem_collection.py");
        fs::create_dir_all(script.parent().expect("a folder")).expect("a folder");
        fs::write(script, "# of Python 2").expect("written");
        old.write("checkpoint_siem", &old::token());
        let before = old.content();
        let named = old.path(below);
        place.finish(old.import_of(&place, &named)).ends_with(0);
        assert_eq!(old.content(), before, "{below}");
        assert_eq!(place.record("siem")["position"], old::token().as_str());
    }
}

#[test]
fn keys_of_another_application_are_replaced_by_a_log_in() {
    for is_expired in [false, true] {
        let place = Installation::unconnected();
        let old = OldScripts::of(&place);
        if is_expired {
            place.set(|switches| switches.revoked = true);
        } else {
            old.write_config(Protocol::Text, |entries| {
                entries[3].1 = "b3RoZXI=".to_owned();
            });
        }
        let refused = place.finish(old.import(&place)).ends_with(77);
        refused
            .says("Mimecast refuses the scripts' keys with this application")
            .says("give --email and --password-file");
        assert!(!place.path("config.toml").exists() && !place.path("checkpoint").exists());
        let mut command = old.import(&place);
        command.args(["--email", place.sandbox.account().email]);
        command.env("MIMECAST_PASSWORD", place.sandbox.account().password);
        let outcome = place.finish(command).ends_with(0);
        assert!(outcome.stdout.contains("Log in to get keys"), "{outcome:?}");
        assert_eq!(place.count(Endpoint::Login), 1);
        place.serve(Batch::realistic(1, 5));
        place.collects_logs();
    }
}

#[test]
fn a_wrong_application_id_asks_for_no_log_in() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    let mut command = old.import(&place);
    command.args(["--email", place.sandbox.account().email]);
    command.env("MIMECAST_PASSWORD", place.sandbox.account().password);
    let mut arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let id = arguments.iter().position(|argument| argument == "--app-id");
    arguments[id.expect("given") + 1] = "00000000-0000-4000-8000-000000000000".into();
    let mut other = place.command(SETUP);
    other.args(arguments);
    other.env("MIMECAST_APP_KEY", place.sandbox.account().app_key);
    let outcome = place.finish(other).ends_with(77);
    outcome.says("check preparation step 7");
    assert_eq!(place.count(Endpoint::Login), 0);
    assert!(!place.path("checkpoint").exists());
}

#[test]
fn a_machine_reads_one_document_with_the_positions() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    old.write("checkpoint_siem", &old::token());
    let mut command = old.import(&place);
    command.arg("--json");
    let outcome = place.finish(command).ends_with(0);
    let notes = outcome.json()["notes"].to_string();
    for words in [
        "gateway logs continue after the last archive",
        "audit events begin 7 days back",
        "because it holds keys in readable form",
    ] {
        assert!(notes.contains(words), "{words} in {notes}");
    }
}

#[test]
fn an_import_that_was_killed_on_the_way_is_completed_by_the_next() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    place.serve_batches(0..3, 5);
    old.write("checkpoint_siem", &place.sandbox.siem_cursor(0));
    place.finish(old.import(&place)).ends_with(0);
    // killed before each of the files that it writes, the last first
    for written in ["config.toml", "credentials.toml", "checkpoint/siem.state"] {
        fs::remove_file(place.path(written)).expect("it was there");
        place.siem_says(78, "does not exist");
        assert_eq!(
            place.count(Endpoint::Siem),
            1,
            "the check of the permission"
        );
        fs::write(place.path("checkpoint/audit.state.tmp"), "half").expect("written");
        assert!(place.path("checkpoint/audit.state").exists());
    }
    old.write("checkpoint_siem", &place.sandbox.siem_cursor(1));
    place.finish(old.import(&place)).ends_with(0);
    place.siem().stays_silent();
    assert_eq!(
        place.lines("mta").len(),
        Batch::realistic(2, 5).lines().len()
    );
}

#[test]
fn a_second_import_replaces_positions_until_a_collector_has_used_them() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    place.serve_batches(0..3, 5);
    for batch in [0, 1] {
        old.write("checkpoint_siem", &place.sandbox.siem_cursor(batch));
        place.finish(old.import(&place)).ends_with(0);
    }
    place.siem().stays_silent();
    let record = place.record("siem");
    let config = fs::read(place.path("config.toml")).expect("readable");
    let asked = place.requests().len();
    place
        .finish(old.import(&place))
        .ends_with(78)
        .says("holds a position of this installation");
    assert_eq!(place.record("siem"), record);
    assert_eq!(
        fs::read(place.path("config.toml")).expect("readable"),
        config
    );
    assert_eq!(place.requests().len(), asked);
}

#[test]
fn a_failure_of_the_network_writes_nothing() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    place.always(Endpoint::Account, changes::status(503));
    place.finish(old.import(&place)).ends_with(75);
    assert!(!place.path("config.toml").exists() && !place.path("checkpoint").exists());
    place.clear();
    place.finish(old.import(&place)).ends_with(0);
}
