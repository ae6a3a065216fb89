//! The measured programs, connected to a simulator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::cost::Cost;
use mimecast_sandbox::{Endpoint, Sandbox};

/// A stream and its program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Siem,
    Audit,
}

impl Stream {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Siem => "siem",
            Self::Audit => "audit",
        }
    }

    pub(crate) const fn endpoint(self) -> Endpoint {
        match self {
            Self::Siem => Endpoint::Siem,
            Self::Audit => Endpoint::Audit,
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Siem => env!("CARGO_BIN_EXE_siem_collection"),
            Self::Audit => env!("CARGO_BIN_EXE_audit_collection"),
        }
    }
}

/// Configuration, state and data in a temporary folder on the build's disk.
pub(crate) struct Installation(TempDir);

impl Installation {
    /// Runs the setup of API 2.0.
    pub(crate) fn connect_client(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let installation = Self(folder);
        let (client, url) = (sandbox.client(), sandbox.url());
        let status = installation
            .command(env!("CARGO_BIN_EXE_authentication_setup"))
            .args(["--no-input", "--quiet", "--client-id", client.client_id])
            .args(["--base-url", &url])
            .arg("--data-dir")
            .arg(installation.folder().join("data"))
            .env("MIMECAST_CLIENT_SECRET", client.client_secret)
            .status();
        assert!(status.expect("the setup starts").success());
        installation
    }

    /// Runs the setup of API 1.0.
    pub(crate) fn connect(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let installation = Self(folder);
        let (account, url) = (sandbox.account(), sandbox.url());
        let status = installation
            .command(env!("CARGO_BIN_EXE_authentication_setup"))
            .args(["--no-input", "--quiet", "--email", account.email])
            .args(["--app-id", account.app_id, "--discovery-url", &url])
            .arg("--data-dir")
            .arg(installation.folder().join("data"))
            .env("MIMECAST_PASSWORD", account.password)
            .env("MIMECAST_APP_KEY", account.app_key)
            .status();
        assert!(status.expect("the setup starts").success());
        installation
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Runs a collector. Returns its cost and its own report.
    pub(crate) fn run(&self, stream: Stream) -> (Cost, Value) {
        let mut command = self.command(stream.program());
        let (cost, output) =
            Cost::of(command.arg("--json").stdout(Stdio::piped())).expect("the collector starts");
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        assert!(output.status.success(), "{report}");
        (cost, report)
    }

    /// Deletes the files of all runs, but not those of the setup.
    pub(crate) fn forget(&self) {
        for folder in [
            "checkpoint",
            "log",
            "data/mta",
            "data/audit",
            "data/tmp",
            "data/.collector",
        ] {
            let Ok(entries) = fs::read_dir(self.folder().join(folder)) else {
                continue; // the first run creates it
            };
            let files = entries.flatten().map(|entry| entry.path());
            for file in files.filter(|path| path.is_file()) {
                fs::remove_file(file).expect("it is ours");
            }
        }
    }

    fn command(&self, program: &str) -> Command {
        let config: PathBuf = self.folder().join("config.toml");
        let mut command = Command::new(program);
        command.arg("--config").arg(config);
        command.stdin(Stdio::null());
        command
    }
}
