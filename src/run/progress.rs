//! The progress line on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::TICK;
use crate::report::Report;

/// A progress line on standard error, or a hidden one.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(shown: bool) -> Self {
        if !shown {
            return Self(ProgressBar::with_draw_target(
                None,
                ProgressDrawTarget::hidden(),
            ));
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        let bar = ProgressBar::new_spinner().with_message("asking Mimecast");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .tick_chars("|/-\\ "),
        );
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    pub fn show(&self, report: &Report) {
        self.0.set_message(report.amounts());
    }

    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
