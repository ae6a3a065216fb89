//! Prints the outcome of a run: under cron nothing after a good run, else a few lines.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use dialoguer::console::Term;
use uuid::Uuid;

use super::wrap;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::process;

/// Standard output and standard error of one run. A closed stream never fails the run.
#[derive(Clone)]
pub struct Output {
    program: &'static str,
    run_id: String,
    log: Option<PathBuf>,
    quiet: bool,
    json: bool,
    is_watched: bool,
    /// True if a run that ends with 75 prints nothing, because nobody has to act.
    is_silent_later: bool,
    /// True for a scheduled run, which leaves one line in the journal.
    is_run: bool,
}

impl Output {
    /// Returns the output that the switches ask for.
    pub fn new(program: &'static str, quiet: bool, json: bool) -> Self {
        Self {
            program,
            run_id: Uuid::new_v4().simple().to_string()[..8].to_owned(),
            log: None,
            quiet,
            json,
            is_watched: io::stderr().is_terminal(),
            is_silent_later: false,
            is_run: false,
        }
    }

    /// Prints nothing if the run ends with 75 and no terminal shows it. Each mail of cron then needs a person.
    pub const fn silent_if_later(mut self, verbose: u8) -> Self {
        self.is_silent_later = !self.is_watched && verbose == 0;
        self.is_run = true;
        self
    }

    pub const fn program(&self) -> &'static str {
        self.program
    }

    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    pub fn log_is_at(&mut self, place: PathBuf) {
        self.log = Some(place);
    }

    pub const fn shows_progress(&self) -> bool {
        self.is_watched && !self.quiet && !self.json
    }

    /// True if a person sees the output in a terminal.
    pub const fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// True if the output is one JSON document.
    pub const fn is_for_machines(&self) -> bool {
        self.json
    }

    /// Prints the progress of the program. No line is wider than the terminal, if there is one.
    pub fn say(&self, text: &str) {
        if !self.quiet && !self.json {
            let text = wrap::fill(text, wrap::columns_of(&Term::stdout()));
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    /// Prints a command, ready to copy.
    pub fn say_command(&self, words: &[String]) {
        if !self.quiet && !self.json {
            let text = wrap::command(words, wrap::columns_of(&Term::stdout()));
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    /// Prints on standard error why an answer was refused, and what to check.
    pub fn refuse(&self, what: &str, remedy: &str) {
        let text = format!("error: {what}\n  to do: {remedy}");
        let text = wrap::fill(&text, wrap::columns_of(&Term::stderr()));
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Prints what a command has found on standard output: one JSON document, or a text.
    pub fn show(&self, document: &impl serde::Serialize, text: impl FnOnce() -> String) {
        let text = match self.json {
            true => {
                serde_json::to_string(document).expect("a document has only string keys") + "\n"
            }
            false => text(),
        };
        let _ = io::stdout().write_all(text.as_bytes());
    }

    /// Prints lines on standard output, or one JSON document. No line is wider than the terminal, if there is one.
    pub fn show_lines(&self, document: &impl serde::Serialize, text: impl FnOnce() -> String) {
        let columns = wrap::columns_of(&Term::stdout());
        self.show(document, || wrap::fill(&text(), columns));
    }

    /// Prints bytes on standard output.
    pub fn print(&self, bytes: &[u8]) {
        let _ = io::stdout().write_all(bytes);
    }

    /// Prints one line about a trouble that does not end the run.
    pub fn notice(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}: {text}", self.program);
        }
    }

    /// Prints the outcome of the run and returns its exit code.
    pub fn end(&self, report: &Report, failure: Option<&Failure>) -> Code {
        let code = report.code(failure);
        if self.json {
            let document = report.json(self.program, &self.run_id, failure);
            let _ = writeln!(io::stdout(), "{document}");
            return code;
        }
        let lines = match failure {
            Some(_) if code == Code::Later && self.is_silent_later => Vec::new(),
            Some(failure) => {
                let mut lines = self.problem(&failure.what, &failure.remedy);
                // a failure that lasts would otherwise hide the warnings for as long
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
        let is_told = !lines.is_empty() || self.quiet || !self.is_run;
        let closing =
            (!is_told && process::stderr_is_journal()).then(|| self.closing(report, failure, code));
        let columns = wrap::columns_of(&Term::stderr());
        for line in lines.into_iter().chain(closing) {
            let _ = writeln!(io::stderr(), "{}", wrap::fill(&line, columns));
        }
        code
    }

    /// Returns the one line of a run that needs nobody, for the journal.
    fn closing(&self, report: &Report, failure: Option<&Failure>, code: Code) -> String {
        let done = report.summary(self.program);
        match failure {
            None => done,
            Some(Failure { what, .. }) if report.batches == 0 => {
                format!("{}: ended with {}: {what}", self.program, code as u8)
            }
            Some(Failure { what, .. }) => format!("{done}; ended with {}: {what}", code as u8),
        }
    }

    fn warnings(&self, warnings: &[String]) -> Vec<String> {
        let first = warnings.first().map_or("", String::as_str);
        let remedy = match warnings.len() {
            0 | 1 => "look when convenient; collection continues".to_owned(),
            count => format!("look when convenient; {} more in the log", count - 1),
        };
        self.problem(first, &remedy)
    }

    fn problem(&self, what: &str, remedy: &str) -> Vec<String> {
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
