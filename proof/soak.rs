//! Three weeks of a run every half hour, with everything that can go wrong on the way.
//!
//! A fifth of all answers is faulty, now and then the disk is full, a clock is wrong for some runs or
//! the run is killed; and single items are bad among good ones, for some runs or for ever. The runs are
//! the collectors themselves, whose host's clock is set back; the simulator's is set alike. An agent reads every new file, and leaves, deletes or moves it. At the end it has read all
//! but what some run has told as lost, and whatever had to be told was told once.

mod bad_items;
mod clock;
mod life;
mod random_faults;
mod service;
mod told;
mod weights;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use chrono::TimeDelta;

use crate::harness::Installation;
use crate::stream::Stream;
use crate::tally::Tally;

use life::Life;

/// How long, and which random numbers.
#[derive(Clone, clap::Args)]
pub(crate) struct Soak {
    /// Runs of each collector, half an hour apart
    #[arg(long, default_value_t = 1_008)]
    runs: u32,
    /// Start of the random numbers, as a run before has printed it
    #[arg(long, default_value_t = fastrand::u64(..))]
    seed: u64,
    /// Only this collector, for instance "siem 2.0"
    #[arg(long)]
    only: Option<String>,
    /// Takes down each run there, and keeps logs and states
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Set by the program for itself: a small disk of its own
    #[arg(long, hide = true)]
    apart: Option<PathBuf>,
}

/// Half an hour.
const STEP: TimeDelta = TimeDelta::minutes(30);
const DAY: u32 = 48;
/// Quick waits, so that weeks pass in minutes.
const NETWORK: &str = "[network]\nretries = 3\nretry_wait_ms = 2\nidle_timeout_seconds = 1";

/// Starts itself in a mount namespace of its own, where it may make a small disk.
pub(crate) fn run(chosen: &Soak) -> Result<Tally, ExitCode> {
    if let Some(disk) = &chosen.apart {
        return Ok(soak(chosen, disk));
    }
    println!("seed {}", chosen.seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut again = Command::new("unshare");
    again.args(["--mount", "--map-root-user"]);
    again.arg(std::env::current_exe().expect("a program"));
    again.args(["soak", "--runs", &chosen.runs.to_string()]);
    again
        .args(["--seed", &chosen.seed.to_string(), "--apart"])
        .arg(folder.path());
    for (name, value) in [
        ("--only", chosen.only.clone().map(PathBuf::from)),
        ("--keep", chosen.keep.clone()),
    ] {
        again.args(
            value
                .map(|value| [PathBuf::from(name), value])
                .into_iter()
                .flatten(),
        );
    }
    let status = again.status().expect("unshare is part of util-linux");
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(ExitCode::from(code.unwrap_or(1)))
}

fn soak(chosen: &Soak, disk: &Path) -> Tally {
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
        .arg(disk);
    let status = mount.status().expect("mount is there");
    assert!(status.success(), "a small disk is needed");
    let mut tally = Tally::default();
    for stream in Stream::ALL {
        if chosen
            .only
            .as_ref()
            .is_some_and(|only| only != stream.name())
        {
            continue;
        }
        let random = fastrand::Rng::with_seed(chosen.seed);
        live(stream, chosen, random, disk, &mut tally);
    }
    tally
}

/// One collector's weeks.
fn live(stream: Stream, chosen: &Soak, mut random: fastrand::Rng, disk: &Path, tally: &mut Tally) {
    let runs = chosen.runs;
    let place = Installation::connected_in(disk);
    configure(&place, stream);
    let mut life = Life::new(place, stream, &mut random);
    for run in 0..runs {
        let time = moment(run, runs);
        let kind = life.faults.turn(&life.place, run);
        life.serve(run, time);
        let began = SystemTime::now();
        let outcome = life.faults.run(&life.place, stream, time, kind);
        life.take_down(chosen.keep.as_deref(), run, kind, &outcome);
        let code = outcome.code;
        tally.count(&format!("{}: runs", stream.name()), 1);
        let label = format!("{}: {}, ended with {code}", stream.name(), kind.name());
        tally.count(&label, 1);
        let label = format!("{}, run {run}, {}", stream.name(), kind.name());
        tally.check(&label, || life.look(run, (time, began), kind, &outcome));
    }
    tally.check(&format!("{}, the end", stream.name()), || {
        life.end(runs);
    });
    life.keep(chosen.keep.as_deref());
    life.count(tally);
}

/// The weeks end now, so that no time that a program chooses is later than this machine's.
fn moment(run: u32, runs: u32) -> TimeDelta {
    STEP * (run as i32 - runs as i32 - 4)
}

fn configure(place: &Installation, stream: Stream) {
    let more = format!("{NETWORK}\n[audit]\nformat = \"json\"\n[retention]\nquarantine_days = 7");
    match stream {
        Stream::Siem1 | Stream::Audit1 => place.configure(&more),
        Stream::Siem2 | Stream::Audit2 => place.configure_tokens(&more),
    }
    place.set(|switches| switches.replays_differ = true);
}
