//! What a run says: nothing when all is well under cron, three lines at most when it is not.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::arguments::Common;
use crate::report::{Code, Failure, Report};

/// The voice of one run. A closed stream is never a failure of the run.
#[derive(Clone)]
pub(crate) struct Speaker {
    program: &'static str,
    run_id: String,
    log: Option<PathBuf>,
    quiet: bool,
    json: bool,
    is_watched: bool,
}

impl Speaker {
    /// As the switches say.
    #[must_use]
    pub(crate) fn new(program: &'static str, common: &Common) -> Self {
        Self {
            program,
            run_id: super::run_id(),
            log: None,
            quiet: common.quiet,
            json: common.json,
            is_watched: io::stderr().is_terminal(),
        }
    }

    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }

    pub(super) fn log_is_at(&mut self, place: PathBuf) {
        self.log = Some(place);
    }

    pub(super) const fn shows_progress(&self) -> bool {
        self.is_watched && !self.quiet && !self.json
    }

    /// Whether one document is all that may be printed.
    pub(crate) const fn is_for_machines(&self) -> bool {
        self.json
    }

    /// Tells a person how far things are.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet && !self.json {
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    /// One line about something that does not end the run.
    pub(crate) fn aside(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}: {text}", self.program);
        }
    }

    /// Says how the run ended; yields its code.
    pub(crate) fn end(&self, report: &Report, failure: Option<&Failure>) -> Code {
        let code = report.code(failure);
        if self.json {
            let document = report.json(self.program, &self.run_id, failure);
            let _ = writeln!(io::stdout(), "{document}");
            return code;
        }
        let lines = match failure {
            Some(failure) => {
                let mut lines = self.trouble(&failure.what, &failure.remedy);
                // a trouble that lasts hides no warning
                if failure.code != Code::Later {
                    let first = report.warnings.first();
                    lines.extend(first.map(|text| format!("  also: {text}")));
                }
                lines
            }
            None if code == Code::Look => self.warnings(&report.warnings),
            None if self.shows_progress() => {
                let notes = report.notes.iter().map(|note| format!("  note: {note}"));
                std::iter::once(report.summary(self.program))
                    .chain(notes)
                    .collect()
            }
            None => Vec::new(),
        };
        for line in lines {
            let _ = writeln!(io::stderr(), "{line}");
        }
        code
    }

    fn warnings(&self, warnings: &[String]) -> Vec<String> {
        let first = warnings.first().map_or("", String::as_str);
        let remedy = match warnings.len() {
            0 | 1 => "look when convenient; collection goes on".to_owned(),
            count => format!(
                "look when convenient, also at {} more in the log",
                count - 1
            ),
        };
        self.trouble(first, &remedy)
    }

    fn trouble(&self, what: &str, remedy: &str) -> Vec<String> {
        let mut lines = vec![
            format!("{}: {what}", self.program),
            format!("  to do: {remedy}"),
        ];
        lines.extend(
            self.log
                .as_ref()
                .map(|log| format!("  log: {}", log.display())),
        );
        lines
    }
}
