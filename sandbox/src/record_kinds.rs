//! The four log types about the way of a mail: field names, their order and the shapes of their values as recorded.
//!
//! Values hold what breaks naive readers: text beyond ASCII, `|` and `=` inside, quotes, empty fields and nulls.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::account::Account;
use crate::records::{Draw, Record};

pub(crate) const PEOPLE: [&str; 5] = [
    "alice@example.com",
    "bob@example.org",
    "carol.o'neil@example.com",
    "dave+news@example.net",
    "journal@example.com",
];
pub(crate) const STRANGERS: [&str; 3] = ["mallory@example.net", "boss@example.net", "<>"];
pub(crate) const SUBJECTS: [&str; 9] = [
    "Quarterly plan",
    "Angebot für Zürich",
    "東京オフィスの件",
    "Party 🎉 on Friday",
    "a|b=c",
    "Re: \"urgent\" \\ 50% off",
    "Sender=nobody@example.com|Act=Acc",
    "",
    " leading and trailing ",
];
const DIRECTIONS: [&str; 3] = ["Inbound", "Outbound", "Internal"];
const CIPHER: &str = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";

/// 22 base64url characters; the same for no other record.
pub(crate) fn code(draw: &Draw) -> Value {
    let unique = draw.unique();
    let bytes = u128::from_str_radix(&unique, 16).expect("32 hexadecimal digits");
    Value::from(URL_SAFE_NO_PAD.encode(bytes.to_be_bytes()))
}

pub(crate) fn message_id(draw: &Draw) -> Value {
    Value::from(format!("<{}@example.com>", draw.unique()))
}

pub(crate) fn customer() -> Value {
    Value::from(Account::SYNTHETIC.account_code)
}

pub(crate) fn receipt(draw: &mut Draw) -> Record {
    let rejected = draw.one_in(5);
    let when_rejected = |value: Value| if rejected { value } else { Value::Null };
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("SpamLimit", json!(0)),
        ("IP", draw.address()),
        ("Dir", draw.pick(&DIRECTIONS)),
        ("MsgId", message_id(draw)),
        ("Subject", draw.pick(&SUBJECTS)),
        ("headerFrom", draw.pick(&STRANGERS)),
        ("Sender", draw.pick(&STRANGERS)),
        ("Rcpt", draw.pick(&PEOPLE)),
        ("SpamInfo", json!("[]")),
        ("Act", json!(if rejected { "Rej" } else { "Acc" })),
        ("TlsVer", json!("TLSv1.2")),
        ("Cphr", json!(CIPHER)),
        (
            "SpamProcessingDetail",
            json!({
                "spf": {"info": "SPF_FAIL", "allow": true},
                "dkim": {"info": "DKIM_UNKNOWN", "allow": true},
            }),
        ),
        ("SpamScore", draw.number(30)),
        ("Virus", when_rejected(json!(""))),
        ("RejType", when_rejected(json!("Invalid Recipient"))),
        ("RejCode", when_rejected(json!("550"))),
        (
            "RejInfo",
            when_rejected(json!("5.4.1 refused | policy=strict")),
        ),
        ("Error", Value::Null),
    ])
}

pub(crate) fn process(draw: &mut Draw) -> Record {
    let held = draw.one_in(4);
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("AttSize", draw.number(5_000_000)),
        ("Act", json!(if held { "Hld" } else { "Acc" })),
        ("AttCnt", draw.number(4)),
        (
            "AttNames",
            draw.pick(&[
                "",
                "\"plan.docx\", \"plan.xlsx\"",
                "\"Übersicht.pdf\",",
                "\"a|b=c.txt\"",
            ]),
        ),
        ("Hld", if held { json!("Spm") } else { Value::Null }),
        ("MsgSize", draw.number(9_000_000)),
        ("MsgId", if held { Value::Null } else { message_id(draw) }),
        ("Sender", draw.pick(&STRANGERS)),
        ("Subject", draw.pick(&SUBJECTS)),
        (
            "IPInternalName",
            if held { json!("true") } else { Value::Null },
        ),
        (
            "IPNewDomain",
            if held { json!("false") } else { Value::Null },
        ),
    ])
}

pub(crate) fn delivery(draw: &mut Draw) -> Record {
    let delivered = !draw.one_in(4);
    let unique = draw.unique();
    let acknowledged =
        format!("250 2.6.0 <{unique}@example.com> [InternalId=1001] Queued mail for delivery");
    let when_refused = |value: Value| if delivered { Value::Null } else { value };
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("Delivered", json!(delivered)),
        ("IP", draw.address()),
        ("AttCnt", draw.number(3)),
        ("Dir", draw.pick(&DIRECTIONS)),
        (
            "ReceiptAck",
            if delivered {
                json!(acknowledged)
            } else {
                Value::Null
            },
        ),
        (
            "MsgId",
            if delivered {
                message_id(draw)
            } else {
                Value::Null
            },
        ),
        ("Subject", draw.pick(&SUBJECTS)),
        ("Latency", draw.number(60_000)),
        ("Sender", draw.pick(&STRANGERS)),
        ("Rcpt", draw.pick(&PEOPLE)),
        ("AttSize", draw.number(100_000)),
        ("Attempt", json!(1)),
        ("TlsVer", json!("TLSv1.3")),
        ("Cphr", json!(CIPHER)),
        ("Snt", draw.number(500_000)),
        ("UseTls", draw.pick(&["Yes", "No"])),
        ("Route", json!("Office365")),
        (
            "RejType",
            when_refused(json!("Recipient email address is possibly incorrect")),
        ),
        ("RejCode", when_refused(json!("550"))),
        (
            "RejInfo",
            when_refused(json!("5.4.1 Recipient address rejected")),
        ),
        ("Err", Value::Null),
    ])
}

pub(crate) fn journal(draw: &mut Draw) -> Record {
    Record::new([
        ("datetime", draw.time()),
        ("aCode", code(draw)),
        ("acc", customer()),
        ("Sender", draw.pick(&PEOPLE)),
        ("Rcpt", draw.pick(&PEOPLE)),
        ("RcptActType", json!("Jnl")),
        ("Dir", json!("Internal")),
        ("RcptHdrType", draw.pick(&["To", "Unknown"])),
    ])
}
