//! Tests of the proxy setting.

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
