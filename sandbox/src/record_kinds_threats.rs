//! The six log types about threats: field names, their order and the shapes of their values as recorded.

use serde_json::{Value, json};

use crate::record_kinds::{PEOPLE, STRANGERS, SUBJECTS, code, customer, message_id};
use crate::records::{Draw, Record};

pub(crate) fn ttp_url(draw: &mut Draw) -> Record {
    Record::new([
        ("datetime", draw.time()),
        ("acc", customer()),
        ("reason", draw.pick(&["malicious", "clean"])),
        (
            "url",
            json!(format!(
                "http://bad.example.net/a?id={}&x=é|y",
                draw.unique()
            )),
        ),
        ("route", json!("inbound")),
        ("sourceIp", draw.address()),
        ("sender", draw.pick(&STRANGERS)),
        ("recipient", draw.pick(&PEOPLE)),
        ("action", draw.pick(&["Block", "Allow"])),
        ("urlCategory", json!("Phishing & Fraud")),
        ("subject", draw.pick(&SUBJECTS)),
        ("msgid", Value::Null),
        ("credentialTheft", Value::Null),
        ("senderDomain", json!("example.net")),
    ])
}

pub(crate) fn ttp_attachment(draw: &mut Draw) -> Record {
    let unique = draw.unique();
    Record::new([
        ("datetime", draw.time()),
        ("acc", customer()),
        (
            "fileName",
            draw.pick(&["invoice.doc", "Rechnung März.doc", "請求書.doc"]),
        ),
        ("sha256", json!(format!("{unique}{unique}"))),
        ("Size", draw.number(900_000)),
        ("IP", draw.address()),
        ("Recipient", draw.pick(&PEOPLE)),
        ("SenderDomain", json!("example.net")),
        ("fileExt", json!("doc")),
        ("sha1", draw.hex(40)),
        ("Sender", draw.pick(&STRANGERS)),
        ("fileMime", json!("application/vnd.ms-office")),
        ("Route", json!("Inbound")),
        ("md5", draw.hex(32)),
    ])
}

pub(crate) fn impersonation(draw: &mut Draw) -> Record {
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("Sender", draw.pick(&STRANGERS)),
        ("Recipient", draw.pick(&PEOPLE)),
        ("IP", draw.address()),
        ("Subject", draw.pick(&SUBJECTS)),
        ("Definition", json!("Default Impersonation Definition")),
        ("Hits", json!("1")),
        ("Action", draw.pick(&["Hold", "none"])),
        ("TaggedExternal", draw.flag()),
        ("TaggedMalicious", draw.flag()),
        ("MsgId", message_id(draw)),
        ("InternalName", draw.flag()),
        ("CustomName", draw.flag()),
        ("NewDomain", draw.flag()),
        ("SimilarInternalDomain", draw.flag()),
        ("SimilarCustomExternalDomain", draw.flag()),
        ("SimilarMimecastExternalDomain", draw.flag()),
        ("ReplyMismatch", draw.flag()),
        ("ThreatDictionary", draw.flag()),
        ("CustomThreatDictionary", draw.flag()),
        ("Route", json!("Inbound")),
    ])
}

pub(crate) fn internal_email(draw: &mut Draw) -> Record {
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("Sender", draw.pick(&PEOPLE)),
        ("UrlCategory", json!("Phishing & Fraud")),
        ("ScanResultInfo", json!("Blocked URL Category")),
        ("Recipient", draw.pick(&PEOPLE)),
        ("MsgId", message_id(draw)),
        ("Subject", draw.pick(&SUBJECTS)),
        ("URL", json!("https://login.example.net/")),
        ("Route", json!("Internal")),
    ])
}

pub(crate) fn antivirus(draw: &mut Draw) -> Record {
    Record::new([
        ("datetime", draw.time()),
        ("acc", customer()),
        ("MimecastIP", draw.flag()),
        (
            "fileName",
            draw.pick(&["invoice.xlsm", "Größe=XL|neu.xlsm"]),
        ),
        ("sha256", draw.hex(64)),
        ("Size", draw.number(2_000_000)),
        ("IP", draw.address()),
        ("Recipient", draw.pick(&PEOPLE)),
        ("SenderDomain", json!("example.net")),
        ("fileExt", json!("xlsm")),
        ("Subject", draw.pick(&SUBJECTS)),
        ("MsgId", message_id(draw)),
        ("Sender", draw.pick(&STRANGERS)),
        ("Virus", json!("Anomali:Phishing")),
        ("sha1", draw.hex(40)),
        ("SenderDomainInternal", draw.flag()),
        (
            "fileMime",
            json!("application/vnd.ms-excel.sheet.macroEnabled.12"),
        ),
        ("CustomerIP", draw.flag()),
        ("Route", json!("Inbound")),
        ("md5", draw.hex(32)),
    ])
}

pub(crate) fn spam_thread(draw: &mut Draw) -> Record {
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("Sender", draw.pick(&STRANGERS)),
        ("SourceIP", draw.address()),
        ("Recipient", draw.pick(&PEOPLE)),
        ("SenderDomain", json!("example.net")),
        ("Subject", draw.pick(&SUBJECTS)),
        ("MsgId", message_id(draw)),
        ("Route", json!("Inbound")),
        ("headerFrom", draw.pick(&STRANGERS)),
    ])
}
