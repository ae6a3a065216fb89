//! A refused answer alone is asked again, three times at most.

use std::fs;

use super::dialog::Dialog;
use super::{QUESTIONS, assert_untouched};
use crate::harness::Installation;
use mimecast_sandbox::Endpoint;

const REFUSED: &str = "the e-mail address or password was not accepted";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

#[test]
fn a_wrong_password_is_asked_for_again_and_nothing_else() {
    let place = Installation::unconnected();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, 4);
    dialog.answer(QUESTIONS[4], "wrong\r");
    dialog.answer_after(REFUSED, "Password:", "wrong again\r");
    let right = format!("{}\r", place.sandbox.account().password);
    dialog.answer_after(REFUSED, "Password:", &right);
    dialog.expect("Config saved successfully");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 0, "{heard}");
    // each question is printed twice: while it waits, and with its answer
    assert_eq!(heard.matches("Application key").count(), 2, "{heard}");
    assert_eq!(place.count(Endpoint::Login), 3);
}

#[test]
fn a_password_that_is_refused_four_times_ends_the_setup_and_leaves_nothing() {
    let place = Installation::unconnected();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, 4);
    dialog.answer(QUESTIONS[4], "wrong\r");
    for _ in 0..3 {
        dialog.answer_after(REFUSED, "Password:", "wrong\r");
    }
    dialog.expect(REFUSED);
    dialog.expect("preparation step 1");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 77, "{heard}");
    assert_eq!(place.count(Endpoint::Login), 4);
    assert_untouched(&place);
}

#[test]
fn each_refused_answer_of_api_1_0_is_asked_for_by_its_own_question() {
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, 1);
    dialog.answer(QUESTIONS[1], &format!("{UNKNOWN}\r"));
    dialog.answer(QUESTIONS[2], &format!("{UNKNOWN}\r"));
    dialog.answer(QUESTIONS[3], "nobody@example.com\r");
    dialog.answer(QUESTIONS[4], &format!("{}\r", account.password));
    dialog.expect("application id is not known");
    let id = format!("{}\r", account.app_id);
    dialog.answer("Application id [", &format!("\u{15}{id}"));
    dialog.answer("Application key (empty", "\r");
    dialog.expect("no Mimecast region knows");
    let email = format!("{}\r", account.email);
    dialog.answer("E-mail address [", &format!("\u{15}{email}"));
    dialog.expect("Log in successful");
    dialog.expect("application key, access key or secret key was not accepted");
    dialog.answer("Application id [", "\r");
    let key = format!("{}\r", account.app_key);
    dialog.answer("Application key (empty", &key);
    dialog.expect("Config saved successfully");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 0, "{heard}");
}

#[test]
fn a_refused_client_and_a_host_that_does_not_answer_are_asked_for_again() {
    let place = Installation::unconnected();
    let client = place.sandbox.client();
    fs::write(
        place.path("config.toml"),
        "[network]\nretries = 0\nretry_wait_ms = 5\n",
    )
    .expect("written");
    let mut dialog = Dialog::begin_asking(&place, &[]);
    dialog.answer("API generation", "2\r");
    dialog.answer("Data directory", "~/mail data\r");
    dialog.expect(&format!(
        "The whole path is {}",
        place.path("home/mail data").display()
    ));
    dialog.answer("Client id", &format!("{}\r", client.client_id));
    dialog.answer("Client secret", "wrong\r");
    dialog.answer("API host", "\u{15}http://127.0.0.1:9\r");
    dialog.expect("could not be reached");
    let host = format!("\u{15}{}\r", place.sandbox.url());
    dialog.answer("API host [http://127.0.0.1:9]", &host);
    dialog.expect("client id or client secret was not accepted");
    dialog.expect("preparation step 3");
    dialog.answer(&format!("Client id [{}]", client.client_id), "\r");
    let secret = format!("{}\r", client.client_secret);
    dialog.answer("Client secret (empty", &secret);
    dialog.expect("Config saved successfully");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 0, "{heard}");
    assert_eq!(heard.matches("Data directory").count(), 2, "{heard}");
    assert!(!heard.contains(client.client_secret), "P6: {heard}");
    assert!(place.path("home/mail data/mta").is_dir());
}

#[test]
fn a_relative_folder_is_made_whole_and_shown() {
    let place = Installation::unconnected();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer(QUESTIONS[0], "./data\r");
    let whole = place.path("data").display().to_string();
    dialog.expect(&format!("The whole path is {whole}"));
    dialog.answer(QUESTIONS[1], "\x03");
    assert_eq!(dialog.end(&place).0, 130);
    assert_untouched(&place);
}

#[test]
fn a_folder_of_state_that_cannot_be_used_is_told_before_the_first_question() {
    let place = Installation::unconnected();
    fs::write(place.path("file"), "in the way").expect("written");
    let state = place.path("file/state").display().to_string();
    let mut dialog = Dialog::begin(&place, &["--state-dir", &state]);
    dialog.expect("cannot make");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 74, "{heard}");
    assert!(!heard.contains(QUESTIONS[0]), "{heard}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for api in ["1.0", "2.0"] {
        let place = Installation::unconnected();
        let client = place.sandbox.client();
        let mut dialog = Dialog::begin_in(&place, 80, &["--api", api, "--data-dir", "data"]);
        dialog.answer("Data directory", "\r");
        if api == "1.0" {
            let account = place.sandbox.account();
            dialog.answer(QUESTIONS[1], &format!("{}\r", account.app_id));
            dialog.answer(QUESTIONS[2], &format!("{}\r", account.app_key));
            dialog.answer(QUESTIONS[3], &format!("{}\r", account.email));
            dialog.answer(QUESTIONS[4], "wrong\r");
            dialog.answer_after(REFUSED, "Password:", &format!("{}\r", account.password));
        } else {
            dialog.answer("Client id", &format!("{}\r", client.client_id));
            dialog.answer("Client secret", "wrong\r");
            dialog.answer("API host", &format!("\u{15}{}\r", place.sandbox.url()));
            dialog.answer("Client id [", "\r");
            dialog.answer("Client secret (", &format!("{}\r", client.client_secret));
        }
        dialog.expect("audit_collection");
        dialog.expect("After enhanced logging");
        let (code, heard) = dialog.end(&place);
        assert_eq!(code, 0, "{heard}");
        for line in heard.lines().filter(|line| !line.contains('\u{1b}')) {
            // a path is one word, which no break may cut
            let has_path = line.contains(&place.path("").display().to_string());
            assert!(line.chars().count() <= 80 || has_path, "{line:?}");
        }
    }
}
