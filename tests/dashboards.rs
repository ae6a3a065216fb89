//! The published dashboards' patterns against what the programs really write.
//!
//! The lines that are expected are composed here a second time, from the event as Mimecast knows it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::Installation;
use mimecast_sandbox::{AuditEvent, Batch};

/// The pattern that all audit searches begin with.
const AUDIT: &str = "date=*|mcType=auditLog|user=*|auditType=\"*\"|eventInfo=\"*";

/// The keys that the e-mail searches pull out one by one, each as `Key=*|`.
const KEYS: &str = "acc aCode Act AttCnt AttNames AttSize Attempt Cphr Delivered Dir Err Error Hld IP \
    IPInternalName IPNewDomain IPReplyMismatch IPSimilarDomain IPThreadDict Latency MsgId MsgSize Rcpt \
    ReceiptAck RejCode RejInfo RejType Sender SpamInfo SpamLimit Subject TlsVer UseTls Virus";

/// Sumo Logic's `parse`: text between stars is found as early as possible, and a star at the end takes
/// the rest of the line.
fn parse<'a>(pattern: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let (head, rest) = pattern.split_once('*')?;
    let mut left = &line[line.find(head)? + head.len()..];
    let mut found = Vec::new();
    for text in rest.split('*') {
        let end = if text.is_empty() {
            left.len()
        } else {
            left.find(text)?
        };
        found.push(&left[..end]);
        left = &left[end + text.len()..];
    }
    Some(found)
}

fn minutes_ago(minutes: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(minutes)
}

fn published(place: &Installation, folder: &str) -> Vec<String> {
    let lines = place.lines(folder).into_iter().map(String::from_utf8);
    lines.map(|line| line.expect("UTF-8")).collect()
}

/// A run of breaks and control characters is one space; before `eventInfo` bars and quotes are too.
fn flat(text: &str, is_last: bool) -> String {
    let is_break = |letter: &char| letter.is_control() || "\u{2028}\u{2029}".contains(*letter);
    let letters: Vec<char> = text.chars().collect();
    let runs = letters.chunk_by(|one, other| is_break(one) && is_break(other));
    let flat: String = runs
        .map(|run| if is_break(&run[0]) { ' ' } else { run[0] })
        .collect();
    if is_last {
        flat
    } else {
        flat.replace(['|', '"'], " ")
    }
}

fn expected(event: &AuditEvent) -> String {
    let [user, audit_type] = [&event.user, &event.audit_type].map(|text| flat(text, false));
    let time = event.event_time.format("%Y-%m-%dT%H:%M:%S+0000");
    let info = flat(&event.event_info, true);
    format!(r#"date={time}|mcType=auditLog|user={user}|auditType="{audit_type}"|eventInfo="{info}"#)
}

/// Texts that try to break a line or to forge a field.
fn awkward() -> Vec<AuditEvent> {
    let texts = [
        "a\r\nb\nc\rd\u{b}e\u{c}f\0g\u{1b}[31mh\u{85}i\u{2028}j\u{2029}k\t\t\tl",
        "x|auditType=\"forged\"|eventInfo=\"forged",
        "\"",
        "|",
        "",
        " ",
        "\n",
        "\n\n leading and trailing \r\n",
        "\\n \\\" \u{feff}",
        "date=2020-01-01T00:00:00+0000|mcType=auditLog|user=mallory",
        "Grüße 東京 🎉 {\"json\":[1,null]}",
    ];
    let long = "very long, ".repeat(20_000);
    let texts = texts.into_iter().chain([&*long]);
    let events = (0..).zip(texts).flat_map(|(number, text)| {
        let event = AuditEvent::realistic(1_000 + number * 3, minutes_ago(9));
        let id = |step| AuditEvent::realistic(1_000 + number * 3 + step, minutes_ago(9)).id;
        [
            AuditEvent {
                user: text.to_owned(),
                ..event.clone()
            },
            AuditEvent {
                id: id(1),
                audit_type: text.to_owned(),
                ..event.clone()
            },
            AuditEvent {
                id: id(2),
                event_info: text.to_owned(),
                ..event
            },
        ]
    });
    events.collect()
}

#[test]
fn every_audit_event_is_the_one_line_that_the_dashboards_read() {
    let place = Installation::connected();
    place.serve_events(
        (0..60).map(|number| AuditEvent::realistic(number, minutes_ago(number as i64 + 3))),
    );
    place.serve_events(awkward());
    place.audit().stays_silent();
    let events = place.sandbox.audit_events();
    let mut lines: Vec<String> = events.iter().map(expected).collect();
    lines.sort_unstable();
    assert_eq!(published(&place, "audit"), lines);
    for event in events {
        let line = expected(&event);
        let values = parse(AUDIT, &line).expect("the pattern fits every line");
        assert!(line.starts_with("date="), "the pattern is anchored");
        let [date, user, audit_type, info] = values[..] else {
            panic!("four values of {line:?}");
        };
        assert_eq!(
            date,
            event
                .event_time
                .format("%Y-%m-%dT%H:%M:%S+0000")
                .to_string()
        );
        assert_eq!(
            [user, audit_type],
            [&event.user, &event.audit_type].map(|text| flat(text, false))
        );
        assert_eq!(
            info,
            flat(&event.event_info, true),
            "to the end of the line, without a quote"
        );
    }
}

#[test]
fn the_golden_lines_are_these_to_the_last_byte() {
    let time = minutes_ago(5);
    let text = time.format("%Y-%m-%dT%H:%M:%S+0000");
    let raw = [
        json!({"id": "1", "auditType": "User Logged On", "user": "svc@example.com", "eventTime": text.to_string(),
               "eventInfo": "Successful authentication for svc@example.com <Svc>, Date: 2024-03-05, Time: 05:43:25 GMT-05:00, IP: 192.0.2.9, Application: SMTP-MTA2, Method: Cloud",
               "category": "authentication_logs"}).to_string(),
        format!(r#"{{"id":"2","user":"a|b\"c","auditType":"d\"|e","eventInfo":"f\r\n\"g|h\"","eventTime":"{text}"}}"#),
        format!(r#"{{"id":"3","user":null,"eventTime":"{text}","eventInfo":"No changes found."}}"#),
    ];
    let golden = [
        format!(
            "date={text}|mcType=auditLog|user=svc@example.com|auditType=\"User Logged On\"|eventInfo=\"Successful authentication for svc@example.com <Svc>, Date: 2024-03-05, Time: 05:43:25 GMT-05:00, IP: 192.0.2.9, Application: SMTP-MTA2, Method: Cloud\n"
        ),
        format!(
            "date={text}|mcType=auditLog|user=a b c|auditType=\"d  e\"|eventInfo=\"f \"g|h\"\n"
        ),
        format!("date={text}|mcType=auditLog|user=|auditType=\"\"|eventInfo=\"No changes found.\n"),
    ];
    let place = Installation::connected();
    place.serve_events(raw.map(|raw| AuditEvent::realistic(0, time).with_raw(raw)));
    place.audit().stays_silent();
    assert_eq!(
        place.files("audit").values().collect::<Vec<_>>(),
        [golden.concat().as_bytes()]
    );
    let info = parse(AUDIT, golden[0].trim_end()).expect("it fits")[3];
    let logon =
        "Successful authentication for * <*>, Date: *, Time: *, IP: *, Application: *, Method: *";
    let values = parse(logon, info).expect("the second pattern fits");
    assert_eq!(values[4..], ["192.0.2.9", "SMTP-MTA2", "Cloud"]);
}

#[test]
fn audit_json_is_what_mimecast_sent_with_the_time_first() {
    let place = Installation::configured("[audit]\nformat = \"json\"");
    place.serve_events(awkward());
    let time = minutes_ago(5);
    let text = time.format("%Y-%m-%dT%H:%M:%S+0000");
    let odd = format!(
        r#"{{"id":"odd", "big":123456789012345678901234567890.10, "nested":{{"b":[1,
 {{"a":null}}],"a":"\/\ud83c\udf89"}}, "eventTime":"{text}", "new":true, "empty":""}}"#
    );
    place.serve_events([AuditEvent::realistic(0, time).with_raw(&odd)]);
    place.audit().stays_silent();
    let lines = published(&place, "audit");
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("{\"eventTime\":\"20"))
    );
    let mut sent: Vec<Value> = place
        .sandbox
        .audit_events()
        .iter()
        .map(|event| serde_json::from_str(&event.json()).expect("JSON"))
        .collect();
    let mut found: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    for list in [&mut sent, &mut found] {
        list.sort_unstable_by_key(|value| value["id"].to_string());
    }
    assert_eq!(found, sent);
    let odd = lines
        .iter()
        .find(|line| line.contains("\"odd\""))
        .expect("there");
    assert!(
        odd.contains("123456789012345678901234567890.10"),
        "not a digit is lost: {odd}"
    );
}

#[test]
fn every_key_of_the_email_searches_is_found_with_its_value() {
    let keys: Vec<&str> = KEYS.split(' ').collect();
    assert_eq!(keys.len(), 34);
    let (early, late) = keys.split_at(17);
    let pairs = |keys: &[&str]| -> String {
        keys.iter()
            .map(|key| format!("{key}=<{key} value>|"))
            .collect()
    };
    let receipt = format!(
        "{}headerFrom=boss@example.net|SpamScore=7|x=y\n",
        pairs(early)
    );
    let delivery = format!("{}Route=Office365, then on\n", pairs(late));
    let place = Installation::connected();
    place.serve(Batch::files(&[
        ("receipt_20261120000000000.siem", receipt.as_bytes()),
        ("delivery_20261120000000000.siem", delivery.as_bytes()),
    ]));
    place.siem().stays_silent();
    let lines = published(&place, "mta");
    let found = |pattern: &str| {
        let values = lines.iter().filter_map(|line| parse(pattern, line));
        values.flatten().collect::<Vec<_>>()
    };
    for key in keys {
        assert_eq!(found(&format!("{key}=*|")), [format!("<{key} value>")]);
    }
    assert_eq!(found("headerFrom=*|"), ["boss@example.net"]);
    assert_eq!(found("SpamScore=*|"), ["7"]);
    assert_eq!(found("Route=*"), ["Office365, then on"]);
}

#[test]
fn the_stage_that_the_searches_guess_from_words_is_that_of_the_file() {
    let place = Installation::with_batches(0..5, 100);
    place.siem().stays_silent();
    let mut stages = [0; 3];
    for (name, content) in place.files("mta") {
        for line in std::str::from_utf8(&content).expect("UTF-8").lines() {
            let stage = match (line.contains("headerFrom"), line.contains("ReceiptAck")) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            };
            match name.split('_').next() {
                Some("receipt") => assert_eq!(stage, 0, "{line}"),
                // a refused delivery has no acknowledgement
                Some("delivery") => assert_ne!(stage, 0, "{line}"),
                Some("process") => assert_eq!(stage, 2, "{line}"),
                _ => continue,
            }
            stages[stage] += 1;
        }
    }
    assert!(stages.iter().all(|count| *count > 0), "{stages:?}");
}
