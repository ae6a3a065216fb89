//! The errors of the local side.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the local side. Each variant says who has to act.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk is full or read-only, or the operating system denies access: the operator has to
    /// mend the host.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// The action that failed.
        action: &'static str,
        /// The file or folder of the action.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another run holds the lock: a later run collects the stream.
    #[error("another run is collecting {stream} at this moment")]
    Busy {
        /// The name of the stream.
        stream: String,
    },
    /// Another process works on the same stream: that one continues, and this one stops.
    #[error("another process changed {} during this run", path.display())]
    Interfered {
        /// The lock or the state file.
        path: PathBuf,
    },
    /// The data folder belongs to another installation: the operator has to decide.
    #[error("{}", foreign(data, state, *is_exchanged))]
    Foreign {
        /// The data folder.
        data: PathBuf,
        /// The state folder of the other installation.
        state: PathBuf,
        /// True if the state folder holds the state of another installation instead of the right one.
        is_exchanged: bool,
    },
    /// This program must not change the state: the operator has to decide about the file.
    #[error("the state {} cannot be used: {why}", path.display())]
    Unusable {
        /// The state file.
        path: PathBuf,
        /// The reason.
        why: String,
        /// True if the operating system does not let this user open the file.
        is_denied: bool,
    },
}

fn foreign(data: &Path, state: &Path, is_exchanged: bool) -> String {
    let (data, state) = (data.display(), state.display());
    if is_exchanged {
        return format!(
            "the data folder {data} belongs to another state than that in {state}, which may be the state \
             of another installation"
        );
    }
    format!("the data folder {data} belongs to the installation whose state is in {state}")
}

impl SpoolError {
    pub(crate) fn disk(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Disk {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
