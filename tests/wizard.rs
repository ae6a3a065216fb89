//! The setup in a terminal: a pseudo-terminal types, reads along and looks at the echo.

#![cfg(unix)]

mod again;
mod dialog;
mod imported; // from the Python scripts

use std::fs;

use crate::harness::{Installation, QUICK, SETUP};
use dialog::Dialog;
use mimecast_sandbox::{Batch, Endpoint};

const QUESTIONS: [&str; 5] = [
    "Data directory",
    "Application id",
    "Application key",
    "E-mail address",
    "Password (empty: enter a key pair instead)",
];

fn assert_untouched(place: &Installation) {
    let left = fs::read_dir(place.path("")).expect("the folder");
    let left: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(left.is_empty(), "something was written: {left:?}");
}

#[test]
fn the_dialog_leads_to_an_account_that_collects() {
    let place = Installation::unconnected();
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
    place.serve(Batch::realistic(1, 5));
    place.collects_logs();
}

#[test]
fn the_dialog_of_api_2_0_comes_first_and_leads_to_an_application_that_collects() {
    connects_by_token(&Installation::unconnected());
}

/// As behind a proxy, whose certificate has to be named before Mimecast can be reached.
#[test]
fn a_configuration_of_the_network_alone_changes_no_question() {
    let place = Installation::unconnected();
    fs::write(place.path("config.toml"), QUICK).expect("written");
    connects_by_token(&place);
    let text = fs::read_to_string(place.path("config.toml")).expect("readable");
    assert!(text.starts_with(QUICK), "{text}");
}

#[track_caller]
fn connects_by_token(place: &Installation) {
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
        "Account | Logs | Read                    ok",
    ] {
        dialog.expect(words);
    }
    let (code, heard) = dialog.end(place);
    assert_eq!(code, 0, "{heard}");
    assert!(!heard.contains(client.client_secret), "P6: {heard}");
    place.serve_objects("receipt", [mimecast_sandbox::Object::realistic(1, 5)]);
    place.collects_objects();
}

#[test]
fn a_key_pair_can_be_entered_instead_of_a_password() {
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    let mut dialog = Dialog::begin(&place, &[]);
    dialog.answer_first(&place, 4);
    dialog.answer(QUESTIONS[4], "\r");
    dialog.answer("Access key", &format!("{}\r", account.access_key));
    dialog.answer("Secret key", &format!(" {} \r", account.secret_key));
    dialog.expect("Config saved successfully");
    assert_eq!(dialog.end(&place).0, 0);
    assert_eq!(place.count(Endpoint::Login), 0);
}

#[test]
fn an_answer_that_cannot_be_right_is_asked_for_again() {
    let place = Installation::unconnected();
    fs::write(place.path("file"), "").expect("written");
    let in_the_way = place.path("file/below");
    let mut dialog = Dialog::begin(&place, &[]);
    for (answer, words) in [
        (
            "~other/data",
            "it starts in the home folder of another user",
        ),
        ("/", "it is the root of a file system"),
        ("/etc", "it is a folder of the system"),
        (in_the_way.to_str().expect("UTF-8"), "cannot make"),
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
        let place = Installation::unconnected();
        let mut dialog = Dialog::begin(&place, &[]);
        dialog.answer_first(&place, number);
        dialog.answer(question, "half\x03");
        let (code, heard) = dialog.end(&place);
        let is_told = heard.contains("interrupted, nothing was changed");
        assert!(code == 130 && is_told, "{question}: {code} {heard}");
        assert!(place.requests().is_empty());
        assert_untouched(&place);
    }
}

#[test]
fn ctrl_c_is_one_document_too_and_so_is_a_refusal() {
    let place = Installation::unconnected();
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
fn a_second_dialog_suggests_what_the_first_one_learned() {
    let place = Installation::connected();
    let account = place.sandbox.account();
    let email = format!("email = \"{}\"\napp_id", account.email);
    place.edit("config.toml", "app_id", &email);
    let mut dialog = Dialog::begin(&place, &[]);
    let data = place.path("data");
    dialog.answer(&format!("Data directory [{}]", data.display()), "\r");
    dialog.answer(&format!("Application id [{}]", account.app_id), "\r");
    dialog.answer("Application key (empty: keep the present one)", "\r");
    dialog.answer(&format!("E-mail address [{}]", account.email), "\r");
    dialog.answer(QUESTIONS[4], &format!("{}\r", account.password));
    dialog.expect("Config saved successfully");
    assert_eq!(dialog.end(&place).0, 0);
}

#[test]
fn without_a_terminal_it_names_the_way_without_questions() {
    let place = Installation::unconnected();
    let outcome = place.finish(place.command(SETUP)).ends_with(64);
    outcome.says("no terminal").says("--no-input");
}
