//! Restores the terminal, also after Ctrl-C at a hidden question.
//!
//! A question waits in a read that a signal does not end, and a hidden question has switched the echo off.
//! During a question, a thread waits for the signal, restores the terminal and ends the program.

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

/// A guard: until it is dropped, a signal restores the terminal and ends the program.
pub(super) struct Terminal {
    is_over: Arc<AtomicBool>,
}

impl Terminal {
    pub(super) fn guard(clock: &Clock, output: &Output) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, clock, output) = (Arc::clone(&is_over), clock.clone(), output.clone());
        let before = TerminalModes::read();
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if let Err(stopped) = clock.sleep(TICK)
                    && !over.load(Ordering::Relaxed)
                {
                    end_program(&before, &output, stopped);
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

/// Waits until the other thread ends the program, after Ctrl-C at a question.
pub(super) fn wait_for_the_end() -> ! {
    loop {
        thread::park();
    }
}

/// Ends the program during a question. The setup has saved nothing yet.
#[expect(
    clippy::disallowed_methods,
    reason = "the questioning thread sleeps in a read"
)]
fn end_program(before: &TerminalModes, output: &Output, stopped: Stopped) -> ! {
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

/// The settings of the terminal, such as echo.
#[cfg(unix)]
struct TerminalModes(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl TerminalModes {
    fn read() -> Self {
        Self(rustix::termios::tcgetattr(io::stdin()).ok())
    }

    fn restore(&self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.0 {
            // fails only if the terminal has gone
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Empty, because on Windows the console restores its mode when a program ends.
#[cfg(not(unix))]
struct TerminalModes;

#[cfg(not(unix))]
impl TerminalModes {
    fn read() -> Self {
        Self
    }

    fn restore(&self) {}
}
