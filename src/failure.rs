//! Failures and exit codes. A failure says what failed, who has to act, and what to do next.
//!
//! The errors of [`crate::api`], [`crate::spool`] and [`crate::config`] become failures by `From`
//! in [`causes`]. So an error without an exit code does not compile.

mod causes;

use std::error::Error;
use std::process::ExitCode;

use chrono::{DateTime, Utc};

/// The exit codes, with the meanings of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Finished, even if Mimecast had no new data.
    Done = 0,
    /// Wrong arguments, or an answer is missing and there is no terminal.
    Usage = 64,
    /// Finished, but something was quarantined or a gap was recorded.
    Look = 65,
    /// Nothing could be collected for longer than the operator accepts.
    Outage = 69,
    /// A bug of this program.
    Bug = 70,
    /// The local disk is full, read-only, or not permitted.
    Disk = 74,
    /// Stopped early. Everything stored so far is safe.
    Later = 75,
    /// An answer was not understood.
    NotUnderstood = 76,
    /// Credentials were refused, have expired, or lack a permission.
    Denied = 77,
    /// Configuration, credentials file or state is unusable.
    Config = 78,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
    /// Stopped by a request to terminate.
    Terminated = 143,
}

/// The table of `docs/exit-codes.md`, as `--help` shows it.
pub const CODES: &str = "\
Exit codes, and who acts:
    0  done, also when nothing was waiting (nobody)
   64  wrong arguments, or an answer is missing without a terminal (fix the
       command)
   65  finished, but something was quarantined or a gap was recorded (look,
       when convenient)
   69  nothing could be collected for longer than alarm_after_hours; status
       --max-age: the last success is older than that (look now)
   70  a bug of ours (report)
   74  local disk or a limit of the host: full, read-only, not permitted (fix
       the host)
   75  stopped early, all stored so far is safe: network, outage, rate limit,
       time budget, another run is active (nobody)
   76  an answer was not understood (report)
   77  credentials refused, expired, or lacking a permission (run
       authentication_setup)
   78  configuration, credentials file or state unusable (fix the file named)
  130, 143  interrupted, terminated; state is consistent (nobody)";

impl Code {
    /// Returns a smaller number for a more urgent code.
    pub const fn urgency(self) -> u8 {
        match self {
            Self::Later => 2,
            Self::NotUnderstood => 1,
            _ => 0,
        }
    }

    /// Returns one word for machines.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => "usage",
            Self::Look => "look",
            Self::Outage => "outage",
            Self::Bug => "bug",
            Self::Disk => "disk",
            Self::Later => "later",
            Self::NotUnderstood => "not_understood",
            Self::Denied => "denied",
            Self::Config => "config",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// The reason why a run failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// The exit code, which says who has to act.
    pub code: Code,
    /// What failed and why.
    pub what: String,
    /// What to do next.
    pub remedy: String,
    /// The name by which consecutive runs are compared.
    pub trouble: String,
    /// The exit code and the remedy if the trouble lasts.
    pub lasting: Option<(Code, String)>,
    /// What else the failure stops.
    pub reach: Reach,
    /// The time before which Mimecast asks not to be called.
    pub not_before: Option<DateTime<Utc>>,
}

/// What a failure of one stream stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This stream alone.
    Stream,
    /// This stream alone if Mimecast answers for other streams, else the run.
    Network,
    /// The run.
    Run,
}

/// The names of troubles that postpone a part of the work while the rest continues.
pub const OBJECTS: &str = "objects";
pub const LIST_CALLS: &str = "list calls";
/// The names of other troubles that a function of [`Failure`] recognises.
const OUT_OF_TIME: &str = "out of time";
const BUSY: &str = "busy";
const CERTIFICATE: &str = "certificate";

/// The number of consecutive runs after which a failure counts as lasting.
pub const LASTING_RUNS: u32 = 3;

impl Failure {
    /// True for a failure that only postpones a part of the work: [`OBJECTS`] or [`LIST_CALLS`].
    pub fn is_put_off(&self) -> bool {
        self.code == Code::Later && [OBJECTS, LIST_CALLS].contains(&&*self.trouble)
    }

    /// Returns a failure with an exit code, a description and a remedy.
    pub fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            remedy: remedy.into(),
            trouble: code.kind().to_owned(),
            lasting: None,
            reach: Reach::Stream,
            not_before: None,
        }
    }

    /// Returns a failure that is expected to be temporary.
    pub fn later(
        trouble: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let mut failure = Self::new(Code::Later, what, remedy);
        failure.trouble = trouble.into();
        failure
    }

    /// Sets the exit code and the remedy for a failure that lasts.
    pub fn if_it_lasts(mut self, code: Code, remedy: impl Into<String>) -> Self {
        self.lasting = Some((code, remedy.into()));
        self
    }

    /// Returns the failure after it has ended `runs` consecutive runs.
    pub fn after(mut self, runs: u32) -> Self {
        if runs >= LASTING_RUNS
            && let Some((code, remedy)) = self.lasting.take()
        {
            self.what = format!("{} (for {runs} runs)", self.what);
            (self.code, self.remedy) = (code, remedy);
        }
        self
    }

    /// Adds, before the description, what the collector was doing.
    pub fn context(mut self, doing: &str) -> Self {
        self.what = format!("{doing}: {}", self.what);
        self
    }

    /// Makes a passing failure urgent: nothing of a stream was collected since `since`, and Mimecast keeps
    /// what waits until `until`.
    pub fn becomes_outage(&mut self, stream: &str, since: DateTime<Utc>, until: DateTime<Utc>) {
        let minute = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC").to_string();
        self.code = Code::Outage;
        self.what = format!(
            "{stream}: nothing could be collected since {}: {}",
            minute(since),
            self.what
        );
        self.remedy = format!(
            "end the outage; Mimecast keeps what is waiting until {}",
            minute(until)
        );
    }

    /// True if another run holds the streams.
    pub fn is_busy(&self) -> bool {
        self.trouble == BUSY
    }

    /// True if a signal or the end of the time budget stopped the work.
    pub fn is_stop(&self) -> bool {
        matches!(self.code, Code::Interrupted | Code::Terminated) || self.is_out_of_time()
    }

    /// True if the time budget of the run has ended.
    pub fn is_out_of_time(&self) -> bool {
        self.trouble == OUT_OF_TIME
    }

    /// True if a certificate is not trusted.
    pub fn is_of_certificate(&self) -> bool {
        self.trouble == CERTIFICATE
    }

    fn because(mut self, error: &dyn Error) -> Self {
        self.what = sentence(error);
        self
    }

    const fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }
}

/// Joins an error and its causes. A cause is left out if the text already ends with it.
fn sentence(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.ends_with(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}
