//! Tests of the permissions of the file.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn for_anyone_else_are_refused() {
    let installation = Installation::with(COMPLETE);
    for mode in [0o640, 0o620, 0o604, 0o602, 0o644, 0o666, 0o601] {
        set(&installation.file(), mode);
        let error = installation.load().unwrap_err();
        let shown = installation.file().display().to_string();
        let expected = format!("{shown} is open to other users (mode {mode:04o})");
        assert_eq!(error.message, expected);
        assert_eq!(error.remedy, format!("chmod 600 {shown}"));
    }
    for mode in [0o600, 0o400] {
        set(&installation.file(), mode);
        installation.load().unwrap();
    }
}

#[test]
fn of_systemd_s_folder_are_not_questioned_and_links_there_are_followed() {
    let mut installation = Installation::empty();
    let (given, target) = (Installation::empty(), Installation::with(COMPLETE));
    set(&target.file(), 0o444);
    symlink(target.file(), given.file()).unwrap();
    installation.environment.credentials_folder = Some(given.folder.path().to_owned());
    installation.load().unwrap();
}

#[test]
fn of_a_link_cannot_be_trusted() {
    let (installation, target) = (Installation::empty(), Installation::with(COMPLETE));
    symlink(target.file(), installation.file()).unwrap();
    let error = installation.load().unwrap_err();
    let shown = installation.file().display().to_string();
    assert_eq!(
        error.message,
        format!("{shown} is a link, whose target others may control")
    );
    assert_eq!(error.remedy, "put the file itself there");
}

#[test]
fn of_a_pipe_do_not_make_it_wait() {
    let installation = Installation::empty();
    let made = std::process::Command::new("mkfifo")
        .arg(installation.file())
        .status()
        .unwrap();
    assert!(made.success());
    assert!(installation.refusal().ends_with(": not a regular file"));
}

#[test]
fn of_a_saved_file_are_the_owner_s_alone() {
    let installation = Installation::with("old");
    set(&installation.file(), 0o666);
    new("a", "b", "Y2Fu")
        .unwrap()
        .save(&installation.file())
        .unwrap();
    let mode = fs::metadata(installation.file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    installation.load().unwrap();
}
