//! Tests of the file: its keys, its errors and its limits.

use super::*;

#[test]
fn beside_the_configuration_gives_all_three() {
    let credentials = Installation::with(COMPLETE).load().unwrap();
    assert_eq!(credentials.app_key().expose_secret(), "app-canary");
    assert_eq!(credentials.access_key().expose_secret(), "access-canary");
    assert_eq!(credentials.secret_key().expose_secret(), b"canary!");
}

#[test]
fn that_is_incomplete_is_completed_by_setup() {
    let installation = Installation::with("access_key = \"a\"\napp_key = \"\"\n");
    let error = installation.load().unwrap_err();
    let shown = installation.file().display().to_string();
    assert_eq!(
        error.message,
        format!("no app_key and secret_key in {shown} or the environment")
    );
    assert_eq!(error.remedy, "run authentication_setup");
    let message = Installation::empty().refusal();
    assert!(
        message.starts_with("no app_key and access_key and secret_key in "),
        "{message}"
    );
}

#[test]
fn with_an_unknown_key_is_refused() {
    assert_eq!(
        Installation::with("\nacces_key = \"canary\"\n").refusal(),
        "credentials.toml line 2: unknown key \"acces_key\": did you mean \"access_key\"?"
    );
    assert_eq!(
        Installation::with("password = \"canary\"\n").refusal(),
        "credentials.toml line 1: unknown key \"password\""
    );
    assert_eq!(
        Installation::with("[mimecast]\napp_key = \"canary\"\n").refusal(),
        "credentials.toml line 1: unknown key \"mimecast\""
    );
    let pasted = "\"CanaryCanary+/==\" = \"app_key\"\n";
    assert_eq!(
        Installation::with(pasted).refusal(),
        "credentials.toml line 1: unknown key"
    );
}

#[test]
fn with_an_error_is_named_by_line_and_not_repeated() {
    for content in [
        "app_key = canary\n",
        "app_key: canary\n",
        "app_key = \"canary\n",
    ] {
        let error = Installation::with(content).load().unwrap_err();
        let start = "credentials.toml line 1: not valid TOML: ";
        assert!(error.message.starts_with(start), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    assert_eq!(
        Installation::with("app_key = 5\n").refusal(),
        "credentials.toml line 1: app_key: expected text in quotes"
    );
    let twice = format!("{COMPLETE}secret_key = \"canary\"\n");
    assert_eq!(
        Installation::with(&twice).refusal(),
        "credentials.toml line 4: key \"secret_key\" is given twice"
    );
}

#[test]
fn with_a_wrong_value_is_named_by_key() {
    let installation = Installation::with(&COMPLETE.replace("Y2FuYXJ5IQ==", "not-base64-canary"));
    let shown = installation.file().display().to_string();
    assert_eq!(
        installation.refusal(),
        format!("secret_key in {shown} is not base64")
    );
}

#[test]
fn that_is_a_folder_is_refused() {
    let installation = Installation::empty();
    fs::create_dir(installation.file()).unwrap();
    let shown = installation.file().display().to_string();
    assert_eq!(
        installation.refusal(),
        format!("cannot read {shown}: not a regular file")
    );
}

#[test]
fn that_is_too_large_is_refused() {
    let installation = Installation::with(&"#".repeat((1 << 20) + 1));
    assert!(
        installation
            .refusal()
            .ends_with(": larger than 1048576 bytes")
    );
}
