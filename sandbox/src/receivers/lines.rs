//! Products that take lines: Sumo Logic's HTTP source, and a webhook that takes NDJSON.
//!
//! <https://www.sumologic.com/help/docs/send-data/hosted-collectors/http-source/logs-metrics/upload-logs/>

use std::sync::Arc;

use serde_json::value::RawValue;

use super::http_state::{Reply, State, Stored};
use crate::http::Request;

/// The address of a source is a secret below this path.
pub(super) const SUMO_PATH: &str = "/receiver/v1/http/";
/// The header in which a client of the webhook shows its key.
pub(super) const WEBHOOK_HEADER: &str = "X-Receiver-Key";

/// Answers a request to a Sumo Logic HTTP source.
pub(super) fn sumo(state: &mut State, token: &str, request: &Request, body: &[u8]) -> Reply {
    let Some(shown) = request.target.strip_prefix(SUMO_PATH) else {
        state.complain(format!("no HTTP source at {}", request.target));
        return Reply::sumo(404, "not_found");
    };
    if request.method != "POST" {
        state.complain(format!("{} at an HTTP source", request.method));
        return Reply::sumo(405, "method_not_allowed").with("Allow", "POST");
    }
    if shown != token && !state.is_open_to_all {
        return Reply::sumo(401, "unauthorized");
    }
    let lines = lines(body);
    if lines.is_empty() {
        state.complain("request without a line");
        return Reply::sumo(400, "bad_request");
    }
    if lines.iter().any(|line| state.refuses(line)) {
        return Reply::sumo(400, "bad_request");
    }
    let text = |name| request.header(name).map(ToOwned::to_owned);
    let headers = Arc::new(request.headers.clone());
    for line in lines {
        let stored = Stored {
            event: line,
            source: text("x-sumo-name"),
            host: text("x-sumo-host"),
            category: text("x-sumo-category"),
            headers: Arc::clone(&headers),
            ..Stored::default()
        };
        state.keep(stored, None);
    }
    Reply::empty(200)
}

/// Answers a request to a webhook.
pub(super) fn webhook(state: &mut State, key: &str, request: &Request, body: &[u8]) -> Reply {
    if request.method != "POST" {
        state.complain(format!("{} at a webhook", request.method));
        return Reply::empty(405).with("Allow", "POST");
    }
    if !state.is_open_to_all {
        match request.header(WEBHOOK_HEADER) {
            Some(shown) if shown == key => {}
            Some(_) => return Reply::empty(401),
            None => {
                state.complain(format!("request without {WEBHOOK_HEADER}"));
                return Reply::empty(401);
            }
        }
    }
    if !is_ndjson(request) {
        state.complain("request that is not application/x-ndjson");
        return Reply::empty(415);
    }
    let lines = lines(body);
    if lines.is_empty() || !body.ends_with(b"\n") {
        state.complain("NDJSON without a line, or without its last line feed");
        return Reply::empty(400);
    }
    for line in &lines {
        if serde_json::from_str::<&RawValue>(line).is_err() {
            state.complain(format!("line that is not JSON: {line:?}"));
            return Reply::empty(400);
        }
    }
    if lines.iter().any(|line| state.refuses(line)) {
        return Reply::empty(400);
    }
    let headers = Arc::new(request.headers.clone());
    for line in lines {
        let stored = Stored {
            event: line,
            headers: Arc::clone(&headers),
            ..Stored::default()
        };
        state.keep(stored, None);
    }
    Reply::empty(204)
}

/// True if the media type is NDJSON, whatever its parameters.
pub(super) fn is_ndjson(request: &Request) -> bool {
    let media = request.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/x-ndjson")
}

/// The lines that are not empty.
fn lines(body: &[u8]) -> Vec<String> {
    let lines = body.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}
