//! Three weeks of a run every half hour, with everything that can go wrong on the way.
//!
//! A fifth of all answers is faulty, now and then the disk is full, the host's clock is wrong or
//! the run is killed. The runs are processes of this program that run a collector's story with
//! their clock set back; the simulator's is set alike. An agent that reads every new file holds
//! the ledger, because what it has read is deleted after a week.

mod agent;
pub(crate) mod rehearsal;
mod weather;

use std::path::Path;
use std::process::{Command, ExitCode};

use chrono::{TimeDelta, Utc};

use crate::harness::Place;
use crate::sandbox::{AuditEvent, Batch, Member, Object, Record};
use crate::scene::Scene;
use crate::tally::Tally;

use agent::Agent;
use weather::Weather;

/// How long, and which random numbers.
#[derive(Clone, clap::Args)]
pub(crate) struct Soak {
    /// Runs of each collector, half an hour apart
    #[arg(long, default_value_t = 1_008)]
    runs: u32,
    /// Start of the random numbers, as a run before has printed it
    #[arg(long, default_value_t = fastrand::u64(..))]
    seed: u64,
    /// Set by the program for itself: a small disk of its own
    #[arg(long, hide = true)]
    apart: Option<std::path::PathBuf>,
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
    for scene in Scene::ALL {
        let random = fastrand::Rng::with_seed(chosen.seed);
        live(scene, chosen.runs, random, disk, &mut tally);
    }
    tally
}

/// One collector's weeks.
fn live(scene: Scene, runs: u32, random: fastrand::Rng, disk: &Path, tally: &mut Tally) {
    let place = Place::connected_in(disk);
    configure(&place, scene);
    let mut agent = Agent::new(scene);
    let mut weather = Weather::new(&place, random);
    for run in 0..runs {
        let time = moment(run, runs);
        place
            .sandbox
            .set(|switches| switches.clock_offset_seconds = time.num_seconds());
        serve(&place, scene, run, time);
        let kind = weather.turn(run);
        let code = weather.run(&place, scene, time, kind);
        tally.count(&format!("{}: runs", scene.name()), 1);
        tally.count(&format!("{}: {kind:?}, ended with {code}", scene.name()), 1);
        let label = format!("{}, run {run}, {kind:?}", scene.name());
        agent.cost(run, &weather.costs());
        tally.check(&label, || {
            assert!(kind.allows(code), "P7: ended with {code}");
            agent.look(&place, run, Utc::now() + time);
        });
    }
    weather.clear(&place);
    let time = moment(runs + 2, runs); // whatever wait was asked for is over
    tally.check(&format!("{}, the end", scene.name()), || {
        place
            .sandbox
            .set(|switches| switches.clock_offset_seconds = time.num_seconds());
        for _ in 0..2 {
            let code = weather.run(&place, scene, time, weather::Turn::Fine);
            assert_eq!(code, 0, "a last run in fine weather");
        }
        agent.look(&place, runs, Utc::now() + time);
        agent.assert_has_read_all(&place);
        agent.assert_flat();
    });
    tally.count(
        &format!("{}: faulty answers", scene.name()),
        weather.faults(),
    );
    agent.tell(tally);
    place.sandbox.allow_complaints();
}

/// The weeks end now: files that a run makes are then younger than its clock says, never so much
/// older that the same run would delete them.
fn moment(run: u32, runs: u32) -> TimeDelta {
    STEP * (run as i32 - runs as i32 - 4)
}

fn configure(place: &Place, scene: Scene) {
    let more = format!("{NETWORK}\n[audit]\nformat = \"json\"");
    match scene {
        Scene::Siem1 | Scene::Audit1 => place.configure(&more),
        Scene::Siem2 | Scene::Audit2 => place.configure_tokens(&more),
    }
    place.sandbox.set(|switches| switches.replays_differ = true);
}

/// What half an hour brings; each event is another one.
fn serve(place: &Place, scene: Scene, run: u32, time: TimeDelta) {
    let (seed, now) = (u64::from(run), Utc::now() + time);
    match scene {
        Scene::Siem1 => {
            let member = |kind| {
                let records = (0..3).map(|number| Record::realistic(kind, seed, number, now));
                Member::new(
                    kind,
                    &now.format("%Y%m%d%H%M%S%3f").to_string(),
                    records.collect(),
                )
            };
            place
                .sandbox
                .serve(Batch::records(["receipt", "ttp_url"].map(member).into()));
        }
        Scene::Siem2 => {
            for kind in ["receipt", "url protect"] {
                place
                    .sandbox
                    .serve_objects(kind, Object::realistic_at(seed, 3, now));
            }
        }
        Scene::Audit1 | Scene::Audit2 => {
            // the last one comes late: a run before has asked for its time
            let ages = [2, 9, 21, 50].map(TimeDelta::minutes);
            let events = (0..)
                .zip(ages)
                .map(|(index, age)| AuditEvent::realistic(seed * 4 + index, now - age));
            place.sandbox.audit(events);
        }
    }
}
