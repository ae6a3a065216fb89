//! What a campaign covered and what it found.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Counts by name, and findings.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<String, u64>,
    findings: Vec<String>,
}

impl Tally {
    /// Adds to a count.
    pub(crate) fn count(&mut self, what: &str, times: u64) {
        *self.counts.entry(what.to_owned()).or_default() += times;
    }

    /// Keeps the larger value.
    pub(crate) fn most(&mut self, what: &str, value: u64) {
        let kept = self.counts.entry(what.to_owned()).or_default();
        *kept = value.max(*kept);
    }

    /// Does the checks of the test suite, which panic; a panic becomes a finding at that place.
    pub(crate) fn check(&mut self, place: &str, checks: impl FnOnce()) {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ())); // it is told below, in one line
        let checked = catch_unwind(AssertUnwindSafe(checks));
        std::panic::set_hook(hook);
        if let Err(panic) = checked {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let finding = format!("{place}: {}", text.unwrap_or_default());
            println!("FOUND {finding}");
            self.findings.push(finding);
        }
    }

    /// Prints what was covered; any finding is a failure.
    pub(crate) fn end(self) -> ExitCode {
        for (what, count) in &self.counts {
            println!("{count:>8}  {what}");
        }
        println!("{:>8}  findings", self.findings.len());
        if self.counts.is_empty() || !self.findings.is_empty() {
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}
