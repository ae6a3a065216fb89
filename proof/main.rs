//! Campaigns against the real programs that are too long, or need too much of the machine, for
//! `cargo test`.
//!
//! ```text
//! cargo test --test proof -- kills       SIGKILL at every file-system call, and again in recovery
//! cargo test --test proof -- errors      every file-system call fails, with seven errors
//! cargo test --test proof -- deliveries  SIGKILL at every file-system call of a run that delivers
//! cargo test --test proof -- cuts        the power fails on real file systems (needs root)
//! cargo test --test proof -- soak        three weeks of runs, with faults, kills and wrong clocks
//! cargo test --test proof -- overlap     ten starts at once, 500 times a stream
//! ```
//!
//! Each prints what it covered and ends with 1 at any finding. `docs/PROOF.md` says what they show.

#![allow(
    clippy::disallowed_methods,
    reason = "a test may do what the product must not"
)]

#[allow(dead_code, reason = "shared with the test suite, which uses all of it")]
#[path = "../tests/agent.rs"]
mod agent;
#[allow(dead_code, reason = "shared with the test suite, which uses all of it")]
#[path = "../tests/canaries.rs"]
mod canaries;
mod cuts;
mod deliveries;
mod errors;
#[allow(dead_code, reason = "shared with the test suite, which uses all of it")]
#[path = "../tests/delivery/far_ends.rs"]
mod far_ends;
#[allow(dead_code, reason = "shared with the test suite, which uses all of it")]
#[path = "../tests/harness/mod.rs"]
mod harness;
mod kills;
mod overlap;
mod soak;
mod strace;
mod stream;
mod tally;

use std::process::ExitCode;

use clap::Parser;

use tally::Tally;

/// What is tried.
#[derive(Parser)]
#[command(name = "proof")]
enum Campaign {
    /// SIGKILL at every file-system call of a run, then at a random one of the recovery (needs strace)
    Kills(Points),
    /// An error from every file-system call of a run (needs strace)
    Errors(Points),
    /// SIGKILL at every file-system call of a run that delivers (needs strace)
    Deliveries(Points),
    /// The power fails on ext4 and xfs (needs root, loop devices, xfsprogs)
    Cuts(cuts::Cuts),
    /// Three weeks of a run every half hour (needs user namespaces, or root)
    Soak(soak::Soak),
    /// Ten starts at once: one works, nine leave
    Overlap {
        /// Rounds for each stream
        #[arg(long, default_value_t = 500)]
        rounds: u32,
    },
}

/// How many of the points, and which random numbers.
#[derive(clap::Args)]
struct Points {
    /// Only every N-th point, for a short form
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Start of the random numbers, as a run before has printed it
    #[arg(long, default_value_t = fastrand::u64(..))]
    seed: u64,
}

impl Points {
    /// The random numbers of this run, once their start is told.
    fn random(&self) -> fastrand::Rng {
        println!("seed {}", self.seed);
        fastrand::Rng::with_seed(self.seed)
    }

    /// Every N-th case, from a random one of the first N.
    fn chosen<C: IntoIterator>(
        &self,
        cases: C,
        random: &mut fastrand::Rng,
    ) -> impl Iterator<Item = C::Item> + use<C> {
        let every = self.every as usize;
        cases.into_iter().skip(random.usize(..every)).step_by(every)
    }
}

fn main() -> ExitCode {
    let tally = match Campaign::parse() {
        Campaign::Kills(points) => Ok(kills::run(&points)),
        Campaign::Errors(points) => Ok(errors::run(&points)),
        Campaign::Deliveries(points) => Ok(deliveries::run(&points)),
        Campaign::Cuts(cuts) => cuts::run(&cuts),
        Campaign::Soak(soak) => soak::run(&soak),
        Campaign::Overlap { rounds } => Ok(overlap::run(rounds)),
    };
    tally.map_or_else(|code| code, Tally::end)
}
