//! Tests of `[[destination]]`: the accepted tables, and the message about each mistake.

use std::path::Path;

use super::super::{Config, Environment};
use super::*;

fn parse(destinations: &str) -> Result<Config, ConfigError> {
    let text = format!(
        "[mimecast]\nbase_url = \"http://127.0.0.1:1\"\n[folders]\ndata = \"data\"\n{destinations}"
    );
    Config::parse(&text, Path::new("/c/config.toml"), &Environment::default())
}

fn one(keys: &str) -> Result<Destination, ConfigError> {
    let text = format!("[[destination]]\nname = \"soc\"\n{keys}");
    parse(&text).map(|mut config| config.destinations.remove(0))
}

#[test]
fn a_destination_of_each_type_needs_little() {
    for (keys, kind) in [
        (
            "type = \"syslog\"\naddress = \"relp+tls://siem.example.com\"",
            "syslog",
        ),
        ("type = \"sumo\"", "sumo"),
        (
            "type = \"splunk_hec\"\nurl = \"https://hec.example.com:8088\"",
            "splunk_hec",
        ),
        (
            "type = \"elastic\"\nurl = \"https://es.example.com:9200\"",
            "elastic",
        ),
        ("type = \"webhook\"", "webhook"),
    ] {
        let destination = one(keys).unwrap();
        assert_eq!(destination.kind.name(), kind);
        assert_eq!(destination.folders, logs::PUBLISHED);
        assert_eq!(destination.begin, Begin::Oldest);
        assert_eq!(destination.hold, DAY * 30);
        assert_eq!(destination.hold_bytes, None);
    }
    assert!(parse("").unwrap().destinations.is_empty());
}

#[test]
fn an_address_decides_protocol_port_and_framing() {
    for (address, protocol, port, framing) in [
        ("udp://10.0.0.1", Protocol::Udp, 514, Framing::Newline),
        (
            "tcp://siem.example.com",
            Protocol::Tcp,
            514,
            Framing::Newline,
        ),
        (
            "tls://siem.example.com",
            Protocol::Tls,
            6514,
            Framing::Counted,
        ),
        (
            "relp://siem.example.com:20514/",
            Protocol::Relp,
            20514,
            Framing::Newline,
        ),
        (
            "relp+tls://[2001:db8::1]:1",
            Protocol::RelpTls,
            1,
            Framing::Newline,
        ),
    ] {
        let keys = format!("type = \"syslog\"\naddress = \"{address}\"");
        let Kind::Syslog(syslog) = one(&keys).unwrap().kind else {
            unreachable!("it is syslog")
        };
        let found = (syslog.protocol, syslog.port, syslog.framing);
        assert_eq!(found, (protocol, port, framing), "{address}");
    }
}

#[test]
fn a_text_may_differ_by_stream() {
    let keys = "type = \"sumo\"\ncategory = { mta = \"a/{folder}\", audit = \"b\" }";
    let Kind::Sumo(sumo) = one(keys).unwrap().kind else {
        unreachable!("it is Sumo Logic")
    };
    assert_eq!(
        (sumo.category.of("mta"), sumo.category.of("audit")),
        ("a/mta", "b")
    );
    let Kind::Elastic(elastic) = one("type = \"elastic\"\nurl = \"https://es.example.com\"")
        .unwrap()
        .kind
    else {
        unreachable!("it is Elasticsearch")
    };
    assert_eq!(elastic.index.of("audit"), "logs-mimecast.audit-default");
}

#[test]
fn a_mistake_is_named_with_its_line_and_never_with_its_value() {
    let syslog = "type = \"syslog\"\naddress = \"tcp://siem.example.com\"\n";
    for (text, said) in [
        (
            "[destination]\nname = \"a\"".to_owned(),
            "expected [[destination]]",
        ),
        ("[[destination]]\nname = \"a\"".to_owned(), "no type"),
        (
            "[[destination]]\ntype = \"kafka\"".to_owned(),
            "unknown type \"kafka\"",
        ),
        (
            "[[destination]]\ntype = \"sysolg\"".to_owned(),
            "did you mean \"syslog\"?",
        ),
        (
            "[[destination]]\ntype = \"every\"".to_owned(),
            "unknown type",
        ),
        (
            format!("[[destination]]\n{syslog}"),
            "name in [[destination]]",
        ),
        (
            format!("[[destination]]\nname = \"../x\"\n{syslog}"),
            "expected 1 to 32 of",
        ),
        (
            format!("[[destination]]\nname = \"S O C\"\n{syslog}"),
            "name in [[destination]]",
        ),
        (
            format!(
                "[[destination]]\nname = \"a\"\n{syslog}[[destination]]\nname = \"a\"\n{syslog}"
            ),
            "another destination has this name",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}framign = \"auto\""),
            "did you mean \"framing\"?",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}token = \"canary\""),
            "credentials.toml",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}streams = [\"mat\"]"),
            "unknown stream \"mat\"",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}streams = []"),
            "is empty",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}streams = 1"),
            "expected \"all\"",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}hold_days = 0"),
            "from 1 to 3650",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}hold_bytes = -1"),
            "number of bytes",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}max_bytes = 100"),
            "at least 480",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}client_cert = \"a.pem\""),
            "client_key is missing",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}structured_data = \"a\""),
            "square brackets",
        ),
        (
            format!("[[destination]]\nname = \"a\"\n{syslog}begin = \"middle\""),
            "\"oldest\" or \"now\"",
        ),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.message.contains(said), "{text}\n{error}");
        assert!(error.message.contains("config.toml"), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }
}

#[test]
fn an_address_that_is_not_safe_or_not_whole_is_refused() {
    for address in [
        "",
        "siem.example.com",
        "http://siem.example.com",
        "tcp://",
        "tcp://user@siem.example.com",
        "tcp://siem.example.com/path",
        "tls://siem.example.com:0x",
    ] {
        let keys = format!("type = \"syslog\"\naddress = \"{address}\"");
        let error = one(&keys).unwrap_err();
        assert!(
            error.message.contains("address in [[destination]]"),
            "{address} {error}"
        );
    }
    for url in [
        "http://es.example.com",
        "https://user:pass@es.example.com",
        "https://es.example.com/#x",
        "ftp://a",
        "",
    ] {
        let keys = format!("type = \"elastic\"\nurl = \"{url}\"");
        let error = one(&keys).unwrap_err();
        assert!(
            error.message.contains("url in [[destination]]"),
            "{url} {error}"
        );
    }
    one("type = \"elastic\"\nurl = \"http://127.0.0.1:9200\"").unwrap();
}

#[test]
fn more_destinations_than_one_installation_can_hold_are_refused() {
    let many =
        (0..17).map(|number| format!("[[destination]]\nname = \"d{number}\"\ntype = \"sumo\"\n"));
    let error = parse(&many.collect::<String>()).unwrap_err();
    assert!(error.message.contains("more than 16"), "{error}");
}
