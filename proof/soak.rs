//! Three weeks of a run every half hour, with everything that can go wrong on the way.
//!
//! A fifth of all answers is faulty, now and then the disk is full, a clock is wrong for some runs or
//! the run is killed; and single items are bad among good ones, for some runs or for ever. The runs are
//! processes of this program that run a collector's story with their clock set back; the simulator's is
//! set alike. An agent reads every new file, and leaves, deletes or moves it. At the end it has read all
//! but what some run has told as lost, and whatever had to be told was told once.

mod ills;
pub(crate) mod rehearsal;
mod service;
mod told;
mod weather;
mod weights;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use chrono::{TimeDelta, Utc};

use crate::agent::{Agent, Habit};
use crate::harness::{Outcome, Place};
use crate::scene::Scene;
use crate::tally::Tally;

use service::Service;
use told::Told;
use weather::{LASTING_RUNS, Turn, Weather};
use weights::{Ages, Weights};

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
fn live(scene: Scene, runs: u32, mut random: fastrand::Rng, disk: &Path, tally: &mut Tally) {
    let place = Place::connected_in(disk);
    configure(&place, scene);
    let mut life = Life::new(place, scene, &mut random);
    for run in 0..runs {
        let time = moment(run, runs);
        let kind = life.weather.turn(&life.place, run);
        life.serve(run, time);
        let began = SystemTime::now();
        let outcome = life.weather.run(&life.place, scene, time, kind);
        let code = outcome.code;
        tally.count(&format!("{}: runs", scene.name()), 1);
        let label = format!("{}: {}, ended with {code}", scene.name(), kind.name());
        tally.count(&label, 1);
        let label = format!("{}, run {run}, {}", scene.name(), kind.name());
        tally.check(&label, || life.look(run, (time, began), kind, &outcome));
    }
    tally.check(&format!("{}, the end", scene.name()), || {
        life.end(runs);
    });
    life.count(tally);
}

/// An installation, what it meets, and who looks at it.
struct Life {
    scene: Scene,
    place: Place,
    service: Service,
    weather: Weather,
    random: fastrand::Rng,
    agent: Agent,
    told: Told,
    weights: Weights,
    ages: Ages,
    /// Runs in a row with clocks that were days apart: all, and those that came to their end.
    apart: (u32, u32),
}

impl Life {
    fn new(place: Place, scene: Scene, random: &mut fastrand::Rng) -> Self {
        let weather = Weather::new(&place, random.fork());
        Self {
            scene,
            service: Service::new(&place, scene, random.fork()),
            weather,
            random: random.fork(),
            agent: Agent::new(scene.folder(), Habit::Leaves),
            told: Told::default(),
            weights: Weights::default(),
            ages: Ages::of(&place, scene),
            apart: (0, 0),
            place,
        }
    }

    fn serve(&mut self, run: u32, time: TimeDelta) {
        self.place
            .sandbox
            .set(|switches| switches.clock_offset_seconds = time.num_seconds());
        self.service.serve(&self.place, run, Utc::now() + time);
    }

    /// Judges a run, and lets the agent read.
    fn look(
        &mut self,
        run: u32,
        (time, began): (TimeDelta, SystemTime),
        kind: Turn,
        outcome: &Outcome,
    ) {
        self.told.hear(&self.place, kind, outcome);
        let (now, mut host) = (Utc::now() + time, Utc::now() + time);
        if let Turn::HostClock(_, off) = kind {
            host += off;
        }
        self.weights.cost(run, &self.weather.costs());
        self.weights.look(&self.place, run, began, host);
        self.ages.after_run(now);
        self.scene.assert_whole(&self.place);
        if self.random.u32(0..10) > 0 {
            let habits = [Habit::Leaves, Habit::Leaves, Habit::Deletes, Habit::Moves];
            self.agent.take_to(habits[self.random.usize(0..4)]);
            self.agent.look(&self.place);
            self.ages.after_agent();
            drop(std::fs::remove_dir_all(self.place.path("read")));
        }
        self.judge(kind, outcome);
        let repeated = self.agent.repeated();
        let known: Vec<_> = self.service.twice().collect();
        let repeated = repeated
            .iter()
            .find(|line| !known.contains(&line.as_bytes()));
        assert!(repeated.is_none(), "P2: read twice: {repeated:?}");
    }

    fn judge(&mut self, kind: Turn, outcome: &Outcome) {
        let code = outcome.code;
        let has_ended = [0, 65, 78].contains(&code);
        if kind.is_days_apart() {
            self.apart.0 += 1;
            self.apart.1 = if has_ended { self.apart.1 + 1 } else { 0 };
        } else if has_ended {
            self.apart = (0, 0);
        }
        let allowed = kind.allows(code, self.apart.0);
        assert!(allowed, "P7: ended with {code}: {outcome:?}");
        let lasts = kind.is_days_apart() && self.apart.1 >= LASTING_RUNS;
        assert!(
            !lasts || code == 78,
            "P7: clocks are days apart for the {}th time, and the run ended with {code}",
            self.apart.1
        );
    }

    /// Fine weather, and then everything has to add up.
    fn end(&mut self, runs: u32) {
        self.weather.clear(&self.place);
        self.service.ills.heal(&self.place);
        let time = moment(runs + 2, runs); // whatever wait was asked for is over
        let mut codes = Vec::new();
        while !codes.ends_with(&[0, 0]) && codes.len() < 5 {
            let outcome = self.weather.run(&self.place, self.scene, time, Turn::Fine);
            self.told.hear(&self.place, Turn::Fine, &outcome);
            codes.push(outcome.code);
        }
        // what is still to be told, and objects that have failed before, may need a run of their own
        assert!(codes.ends_with(&[0, 0]), "the last runs end with {codes:?}");
        let may_be = |code: &i32| [0, 65, 75].contains(code);
        assert!(codes.iter().all(may_be), "the last runs end with {codes:?}");
        self.ages.after_run(Utc::now() + time);
        self.agent.look(&self.place);
        let expected = self.told.expected(&self.service, &self.agent);
        self.agent.assert_read(expected);
        self.told.assert_each_once();
        self.told.assert_accounts_for(&self.place);
        self.told.assert_keeps(&self.service);
        self.weights.assert_flat();
    }

    fn count(self, tally: &mut Tally) {
        let scene = self.scene.name();
        let both = (&self.service, &self.agent);
        self.told.tell(scene, both, tally);
        tally.count(&format!("{scene}: faulty answers"), self.weather.faults());
        let deleted = self.ages.deleted();
        tally.count(
            &format!("{scene}: files deleted because of their age"),
            deleted,
        );
        self.weights.tell(self.scene, tally);
        self.place.sandbox.allow_complaints();
    }
}

/// The weeks end now, so that no time that a program chooses is later than this machine's.
fn moment(run: u32, runs: u32) -> TimeDelta {
    STEP * (run as i32 - runs as i32 - 4)
}

fn configure(place: &Place, scene: Scene) {
    let more = format!("{NETWORK}\n[audit]\nformat = \"json\"\n[retention]\nquarantine_days = 7");
    match scene {
        Scene::Siem1 | Scene::Audit1 => place.configure(&more),
        Scene::Siem2 | Scene::Audit2 => place.configure_tokens(&more),
    }
    place.sandbox.set(|switches| switches.replays_differ = true);
}
