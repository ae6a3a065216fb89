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
    /// The state is not for this program to change: the file named needs a decision.
    #[error("the state {} cannot be used: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
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
