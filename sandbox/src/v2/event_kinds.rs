//! The types of Cloud Gateway: field names and the shapes of their values as recorded.
//!
//! Nearly everything is a text, numbers and booleans included, and anything may be null.

use serde_json::{Value, json};

use super::event::Event;
use crate::record_kinds::{PEOPLE, STRANGERS, SUBJECTS};
use crate::records::Draw;

const CIPHER: &str = "TLS_AES_256_GCM_SHA384";

/// A number that the service writes as a text.
fn number(draw: &mut Draw, below: u32) -> Value {
    json!(draw.number(below).to_string())
}

fn or_null(draw: &mut Draw, value: Value) -> Value {
    if draw.one_in(4) { Value::Null } else { value }
}

/// Sometimes null, empty, or without its brackets.
pub(super) fn message_id(draw: &mut Draw) -> Value {
    let id = format!("{}@example.com", draw.unique());
    match draw.number(8).as_u64() {
        Some(0) => Value::Null,
        Some(1) => json!(""),
        Some(2) => json!(id),
        _ => json!(format!("<{id}>")),
    }
}

fn direction(draw: &mut Draw) -> Value {
    let direction = draw.pick(&["Inbound", "inbound", "Internal", "Outbound"]);
    or_null(draw, direction)
}

/// JSON in a text, the same in a text once more, or an object: all three were seen.
fn spam_detail(draw: &mut Draw) -> Value {
    let detail = json!({"spf": {"allow": true, "info": "ALLOW"}, "dkim": {"allow": true, "info": "DKIM_UNKNOWN"}});
    let once = json!(detail.to_string());
    match draw.number(3).as_u64() {
        Some(0) => detail,
        Some(1) => json!(once.to_string()),
        _ => once,
    }
}

pub(super) fn receipt(draw: &mut Draw) -> Event {
    let rejected = draw.one_in(5);
    let action = if rejected { "Rej" } else { "Acc" };
    let when_rejected = |text: &str| if rejected { json!(text) } else { Value::Null };
    let fields = vec![
        ("action", json!(action)),
        ("direction", direction(draw)),
        ("messageId", message_id(draw)),
        ("numberAttachments", number(draw, 4)),
        ("receiptErrors", Value::Null),
        ("recipients", draw.pick(&PEOPLE)),
        ("rejectionCode", when_rejected("550")),
        (
            "rejectionInfo",
            when_rejected("5.4.1 refused | policy=\"strict\""),
        ),
        ("rejectionType", when_rejected("Invalid Recipient")),
        ("senderEnvelope", draw.pick(&STRANGERS)),
        ("senderHeader", draw.pick(&STRANGERS)),
        ("senderIp", draw.address()),
        ("spamDetectionLevel", number(draw, 9)),
        ("spamInfo", json!("[]")),
        ("spamProcessingDetail", spam_detail(draw)),
        ("spamScore", number(draw, 30)),
        ("subject", draw.pick(&SUBJECTS)),
        ("tlsCipher", json!(CIPHER)),
        ("tlsVersion", json!("TLSv1.3")),
        ("virusFound", Value::Null),
    ];
    Event {
        fields,
        subtype: json!(action),
    }
}

pub(super) fn process(draw: &mut Draw) -> Event {
    let action = draw.pick(&["Acc", "Acc", "Hld", "Sdbx"]);
    let held = action == "Hld";
    let fields = vec![
        ("action", action.clone()),
        (
            "attachments",
            // A quoted list that can be cut off and holds stray quotes.
            draw.pick(&[
                "",
                "\"plan.docx\", \"plan.xlsx\"",
                "\"Übersicht.pdf\", \"a\"b.pn",
            ]),
        ),
        ("emailSize", number(draw, 9_000_000)),
        ("holdReason", if held { json!("Spm") } else { Value::Null }),
        ("messageId", message_id(draw)),
        ("numberAttachments", number(draw, 4)),
        ("senderEnvelope", draw.pick(&STRANGERS)),
        ("subject", draw.pick(&SUBJECTS)),
        ("totalSizeAttachments", number(draw, 5_000_000)),
    ];
    Event {
        fields,
        subtype: action,
    }
}

pub(super) fn delivery(draw: &mut Draw) -> Event {
    let delivered = draw.pick(&["true", "true", "true", "false"]);
    let refused = delivered == "false";
    let when_refused = |text: &str| if refused { json!(text) } else { Value::Null };
    let fields = vec![
        ("Hostname", json!("mx.example.com")),
        ("delivered", delivered.clone()),
        ("deliveryAttempts", json!("1")),
        ("deliveryErrors", Value::Null),
        ("deliveryTime", number(draw, 60_000)),
        ("destinationIp", draw.address()),
        ("direction", direction(draw)),
        ("emailSize", number(draw, 500_000)),
        ("messageId", message_id(draw)),
        ("numberAttachments", number(draw, 3)),
        ("recipients", draw.pick(&PEOPLE)),
        ("rejectionCode", when_refused("550")),
        (
            "rejectionInfo",
            when_refused("5.4.1 Recipient address rejected"),
        ),
        (
            "rejectionType",
            when_refused("Recipient email address is possibly incorrect"),
        ),
        ("route", draw.pick(&["Default route", "Büro Zürich"])),
        ("senderEnvelope", draw.pick(&STRANGERS)),
        ("subject", draw.pick(&SUBJECTS)),
        ("tlsCipher", Value::Null),
        ("tlsUsed", draw.pick(&["Yes", "No", "true"])),
        ("tlsVersion", Value::Null),
        ("totalSizeAttachments", number(draw, 100_000)),
    ];
    Event {
        fields,
        subtype: delivered,
    }
}

pub(super) fn journal(draw: &mut Draw) -> Event {
    let fields = vec![
        ("direction", json!("Internal")),
        ("recipients", draw.pick(&PEOPLE)),
        ("senderEnvelope", draw.pick(&PEOPLE)),
    ];
    plain(fields)
}

pub(super) fn antivirus(draw: &mut Draw) -> Event {
    let mut fields = file(draw, "xlsm");
    fields.extend([
        ("emailSize", number(draw, 2_000_000)),
        ("senderDomainInternal", draw.flag()),
        ("senderHeader", Value::Null),
        ("virusFound", json!("Test.Virus")),
    ]);
    fields.extend(mail(draw));
    plain(fields)
}

pub(super) fn spam(draw: &mut Draw) -> Event {
    let mut fields = mail(draw);
    fields.push(("senderHeader", draw.pick(&STRANGERS)));
    if draw.one_in(2) {
        fields.push(("taggedExternal", draw.flag()));
        fields.push(("taggedMalicious", draw.flag()));
    }
    plain(fields)
}

/// Newer lines tell of the mail, older ones only of the file.
pub(super) fn attachment(draw: &mut Draw) -> Event {
    let mut fields = file(draw, "doc");
    if draw.one_in(2) {
        fields.push(("fileMime", json!("application/vnd.ms-office")));
        fields.push(("sizeAttachment", number(draw, 900_000)));
        fields.push(("recipient", draw.pick(&PEOPLE)));
        fields.extend(
            mail(draw)
                .into_iter()
                .filter(|(name, _)| *name != "recipients"),
        );
    }
    plain(fields)
}

pub(super) fn impersonation(draw: &mut Draw) -> Event {
    let action = draw.pick(&["Hold", "none"]);
    let mut fields = mail(draw);
    fields.push(("action", action.clone()));
    fields.push(("itemsDetected", json!("1")));
    fields.push((
        "policyDefinition",
        json!("Default Impersonation Definition"),
    ));
    for name in [
        "customNameMatch",
        "customThreatDictionary",
        "internalUserName",
        "mimecastThreatDictionary",
        "newDomain",
        "replyMismatch",
        "similarCustomExternalDomain",
        "similarInternalDomain",
        "similarMimecastExternalDomain",
        "taggedExternal",
        "taggedMalicious",
    ] {
        fields.push((name, draw.flag()));
    }
    Event {
        fields,
        subtype: action,
    }
}

pub(super) fn internal_email(draw: &mut Draw) -> Event {
    let mut fields = mail(draw);
    fields.extend([
        ("monitoredDomainSource", Value::Null),
        ("scanResults", json!("Blocked URL Category")),
        ("similarDomain", Value::Null),
        ("urlCategory", json!("Compromised")),
    ]);
    plain(fields)
}

pub(super) fn url(draw: &mut Draw) -> Event {
    let action = draw.pick(&["Block", "Allow"]);
    let address = format!("http://bad.example.net/a?id={}&x=é|y", draw.unique());
    let mut fields = mail(draw);
    fields.extend([
        ("action", action.clone()),
        (
            "analysis",
            draw.pick(&["null", "{\"clicked\":true,\"path\":\"a/b\"}"]),
        ),
        ("blockReason", draw.pick(&["malicious", "clean"])),
        ("sourceIp", draw.address()),
        ("url", json!(address)),
        ("urlCategory", json!("Phishing & Fraud")),
    ]);
    Event {
        fields,
        subtype: action,
    }
}

pub(super) const fn plain(fields: Vec<(&'static str, Value)>) -> Event {
    Event {
        fields,
        subtype: Value::Null,
    }
}

/// What most types tell of a mail.
fn mail(draw: &mut Draw) -> Vec<(&'static str, Value)> {
    vec![
        ("messageId", message_id(draw)),
        ("recipients", draw.pick(&PEOPLE)),
        ("route", draw.pick(&["Inbound", "inbound", "Default route"])),
        ("senderDomain", json!("example.net")),
        ("senderEnvelope", draw.pick(&STRANGERS)),
        ("senderIp", draw.address()),
        ("subject", draw.pick(&SUBJECTS)),
    ]
}

/// What is told of a file.
fn file(draw: &mut Draw, extension: &str) -> Vec<(&'static str, Value)> {
    let name = draw.pick(&["invoice", "Rechnung März", "請求書", "Größe=XL|neu"]);
    let name = name.as_str().expect("a text");
    vec![
        ("fileExtension", json!(extension)),
        ("fileName", json!(format!("{name}.{extension}"))),
        ("md5", draw.hex(32)),
        ("sha1", draw.hex(40)),
        ("sha256", draw.hex(64)),
    ]
}
