//! The terminal, given back as it was, also when Ctrl-C ends a hidden question.
//!
//! A question waits in a read that no signal ends, and a hidden one has switched the echo off. While
//! questions are asked, a thread watches for the signal, puts things right and ends the program.

#[cfg(unix)]
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::PROGRAM;
use crate::clock::{Clock, Stopped, TICK};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::output::Output;

/// While this lives, a signal restores the terminal and ends the program.
pub(super) struct Terminal {
    is_over: Arc<AtomicBool>,
}

impl Terminal {
    pub(super) fn guard(clock: &Clock, output: &Output) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, clock, output) = (Arc::clone(&is_over), clock.clone(), output.clone());
        let before = Settings::now();
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if let Err(stopped) = clock.sleep(TICK) {
                    leave(&before, &output, stopped);
                }
            }
        });
        Self { is_over }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Waits for the thread that ends the program: a question was interrupted.
pub(super) fn wait_for_the_end() -> ! {
    loop {
        thread::park();
    }
}

/// Ends the program from the middle of a question, before anything was saved.
#[expect(
    clippy::disallowed_methods,
    reason = "the questioning thread sleeps in a read"
)]
fn leave(before: &Settings, output: &Output, stopped: Stopped) -> ! {
    before.restore();
    eprintln!();
    let what = format!("{stopped}, nothing was changed");
    let code = match stopped {
        Stopped::Interrupted => Code::Interrupted,
        Stopped::Terminated | Stopped::OutOfTime => Code::Terminated,
    };
    let failure = Failure::new(code, what, format!("run {PROGRAM} when you are ready"));
    let code = output.end(&Report::default(), Some(&failure));
    std::process::exit(code as i32);
}

/// Echo and all else that a terminal is set to.
#[cfg(unix)]
struct Settings(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Settings {
    fn now() -> Self {
        Self(rustix::termios::tcgetattr(io::stdin()).ok())
    }

    fn restore(&self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before); // a terminal that has gone needs nothing
        }
    }
}

/// On Windows the console restores its mode itself when a program ends.
#[cfg(not(unix))]
struct Settings;

#[cfg(not(unix))]
impl Settings {
    fn now() -> Self {
        Self
    }

    fn restore(&self) {}
}
