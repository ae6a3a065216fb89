//! The types of Cloud Integrated: field names and the shapes of their values as recorded.
//!
//! Here lists and booleans are what they are, not texts.

use serde_json::json;

use super::event::Event;
use super::event_kinds::{message_id, plain};
use crate::record_kinds::{PEOPLE, STRANGERS, SUBJECTS};
use crate::records::Draw;

pub(super) fn entities(draw: &mut Draw) -> Event {
    let threat = draw.pick(&["MALWARE", "PHISHING", "SPAM"]);
    let names: &[&str] = if draw.one_in(2) {
        &["Rechnung März.docx"]
    } else {
        &[]
    };
    let fields = vec![
        ("attachments", json!(names)),
        ("direction", json!("INBOUND")),
        ("historicalMail", json!(draw.one_in(3))),
        ("messageId", message_id(draw)),
        (
            "policiesApplied",
            json!([{"action": "BLOCK", "mode": "ACTIVE", "name": "Default policy"}]),
        ),
        (
            "recipients",
            json!([draw.pick(&PEOPLE), draw.pick(&PEOPLE)]),
        ),
        ("senderEnvelope", draw.pick(&STRANGERS)),
        ("senderHeader", draw.pick(&STRANGERS)),
        ("senderIp", draw.address()),
        ("source", json!("OFFICE_365_MAIL")),
        ("subject", draw.pick(&SUBJECTS)),
        ("tags", json!([threat])),
        ("threatState", json!("BLOCKED")),
        ("threatType", threat.clone()),
    ];
    Event {
        fields,
        subtype: threat,
    }
}

pub(super) fn mailflow(draw: &mut Draw) -> Event {
    let results = json!([
        {"aligned": true, "result": "pass", "type": "SPF"},
        {"aligned": null, "result": "pass", "type": "DMARC"},
    ]);
    let fields = vec![("authResults", results), ("messageId", message_id(draw))];
    plain(fields)
}

/// No sample was found: the fields of the others that fit.
pub(super) fn url_click(draw: &mut Draw) -> Event {
    let address = format!("https://example.net/click?id={}", draw.unique());
    let fields = vec![
        ("messageId", message_id(draw)),
        ("recipients", json!([draw.pick(&PEOPLE)])),
        ("senderEnvelope", draw.pick(&STRANGERS)),
        ("url", json!(address)),
    ];
    plain(fields)
}
