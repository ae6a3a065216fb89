//! What can go wrong on the local side.

use std::io;
use std::path::{Path, PathBuf};

/// Why the local side failed; each says who has to act.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk is full, read-only or not permitted: the host needs attention.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another run holds the lock: nothing to do but to come back later.
    #[error("another run is collecting {stream} at this moment")]
    Busy {
        /// The stream.
        stream: String,
    },
    /// Another process works on the same stream: it goes on, and this one stops.
    #[error("another process changed {} during this run", path.display())]
    Interfered {
        /// The lock or the state.
        path: PathBuf,
    },
    /// The data folder is another installation's: the configuration needs a decision.
    #[error("{}", foreign(data, state, *is_exchanged))]
    Foreign {
        /// The data folder.
        data: PathBuf,
        /// The state folder of the other installation.
        state: PathBuf,
        /// True if the state is another installation's and stands in the place of the right one.
        is_exchanged: bool,
    },
    /// The state is not for this program to change: the file named needs a decision.
    #[error("the state {} cannot be used: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
}

fn foreign(data: &Path, state: &Path, is_exchanged: bool) -> String {
    let (data, state) = (data.display(), state.display());
    if is_exchanged {
        return format!(
            "the data folder {data} belongs to another state than the one in {state}, as after the state \
             of another installation was copied there"
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
