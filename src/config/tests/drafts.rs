//! Tests of files that setup has not completed.

use super::*;

fn draft(text: &str) -> Result<(Config, Given), ConfigError> {
    let environment = Environment::default();
    Config::parse_draft(text, Path::new("/c/config.toml"), &environment)
}

#[test]
fn may_lack_what_setup_fills_in_and_nothing_else() {
    let nothing = Given::default();
    let (api, host, data) = (
        Given {
            api: true,
            ..nothing
        },
        Given {
            api: true,
            base_url: true,
            data: true,
        },
        Given {
            data: true,
            ..nothing
        },
    );
    for (text, expected, base_url) in [
        ("", nothing, "https://us-api.mimecast.com"),
        (
            "[network]\nretries = 1\n",
            nothing,
            "https://us-api.mimecast.com",
        ),
        (
            "[mimecast]\napi = \"2.0\"\n",
            api,
            "https://api.services.mimecast.com",
        ),
        (
            "[mimecast]\nbase_url = \"\"\n",
            nothing,
            "https://us-api.mimecast.com",
        ),
        (
            "[mimecast]\nbase_url = \"<your region>\"\n",
            nothing,
            "https://us-api.mimecast.com",
        ),
        (
            "[mimecast]\napp_id = \"TODO\"\n",
            nothing,
            "https://us-api.mimecast.com",
        ),
        (
            "[mimecast]\nbase_url = \"https://eu-api.mimecast.com\"\n",
            host,
            "https://eu-api.mimecast.com",
        ),
        (
            "[folders]\ndata = \"d\"\n",
            data,
            "https://us-api.mimecast.com",
        ),
        (
            "[folders]\ndata = \" \"\n",
            nothing,
            "https://us-api.mimecast.com",
        ),
    ] {
        let (config, given) = draft(text).unwrap();
        assert_eq!(given, expected, "{text}");
        assert_eq!(config.mimecast.base_url.to_string(), base_url, "{text}");
        assert_eq!(config.mimecast.app_id, "", "{text}");
    }
    for text in [
        "[network]\nretries = 11\n",
        "[mimecast]\nbase_url = 1\n",
        "[mimecast]\nbase_url = \"https://example.com\"\n",
        "[folders]\nlog = \"TODO\"\n",
        "[net]\n",
    ] {
        let error = draft(text).unwrap_err();
        let remedy = "correct /c/config.toml";
        assert_eq!(
            error.remedy, remedy,
            "the setup must not advise to run the setup: {text}"
        );
    }
}
