//! The setup of API 2.0 without questions, and the move from 1.0.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{bare, file, saved, set_up};
use crate::harness::{Installation, Outcome, QUICK};
use mimecast_sandbox::{Batch, Endpoint, Object, Reply, Wire, changes};

/// Everything that an application of API 2.0 needs.
pub(super) fn given(place: &Installation) -> Command {
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

pub(super) fn connect(place: &Installation) -> Outcome {
    let mut command = given(place);
    command.env(
        "MIMECAST_CLIENT_SECRET",
        place.sandbox.client().client_secret,
    );
    place.finish(command)
}

#[test]
fn an_application_is_connected_and_collects() {
    let place = Installation::unconnected();
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
    place.serve_objects("receipt", [Object::realistic(1, 5)]);
    place.siem().stays_silent();
    place.audit().stays_silent();
    place.assert_objects_complete();
    let text = fs::read_to_string(place.path("config.toml")).expect("saved");
    assert!(text.contains("api = \"2.0\""), "{text}");
}

#[test]
fn a_wrong_secret_is_77_and_nothing_is_saved() {
    let place = Installation::unconnected();
    place.set(|switches| switches.wrong_client_secret = true);
    connect(&place)
        .ends_with(77)
        .says("client id or client secret")
        .says("preparation step 3");
    assert!(!saved(&place));
}

#[test]
fn a_missing_product_is_named_as_in_the_console() {
    let place = Installation::unconnected();
    place.set(|switches| switches.forbid = [Endpoint::Events].into());
    let outcome = connect(&place).ends_with(77);
    let product = "missing (product Threats, Security Events and Data for CG)";
    assert!(outcome.stdout.contains(product), "{outcome:?}");
    outcome.says("Threat and Security Events (SIEM) | Read");
}

#[test]
fn an_account_code_that_may_not_be_read_is_not_needed() {
    let place = Installation::unconnected();
    place.set(|switches| switches.forbid = [Endpoint::Account].into());
    connect(&place).ends_with(0);
    place.siem().stays_silent();
}

type Change = Box<dyn Fn(&mut Reply) + Send + Sync>;

fn answers_for_the_account() -> [(&'static str, Change); 12] {
    [
        ("404", Box::new(changes::status(404))),
        ("401", Box::new(changes::status(401))),
        ("418", Box::new(changes::status(418))),
        (
            "302",
            Box::new(changes::redirect_to("https://example.com/x")),
        ),
        ("503", Box::new(changes::status(503))),
        ("fail", Box::new(changes::fail_in_200("err_unknown", "x"))),
        (
            "denied",
            Box::new(changes::fail_in_200("err_xdk_binding_expired", "x")),
        ),
        ("html", Box::new(changes::html_200())),
        ("cut", Box::new(changes::wire(Wire::CutAt(10)))),
        ("reset", Box::new(changes::wire(Wire::ResetNow))),
        (
            "slow down",
            Box::new(|reply: &mut Reply| {
                reply.status = 429;
                reply.set_header("retry-after", "3600");
            }),
        ),
        (
            "code",
            Box::new(|reply: &mut Reply| {
                reply.set_header("content-type", "application/json");
                reply.set_body(
                    *br#"{"meta":{"status":200},"data":[{"accountCode":"../x"}],"fail":[]}"#,
                );
            }),
        ),
    ]
}

/// The code is a convenience: nothing that is answered instead of it ends the setup.
#[test]
fn whatever_the_call_for_the_account_answers_setup_goes_on_without_its_code() {
    for (name, answer) in answers_for_the_account() {
        println!("{name}");
        let place = Installation::connected_by_token();
        fs::write(place.path("config.toml"), QUICK).expect("written");
        place.always(Endpoint::Account, answer);
        let outcome = connect(&place).ends_with(0);
        assert!(
            outcome.took < Duration::from_secs(20),
            "{name}: {outcome:?}"
        );
        let text = fs::read_to_string(place.path("config.toml")).expect("saved");
        let client = place.sandbox.client().client_id;
        assert!(
            text.contains(&format!("account_code = \"{client}\"")),
            "{text}"
        );
        place.siem().stays_silent();
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_setup_that_waits_for_the_account() {
    use rustix::process::{Pid, Signal, kill_process};
    let place = Installation::unconnected();
    let wait = changes::wire(Wire::Silent(Duration::from_secs(60)));
    place.always(Endpoint::Account, wait);
    let mut command = given(&place);
    let secret = place.sandbox.client().client_secret;
    let child = command.env("MIMECAST_CLIENT_SECRET", secret).spawn();
    let child = child.expect("it starts");
    while place.count(Endpoint::Account) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).expect("ours");
    let outcome = place.wait(child).ends_with(143);
    assert!(
        outcome.took < Duration::from_secs(5) && !saved(&place),
        "{outcome:?}"
    );
}

#[test]
fn a_host_of_the_other_generation_is_refused() {
    let place = Installation::unconnected();
    let mut command = bare(&place);
    let of_1_0 = "https://us-api.mimecast.com";
    command.args(["--client-id", "x", "--base-url", of_1_0]);
    command.arg("--data-dir").arg(place.path("data"));
    command.env("MIMECAST_CLIENT_SECRET", "x");
    place.finish(command).ends_with(64).says("serves API 1.0");
}

#[test]
fn moving_an_installation_keeps_its_folders_and_its_audit_state() {
    let place = Installation::unconnected();
    set_up(&place).ends_with(0);
    place.serve(Batch::realistic(1, 20));
    place.siem().stays_silent();
    place.audit().stays_silent();
    let before = place.files("mta");
    let state = fs::read(place.path("checkpoint/audit.state")).expect("there");
    connect(&place).ends_with(0);
    assert_eq!(
        fs::read(place.path("checkpoint/audit.state")).expect("there"),
        state
    );
    place.serve_objects("delivery", [Object::realistic(2, 5)]);
    place.siem().stays_silent();
    place.audit().stays_silent();
    place.assert_unchanged("mta", &before);
    assert_eq!(place.files("mta").len(), before.len() + 1);
}

#[test]
fn a_permission_that_comes_later_does_not_orphan_the_state() {
    let place = Installation::unconnected();
    place.set(|switches| switches.forbid = [Endpoint::Account].into());
    connect(&place).ends_with(0);
    place.siem().stays_silent();
    place.set(|switches| switches.forbid.clear());
    connect(&place).ends_with(0);
    place.siem().stays_silent();
    place.audit().stays_silent();
}
