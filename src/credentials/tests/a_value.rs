//! Tests of a value: its form, and that no output shows it.

use super::*;

#[test]
fn loses_white_space_around_it_and_may_lack_padding() {
    for key in [
        "Y2FuYXJ5IQ==",
        "Y2FuYXJ5IQ",
        "Y2FuYXJ5IQ=",
        "\r\n Y2FuYXJ5IQ==\n",
    ] {
        let credentials = new(" app\n", "access\r\n", key).unwrap();
        assert_eq!(credentials.app_key().expose_secret(), "app");
        assert_eq!(credentials.access_key().expose_secret(), "access");
        assert_eq!(credentials.secret_key().expose_secret(), b"canary!");
    }
}

#[test]
fn that_is_unusable_is_refused_by_name() {
    let message = |app, access, key| new(app, access, key).unwrap_err().message;
    assert_eq!(message("", "b", "Y2Fu"), "app_key is empty");
    assert_eq!(
        message("a\nX-Other: 1", "b", "Y2Fu"),
        "app_key holds a line break"
    );
    assert_eq!(
        message("a", "b\u{fffd}", "Y2Fu"),
        "access_key holds text that is not UTF-8"
    );
    assert_eq!(
        message("a", "<access key>", "Y2Fu"),
        "access_key still holds a placeholder"
    );
    assert_eq!(message("a", "b", " "), "secret_key is empty");
    assert_eq!(message("a", "b", "Y2F"), "secret_key is not base64");
    assert_eq!(message("a", "b", "Y2Fu_-"), "secret_key is not base64");
}

#[test]
fn comes_back_from_a_file_as_it_was_saved() {
    let installation = Installation::empty();
    let credentials = new("quote\"back\\slash'#", "b", "Y2FuYXJ5IQ").unwrap();
    credentials
        .save(&super::path_beside(&installation.config()))
        .unwrap();
    let text = fs::read_to_string(installation.file()).unwrap();
    assert!(text.starts_with(HEADER));
    assert!(
        text.contains("secret_key = \"Y2FuYXJ5IQ==\"\n"),
        "padding is back"
    );
    let again = installation.load().unwrap();
    assert_eq!(
        again.app_key().expose_secret(),
        credentials.app_key().expose_secret()
    );
    assert_eq!(
        again.access_key().expose_secret(),
        credentials.access_key().expose_secret()
    );
    assert_eq!(again.secret_key().expose_secret(), b"canary!");
}

#[test]
fn is_never_part_of_debug_output() {
    let debug = format!("{:?}", Installation::with(COMPLETE).load().unwrap());
    for secret in ["canary", "Y2Fu", "99, 97, 110"] {
        assert!(!debug.contains(secret), "{debug}");
    }
}
