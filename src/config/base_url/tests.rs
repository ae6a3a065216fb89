//! Tests of the accepted addresses, and of the messages about refused ones.

use super::*;

fn refusal(text: &str) -> String {
    BaseUrl::parse(text).unwrap_err().to_string()
}

#[test]
fn hosts_of_mimecast_are_accepted_and_shown_without_a_slash() {
    for text in [
        "https://us-api.mimecast.com",
        "https://mimecast.com",
        "https://uspcom-api.mimecast-pscom-us.com",
    ] {
        let url = BaseUrl::parse(text).unwrap();
        assert_eq!(url.to_string(), text);
        assert!(!url.is_loopback());
    }
    let url = BaseUrl::parse("https://US-API.Mimecast.com:443/").unwrap();
    assert_eq!(url.to_string(), "https://us-api.mimecast.com");
    assert_eq!(url.host(), "us-api.mimecast.com");
}

#[test]
fn loopback_hosts_are_accepted_with_and_without_tls() {
    for text in [
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://localhost:80",
        "https://localhost",
        "http://127.1",
    ] {
        assert!(BaseUrl::parse(text).unwrap().is_loopback(), "{text}");
    }
}

#[test]
fn other_hosts_are_refused_however_they_are_dressed_up() {
    for text in [
        "https://mimecast.com.example.com",
        "https://notmimecast.com",
        "https://example.com\\@us-api.mimecast.com",
        "https://us-api.mimecast.com.",
        "https://10.0.0.1",
        "https://[::ffff:127.0.0.1]",
        "https://localhost.example.com",
        "https://0.0.0.0",
    ] {
        assert!(
            matches!(BaseUrl::parse(text), Err(BaseUrlError::Host { .. })),
            "{text}"
        );
    }
    assert_eq!(
        refusal("https://example.com"),
        "host example.com is not Mimecast's: expected one below mimecast.com or \
         mimecast-pscom-us.com, such as https://us-api.mimecast.com, or a loopback host"
    );
}

#[test]
fn plain_http_is_refused_except_on_loopback() {
    let expected = |example| {
        format!(
            "not https: expected https://, or http:// for a loopback host only, such as {example}"
        )
    };
    let us = "https://us-api.mimecast.com";
    assert_eq!(refusal("http://us-api.mimecast.com"), expected(us));
    assert_eq!(refusal("us-api.mimecast.com:443"), expected(us));
    assert_eq!(refusal("ftp://localhost"), expected("https://localhost"));
}

/// The message shows an address that the next check accepts.
#[test]
fn the_example_in_a_message_is_accepted_by_the_check_that_shows_it() {
    const US: &str = "https://us-api.mimecast.com";
    const GLOBAL: &str = "https://api.services.mimecast.com";
    for (text, api, expected) in [
        ("us-api.mimecast.com", Api::V1, US),
        ("us-api.mimecast.com/", Api::V1, US),
        ("us-api.mimecast.com:443", Api::V1, US),
        ("http://us-api.mimecast.com/api", Api::V1, US),
        ("https://us-api.mimecast.com/api?x#y", Api::V1, US),
        (
            "https://de-api.mimecast.com/x",
            Api::V1,
            "https://de-api.mimecast.com",
        ),
        ("api.services.mimecast.com", Api::V1, US),
        ("https://api.services.mimecast.com", Api::V1, US),
        ("api.services.mimecast.com", Api::V2, GLOBAL),
        (
            "uk-api.services.mimecast.com",
            Api::V2,
            "https://uk-api.services.mimecast.com",
        ),
        ("us-api.mimecast.com", Api::V2, GLOBAL),
        ("https://us-api.mimecast.com", Api::V2, GLOBAL),
        ("https://example.com", Api::V2, GLOBAL),
        ("http://127.0.0.1:8080/x", Api::V2, "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", Api::V1, "https://127.0.0.1:8080"),
        ("", Api::V1, US),
        ("https://", Api::V2, GLOBAL),
        ("canary@us-api.mimecast.com", Api::V1, US),
    ] {
        let said = BaseUrl::parse_for(text, api).unwrap_err().to_string();
        assert!(
            said.contains(expected) && !said.contains("canary"),
            "{text}: {said}"
        );
        BaseUrl::parse_for(expected, api).unwrap();
    }
    for api in [Api::V1, Api::V2] {
        BaseUrl::usual(api).serving(api).unwrap();
    }
}

#[test]
fn user_info_is_refused_and_not_repeated() {
    let text = "https://canary:canary@us-api.mimecast.com";
    assert_eq!(
        refusal(text),
        "holds a user name or password: expected none"
    );
}

#[test]
fn the_host_of_the_other_generation_is_named_as_such() {
    let serving = |text, api| BaseUrl::parse(text).unwrap().serving(api);
    let (later, earlier) = (
        "https://us-api.services.mimecast.com",
        "https://us-api.mimecast.com",
    );
    assert!(serving(later, Api::V2).is_ok() && serving(earlier, Api::V1).is_ok());
    assert_eq!(
        serving(later, Api::V1).unwrap_err().to_string(),
        "host us-api.services.mimecast.com serves API 2.0: API 1.0 expects a regional host \
         such as https://us-api.mimecast.com"
    );
    assert_eq!(
        serving(earlier, Api::V2).unwrap_err().to_string(),
        "host us-api.mimecast.com serves API 1.0: API 2.0 expects one such as \
         https://api.services.mimecast.com"
    );
    assert!(serving("http://127.0.0.1:1", Api::V2).is_ok());
}

#[test]
fn a_path_query_or_fragment_is_refused() {
    for tail in ["/api", "?", "/#x", "//"] {
        let text = format!("https://us-api.mimecast.com{tail}");
        assert_eq!(
            refusal(&text),
            "has a path, query or fragment: expected none, such as \
             https://us-api.mimecast.com"
        );
    }
}

#[test]
fn joining_keeps_the_host_whatever_the_path() {
    let url = BaseUrl::parse("https://us-api.mimecast.com").unwrap();
    let joined = url.join("/api/audit/get-siem-logs");
    assert_eq!(
        joined.as_str(),
        "https://us-api.mimecast.com/api/audit/get-siem-logs"
    );
    for path in [
        "//example.com/x",
        "https://example.com",
        "?a#b",
        "\\\\example.com",
    ] {
        assert_eq!(url.join(path).host_str(), Some("us-api.mimecast.com"));
    }
}
