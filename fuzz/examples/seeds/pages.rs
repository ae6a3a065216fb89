//! Seeds of pages: audit events, and addresses of objects under API 2.0.

use std::io;

use crate::{EVENT, put};

/// The address of an object.
const URL: &str = "https://store.example.com/cg/part-0001.json.gz?X-Amz-Signature=0a1b";

pub fn write() -> io::Result<()> {
    audit_pages()?;
    list_pages()?;
    addresses()
}

fn audit_pages() -> io::Result<()> {
    let page = |next: &str| {
        format!(
            r#"{{"meta":{{"status":200,"pagination":{{"pageSize":500{next}}}}},"data":[{EVENT},{EVENT}],"fail":[]}}"#
        )
    };
    put("audit_page", "last", page(""))?;
    put("audit_page", "token", page(r#","next":"eNoAfter""#))?;
    put("audit_page", "null_token", page(r#","next":null"#))?;
    put("audit_page", "odd_token", page(r#","next":{"a":1}"#))?;
    put("audit_page", "no_items", r#"{"meta":{},"data":[]}"#)?;
    put(
        "audit_page",
        "odd_items",
        "{\"data\":[1,null,\"x\",[{}],{},\n{\"user\":\"a|b\\\"\\u2028\"}],\"meta\":null}",
    )?;
    put(
        "audit_page",
        "text_for_data",
        format!(r#"{{"data":"{}"}}"#, "word ".repeat(60)),
    )?;
    put("audit_page", "data_twice", r#"{"data":[],"data":[{}]}"#)?;
    put(
        "audit_page",
        "nested",
        format!("{{\"data\":[{}1{}]}}", "[".repeat(200), "]".repeat(200)),
    )?;
    put(
        "audit_page",
        "half_letter",
        r#"{"data":[{"user":"\ud800","\udc00":1}]}"#,
    )
}

fn list_pages() -> io::Result<()> {
    let item = format!(r#"{{"url":"{URL}","expiry":"2026-11-20T10:00:00Z","size":12}}"#);
    put(
        "list_page",
        "one",
        format!(r#"{{"value":[{item}],"@nextPage":"NDU=","isCaughtUp":false}}"#),
    )?;
    put(
        "list_page",
        "caught_up",
        r#"{"value":[],"isCaughtUp":true}"#,
    )?;
    put(
        "list_page",
        "odd_token",
        r#"{"value":[],"@nextPage":{"a":1}}"#,
    )?;
    put("list_page", "no_url", r#"{"value":[{"size":1}]}"#)?;
    put(
        "list_page",
        "twice",
        format!(r#"{{"value":[{item},{item}],"@nextPage":"","isCaughtUp":"yes"}}"#),
    )
}

fn addresses() -> io::Result<()> {
    for (name, address) in [
        ("public", URL),
        ("user", "https://user:word@store.example.com/a"),
        ("plain", "http://store.example.com/a"),
        ("loopback", "https://127.0.0.1:8425/a"),
        ("short", "https://0x7f.1/a"),
        ("metadata", "https://169.254.169.254/latest"),
        ("six", "https://[2001:db8::1]/a/b"),
        ("mapped", "https://[::ffff:10.0.0.1]/a"),
        ("compatible", "https://[::10.0.0.1]/a"),
        ("translated", "https://[64:ff9b::10.0.0.1]/a"),
        ("tunnelled", "https://[2002:a00:1::]/a"),
    ] {
        put("list_page", &format!("address_{name}"), address)?;
    }
    Ok(())
}
