//! What goes wrong, made up by chance.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use tempfile::TempDir;

use super::clock::Clock;
use crate::harness::{Installation, Outcome};
use crate::stream::Stream;
use mimecast_sandbox::{Endpoint, Reply, Wire, changes};

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing but faulty answers.
    Fine,
    Killed,
    DiskFull,
    /// The host's clock is off.
    HostClock(&'static str, TimeDelta),
    /// Mimecast's clock is off.
    ServerClock(&'static str, TimeDelta),
}

impl Turn {
    /// Whether a run may end so: never as a bug, and never as if the configuration were wrong, unless
    /// clocks are days apart for the third time: `apart` counts such runs in a row.
    pub(super) fn allows(self, code: i32, apart: u32) -> bool {
        match code {
            -1 => self == Self::Killed,
            74 => self == Self::DiskFull,
            78 => self.is_days_apart() && apart >= LASTING_RUNS,
            0 | 65 | 75 | 76 | 77 => true,
            _ => false,
        }
    }

    /// Whether the two clocks are more than a day apart.
    pub(super) fn is_days_apart(self) -> bool {
        matches!(self, Self::HostClock(_, off) | Self::ServerClock(_, off) if off.abs() > TimeDelta::days(1))
    }

    /// What the kind is called where runs are counted.
    pub(super) fn name(self) -> String {
        match self {
            Self::HostClock(name, _) => format!("host's clock {name}"),
            Self::ServerClock(name, _) => format!("Mimecast's clock {name}"),
            turn => format!("{turn:?}"),
        }
    }
}

/// After so many runs in a row something lasts.
pub(super) const LASTING_RUNS: u32 = 3;

const HOST_CLOCKS: [(&str, TimeDelta); 10] = [
    ("an hour ahead", TimeDelta::hours(1)),
    ("an hour behind", TimeDelta::hours(-1)),
    ("20 hours ahead", TimeDelta::hours(20)),
    ("20 hours behind", TimeDelta::hours(-20)),
    ("three days ahead", TimeDelta::days(3)),
    ("three days behind", TimeDelta::days(-3)),
    ("thirty days ahead", TimeDelta::days(30)),
    ("thirty days behind", TimeDelta::days(-30)),
    ("ten years ahead", TimeDelta::days(3_650)),
    ("ten years behind", TimeDelta::days(-3_650)),
];

const SERVER_CLOCKS: [(&str, TimeDelta); 6] = [
    ("two hours ahead", TimeDelta::hours(2)),
    ("two hours behind", TimeDelta::hours(-2)),
    ("20 hours ahead", TimeDelta::hours(20)),
    ("20 hours behind", TimeDelta::hours(-20)),
    ("three days ahead", TimeDelta::days(3)),
    ("three days behind", TimeDelta::days(-3)),
];

/// How long a clock stays wrong, in runs, and the seconds that a signature may be off by if the service
/// does not care.
const LONGEST_SPELL: u32 = 5;
const ANY_SKEW: u64 = 1 << 40;
const STRICT_SKEW: u64 = 900;

/// A fifth of the answers, and what the kernel does.
pub(super) struct RandomFaults {
    random: fastrand::Rng,
    faults: Arc<AtomicU64>,
    clock: Clock,
    costs: TempDir,
    /// A wrong clock that lasts, and for how many more runs.
    spell: (Turn, u32),
}

impl RandomFaults {
    pub(super) fn new(place: &Installation, mut random: fastrand::Rng) -> Self {
        let faults = Arc::new(AtomicU64::new(0));
        for endpoint in Endpoint::ALL {
            let own = Mutex::new(random.fork());
            let faults = Arc::clone(&faults);
            place.always(endpoint, move |reply| {
                let mut random = own.lock().expect("nobody panics with it");
                if random.u32(0..5) == 0 {
                    faults.fetch_add(1, Ordering::Relaxed);
                    spoil(endpoint, reply, &mut random);
                }
            });
        }
        Self {
            random,
            faults,
            clock: Clock::build().expect("a C compiler"),
            costs: TempDir::new().expect("a temporary folder"),
            spell: (Turn::Fine, 0),
        }
    }

    pub(super) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// What happens to this run; the first day is quiet, as after a setup.
    pub(super) fn turn(&mut self, place: &Installation, run: u32) -> Turn {
        if self.spell.1 > 0 {
            self.spell.1 -= 1;
            return self.spell.0;
        }
        let random = &mut self.random;
        let turn = match random.u32(0..60) {
            _ if run < super::DAY => Turn::Fine,
            0..6 => Turn::Killed,
            6..9 => Turn::DiskFull,
            9 | 10 => {
                let (name, off) = HOST_CLOCKS[random.usize(0..HOST_CLOCKS.len())];
                Turn::HostClock(name, off)
            }
            11 => {
                let (name, off) = SERVER_CLOCKS[random.usize(0..SERVER_CLOCKS.len())];
                Turn::ServerClock(name, off)
            }
            _ => Turn::Fine,
        };
        if matches!(turn, Turn::HostClock(..) | Turn::ServerClock(..)) {
            self.spell = (turn, random.u32(0..LONGEST_SPELL));
            let limit = [STRICT_SKEW, ANY_SKEW][random.usize(0..2)];
            place.set(|switches| switches.skew_limit_seconds = limit);
        }
        turn
    }

    /// The sky clears.
    pub(super) fn clear(&self, place: &Installation) {
        place.clear();
    }

    pub(super) fn costs(&self) -> PathBuf {
        self.costs.path().join("costs")
    }

    /// Runs the collector at that time, which is told as a distance from now; its code is -1 when it was
    /// killed.
    pub(super) fn run(
        &mut self,
        place: &Installation,
        stream: Stream,
        time: TimeDelta,
        turn: Turn,
    ) -> Outcome {
        let (mut host, mut server) = (time, time);
        match turn {
            Turn::HostClock(_, off) => host += off,
            Turn::ServerClock(_, off) => server += off,
            _ => {}
        }
        place.set(|switches| switches.clock_offset_seconds = server.num_seconds());
        let mut command = stream.command(place);
        self.clock.shift(&mut command, host, &self.costs());
        command
            .arg("--json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let ballast = place.path("ballast");
        if turn == Turn::DiskFull {
            fill(&ballast, self.random.usize(0..8) * 4096);
        }
        let mut child = command.spawn().expect("the program starts");
        if turn == Turn::Killed {
            std::thread::sleep(Duration::from_micros(self.random.u64(0..80_000)));
            child.kill().expect("it was running or had ended");
        }
        let outcome = place.wait(child);
        drop(fs::remove_file(ballast));
        outcome
    }
}

/// Takes all of the disk but `room` bytes.
fn fill(ballast: &std::path::Path, room: usize) {
    let mut file = fs::File::create(ballast).expect("a file");
    let chunk = [0; 4096];
    while file.write_all(&chunk).is_ok() {}
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    drop(file.set_len(size.saturating_sub(room as u64)));
}

/// Makes an answer faulty in a way that passes: none of these says for sure that data are gone.
fn spoil(endpoint: Endpoint, reply: &mut Reply, random: &mut fastrand::Rng) {
    let half = reply.body.len() / 2;
    match random.u32(0..13) {
        0 => changes::status([500, 502, 503, 504, 408][random.usize(0..5)])(reply),
        1 => changes::status([403, 418, 451][random.usize(0..3)])(reply),
        2 => changes::rate_limited(Some(random.u64(0..40)), None)(reply),
        3 => changes::rate_limited(None, Some("1800"))(reply),
        4 => changes::html_200()(reply),
        5 => reply.wire = Wire::ResetNow,
        6 => reply.wire = Wire::CutAt(random.usize(0..=half)),
        7 => reply.wire = Wire::NoLength,
        8 => changes::truncated(random.usize(0..=half))(reply),
        // only what carries a checksum: under TLS no other bit flips unseen
        9 if matches!(endpoint, Endpoint::Siem | Endpoint::Object) => flip(reply, random),
        10 => changes::status(401)(reply),
        11 if endpoint == Endpoint::Object => changes::store_error(403, "AccessDenied")(reply),
        9 | 11 => changes::fail_in_200("err_unknown", "try again")(reply),
        // a second is long in simulated weeks: seldom
        _ if random.u32(0..30) == 0 => reply.wire = Wire::StallAt(half, Duration::from_secs(2)),
        _ => reply.wire = Wire::Chunked,
    }
}

/// Another bit each time, so that two copies of a damaged body differ.
fn flip(reply: &mut Reply, random: &mut fastrand::Rng) {
    let mut body = reply.body.to_vec();
    if let Some(byte) = random.choice(&mut body) {
        *byte ^= 1 << random.u32(0..8);
    }
    reply.set_body(body);
}
