//! Who has to act: exit codes, and failures in three parts (what, why, what to do next).

use std::io::ErrorKind;
use std::process::ExitCode;

use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::clock::Stopped;
use crate::config::ConfigError;
use crate::spool::SpoolError;

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
    #[must_use]
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
}

/// The names of troubles that put off a part of the work, while all else goes on.
pub(crate) const OBJECTS: &str = "objects";
pub(crate) const LIST_CALLS: &str = "list calls";

/// A failure that ends so many runs in a row does not pass by itself.
pub const LASTING_RUNS: u32 = 3;

impl Failure {
    /// True if the next run takes up what this one has put off, and nothing else is wrong.
    #[must_use]
    pub fn is_put_off(&self) -> bool {
        self.code == Code::Later && [OBJECTS, LIST_CALLS].contains(&&*self.trouble)
    }

    /// A failure in three parts.
    #[must_use]
    pub fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            remedy: remedy.into(),
            trouble: code.kind().to_owned(),
            lasting: None,
        }
    }

    /// A failure that passes by itself, unless it lasts.
    #[must_use]
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
    #[must_use]
    pub fn if_it_lasts(mut self, code: Code, remedy: impl Into<String>) -> Self {
        self.lasting = Some((code, remedy.into()));
        self
    }

    /// The failure after it has ended `runs` runs in a row.
    #[must_use]
    pub fn after(mut self, runs: u32) -> Self {
        if runs >= LASTING_RUNS
            && let Some((code, remedy)) = self.lasting.take()
        {
            self.what = format!("{} (for {runs} runs)", self.what);
            (self.code, self.remedy) = (code, remedy);
        }
        self
    }

    /// Reads the code off the error that is at the bottom of `error`; the text keeps its context.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        let what = sentence(error);
        let found = error.chain().find_map(|cause| {
            None.or_else(|| cause.downcast_ref::<Self>().cloned())
                .or_else(|| cause.downcast_ref().map(of_api))
                .or_else(|| cause.downcast_ref().map(of_spool))
                .or_else(|| cause.downcast_ref().map(of_config))
                .or_else(|| cause.downcast_ref().map(|stopped| of_stop(*stopped)))
        });
        let failure = found.unwrap_or_else(|| Self::new(Code::Bug, "", "please report this"));
        Self { what, ..failure }
    }
}

/// An error and its causes, each said once: some texts end with their cause already.
fn sentence(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.ends_with(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn of_api(error: &ApiError) -> Failure {
    let (code, remedy) = match error {
        ApiError::Denied(Denial::Clock(_)) => (Code::Denied, "set this host's clock"),
        ApiError::Denied(_) => (Code::Denied, "run authentication_setup"),
        ApiError::SlowDown(_) => (Code::Later, "nothing to do: a later run goes on"),
        ApiError::Unreachable(why) | ApiError::Cut { why, .. } => return of_network(why),
        ApiError::PositionRefused
        | ApiError::Lapsed
        | ApiError::TooLarge(_)
        | ApiError::Gone
        | ApiError::NotUnderstood(_) => (
            Code::NotUnderstood,
            "nothing was lost; please report it if it repeats",
        ),
        ApiError::Sink(_) => (Code::Disk, "free or repair the disk; the next run goes on"),
        ApiError::Host(_) => (
            Code::Disk,
            "raise the limits of this user on this host; the next run goes on",
        ),
        ApiError::Stopped(stopped) => return of_stop(*stopped),
        ApiError::PrivateStore(host) => {
            return Failure::new(Code::Config, "", allow_private(host));
        }
        ApiError::LocalStore(_) => (
            Code::Config,
            "correct this name in DNS or in the hosts file: no setting allows such an address",
        ),
        ApiError::Unusable(why) if why.contains("No CA certificates") => (
            Code::Config,
            "install the system's root certificates (on Linux the package ca-certificates)",
        ),
        ApiError::Unusable(why) if why.starts_with("SSL_CERT_FILE") => (
            Code::Config,
            "correct the variable SSL_CERT_FILE, or remove it",
        ),
        ApiError::Unusable(_) => (Code::Config, "correct [network] in config.toml"),
    };
    Failure::new(code, "", remedy)
}

/// The line that lets an operator allow a private object store.
fn allow_private(host: &str) -> String {
    format!(
        "if that is right, add the host under [network] in config.toml: private_stores = \"{host}\""
    )
}

/// A host that cannot be reached: only a certificate that is not trusted never passes by itself.
fn of_network(why: &str) -> Failure {
    if why.contains("certificate") {
        let remedy = "if a proxy opens TLS here, name its certificate as ca_file under [network] in \
                      config.toml (ca_file = \"/path/of/certificate.pem\"); else report it";
        return Failure::later("certificate", "", remedy).if_it_lasts(Code::Config, remedy);
    }
    let remedy = "nothing to do if it passes: the next run goes on; else check network and proxy";
    Failure::later("unreachable", "", remedy)
}

fn of_spool(error: &SpoolError) -> Failure {
    match error {
        // said by this program, not by the operating system: something else is in the file's place
        SpoolError::Disk { path, source, .. }
            if source.kind() == ErrorKind::InvalidInput && source.raw_os_error().is_none() =>
        {
            Failure::new(Code::Config, "", format!("move {} away", path.display()))
        }
        SpoolError::Disk { path, source, .. } if is_in_the_way(source) => Failure::new(
            Code::Disk,
            "",
            format!(
                "move away what is in the place of {} or of its folder",
                path.display()
            ),
        ),
        SpoolError::Disk { .. } => Failure::new(
            Code::Disk,
            "",
            "free or repair the disk; the next run goes on",
        ),
        SpoolError::Busy { .. } => Failure::later(
            "busy",
            "",
            "nothing to do, unless it is still so at the next run",
        ),
        SpoolError::Interfered { .. } => {
            let remedy = "exclude the state folder from whatever deletes old files there";
            Failure::later("interfered", "", format!("nothing to do now; {remedy}"))
                .if_it_lasts(Code::Config, remedy)
        }
        SpoolError::Foreign { .. } => Failure::new(
            Code::Config,
            "",
            "correct [folders] in config.toml; if the other installation is gone, run this program \
             once with --adopt",
        ),
        SpoolError::Unusable { path, .. } => {
            let path = path.display();
            Failure::new(
                Code::Config,
                "",
                format!("put {path} right, or move it away to start from the earliest"),
            )
        }
    }
}

/// True if a file is in the place of a folder, or a folder in that of a file.
fn is_in_the_way(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists
    )
}

fn of_config(error: &ConfigError) -> Failure {
    let code = if error.is_of_the_host {
        Code::Disk
    } else {
        Code::Config
    };
    Failure::new(code, "", error.remedy.clone())
}

fn of_stop(stopped: Stopped) -> Failure {
    let code = match stopped {
        Stopped::Interrupted => Code::Interrupted,
        Stopped::Terminated => Code::Terminated,
        Stopped::OutOfTime => {
            let remedy = "raise budget_minutes under [run] in config.toml";
            return Failure::later("out of time", "", "nothing to do: the next run goes on")
                .if_it_lasts(Code::Config, remedy);
        }
    };
    Failure::new(code, "", "nothing to do: the next run goes on")
}
