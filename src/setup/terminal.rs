//! The terminal, given back as it was, also when Ctrl-C ends a hidden question.
//!
//! A prompt for a password switches the echo off, and its library leaves that so when a signal ends
//! the program. While questions are asked, a thread waits for the signal and puts things right.

use std::io;

/// While this lives, a signal restores the terminal and ends the program.
pub(super) struct Terminal {
    #[cfg(unix)]
    signals: signal_hook::iterator::Handle,
}

#[cfg(unix)]
impl Terminal {
    pub(super) fn guard() -> io::Result<Self> {
        use rustix::termios::tcgetattr;
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;

        let before = tcgetattr(io::stdin()).ok();
        let mut waiting = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let signals = waiting.handle();
        std::thread::spawn(move || {
            if let Some(signal) = waiting.forever().next() {
                leave(before.as_ref(), signal == SIGINT);
            }
        });
        Ok(Self { signals })
    }
}

#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        self.signals.close();
    }
}

/// Ends the program from the middle of a question, before anything was saved.
#[cfg(unix)]
#[expect(
    clippy::disallowed_methods,
    reason = "the questioning thread sleeps in a read"
)]
fn leave(before: Option<&rustix::termios::Termios>, is_interrupt: bool) {
    use std::io::Write as _;

    use crate::report::Code;

    if let Some(before) = before {
        let _ =
            rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, before);
    }
    let _ = writeln!(io::stderr(), "\x1b[?25h\nstopped: nothing was changed");
    let code = if is_interrupt {
        Code::Interrupted
    } else {
        Code::Terminated
    };
    std::process::exit(code as i32);
}

/// On Windows the console restores its mode itself when a program ends.
#[cfg(not(unix))]
impl Terminal {
    #[allow(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
    pub(super) fn guard() -> io::Result<Self> {
        Ok(Self {})
    }
}
