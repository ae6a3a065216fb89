//! From a request to its answer: check, answer genuinely, alter as scripted, record.

use std::time::Instant;

use serde_json::Value;

use super::bodies;
use super::changes::too_many;
use super::endpoint::Endpoint;
use super::gate;
use super::http::Request;
use super::reply::Reply;
use super::server::{Door, Shared};
use super::world::{Seen, World};
use super::{audit, dates, login, siem, v2};

/// Answers one request.
pub(super) fn answer(shared: &Shared, door: Door, request: &Request) -> Reply {
    let arrived = Instant::now();
    let endpoint = Endpoint::of(&request.target);
    let (mut reply, complaints, changes, watcher) = {
        let mut world = shared.world();
        let mut complaints = Vec::new();
        let reply = genuine(&mut world, door, request, &mut complaints);
        let labelled = complaints
            .iter()
            .map(|text| format!("{}: {text}", request.target));
        world.complaints.extend(labelled);
        let changes = endpoint.map(|endpoint| world.script.take(endpoint));
        (
            reply,
            complaints,
            changes.unwrap_or_default(),
            world.watcher.clone(),
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
    shared.world().seen.push(seen);
    reply
}

/// The answer as the service would give it, with the headers that every answer carries.
fn genuine(
    world: &mut World,
    door: Door,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    let endpoint = Endpoint::of(&request.target);
    if !world.v2.is_at(door, endpoint) {
        complaints.push("sent to the wrong one of two ports".to_owned());
        return v2::refusals::store(404, "NoSuchKey", "not at this address");
    }
    if let Some(endpoint) = endpoint.filter(|endpoint| v2::speaks(*endpoint, request)) {
        let mut reply = v2::answer(world, endpoint, request, complaints);
        reply.set_header("date", &dates::http(world.now()));
        return reply;
    }
    let reading = world.meter.count(world.switches.rate_limit);
    // Looked at also when the limit is reached: a client must not reuse an id that got a 429.
    let checked = gate::check(world, request, complaints);
    let mut reply = if reading.refused {
        too_many()
    } else {
        checked
            .and_then(|endpoint| respond(world, endpoint, request, complaints))
            .unwrap_or_else(|refusal| refusal)
    };
    reply.set_header("date", &dates::http(world.now()));
    reading.stamp(&mut reply);
    reply
}

fn respond(
    world: &mut World,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<Reply, Reply> {
    let body = bodies::read(&request.body, world.switches.accept_python_bodies);
    let answered = body.and_then(|body| match endpoint {
        Endpoint::Discover => login::discover(world, &body),
        Endpoint::Login => login::login(world, request, &body, complaints),
        Endpoint::Account => login::account(&body),
        Endpoint::Siem => siem::answer(world, &body),
        Endpoint::Audit => audit::answer(world, &body, complaints),
        _ => unreachable!("API 2.0 answers before"),
    });
    answered.map_err(|misuse| {
        // The recorded code for a field that is missing or wrong; the text names it.
        let refusal = Reply::failure(400, "err_validation_null", &misuse);
        complaints.push(misuse);
        refusal
    })
}
