//! Tests of keys: unknown, misplaced, doubled and dotted ones.

use super::*;

#[test]
fn that_are_unknown_are_refused_with_line_and_nearest_key() {
    let error = with("\n[audit]\noverlap_minuts = 60\n").unwrap_err();
    assert_eq!(
        error.message,
        "config.toml line 5: unknown key \"overlap_minuts\" in [audit]: did you mean \
         \"overlap_minutes\"?"
    );
    assert_eq!(error.remedy, "correct /c/config.toml");
    assert_eq!(
        refusal("frequency = 60\n"),
        "config.toml line 3: unknown key \"frequency\" in [mimecast]"
    );
}

#[test]
fn of_another_section_are_sent_there() {
    assert_eq!(
        refusal("data_days = 60\n"),
        "config.toml line 3: unknown key \"data_days\" in [mimecast]: it belongs in \
         [retention]"
    );
}

#[test]
fn outside_of_any_section_are_refused() {
    let error = parse(&format!("log_level = \"info\"\n{REQUIRED}")).unwrap_err();
    assert_eq!(
        error.message,
        "config.toml line 1: unknown key \"log_level\" outside of any section: it belongs \
         in [run]"
    );
}

#[test]
fn that_hold_secrets_are_sent_to_the_credentials_file() {
    for key in [
        "app_key",
        "access_key",
        "secret_key",
        "password",
        "client_secret",
    ] {
        let line = format!("{key} = \"canary\"\n");
        assert_eq!(
            refusal(&line),
            format!(
                "config.toml line 3: unknown key \"{key}\" in [mimecast]: secrets belong \
                 in credentials.toml"
            )
        );
        let error = parse(&line).unwrap_err();
        assert!(
            error
                .message
                .ends_with(": secrets belong in credentials.toml"),
            "{error}"
        );
    }
}

#[test]
fn given_twice_are_refused() {
    let line = "base_url = \"https://eu-api.mimecast.com\"\n";
    assert_eq!(
        refusal(line),
        "config.toml line 3: key \"base_url\" is given twice"
    );
    assert_eq!(
        refusal("[mimecast]\n"),
        "config.toml line 3: key \"mimecast\" is given twice"
    );
}

#[test]
fn may_be_dotted_or_inline() {
    let text =
        "mimecast.base_url = \"https://us-api.mimecast.com\"\nrun = { log_level = \"debug\" }";
    assert_eq!(parse(text).unwrap().run.log_level, tracing::Level::DEBUG);
}
