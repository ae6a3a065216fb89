//! What a program cannot choose: the umask, what its streams are, and names with two addresses.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;

use super::{Collector, move_to};
use crate::harness::{Installation, SETUP};
use mimecast_sandbox::Batch;

/// Mode bits of everything below a folder, with paths relative to it.
fn modes(folder: &Path, into: &mut Vec<(String, u32)>, top: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("there");
        let below = path.strip_prefix(top).expect("below").display();
        into.push((below.to_string(), metadata.mode() & 0o7777));
        if metadata.is_dir() {
            modes(&path, into, top);
        }
    }
}

#[test]
fn whatever_the_umask_files_and_folders_get_the_modes_that_are_promised() {
    for umask in ["000", "777", "077"] {
        let place = Installation::unconnected();
        let account = place.sandbox.account();
        let run = |program: &str, arguments: &[&str]| {
            let mut command = place.command("/bin/sh");
            let script = format!("umask {umask} && exec \"$0\" \"$@\"");
            command.args(["-c", &script, program, "--config"]);
            command
                .arg(place.path("config/config.toml"))
                .args(arguments);
            command.env("MIMECAST_PASSWORD", account.password);
            command.env("MIMECAST_APP_KEY", account.app_key);
            place.finish(command)
        };
        let data = place.path("data").display().to_string();
        let (url, email) = (place.sandbox.url(), account.email);
        let given = ["--no-input", "--data-dir", &data, "--discovery-url", &url];
        let who = ["--email", email, "--app-id", account.app_id];
        run(SETUP, &[&given[..], &who].concat()).ends_with(0);
        place.serve(Batch::realistic(1, 20));
        place.serve(Batch::raw(*b"no archive"));
        run(Collector::Siem.program(), &[]).ends_with(65);
        let mut found = Vec::new();
        modes(&place.path(""), &mut found, &place.path(""));
        assert!(found.len() > 15, "{found:?}");
        for (path, mode) in found {
            let is_folder = place.path(&path).is_dir();
            let expected: &[u32] = match (is_folder, &*path) {
                (true, "data" | "data/mta" | "data/audit" | "data/tmp" | "config/log") => &[0o750],
                (true, _) => &[0o700, 0o750],
                (false, path) if path.starts_with("data/mta") => &[0o640],
                (false, path) if path.starts_with("config/log") => &[0o640],
                (false, "config/config.toml") => &[0o600, 0o640],
                (false, _) => &[0o600],
            };
            assert!(expected.contains(&mode), "umask {umask}: {path} {mode:o}");
        }
    }
}

#[test]
fn a_reader_that_has_gone_and_closed_streams_stop_nobody() {
    for collector in Collector::ALL {
        let place = collector.behind();
        let mut command = place.command(collector.program());
        command.arg("--config").arg(place.path("config.toml"));
        command.args(["--json", "-vv"]);
        let mut child = command.spawn().expect("it starts");
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        collector.overcomes(&place);
        collector.refill(&place);
        let mut shell = place.command("/bin/sh");
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        let script = "exec \"$0\" \"$@\" <&- >&- 2>&-";
        shell.args(["-c", script, collector.program(), "-vv", "--config"]);
        shell.arg(place.path("config.toml"));
        assert_eq!(shell.status().expect("it starts").code(), Some(0));
        collector.overcomes(&place);
    }
}

/// `localhost` is ::1 and 127.0.0.1 on most machines, and the sandbox listens on the second alone.
#[test]
fn a_name_with_an_address_that_refuses_is_reached_at_the_other() {
    for collector in Collector::ALL {
        let place = collector.behind();
        let url = place.sandbox.url().replace("127.0.0.1", "localhost");
        move_to(collector, &place, &url, "retries = 0");
        collector.overcomes(&place);
    }
}
