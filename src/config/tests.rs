//! Tests of the configuration file: accepted values, and the messages about refused ones.

mod drafts;
mod examples;
mod files;
#[cfg(unix)]
mod folders;
mod keys;
mod proxies;
mod sections;
mod syntax_errors;
mod the_example;
mod values;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::durable::Mode;

const REQUIRED: &str = "[mimecast]\nbase_url = \"https://us-api.mimecast.com\"\n";

fn parse_in(text: &str, environment: &Environment) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/c/config.toml"), environment)
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    parse_in(text, &Environment::default())
}

/// Parses a valid file with more lines.
fn with(more: &str) -> Result<Config, ConfigError> {
    parse(&format!("{REQUIRED}{more}"))
}

fn refusal(more: &str) -> String {
    with(more).unwrap_err().message
}

/// Returns section and key of every setting in the example.
fn example_keys() -> Vec<(String, String)> {
    let example: toml_edit::DocumentMut = EXAMPLE.parse().unwrap();
    let sections = example.iter();
    let keys = sections.flat_map(|(section, item)| {
        let keys = item.as_table().unwrap().iter();
        keys.map(move |(key, _)| (section.to_owned(), key.to_owned()))
    });
    keys.collect()
}

#[test]
fn deep_nesting_is_refused_rather_than_followed() {
    for opening in ["[", "{a=", "a."] {
        let error = parse(&format!("a = {}", opening.repeat(100_000))).unwrap_err();
        assert!(
            error
                .message
                .starts_with("config.toml line 1: not valid TOML: "),
            "{error}"
        );
        parse(&format!("{}a = 1", opening.repeat(100_000))).unwrap_err();
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_the_disk_or_the_host_withholds_is_not_said_to_be_wrong() {
    let reading = |code| {
        let error = std::io::Error::from_raw_os_error(code);
        ConfigError::reading(Path::new("/c/config.toml"), &error)
    };
    let (eio, emfile, enospc, enomem, estale) = (5, 24, 28, 12, 116);
    for code in [eio, emfile, enospc, enomem, estale] {
        let error = reading(code);
        assert!(
            error.is_of_the_host && !error.remedy.contains("correct"),
            "{error:?}"
        );
    }
    let (enoent, eacces, enotdir, eisdir) = (2, 13, 20, 21);
    for code in [enoent, eacces, enotdir, eisdir] {
        assert!(!reading(code).is_of_the_host, "{code}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in ".*") {
        drop(parse(&text));
    }

    #[test]
    fn a_key_that_is_not_in_the_example_is_refused_without_its_value(
        at in any::<prop::sample::Index>(), key in "[a-z_]{1,12}", value in "[A-Z][a-zA-Z0-9]{9,20}",
    ) {
        let keys = example_keys();
        let (section, _) = &keys[at.index(keys.len())];
        prop_assume!(!keys.contains(&(section.clone(), key.clone())));
        let base = "mimecast.base_url = \"https://us-api.mimecast.com\"\n";
        let error = parse(&format!("{base}{section}.{key} = \"{value}\"\n")).unwrap_err();
        prop_assert!(error.message.contains("unknown key"), "{}", error);
        let is_repeated = format!("{error:?}").contains(&value);
        prop_assert!(!is_repeated);
    }

    #[test]
    fn no_change_of_the_example_causes_a_panic_or_shows_a_secret(
        at in 0..EXAMPLE.len(),
        removed in 0_usize..40,
        inserted in "([\\[\\]={}\"'\\\\.#,\n\r0-9a-z_~/-]|\\PC){0,12}",
    ) {
        let end = (at + removed).min(EXAMPLE.len());
        let text = format!("{}{inserted}{}", &EXAMPLE[..at], &EXAMPLE[end..]);
        let text = text.replace("proxy = \"", "proxy = \"http://u:Canary@proxy.example.com");
        if let Err(error) = parse(&text) {
            assert!(!format!("{error:?}").contains("Canary"), "{error}");
        }
        let base_url = BaseUrl::parse("http://localhost").unwrap();
        let values = Saved {
            api: Api::V1,
            base_url: &base_url,
            account_code: &inserted,
            email: &inserted,
            app_id: &inserted,
            client_id: &inserted,
            data: Path::new(&inserted),
            state: None,
            log: None,
        };
        if let Ok(text) = rewrite(Some(&text), &values) {
            text.parse::<toml_edit::DocumentMut>().unwrap();
        }
    }
}
