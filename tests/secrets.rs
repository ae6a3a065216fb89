//! P6: the account's secrets are searched for, in every spelling, wherever they must not be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};

use crate::harness::{AUDIT, Outcome, Place, SETUP, SIEM};
use crate::sandbox::{Account, AuditEvent, Batch, Endpoint, Reply, changes};

/// Every spelling in which a secret could get out by accident.
fn spellings(account: &Account) -> Vec<Vec<u8>> {
    let mut spellings = Vec::new();
    let key = STANDARD.decode(account.secret_key).expect("base64");
    let log_in = format!("{}:{}", account.email, account.password);
    let texts = account.secrets().map(|secret| secret.as_bytes().to_vec());
    for secret in texts.into_iter().chain([key, log_in.into_bytes()]) {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let url: String = secret
            .iter()
            .map(|byte| match byte {
                b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
                letter if letter.is_ascii_alphanumeric() => char::from(*letter).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        let list: Vec<String> = secret.iter().map(u8::to_string).collect();
        let written = [
            STANDARD_NO_PAD.encode(&secret),
            URL_SAFE_NO_PAD.encode(&secret),
            hex.to_uppercase(),
            hex,
            url,
            list.join(", "),
        ];
        spellings.extend(written.map(String::into_bytes));
        // a half gives a secret away as well
        let (left, right) = secret.split_at(secret.len() / 2);
        spellings.extend([left.to_vec(), right.to_vec()]);
    }
    spellings
}

#[track_caller]
fn assert_clean(place: &Place, what: &str, text: &[u8]) {
    for secret in spellings(&place.sandbox.account()) {
        let found = memchr::memmem::find(text, &secret).is_some();
        let secret = String::from_utf8_lossy(&secret).into_owned();
        assert!(!found, "P6: {what} holds {secret:?}");
    }
}

/// All files of an installation but the one that is for secrets.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("credentials.toml") => {}
            false => found.push(path),
        }
    }
    found
}

#[track_caller]
fn assert_no_secret_anywhere(place: &Place, outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_clean(place, &format!("{outcome:?}"), outcome.stdout.as_bytes());
        assert_clean(place, &format!("{outcome:?}"), outcome.stderr.as_bytes());
    }
    let kept = fs::read(place.path("credentials.toml")).expect("readable");
    let is_found = |secret: &Vec<u8>| memchr::memmem::find(&kept, secret).is_some();
    let finds = spellings(&place.sandbox.account())
        .iter()
        .filter(|secret| is_found(secret))
        .count();
    assert!(
        finds >= 6,
        "the search would find what is there: three keys in halves"
    );
    for file in files(&place.path("")) {
        let name = file.display().to_string();
        assert_clean(place, "a name", name.as_bytes());
        assert_clean(place, &name, &fs::read(&file).expect("readable"));
    }
}

/// A setup whose secrets come as the password and as the variables given.
fn setup(place: &Place, password: &str, app_key: &str) -> Command {
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
    let place = Place::unconnected();
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
            place.sandbox.always(endpoint, echo(status));
            outcomes.push(run());
            place.sandbox.clear();
        }
        place.sandbox.always(endpoint, page);
        outcomes.push(run());
        place.sandbox.clear();
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
    let place = Place::connected();
    place.configure("[run]\nlog_level = \"debug\"");
    let mut outcomes = Vec::new();
    for (program, endpoint) in [(SIEM, Endpoint::Siem), (AUDIT, Endpoint::Audit)] {
        for status in [200, 302, 400, 401, 403, 418, 500] {
            place.sandbox.always(endpoint, echo(status));
            let flag = if status == 200 { "--json" } else { "-vv" };
            outcomes.push(place.run(program, [flag]));
            place.sandbox.clear();
        }
        place.sandbox.always(endpoint, page);
        outcomes.push(place.run(program, ["-vv"]).ends_with(76));
        place.sandbox.clear();
    }
    place.sandbox.serve(Batch::realistic(1, 20));
    place.sandbox.serve(Batch::raw(*b"no archive"));
    let hour = Utc::now() - TimeDelta::hours(1);
    place.sandbox.audit([AuditEvent::realistic(1, hour)]);
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
    let outcome = place.run(SIEM, ["-vv"]).ends_with(78);
    assert_clean(&place, "the refusal", outcome.stderr.as_bytes());
}

#[cfg(target_os = "linux")]
#[test]
fn while_they_run_nobody_sees_a_secret_and_no_core_is_dumped() {
    use crate::sandbox::Wire;
    use std::time::Duration;

    let place = Place::connected();
    let pause = Duration::from_secs(20);
    for (program, endpoint) in [(SIEM, Endpoint::Siem), (AUDIT, Endpoint::Audit)] {
        place
            .sandbox
            .next(endpoint, changes::wire(Wire::Silent(pause)));
        let mut child = place.spawn(program);
        while place.sandbox.count(endpoint) == 0 {
            std::thread::yield_now();
        }
        let process = PathBuf::from(format!("/proc/{}", child.id()));
        let arguments = fs::read(process.join("cmdline")).expect("everybody can read this");
        assert!(arguments.starts_with(program.as_bytes()));
        assert_clean(&place, "the process list", &arguments);
        // of a process that cannot be dumped, root alone can read the environment
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        assert_clean(&place, "the environment", &environment);
        let limits = fs::read_to_string(process.join("limits")).expect("readable");
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let core: Vec<&str> = core.expect("the limit").split_whitespace().collect();
        assert_eq!(core[4..6], ["0", "0"]);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
}
