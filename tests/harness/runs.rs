//! Starting the programs, as cron would.

use std::ffi::OsStr;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{AUDIT, Installation, Outcome, SIEM};
use crate::canaries::Canaries;
use mimecast_sandbox::Endpoint;

impl Installation {
    /// Runs the SIEM collector.
    pub(crate) fn siem(&self) -> Outcome {
        self.run(SIEM, [""; 0])
    }

    /// Runs the audit collector.
    pub(crate) fn audit(&self) -> Outcome {
        self.run(AUDIT, [""; 0])
    }

    /// Runs the SIEM collector, which ends with this code and says this.
    #[track_caller]
    pub(crate) fn siem_says(&self, code: i32, text: &str) -> Outcome {
        self.siem().ends_with(code).says(text)
    }

    /// The same of the audit collector.
    #[track_caller]
    pub(crate) fn audit_says(&self, code: i32, text: &str) -> Outcome {
        self.audit().ends_with(code).says(text)
    }

    /// Runs the SIEM collector once for each of these codes.
    #[track_caller]
    pub(crate) fn siem_ends(&self, codes: impl IntoIterator<Item = i32>) {
        for code in codes {
            self.siem().ends_with(code);
        }
    }

    /// Runs the SIEM collector once for each of these codes, and says this each time.
    #[track_caller]
    pub(crate) fn siem_each_says(&self, codes: impl IntoIterator<Item = i32>, text: &str) {
        for code in codes {
            self.siem_says(code, text);
        }
    }

    /// The same of the audit collector.
    #[track_caller]
    pub(crate) fn audit_each_says(&self, codes: impl IntoIterator<Item = i32>, text: &str) {
        for code in codes {
            self.audit_says(code, text);
        }
    }

    /// Runs the SIEM collector so often; returns the codes.
    pub(crate) fn siem_codes(&self, runs: usize) -> Vec<i32> {
        (0..runs).map(|_| self.siem().code).collect()
    }

    /// Starts a collector and waits until its first request of that kind has come.
    pub(crate) fn spawn_until(&self, program: &str, asks: Endpoint) -> Child {
        let child = self.spawn(program);
        self.wait_for(asks);
        child
    }

    /// Waits until the simulator has got a request of that kind.
    pub(crate) fn wait_for(&self, asks: Endpoint) {
        while self.count(asks) == 0 {
            std::thread::yield_now();
        }
    }

    /// Runs a collector.
    pub(crate) fn collect(&self, program: &str) -> Outcome {
        self.run(program, [""; 0])
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

    /// The same command as another user. Only root may start it.
    #[cfg(unix)]
    pub(crate) fn command_as(&self, user: u32, command: &Command) -> Command {
        let mut other = self.command("setpriv");
        other.env("PATH", "/usr/bin:/bin");
        other.args([format!("--reuid={user}"), format!("--regid={user}")]);
        other.args(["--clear-groups", "--"]);
        other.arg(command.get_program()).args(command.get_args());
        other.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        other
    }

    /// Starts a collector and leaves it running.
    pub(crate) fn spawn(&self, program: &str) -> Child {
        let mut command = self.command(program);
        command.arg("--config").arg(self.path("config.toml"));
        start(&mut command)
    }

    /// Runs a command to its end.
    pub(crate) fn finish(&self, mut command: Command) -> Outcome {
        let started = Instant::now();
        let child = start(&mut command);
        let output = child.wait_with_output().expect("it ends");
        self.outcome(output, started.elapsed())
    }

    /// Waits for what [`Installation::spawn`] started.
    pub(crate) fn wait(&self, child: Child) -> Outcome {
        let started = Instant::now();
        let output = child.wait_with_output().expect("it ends");
        self.outcome(output, started.elapsed())
    }

    /// Kills what [`Installation::spawn`] started. On Windows a program of the system that it was about to start
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
        let mut outcome = Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            took,
        };
        if outcome.code == 75 && outcome.stdout.is_empty() && outcome.stderr.is_empty() {
            outcome.stderr = self.last_put_off();
        }
        if !(outcome.stdout.is_empty() && outcome.stderr.is_empty()) {
            let canaries = Canaries::of(&self.sandbox);
            canaries.assert_absent("the output", outcome.stdout.as_bytes());
            canaries.assert_absent("the output", outcome.stderr.as_bytes());
        }
        outcome
    }
}

/// Starts a program. Under load, wine sometimes fails to start one with an internal error of its own: then
/// nothing has run, and the start is repeated.
fn start(command: &mut Command) -> Child {
    const INTERNAL_ERROR: i32 = 1359;
    let mut attempts = 0;
    loop {
        attempts += 1;
        match command.spawn() {
            Err(error)
                if cfg!(windows)
                    && error.raw_os_error() == Some(INTERNAL_ERROR)
                    && attempts < 5 =>
            {
                std::thread::sleep(Duration::from_secs(1));
            }
            started => return started.expect("the program starts"),
        }
    }
}

/// Without these no Windows program reaches the network or makes a temporary file.
const NEEDED: &[&str] = if cfg!(windows) {
    &["SystemRoot", "TEMP", "TMP"]
} else {
    &[]
};
