//! Help, pages, completions and manual pages: each names every flag and every command.

use std::collections::BTreeSet;

use super::alone;
use crate::harness::{AUDIT, Installation, SETUP, SIEM};

/// Every long flag that a help text names.
fn flags(help: &str) -> BTreeSet<String> {
    let words = help.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    let flags = words.filter(|word| word.starts_with("--") && word.len() > 2);
    flags.map(str::to_owned).collect()
}

/// Each program with its commands.
const COMMANDS: [(&str, &[&str]); 3] = [
    (
        SETUP,
        &["check", "agent-config", "schedule", "completions", "man"],
    ),
    (SIEM, &["status", "history", "verify"]),
    (AUDIT, &["status", "history", "verify"]),
];

#[test]
fn the_pages_name_every_flag_and_every_command() {
    let place = Installation::unconnected();
    let pages = [
        include_str!("../../docs/settings.md"),
        include_str!("../../docs/watch.md"),
    ]
    .concat();
    for (program, commands) in COMMANDS {
        let help = alone(&place, program, &["--help"]).ends_with(0).stdout;
        let mut named = flags(&help);
        for command in commands {
            assert!(
                help.contains(&format!("\n  {command} ")),
                "{command} in {help}"
            );
            let is_named = |program: &&str| pages.contains(&format!("{program} {command}"));
            let is_named = ["setup", "collection"].iter().any(is_named);
            assert!(is_named, "{command} is on neither page");
            named.extend(flags(
                &alone(&place, program, &[command, "--help"])
                    .ends_with(0)
                    .stdout,
            ));
        }
        for flag in named {
            assert!(pages.contains(&flag), "{flag} is on neither page");
        }
    }
}

#[test]
fn completions_and_manual_pages_describe_all_programs() {
    let place = Installation::unconnected();
    let names = [
        "authentication_setup",
        "siem_collection",
        "audit_collection",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = alone(&place, SETUP, &["completions", shell])
            .ends_with(0)
            .stdout;
        for name in names {
            assert!(script.contains(name), "{name} for {shell}");
        }
        assert!(script.contains("max-age"), "{shell}");
    }
    for (name, (_, commands)) in names.iter().zip(COMMANDS) {
        let page = alone(&place, SETUP, &["man", name])
            .ends_with(0)
            .stdout
            .replace("\\-", "-");
        assert!(
            page.contains(".TH ") && page.contains("alarm_after_hours"),
            "{page}"
        );
        assert!(
            commands.iter().all(|command| page.contains(command)),
            "{page}"
        );
    }
    alone(&place, SETUP, &["man", "canary"]).ends_with(64);
}

#[test]
fn a_run_stops_at_its_longest_duration_and_the_next_one_continues() {
    let place = Installation::with_batches(0..2, 20);
    place
        .run(SIEM, ["--max-duration", "0s"])
        .ends_with(75)
        .says("time");
    place
        .run(SIEM, ["--max-duration", "5m", "--jitter", "1ms"])
        .stays_silent();
    place.assert_siem_complete();
    place.run(SIEM, ["--max-duration", "soon"]).ends_with(64);
    place.run(SIEM, ["--jitter", "5m", "status"]).ends_with(64);
}

#[test]
fn the_settings_of_an_agent_name_the_data_folder_of_the_configuration() {
    let place = Installation::connected();
    let settings = place.run(SETUP, ["agent-config", "syslog-ng"]).ends_with(0);
    let folder = place
        .path("data/mta")
        .display()
        .to_string()
        .replace('\\', "/");
    assert!(settings.stdout.contains(&folder), "{settings:?}");
    place.run(SETUP, ["agent-config", "canary"]).ends_with(64);
}

#[test]
fn switches_stand_before_or_behind_the_command() {
    let place = Installation::connected();
    place.siem().stays_silent();
    let config = place.path("config.toml").display().to_string();
    for arguments in [
        ["--config", &*config, "status", "--json"],
        ["status", "--config", &config, "--json"],
        ["--json", "status", "--config", &config],
    ] {
        let mut command = place.command(SIEM);
        command.args(arguments);
        place.finish(command).ends_with(0).json();
    }
    let wrong = place.run(SIEM, ["--adopt", "status"]).ends_with(64);
    wrong.says("--adopt does not go with a command");
    place
        .run(SIEM, ["stats"])
        .ends_with(64)
        .says("did you mean status?");
    place
        .run(SIEM, ["canary"])
        .ends_with(64)
        .says("an unknown command");
}
