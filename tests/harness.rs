//! "Given this sandbox and this folder, run that program, then …": the plumbing of all tests.
//!
//! Programs run as under cron: no environment, no terminal, another current folder. Every output, and at
//! the end every file, is searched for the account's secrets, whatever a test is about.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
#[cfg(windows)]
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::canaries::Canaries;
use mimecast_sandbox::Sandbox;

pub(crate) const SIEM: &str = env!("CARGO_BIN_EXE_siem_collection");
pub(crate) const AUDIT: &str = env!("CARGO_BIN_EXE_audit_collection");
pub(crate) const SETUP: &str = env!("CARGO_BIN_EXE_authentication_setup");

/// An installation that is connected to a sandbox of its own.
pub(crate) struct Place {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Place {
    /// Folders, configuration and credentials as setup leaves them, with short waits.
    pub(crate) fn connected() -> Self {
        Self::connected_in(&std::env::temp_dir())
    }

    /// The same below that folder.
    pub(crate) fn connected_in(parent: &Path) -> Self {
        let place = Self {
            sandbox: Sandbox::start(),
            folder: TempDir::new_in(parent).expect("a temporary folder"),
        };
        for folder in ["data/mta", "data/audit", "data/tmp"] {
            fs::create_dir_all(place.path(folder)).expect("a folder");
        }
        place.configure("");
        place.write_credentials(place.sandbox.account().secret_key);
        place
    }

    /// The same for API 2.0.
    pub(crate) fn connected_by_token() -> Self {
        let place = Self::connected();
        place.configure_tokens("");
        place
    }

    /// Writes configuration and credentials of API 2.0; `more` goes behind the configuration.
    pub(crate) fn configure_tokens(&self, more: &str) {
        let (account, client) = (self.sandbox.account(), self.sandbox.client());
        let network = if more.contains("[network]") {
            ""
        } else {
            QUICK
        };
        let text = format!(
            "[mimecast]\napi = \"2.0\"\nbase_url = \"{}\"\naccount_code = \"{}\"\n\
             client_id = \"{}\"\n[folders]\ndata = \"data\"\n{network}\n{more}\n",
            self.sandbox.url(),
            account.account_code,
            client.client_id,
        );
        fs::write(self.path("config.toml"), text).expect("written");
        let secret = toml_edit::Value::from(client.client_secret);
        let path = self.path("credentials.toml");
        fs::write(&path, format!("client_secret = {secret}\n")).expect("written");
        set_mode(&path, 0o600);
    }

    /// An empty folder beside a sandbox.
    pub(crate) fn unconnected() -> Self {
        Self {
            sandbox: Sandbox::start(),
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    /// Writes the configuration; `more` goes behind it and may hold any section that it lacks.
    pub(crate) fn configure(&self, more: &str) {
        let account = self.sandbox.account();
        let network = if more.contains("[network]") {
            ""
        } else {
            QUICK
        };
        let text = format!(
            "[mimecast]\nbase_url = \"{}\"\naccount_code = \"{}\"\napp_id = \"{}\"\n\
             [folders]\ndata = \"data\"\n{network}\n{more}\n",
            self.sandbox.url(),
            account.account_code,
            account.app_id,
        );
        fs::write(self.path("config.toml"), text).expect("written");
    }

    /// Writes the credentials, owner-only, with this secret key.
    pub(crate) fn write_credentials(&self, secret_key: &str) {
        let account = self.sandbox.account();
        let text = format!(
            "app_key = \"{}\"\naccess_key = \"{}\"\nsecret_key = \"{secret_key}\"\n",
            account.app_key, account.access_key,
        );
        let path = self.path("credentials.toml");
        fs::write(&path, text).expect("written");
        set_mode(&path, 0o600);
    }

    /// A path below the installation's folder.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        let path = self.folder.path().join(below);
        path.components().collect() // with one kind of separator, as the programs show it
    }

    /// Runs the SIEM collector.
    pub(crate) fn siem(&self) -> Outcome {
        self.run(SIEM, [""; 0])
    }

    /// Runs the audit collector.
    pub(crate) fn audit(&self) -> Outcome {
        self.run(AUDIT, [""; 0])
    }

    /// Runs a collector with more arguments.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Outcome {
        let mut command = self.command(program);
        command
            .arg("--config")
            .arg(self.path("config.toml"))
            .args(arguments);
        self.finish(command)
    }

    /// A program as cron would start it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/").stdin(Stdio::null());
        command.envs(NEEDED.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((name, value))
        }));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a collector and leaves it running.
    pub(crate) fn spawn(&self, program: &str) -> Child {
        let mut command = self.command(program);
        command.arg("--config").arg(self.path("config.toml"));
        command.spawn().expect("the program starts")
    }

    /// Runs a command to its end.
    pub(crate) fn finish(&self, mut command: Command) -> Outcome {
        let started = Instant::now();
        let output = command.output().expect("the program starts");
        self.outcome(output, started.elapsed())
    }

    /// Waits for what [`Place::spawn`] started.
    pub(crate) fn wait(&self, child: Child) -> Outcome {
        let started = Instant::now();
        let output = child.wait_with_output().expect("it ends");
        self.outcome(output, started.elapsed())
    }

    /// Kills what [`Place::spawn`] started. On Windows a program of the system that it was about to start
    /// can be left behind, never run and hold the pipes for ever: there nothing is read from them.
    pub(crate) fn kill(&self, mut child: Child) {
        child.kill().expect("it was running or had ended");
        if cfg!(windows) {
            child.wait().expect("it is killed");
        } else {
            self.wait(child);
        }
    }

    fn outcome(&self, output: Output, took: Duration) -> Outcome {
        let text = |bytes| String::from_utf8(bytes).expect("programs speak UTF-8");
        let outcome = Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            took,
        };
        if !(outcome.stdout.is_empty() && outcome.stderr.is_empty()) {
            let canaries = Canaries::of(&self.sandbox);
            canaries.assert_absent("the output", outcome.stdout.as_bytes());
            canaries.assert_absent("the output", outcome.stderr.as_bytes());
        }
        outcome
    }

    /// Names and contents of a folder below the data folder, without its sub-folders.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let listed = fs::read_dir(self.path("data").join(folder)).expect("the folder is there");
        let entries = listed.map(|entry| entry.expect("an entry"));
        let files = entries.filter(|entry| !entry.path().is_dir()).map(|entry| {
            let name = entry.file_name().into_string().expect("names are UTF-8");
            (name, fs::read(entry.path()).expect("readable"))
        });
        files.collect()
    }

    /// Every line of a published folder, sorted; each file is whole lines of text.
    pub(crate) fn lines(&self, folder: &str) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for (name, content) in self.files(folder) {
            let content = content.strip_suffix(b"\n").unwrap_or_else(|| {
                panic!("P3: {name} does not end with a line break");
            });
            lines.extend(content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        lines.sort_unstable();
        lines
    }

    /// P1, P2 and P3 of the e-mail logs: what Mimecast had is published, each line once.
    pub(crate) fn assert_siem_complete(&self) {
        let mut expected = self.sandbox.siem_lines();
        expected.sort_unstable();
        assert_same(&self.lines("mta"), &expected);
        assert_eq!(self.files("tmp").len(), 0, "nothing is left in tmp/");
    }

    /// P1, P2 and P3 of the objects of API 2.0.
    pub(crate) fn assert_objects_complete(&self) {
        let mut expected = self.sandbox.all_object_lines();
        expected.sort_unstable();
        assert_same(&self.lines("mta"), &expected);
        assert_eq!(self.files("tmp").len(), 0, "nothing is left in tmp/");
    }

    /// P1, P2 and P3 of audit events that are written as JSON: each id once.
    pub(crate) fn assert_audit_complete(&self) {
        let mut expected = self.sandbox.audit_ids();
        expected.sort_unstable();
        assert_same(&self.audit_ids(), &expected);
        assert_eq!(self.files("tmp").len(), 0, "nothing is left in tmp/");
    }

    /// The ids of published audit events, sorted; for the format `json`.
    pub(crate) fn audit_ids(&self) -> Vec<String> {
        let ids = self.lines("audit").into_iter().map(|line| {
            let event: Value = serde_json::from_slice(&line).expect("a JSON line");
            event["id"].as_str().expect("an id").to_owned()
        });
        let mut ids: Vec<String> = ids.collect();
        ids.sort_unstable();
        ids
    }

    /// The names in the quarantine.
    pub(crate) fn quarantined(&self) -> Vec<String> {
        let folder = self.path("checkpoint/quarantine");
        let listed = fs::read_dir(folder).expect("the folder is there");
        let names = listed.map(|entry| entry.expect("an entry").file_name().into_string());
        let mut names: Vec<String> = names.map(|name| name.expect("UTF-8")).collect();
        names.sort_unstable();
        names
    }

    /// What the state file of a stream says.
    pub(crate) fn record(&self, stream: &str) -> Value {
        let path = self.path(format!("checkpoint/{stream}.state"));
        let text = fs::read_to_string(path).expect("the state");
        let record = text.lines().nth(1).expect("a record behind the checksum");
        serde_json::from_str(record).expect("JSON")
    }

    /// Changes a state file as a program of ours could have written it. The copy kept of it goes.
    pub(crate) fn rewrite_record(&self, stream: &str, change: impl FnOnce(&mut Value)) {
        let mut record = self.record(stream);
        change(&mut record);
        let body = record.to_string();
        let sum: String = Sha256::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = format!("mimecast-collector-state {sum}\n{body}\n");
        let path = self.path(format!("checkpoint/{stream}.state"));
        fs::write(&path, text).expect("written");
        fs::remove_file(path.with_extension("state.prev")).expect("it was there");
    }

    /// All lines of a collector's own log.
    pub(crate) fn log(&self, stream: &str) -> String {
        let listed = fs::read_dir(self.path("log")).expect("the folder is there");
        let ours = listed.filter_map(|entry| {
            let entry = entry.expect("an entry");
            let is_ours = entry.file_name().to_string_lossy().starts_with(stream);
            is_ours.then(|| fs::read_to_string(entry.path()).expect("readable"))
        });
        ours.collect()
    }
}

/// P6 for whatever the runs of a test have left: logs, state, quarantine, published and temporary files.
impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Canaries::of(&self.sandbox).assert_none_below(self.folder.path());
        }
    }
}

impl Outcome {
    /// The run ended with this code; a failure shows what was said.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// All is well: 0, and not a byte anywhere, as cron wants it.
    #[track_caller]
    pub(crate) fn stays_silent(self) {
        let quiet = self.code == 0 && self.stdout.is_empty() && self.stderr.is_empty();
        assert!(quiet, "P7: {self:?}");
    }

    /// Standard error holds this text, in at most three lines.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected {text:?} in {self:?}");
        assert!(
            self.stderr.lines().count() <= 3,
            "P7: more than three lines: {self:?}"
        );
        self
    }

    /// The one document of `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("one document: {self:?}"))
    }
}

/// Without these no Windows program reaches the network or makes a temporary file.
const NEEDED: &[&str] = if cfg!(windows) {
    &["SystemRoot", "TEMP", "TMP"]
} else {
    &[]
};

/// Waits of a real installation are too long for tests.
pub(crate) const QUICK: &str =
    "[network]\nretries = 2\nretry_wait_ms = 5\nidle_timeout_seconds = 2";

/// Compares sorted lists and names the first difference instead of printing both.
#[track_caller]
fn assert_same<T: Ord + std::fmt::Debug>(found: &[T], expected: &[T]) {
    let lost = expected
        .iter()
        .find(|item| found.binary_search(item).is_err());
    assert!(lost.is_none(), "P1: lost {lost:?}");
    let twice = found.windows(2).find(|pair| pair[0] == pair[1]);
    assert!(twice.is_none() || found == expected, "P2: twice {twice:?}");
    assert!(
        found == expected,
        "P3: {} lines instead of {}",
        found.len(),
        expected.len()
    );
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the owner may");
}

/// Leaves a file to its owner, or opens it to everybody.
#[cfg(windows)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    static USER: OnceLock<String> = OnceLock::new();
    let user = USER.get_or_init(|| {
        let said = system("whoami.exe")
            .args(["/user", "/fo", "csv", "/nh"])
            .output();
        let said = String::from_utf8_lossy(&said.expect("it starts").stdout).into_owned();
        let sid = said.trim_end().rsplit('"').nth(1).expect("name and SID");
        sid.to_owned()
    });
    let others = mode & 0o077 != 0;
    let mut command = system("icacls.exe");
    command.arg(path).args(["/inheritance:r", "/grant:r"]);
    command.arg(format!("*{user}:F"));
    command.args(others.then_some("*S-1-1-0:F"));
    let done = command.output().expect("it starts");
    assert!(done.status.success(), "{done:?}");
}

/// A program of the system.
#[cfg(windows)]
pub(crate) fn system(name: &str) -> Command {
    let root = std::env::var_os("SystemRoot").expect("set on every Windows");
    Command::new(Path::new(&root).join("System32").join(name))
}
