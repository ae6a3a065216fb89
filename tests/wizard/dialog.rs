//! A terminal, with somebody who answers.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};

use super::QUESTIONS;
use crate::harness::{Installation, SETUP};

const PATIENCE: Duration = Duration::from_secs(20);

/// A wizard in a terminal of its own.
pub(super) struct Dialog {
    pty: Arc<Pty>,
    child: Child,
    heard: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    /// How much of what was heard has been expected already.
    read: usize,
}

impl Dialog {
    /// The dialog of API 1.0.
    pub(super) fn begin(place: &Installation, arguments: &[&str]) -> Self {
        Self::begin_asking(place, &[&["--api", "1.0"], arguments].concat())
    }

    /// The dialog with its first question, about the generation.
    pub(super) fn begin_asking(place: &Installation, arguments: &[&str]) -> Self {
        Self::begin_in(place, 200, arguments)
    }

    /// The same in a terminal of this width. The home and the current folder are in the installation.
    pub(super) fn begin_in(place: &Installation, columns: u16, arguments: &[&str]) -> Self {
        let (pty, terminal) = open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(50, columns))
            .expect("a size");
        let child = Command::new(SETUP)
            .env_clear()
            .env("HOME", place.path("home"))
            .current_dir(place.path(""))
            .arg("--config")
            .arg(place.path("config.toml"))
            .args(["--discovery-url", &place.sandbox.url()])
            .args(arguments)
            .spawn(terminal)
            .expect("the program starts");
        let pty = Arc::new(pty);
        let heard = Arc::new(Mutex::new(String::new()));
        let (from, into) = (Arc::clone(&pty), Arc::clone(&heard));
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(1..) = (&*from).read(&mut buffer).inspect(|&length| {
                let text = String::from_utf8_lossy(&buffer[..length]);
                into.lock().expect("not poisoned").push_str(&text);
            }) {}
        });
        Self {
            pty,
            child,
            heard,
            reader,
            read: 0,
        }
    }

    pub(super) fn heard(&self) -> String {
        self.heard.lock().expect("not poisoned").clone()
    }

    pub(super) fn echoes(&self) -> bool {
        let settings = tcgetattr(self.pty.as_fd()).expect("a terminal");
        settings.local_modes.contains(LocalModes::ECHO)
    }

    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            let heard = self.heard();
            assert!(
                started.elapsed() < PATIENCE,
                "waited for {what}, got:\n{heard}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a text that was not there before.
    #[track_caller]
    pub(super) fn expect(&mut self, text: &str) {
        self.wait_until(text, |dialog| dialog.heard()[dialog.read..].contains(text));
        let heard = self.heard();
        self.read += heard[self.read..].find(text).expect("just seen") + text.len();
    }

    /// Waits for a question, then types; no question lets the terminal echo.
    #[track_caller]
    pub(super) fn answer(&mut self, question: &str, keys: &str) {
        self.expect(question);
        self.type_keys(keys);
    }

    /// Types at the present question.
    #[track_caller]
    pub(super) fn type_keys(&mut self, keys: &str) {
        self.wait_until("no echo", |dialog| !dialog.echoes());
        (&*self.pty).write_all(keys.as_bytes()).expect("typed");
    }

    /// Waits for a refusal, then answers the question that is asked again.
    #[track_caller]
    pub(super) fn answer_after(&mut self, refusal: &str, question: &str, keys: &str) {
        self.expect(refusal);
        self.expect("to do: ");
        self.answer(question, keys);
    }

    /// The right answers to the first `count` questions.
    pub(super) fn answer_first(&mut self, place: &Installation, count: usize) {
        let account = place.sandbox.account();
        let data = place.path("data");
        let answers = [
            data.to_str().expect("UTF-8"),
            account.app_id,
            account.app_key,
            account.email,
            account.password,
        ];
        for (question, answer) in QUESTIONS.into_iter().zip(answers).take(count) {
            self.answer(question, &format!("{answer}\r"));
        }
    }

    /// How it ended and all that was shown. The terminal echoes again, and no secret was shown.
    pub(super) fn end(mut self, place: &Installation) -> (i32, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                break status;
            }
            if started.elapsed() > PATIENCE {
                self.child.kill().expect("it still runs");
                panic!("it does not end, got:\n{}", self.heard());
            }
            thread::sleep(Duration::from_millis(2));
        };
        assert!(self.echoes(), "the terminal is as it was");
        self.reader.join().expect("it ends with the terminal");
        let heard = self.heard.lock().expect("not poisoned").clone();
        for secret in place.sandbox.account().secrets() {
            assert!(!heard.contains(secret), "P6: a secret was shown:\n{heard}");
        }
        (status.code().unwrap_or(-1), heard)
    }
}
