//! The setup without questions: what it takes, proves and saves, and what it never does.

mod faults; // what can happen on the way
mod proxied; // behind a proxy
mod reasons; // what a refusal names
mod refusals; // what it does not accept, and what is then left
mod tokens; // API 2.0

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{AUDIT, Installation, Outcome, SETUP, SIEM, set_mode};
use mimecast_sandbox::{Batch, Endpoint};

/// The answers of a complete setup; a test changes one of them.
struct Given {
    data: PathBuf,
    email: &'static str,
    password: &'static str,
    app_id: &'static str,
    app_key: &'static str,
}

/// A setup that asks nothing and knows nothing yet but where to ask and to save.
fn bare(place: &Installation) -> Command {
    let mut command = place.command(SETUP);
    command.arg("--no-input").arg("--config");
    command.arg(place.path("config.toml"));
    command.args(["--discovery-url", &place.sandbox.url()]);
    command
}

/// A setup with all answers.
fn complete(place: &Installation, change: impl FnOnce(&mut Given)) -> Command {
    let account = place.sandbox.account();
    let mut given = Given {
        data: place.path("data"),
        email: account.email,
        password: account.password,
        app_id: account.app_id,
        app_key: account.app_key,
    };
    change(&mut given);
    let mut command = bare(place);
    command.arg("--data-dir").arg(given.data);
    command.args(["--email", given.email, "--app-id", given.app_id]);
    command.env("MIMECAST_PASSWORD", given.password);
    command.env("MIMECAST_APP_KEY", given.app_key);
    command
}

fn set_up(place: &Installation) -> Outcome {
    place.finish(complete(place, |_| ()))
}

/// A file with a secret and the line break that editors add.
fn file(place: &Installation, name: &str, content: &str) -> PathBuf {
    fs::create_dir_all(place.path("secrets")).expect("a folder");
    let path = place.path("secrets").join(name);
    fs::write(&path, format!("{content}\r\n")).expect("written");
    path
}

fn saved(place: &Installation) -> bool {
    place.path("config.toml").exists() || place.path("credentials.toml").exists()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).expect("it is there").mode() & 0o777
}

/// Collects once, as the proof that what was saved is usable.
fn assert_collects(place: &Installation) {
    place.serve(Batch::realistic(1, 5));
    place.siem().stays_silent();
    place.audit().stays_silent();
    place.assert_siem_complete();
}

/// What a setup says, line by line; others may stand between them.
const GUIDE: [&str; 5] = [
    "Log in successful",
    "Getting account code and saving config",
    "Config saved successfully",
    "  Gateway | Tracking | Read   ok",
    "  Account | Logs | Read       ok",
];

#[test]
fn one_command_connects_an_account_and_says_so_in_the_words_of_the_guide() {
    let place = Installation::unconnected();
    let outcome = set_up(&place).ends_with(0);
    assert_eq!(outcome.stderr, "");
    let mut said = outcome.stdout.lines();
    for words in GUIDE {
        assert!(said.any(|line| line == words), "{words}: {outcome:?}");
    }
    assert_collects(&place);
}

#[test]
fn secrets_come_from_files_or_standard_input_as_well() {
    for from_input in ["--password-file", "--app-key-file"] {
        let place = Installation::unconnected();
        let account = place.sandbox.account();
        let mut command = bare(&place);
        command.arg("--data-dir").arg(place.path("data"));
        command.args(["--email", account.email, "--app-id", account.app_id]);
        let mut input = PathBuf::new();
        for (flag, secret) in [
            ("--password-file", account.password),
            ("--app-key-file", account.app_key),
        ] {
            let path = file(&place, &flag[2..], secret);
            let is_input = flag == from_input;
            command
                .arg(flag)
                .arg(if is_input { Path::new("-") } else { &path });
            if is_input {
                input = path;
            }
        }
        command.stdin(fs::File::open(input).expect("readable"));
        place.finish(command).ends_with(0);
        assert_collects(&place);
    }
}

#[test]
fn a_key_pair_does_instead_of_a_password_with_a_host_or_an_address() {
    for (by, requests) in [("--base-url", 0), ("--email", 1)] {
        let place = Installation::unconnected();
        let account = place.sandbox.account();
        let mut command = bare(&place);
        command.arg("--data-dir").arg(place.path("data"));
        command.args(["--app-id", account.app_id]);
        let url = place.sandbox.url();
        command.args([by, if by == "--email" { account.email } else { &url }]);
        command.arg("--access-key-file");
        command.arg(file(&place, "access", account.access_key));
        command.env("MIMECAST_SECRET_KEY", account.secret_key);
        command.env("MIMECAST_APP_KEY", account.app_key);
        place.finish(command).ends_with(0);
        assert_eq!(place.count(Endpoint::Discover), requests);
        assert_eq!(place.count(Endpoint::Login), 0);
        assert_collects(&place);
    }
}

#[test]
fn the_password_is_checked_by_mimecast_or_by_the_customers_directory() {
    for (kind, scheme) in [("cloud", "Basic-Cloud"), ("domain", "Basic-AD")] {
        let place = Installation::unconnected();
        place.set(|switches| switches.authenticate = vec![scheme.to_owned()]);
        let mut command = complete(&place, |_| ());
        command.args(["--auth-type", kind]);
        place.finish(command).ends_with(0);
    }
}

#[cfg(unix)]
#[test]
fn all_folders_are_made_also_below_one_that_exists_and_only_the_owner_reads_secrets() {
    let place = Installation::unconnected();
    fs::create_dir_all(place.path("data/audit")).expect("a folder");
    fs::write(place.path("data/mine.txt"), "kept").expect("written");
    set_up(&place).ends_with(0);
    for (path, expected) in [
        ("data/mta", 0o750),
        ("data/tmp", 0o750),
        ("checkpoint", 0o700),
        ("log", 0o750),
        ("credentials.toml", 0o600),
        ("config.toml", 0o640),
    ] {
        assert_eq!(mode(&place.path(path)), expected, "{path}");
    }
    for folder in ["mta", "audit", "tmp"] {
        assert!(
            place.files(folder).is_empty(),
            "no probe is left in {folder}"
        );
    }
    assert_eq!(
        fs::read(place.path("data/mine.txt")).expect("readable"),
        b"kept"
    );
}

#[test]
fn a_second_setup_keeps_comments_settings_and_positions() {
    let place = Installation::unconnected();
    set_up(&place).ends_with(0);
    assert_collects(&place);
    let config = place.path("config.toml");
    let text = fs::read_to_string(&config).expect("readable");
    let mine = text.replace("overlap_minutes = 60", "overlap_minutes = 61 # mine");
    assert_ne!(mine, text);
    fs::write(&config, &mine).expect("written");
    set_mode(&config, 0o600);
    let mut command = bare(&place); // what was answered before is known
    command.env("MIMECAST_PASSWORD", place.sandbox.account().password);
    place.finish(command).ends_with(0);
    assert_eq!(fs::read_to_string(&config).expect("readable"), mine);
    #[cfg(unix)]
    assert_eq!(mode(&config), 0o600, "what its owner decided");
    place.serve(Batch::realistic(2, 5));
    place.collects_logs();
}

#[test]
fn a_data_folder_may_have_any_name_and_a_relative_one_starts_here_and_now() {
    for name in [
        "mit Leerzeichen & Ümläuten/日本",
        if cfg!(windows) {
            "it's {quoted} #1" // quotes stand in no name there
        } else {
            "it's \"quoted\" #1"
        },
        "a/../b",
    ] {
        let place = Installation::unconnected();
        let mut command = complete(&place, |given| given.data = name.into());
        command.current_dir(place.path(""));
        place.finish(command).ends_with(0);
        place.serve(Batch::realistic(1, 5));
        place.siem().stays_silent();
        let published = fs::read_dir(place.path(name).join("mta")).expect("the folder");
        assert!(published.count() > 0, "{name}");
    }
}

#[test]
fn after_expired_keys_a_new_setup_goes_on_without_loss() {
    let place = Installation::unconnected();
    set_up(&place).ends_with(0);
    assert_collects(&place);
    place.set(|switches| switches.revoked = true);
    place.serve_batches(2..5, 20);
    for program in [SIEM, AUDIT] {
        let outcome = place.collect(program).ends_with(77);
        outcome
            .says("has expired")
            .says("authentication_setup --config");
    }
    set_up(&place).ends_with(0);
    place.collects_logs();
    place.audit().stays_silent();
}

#[test]
fn closed_streams_do_not_keep_it_from_its_work() {
    let place = Installation::unconnected();
    let mut command = complete(&place, |_| ());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.stdout(writer.try_clone().expect("a handle"));
    command.stderr(Stdio::from(writer));
    place.finish(command).ends_with(0);
    assert_collects(&place);
}

#[test]
fn the_folders_of_state_and_log_are_written_as_whole_paths_that_every_run_uses() {
    let place = Installation::unconnected();
    let mut command = complete(&place, |_| ());
    command.current_dir(place.path("."));
    command.args(["--state-dir", "own/state", "--log-dir", "own/log"]);
    place.finish(command).ends_with(0);
    let config = fs::read_to_string(place.path("config.toml")).expect("text");
    for (key, folder) in [("state", "own/state"), ("log", "own/log")] {
        let line = format!("{key} = {:?}", place.path(folder).display().to_string());
        let literal = format!("{key} = '{}'", place.path(folder).display());
        assert!(
            config.contains(&line) || config.contains(&literal),
            "{line} in {config}"
        );
    }
    let mut systemd = place.command(SIEM);
    systemd.arg("--config").arg(place.path("config.toml"));
    systemd.env("STATE_DIRECTORY", place.path("other"));
    place.finish(systemd).stays_silent();
    assert!(place.path("own/state/siem.state").exists());
    assert!(!place.path("other").exists());
    // a later setup without the flags keeps them
    set_up(&place).ends_with(0);
    let again = fs::read_to_string(place.path("config.toml")).expect("text");
    assert_eq!(again, config);
}
