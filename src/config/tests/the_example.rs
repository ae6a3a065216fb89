//! Tests of the example: its defaults, its keys and its comments.

use super::*;

#[test]
fn says_what_the_defaults_are() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.path, Path::new("/c/config.toml"));
    assert_eq!(config.mimecast.api, Api::V1);
    assert_eq!(
        config.mimecast.base_url.to_string(),
        "https://us-api.mimecast.com"
    );
    assert_eq!(config.mimecast.account_code, "");
    assert_eq!(config.mimecast.email, "");
    assert_eq!(config.mimecast.app_id, "");
    assert_eq!(config.folders.data, Path::new("/c/data"));
    assert_eq!(config.folders.state, Path::new("/c/checkpoint"));
    assert_eq!(config.folders.log, Path::new("/c/log"));
    assert_eq!(config.folders.file_mode, Mode(0o640));
    assert_eq!(config.folders.folder_mode, Mode(0o750));
    assert_eq!(config.siem.format, Format::KeyValue);
    assert_eq!(config.audit.format, Format::KeyValue);
    assert_eq!(config.audit.overlap, 60 * MINUTE);
    assert_eq!(config.audit.first_look_back, 7 * DAY);
    assert_eq!(config.retention.data, 7 * DAY);
    assert_eq!(config.retention.log, 7 * DAY);
    assert_eq!(config.retention.quarantine, 30 * DAY);
    assert_eq!(config.run.budget, 25 * MINUTE);
    assert_eq!(config.run.retry_for, 5 * MINUTE);
    assert_eq!(config.run.log_level, tracing::Level::INFO);
    assert!(matches!(config.network.proxy, Proxy::System));
    assert_eq!(config.network.ca_file, None);
    assert_eq!(config.network.private_stores, PrivateStores::default());
    assert_eq!(config.network.connect_timeout, 10 * SECOND);
    assert_eq!(config.network.idle_timeout, 60 * SECOND);
    assert_eq!(config.network.request_timeout, 600 * SECOND);
    assert_eq!(config.network.retries, 4);
    assert_eq!(config.network.retry_wait, SECOND);
    assert_eq!(config.run.alarm_after, chrono::TimeDelta::hours(4));
    assert_eq!(config.monitor.metrics_file, None);
    assert_eq!(config.monitor.report, None);
    assert_eq!(config.monitor.ping_url_siem, None);
    assert_eq!(config.monitor.ping_url_audit, None);
    assert!(config.warnings().is_empty());
}

#[test]
fn equals_a_file_with_the_required_key_alone() {
    let example = format!("{:?}", parse(EXAMPLE).unwrap());
    assert_eq!(format!("{:?}", parse(REQUIRED).unwrap()), example);
}

#[test]
fn lists_no_key_that_nothing_reads() {
    let keys = example_keys();
    assert_eq!(keys.len(), 37);
    for (section, key) in keys {
        let mut text: toml_edit::DocumentMut = EXAMPLE.parse().unwrap();
        text[&section][&key] = toml_edit::value(1.5); // no key takes a fraction
        let error = parse(&text.to_string()).unwrap_err();
        assert!(
            error
                .message
                .contains(&format!(" {key} in [{section}]: expected ")),
            "{error}"
        );
    }
}

#[test]
fn is_accepted_with_windows_line_ends_and_a_byte_order_mark() {
    parse(&format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"))).unwrap();
}

#[test]
fn stays_within_a_screen_s_width_and_explains_every_key() {
    let lines: Vec<_> = EXAMPLE.lines().collect();
    assert!(lines.iter().all(|line| line.len() <= 110));
    for (_, key) in example_keys()
        .iter()
        .filter(|(_, key)| key != "folder_mode")
    {
        let at = lines
            .iter()
            .position(|line| line.starts_with(&format!("{key} =")))
            .unwrap();
        assert!(lines[at - 1].starts_with("# "), "{key}");
    }
}

/// The lines of the example with `# ` before them are a table of each type. Those with `## ` explain it.
fn destinations() -> String {
    let lines = EXAMPLE
        .lines()
        .skip_while(|line| *line != "# [[destination]]");
    let lines = lines.filter_map(|line| line.strip_prefix("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn lists_every_key_of_every_destination() {
    let text = destinations();
    let defaults: toml::Table = include_str!("../destination/defaults.toml")
        .parse()
        .unwrap();
    let example: toml::Table = text.parse().unwrap();
    let tables = example["destination"].as_array().unwrap();
    let mut types = Vec::new();
    for table in tables.iter().map(|table| table.as_table().unwrap()) {
        let kind = table["type"].as_str().unwrap();
        types.push(kind);
        let known = ["every", kind].map(|section| defaults[section].as_table().unwrap());
        let mut listed: Vec<&String> = table.keys().collect();
        let mut wanted: Vec<&String> = known.into_iter().flat_map(toml::Table::keys).collect();
        listed.sort();
        wanted.sort();
        assert_eq!(listed, wanted, "{kind}");
        for section in known {
            for (key, default) in section {
                let is_shown = &table[key] == default;
                let needs_a_value = ["name", "type", "address", "url", "index", "category"];
                assert!(is_shown || needs_a_value.contains(&&**key), "{kind} {key}");
            }
        }
    }
    types.sort_unstable();
    let mut wanted: Vec<&str> = defaults.keys().map(String::as_str).collect();
    wanted.retain(|section| *section != "every");
    wanted.sort_unstable();
    assert_eq!(types, wanted);
    let whole = format!("{REQUIRED}\n{text}");
    assert_eq!(parse(&whole).unwrap().destinations.len(), types.len());
}
