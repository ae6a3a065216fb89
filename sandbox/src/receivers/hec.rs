//! Splunk's HTTP Event Collector.
//!
//! Answers: <https://docs.splunk.com/Documentation/Splunk/latest/Data/TroubleshootHTTPEventCollector>.
//! Acknowledgements: <https://docs.splunk.com/Documentation/Splunk/latest/Data/AboutHECIDXAck>.
//! The events before an event that is not valid are indexed (<https://github.com/moby/moby/issues/35862>).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Deserializer, Value, json};

use super::http_state::{Reply, State, Stored};
use crate::http::Request;

/// Where events go.
const EVENTS: &str = "/services/collector/event";
/// Where clients ask for acknowledgements.
pub(super) const ACKS: &str = "/services/collector/ack";
const HEALTH: &str = "/services/collector/health";
const CHANNEL: &str = "X-Splunk-Request-Channel";

/// The token of the collector.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// It demands acknowledgements.
    pub(super) ack: bool,
}

/// Acknowledgements by channel.
#[derive(Default)]
pub(super) struct Acks {
    channels: HashMap<String, Channel>,
    /// So many questions are answered with *false* first.
    pub(super) polls_before: usize,
}

#[derive(Default)]
struct Channel {
    next: u64,
    /// How often a client asked for each one that waits.
    waiting: HashMap<u64, usize>,
}

impl Acks {
    fn issue(&mut self, channel: &str) -> u64 {
        let channel = self.channels.entry(channel.to_owned()).or_default();
        let id = channel.next;
        channel.next += 1;
        channel.waiting.insert(id, 0);
        id
    }

    /// Answers a question. *True* is said once; an unknown id is *false* for ever.
    fn ask(&mut self, channel: &str, id: u64) -> bool {
        let Some(channel) = self.channels.get_mut(channel) else {
            return false;
        };
        let Some(polls) = channel.waiting.get_mut(&id) else {
            return false;
        };
        *polls += 1;
        *polls > self.polls_before && channel.waiting.remove(&id).is_some()
    }

    fn waits(&self, channel: &str, id: u64) -> bool {
        let channel = self.channels.get(channel);
        channel.is_some_and(|channel| channel.waiting.contains_key(&id))
    }
}

/// Loses the events that no answer acknowledged, and forgets their ids.
pub(super) fn lose_unacknowledged(state: &mut State) {
    let acks = &mut state.acks;
    state.kept.retain(|kept| {
        let ack = kept.ack.as_ref();
        ack.is_none_or(|(channel, id)| !acks.waits(channel, *id))
    });
    for channel in acks.channels.values_mut() {
        channel.waiting.clear();
    }
}

/// The answer that goes with a code.
pub(super) fn refusal(code: u16) -> Reply {
    let (status, text) = match code {
        2 => (401, "Token is required"),
        3 => (401, "Invalid authorization"),
        4 => (403, "Invalid token"),
        5 => (400, "No data"),
        6 => (400, "Invalid data format"),
        7 => (400, "Incorrect index"),
        9 => (503, "Server is busy"),
        10 => (400, "Data channel is missing"),
        11 => (400, "Invalid data channel"),
        12 => (400, "Event field is required"),
        13 => (400, "Event field cannot be blank"),
        14 => (400, "ACK is disabled"),
        15 => (400, "Error in handling indexed fields"),
        _ => (500, "Internal server error"),
    };
    Reply::json(status, &json!({"text": text, "code": code}))
}

/// Answers a request.
pub(super) fn judge(state: &mut State, token: Token<'_>, request: &Request, body: &[u8]) -> Reply {
    match (request.method.as_str(), request.target.as_str()) {
        ("POST", EVENTS | ACKS) => {}
        ("GET", HEALTH) => {
            return Reply::json(200, &json!({"text": "HEC is healthy", "code": 17}));
        }
        (method, EVENTS | ACKS) => {
            state.complain(format!("{method} {}", request.target));
            return Reply::empty(405);
        }
        (method, target) => {
            state.complain(format!("{method} {target}, which HEC does not have"));
            let body =
                json!({"text": "The requested URL was not found on this server.", "code": 404});
            return Reply::json(404, &body);
        }
    }
    if !state.is_open_to_all
        && let Err(code) = authorize(state, token.text, request)
    {
        return refusal(code);
    }
    let channel = match channel(state, token, request) {
        Ok(channel) => channel,
        Err(code) => return refusal(code),
    };
    if request.target == ACKS {
        return acknowledge(state, channel, body);
    }
    let channel = channel.filter(|_| token.ack);
    events(state, channel, request, body)
}

fn authorize(state: &mut State, token: &str, request: &Request) -> Result<(), u16> {
    let Some(value) = request.header("authorization") else {
        state.complain("request without authorization");
        return Err(2);
    };
    match value.strip_prefix("Splunk ") {
        Some(shown) if shown == token => Ok(()),
        Some(_) => Err(4),
        None => {
            state.complain("authorization is not of the kind Splunk");
            Err(3)
        }
    }
}

/// The channel that the client chose. A token with acknowledgements demands one.
fn channel<'a>(
    state: &mut State,
    token: Token<'_>,
    request: &'a Request,
) -> Result<Option<&'a str>, u16> {
    match request.header(CHANNEL) {
        Some(channel) if uuid::Uuid::try_parse(channel).is_err() => {
            state.complain(format!("channel {channel:?}, which is not a UUID"));
            Err(11)
        }
        _ if request.target == ACKS && !token.ack => Err(14),
        Some(channel) => Ok(Some(channel)),
        // That the token demands a channel is how a client finds out.
        None if token.ack => Err(10),
        None => Ok(None),
    }
}

fn acknowledge(state: &mut State, channel: Option<&str>, body: &[u8]) -> Reply {
    let Some(channel) = channel else {
        return refusal(14);
    };
    let question: Value = serde_json::from_slice(body).unwrap_or_default();
    let ids = question["acks"].as_array();
    let ids: Option<Vec<u64>> = ids.and_then(|ids| ids.iter().map(Value::as_u64).collect());
    let Some(ids) = ids else {
        state.complain("question for acknowledgements without a list of ids");
        return refusal(6);
    };
    let answers = ids.into_iter().map(|id| {
        let answer = state.acks.ask(channel, id);
        (id.to_string(), Value::Bool(answer))
    });
    let answers: serde_json::Map<String, Value> = answers.collect();
    Reply::json(200, &json!({"acks": answers}))
}

fn events(state: &mut State, channel: Option<&str>, request: &Request, body: &[u8]) -> Reply {
    let headers = Arc::new(request.headers.clone());
    let mut read = Vec::new();
    let mut fault = None;
    for object in Deserializer::from_slice(body).into_iter::<HashMap<String, Box<RawValue>>>() {
        let event = object
            .map_err(|_| 6)
            .and_then(|object| event(state, &object));
        match event {
            Ok(event) => read.push(event),
            Err(code) => {
                fault = Some(code);
                break;
            }
        }
    }
    if read.is_empty() && fault.is_none() {
        state.complain("request without an event");
        return refusal(5);
    }
    let number = read.len();
    let ack = match (channel, fault) {
        (Some(channel), None) => Some((channel.to_owned(), state.acks.issue(channel))),
        _ => None,
    };
    for event in read {
        let headers = Arc::clone(&headers);
        state.keep(Stored { headers, ..event }, ack.clone());
    }
    if let Some(code) = fault {
        let mut reply = refusal(code);
        let end = format!(",\"invalid-event-number\":{number}}}");
        reply.body.truncate(reply.body.len() - 1);
        reply.body.push_str(&end);
        return reply;
    }
    let mut answer = json!({"text": "Success", "code": 0});
    if let Some((_, id)) = ack {
        answer["ackId"] = id.into();
    }
    Reply::json(200, &answer)
}

/// Reads one event, or tells the code of the refusal.
fn event(state: &mut State, object: &HashMap<String, Box<RawValue>>) -> Result<Stored, u16> {
    let mut stored = Stored::default();
    let mut is_blank = None;
    for (key, raw) in object {
        let value: Value = serde_json::from_str(raw.get()).map_err(|_| 6_u16)?;
        let text = value.as_str().map(ToOwned::to_owned);
        match key.as_str() {
            "event" => {
                is_blank = Some(value.is_null() || value == "");
                stored.event = text.unwrap_or_else(|| raw.get().to_owned());
            }
            "time" => {
                let number = value.as_f64().or_else(|| text.as_ref()?.parse().ok());
                number.filter(|seconds| *seconds >= 0.0).ok_or(6_u16)?;
                stored.time = Some(text.unwrap_or_else(|| raw.get().to_owned()));
            }
            "host" => stored.host = Some(text.ok_or(6_u16)?),
            "source" => stored.source = Some(text.ok_or(6_u16)?),
            "sourcetype" => stored.sourcetype = Some(text.ok_or(6_u16)?),
            "index" => stored.index = Some(text.ok_or(6_u16)?),
            "fields" => {
                stored.fields = Some(raw.get().to_owned());
                let is_flat = |value: &Value| !value.is_object() && !value.is_array();
                let fields = value.as_object().ok_or(15_u16)?;
                let are_flat = fields.values().all(|value| match value.as_array() {
                    Some(values) => values.iter().all(is_flat),
                    None => is_flat(value),
                });
                are_flat.then_some(()).ok_or(15_u16)?;
            }
            other => state.complain(format!("HEC does not know the key {other:?}")),
        }
    }
    match is_blank {
        None => Err(12),
        Some(true) => Err(13),
        Some(false)
            if stored
                .index
                .as_ref()
                .is_some_and(|name| !state.knows_index(name)) =>
        {
            Err(7)
        }
        Some(false) if state.refuses(&stored.event) => Err(6),
        Some(false) => Ok(stored),
    }
}
