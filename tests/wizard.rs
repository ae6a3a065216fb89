//! The setup in a terminal: a pseudo-terminal types, reads along and looks at the echo.

#![cfg(unix)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};

use crate::harness::{Place, QUICK, SETUP};
use crate::sandbox::{Batch, Endpoint};

const PATIENCE: Duration = Duration::from_secs(20);
const QUESTIONS: [&str; 5] = [
    "Data directory",
    "Application id",
    "Application key",
    "E-mail address",
    "Password (empty: enter a key pair instead)",
];

/// A wizard in a terminal of its own.
struct Dialog {
    pty: Arc<Pty>,
    child: Child,
    heard: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    /// How much of what was heard has been expected already.
    read: usize,
}

impl Dialog {
    /// The dialog of API 1.0.
    fn begin(place: &Place, arguments: &[&str]) -> Self {
        Self::begin_asking(place, &[&["--api", "1.0"], arguments].concat())
    }

    /// The dialog with its first question, about the generation.
    fn begin_asking(place: &Place, arguments: &[&str]) -> Self {
        let (pty, terminal) = open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(50, 200)).expect("a size");
        let child = Command::new(SETUP)
            .env_clear()
            .current_dir("/")
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

    fn heard(&self) -> String {
        self.heard.lock().expect("not poisoned").clone()
    }

    fn echoes(&self) -> bool {
        let settings = tcgetattr(self.pty.as_fd()).expect("a terminal");
        settings.local_modes.contains(LocalModes::ECHO)
    }

    #[track_caller]
    fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
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
    fn expect(&mut self, text: &str) {
        self.wait_until(text, |dialog| dialog.heard()[dialog.read..].contains(text));
        let heard = self.heard();
        self.read += heard[self.read..].find(text).expect("just seen") + text.len();
    }

    /// Waits for a question, then types; no question lets the terminal echo.
    #[track_caller]
    fn answer(&mut self, question: &str, keys: &str) {
        self.expect(question);
        self.wait_until("no echo", |dialog| !dialog.echoes());
        (&*self.pty).write_all(keys.as_bytes()).expect("typed");
    }

    /// The right answers to the first `count` questions.
    fn answer_first(&mut self, place: &Place, count: usize) {
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
    fn end(mut self, place: &Place) -> (i32, String) {
        let status = self.child.wait().expect("it ends");
        assert!(self.echoes(), "the terminal is as it was");
        self.reader.join().expect("it ends with the terminal");
        let heard = self.heard.lock().expect("not poisoned").clone();
        for secret in place.sandbox.account().secrets() {
            assert!(!heard.contains(secret), "P6: a secret was shown:\n{heard}");
        }
        (status.code().unwrap_or(-1), heard)
    }
}

fn assert_untouched(place: &Place) {
    let left = fs::read_dir(place.path("")).expect("the folder");
    let left: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(left.is_empty(), "something was written: {left:?}");
}

#[test]
fn the_dialog_leads_to_an_account_that_collects() {
    let place = Place::unconnected();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, QUESTIONS.len());
    for words in [
        "Log in successful",
        "Getting account code and saving config",
        "Config saved successfully",
        "Gateway | Tracking | Read   ok",
        "Account | Logs | Read       ok",
        "Note: the keys will expire in 3 days",
        "siem_collection --config",
    ] {
        dialog.expect(words);
    }
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 0, "{heard}");
    place.sandbox.serve(Batch::realistic(1, 5));
    place.siem().stays_silent();
    place.assert_siem_complete();
}

#[test]
fn the_dialog_of_api_2_0_comes_first_and_leads_to_an_application_that_collects() {
    connects_by_token(&Place::unconnected());
}

/// As behind a proxy, whose certificate has to be named before Mimecast can be reached.
#[test]
fn a_configuration_of_the_network_alone_changes_no_question() {
    let place = Place::unconnected();
    fs::write(place.path("config.toml"), QUICK).expect("written");
    connects_by_token(&place);
    let text = fs::read_to_string(place.path("config.toml")).expect("readable");
    assert!(text.starts_with(QUICK), "{text}");
}

#[track_caller]
fn connects_by_token(place: &Place) {
    let client = place.sandbox.client();
    let mut dialog = Dialog::begin_asking(place, &[]);
    dialog.answer("API generation", "\r");
    let data = place.path("data");
    dialog.answer("Data directory", &format!("{}\r", data.display()));
    dialog.answer("Client id", &format!("{}\r", client.client_id));
    dialog.answer("Client secret", &format!("{}\r", client.client_secret));
    dialog.answer("API host", &format!("\u{15}{}\r", place.sandbox.url()));
    for words in [
        "Config saved successfully",
        "Threat and Security Events (SIEM) | Read ok",
        "Account | Logs | Read       ok",
    ] {
        dialog.expect(words);
    }
    let (code, heard) = dialog.end(place);
    assert_eq!(code, 0, "{heard}");
    assert!(!heard.contains(client.client_secret), "P6: {heard}");
    place
        .sandbox
        .serve_objects("receipt", [crate::sandbox::Object::realistic(1, 5)]);
    place.siem().stays_silent();
    place.assert_objects_complete();
}

#[test]
fn a_key_pair_can_be_entered_instead_of_a_password() {
    let place = Place::unconnected();
    let account = place.sandbox.account();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, 4);
    dialog.answer(QUESTIONS[4], "\r");
    dialog.answer("Access key", &format!("{}\r", account.access_key));
    dialog.answer("Secret key", &format!(" {} \r", account.secret_key));
    dialog.expect("Config saved successfully");
    assert_eq!(dialog.end(&place).0, 0);
    assert_eq!(place.sandbox.count(Endpoint::Login), 0);
}

#[test]
fn an_answer_that_cannot_be_right_is_asked_for_again() {
    let place = Place::unconnected();
    fs::write(place.path("file"), "").expect("written");
    let in_the_way = place.path("file/below");
    let mut dialog = Dialog::begin(&place, &[]);
    for (answer, words) in [
        ("relative", "enter the whole path"),
        ("/", "it is the root of a file system"),
        ("/etc", "it is a folder of the system"),
        (in_the_way.to_str().expect("UTF-8"), "cannot write in"),
    ] {
        dialog.answer(QUESTIONS[0], &format!("{answer}\r"));
        dialog.expect(words);
    }
    dialog.answer_first(&place, 1);
    dialog.answer(QUESTIONS[1], "two words\r");
    dialog.expect("holds a space");
    dialog.answer(
        QUESTIONS[1],
        &format!("{}\r", place.sandbox.account().app_id),
    );
    dialog.answer(QUESTIONS[2], "\r");
    dialog.answer(QUESTIONS[2], "two words\r");
    dialog.expect("holds a space");
    dialog.answer(QUESTIONS[2], "app-key\r");
    dialog.answer(QUESTIONS[3], "nobody\r");
    dialog.expect("not an e-mail address: it has no @");
    dialog.answer(QUESTIONS[3], "\x03");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 130, "{heard}");
    assert!(!heard.contains("app-key"), "{heard}");
    fs::remove_file(place.path("file")).expect("removed");
    assert_untouched(&place);
}

#[test]
fn ctrl_c_at_any_question_gives_the_terminal_back_and_leaves_nothing() {
    for (number, question) in QUESTIONS.into_iter().enumerate() {
        let place = Place::unconnected();
        let mut dialog = Dialog::begin(&place, &[]);
        dialog.answer_first(&place, number);
        dialog.answer(question, "half\x03");
        let (code, heard) = dialog.end(&place);
        assert_eq!(code, 130, "{question}: {heard}");
        assert!(
            heard.contains("interrupted, nothing was changed"),
            "{heard}"
        );
        assert!(place.sandbox.requests().is_empty());
        assert_untouched(&place);
    }
}

#[test]
fn ctrl_c_is_one_document_too_and_so_is_a_refusal() {
    let place = Place::unconnected();
    let mut dialog = Dialog::begin(&place, &["--json"]);
    dialog.answer(QUESTIONS[0], "\x03");
    let (code, heard) = dialog.end(&place);
    assert_eq!(
        (code, heard.matches("\"schema\":1").count()),
        (130, 1),
        "{heard}"
    );
    assert!(heard.contains("\"kind\":\"interrupted\""), "{heard}");
}

#[test]
fn a_wrong_password_ends_with_the_step_to_revisit() {
    let place = Place::unconnected();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, 4);
    dialog.answer(QUESTIONS[4], "wrong\r");
    dialog.expect("password was not accepted");
    dialog.expect("preparation step 1");
    assert_eq!(dialog.end(&place).0, 77);
    assert!(!place.path("config.toml").exists());
}

#[test]
fn a_second_dialog_suggests_what_the_first_one_learned() {
    let place = Place::connected();
    let account = place.sandbox.account();
    let text = fs::read_to_string(place.path("config.toml")).expect("readable");
    let text = text.replace("app_id", &format!("email = \"{}\"\napp_id", account.email));
    fs::write(place.path("config.toml"), text).expect("written");
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer(
        &format!("Data directory [{}]", place.path("data").display()),
        "\r",
    );
    dialog.answer(&format!("Application id [{}]", account.app_id), "\r");
    dialog.answer("Application key (empty: keep the present one)", "\r");
    dialog.answer(&format!("E-mail address [{}]", account.email), "\r");
    dialog.answer(QUESTIONS[4], &format!("{}\r", account.password));
    dialog.expect("Config saved successfully");
    assert_eq!(dialog.end(&place).0, 0);
}

#[test]
fn without_a_terminal_it_names_the_way_without_questions() {
    let place = Place::unconnected();
    let outcome = place.finish(place.command(SETUP)).ends_with(64);
    outcome.says("no terminal").says("--no-input");
}
