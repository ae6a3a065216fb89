//! `schedule`: the schedule of both collectors for cron, systemd or the Windows Task Scheduler.

mod texts;

use std::env::consts::EXE_SUFFIX;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};
use serde::Serialize;

use texts::Texts;

use crate::config::{Config, Environment};
use crate::durable::{self, Disk as _, Mode, SystemDisk};
use crate::failure::{Code, Failure};
use crate::run::output::Output;

/// The mode of a file that every user may read.
const SHARED: Mode = Mode(0o644);

/// Switches of `schedule`.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// The scheduler
    scheduler: Scheduler,
    /// Install the schedule instead of printing it
    #[arg(long, conflicts_with = "remove")]
    install: bool,
    /// Remove an installed schedule
    #[arg(long)]
    remove: bool,
    /// The user of the collectors; for Windows HOST\account
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Install the files below this folder and start nothing, for packages
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Scheduler {
    Cron,
    Systemd,
    Windows,
}

/// A file of a schedule, with its place below the root.
struct File {
    place: String,
    text: String,
}

impl File {
    fn path(&self, root: &Path) -> PathBuf {
        root.join(&self.place)
    }

    fn row(&self, root: &Path) -> Row<'_> {
        Row {
            path: self.path(root).display().to_string(),
            text: &self.text,
        }
    }

    /// Returns the text below a comment that names the place.
    fn commented(&self, scheduler: Scheduler) -> String {
        let comment = match scheduler {
            Scheduler::Windows => format!("<!-- {} -->", self.place),
            _ => format!("# /{}", self.place),
        };
        format!("{comment}\n{}\n", self.text)
    }
}

/// What was done with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Printed,
    Installed,
    Removed,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    scheduler: Scheduler,
    action: Action,
    files: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    path: String,
    text: &'a str,
}

/// Prints, installs or removes a schedule.
///
/// # Errors
/// A file cannot be written or removed, or the scheduler refuses it.
pub fn run(
    flags: &Flags,
    config: &Config,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let programs = environment.executable.as_deref().and_then(Path::parent);
    let files = flags.scheduler.files(&Texts {
        programs: programs.unwrap_or(Path::new("/usr/local/bin")),
        config,
        user: flags.user.as_deref(),
    });
    let root = flags.root.as_deref().unwrap_or(Path::new("/"));
    let is_live = flags.root.is_none();
    let action = match (flags.install, flags.remove) {
        (true, _) => Action::Installed,
        (_, true) => Action::Removed,
        _ => Action::Printed,
    };
    match action {
        Action::Installed => install(flags.scheduler, &files, root, is_live)?,
        Action::Removed => remove(flags.scheduler, &files, root, is_live)?,
        Action::Printed => {}
    }
    if output.is_for_machines() {
        let document = Document {
            schema: 1,
            scheduler: flags.scheduler,
            action,
            files: files.iter().map(|file| file.row(root)).collect(),
        };
        output.show(&document, String::new);
        return Ok(());
    }
    for file in &files {
        match action {
            Action::Printed => output.print(file.commented(flags.scheduler).as_bytes()),
            Action::Installed => output.say(&format!("installed: {}", file.path(root).display())),
            Action::Removed => output.say(&format!("removed: {}", file.path(root).display())),
        }
    }
    Ok(())
}

fn install(
    scheduler: Scheduler,
    files: &[File],
    root: &Path,
    is_live: bool,
) -> Result<(), Failure> {
    if scheduler == Scheduler::Windows && is_live {
        return files.iter().try_for_each(create_task);
    }
    for File { place, text } in files {
        let path = root.join(place);
        durable::make_folder(path.parent().unwrap_or(root), Mode(0o755))
            .and_then(|()| durable::replace(&SystemDisk, &path, text.as_bytes(), SHARED))
            .map_err(|error| disk_failure("write", &path, &error))?;
    }
    if scheduler == Scheduler::Systemd && is_live {
        call("systemctl", &["daemon-reload"])?;
        call("systemctl", &["enable", "--now", TIMERS[0], TIMERS[1]])?;
    }
    Ok(())
}

/// The timers of both collectors.
const TIMERS: [&str; 2] = [
    "mimecast-collector@siem.timer",
    "mimecast-collector@audit.timer",
];

fn remove(scheduler: Scheduler, files: &[File], root: &Path, is_live: bool) -> Result<(), Failure> {
    if scheduler == Scheduler::Windows && is_live {
        return files
            .iter()
            .try_for_each(|file| call("schtasks", &["/delete", "/f", "/tn", &task_name(file)]));
    }
    if scheduler == Scheduler::Systemd && is_live {
        call("systemctl", &["disable", "--now", TIMERS[0], TIMERS[1]])?;
    }
    for File { place, .. } in files {
        let path = root.join(place);
        match SystemDisk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(|error| disk_failure("remove", &path, &error))?,
        }
    }
    if scheduler == Scheduler::Systemd && is_live {
        call("systemctl", &["daemon-reload"])?;
    }
    Ok(())
}

fn task_name(file: &File) -> String {
    let name = file.place.trim_end_matches(".xml");
    format!("Mimecast collector\\{name}")
}

/// Creates a task from a file that is deleted afterwards.
fn create_task(file: &File) -> Result<(), Failure> {
    let path = std::env::temp_dir().join(&file.place);
    let written = durable::replace(&SystemDisk, &path, file.text.as_bytes(), Mode::PRIVATE);
    written.map_err(|error| disk_failure("write", &path, &error))?;
    let place = path.display().to_string();
    let created = call(
        "schtasks",
        &["/create", "/f", "/tn", &task_name(file), "/xml", &place],
    );
    drop(SystemDisk.remove(&path));
    created
}

fn call(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let failed = |why: String| {
        let what = format!(
            "{program}{EXE_SUFFIX} {} failed: {why}",
            arguments.join(" ")
        );
        Failure::new(Code::Disk, what, "run the command as an administrator")
    };
    let done = Command::new(program).args(arguments).output();
    let done = done.map_err(|error| failed(error.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&done.stderr);
    Err(failed(
        told.lines()
            .next()
            .unwrap_or("without a message")
            .to_owned(),
    ))
}

fn disk_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot {action} {}: {error}", path.display());
    Failure::new(
        Code::Disk,
        what,
        "run the command as root, or name another folder with --root",
    )
}
