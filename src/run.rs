//! The frame of a process: arguments, log, output, and a panic that ends like any other failure.
//!
//! Only this module prints. Only this module and [`crate::commands`] end the process. The module does not
//! know the account or the logs.

pub mod arguments;
pub mod invocation;
pub mod log;
pub mod output;
pub mod process;
pub mod progress;
mod wrap;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::clock::Clock;
use crate::failure::{Code, Failure};

/// One of the three programs.
#[derive(Debug)]
pub struct Program {
    /// The first part of the names of its log files.
    pub name: &'static str,
    /// The name of its executable.
    pub executable: &'static str,
    /// The description that `--help` shows.
    pub about: &'static str,
}

/// Runs the work of a program and returns the failure that ended it. A panic is a failure, too.
pub fn guarded(work: impl FnOnce() -> Result<(), Failure>) -> Option<Failure> {
    if let Err(error) = process::can_start_threads() {
        let what = format!("cannot start a thread: {error}");
        let remedy = "raise the limit of processes for this user (ulimit -u, TasksMax=)";
        return Some(Failure::new(Code::Disk, what, remedy));
    }
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.err(),
        Err(_) => Some(Failure::new(
            Code::Bug,
            "the program has met a state that must not occur",
            "report this with the log; the stored files are safe",
        )),
    }
}

/// Starts the clock of a run. The clock also notices the signals that ask the program to end.
pub fn start_clock() -> Result<Clock, Failure> {
    Clock::start().map_err(|error| {
        let what = format!("cannot listen for signals: {error}");
        let remedy = "raise the limits of this user on this host";
        Failure::new(Code::Disk, what, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_of_ours_and_tells_nothing_of_its_payload() {
        let failure = guarded(|| panic!("canary")).unwrap();
        assert_eq!(failure.code, Code::Bug);
        assert!(!format!("{failure:?}").contains("canary"));
    }
}
