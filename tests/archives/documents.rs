//! The format `json`: one document a member, one line an object.

use serde_json::{Value, json};

use super::zip;
use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Batch, ZipEntry};

fn place() -> Installation {
    Installation::configured("[siem]\nformat = \"json\"")
}

/// Documents that are none, and words of the warning.
fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let not = "not the JSON of a log file";
    vec![
        (bytes(r#"{"type":"MTA","data":[{"acc":"1"},"#), not),
        (bytes(r#"{"type":"MTA","data":[{"acc":"1"}]"#), not),
        (bytes(r#"{"type":"MTA","data":[{"acc":"1"}]} x"#), not),
        (bytes(r#"{"type":"MTA","data":[{"acc":"1"},]}"#), not),
        (bytes(r#"{"type":"MTA","data":{"acc":"1"}}"#), not),
        (bytes(r#"[{"acc":"1"}]"#), not),
        (bytes("acc=1|b=2\n"), not),
        (bytes("<html></html>"), not),
        (b"{\"data\":[{\"acc\":\"\xff\xfe\"}]}".to_vec(), not),
        (b"\xff\xfe{\0}\0".to_vec(), not),
        (bytes(r#"{"type":"MTA"}"#), "JSON without data"),
        (bytes(r#"{"error":"blocked"}"#), "JSON without data"),
    ]
}

#[test]
fn a_member_that_is_no_document_hides_none_of_the_others() {
    let place = place();
    let malformed = malformed();
    let mut expected = Vec::new();
    for (number, (document, _)) in malformed.iter().enumerate() {
        let good = |of: &str| json!({"number": number, "of": of}).to_string();
        let member = |of: &str| {
            let document = format!(r#"{{"type":"MTA","data":[{}]}}"#, good(of));
            ZipEntry::new(format!("{of}_1.json"), document)
        };
        let bad = ZipEntry::new("delivery_1.json", document);
        let entries = [member("receipt"), bad, member("process")];
        place.serve(Batch::raw(zip(entries)));
        expected.extend([good("receipt"), good("process")].map(String::into_bytes));
    }
    let report = place.run(SIEM, ["--json"]).ends_with(65).json();
    let warnings = report["warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), malformed.len(), "{report}");
    for ((document, told), warning) in malformed.iter().zip(warnings) {
        let warning = warning.as_str().expect("a text");
        let document = String::from_utf8_lossy(document);
        assert!(warning.contains(told), "{document}: {warning}");
    }
    expected.sort_unstable();
    assert_eq!(place.lines("mta"), expected);
    assert_eq!(place.quarantined_bytes().len(), malformed.len());
    place.siem().stays_silent();
}

#[test]
fn whatever_stands_in_an_object_it_is_one_line_of_the_same_value() {
    let place = place();
    let odd = json!([
        {"text": "a\nb\r\nc\td\u{0}e", "quote": "\"\\/"},
        {"text": "\u{85}\u{2028}\u{2029}", "more": "東京 🎉 \u{202e}"},
        {"nested": {"list": [1, [2, [3]], {"a": null}]}, "empty": {}, "none": []},
        {"big": 12345678901234567890_u64, "small": -0.5, "true": true, "": "no name"},
        "no object",
        null,
    ]);
    let document = json!({"type": "MTA", "data": odd});
    let pretty = serde_json::to_string_pretty(&document).expect("JSON");
    let crlf = pretty.replace('\n', "\r\n");
    let files = [("pretty_1.json", pretty), ("crlf_1.json", crlf)];
    let entries = files.map(|(name, text)| ZipEntry::new(name, text));
    place.serve(Batch::raw(zip(entries)));
    place.siem().stays_silent();
    let objects = odd.as_array().expect("a list");
    for (name, content) in place.files("mta") {
        let text = String::from_utf8(content).expect("UTF-8");
        let text = text.strip_suffix('\n').expect("a last line break");
        assert!(
            !text.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}']),
            "{name}"
        );
        let lines: Vec<Value> = text
            .split('\n')
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect();
        assert_eq!(&lines, objects, "{name}");
    }
    assert_eq!(place.files("mta").len(), 2);
}

#[test]
fn numbers_escapes_and_member_order_stay_as_they_were_sent() {
    let place = place();
    let object =
        r#"{"z":1.0e5,"a":"\/\u00fc","a":1e999,"n":0.10,"long":123456789012345678901234567890}"#;
    let document = format!(r#"{{"data":[{object}],"type":"MTA"}}"#);
    let entry = ZipEntry::new("receipt_1.json", document);
    place.serve(Batch::raw(zip([entry])));
    place.siem().stays_silent();
    assert_eq!(place.lines("mta"), [object.as_bytes()]);
}

#[test]
fn a_document_without_objects_makes_no_file() {
    let place = place();
    let documents = [r#"{"type":"MTA","data":[]}"#, ""];
    for (number, document) in documents.into_iter().enumerate() {
        let entry = ZipEntry::new(format!("receipt_{number}.json"), document);
        place.serve(Batch::raw(zip([entry])));
    }
    place.siem().stays_silent();
    assert_eq!(place.files("mta").len(), 0);
}

/// More levels than a reader that calls itself for each of them survives.
const LEVELS: usize = 100_000;

/// Serves a document that holds this text, beside a good one.
fn serve_beside_a_good_one(place: &Installation, nest: &str) {
    let deep = format!(r#"{{"type":"MTA","data":[{nest}]}}"#);
    let good = format!(r#"{{"data":[{GOOD}]}}"#);
    let entries = [("receipt_1.json", deep), ("process_1.json", good)];
    let entries = entries.map(|(name, text)| ZipEntry::new(name, text));
    place.serve(Batch::raw(zip(entries)));
}

const GOOD: &str = r#"{"acc":"1"}"#;

#[test]
fn nesting_without_end_does_not_end_the_program() {
    let place = place();
    let nest = "[".repeat(LEVELS) + &"]".repeat(LEVELS);
    serve_beside_a_good_one(&place, &nest);
    place.siem().stays_silent();
    assert_eq!(place.lines("mta"), [nest.as_bytes(), GOOD.as_bytes()]);
}

#[test]
fn nesting_that_is_not_closed_is_kept_and_hides_no_neighbour() {
    let place = place();
    serve_beside_a_good_one(&place, &"[".repeat(LEVELS));
    place
        .siem()
        .ends_with(65)
        .says("not the JSON of a log file");
    assert_eq!(place.lines("mta"), [GOOD.as_bytes()]);
    assert_eq!(place.quarantined_bytes().len(), 1);
}
