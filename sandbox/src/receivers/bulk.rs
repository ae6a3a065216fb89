//! The bulk API of Elasticsearch and OpenSearch, with a data stream as its target.
//!
//! <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk> and
//! <https://www.elastic.co/docs/manage-data/data-store/data-streams/use-data-stream>. An `_id` is unique inside one
//! backing index alone (<https://github.com/elastic/elasticsearch/issues/44794>).

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Map, Value, json};

use super::http_state::{Reply, State, Stored};
use super::lines::is_ndjson;
use crate::http::Request;

/// Of an `_id`, in bytes.
const LONGEST_ID: usize = 512;
/// Elasticsearch's list for the name of an index.
const FORBIDDEN: &[char] = &[
    '\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':', '%',
];

/// The ids of the present write index.
#[derive(Default)]
pub(super) struct Shelf {
    rollovers: usize,
    ids: HashSet<(String, String)>,
    sequence: u64,
}

impl Shelf {
    /// Begins a new write index: it knows no id.
    pub(super) fn roll_over(&mut self) {
        self.rollovers += 1;
        self.ids.clear();
    }

    fn backing(&self, stream: &str) -> String {
        format!(".ds-{stream}-{:06}", self.rollovers + 1)
    }
}

/// An error as Elasticsearch words it.
pub(super) fn refusal(status: u16, kind: &str, reason: &str) -> Reply {
    let cause = json!({"type": kind, "reason": reason});
    let mut error = cause.clone();
    error["root_cause"] = json!([cause]);
    Reply::json(status, &json!({"error": error, "status": status}))
}

fn illegal(reason: &str) -> Reply {
    refusal(400, "illegal_argument_exception", reason)
}

/// Answers a request.
pub(super) fn judge(state: &mut State, key: &str, request: &Request, body: &[u8]) -> Reply {
    let path = request.target.strip_prefix('/').unwrap_or_default();
    let index = match path.rsplit_once('/') {
        _ if path == "_bulk" => None,
        Some((index, "_bulk")) if !index.is_empty() && !index.contains('/') => Some(index),
        _ => {
            state.complain(format!(
                "{} {}, which is not _bulk",
                request.method, request.target
            ));
            return illegal("unrecognized path or parameter");
        }
    };
    if request.method != "POST" {
        state.complain(format!("{} {}", request.method, request.target));
        return refusal(405, "method_not_allowed", "allowed: [POST]").with("Allow", "POST");
    }
    if !state.is_open_to_all
        && let Err(reason) = authorize(state, key, request)
    {
        return refusal(401, "security_exception", reason).with("WWW-Authenticate", "ApiKey");
    }
    if !is_ndjson(request) {
        state.complain("request that is not application/x-ndjson");
        return refusal(
            406,
            "media_type_header_exception",
            "Content-Type header is not supported",
        );
    }
    let pairs = match pairs(index, body) {
        Ok(pairs) => pairs,
        Err(reason) => {
            state.complain(format!("bulk request: {reason}"));
            return illegal(&reason);
        }
    };
    let headers = Arc::new(request.headers.clone());
    let mut errors = false;
    let mut items = Vec::new();
    for pair in pairs {
        let (action, item) = (pair.action.clone(), create(state, pair, &headers));
        errors |= item.get("error").is_some();
        items.push(json!({action: item}));
    }
    Reply::json(200, &json!({"took": 1, "errors": errors, "items": items}))
}

fn authorize(state: &mut State, key: &str, request: &Request) -> Result<(), &'static str> {
    match request.header("authorization") {
        None => {
            state.complain("request without authorization");
            Err("missing authentication credentials for REST request")
        }
        Some(value) if value.strip_prefix("ApiKey ") == Some(key) => Ok(()),
        Some(value) => {
            if !value.starts_with("ApiKey ") {
                state.complain("authorization is not of the kind ApiKey");
            }
            Err("unable to authenticate with provided credentials")
        }
    }
}

/// An action with its document.
struct Pair {
    action: String,
    index: String,
    id: Option<String>,
    document: String,
}

/// Cuts the body into pairs; one that cannot be read spoils the request.
fn pairs(index: Option<&str>, body: &[u8]) -> Result<Vec<Pair>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
    let Some(text) = text.strip_suffix('\n') else {
        return Err("The bulk request must be terminated by a newline [\\n]".to_owned());
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let mut pairs = Vec::new();
    for (number, pair) in lines.chunks(2).enumerate() {
        let number = 2 * number + 1;
        let [action, document] = pair else {
            return Err(format!(
                "Action/metadata line [{number}] without a document"
            ));
        };
        let (action, mut metadata) = action_of(action).ok_or_else(|| {
            format!("Malformed action/metadata line [{number}], expected an action")
        })?;
        let mut text = |name: &str| match metadata.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!(
                "Malformed action/metadata line [{number}]: [{name}]"
            )),
        };
        let id = text("_id")?;
        let own = text("_index")?;
        if let Some((name, _)) = metadata.iter().next() {
            let place = format!("Action/metadata line [{number}]");
            return Err(format!("{place} contains an unknown parameter [{name}]"));
        }
        let index = own.or_else(|| index.map(ToOwned::to_owned));
        let index = index.ok_or_else(|| format!("line [{number}]: index is missing"))?;
        if id.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            return Err(format!(
                "line [{number}]: id is too long, must be at most {LONGEST_ID} bytes"
            ));
        }
        pairs.push(Pair {
            action,
            index,
            id,
            document: (*document).to_owned(),
        });
    }
    Ok(pairs)
}

/// Name and metadata of an action line: an object with one key.
fn action_of(line: &str) -> Option<(String, Map<String, Value>)> {
    let Ok(Value::Object(object)) = serde_json::from_str(line) else {
        return None;
    };
    let mut entries = object.into_iter();
    match (entries.next(), entries.next()) {
        (Some((name, Value::Object(metadata))), None) => Some((name, metadata)),
        _ => None,
    }
}

/// Answers one item.
fn create(state: &mut State, pair: Pair, headers: &Arc<Vec<(String, String)>>) -> Value {
    let backing = state.shelf.backing(&pair.index);
    let id = pair.id.clone();
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    let key = (pair.index.clone(), id.clone());
    if let Err((status, kind, reason)) = check(state, &pair, &key) {
        let error = json!({"type": kind, "reason": reason});
        return json!({"_index": pair.index, "_id": id, "status": status, "error": error});
    }
    let shelf = &mut state.shelf;
    let sequence = shelf.sequence;
    if !state.is_swallowing {
        shelf.sequence += 1;
        shelf.ids.insert(key);
    }
    let stored = Stored {
        event: pair.document,
        id: pair.id,
        index: Some(pair.index),
        headers: Arc::clone(headers),
        ..Stored::default()
    };
    state.keep(stored, None);
    json!({
        "_index": backing, "_id": id, "_version": 1, "result": "created",
        "_shards": {"total": 2, "successful": 1, "failed": 0},
        "_seq_no": sequence, "_primary_term": 1, "status": 201,
    })
}

type Refused = (u16, &'static str, String);

fn check(state: &mut State, pair: &Pair, key: &(String, String)) -> Result<(), Refused> {
    if pair.action != "create" {
        state.complain(format!("action {:?} at a data stream", pair.action));
        let reason = "only write ops with an op_type of create are allowed in data streams";
        return Err((400, "illegal_argument_exception", reason.to_owned()));
    }
    let name = &pair.index;
    if !is_index_name(name) {
        state.complain(format!("index {name:?}"));
        return Err((
            400,
            "invalid_index_name_exception",
            format!("Invalid index name [{name}]"),
        ));
    }
    if !state.knows_index(name) {
        return Err((
            404,
            "index_not_found_exception",
            format!("no such index [{name}]"),
        ));
    }
    if state.rejected_items > 0 {
        state.rejected_items -= 1;
        let reason = "rejected execution of coordinating operation";
        return Err((429, "es_rejected_execution_exception", reason.to_owned()));
    }
    check_document(name, &pair.document)
        .map_err(|reason| (400, "mapper_parsing_exception", reason))?;
    if state.refuses(&pair.document) {
        let reason = "failed to parse field of type [long]".to_owned();
        return Err((400, "mapper_parsing_exception", reason));
    }
    if state.shelf.ids.contains(key) {
        let id = &key.1;
        let reason =
            format!("[{id}]: version conflict, document already exists (current version [1])");
        return Err((409, "version_conflict_engine_exception", reason));
    }
    Ok(())
}

fn is_index_name(name: &str) -> bool {
    let begins_well = !name.starts_with(['-', '_', '+', '.']);
    begins_well && name.len() <= 255 && !name.contains(FORBIDDEN) && name == name.to_lowercase()
}

/// A document is an object. A data stream demands `@timestamp`; streams for logs exist by their name.
fn check_document(index: &str, document: &str) -> Result<(), String> {
    let Ok(Value::Object(document)) = serde_json::from_str(document) else {
        return Err("failed to parse: the document is not an object".to_owned());
    };
    let is_logs = index.starts_with("logs-") && index.matches('-').count() >= 2;
    match document.get("@timestamp") {
        None if is_logs => Err("data stream timestamp field [@timestamp] is missing".to_owned()),
        Some(value) if is_logs && !is_date(value) => {
            Err("failed to parse field [@timestamp] of type [date]".to_owned())
        }
        _ => Ok(()),
    }
}

/// True for what `strict_date_optional_time||epoch_millis` reads, apart from rare forms.
fn is_date(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return value.is_i64();
    };
    let text = text.trim_end_matches('Z');
    text.contains('T') && DateTime::parse_from_rfc3339(text).is_ok()
        || text.parse::<NaiveDateTime>().is_ok()
        || text.parse::<NaiveDate>().is_ok()
}
