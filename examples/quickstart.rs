//! The main job without an account: the simulator, the setup and both collectors, in a temporary
//! folder.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```
//!
//! The three programs are the real ones, run as cron would run them; only Mimecast is simulated.

#![allow(
    clippy::disallowed_methods,
    reason = "the collector's ways are for the collector; this only starts programs and looks"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use chrono::{TimeDelta, Utc};

use mimecast_sandbox::{AuditEvent, Batch, CG_TYPES, Object, Sandbox};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let programs = build_programs()?;
    for generation in [Generation::Tokens, Generation::Keys] {
        rehearse(generation, &programs)?;
    }
    farewell(&programs);
    Ok(())
}

/// The two generations of Mimecast's API.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// 2.0, which new applications get.
    Tokens,
    /// 1.0, for those that exist.
    Keys,
}

/// Setup, collection, collection of what is new, and a run with nothing to do.
fn rehearse(generation: Generation, programs: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::start();
    let version = if generation == Generation::Tokens {
        "2.0"
    } else {
        "1.0"
    };
    println!(
        "\n== API {version}: a simulated Mimecast listens on {}.",
        sandbox.url()
    );
    println!("Everything below happens in {}.\n", folder.path().display());
    let place = Place {
        programs: programs.to_owned(),
        config: folder.path().join("config.toml"),
        data: folder.path().join("data"),
    };

    serve(generation, &sandbox, 0..3);
    place.set_up(generation, &sandbox)?;
    place.collect()?;
    let first = place.files()?;
    show(&first);

    println!("\nMimecast has one more batch and five more audit events. The second run:\n");
    serve(generation, &sandbox, 3..4);
    place.collect()?;
    let second = place.files()?;
    let kept = first
        .iter()
        .all(|(name, content)| second.get(name) == Some(content));
    let new = second
        .keys()
        .filter(|name| !first.contains_key(*name))
        .count();
    println!(
        "  {} files were there and have not changed: {kept}",
        first.len()
    );
    println!("  {new} files are new");

    place.collect()?;
    let third = place.files()?;
    println!(
        "  a third run, with nothing waiting, changed nothing: {}",
        third == second
    );
    let expected = match generation {
        Generation::Tokens => sandbox.all_object_lines(),
        Generation::Keys => sandbox.siem_lines(),
    };
    let complete = published_lines(&second, "mta") == sorted(expected)
        && published_lines(&second, "audit").len() == sandbox.audit_ids().len();
    println!("  every event that Mimecast had is published, once: {complete}");
    if kept && complete && third == second {
        return Ok(());
    }
    Err("the quickstart did not come out as promised".into())
}

/// The installed programs, a configuration and the folder that an agent would read.
struct Place {
    programs: PathBuf,
    config: PathBuf,
    data: PathBuf,
}

impl Place {
    /// Connects the simulated account, without questions.
    fn set_up(&self, generation: Generation, sandbox: &Sandbox) -> Result<()> {
        let (account, client) = (sandbox.account(), sandbox.client());
        let mut command = self.command("authentication_setup");
        command.arg("--data-dir").arg(&self.data);
        if generation == Generation::Tokens {
            command.args(["--no-input", "--client-id", client.client_id]);
            command.args(["--base-url", &sandbox.url()]);
            command.env("MIMECAST_CLIENT_SECRET", client.client_secret);
            println!(
                "$ authentication_setup --no-input --client-id {} …",
                client.client_id
            );
            return run(command);
        }
        command.args([
            "--no-input",
            "--email",
            account.email,
            "--app-id",
            account.app_id,
        ]);
        command.args(["--discovery-url", &sandbox.url()]);
        command
            .env("MIMECAST_PASSWORD", account.password)
            .env("MIMECAST_APP_KEY", account.app_key);
        println!(
            "$ authentication_setup --no-input --email {} …",
            account.email
        );
        run(command)
    }

    /// Both collectors, as cron would start them: silence is success.
    fn collect(&self) -> Result<()> {
        for program in ["siem_collection", "audit_collection"] {
            println!("$ {program}");
            run(self.command(program))?;
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env_clear().arg("--config").arg(&self.config);
        command
    }

    /// Published files by folder and name.
    fn files(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for folder in ["mta", "audit"] {
            for entry in fs::read_dir(self.data.join(folder))? {
                let entry = entry?;
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                files.insert(name, fs::read(entry.path())?);
            }
        }
        Ok(files)
    }
}

/// Builds the three programs with the profile of this example, which lies beside them.
fn build_programs() -> Result<PathBuf> {
    let example = env::current_exe()?;
    let programs = example
        .parent()
        .and_then(Path::parent)
        .ok_or("not in a target folder")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--bins"]);
    command
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    if programs.ends_with("release") {
        command.arg("--release");
    }
    println!("Building the three programs …");
    run(command)?;
    Ok(programs.to_owned())
}

fn run(mut command: Command) -> Result<()> {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}

/// All ten log types, and audit events of the last hours.
fn serve(generation: Generation, sandbox: &Sandbox, numbers: std::ops::Range<u64>) {
    for number in numbers {
        match generation {
            Generation::Keys => sandbox.serve(Batch::realistic(number, 50)),
            Generation::Tokens => {
                for kind in CG_TYPES {
                    sandbox.serve_objects(kind, [Object::realistic(number, 5)]);
                }
            }
        }
        let time = Utc::now() - TimeDelta::minutes(30 - 5 * number as i64);
        sandbox.audit((0..5).map(|event| AuditEvent::realistic(number * 5 + event, time)));
    }
}

/// The names, and the beginning of a few lines.
fn show(files: &BTreeMap<String, Vec<u8>>) {
    println!("\nWhat appeared in the data folder:\n");
    for (name, content) in files {
        let lines = content.iter().filter(|byte| **byte == b'\n').count();
        println!("  {name}  ({lines} lines)");
    }
    println!("\nA line of some:\n");
    for kind in ["audit/", "receipt_", "delivery_"] {
        let found = files.iter().find(|(name, _)| name.contains(kind));
        let line = found.and_then(|(_, content)| content.split(|byte| *byte == b'\n').next());
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        println!("  {} …", line.chars().take(100).collect::<String>());
    }
}

fn published_lines(files: &BTreeMap<String, Vec<u8>>, folder: &str) -> Vec<Vec<u8>> {
    let contents = files.iter().filter(|(name, _)| name.starts_with(folder));
    sorted(contents.flat_map(|(_, content)| {
        let whole = content.strip_suffix(b"\n").unwrap_or(content);
        whole
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    }))
}

fn sorted(lines: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_unstable();
    lines
}

fn farewell(programs: &Path) {
    let folder = programs.display();
    println!(
        "\nThe same with a real account (prepare it first, see docs/prepare-mimecast.md):\n\n  \
         {folder}/authentication_setup\n  {folder}/siem_collection\n  {folder}/audit_collection"
    );
}
