//! Seeds of any server's replies: bodies of answers, and headers.

use std::io;

use crate::put;

// The calls, by their places in `CALLS` of the target.
const ACCOUNT: u8 = 2;
const ARCHIVES: u8 = 3;
const AUDIT: u8 = 4;
const TOKEN: u8 = 5;
const CLOUD_GATEWAY: u8 = 6;

const DATE: &str = "Fri, 20 Nov 2026 10:00:00 GMT";
const LATER: &str = "Fri, 20 Nov 2026 10:05:00 GMT";

pub fn write() -> io::Result<()> {
    answers()?;
    refusals()?;
    waits()?;
    headers()
}

fn answers() -> io::Result<()> {
    let nothing = r#"{"meta":{"isLastToken":true,"status":200},"data":[],"fail":[]}"#;
    let token = r#"{"access_token":"t","token_type":"Bearer","expires_in":1799}"#;
    for (name, call, body) in [
        (
            "page",
            AUDIT,
            r#"{"meta":{"status":200},"data":[{"a":1}],"fail":[]}"#,
        ),
        ("nothing", ARCHIVES, nothing),
        ("strange", ARCHIVES, r#"{"status":"ok"}"#),
        ("list", CLOUD_GATEWAY, r#"{"value":[],"@nextPage":"NDU="}"#),
        ("token", TOKEN, token),
        ("page_of_a_proxy", ARCHIVES, "<html>busy</html>"),
    ] {
        answer(name, call, body)?;
    }
    Ok(())
}

fn refusals() -> io::Result<()> {
    let expired = r#"{"meta":{"status":401},"data":[],"fail":[{"errors":[{"code":"err_xdk_binding_expired","message":"m","retryable":false}]}]}"#;
    let position = r#"{"meta":{"status":200},"fail":[{"code":"err_audit_siem_invalid_token","message":"m","retryable":false}]}"#;
    let retryable = r#"{"fail":[{"errors":[{"code":"err_busy","retryable":true}]}]}"#;
    for (name, call, body) in [
        ("token_refused", TOKEN, r#"{"error":"invalid_client"}"#),
        (
            "inner_status",
            AUDIT,
            r#"{"meta":{"status":429},"data":[]}"#,
        ),
        (
            "odd_status",
            AUDIT,
            r#"{"meta":{"status":"401"},"data":[]}"#,
        ),
        (
            "large_status",
            AUDIT,
            r#"{"meta":{"status":65736},"data":[]}"#,
        ),
        ("expired", ARCHIVES, expired),
        ("position", ARCHIVES, position),
        ("retryable", ACCOUNT, retryable),
        ("odd_failure", ACCOUNT, r#"{"data":[],"fail":{"a":1}}"#),
    ] {
        answer(name, call, body)?;
    }
    // the target adds 100
    let status = 403_u16.to_be_bytes();
    put(
        "answer",
        "status_503",
        [&[AUDIT][..], &status, b"{}"].concat(),
    )
}

/// Writes an answer with status 200, which the target reads from printable bytes.
fn answer(name: &str, call: u8, body: &str) -> io::Result<()> {
    put(
        "answer",
        name,
        [&[call][..], b"20", body.as_bytes()].concat(),
    )
}

fn waits() -> io::Result<()> {
    let largest = "18446744073709551615";
    for (name, [retry_after, reset, date]) in [
        ("later", [LATER, "", DATE]),
        ("earlier", [DATE, "", LATER]),
        ("time_in_seconds", ["", "1795168860", DATE]),
        ("time_in_milliseconds", ["", "1795168860000", DATE]),
        ("large", [largest, largest, DATE]),
        ("negative", ["-1", "-1", DATE]),
        ("fraction", ["1.5", "1e9", ""]),
        (
            "old_dates",
            [
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "",
                "Sun Nov  6 08:49:37 1994",
            ],
        ),
        (
            "far_dates",
            [
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "",
                "Thu, 01 Jan 1970 00:00:00 GMT",
            ],
        ),
    ] {
        let values = [retry_after, reset, date, "", "", "", ""];
        put("headers", name, values.join("\n"))?;
    }
    Ok(())
}

fn headers() -> io::Result<()> {
    let long = format!("https://{}.example.com/", "a".repeat(400));
    let html = "text/html; charset=utf-8";
    let attached = "attachment; filename=\"a.zip\"";
    let url = "https://user:word@login.example.com/a?b=c#d";
    for (name, values) in [
        (
            "seconds",
            ["120", "", DATE, "eNoAfter", "application/zip", "", ""],
        ),
        (
            "milliseconds",
            ["", "9000", DATE, "", "application/json", "", ""],
        ),
        ("redirect", ["", "", DATE, " a b ", html, attached, url]),
        ("long_host", ["", "", DATE, "", "", "", &long]),
    ] {
        put("headers", name, values.join("\n"))?;
    }
    Ok(())
}
