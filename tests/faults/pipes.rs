//! Named pipes, devices and folders where a file should be: said at once, and never waited for.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chrono::Utc;

use super::{Collector, move_to};
use crate::harness::{Installation, Outcome, SETUP};
use mimecast_sandbox::Batch;

const SOON: Duration = Duration::from_secs(10);

fn make_pipe(path: &Path) {
    let _ = fs::remove_file(path);
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("it starts").success());
}

#[track_caller]
fn is_soon_over(outcome: Outcome) -> Outcome {
    assert!(outcome.took < SOON, "P4: {outcome:?}");
    outcome
}

#[test]
fn a_pipe_in_the_place_of_a_file_that_is_needed_is_named_at_once() {
    for (name, code) in [
        ("ca.pem", 78),
        ("config.toml", 78),
        ("credentials.toml", 78),
        ("checkpoint/siem.lock", 78),
        ("checkpoint/siem.state", 78),
    ] {
        let collector = Collector::Siem;
        let place = collector.behind();
        let network = "retries = 1\nca_file = \"ca.pem\"";
        if name == "ca.pem" {
            move_to(collector, &place, &place.sandbox.url(), network);
        }
        make_pipe(&place.path(name));
        let outcome = is_soon_over(collector.run(&place)).ends_with(code);
        outcome.says(name).says("not a regular file");
    }
}

#[test]
fn a_pipe_as_todays_log_costs_the_log_and_nothing_else() {
    for (collector, stream) in [(Collector::Siem, "siem"), (Collector::Audit, "audit")] {
        let place = collector.behind();
        let today = Utc::now().format("%Y-%m-%d");
        make_pipe(&place.path(format!("log/{stream}_{today}.log")));
        let outcome = is_soon_over(collector.run(&place)).ends_with(0);
        outcome.says("no log is written: not a regular file");
        fs::remove_dir_all(place.path("log")).expect("removed");
        collector.recovers(&place);
    }
}

#[test]
fn a_pipe_among_the_systems_certificates_is_named_at_once() {
    let place = Collector::Siem.behind();
    make_pipe(&place.path("pipe"));
    let mut command = place.command(Collector::Siem.program());
    command.arg("--config").arg(place.path("config.toml"));
    command.env("SSL_CERT_FILE", place.path("pipe"));
    let outcome = is_soon_over(place.finish(command)).ends_with(78);
    outcome.says("SSL_CERT_FILE").says("not a regular file");
    Collector::Siem.recovers(&place);
}

#[test]
fn a_pipe_with_a_secret_is_refused_and_not_waited_for() {
    let place = Installation::unconnected();
    make_pipe(&place.path("secret"));
    let account = place.sandbox.account();
    let mut command = place.command(SETUP);
    let paths = [place.path("config.toml"), place.path("secret")];
    command.arg("--no-input").arg("--config").arg(&paths[0]);
    command.arg("--password-file").arg(&paths[1]);
    command.args(["--email", account.email, "--app-id", account.app_id]);
    let outcome = is_soon_over(place.finish(command)).ends_with(64);
    outcome.says("not a regular file");
}

#[test]
fn a_link_to_a_certificate_is_followed() {
    let place = Collector::Siem.behind();
    let authority = super::tls::Authority::new();
    fs::write(place.path("real.pem"), authority.pem()).expect("written");
    std::os::unix::fs::symlink("real.pem", place.path("ca.pem")).expect("a link");
    let front = authority.front_of(&["127.0.0.1"], &place);
    let network = "retries = 1\nca_file = \"ca.pem\"";
    move_to(Collector::Siem, &place, &front.url(), network);
    Collector::Siem.overcomes(&place);
    place.serve(Batch::realistic(7_001, 3));
    Collector::Siem.overcomes(&place);
}
