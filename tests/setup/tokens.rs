//! The setup of API 2.0 without questions, and the move from 1.0.

use std::fs;
use std::process::Command;

use super::{bare, file, saved, set_up};
use crate::harness::{Outcome, Place};
use crate::sandbox::{Batch, Endpoint, Object};

/// Everything that an application of API 2.0 needs.
fn given(place: &Place) -> Command {
    let client = place.sandbox.client();
    let mut command = bare(place);
    command.args([
        "--client-id",
        client.client_id,
        "--base-url",
        &place.sandbox.url(),
    ]);
    command.arg("--data-dir").arg(place.path("data"));
    command
}

pub(super) fn connect(place: &Place) -> Outcome {
    let mut command = given(place);
    command.env(
        "MIMECAST_CLIENT_SECRET",
        place.sandbox.client().client_secret,
    );
    place.finish(command)
}

#[test]
fn an_application_is_connected_and_collects() {
    let place = Place::unconnected();
    let secret = file(&place, "secret", place.sandbox.client().client_secret);
    let mut command = given(&place);
    command.arg("--client-secret-file").arg(secret);
    let outcome = place.finish(command).ends_with(0);
    assert!(
        outcome
            .stdout
            .contains("Threat and Security Events (SIEM) | Read ok"),
        "{outcome:?}"
    );
    place
        .sandbox
        .serve_objects("receipt", [Object::realistic(1, 5)]);
    place.siem().stays_silent();
    place.audit().stays_silent();
    place.assert_objects_complete();
    let text = fs::read_to_string(place.path("config.toml")).expect("saved");
    assert!(text.contains("api = \"2.0\""), "{text}");
}

#[test]
fn a_wrong_secret_is_77_and_nothing_is_saved() {
    let place = Place::unconnected();
    place
        .sandbox
        .set(|switches| switches.wrong_client_secret = true);
    connect(&place)
        .ends_with(77)
        .says("client id or client secret")
        .says("preparation step 7");
    assert!(!saved(&place));
}

#[test]
fn a_missing_product_is_named_as_in_the_console() {
    let place = Place::unconnected();
    place
        .sandbox
        .set(|switches| switches.forbid = [Endpoint::Events].into());
    let outcome = connect(&place).ends_with(77);
    let product = "missing (product Threats, Security Events and Data for CG)";
    assert!(outcome.stdout.contains(product), "{outcome:?}");
    outcome.says("Threat and Security Events (SIEM) | Read");
}

#[test]
fn an_account_code_that_may_not_be_read_is_not_needed() {
    let place = Place::unconnected();
    place
        .sandbox
        .set(|switches| switches.forbid = [Endpoint::Account].into());
    connect(&place).ends_with(0);
    place.siem().stays_silent();
}

#[test]
fn a_host_of_the_other_generation_is_refused() {
    let place = Place::unconnected();
    let mut command = bare(&place);
    command.args([
        "--client-id",
        "x",
        "--base-url",
        "https://us-api.mimecast.com",
    ]);
    command
        .arg("--data-dir")
        .arg(place.path("data"))
        .env("MIMECAST_CLIENT_SECRET", "x");
    place.finish(command).ends_with(64).says("serves API 1.0");
}

#[test]
fn moving_an_installation_keeps_its_folders_and_its_audit_state() {
    let place = Place::unconnected();
    set_up(&place).ends_with(0);
    place.sandbox.serve(Batch::realistic(1, 20));
    place.siem().stays_silent();
    place.audit().stays_silent();
    let before = place.files("mta");
    let state = fs::read(place.path("checkpoint/audit.state")).expect("there");
    connect(&place).ends_with(0);
    assert_eq!(
        fs::read(place.path("checkpoint/audit.state")).expect("there"),
        state
    );
    place
        .sandbox
        .serve_objects("delivery", [Object::realistic(2, 5)]);
    place.siem().stays_silent();
    place.audit().stays_silent();
    let after = place.files("mta");
    assert!(
        before
            .iter()
            .all(|(name, content)| after.get(name) == Some(content))
    );
    assert_eq!(after.len(), before.len() + 1);
}

#[test]
fn a_permission_that_comes_later_does_not_orphan_the_state() {
    let place = Place::unconnected();
    place
        .sandbox
        .set(|switches| switches.forbid = [Endpoint::Account].into());
    connect(&place).ends_with(0);
    place.siem().stays_silent();
    place.sandbox.set(|switches| switches.forbid.clear());
    connect(&place).ends_with(0);
    place.siem().stays_silent();
    place.audit().stays_silent();
}
