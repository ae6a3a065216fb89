//! The clock of a run: the time, the remaining budget, and the signals that stop the run.
//!
//! Signatures, windows and names use wall-clock time. Waiting and the run's budget use elapsed
//! time, which no clock change affects.

mod present;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

pub use present::{Present, Reading};

/// The longest time until a wait notices a signal.
pub const TICK: Duration = Duration::from_millis(100);

/// Returns the host's wall-clock time.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The reason why a run stops early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Terminated by another process, or the terminal has closed.
    #[error("terminated")]
    Terminated,
    /// The run has used up its time.
    #[error("the time for this run is used up")]
    OutOfTime,
}

/// The time, budget and signals of one run. Copies share them.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    budget: Duration,
    signal: Arc<AtomicUsize>,
    known: Arc<Mutex<Known>>,
}

/// The known times beside the host's clock.
#[derive(Debug, Default)]
struct Known {
    /// Mimecast's clock minus the host's.
    skew: Option<TimeDelta>,
    /// The earliest plausible time at the end of the last run.
    last: Option<DateTime<Utc>>,
}

/// The value that a signal handler stores. 0 means no signal, and every other value stops the run.
const INTERRUPTED: usize = 2;
#[cfg(unix)]
const TERMINATED: usize = 15;

impl Clock {
    /// Starts the run's time and handles the signals that stop a program.
    ///
    /// # Errors
    /// The error of the operating system if it refuses the handlers.
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

    /// Returns the same clock with a limit on the run's time.
    pub const fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Returns the host's wall-clock time.
    pub fn now(&self) -> DateTime<Utc> {
        now()
    }

    /// Saves the time of Mimecast's clock, as an answer has shown it.
    pub fn learn(&self, server: DateTime<Utc>) {
        self.known().skew = Some(server - self.now());
    }

    /// Saves the end of the last run. The latest of several times counts.
    pub fn learn_last(&self, last: Option<DateTime<Utc>>) {
        let mut known = self.known();
        known.last = known.last.max(last);
    }

    /// Returns Mimecast's clock minus the host's. `None` before the first answer.
    pub fn skew(&self) -> Option<TimeDelta> {
        self.known().skew
    }

    /// Returns the present time, as decided from all known clocks.
    pub fn present(&self) -> Present {
        let (host, known) = (self.now(), self.known());
        let server = known.skew.map(|skew| host + skew);
        let last = known.last;
        Reading { host, server, last }.present()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the rest of the budget.
    pub fn left(&self) -> Duration {
        self.budget.saturating_sub(self.elapsed())
    }

    /// Fails if a signal or the end of the budget stops the run.
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

    /// Fails if a signal stops the run. For work that the budget does not stop: storing data that
    /// has arrived.
    ///
    /// # Errors
    /// The signal.
    pub fn check_signal(&self) -> Result<(), Stopped> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            INTERRUPTED => Err(Stopped::Interrupted),
            _ => Err(Stopped::Terminated),
        }
    }

    /// Waits. A signal or the end of the budget ends the wait early.
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
