//! The error of a configuration, or of credentials.

use std::io;
use std::path::Path;

use super::account::Account;
use super::guard::shell_word;

/// The end of a remedy for a collector. A setup has no next run, and replaces it.
pub const NEXT_RUN: &str = "; the next run continues";

/// The reason why the configuration or the credentials cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// The mistake and its place.
    pub message: String,
    /// The remedy for the operator.
    pub remedy: String,
    /// True if the disk or the host failed, so that the file may be correct.
    pub is_of_the_host: bool,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.into(),
            is_of_the_host: false,
        }
    }

    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        };
        let shown = path.display();
        let (remedy, is_of_the_host) = match error.kind() {
            NotFound => ("run authentication_setup".to_owned(), false),
            PermissionDenied => (
                format!("run as a user who may read {shown}{}", owned(path)),
                false,
            ),
            IsADirectory | NotADirectory | InvalidFilename | InvalidInput => {
                (format!("correct {shown}"), false)
            }
            _ if error.raw_os_error().is_none() => (format!("correct {shown}"), false),
            _ => {
                let remedy = "check the disk and the limits of this host";
                (format!("{remedy}{NEXT_RUN}"), true)
            }
        };
        Self {
            message: format!("cannot read {shown}: {error}"),
            remedy,
            is_of_the_host,
        }
    }

    pub(super) fn with_remedy(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.remedy);
        self
    }
}

/// Returns the other way if a file belongs to root: to give it back.
fn owned(path: &Path) -> String {
    let is_roots = Account::owner_of(path).is_some_and(|owner| owner.is_root());
    let user = Account::current().filter(|user| is_roots && !user.is_root());
    user.map_or_else(String::new, |user| {
        let (user, path) = (user.chown_word(), shell_word(path));
        format!(", or give it back: `sudo chown {user} {path}`")
    })
}
