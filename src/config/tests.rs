//! Tests of the configuration file: accepted values, and the messages about refused ones.

mod drafts;
mod examples;

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

mod the_example {
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
        assert_eq!(config.run.log_level, tracing::Level::INFO);
        assert!(matches!(config.network.proxy, Proxy::System));
        assert_eq!(config.network.ca_file, None);
        assert_eq!(config.network.private_stores, PrivateStores::default());
        assert_eq!(config.network.connect_timeout, 10 * SECOND);
        assert_eq!(config.network.idle_timeout, 60 * SECOND);
        assert_eq!(config.network.request_timeout, 600 * SECOND);
        assert_eq!(config.network.retries, 4);
        assert_eq!(config.network.retry_wait, SECOND);
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
        assert_eq!(keys.len(), 31);
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
}

mod keys {
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
}

mod sections {
    use super::*;

    #[test]
    fn that_are_unknown_are_refused_with_the_nearest_one() {
        assert_eq!(
            refusal("[retension]\n"),
            "config.toml line 3: unknown section \"retension\": did you mean \"retention\"?"
        );
        assert_eq!(
            refusal("[[output]]\n"),
            "config.toml line 3: unknown section \"output\""
        );
    }

    #[test]
    fn are_neither_values_nor_lists() {
        let expected = "audit is a section: expected [audit] on its own line";
        assert_eq!(
            refusal("[[audit]]\n"),
            format!("config.toml line 3: {expected}")
        );
        assert_eq!(
            parse("audit = 1").unwrap_err().message,
            format!("config.toml line 1: {expected}")
        );
    }
}

mod values {
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
}

mod syntax_errors {
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

mod proxies {
    use super::*;

    fn proxy(value: &str) -> Result<Proxy, ConfigError> {
        Ok(with(&format!("[network]\nproxy = \"{value}\""))?
            .network
            .proxy)
    }

    #[test]
    fn are_the_system_s_none_or_a_url() {
        assert!(matches!(proxy("").unwrap(), Proxy::System));
        assert!(matches!(proxy("none").unwrap(), Proxy::None));
        let Proxy::Url(url) = proxy("http://u:p@proxy.example.com:3128").unwrap() else {
            panic!()
        };
        assert_eq!(url.expose_secret(), "http://u:p@proxy.example.com:3128");
    }

    #[test]
    fn that_are_no_url_are_refused_without_being_repeated() {
        for value in [
            "canary",
            "canary.example.com:3128",
            "socks5://canary",
            "http://h/canary",
        ] {
            assert_eq!(
                proxy(value).unwrap_err().message,
                "config.toml line 4: proxy in [network]: expected a URL such as \
                 http://proxy.example.com:3128"
            );
        }
    }

    #[test]
    fn are_not_shown_by_debug_output() {
        let config = with("[network]\nproxy = \"http://u:canary@proxy.example.com\"").unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }
}

#[cfg(unix)]
mod folders {
    use super::*;

    fn environment() -> Environment {
        Environment {
            state_folder: Some("/var/lib/mimecast".into()),
            log_folder: Some("/var/log/mimecast".into()),
            home: Some("/home/collector".into()),
            ..Environment::default()
        }
    }

    fn folders(lines: &str) -> Result<Folders, ConfigError> {
        Ok(parse_in(&format!("{REQUIRED}[folders]\n{lines}"), &environment())?.folders)
    }

    #[test]
    fn start_at_the_file_s_own_folder() {
        let text =
            "data = \"d/e\"\nstate = \"../s\"\nlog = \"/l\"\n[network]\nca_file = \"ca.pem\"";
        let config = with(&format!("[folders]\n{text}")).unwrap();
        assert_eq!(config.folders.data, Path::new("/c/d/e"));
        assert_eq!(config.folders.state, Path::new("/c/../s"));
        assert_eq!(config.folders.log, Path::new("/l"));
        assert_eq!(
            config.network.ca_file.as_deref(),
            Some(Path::new("/c/ca.pem"))
        );
    }

    #[test]
    fn of_systemd_are_used_unless_the_file_names_others() {
        let given = folders("").unwrap();
        assert_eq!(given.state, Path::new("/var/lib/mimecast"));
        assert_eq!(given.log, Path::new("/var/log/mimecast"));
        let given = folders("state = \"s\"\nlog = \"l\"").unwrap();
        assert_eq!(given.state, Path::new("/c/s"));
        assert_eq!(given.log, Path::new("/c/l"));
    }

    #[test]
    fn of_the_system_or_a_home_are_no_data_folder() {
        let root = "is the root of a file system: expected a folder of its own";
        let home = "is a home folder: expected a folder of its own";
        let system = "is a folder of the system: expected a folder of its own";
        for (path, reason) in [
            ("/", root),
            ("..", root),
            ("/srv/..", root),
            ("/home/collector", home),
            ("/home/collector/x/../", home),
            ("/etc", system),
            ("/usr/bin/data", system),
            ("/proc/1", system),
            ("/var/log/", system),
            ("/tmp", system),
        ] {
            let message = folders(&format!("data = \"{path}\"")).unwrap_err().message;
            assert_eq!(
                message,
                format!("config.toml line 4: data in [folders]: {reason}"),
                "{path}"
            );
        }
        for path in [
            "/srv/mimecast",
            "/home/collector/data",
            "/etc/mimecast-collector/data",
        ] {
            folders(&format!("data = \"{path}\"")).unwrap();
        }
    }

    #[test]
    fn of_state_and_data_do_not_lie_in_each_other_s_way() {
        for path in [
            "/var/lib/mimecast",
            "/var/lib/mimecast/data",
            "/var/lib/x/../mimecast/d",
        ] {
            assert_eq!(
                folders(&format!("data = \"{path}\"")).unwrap_err().message,
                "config.toml line 4: data in [folders]: is inside the state folder: expected a \
                 folder outside"
            );
        }
        for key in ["state", "log"] {
            assert_eq!(
                folders(&format!("{key} = \"data/mta/x\""))
                    .unwrap_err()
                    .message,
                format!(
                    "config.toml line 4: {key} in [folders]: is inside mta, audit or tmp of the \
                     data folder: expected a folder outside"
                )
            );
        }
        folders("data = \"/srv/mimecast\"\nstate = \"/srv/mimecast/checkpoint\"").unwrap();
        let error = folders("state = \"data\"").unwrap_err();
        let expected = "config.toml: data in [folders]: is inside the state folder: ";
        assert!(
            error.message.starts_with(expected),
            "a default has no line: {error}"
        );
        assert_eq!(error.remedy, "correct /c/config.toml");
    }

    #[test]
    fn with_a_tilde_are_refused_rather_than_made() {
        for key in ["data", "state", "log"] {
            assert_eq!(
                folders(&format!("{key} = \"~/mimecast\""))
                    .unwrap_err()
                    .message,
                format!(
                    "config.toml line 4: {key} in [folders]: ~ is not supported: expected the \
                     whole path"
                )
            );
        }
    }
}

mod files {
    use super::*;

    /// Returns a new folder, and the path of its `config.toml` with this content.
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn load(path: &Path) -> Result<Config, ConfigError> {
        Config::load(path, &Environment::default())
    }

    #[test]
    fn are_loaded_with_their_own_folder_as_base() {
        let (folder, path) = file(REQUIRED.as_bytes());
        let config = load(&path).unwrap();
        assert_eq!(config.path, path);
        assert_eq!(config.folders.data, folder.path().join("data"));
    }

    #[test]
    fn that_do_not_exist_are_an_error_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let error = load(&path).unwrap_err();
        let start = format!("cannot read {}: ", path.display());
        assert!(error.message.starts_with(&start), "{error}");
        assert_eq!(error.remedy, "run authentication_setup");
    }

    #[test]
    fn that_are_too_large_or_not_utf8_are_refused() {
        let (_folder, path) = file(&vec![b'#'; (1 << 20) + 1]);
        let message = load(&path).unwrap_err().message;
        assert_eq!(
            message,
            format!("cannot read {}: larger than 1048576 bytes", path.display())
        );
        for (bytes, expected) in [
            (&b"\xff\xfe[\0"[..], "UTF-16 text, save it as UTF-8"),
            (b"\xfe\xff\0[", "UTF-16 text, save it as UTF-8"),
            (b"[\0m\0", "UTF-16 text, save it as UTF-8"),
            (b"# caf\xe9", "not UTF-8 text, save it as UTF-8"),
        ] {
            let (_folder, path) = file(bytes);
            let message = load(&path).unwrap_err().message;
            let shown = path.display();
            assert_eq!(message, format!("cannot read {shown}: {expected}"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn with_a_proxys_password_belong_to_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let config = |proxy: &str| format!("{REQUIRED}[network]\nproxy = \"{proxy}\"\n");
        let host = "proxy.example.com:3128";
        for (proxy, is_secret) in [
            (format!("http://user:canary@{host}"), true),
            (format!("http://canary@{host}"), true),
            (format!("http://:canary@{host}"), true),
            (format!("http://{host}"), false),
            ("none".to_owned(), false),
            (String::new(), false),
        ] {
            let (folder, path) = file(config(&proxy).as_bytes());
            let link = folder.path().join("link.toml");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            for (mode, is_open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                let (direct, linked) = (load(&path), load(&link));
                assert_eq!(direct.is_err(), is_secret && is_open, "{proxy} {mode:o}");
                assert_eq!(linked.is_err(), is_secret && is_open, "{proxy} {mode:o}");
                if let Err(error) = direct {
                    let shown = path.display();
                    let what = format!("{shown} is open to other users (mode {mode:04o})");
                    assert!(error.message.starts_with(&what), "{error}");
                    assert_eq!(error.remedy, format!("chmod 600 {shown}"));
                    assert!(!format!("{error:?}").contains("canary"));
                }
            }
        }
    }

    #[test]
    fn that_are_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = load(folder.path()).unwrap_err().message;
        let shown = folder.path().display();
        assert_eq!(message, format!("cannot read {shown}: not a regular file"));
    }

    #[cfg(unix)]
    #[test]
    fn behind_a_link_are_read_with_the_link_s_folder_as_base() {
        let (_folder, target) = file(REQUIRED.as_bytes());
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("config.toml");
        std::os::unix::fs::symlink(target, &link).unwrap();
        assert_eq!(
            load(&link).unwrap().folders.data,
            folder.path().join("data")
        );
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
        };
        if let Ok(text) = rewrite(Some(&text), &values) {
            text.parse::<toml_edit::DocumentMut>().unwrap();
        }
    }
}
