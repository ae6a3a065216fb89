//! What a program costs: time on the clock, time on a processor, memory.
//!
//! CPU time is what the kernel has booked for this process's ended children, read before and after;
//! memory is the mark that it keeps of a process's largest size, read until the process ends. Both
//! stand in `/proc`: that needs neither unsafe code nor another program (`time` would hide a small
//! process behind the size of the one that started it). Elsewhere the two are left out.

use std::fs;
use std::io;
use std::ops::{Add, Div};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// How often memory is looked at; what a process takes in its very last moment is missed.
const LOOK: Duration = Duration::from_millis(2);
/// What `/proc` counts in, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The cost of one run, in seconds and bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    /// User and system together.
    pub(crate) cpu: Option<f64>,
    /// At its peak.
    pub(crate) memory: Option<f64>,
    /// CPU time of this process meanwhile: the simulator's and the listener's.
    pub(crate) serving: Option<f64>,
}

impl Cost {
    /// Runs a program to its end, one at a time; fails when it cannot be started.
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

    /// The least times and the most memory of several runs: noise only ever adds time.
    pub(crate) fn best(runs: &[Self]) -> Option<Self> {
        runs.iter().copied().reduce(|one, other| Self {
            wall: one.wall.min(other.wall),
            cpu: both(one.cpu, other.cpu, f64::min),
            memory: both(one.memory, other.memory, f64::max),
            serving: both(one.serving, other.serving, f64::min),
        })
    }
}

/// Several runs, one after the other.
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

/// The mean of several runs.
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

/// CPU seconds since this process began.
struct Ticks {
    own: f64,
    children: f64,
}

impl Ticks {
    fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // after the program's name, which may hold blanks
        let (_, numbers) = text.rsplit_once(')')?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let seconds = |at: usize| Some(numbers.get(at)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
        Some(Self {
            own: seconds(11)? + seconds(12)?,
            children: seconds(13)? + seconds(14)?,
        })
    }
}

/// The largest size of a process so far.
fn peak(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
