//! The questions of `import`: only what the scripts do not know.

use super::dialog::Dialog;
use crate::harness::Installation;
use crate::import::old::{OldScripts, Protocol};
use mimecast_sandbox::{Batch, Endpoint};

fn begin(place: &Installation, old: &OldScripts) -> Dialog {
    let folder = old.path("").display().to_string();
    Dialog::begin_asking(place, &["import", &folder])
}

/// Accepts the scripts' data folder, and answers for the application.
fn answer_application(dialog: &mut Dialog, place: &Installation) {
    let account = place.sandbox.account();
    dialog.answer("Data directory", "\r");
    dialog.answer("Application id", &format!("{}\r", account.app_id));
    dialog.answer("Application key", &format!("{}\r", account.app_key));
}

#[test]
fn it_asks_for_the_application_alone() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    let mut dialog = begin(&place, &old);
    dialog.expect("Stop the schedule of the Python scripts");
    answer_application(&mut dialog, &place);
    for words in [
        "Config saved successfully",
        "gateway logs begin",
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
fn after_a_refusal_of_the_keys_it_asks_for_a_log_in() {
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    let old = OldScripts::of(&place);
    old.write_config(Protocol::Text, |entries| {
        entries[3].1 = "b3RoZXI=".to_owned();
    });
    let mut dialog = begin(&place, &old);
    answer_application(&mut dialog, &place);
    // it could be the application key
    dialog.answer("Application id", "\r");
    dialog.answer("Application key (empty: keep the present one)", "\r");
    dialog.expect("Mimecast refuses the scripts' keys with this application");
    dialog.answer("E-mail address", &format!("{}\r", account.email));
    dialog.answer("Password", &format!("{}\r", account.password));
    dialog.expect("Config saved successfully");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 0, "{heard}");
    assert_eq!(place.count(Endpoint::Login), 1);
}

#[test]
fn a_mistyped_application_key_is_asked_again_and_needs_no_log_in() {
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    let old = OldScripts::of(&place);
    let mut dialog = begin(&place, &old);
    dialog.answer("Data directory", "\r");
    dialog.answer("Application id", &format!("{}\r", account.app_id));
    dialog.answer("Application key", "c0ffee00-mistyped\r");
    dialog.answer("Application id", "\r");
    dialog.answer("Application key", &format!("{}\r", account.app_key));
    dialog.expect("Config saved successfully");
    let (code, heard) = dialog.end(&place);
    assert_eq!(code, 0, "{heard}");
    assert_eq!(place.count(Endpoint::Login), 0);
}

#[test]
fn a_data_folder_of_another_host_is_no_suggestion() {
    let place = Installation::unconnected();
    let account = place.sandbox.account();
    let old = OldScripts::of(&place);
    old.write_config(Protocol::Text, |entries| {
        entries[0].1 = r"C:\Mimecast\data".to_owned();
    });
    let mut dialog = begin(&place, &old);
    dialog.expect(
        r"Note: the scripts' data folder C:\Mimecast\data is not a whole path on this host",
    );
    let data = place.path("data").display().to_string();
    dialog.answer("Data directory", &format!("\u{15}{data}\r"));
    dialog.answer("Application id", &format!("{}\r", account.app_id));
    dialog.answer("Application key", &format!("{}\r", account.app_key));
    dialog.expect("Config saved successfully");
    assert_eq!(dialog.end(&place).0, 0);
}

#[test]
fn scripts_that_run_meanwhile_end_it() {
    let place = Installation::unconnected();
    let old = OldScripts::of(&place);
    old.write("checkpoint_audit_start", "2026-11-20T10:00:00+0000");
    let mut dialog = begin(&place, &old);
    dialog.expect("Data directory");
    old.write("checkpoint_audit_start", "2026-11-20T10:30:00+0000");
    dialog.type_keys("\r");
    let account = place.sandbox.account();
    dialog.answer("Application id", &format!("{}\r", account.app_id));
    dialog.answer("Application key", &format!("{}\r", account.app_key));
    dialog.expect("the scripts have run meanwhile");
    assert_eq!(dialog.end(&place).0, 78);
    for name in ["config.toml", "credentials.toml", "checkpoint/audit.state"] {
        assert!(!place.path(name).exists(), "{name}");
    }
}
