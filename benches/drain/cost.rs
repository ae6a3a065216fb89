//! Measures the cost of a program: wall time, CPU time and memory.
//!
//! The kernel counts the CPU time of ended children in `/proc`; the difference of two readings is the cost.
//! It also keeps the largest size of a process there, which is read until the process ends. So neither unsafe
//! code nor another program is needed. `time` would report at least the size of the process that started
//! it. On systems without `/proc` both figures are left out.

use std::fs;
use std::io;
use std::ops::{Add, Div};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// The interval of the memory readings. Memory that a process gets after the last one is not counted.
const LOOK: Duration = Duration::from_millis(2);
/// The unit of CPU time in `/proc`, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The cost of one run, in seconds and bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    /// User and system time together.
    pub(crate) cpu: Option<f64>,
    /// The peak.
    pub(crate) memory: Option<f64>,
    /// The CPU time of this process meanwhile, which is that of the simulator and the listener.
    pub(crate) serving: Option<f64>,
}

impl Cost {
    /// Runs a program to its end. Callers run one program at a time. Fails if the program cannot start.
    pub(crate) fn of(command: &mut Command) -> io::Result<(Self, Output)> {
        let before = Ticks::now();
        let begun = Instant::now();
        let child = command.spawn()?;
        let process = child.id();
        let ending = thread::spawn(move || {
            let output = child.wait_with_output();
            (output, begun.elapsed())
        });
        let mut memory = None;
        while !ending.is_finished() {
            memory = peak(process).or(memory); // it only grows
            thread::sleep(LOOK);
        }
        let (output, wall) = ending.join().expect("waiting does not panic");
        let after = Ticks::now();
        let spent = |of: fn(&Ticks) -> f64| Some(of(after.as_ref()?) - of(before.as_ref()?));
        let cost = Self {
            wall: wall.as_secs_f64(),
            cpu: spent(|ticks| ticks.children),
            memory,
            serving: spent(|ticks| ticks.own),
        };
        Ok((cost, output?))
    }

    /// Returns the least times and the most memory of several runs, because noise only adds time.
    pub(crate) fn best(runs: &[Self]) -> Option<Self> {
        runs.iter().copied().reduce(|one, other| Self {
            wall: one.wall.min(other.wall),
            cpu: both(one.cpu, other.cpu, f64::min),
            memory: both(one.memory, other.memory, f64::max),
            serving: both(one.serving, other.serving, f64::min),
        })
    }
}

/// Adds the costs of two runs, one after the other.
impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: both(self.cpu, other.cpu, f64::add),
            memory: both(self.memory, other.memory, f64::max),
            serving: both(self.serving, other.serving, f64::add),
        }
    }
}

/// Divides the sum of several runs into their mean.
impl Div<u32> for Cost {
    type Output = Self;
    fn div(self, runs: u32) -> Self {
        let mean = |sum: f64| sum / f64::from(runs);
        Self {
            wall: mean(self.wall),
            cpu: self.cpu.map(mean),
            memory: self.memory,
            serving: self.serving.map(mean),
        }
    }
}

fn both(one: Option<f64>, other: Option<f64>, join: fn(f64, f64) -> f64) -> Option<f64> {
    Some(join(one?, other?))
}

/// Returns the CPU seconds since this process began.
struct Ticks {
    own: f64,
    children: f64,
}

impl Ticks {
    fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // after the program's name, which may hold spaces
        let (_, numbers) = text.rsplit_once(')')?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let seconds = |at: usize| Some(numbers.get(at)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
        Some(Self {
            own: seconds(11)? + seconds(12)?,
            children: seconds(13)? + seconds(14)?,
        })
    }
}

/// Returns the largest size of a process so far.
fn peak(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
