//! Tests of values: type, range, choice, mode and placeholder.

use super::*;

#[test]
fn of_the_wrong_type_are_refused() {
    for (line, expected) in [
        (
            "[run]\nbudget_minutes = \"25\"",
            "budget_minutes in [run]: expected a whole number from 1 to 1440",
        ),
        (
            "[run]\nlog_level = 3",
            "log_level in [run]: expected text in quotes",
        ),
        (
            "[folders]\nfile_mode = 0o640",
            "file_mode in [folders]: expected text in quotes",
        ),
    ] {
        assert_eq!(refusal(line), format!("config.toml line 4: {expected}"));
    }
}

#[test]
fn are_accepted_at_the_ends_of_their_range_and_refused_beyond() {
    for (section, key, least, most) in [
        ("audit", "overlap_minutes", 1, 720),
        ("audit", "first_look_back_days", 1, 60),
        ("retention", "data_days", 1, 3650),
        ("retention", "log_days", 1, 3650),
        ("retention", "quarantine_days", 1, 3650),
        ("run", "budget_minutes", 1, 1440),
        ("network", "connect_timeout_seconds", 1, 300),
        ("network", "idle_timeout_seconds", 1, 600),
        ("network", "request_timeout_seconds", 1, 3600),
        ("network", "retries", 0, 10),
        ("network", "retry_wait_ms", 1, 60_000),
    ] {
        let line = |number: i64| format!("[{section}]\n{key} = {number}\n");
        with(&line(least)).unwrap();
        with(&line(most)).unwrap();
        for number in [least - 1, most + 1, -1, i64::MAX] {
            let range = format!("expected a whole number from {least} to {most}");
            let expected = format!("config.toml line 4: {key} in [{section}]: {range}");
            assert_eq!(refusal(&line(number)), expected);
        }
    }
}

#[test]
fn are_one_of_the_names_listed() {
    assert_eq!(
        refusal("[siem]\nformat = \"csv\""),
        "config.toml line 4: format in [siem]: expected \"key_value\" or \"json\""
    );
    assert_eq!(
        refusal("api = \"3.0\""),
        "config.toml line 3: api in [mimecast]: expected \"1.0\" or \"2.0\""
    );
    assert_eq!(
        refusal("[siem]\ncloud_integrated_types = \"entities, mail\""),
        "config.toml line 4: cloud_integrated_types in [siem]: expected all, none, or some \
         of: entities, mailflow, urlclick"
    );
    let types = with("[siem]\ncloud_gateway_types = \"spam,  url protect,spam\"").unwrap();
    assert_eq!(types.siem.cloud_gateway_types, ["spam", "url protect"]);
    assert_eq!(
        refusal("[run]\nlog_level = \"trace\""),
        "config.toml line 4: log_level in [run]: expected \"error\" or \"warn\" or \"info\" or \
         \"debug\""
    );
    assert_eq!(
        with("[audit]\nformat = \"json\"").unwrap().audit.format,
        Format::Json
    );
}

#[test]
fn that_are_required_may_not_be_missing_or_empty() {
    let error = parse("").unwrap_err();
    assert_eq!(
        error.message,
        "config.toml: base_url in [mimecast] is missing"
    );
    assert_eq!(error.remedy, "run authentication_setup");
    let error = parse("[mimecast]\nbase_url = \" \"").unwrap_err();
    assert_eq!(
        error.message,
        "config.toml line 2: base_url in [mimecast]: is empty"
    );
    assert_eq!(error.remedy, "run authentication_setup");
    assert_eq!(
        refusal("[folders]\ndata = \"\""),
        "config.toml line 4: data in [folders]: is empty"
    );
}

#[test]
fn that_are_placeholders_are_refused() {
    for value in [
        "<your app id>",
        "your-app-id",
        "CHANGEME",
        "xxxxxxxx",
        "TODO",
    ] {
        let error = with(&format!("app_id = \"{value}\"")).unwrap_err();
        let expected = "config.toml line 3: app_id in [mimecast]: still holds a placeholder";
        assert_eq!(error.message, expected);
        assert_eq!(error.remedy, "run authentication_setup");
    }
}

#[test]
fn that_break_a_line_or_a_header_are_refused() {
    assert_eq!(
        refusal("email = \"a\\nb\""),
        "config.toml line 3: email in [mimecast]: holds a line break or another control character"
    );
    assert_eq!(
        refusal("app_id = \"a b\""),
        "config.toml line 3: app_id in [mimecast]: holds a space: \
         expected letters, digits and signs without spaces"
    );
}

#[test]
fn of_modes_are_octal_text_that_suits_the_owner_and_nobody_else() {
    let mode = |value| format!("[folders]\nfile_mode = \"{value}\"");
    assert_eq!(with(&mode("0644")).unwrap().folders.file_mode, Mode(0o644));
    assert_eq!(with(&mode("600")).unwrap().folders.file_mode, Mode(0o600));
    let start = "config.toml line 4: file_mode in [folders]:";
    for wrong in ["0689", "rw-r-----", "06400", "+640", "4755", "40", ""] {
        let expected = format!("{start} expected octal text such as \"0640\"");
        assert_eq!(refusal(&mode(wrong)), expected, "{wrong}");
    }
    assert_eq!(
        refusal(&mode("0440")),
        format!("{start} the owner needs at least \"0600\"")
    );
    assert_eq!(
        refusal(&mode("0646")),
        format!("{start} other users could change published files")
    );
    assert_eq!(
        refusal("[folders]\nfolder_mode = \"0650\""),
        "config.toml line 4: folder_mode in [folders]: the owner needs at least \"0700\""
    );
}

#[test]
fn of_the_base_url_are_explained() {
    let error = parse("[mimecast]\nbase_url = \"https://example.com\"").unwrap_err();
    assert_eq!(
        error.message,
        "config.toml line 2: base_url in [mimecast]: host example.com is not Mimecast's: \
         expected one below mimecast.com or mimecast-pscom-us.com, such as \
         https://us-api.mimecast.com, or a loopback host"
    );
}

#[test]
fn of_short_retention_are_warned_about() {
    let config = with("[retention]\ndata_days = 6").unwrap();
    assert_eq!(
        config.warnings(),
        [
            "data_days in [retention] is below 7: if an agent stops for longer, files are \
          deleted before it reads them"
        ]
    );
}

#[test]
fn of_setup_are_missed_by_collectors() {
    let error = parse(EXAMPLE).unwrap().require_setup().unwrap_err();
    assert_eq!(
        error.message,
        "app_id in [mimecast] of /c/config.toml is empty"
    );
    assert_eq!(error.remedy, "run authentication_setup");
    with("app_id = \"id\"").unwrap().require_setup().unwrap();
}
