//! P7: root starts a program of another user, and files that are made or replaced belong to the right user.
//!
//! Root can give files away and become another user. As an ordinary user, the same tests show that the
//! programs work as their owner.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use crate::harness::{AUDIT, Installation, SETUP, SIEM, set_mode};

/// A user whom no list of users knows, and one who cannot log in.
const OTHER: u32 = 65_533;
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn owner(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).expect("it is there");
    (found.uid(), found.gid())
}

/// All files and folders below a folder.
fn below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            below(&path, found);
        }
        found.push(path);
    }
}

#[test]
fn a_start_as_root_with_the_configuration_of_another_user_is_refused_with_the_command() {
    let place = Installation::with_batches(1..2, 5);
    if !is_root() {
        place.siem().stays_silent(); // the owner's own run is not refused
        return assert!(place.path("checkpoint/siem.state").exists());
    }
    place.give_to(OTHER, "");
    let config = place.path("config.toml").display().to_string();
    for program in [SIEM, AUDIT, SETUP] {
        let command = format!("run `sudo -u '#{OTHER}' {program} --config {config}`");
        let outcome = place.run(program, [""; 0]).ends_with(78);
        outcome.says("started as root").says(&command);
    }
    let mut check = place.command(SETUP);
    check.args(["check", "--config", &config]);
    let checked = place.finish(check).ends_with(78);
    assert!(checked.stdout.contains("bad  user"), "{checked:?}");
    let mut found = Vec::new();
    below(&place.path(""), &mut found);
    for path in found {
        assert_eq!(owner(&path).0, OTHER, "{}", path.display());
    }
    // the user itself is not refused
    let program = place.path("siem_collection");
    fs::copy(SIEM, &program).expect("copied");
    let mut own = place.command(program.to_str().expect("UTF-8"));
    own.args(["--config", &config]);
    place.finish(place.command_as(OTHER, &own)).stays_silent();
    place.assert_siem_complete();
}

#[test]
fn what_root_makes_gets_the_owner_of_its_folder_and_what_it_replaces_keeps_its_own() {
    let place = Installation::with_batches(1..2, 5);
    fs::create_dir_all(place.path("log")).expect("a folder");
    fs::create_dir_all(place.path("checkpoint")).expect("a folder");
    set_mode(&place.path("checkpoint"), 0o700);
    if is_root() {
        for folder in ["data", "log"] {
            place.give_to(OTHER, folder);
        }
    }
    place.siem().stays_silent();
    for folder in ["data/mta", "log"] {
        let folder = place.path(folder);
        let expected = owner(&folder);
        let mut found = Vec::new();
        below(&folder, &mut found);
        assert!(!found.is_empty(), "{}", folder.display());
        for path in found {
            assert_eq!(owner(&path), expected, "{}", path.display());
        }
    }
    let state = place.path("checkpoint/siem.state");
    if is_root() {
        chown(&state, Some(NOBODY), Some(OTHER)).expect("root may");
    }
    let (before, content) = (owner(&state), fs::read(&state).expect("readable"));
    place.serve_batches(2..3, 5);
    place.siem().stays_silent();
    assert_ne!(
        fs::read(&state).expect("readable"),
        content,
        "it is replaced"
    );
    assert_eq!(owner(&state), before);
}

#[test]
fn the_setup_keeps_the_owner_of_the_secrets_and_names_the_user_who_cannot_log_in() {
    let place = Installation::connected_by_token();
    let secrets = place.path("credentials.toml");
    if is_root() {
        place.give_to(OTHER, "credentials.toml");
    }
    let before = owner(&secrets);
    let client = place.sandbox.client();
    let config = place.path("config.toml").display().to_string();
    let set_up = |program: &str| {
        let mut command = place.command(program);
        command.args(["--no-input", "--api", "2.0", "--config", &config]);
        command.args(["--client-id", client.client_id]);
        command.args(["--base-url", &place.sandbox.url()]);
        command.env("MIMECAST_CLIENT_SECRET", client.client_secret);
        command
    };
    let outcome = place.finish(set_up(SETUP)).ends_with(0);
    assert_eq!(owner(&secrets), before);
    assert!(!outcome.stdout.contains("sudo"), "{outcome:?}");
    if is_root() {
        let program = place.path("authentication_setup");
        fs::copy(SETUP, &program).expect("copied");
        place.give_to(NOBODY, "");
        let command = set_up(program.to_str().expect("UTF-8"));
        let outcome = place
            .finish(place.command_as(NOBODY, &command))
            .ends_with(0);
        let next = format!("sudo -u nobody {}", place.path("siem_collection").display());
        assert!(outcome.stdout.contains(&next), "{outcome:?}");
    }
}

#[test]
fn a_state_of_another_user_is_given_back_by_a_command_and_not_thrown_away() {
    let place = Installation::with_batches(1..2, 5);
    place.siem().stays_silent();
    let state = place.path("checkpoint/siem.state");
    let program = place.path("siem_collection");
    fs::copy(SIEM, &program).expect("copied");
    let mut command = place.command(program.to_str().expect("UTF-8"));
    command.arg("--config").arg(place.path("config.toml"));
    let user = if is_root() {
        place.give_to(OTHER, "");
        place.give_to(0, "checkpoint/siem.state");
        command = place.command_as(OTHER, &command);
        OTHER.to_string()
    } else {
        set_mode(&state, 0o000); // not even the owner may read it
        String::new()
    };
    let outcome = place.finish(command).ends_with(78);
    let folder = place.path("checkpoint").display().to_string();
    assert!(!outcome.stderr.contains("move it away"), "{outcome:?}");
    let outcome = outcome.says("cannot be used: Permission denied");
    outcome.says(&format!("sudo chown -R {user}")).says(&folder);
    set_mode(&state, 0o600);
    if is_root() {
        place.give_to(0, "");
    }
}
