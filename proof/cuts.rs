//! P1 to P3 when the power fails: a real file system forgets all that was not synced.
//!
//! The installation lives on an image file of its own. At a random moment of a run the kernel is
//! told to shut that file system down without flushing its journal, which drops what a cut of the
//! power would drop; it is mounted again, which replays the journal, and the next run continues.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::stream::Stream;
use crate::tally::Tally;

/// How many, and on what.
#[derive(Clone, clap::Args)]
pub(crate) struct Cuts {
    /// Cuts on each file system
    #[arg(long, default_value_t = 200)]
    cuts: u32,
    /// The file systems
    #[arg(long, default_values = ["ext4", "xfs"])]
    on: Vec<String>,
    /// Start of the random numbers, as a run before has printed it
    #[arg(long, default_value_t = fastrand::u64(..))]
    seed: u64,
    /// Set by the program for itself: mounts are seen by nobody else, and end with it
    #[arg(long, hide = true)]
    apart: bool,
}

/// Cuts between two comparisons with the ledger.
const STORY: u32 = 10;
/// xfs refuses less than 300 MB.
const IMAGE: u64 = 320 << 20;

/// Starts itself in a mount namespace of its own and does the work there.
pub(crate) fn run(chosen: &Cuts) -> Result<Tally, ExitCode> {
    if chosen.apart {
        return Ok(cut(chosen));
    }
    let mut again = Command::new("unshare");
    again.args(["--mount", "--propagation", "private"]);
    again.arg(std::env::current_exe().expect("a program"));
    again.args(["cuts", "--cuts", &chosen.cuts.to_string(), "--apart"]);
    again.args(["--seed", &chosen.seed.to_string()]);
    again.args(chosen.on.iter().flat_map(|kind| ["--on", kind]));
    let status = again.status().expect("unshare is part of util-linux");
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(ExitCode::from(code.unwrap_or(1)))
}

fn cut(chosen: &Cuts) -> Tally {
    println!("seed {}", chosen.seed);
    let mut random = fastrand::Rng::with_seed(chosen.seed);
    let mut tally = Tally::default();
    for kind in &chosen.on {
        let stories = chosen.cuts.div_ceil(STORY);
        for (story, stream) in (0..stories).zip(Stream::ALL.into_iter().cycle()) {
            let label = format!("{kind}, {}, story {story}", stream.name());
            let cuts = STORY.min(chosen.cuts - story * STORY);
            tally.check(&label, || {
                tell(&Volume::new(kind), stream, cuts, &mut random)
            });
            tally.count(
                &format!("{kind}: cuts of {}", stream.name()),
                u64::from(cuts),
            );
        }
    }
    tally
}

/// Cuts one installation again and again, then lets it finish.
fn tell(volume: &Volume, stream: Stream, cuts: u32, random: &mut fastrand::Rng) {
    let place = stream.set_in(&volume.mount);
    command("sync", [Path::new("-f"), &volume.mount]);
    let undisturbed = Instant::now();
    stream.run(&place).stays_silent();
    let usual = undisturbed.elapsed();
    for part in 0..cuts {
        stream.serve(&place, 4 + u64::from(part));
        let mut child = stream.command(&place).spawn().expect("the program starts");
        std::thread::sleep(usual.mul_f64(random.f64() * 1.2));
        volume.cut_power();
        drop(child.kill());
        place.wait(child);
        volume.mount_again();
        stream.assert_whole(&place);
    }
    stream.run(&place).stays_silent();
    stream.assert_complete(&place);
}

/// A file system on an image file.
struct Volume {
    _folder: TempDir,
    mount: PathBuf,
    device: String,
}

impl Volume {
    fn new(kind: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let [image, mount] = ["image", "mount"].map(|name| folder.path().join(name));
        fs::create_dir(&mount).expect("a folder");
        let file = File::create(&image).expect("a file");
        file.set_len(IMAGE).expect("a sparse file");
        let force = if kind == "xfs" { "-f" } else { "-F" };
        command(
            &format!("mkfs.{kind}"),
            [Path::new("-q"), Path::new(force), &image],
        );
        let device = command(
            "losetup",
            [Path::new("--find"), Path::new("--show"), &image],
        );
        let volume = Self {
            _folder: folder,
            mount,
            device: device.trim().to_owned(),
        };
        command("mount", [Path::new(&volume.device), &volume.mount]);
        volume
    }

    /// Without `-f` the journal is not flushed first.
    fn cut_power(&self) {
        let arguments = ["-x", "-c", "shutdown"].map(Path::new);
        command(
            "xfs_io",
            arguments.into_iter().chain([self.mount.as_path()]),
        );
    }

    fn mount_again(&self) {
        // a process that was killed may hold the file system for a moment longer
        let limit = Instant::now() + Duration::from_secs(5);
        while !succeeds("umount", [self.mount.as_path()]) && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        command("mount", [Path::new(&self.device), &self.mount]);
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        succeeds("umount", [self.mount.as_path()]);
        succeeds("losetup", [Path::new("--detach"), Path::new(&self.device)]);
    }
}

/// What a command prints; it has to succeed.
fn command<'a>(program: &str, arguments: impl IntoIterator<Item = &'a Path>) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeeds<'a>(program: &str, arguments: impl IntoIterator<Item = &'a Path>) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
