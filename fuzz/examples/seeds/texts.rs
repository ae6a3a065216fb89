//! Seeds of short texts: names of files, audit events, JSON with broken parts, and pickles.

use std::io;

use crate::{EVENT, put};

pub fn write() -> io::Result<()> {
    names()?;
    lines()?;
    scans()?;
    pickles()
}

fn names() -> io::Result<()> {
    for (name, text) in [
        ("receipt", "receipt_20261120000000000"),
        ("path", "../../etc/passwd"),
        ("windows_path", "C:\\windows\\NUL"),
        ("device", "con"),
        ("stream", "a:b"),
        ("dots", "...trailing. "),
        ("option", "--rf"),
        ("empty", ""),
        ("letters", "\u{e9}vil\u{202e}"),
        ("ours", "receipt_0123456789abcdef.siem"),
        ("variant", "receipt_0123456789abcdef-2.json"),
        ("doubtful", "receipt_0123456789abcdef-02.json"),
        ("upper", "Receipt_0123456789ABCDEF.SIEM"),
    ] {
        put("name", name, text)?;
    }
    put("name", "long", "a".repeat(300))
}

fn lines() -> io::Result<()> {
    for (name, item) in [
        ("event", EVENT),
        ("empty", "{}"),
        ("no_object", "[1]"),
        (
            "odd_values",
            r#"{"user":null,"auditType":7,"eventInfo":{"a":[1]},"eventTime":"x\ud800"}"#,
        ),
        (
            "forged",
            r#"{"user":"a|auditType=\"x","auditType":"b\"|c","eventInfo":"d|\"e"}"#,
        ),
        (
            "breaks",
            r#"{"eventInfo":"a\r\nb\u0085c\u2028d\u001b[0me\u0000f"}"#,
        ),
        (
            "pretty",
            "{\r\n  \"eventInfo\" : \"a\u{2029}b\",\n\t\"n\": {\"x\":\n1.0e5}\n}",
        ),
        ("twice", r#"{"eventTime":"1","a":1,"eventTime":"2","a":2}"#),
        ("escaped_name", r#"{"event\u0054ime":"1","\u2028":2}"#),
    ] {
        put("line", name, item)?;
    }
    Ok(())
}

fn scans() -> io::Result<()> {
    for (name, text) in [
        ("event", EVENT),
        ("list", "[1, \"]\" ,{\"a\":[null,true]},\r\n[[]]]"),
        ("broken_item", r#"[{"a":1},{"b":tru},{"c" 1},"d"]"#),
        ("broken_member", r#"{"data":[{"a":1}],"meta":tru}"#),
        ("control", "{\"a\":\"x\ty\\\n\",\"b\":\"\u{1}\"}"),
        ("twice", r#"{"a":1,"a":2,"\u0061":3}"#),
        (
            "escapes",
            r#"{"b":"\ud83c\udf89\/","a":"\ud800","c":1.0e+5}"#,
        ),
        ("cut", r#"{"data":[{"a":"b\"#),
        ("behind", "[1] [2]"),
    ] {
        put("scan", name, text)?;
    }
    Ok(())
}

fn pickles() -> io::Result<()> {
    for (name, bytes) in [
        ("protocol_0", &b"(dp0\nS'data_dir'\np1\nS'/var/x'\np2\nsS'account_code'\np3\nVCUSA00A000\np4\ns."[..]),
        ("protocol_1", b"}q\x00(U\x08data_dirq\x01U\x06/var/xq\x02U\x01bq\x03X\x02\x00\x00\x00C0q\x04u."),
        ("protocol_2", b"\x80\x02}q\x00(U\x08data_dirq\x01U\x06/var/xq\x02T\x01\x00\x00\x00bX\x02\x00\x00\x00C0u."),
        ("escapes", b"(dS'a'\nS'it\\'s \\\\ \\xe4 \\n'\nsS\"b\"\nV\\u65e5\\U0001f600\\u005c\ns."),
        ("references", b"(dS'a'\np1\ng1\nsU\x01bq\x02h\x02sU\x01cr\x03\x00\x00\x00j\x03\x00\x00\x00s."),
        ("code", b"cos\nsystem\n(S'true'\ntR."),
        ("nested", b"(dS'a'\n(dS'b'\nS'c'\nss."),
        ("marks", b"((((((((."),
    ] {
        put("pickle", name, bytes)?;
    }
    Ok(())
}
