//! The exit code and the remedy for each error of the API, the spool and the configuration.

use std::io::ErrorKind;
use std::path::Path;

use super::{BUSY, CERTIFICATE, Code, Failure, OUT_OF_TIME, Reach};
use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::clock::Stopped;
use crate::config::guard::shell_word;
use crate::config::{Account, ConfigError, NEXT_RUN};
use crate::spool::SpoolError;

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let reach = match &error {
            ApiError::Denied(Denial::Permission(_))
            | ApiError::NotUnderstood(_)
            | ApiError::TooLarge(_)
            | ApiError::PositionRefused
            | ApiError::Gone => Reach::Stream,
            ApiError::Unreachable(_) | ApiError::Cut { .. } => Reach::Network,
            _ => Reach::Run,
        };
        let mut failure = of_api(&error).because(&error).reaching(reach);
        if let ApiError::SlowDown(until) = error {
            failure.not_before = Some(until);
        }
        failure
    }
}

impl From<SpoolError> for Failure {
    fn from(error: SpoolError) -> Self {
        let reach = match error {
            SpoolError::Interfered { .. } => Reach::Stream,
            _ => Reach::Run,
        };
        of_spool(&error).because(&error).reaching(reach)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let code = if error.is_of_the_host {
            Code::Disk
        } else {
            Code::Config
        };
        Self::new(code, error.message, error.remedy).reaching(Reach::Run)
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        of_stop(stopped).because(&stopped).reaching(Reach::Run)
    }
}

fn of_api(error: &ApiError) -> Failure {
    let (code, remedy) = match error {
        ApiError::Denied(Denial::Clock(_)) => (Code::Denied, "set this host's clock"),
        ApiError::Denied(_) => (Code::Denied, "run authentication_setup"),
        ApiError::SlowDown(_) => (Code::Later, "nothing to do: a later run continues"),
        ApiError::Unreachable(why) | ApiError::Cut { why, .. } => return of_network(why),
        ApiError::PositionRefused
        | ApiError::Lapsed
        | ApiError::TooLarge(_)
        | ApiError::Gone
        | ApiError::NotUnderstood(_) => (
            Code::NotUnderstood,
            "nothing was lost; please report it if it repeats",
        ),
        ApiError::Sink(_) => return of_host("free or repair the disk"),
        ApiError::Host(_) => return of_host("raise the limits of this user on this host"),
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

/// Returns the remedy that lets the operator allow a private object store.
fn allow_private(host: &str) -> String {
    format!(
        "if that is right, add the host under [network] in config.toml: private_stores = \"{host}\""
    )
}

/// Returns the failure of a network error. Only an untrusted certificate needs a person if it lasts.
fn of_network(why: &str) -> Failure {
    if why.contains("certificate") {
        let remedy = "if a proxy inspects TLS here, name its certificate as ca_file under [network] in \
                      config.toml (ca_file = \"/path/of/certificate.pem\"); else report it";
        return Failure::later(CERTIFICATE, "", remedy).if_it_lasts(Code::Config, remedy);
    }
    let remedy = "nothing to do if it passes: the next run continues; else check network and proxy";
    Failure::later("unreachable", "", remedy)
}

/// Returns a failure of the host, which needs `remedy` before the next run.
fn of_host(remedy: &str) -> Failure {
    Failure::new(Code::Disk, "", format!("{remedy}{NEXT_RUN}"))
}

fn of_spool(error: &SpoolError) -> Failure {
    match error {
        // an error of this program, not of the operating system: the path is not a regular file or folder
        SpoolError::Disk { path, source, .. }
            if source.kind() == ErrorKind::InvalidInput && source.raw_os_error().is_none() =>
        {
            Failure::new(Code::Config, "", format!("move {} away", path.display()))
        }
        SpoolError::Disk { path, source, .. } if is_in_the_way(path, source) => Failure::new(
            Code::Disk,
            "",
            format!(
                "move away the file or folder that is in the place of {} or of its folder",
                path.display()
            ),
        ),
        SpoolError::Disk { path, source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            of_host(&give_back(path))
        }
        SpoolError::Disk { .. } => of_host("free or repair the disk"),
        SpoolError::Busy { .. } => Failure::later(
            BUSY,
            "",
            "nothing to do, unless the next run reports the same",
        ),
        SpoolError::Interfered { .. } => {
            let remedy = "exclude the state folder from the program that deletes old files there";
            Failure::later("interfered", "", format!("nothing to do now; {remedy}"))
                .if_it_lasts(Code::Config, remedy)
        }
        SpoolError::Foreign { .. } => Failure::new(
            Code::Config,
            "",
            "correct [folders] in config.toml; if the other installation is gone, run this program \
             once with --adopt",
        ),
        SpoolError::Unusable {
            path,
            is_denied: true,
            ..
        } => Failure::new(Code::Config, "", give_back(path)),
        SpoolError::Unusable { path, .. } => {
            let path = path.display();
            Failure::new(
                Code::Config,
                "",
                format!(
                    "correct {path}, or move it away: collection then continues from its copy, or starts \
                     again early enough to miss no event, and up to 7 days of events can come again"
                ),
            )
        }
    }
}

/// Returns the remedy for a file that this user may not open or change: to own its folder again.
fn give_back(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    match Account::current() {
        Some(user) => format!(
            "give the files back to the user of the collectors: `sudo chown -R {} {}`",
            user.chown_word(),
            shell_word(folder)
        ),
        None => format!("correct the permissions of {}", folder.display()),
    }
}

/// True if a file is in the place of a folder, or a folder in the place of a file.
fn is_in_the_way(path: &Path, error: &std::io::Error) -> bool {
    match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => true,
        // Windows says the same of a folder in the place of a file
        ErrorKind::PermissionDenied => cfg!(windows) && path.is_dir(),
        _ => false,
    }
}

fn of_stop(stopped: Stopped) -> Failure {
    let code = match stopped {
        Stopped::Interrupted => Code::Interrupted,
        Stopped::Terminated => Code::Terminated,
        Stopped::OutOfTime => {
            let remedy = "raise budget_minutes under [run] in config.toml";
            return Failure::later(OUT_OF_TIME, "", "nothing to do: the next run continues")
                .if_it_lasts(Code::Config, remedy);
        }
    };
    Failure::new(code, "", "nothing to do: the next run continues")
}
