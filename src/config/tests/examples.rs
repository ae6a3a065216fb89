//! Tests of the examples in messages.

use super::*;

/// Returns the text between the first quotation marks, or up to the end of the sentence.
fn example_in(message: &str) -> &str {
    let (_, example) = message.split_once("such as ").expect("an example");
    match example.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap(),
        None => example.split([',', ' ']).next().unwrap(),
    }
}

#[test]
fn in_a_message_are_accepted_by_the_check_that_shows_them() {
    for (section, key, wrong) in [
        ("folders", "file_mode", "rw"),
        ("folders", "folder_mode", "rwx"),
        ("network", "proxy", "proxy.example.com"),
        ("network", "proxy", "socks5://proxy.example.com"),
        ("network", "private_stores", "*"),
        ("network", "private_stores", "127.0.0.1"),
        ("mimecast", "base_url", "us-api.mimecast.com"),
        ("mimecast", "base_url", "http://us-api.mimecast.com"),
        ("mimecast", "base_url", "https://example.com"),
        ("mimecast", "base_url", "https://api.services.mimecast.com"),
        ("mimecast", "base_url", "https://us-api.mimecast.com/api"),
    ] {
        let file = |value: &str| {
            let line = format!("[{section}]\n{key} = \"{value}\"\n");
            let is_whole = section == "mimecast";
            if is_whole {
                line
            } else {
                format!("{REQUIRED}{line}")
            }
        };
        let message = parse(&file(wrong)).unwrap_err().message;
        let example = example_in(&message);
        parse(&file(example)).unwrap_or_else(|error| panic!("{message}: {error}"));
    }
    with(&format!("[network]\n{CA_FILE_LINE}\n")).unwrap();
}

#[test]
fn in_remedies_about_the_network_are_accepted() {
    use crate::api::ApiError;
    use crate::failure::Failure;
    for host in ["bucket.s3.example.com", "10.1.2.3", "fd00::1"] {
        let failure = Failure::from(ApiError::PrivateStore(host.to_owned()));
        assert!(failure.what.contains(host), "{failure:?}");
        let at = failure.remedy.find("private_stores").expect("the line");
        let config = with(&format!("[network]\n{}\n", &failure.remedy[at..])).unwrap();
        assert_ne!(config.network.private_stores, PrivateStores::default());
    }
    let untrusted = ApiError::Unreachable("certificate".to_owned());
    let remedy = Failure::from(untrusted).remedy;
    assert!(remedy.contains(CA_FILE_LINE), "{remedy}");
}
