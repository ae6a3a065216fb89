//! P7: what the programs say, where they look, and the code they end with.

mod codes; // each exit code, by a run that earns it
mod described; // help, pages, completions and manual pages

use std::fs;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::{Command, Stdio};

use crate::harness::{AUDIT, Installation, Outcome, SETUP, SIEM, set_mode};
use mimecast_sandbox::{Batch, Endpoint, changes};

const PROGRAMS: [&str; 3] = [SETUP, SIEM, AUDIT];

/// A run with nothing but these arguments.
fn alone(place: &Installation, program: &str, arguments: &[&str]) -> Outcome {
    let mut command = place.command(program);
    command.args(arguments);
    place.finish(command)
}

/// A copy of a program in a folder of its own, so that a configuration can stand beside it.
fn installed(place: &Installation, folder: &str) -> PathBuf {
    let name = Path::new(SIEM).file_name().expect("a name");
    let copy = place.path(folder).join(name);
    fs::create_dir_all(place.path(folder)).expect("a folder");
    fs::copy(SIEM, &copy).expect("copied");
    copy
}

/// One line of text without the white space that wrapping adds.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_and_the_page_of_exit_codes_show_the_same_table() {
    let place = Installation::unconnected();
    let page = include_str!("../docs/exit-codes.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let is_row = cells
            .get(1)?
            .starts_with(|letter: char| letter.is_ascii_digit());
        is_row.then(|| format!("{} {} ({})", cells[1], cells[3], cells[4]).replace('`', ""))
    });
    let rows: Vec<String> = rows.collect();
    assert_eq!(rows.len(), 11);
    for program in PROGRAMS {
        let help = alone(&place, program, &["--help"]).ends_with(0).stdout;
        let (_, table) = help.split_once("Exit codes").expect("the table");
        assert!(table.lines().all(|line| line.len() < 80), "{table}");
        let help = unwrapped(&help);
        for row in &rows {
            assert!(help.contains(row), "{row:?} is not in {help}");
        }
    }
}

/// Each program with its name and words of its purpose.
const PURPOSES: [(&str, &str, &str); 3] = [
    (SETUP, "authentication_setup", "Connects a Mimecast account"),
    (SIEM, "siem_collection", "gateway logs"),
    (AUDIT, "audit_collection", "audit events"),
];

#[test]
fn help_says_what_each_program_does_and_version_which_one_it_is() {
    let place = Installation::unconnected();
    for (program, name, purpose) in PURPOSES {
        for flag in ["-h", "--help"] {
            let help = alone(&place, program, &[flag]).ends_with(0).stdout;
            let first = help.lines().next().unwrap_or_default();
            assert!(first.contains(purpose), "{first}");
            assert!(help.contains(&format!("Usage: {name}")), "{help}");
        }
        let version = alone(&place, program, &["--version"]).ends_with(0).stdout;
        assert_eq!(version, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_mistake_in_the_arguments_names_the_flag_and_never_the_value() {
    let place = Installation::unconnected();
    for program in PROGRAMS {
        let outcome = alone(&place, program, &["--confg", "x"]).ends_with(64);
        let outcome = outcome.says("unknown flag --confg: did you mean --config?");
        outcome.says("--help");
        for argument in ["s3cret", "--passwort=s3cret", "-xs3cret"] {
            let outcome = alone(&place, program, &[argument]).ends_with(64);
            assert!(!outcome.stderr.contains("s3cret"), "P6: {outcome:?}");
        }
    }
}

#[test]
fn json_is_exactly_one_document_on_success_failure_and_misuse() {
    let place = Installation::with_batches(1..2, 20);
    let done = place.run(SIEM, ["--json"]).ends_with(0);
    assert_eq!(done.json()["events"], place.sandbox.siem_lines().len());
    place.always(Endpoint::Audit, changes::expired_key());
    let denied = place.run(AUDIT, ["--json", "-v"]).ends_with(77);
    let config = place.path("config.toml").display().to_string();
    assert_eq!(
        denied.json()["error"]["remedy"],
        format!("run `{SETUP} --config {config}`")
    );
    for program in PROGRAMS {
        let misused = alone(&place, program, &["--json", "--wrong"]).ends_with(64);
        assert_eq!(misused.json()["kind"], "usage");
        assert_eq!(misused.stderr, "");
    }
    let missing = alone(
        &place,
        SETUP,
        &["--json", "--no-input", "--config", "/no/config.toml"],
    );
    assert_eq!(missing.ends_with(64).json()["code"], 64);
    for outcome in [done, denied] {
        assert_eq!(outcome.json()["code"], outcome.code);
        assert_eq!(outcome.stdout.lines().count(), 1);
    }
}

#[test]
fn quiet_still_reports_failures_and_verbose_tells_the_steps() {
    let place = Installation::connected();
    place.next(Endpoint::Siem, changes::expired_key());
    place.run(SIEM, ["-q"]).ends_with(77).says("has expired");
    let told = place.run(SIEM, ["-v"]).ends_with(0);
    let has_steps = told.stdout.is_empty() && told.stderr.contains("the run begins");
    assert!(
        has_steps && !told.stderr.contains("level=DEBUG"),
        "{told:?}"
    );
    let told = place.run(SIEM, ["-vv"]).ends_with(0);
    assert!(told.stderr.contains("level=DEBUG"), "{told:?}");
    let arguments = ["--no-input", "-q", "--config", "/no/config.toml"];
    let refused = alone(&place, SETUP, &arguments).ends_with(64);
    refused.says("--data-dir");
}

#[test]
fn no_output_for_files_has_colours() {
    let place = Installation::connected();
    for flags in ["--help", "--no-color --help", "--wrong", "-vv"] {
        let outcome = place.run(SIEM, flags.split(' '));
        let both = outcome.stdout + &outcome.stderr;
        assert!(!both.contains('\u{1b}'), "{both}");
    }
}

#[test]
fn the_first_configuration_found_is_used_and_none_means_a_list_of_all_places() {
    let place = Installation::connected();
    let program = installed(&place, "opt/bin");
    let program = program.to_str().expect("UTF-8");
    // on Windows the user's folder is no matter of variables, the machine's is
    let (variable, usual) = if cfg!(windows) {
        ("ProgramData", "home/mimecast-collector")
    } else {
        ("HOME", "home/.config/mimecast-collector")
    };
    let home = place.path("home");
    let run = |variables: &[(&str, &Path)]| {
        let mut command = place.command(program);
        command.env(variable, &home).envs(variables.iter().copied());
        place.finish(command)
    };
    let text = fs::read_to_string(place.path("config.toml")).expect("readable");
    let nowhere = run(&[]).ends_with(78).says("run authentication_setup");
    for tried in ["opt/bin/config.toml", "opt/config.toml", usual] {
        let tried = place.path(tried).display().to_string();
        assert!(nowhere.stderr.contains(&tried), "{tried}: {nowhere:?}");
    }
    let machine = nowhere
        .stderr
        .contains("/etc/mimecast-collector/config.toml");
    assert!(machine || cfg!(windows), "{nowhere:?}");

    // from the last place to the first: each new one, broken on purpose, wins over those before
    for folder in [usual, "opt", "opt/bin", "variable"] {
        fs::create_dir_all(place.path(folder)).expect("a folder");
        fs::write(place.path(folder).join("config.toml"), "oops").expect("written");
        let variable = place.path("variable/config.toml");
        let variables = [("MIMECAST_CONFIG", variable.as_path())];
        let given = if folder == "variable" {
            &variables[..]
        } else {
            &[]
        };
        let broken = run(given).ends_with(78).says("config.toml line 1");
        let named = place.path(folder).join("config.toml").display().to_string();
        assert!(broken.stderr.contains(&named), "{named}: {broken:?}");
    }
    fs::write(place.path("opt/bin/config.toml"), text).expect("written");
    fs::copy(
        place.path("credentials.toml"),
        place.path("opt/bin/credentials.toml"),
    )
    .expect("copied");
    set_mode(&place.path("opt/bin/credentials.toml"), 0o600); // rights are not copied everywhere
    for folder in ["mta", "audit", "tmp"] {
        fs::create_dir_all(place.path("opt/bin/data").join(folder)).expect("a folder");
    }
    run(&[]).stays_silent();
}

#[cfg(target_os = "linux")]
#[test]
fn the_users_configuration_folder_is_where_xdg_says() {
    let place = Installation::unconnected();
    let mut command = place.command(SIEM);
    command
        .env("XDG_CONFIG_HOME", place.path("xdg"))
        .env("HOME", "/");
    let expected = place.path("xdg/mimecast-collector/config.toml");
    let outcome = place.finish(command).ends_with(78);
    outcome.says(expected.to_str().expect("UTF-8"));
}

#[test]
fn the_example_is_a_configuration_that_only_lacks_an_account() {
    let place = Installation::connected();
    fs::write(
        place.path("config.toml"),
        include_str!("../config.example.toml"),
    )
    .expect("written");
    place
        .siem_says(78, "app_id")
        .says("authentication_setup --config");
}

#[test]
fn folders_and_credentials_of_systemd_are_used() {
    let place = Installation::connected();
    fs::create_dir(place.path("given")).expect("a folder");
    let credentials = place.path("given/credentials.toml");
    fs::rename(place.path("credentials.toml"), &credentials).expect("moved");
    set_mode(&credentials, 0o440); // systemd guards its folder in its own way
    let mut command = place.command(SIEM);
    command.arg("--config").arg(place.path("config.toml"));
    for (variable, folder) in [
        ("STATE_DIRECTORY", "state"),
        ("LOGS_DIRECTORY", "logs"),
        ("CREDENTIALS_DIRECTORY", "given"),
    ] {
        command.env(variable, place.path(folder));
    }
    place.finish(command).stays_silent();
    let has = |folder| {
        fs::read_dir(place.path(folder))
            .expect("the folder")
            .count()
            > 0
    };
    assert!(has("state") && has("logs"));
    assert!(!place.path("checkpoint").exists() && !place.path("log").exists());
}

#[test]
fn a_log_that_cannot_be_written_is_mentioned_once_and_stops_nothing() {
    let place = Installation::connected();
    fs::write(place.path("log"), "in the way").expect("written");
    place.serve(Batch::realistic(1, 20));
    let outcome = place.siem_says(0, "no log is written");
    assert_eq!((outcome.stderr.lines().count(), &*outcome.stdout), (1, ""));
    place.assert_siem_complete();
}

#[cfg(unix)]
#[test]
fn closed_streams_do_not_keep_a_collector_from_its_work() {
    let place = Installation::with_batches(1..2, 20);
    for program in [SIEM, AUDIT] {
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().current_dir("/").stdin(Stdio::null());
        shell.args(["-c", "exec \"$0\" \"$@\" <&- >&- 2>&-", program, "--config"]);
        shell.arg(place.path("config.toml"));
        assert_eq!(shell.status().expect("it starts").code(), Some(0));
    }
    place.assert_siem_complete();
}
