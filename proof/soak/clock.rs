//! Shifts the clock of a collector, as if its host were wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::TimeDelta;
use tempfile::TempDir;

/// What shifts the clock of a program, compiled for this host.
pub(super) struct Clock {
    folder: TempDir,
}

impl Clock {
    /// Compiles it; the error says what is missing.
    pub(super) fn build() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let clock = Self { folder };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("proof/soak/clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O", "-o"])
            .args([clock.shared_object(), source])
            .status();
        match compiled {
            Ok(status) if status.success() => Ok(clock),
            Ok(status) => Err(format!("cc ended with {status}")),
            Err(error) => Err(format!("cc: {error}")),
        }
    }

    fn shared_object(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }

    /// Shifts the clock of a start of a program. At its end the program leaves its most kilobytes of memory
    /// and its number of open files in the file `costs`.
    pub(super) fn shift(&self, command: &mut Command, by: TimeDelta, costs: &Path) {
        command
            .env("LD_PRELOAD", self.shared_object())
            .env("CLOCK_SECONDS", by.num_seconds().to_string())
            .env("COSTS", costs);
    }
}
