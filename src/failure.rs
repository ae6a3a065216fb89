//! Who has to act: exit codes, and failures in three parts (what failed, the exit code, what to do next).
//!
//! The errors of the borders ([`crate::api`], [`crate::spool`], [`crate::config`]) become a failure by `From`
//! in [`causes`]: an error without an exit code does not compile.

mod causes;

use std::error::Error;
use std::process::ExitCode;

use chrono::{DateTime, Utc};

/// The exit codes, in the meanings of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done, also when nothing was waiting.
    Done = 0,
    /// Wrong arguments, or an answer is missing without a terminal.
    Usage = 64,
    /// Finished, but something was quarantined or a gap was recorded.
    Look = 65,
    /// A bug of ours.
    Bug = 70,
    /// Local disk: full, read-only, not permitted.
    Disk = 74,
    /// Stopped early; all stored so far is safe.
    Later = 75,
    /// An answer was not understood.
    NotUnderstood = 76,
    /// Credentials refused, expired, or lacking a permission.
    Denied = 77,
    /// Configuration, credentials file or state unusable.
    Config = 78,
    /// Ctrl-C.
    Interrupted = 130,
    /// Asked to end.
    Terminated = 143,
}

/// The table of `docs/exit-codes.md`, as `--help` shows it.
pub const CODES: &str = "\
Exit codes, and who acts:
    0  done, also when nothing was waiting (nobody)
   64  wrong arguments, or an answer is missing without a terminal (fix the command)
   65  finished, but something was quarantined or a gap was recorded (look, when convenient)
   70  a bug of ours (report)
   74  local disk or a limit of the host: full, read-only, not permitted (fix the host)
   75  stopped early, all stored so far is safe: network, outage, rate limit, time budget,
       another run is active (nobody; alert if it repeats)
   76  an answer was not understood (report)
   77  credentials refused, expired, or lacking a permission (run authentication_setup)
   78  configuration, credentials file or state unusable (fix the file named)
  130, 143  interrupted, terminated; state is consistent (nobody)";

impl Code {
    /// One word for machines.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => "usage",
            Self::Look => "look",
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

/// Why a run did not get to its end.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// Who has to act.
    pub code: Code,
    /// What failed and why.
    pub what: String,
    /// What to do next.
    pub remedy: String,
    /// What it is called when runs in a row are compared.
    pub trouble: String,
    /// Who has to act if it lasts, and what to do then.
    pub lasting: Option<(Code, String)>,
    /// What else it stops.
    pub reach: Reach,
    /// The time before which Mimecast does not want to be asked.
    pub not_before: Option<DateTime<Utc>>,
}

/// What a failure of one stream stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This stream alone.
    Stream,
    /// This stream alone if Mimecast answers others, else the run.
    Network,
    /// The run.
    Run,
}

/// The names of troubles that put off a part of the work, while all else goes on.
pub const OBJECTS: &str = "objects";
pub const LIST_CALLS: &str = "list calls";
const OUT_OF_TIME: &str = "out of time";
const CERTIFICATE: &str = "certificate";

/// A failure that ends so many runs in a row does not pass by itself.
pub const LASTING_RUNS: u32 = 3;

impl Failure {
    /// True if the next run takes up what this one has put off, and nothing else is wrong.
    pub fn is_put_off(&self) -> bool {
        self.code == Code::Later && [OBJECTS, LIST_CALLS].contains(&&*self.trouble)
    }

    /// A failure in three parts.
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

    /// A failure that passes by itself, unless it lasts.
    pub fn later(
        trouble: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let mut failure = Self::new(Code::Later, what, remedy);
        failure.trouble = trouble.into();
        failure
    }

    /// Adds who has to act if it lasts.
    pub fn if_it_lasts(mut self, code: Code, remedy: impl Into<String>) -> Self {
        self.lasting = Some((code, remedy.into()));
        self
    }

    /// The failure after it has ended `runs` runs in a row.
    pub fn after(mut self, runs: u32) -> Self {
        if runs >= LASTING_RUNS
            && let Some((code, remedy)) = self.lasting.take()
        {
            self.what = format!("{} (for {runs} runs)", self.what);
            (self.code, self.remedy) = (code, remedy);
        }
        self
    }

    /// Puts what was being done before what failed.
    pub fn context(mut self, doing: &str) -> Self {
        self.what = format!("{doing}: {}", self.what);
        self
    }

    /// True if a signal or the end of the run's time stopped the work.
    pub fn is_stop(&self) -> bool {
        matches!(self.code, Code::Interrupted | Code::Terminated) || self.is_out_of_time()
    }

    /// True if the time for the run is used up.
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

/// Returns an error and its causes, each once: some texts end with their cause already.
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
