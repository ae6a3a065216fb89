//! Tests of files that setup has not completed.

use super::*;

const HOST_OF_1_0: &str = "https://us-api.mimecast.com";
const HOST_OF_2_0: &str = "https://api.services.mimecast.com";

fn draft(text: &str) -> Result<(Config, Given), ConfigError> {
    let environment = Environment::default();
    Config::parse_draft(text, Path::new("/c/config.toml"), &environment)
}

#[test]
fn a_key_that_setup_fills_in_may_be_missing_empty_or_a_placeholder() {
    for text in [
        "",
        "[network]\nretries = 1\n",
        "[mimecast]\nbase_url = \"\"\n",
        "[mimecast]\nbase_url = \"<your region>\"\n",
        "[mimecast]\napp_id = \"TODO\"\n",
        "[folders]\ndata = \" \"\n",
    ] {
        let (config, given) = draft(text).unwrap();
        assert_eq!(given, Given::default(), "{text}");
        let mimecast = config.mimecast;
        assert_eq!(mimecast.base_url.to_string(), HOST_OF_1_0, "{text}");
        assert_eq!(mimecast.app_id, "", "{text}");
    }
}

#[test]
fn a_value_of_the_file_counts_as_given() {
    let given = |api, base_url, data| Given {
        api,
        base_url,
        data,
    };
    let europe = "https://eu-api.mimecast.com";
    let hosted = format!("[mimecast]\nbase_url = \"{europe}\"\n");
    for (text, expected, base_url) in [
        (
            "[mimecast]\napi = \"2.0\"\n",
            given(true, false, false),
            HOST_OF_2_0,
        ),
        // setup writes a host, so that such a file is complete, with the default folder
        (&hosted, given(true, true, true), europe),
        (
            "[folders]\ndata = \"d\"\n",
            given(false, false, true),
            HOST_OF_1_0,
        ),
    ] {
        let (config, is_given) = draft(text).unwrap();
        assert_eq!(is_given, expected, "{text}");
        assert_eq!(config.mimecast.base_url.to_string(), base_url, "{text}");
        assert_eq!(config.mimecast.app_id, "", "{text}");
    }
}

#[test]
fn any_other_fault_is_refused_and_the_remedy_is_not_to_run_the_setup() {
    for text in [
        "[network]\nretries = 11\n",
        "[mimecast]\nbase_url = 1\n",
        "[mimecast]\nbase_url = \"https://example.com\"\n",
        "[folders]\nlog = \"TODO\"\n",
        "[net]\n",
    ] {
        let error = draft(text).unwrap_err();
        assert_eq!(error.remedy, "correct /c/config.toml", "{text}");
    }
}
