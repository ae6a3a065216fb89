//! Tests of the order of the origins.

use super::*;

#[test]
fn are_variables_then_systemd_s_folder_then_the_file() {
    let mut installation = Installation::with(COMPLETE);
    let given = Installation::with("app_key = \"systemd\"\naccess_key = \"systemd\"\n");
    installation.environment.credentials_folder = Some(given.folder.path().to_owned());
    installation.environment.access_key = Some(secret("variable"));
    let credentials = installation.load().unwrap();
    assert_eq!(credentials.access_key().expose_secret(), "variable");
    assert_eq!(credentials.app_key().expose_secret(), "systemd");
    assert_eq!(credentials.secret_key().expose_secret(), b"canary!");
}

#[test]
fn that_are_not_needed_are_not_read() {
    let mut installation = Installation::with("broken");
    installation.environment.app_key = Some(secret("a"));
    installation.environment.access_key = Some(secret("b"));
    installation.environment.secret_key = Some(secret("Y2Fu"));
    installation.load().unwrap();
}

#[test]
fn that_are_variables_are_named_as_such() {
    let mut installation = Installation::with(COMPLETE);
    installation.environment.secret_key = Some(secret("%%%"));
    assert_eq!(installation.refusal(), "MIMECAST_SECRET_KEY is not base64");
    installation.environment.secret_key = None;
    installation.environment.app_key = Some(secret("a b"));
    assert_eq!(installation.refusal(), "MIMECAST_APP_KEY holds a space");
}
