//! The simulator of Mimecast's APIs 1.0 and 2.0 alone, to rehearse the wizard, cron, agents and outages without an account.
//!
//! ```text
//! cargo run --release --example sandbox
//! ```
//!
//! It prints what to type in a second terminal, and then one line per request. Typed commands rehearse trouble.

#![allow(
    clippy::disallowed_methods,
    reason = "the collector's one clock is not for a simulator that runs beside it"
)]

mod guide;
mod rehearsal;

use std::io::{self, BufRead as _, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::Parser;

use mimecast_sandbox::{PurgedToken, Sandbox, Seen, StalePage};

use rehearsal::Rehearsal;

/// Simulates Mimecast's APIs 1.0 and 2.0 on a loopback port.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on
    #[arg(long, default_value_t = 8425)]
    port: u16,
    /// Seconds between two new SIEM batches, each with the objects of API 2.0 and some audit events
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// SIEM batches that wait at the start
    #[arg(long, default_value_t = 3)]
    batches: u64,
    /// Events in each batch and in the objects beside it; as many audit events of the last day wait at the start
    #[arg(long, default_value_t = 200)]
    events: usize,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let sandbox = Sandbox::start_on(&format!("127.0.0.1:{}", arguments.port))?;
    // They are shown with the request instead of at the end.
    sandbox.allow_complaints();
    // what is fetched twice has its lines in another order, so that a repetition shows
    sandbox.set(|switches| {
        switches.replays_differ = true;
        // a position whose logs are gone is refused, so that `gap` shows
        switches.siem_purged_before = PurgedToken::Refuse200;
        switches.stale_next_page = StalePage::Refuse;
    });
    sandbox.watch(show);
    let mut rehearsal = Rehearsal::new(sandbox, arguments.events);
    rehearsal.prepare(arguments.batches);
    writeln!(io::stdout(), "{}", guide::introduction(&rehearsal.sandbox))?;

    let every = Duration::from_secs(arguments.every);
    let commands = typed_lines();
    let mut due = Instant::now() + every;
    loop {
        match wait(&commands, due.saturating_duration_since(Instant::now())) {
            Some(command) => {
                if rehearsal.obey(&command)?.is_break() {
                    return Ok(());
                }
            }
            None => {
                rehearsal.more();
                due = Instant::now() + every;
            }
        }
    }
}

/// One line per request.
fn show(seen: &Seen) {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let log_type = query.split('&').find(|pair| pair.starts_with("type="));
    let time = Utc::now().format("%H:%M:%S");
    let mut line = format!(
        "{time}Z  {path} {}  {}",
        log_type.unwrap_or_default(),
        seen.status
    );
    for complaint in &seen.complaints {
        line.push_str("  ! ");
        line.push_str(complaint);
    }
    // A closed terminal is no reason to stop answering.
    let _ = writeln!(io::stdout(), "{line}");
}

/// The lines typed on standard input; its end is not ours.
fn typed_lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next typed line, or `None` when `pause` is over.
fn wait(commands: &Receiver<String>, pause: Duration) -> Option<String> {
    let started = Instant::now();
    match commands.recv_timeout(pause) {
        Ok(command) => Some(command),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            // Standard input has ended: only the interval is left.
            thread::sleep(pause.saturating_sub(started.elapsed()));
            None
        }
    }
}
