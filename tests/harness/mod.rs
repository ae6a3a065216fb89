//! "Given this sandbox and this folder, run that program, then …": the plumbing of all tests.
//!
//! ```text
//! let place = Installation::of_types("receipt");            // an installation
//! place.serve_objects("receipt", objects);                  // what the simulator serves
//! place.next(Endpoint::Object, changes::status(503));       // and what goes wrong
//! place.siem_says(75, "…");                                 // a run with its exit code
//! place.collects_objects();                                 // and everything is published once
//! ```
//!
//! Programs run as under cron: no environment, no terminal, another current folder. Every output, and at
//! the end every file, is searched for the account's secrets, whatever a test is about.

pub(crate) mod answers;
mod configuration;
mod outcome;
mod permissions;
mod published;
mod runs;
mod service;
mod state;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) use outcome::Outcome;
pub(crate) use permissions::set_mode;
#[cfg(windows)]
pub(crate) use permissions::system;

use crate::canaries::Canaries;
use mimecast_sandbox::Sandbox;

pub(crate) const SIEM: &str = env!("CARGO_BIN_EXE_siem_collection");
pub(crate) const AUDIT: &str = env!("CARGO_BIN_EXE_audit_collection");
pub(crate) const SETUP: &str = env!("CARGO_BIN_EXE_authentication_setup");

/// Waits of a real installation are too long for tests.
pub(crate) const QUICK: &str =
    "[network]\nretries = 2\nretry_wait_ms = 5\nidle_timeout_seconds = 2";

/// An installation that is connected to a sandbox of its own.
pub(crate) struct Installation {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
}

impl Installation {
    /// A path below the installation's folder.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        let path = self.folder.path().join(below);
        path.components().collect() // with one kind of separator, as the programs show it
    }
}

/// P6 for whatever the runs of a test have left: logs, state, quarantine, published and temporary files.
impl Drop for Installation {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Canaries::of(&self.sandbox).assert_none_below(self.folder.path());
        }
    }
}
