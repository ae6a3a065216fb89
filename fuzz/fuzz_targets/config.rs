//! The configuration file.
//!
//! - An accepted file has only known keys, values in range, and a host of Mimecast's or of this machine. It
//!   is still accepted after a setup.
//! - Errors never hold a value that could be a secret.
#![no_main]

use std::path::Path;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{
    Api, BaseUrl, Config, ConfigError, EXAMPLE, Environment, Saved, rewrite,
};
use mimecast_collector_fuzz::CANARY;
use toml_edit::{DocumentMut, Item};

fn parse(text: &str) -> Result<Config, ConfigError> {
    let parsed = Config::parse(text, Path::new("/c/config.toml"), &Environment::default());
    match &parsed {
        Ok(config) => check(config, text),
        Err(error) => {
            let said = format!("{error:?}");
            assert!(
                said.chars().count() < 1_000
                    && !error.message.is_empty()
                    && !error.remedy.is_empty()
            );
        }
    }
    parsed
}

fn check(config: &Config, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let given: DocumentMut = text.parse().expect("accepted text is TOML");
    let example: DocumentMut = EXAMPLE.parse().expect("the example is TOML");
    for (section, item) in given.iter() {
        let known = example
            .get(section)
            .and_then(Item::as_table)
            .expect("a known section");
        let table = item.as_table_like().expect("a section");
        assert!(
            table.iter().all(|(key, _)| known.contains_key(key)),
            "an unknown key is accepted"
        );
    }
    let host = config.mimecast.base_url.host();
    let is_theirs = |domain| host == domain || host.ends_with(&format!(".{domain}"));
    assert!(
        config.mimecast.base_url.is_loopback()
            || is_theirs("mimecast.com")
            || is_theirs("mimecast-pscom-us.com")
    );
    let folders = [
        &config.folders.data,
        &config.folders.state,
        &config.folders.log,
    ];
    assert!(folders.iter().all(|folder| folder.is_absolute()));
    assert!(
        config.folders.file_mode.0 & 0o602 == 0o600
            && config.folders.folder_mode.0 & 0o702 == 0o700
    );
    let within = |time: Duration, most: u64| (1..=most).contains(&time.as_secs());
    let day = 86_400;
    assert!(
        within(config.audit.overlap, 720 * 60) && within(config.audit.first_look_back, 60 * day)
    );
    assert!(within(config.retention.data, 3_650 * day) && within(config.run.budget, day));
    assert!(
        within(config.network.connect_timeout, 300)
            && within(config.network.request_timeout, 3_600)
    );
    let ids = [
        &config.mimecast.app_id,
        &config.mimecast.client_id,
        &config.mimecast.account_code,
    ];
    assert!(
        ids.iter()
            .all(|id| id.bytes().all(|byte| byte.is_ascii_graphic()))
    );
    let _ = (config.warnings(), config.require_setup());
}

/// Writes the values of a setup into the text and returns the result.
fn set_up(text: &str) -> Option<String> {
    let base_url = BaseUrl::parse("https://us-api.services.mimecast.com").expect("a host");
    let values = Saved {
        api: Api::V2,
        base_url: &base_url,
        account_code: "C0A0",
        email: "",
        app_id: "",
        client_id: "0a1b2c",
        data: Path::new("/srv/mimecast"),
        state: None,
        log: None,
    };
    let before = Config::parse(text, Path::new("/c/config.toml"), &Environment::default());
    let written = rewrite(Some(text), &values).ok();
    let Ok(before) = before else {
        return written;
    };
    let written = written.expect("what is accepted can be set up");
    match parse(&written) {
        Ok(after) => {
            assert_eq!(after.mimecast.client_id, "0a1b2c");
            assert_eq!(after.mimecast.base_url, base_url);
            assert_eq!(after.folders.data, Path::new("/srv/mimecast"));
            assert_eq!(
                (after.audit.overlap, after.retention.data),
                (before.audit.overlap, before.retention.data)
            );
            assert_eq!(
                rewrite(Some(&written), &values).as_deref(),
                Ok(&*written),
                "setup twice is setup once"
            );
        }
        // the new data folder can conflict with the other folders
        Err(error) => assert!(error.message.contains("[folders]"), "{error}"),
    }
    Some(written)
}

/// Puts the canary at the end of each line's value, inside the quotes if there are any.
fn with_canary(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let end = line.trim_end();
        match end.split_once('=') {
            None => line.to_owned(),
            Some((key, value)) => {
                let quote = value
                    .trim()
                    .chars()
                    .next()
                    .filter(|quote| "\"'".contains(*quote));
                let inner = quote.and_then(|quote| value.trim_end().strip_suffix(quote));
                let value = match (inner, quote) {
                    (Some(inner), Some(quote)) => format!("{inner}{CANARY}{quote}"),
                    _ => format!("{value}{CANARY}"),
                };
                format!("{key}={value}{}", &line[end.len()..])
            }
        }
    });
    lines.collect()
}

#[derive(Arbitrary, Debug)]
struct Change {
    section: u8,
    key: u8,
    value: Value,
}

#[derive(Arbitrary, Debug)]
enum Value {
    Number(i64),
    Text(String),
    Usual(u8),
    Flag(bool),
    Raw(String),
}

fn play(changes: &[Change]) {
    let mut document: DocumentMut = EXAMPLE.parse().expect("the example is TOML");
    for change in changes.iter().take(6) {
        let sections: Vec<_> = document
            .iter()
            .map(|(section, _)| section.to_owned())
            .collect();
        let section = &sections[usize::from(change.section) % sections.len()];
        let table = document[section.as_str()]
            .as_table_mut()
            .expect("a section");
        let keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
        let key = &keys[usize::from(change.key) % keys.len()];
        let usual = [
            "2.0",
            "all",
            "none",
            "json",
            "on",
            "0600",
            "/var/lib/x",
            "'",
            "../tmp",
            "http://127.0.0.1:1",
            "http://u:p@h:1",
        ];
        table[key] = match &change.value {
            Value::Number(number) => toml_edit::value(*number),
            Value::Text(text) => toml_edit::value(text),
            Value::Usual(number) => toml_edit::value(usual[usize::from(*number) % usual.len()]),
            Value::Flag(flag) => toml_edit::value(*flag),
            Value::Raw(text) => text
                .parse()
                .map_or_else(|_| toml_edit::value(1), Item::Value),
        };
    }
    let text = document.to_string();
    drop(parse(&text));
    set_up(&text);
}

fuzz_target!(|data: &[u8]| {
    // a file is slow to read, so data that does not begin like one is only a recipe
    let is_text = matches!(data.first(), None | Some(b'\n' | b' '..=b'~' | 0xEF));
    if !is_text {
        if let Ok(changes) = Vec::<Change>::arbitrary(&mut Unstructured::new(data)) {
            play(&changes);
        }
        return;
    }
    let text = String::from_utf8_lossy(data);
    let is_accepted = parse(&text).is_ok();
    if let Err(error) = parse(&with_canary(&text)) {
        assert!(
            text.contains("Canary") || !format!("{error:?}").contains(CANARY),
            "{error:?}"
        );
    }
    if is_accepted && let Some(written) = set_up(&text) {
        assert!(
            written.parse::<DocumentMut>().is_ok(),
            "setup wrote what is no TOML"
        );
    }
});
