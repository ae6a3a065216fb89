//! `authentication_setup schedule`: what it prints, installs and removes.

use std::fs;
use std::path::Path;

use crate::harness::{Installation, SETUP};

/// Runs `schedule` with a root of its own.
fn schedule(place: &Installation, scheduler: &str, action: &str) {
    let root = place.path("root").display().to_string();
    let arguments = [
        "schedule", scheduler, action, "--root", &root, "--user", "svc-siem",
    ];
    place.run(SETUP, arguments).ends_with(0);
}

/// Names of all files below a folder.
fn below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => names.extend(below(&path)),
            false => names.push(path.display().to_string()),
        }
    }
    names.sort_unstable();
    names
}

#[test]
fn what_is_printed_is_what_is_installed_and_removed() {
    for (scheduler, files) in [("cron", 1), ("systemd", 3), ("windows", 2)] {
        let place = Installation::connected();
        let printed = place.run(SETUP, ["schedule", scheduler, "--user", "svc-siem"]);
        let printed = printed.ends_with(0).stdout;
        schedule(&place, scheduler, "--install");
        let installed = below(&place.path("root"));
        assert_eq!(installed.len(), files, "{installed:?}");
        for path in &installed {
            let text = fs::read_to_string(path).expect("text");
            assert!(printed.contains(&text), "{path}");
        }
        schedule(&place, scheduler, "--remove");
        assert!(below(&place.path("root")).is_empty());
        schedule(&place, scheduler, "--remove");
    }
}

#[test]
fn the_document_of_a_schedule_holds_each_file_with_its_path() {
    for scheduler in ["cron", "systemd", "windows"] {
        let place = Installation::connected();
        let root = place.path("root").display().to_string();
        for (action, done) in [
            ("--quiet", "printed"),
            ("--install", "installed"),
            ("--remove", "removed"),
        ] {
            let arguments = ["schedule", scheduler, action, "--root", &root, "--json"];
            let document = place.run(SETUP, arguments).ends_with(0).json();
            assert_eq!(document["schema"], 1);
            assert_eq!(document["scheduler"], scheduler);
            assert_eq!(document["action"], done);
            let files = document["files"].as_array().expect("files");
            assert!(!files.is_empty());
            for file in files {
                let path = Path::new(file["path"].as_str().expect("a path"));
                assert!(path.starts_with(&root), "{path:?}");
                let text = fs::read_to_string(path).ok();
                let expected = (done == "installed").then(|| file["text"].as_str().expect("text"));
                assert_eq!(text.as_deref(), expected, "{scheduler} {action}");
            }
        }
    }
}

#[test]
fn a_command_that_prints_a_file_of_another_program_refuses_json() {
    let place = Installation::connected();
    for (command, name) in [
        ("agent-config", "splunk"),
        ("completions", "bash"),
        ("man", "siem_collection"),
    ] {
        let refused = place.run(SETUP, [command, name, "--json"]).ends_with(64);
        assert_eq!(refused.json()["kind"], "usage");
        let text = place.run(SETUP, [command, name]).ends_with(0).stdout;
        assert!(text.contains("mimecast") || text.contains("siem_collection"));
    }
}

#[test]
fn a_schedule_names_the_programs_the_configuration_and_the_user_of_this_installation() {
    let place = Installation::connected();
    let programs = Path::new(SETUP)
        .parent()
        .expect("a folder")
        .display()
        .to_string();
    let config = place.path("config.toml").display().to_string();
    for scheduler in ["cron", "systemd", "windows"] {
        let printed = place.run(SETUP, ["schedule", scheduler, "--user", "svc-siem"]);
        let printed = printed.ends_with(0).stdout;
        // under wine the test knows its programs by a path of Unix
        let programs = if cfg!(unix) { &*programs } else { "" };
        for part in [programs, &config, "svc-siem"] {
            assert!(printed.contains(part), "{part} in {printed}");
        }
        let usual = [
            "/usr/local/bin/siem",
            "/etc/mimecast-collector/config",
            "User=mimecast",
            "C:\\Program",
        ];
        assert!(
            usual.iter().all(|part| !printed.contains(part)),
            "{printed}"
        );
    }
    let unit = place
        .run(SETUP, ["schedule", "systemd"])
        .ends_with(0)
        .stdout;
    for folder in ["data", "checkpoint", "log"] {
        let line = format!("ReadWritePaths=\"-{}\"", place.path(folder).display());
        assert!(unit.contains(&line), "{line} in {unit}");
    }
}

#[test]
fn a_schedule_that_cannot_be_written_is_told_and_a_wrong_call_changes_nothing() {
    let place = Installation::connected();
    fs::write(place.path("root"), "a file").expect("written");
    let root = place.path("root").display().to_string();
    let arguments = ["schedule", "cron", "--install", "--root", &root];
    place
        .run(SETUP, arguments)
        .ends_with(74)
        .says("cannot write");
    place.run(SETUP, ["schedule", "at"]).ends_with(64);
    place
        .run(SETUP, ["schedule", "cron", "--install", "--remove"])
        .ends_with(64);
}
