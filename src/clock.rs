//! The one place that knows what time it is, how much of it is left, and whether to stop.
//!
//! Wall-clock time is for signatures, windows and names; waiting and the run's budget use elapsed
//! time, which no clock change can bend.

mod present;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

pub use present::{Present, Reading};

/// How soon a wait notices a signal.
pub const TICK: Duration = Duration::from_millis(100);

/// The host's wall-clock time.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Why a run ends before its work does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Asked to end, or the terminal has gone.
    #[error("terminated")]
    Terminated,
    /// The time for this run is used up.
    #[error("the time for this run is used up")]
    OutOfTime,
}

/// Time, budget and signals of one run; a copy shares them.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    budget: Duration,
    signal: Arc<AtomicUsize>,
    known: Arc<Mutex<Known>>,
}

/// What is known of the time beside the host's clock.
#[derive(Debug, Default)]
struct Known {
    /// Mimecast's clock minus the host's.
    skew: Option<TimeDelta>,
    /// The earliest plausible time at the end of the last run.
    last: Option<DateTime<Utc>>,
}

/// What the signal handlers store; 0 while none has come. Any other value is a request to end.
const INTERRUPTED: usize = 2;
#[cfg(unix)]
const TERMINATED: usize = 15;

impl Clock {
    /// Starts the run's time and takes over the signals that ask a program to end.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> std::io::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        listen(&signal)?;
        Ok(Self {
            started: Instant::now(),
            budget: Duration::MAX,
            signal,
            known: Arc::default(),
        })
    }

    /// The same clock with a limit on the run's time.
    pub const fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// The host's wall-clock time.
    pub fn now(&self) -> DateTime<Utc> {
        now()
    }

    /// Learns the time of Mimecast's clock from an answer.
    pub fn learn(&self, server: DateTime<Utc>) {
        self.known().skew = Some(server - self.now());
    }

    /// Learns when the last run ended: the latest of several times counts.
    pub fn learn_last(&self, last: Option<DateTime<Utc>>) {
        let mut known = self.known();
        known.last = known.last.max(last);
    }

    /// Mimecast's clock minus the host's, once an answer has shown it.
    pub fn skew(&self) -> Option<TimeDelta> {
        self.known().skew
    }

    /// What all clocks together say about the time.
    pub fn present(&self) -> Present {
        let (host, known) = (self.now(), self.known());
        let server = known.skew.map(|skew| host + skew);
        let last = known.last;
        Reading { host, server, last }.present()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What is left of the budget.
    pub fn left(&self) -> Duration {
        self.budget.saturating_sub(self.elapsed())
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// The reason to stop.
    pub fn check(&self) -> Result<(), Stopped> {
        self.check_signal()?;
        if self.left().is_zero() {
            Err(Stopped::OutOfTime)
        } else {
            Ok(())
        }
    }

    /// Whether to go on with what the budget does not end: storing what has arrived.
    ///
    /// # Errors
    /// The signal that asks to stop.
    pub fn check_signal(&self) -> Result<(), Stopped> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            INTERRUPTED => Err(Stopped::Interrupted),
            _ => Err(Stopped::Terminated),
        }
    }

    /// Waits; a signal or the end of the budget ends it early.
    ///
    /// # Errors
    /// The reason to stop.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let begun = self.elapsed();
        loop {
            self.check()?;
            let left = duration.saturating_sub(self.elapsed() - begun);
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(TICK));
        }
    }
}

#[cfg(unix)]
fn listen(signal: &Arc<AtomicUsize>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag::register_usize;
    for (number, meaning) in [
        (SIGINT, INTERRUPTED),
        (SIGTERM, TERMINATED),
        (SIGHUP, TERMINATED),
    ] {
        register_usize(number, Arc::clone(signal), meaning)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn listen(signal: &Arc<AtomicUsize>) -> std::io::Result<()> {
    let signal = Arc::clone(signal);
    ctrlc::set_handler(move || signal.store(INTERRUPTED, Ordering::Relaxed))
        .map_err(std::io::Error::other)
}
