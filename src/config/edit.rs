//! Writes the values of setup into the file, and leaves the rest of the file as it is.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Value};

use super::toml_file::TomlFile;
use super::{Api, BaseUrl, ConfigError, EXAMPLE};

/// The keys that setup fills in.
const FILLED_IN: [(&str, &str); 7] = [
    ("mimecast", "api"),
    ("mimecast", "base_url"),
    ("mimecast", "account_code"),
    ("mimecast", "email"),
    ("mimecast", "app_id"),
    ("mimecast", "client_id"),
    ("folders", "data"),
];

/// True for a key that setup fills in.
pub(super) fn is_filled_in(section: &str, key: &str) -> bool {
    FILLED_IN.contains(&(section, key))
}

/// The values that setup writes.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// The API generation.
    pub api: Api,
    /// The host of the region.
    pub base_url: &'a BaseUrl,
    /// The account's code.
    pub account_code: &'a str,
    /// The administrator that setup logged in, or empty.
    pub email: &'a str,
    /// The registered application of API 1.0, or empty.
    pub app_id: &'a str,
    /// The registered application of API 2.0, or empty.
    pub client_id: &'a str,
    /// The data folder.
    pub data: &'a Path,
    /// The state folder, if setup was told where.
    pub state: Option<&'a Path>,
    /// The log folder, if setup was told where.
    pub log: Option<&'a Path>,
}

/// Returns the text of a configuration file with the values of setup in it. Comments and other settings of
/// `existing` survive; without it the text is the example. The caller must [`parse`](super::Config::parse)
/// the result before it saves it, because `existing` may hold errors of its own.
///
/// # Errors
/// `existing` is not valid TOML, or the name of a folder is not UTF-8.
pub fn rewrite(existing: Option<&str>, values: &Saved<'_>) -> Result<String, ConfigError> {
    let example = example_for(values.api);
    let existing = existing.unwrap_or(&example);
    let text = existing.strip_prefix('\u{feff}').unwrap_or(existing);
    let path = Path::new("config.toml");
    TomlFile::parse(path, text)?; // its errors name the line, those of toml_edit repeat the text
    let mut document: DocumentMut = text.parse().map_err(|_| unusable("not valid TOML"))?;

    let data = utf8(values.data)?;
    let folders = [("state", values.state), ("log", values.log)];
    let base_url = values.base_url.to_string();
    let values = [
        values.api.name(),
        &base_url,
        values.account_code,
        values.email,
        values.app_id,
        values.client_id,
        data,
    ];
    for ((section, key), value) in FILLED_IN.into_iter().zip(values) {
        let is_there = document
            .get(section)
            .and_then(|table| table.get(key))
            .is_some();
        if is_there || !value.is_empty() {
            set(&mut document, section, key, value)?;
        }
    }
    for (key, folder) in folders {
        if let Some(folder) = folder {
            set(&mut document, "folders", key, utf8(folder)?)?;
        }
    }
    let text = document.to_string();
    if existing.contains("\r\n") && !text.contains('\r') {
        return Ok(text.replace('\n', "\r\n"));
    }
    Ok(text)
}

/// Returns the example for a new file. Under API 2.0 the format of e-mail logs has no effect, so that its
/// key is a comment there.
fn example_for(api: Api) -> String {
    const FORMAT: &str = "\nformat = \"key_value\"\n\n# API 2.0";
    match api {
        Api::V1 => EXAMPLE.to_owned(),
        Api::V2 => EXAMPLE.replacen(FORMAT, &FORMAT.replacen("format", "# format", 1), 1),
    }
}

fn utf8(folder: &Path) -> Result<&str, ConfigError> {
    folder.to_str().ok_or_else(|| {
        ConfigError::new("the name of a folder is not UTF-8", "choose another folder")
    })
}

fn set(
    document: &mut DocumentMut,
    section: &str,
    key: &str,
    value: &str,
) -> Result<(), ConfigError> {
    let table = document.entry(section).or_insert_with(toml_edit::table);
    let table = table
        .as_table_like_mut()
        .ok_or_else(|| unusable(&format!("{section} is not a section")))?;
    let mut value = Value::from(value);
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone(); // spaces, and a comment after the value
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => drop(table.insert(key, Item::Value(value))),
    }
    Ok(())
}

fn unusable(what: &str) -> ConfigError {
    ConfigError::new(
        format!("config.toml: {what}"),
        "correct config.toml or move it away",
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Environment};
    use super::*;

    fn rewritten(existing: Option<&str>) -> String {
        rewritten_for(Api::V1, existing)
    }

    fn rewritten_for(api: Api, existing: Option<&str>) -> String {
        let base_url = match api {
            Api::V1 => BaseUrl::parse("https://eu-api.mimecast.com").unwrap(),
            Api::V2 => BaseUrl::usual(api),
        };
        let values = Saved {
            api,
            base_url: &base_url,
            account_code: "C0A0",
            email: "admin@example.com",
            app_id: "app",
            client_id: "",
            data: Path::new("/srv/mimecast"),
            state: None,
            log: None,
        };
        rewrite(existing, &values).unwrap()
    }

    fn parsed(text: &str) -> Config {
        Config::parse(text, Path::new("/c/config.toml"), &Environment::default()).unwrap()
    }

    #[test]
    fn a_new_file_is_the_example_with_the_values_in_it() {
        let text = rewritten(None);
        let config = parsed(&text);
        assert_eq!(
            config.mimecast.base_url.to_string(),
            "https://eu-api.mimecast.com"
        );
        assert_eq!(config.mimecast.account_code, "C0A0");
        assert_eq!(config.mimecast.email, "admin@example.com");
        assert_eq!(config.mimecast.app_id, "app");
        assert_eq!(config.folders.data, Path::new("/srv/mimecast"));
        let differing = text
            .lines()
            .zip(EXAMPLE.lines())
            .filter(|(new, old)| new != old);
        assert_eq!(differing.count(), 5);
        assert_eq!(text.lines().count(), EXAMPLE.lines().count());
    }

    #[test]
    fn a_new_file_of_api_2_0_sets_no_format_that_has_no_effect() {
        let text = rewritten_for(Api::V2, None);
        let is_format = |line: &&str| line.contains("format = \"key_value\"");
        let lines: Vec<_> = text.lines().filter(is_format).collect();
        let audit = "format = \"key_value\"";
        assert_eq!(lines, [&format!("# {audit}"), audit]);
        parsed(&text);
        let kept = rewritten_for(Api::V2, Some(EXAMPLE));
        assert!(!kept.contains("# format = \"key_value\""), "{kept}");
    }

    #[test]
    fn comments_order_and_other_settings_survive() {
        let existing = "# mine\n[audit] # first\noverlap_minutes = 5 # five\n\n[mimecast]\n\
                        base_url   =  \"https://us-api.mimecast.com\"  # old region\n\n# last\n";
        assert_eq!(
            rewritten(Some(existing)),
            "# mine\n[audit] # first\noverlap_minutes = 5 # five\n\n[mimecast]\n\
             base_url   =  \"https://eu-api.mimecast.com\"  # old region\napi = \"1.0\"\n\
             account_code = \"C0A0\"\nemail = \"admin@example.com\"\napp_id = \"app\"\n\n\
             [folders]\ndata = \"/srv/mimecast\"\n\n# last\n"
        );
    }

    #[test]
    fn rewriting_twice_changes_nothing_more() {
        let once = rewritten(None);
        assert_eq!(rewritten(Some(&once)), once);
    }

    #[test]
    fn windows_line_ends_stay_and_the_byte_order_mark_goes() {
        let existing = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
        let text = rewritten(Some(&existing));
        assert_eq!(text, rewritten(None).replace('\n', "\r\n"));
        parsed(&text);
    }

    #[test]
    fn dotted_keys_and_inline_tables_are_set_in_place() {
        let text = rewritten(Some(
            "mimecast.app_id = \"past\"\nfolders = { data = \"past\" }\n",
        ));
        assert!(!text.contains("past"), "{text}");
        assert_eq!(parsed(&text).mimecast.app_id, "app");
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line() {
        let base_url = BaseUrl::parse("https://eu-api.mimecast.com").unwrap();
        let values = Saved {
            api: Api::V1,
            base_url: &base_url,
            account_code: "",
            email: "",
            app_id: "",
            client_id: "",
            data: Path::new("d"),
            state: None,
            log: None,
        };
        let error = rewrite(Some("\nproxy = canary\n"), &values).unwrap_err();
        assert!(
            error
                .message
                .starts_with("config.toml line 2: not valid TOML: "),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("canary"));
        let error = rewrite(Some("mimecast = 1\n"), &values).unwrap_err();
        assert_eq!(error.message, "config.toml: mimecast is not a section");
    }
}
