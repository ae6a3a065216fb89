//! Tests of the messages about text that is not TOML.

use super::*;

#[test]
fn name_the_line_and_not_its_content() {
    let error = with("[network]\nproxy = http://canary@proxy\n").unwrap_err();
    assert!(
        error
            .message
            .starts_with("config.toml line 4: not valid TOML: "),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn in_a_windows_path_say_how_to_write_one() {
    let error = with("[folders]\ndata = \"C:\\Users\\mimecast\"\n").unwrap_err();
    assert!(
        error
            .message
            .starts_with("config.toml line 4: not valid TOML: "),
        "{error}"
    );
    let remedy = "write a path with backslashes between single quotes, not double ones";
    assert_eq!(error.remedy, remedy);
    with("[folders]\ndata = 'C:\\Mimecast\\data'\n").unwrap();
}
