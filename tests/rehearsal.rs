//! The rehearsal: the commands that the sandbox prints, and the codes that its troubles end with.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::SIEM;

const PATIENCE: Duration = Duration::from_secs(20);

/// The sandbox in a terminal of its own, and a folder for the second terminal.
struct Rehearsal {
    child: Child,
    typed: ChildStdin,
    shown: Receiver<String>,
    /// What it printed before the first request, with continued lines joined.
    introduction: String,
    folder: TempDir,
}

impl Rehearsal {
    fn begin() -> Self {
        let mut child = Command::new(build())
            .args(["--port", "0", "--every", "3600", "--events", "20"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        let mut introduction = String::new();
        while !introduction.contains("Requests:") {
            let line = shown.recv_timeout(PATIENCE).expect("it introduces itself");
            assert!(line.chars().count() <= 80, "{line:?}");
            introduction += &(line + "\n");
        }
        Self {
            typed: child.stdin.take().expect("a pipe"),
            child,
            shown,
            introduction: introduction.replace(" \\\n    ", " "),
            folder: TempDir::new().expect("a folder"),
        }
    }

    /// Types a command of the sandbox and waits for its answer.
    fn types(&mut self, command: &str, answer: &str) {
        writeln!(self.typed, "{command}").expect("typed");
        while !self
            .shown
            .recv_timeout(PATIENCE)
            .expect("it answers")
            .contains(answer)
        {}
    }

    /// The printed command that holds all these words.
    fn command(&self, words: &[&str]) -> String {
        let lines = self
            .introduction
            .lines()
            .filter(|line| line.starts_with("  "));
        let mut found = lines.filter(|line| words.iter().all(|word| line.contains(word)));
        found.next().expect("it is printed").trim().to_owned()
    }

    /// Pastes a command into the shell of the second terminal.
    #[track_caller]
    fn paste(&self, command: &str, code: i32) {
        let programs = Path::new(SIEM).parent().expect("a folder").display();
        let output = Command::new("/bin/sh")
            .args(["-c", command])
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("the shell starts");
        assert_eq!(output.status.code(), Some(code), "{command}: {output:?}");
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the example and returns its file. Cargo does not build it for one test alone.
fn build() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--offline", "--example", "sandbox"])
        .args(["--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(built.status.success(), "{built:?}");
    let text = String::from_utf8(built.stdout).expect("UTF-8");
    let artifact = text.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "sandbox" && message["executable"].is_string();
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    artifact.expect("cargo names the file")
}

#[test]
fn every_code_that_needs_a_person_can_be_rehearsed_with_both_generations() {
    for setup in [&["--no-input", "--client-id"], &["--no-input", "--email"]] {
        let mut rehearsal = Rehearsal::begin();
        let setup = rehearsal.command(setup);
        let siem = rehearsal.command(&["siem_collection"]);
        let audit = rehearsal.command(&["audit_collection"]);
        rehearsal.paste(&setup, 0);
        let data = rehearsal.folder.path().join("rehearsal/data/mta");
        assert!(data.is_dir(), "the commands stay in the folder rehearsal");
        for command in [&siem, &audit] {
            rehearsal.paste(command, 0);
        }
        rehearsal.types("rot", "are damaged");
        rehearsal.paste(&siem, 65);
        rehearsal.paste(&siem, 0);
        rehearsal.types("gap", "are gone");
        rehearsal.paste(&siem, 65);
        rehearsal.paste(&siem, 0);
        for trouble in ["permission", "expire"] {
            rehearsal.types(trouble, "type renew");
            for command in [&siem, &audit] {
                rehearsal.paste(command, 77);
            }
            rehearsal.types("renew", "valid again");
            for command in [&siem, &audit] {
                rehearsal.paste(command, 0);
            }
        }
    }
}
