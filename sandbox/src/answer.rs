//! From a request to its answer: check, answer genuinely, alter as scripted, record.

use std::time::Instant;

use serde_json::Value;

use crate::bodies;
use crate::changes::too_many;
use crate::checks;
use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::reply::Reply;
use crate::server::{Door, Shared};
use crate::service::{Seen, Service};
use crate::{audit, dates, login, siem, v2};

/// Answers one request.
pub(crate) fn answer(shared: &Shared, door: Door, request: &Request) -> Reply {
    let arrived = Instant::now();
    let endpoint = Endpoint::of(&request.target);
    let (mut reply, complaints, changes, watcher) = {
        let mut service = shared.service();
        let mut complaints = Vec::new();
        let reply = genuine(&mut service, door, request, &mut complaints);
        let labelled = complaints
            .iter()
            .map(|text| format!("{}: {text}", request.target));
        service.complaints.extend(labelled);
        let changes = endpoint.map(|endpoint| service.script.take(endpoint));
        (
            reply,
            complaints,
            changes.unwrap_or_default(),
            service.watcher.clone(),
        )
    };
    let mut seen = Seen {
        endpoint,
        method: request.method.clone(),
        path: request.target.clone(),
        headers: request.headers.clone(),
        body: serde_json::from_slice(&request.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&request.body).into_owned())),
        request_id: request.header("x-mc-req-id").map(str::to_owned),
        date: request.header("x-mc-date").map(str::to_owned),
        status: reply.status,
        arrived,
        complaints,
    };
    changes.apply(&seen, &mut reply);
    seen.status = if reply.wire.answers() {
        reply.status
    } else {
        0
    };
    if let Some(watcher) = watcher {
        watcher(&seen);
    }
    // Before the first byte leaves: a test that has its answer must find the request here.
    shared.service().seen.push(seen);
    reply
}

/// The answer as the service would give it, with the headers that every answer carries.
fn genuine(
    service: &mut Service,
    door: Door,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    let endpoint = Endpoint::of(&request.target);
    if !service.v2.is_at(door, endpoint) {
        complaints.push("sent to the wrong one of two ports".to_owned());
        return v2::refusals::store(404, "NoSuchKey", "not at this address");
    }
    if let Some(endpoint) = endpoint.filter(|endpoint| v2::speaks(*endpoint, request)) {
        let mut reply = v2::answer(service, endpoint, request, complaints);
        reply.set_header("date", &dates::http(service.now()));
        return reply;
    }
    let reading = service.meter.count(service.switches.rate_limit);
    // Looked at also when the limit is reached: a client must not reuse an id that got a 429.
    let checked = checks::admit(service, request, complaints);
    let mut reply = if reading.refused {
        too_many()
    } else {
        checked
            .and_then(|endpoint| respond(service, endpoint, request, complaints))
            .unwrap_or_else(|refusal| refusal)
    };
    reply.set_header("date", &dates::http(service.now()));
    reading.stamp(&mut reply);
    reply
}

fn respond(
    service: &mut Service,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<Reply, Reply> {
    let body = bodies::read(&request.body);
    let answered = body.and_then(|body| match endpoint {
        Endpoint::Discover => login::discover(service, &body),
        Endpoint::Login => login::login(service, request, &body, complaints),
        Endpoint::Account => login::account(&body),
        Endpoint::Siem => siem::answer(service, &body),
        Endpoint::Audit => audit::answer(service, &body, complaints),
        _ => unreachable!("API 2.0 answers before"),
    });
    answered.map_err(|misuse| {
        // The recorded code for a field that is missing or wrong; the text names it.
        let refusal = Reply::failure(400, "err_validation_null", &misuse);
        complaints.push(misuse);
        refusal
    })
}
