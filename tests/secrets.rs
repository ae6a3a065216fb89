//! P6: the account's secrets are searched for, in every spelling, wherever they must not be.

use std::fs;
use std::process::Command;

use chrono::{TimeDelta, Utc};

use crate::canaries::Canaries;
use crate::harness::{AUDIT, Installation, Outcome, SETUP, SIEM};
use mimecast_sandbox::{Account, AuditEvent, Batch, Endpoint, Reply, changes};

#[track_caller]
fn assert_no_secret_anywhere(place: &Installation, outcomes: &[Outcome]) {
    let canaries = Canaries::of(&place.sandbox);
    for outcome in outcomes {
        let both = format!("{}{}", outcome.stdout, outcome.stderr);
        canaries.assert_absent(&format!("{outcome:?}"), both.as_bytes());
    }
    let kept = fs::read(place.path("credentials.toml")).expect("readable");
    let found = canaries.count_in(&kept);
    assert!(
        found >= 6,
        "the search would find what is there: three keys in halves, but {found}"
    );
    canaries.assert_none_below(&place.path(""));
}

/// A setup whose secrets come as the password and as the variables given.
fn setup(place: &Installation, password: &str, app_key: &str) -> Command {
    let account = place.sandbox.account();
    let mut command = place.command(SETUP);
    command.args(["--no-input", "-vv", "--config"]);
    command
        .arg(place.path("config.toml"))
        .arg("--data-dir")
        .arg(place.path("data"));
    command.args(["--discovery-url", &place.sandbox.url()]);
    command.args(["--email", account.email, "--app-id", account.app_id]);
    command.envs([
        ("MIMECAST_PASSWORD", password),
        ("MIMECAST_APP_KEY", app_key),
    ]);
    command
}

/// A failure whose every part repeats what it was sent, as some services do.
fn echo(status: u16) -> impl Fn(&mut Reply) + Send + Sync + 'static {
    move |reply| {
        let everything = Account::SYNTHETIC.secrets().join(" ");
        reply.become_reply(Reply::failure(status, &everything, &everything));
        reply.set_header("location", &format!("https://example.net/{everything}"));
        reply.set_header(
            "content-disposition",
            &format!("attachment; filename=\"{everything}\""),
        );
        reply.set_header("x-echo", &everything);
    }
}

/// What is no JSON at all, and names its type after a secret.
fn page(reply: &mut Reply) {
    changes::html_200()(reply);
    let everything = Account::SYNTHETIC.secrets().join("\n");
    reply.set_body(format!("<html>{everything}</html>").into_bytes());
}

#[test]
fn no_success_and_no_failure_of_a_setup_gives_a_secret_away() {
    let place = Installation::unconnected();
    place.configure("");
    let account = place.sandbox.account();
    let run = || place.finish(setup(&place, account.password, account.app_key));
    let mut outcomes = vec![
        place
            .finish(setup(&place, "wrong", account.app_key))
            .ends_with(77),
        place
            .finish(setup(&place, account.password, "wrong"))
            .ends_with(77),
    ];
    for endpoint in [
        Endpoint::Discover,
        Endpoint::Login,
        Endpoint::Account,
        Endpoint::Siem,
    ] {
        for status in [200, 302, 400, 401, 403, 418, 500] {
            place.always(endpoint, echo(status));
            outcomes.push(run());
            place.clear();
        }
        place.always(endpoint, page);
        outcomes.push(run());
        place.clear();
    }
    assert!(
        outcomes.iter().all(|outcome| outcome.code != 0),
        "{outcomes:?}"
    );
    outcomes.push(run().ends_with(0));
    let words = [
        "--app-id",
        account.app_key,
        account.password,
        "--base-url",
        account.secret_key,
    ];
    for word in words {
        let mut command = place.command(SETUP);
        command.args(["--no-input", word]);
        outcomes.push(place.finish(command).ends_with(64));
    }
    assert_no_secret_anywhere(&place, &outcomes);
}

#[test]
fn no_success_and_no_failure_of_a_collector_gives_a_secret_away() {
    let place = Installation::configured("[run]\nlog_level = \"debug\"");
    let mut outcomes = Vec::new();
    for (program, endpoint) in [(SIEM, Endpoint::Siem), (AUDIT, Endpoint::Audit)] {
        for status in [200, 302, 400, 401, 403, 418, 500] {
            place.always(endpoint, echo(status));
            let flag = if status == 200 { "--json" } else { "-vv" };
            outcomes.push(place.run(program, [flag]));
            place.clear();
        }
        place.always(endpoint, page);
        outcomes.push(place.run(program, ["-vv"]).ends_with(76));
        place.clear();
    }
    place.serve(Batch::realistic(1, 20));
    place.serve(Batch::raw(*b"no archive"));
    let hour = Utc::now() - TimeDelta::hours(1);
    place.serve_events([AuditEvent::realistic(1, hour)]);
    outcomes.push(place.run(SIEM, ["-vv"]).ends_with(65));
    outcomes.push(place.run(AUDIT, ["-vv"]).ends_with(0));
    let file = place.path("credentials.toml");
    let secrets = fs::read_to_string(&file).expect("readable");
    for damaged in [
        secrets.replace("app_key", "ap_key"),
        secrets.replace('"', ""),
        secrets.replace("==", "=!"),
        secrets.replace("access_key = ", "access_key == "),
        format!("{secrets}{secrets}"),
    ] {
        fs::write(&file, damaged).expect("written");
        outcomes.push(place.run(SIEM, ["-vv"]).ends_with(78));
    }
    fs::write(&file, &secrets).expect("written");
    assert!(place.log("siem").contains("level=DEBUG"));
    assert_no_secret_anywhere(&place, &outcomes);
    // pasted into the wrong file
    let config = fs::read_to_string(place.path("config.toml")).expect("readable");
    fs::write(place.path("config.toml"), secrets + &config).expect("written");
    place.run(SIEM, ["-vv"]).ends_with(78);
    fs::write(place.path("config.toml"), config).expect("written");
}

/// Runs until the sandbox is asked for `endpoint`, then looks at the process as its neighbours can.
#[cfg(target_os = "linux")]
fn look_at(place: &Installation, mut command: Command, endpoint: Endpoint) {
    use mimecast_sandbox::Wire;
    use std::path::PathBuf;
    use std::time::Duration;

    let pause = Duration::from_secs(20);
    let before = place.count(endpoint);
    place.next(endpoint, changes::wire(Wire::Silent(pause)));
    let mut child = command.spawn().expect("it starts");
    while place.count(endpoint) == before {
        std::thread::yield_now();
    }
    let canaries = Canaries::of(&place.sandbox);
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let arguments = fs::read(process.join("cmdline")).expect("everybody can read this");
    let program = command.get_program().as_encoded_bytes();
    assert!(arguments.starts_with(program));
    canaries.assert_absent("the process list", &arguments);
    // of a process that cannot be dumped, root alone can read the environment
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    canaries.assert_absent("the environment", &environment);
    let limits = fs::read_to_string(process.join("limits")).expect("readable");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("the limit").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"]);
    child.kill().expect("it runs");
    place.wait(child);
}

#[cfg(target_os = "linux")]
#[test]
fn while_they_run_nobody_sees_a_secret_and_no_core_is_dumped() {
    for (program, place, endpoint) in [
        (SIEM, Installation::connected(), Endpoint::Siem),
        (AUDIT, Installation::connected(), Endpoint::Audit),
        (SIEM, Installation::connected_by_token(), Endpoint::Token),
        (SIEM, Installation::connected_by_token(), Endpoint::Events),
        (AUDIT, Installation::connected_by_token(), Endpoint::Audit),
    ] {
        let mut command = place.command(program);
        command.arg("--config").arg(place.path("config.toml"));
        look_at(&place, command, endpoint);
    }
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    fs::create_dir(place.path("secrets")).expect("a folder");
    let mut command = place.command(SETUP);
    command.args(["--no-input", "--config"]);
    command.arg(place.path("config.toml"));
    command.arg("--data-dir").arg(place.path("data"));
    command.args(["--discovery-url", &place.sandbox.url()]);
    command.args(["--email", account.email, "--app-id", account.app_id]);
    for (flag, secret) in [
        ("--password-file", account.password),
        ("--app-key-file", account.app_key),
    ] {
        let file = place.path("secrets").join(&flag[2..]);
        fs::write(&file, secret).expect("written");
        command.arg(flag).arg(file);
    }
    look_at(&place, command, Endpoint::Login);
}

/// An address that carries a permission is in no error, whatever it is that fails.
#[test]
fn no_fault_of_the_store_shows_the_permission_in_an_address() {
    use mimecast_sandbox::{Object, Wire};
    let place = Installation::connected_by_token();
    let more = "[siem]\ncloud_gateway_types = \"receipt\"\n[run]\nlog_level = \"debug\"";
    place.configure_tokens(&format!(
        "{more}\n[network]\nretries = 1\nretry_wait_ms = 5"
    ));
    type Change = Box<dyn Fn(&mut Reply) + Send + Sync>;
    let faults: [Change; 9] = [
        Box::new(changes::wire(Wire::ResetNow)),
        Box::new(changes::wire(Wire::CutAt(10))),
        Box::new(changes::wire(Wire::NoLength)),
        Box::new(changes::status(307)),
        Box::new(changes::status(403)),
        Box::new(changes::status(404)),
        Box::new(changes::status(500)),
        Box::new(changes::html_200()),
        Box::new(changes::corrupt()),
    ];
    for (number, fault) in (0..).zip(faults) {
        let object = Object::realistic(number, 5);
        place.serve_objects("receipt", [object]);
        place.always(Endpoint::Object, fault);
        let flag = if number % 2 == 0 { "--json" } else { "-vv" };
        let outcome = place.run(SIEM, [flag]); // whose output is searched
        assert_ne!(outcome.code, 0, "{outcome:?}");
        place.clear();
    }
    assert!(!place.sandbox.signatures().is_empty());
    Canaries::of(&place.sandbox).assert_none_below(&place.path(""));
}
