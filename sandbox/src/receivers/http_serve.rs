//! One connection of an HTTP collector: reads requests, commits faults, sends answers.

use std::fmt::Write as _;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;

use super::channel::Channel;
use super::hec::Token;
use super::http::Product;
use super::http_body::{self, Trouble};
use super::http_state::{Fault, Reply, Shared, State};
use super::hub::Connection;
use super::{bulk, hec, lines};
use crate::http::{self, Incoming, Request};

/// Serves one connection to its end.
pub(super) fn serve(connection: Connection, shared: &Shared) {
    let mut output = connection.stream;
    let Ok(input) = output.try_clone() else {
        return;
    };
    let mut input = BufReader::new(input);
    loop {
        let request = match http::read_without_body(&mut input) {
            Incoming::Request(request) => request,
            Incoming::Gone => return,
            Incoming::Unreadable(reason) => return give_up(output, shared, 400, reason),
        };
        match answer(&mut input, shared, &request) {
            Ok(Some(reply)) => match send(&mut output, &reply) {
                Ok(()) if !request.is_last() => {}
                Ok(()) | Err(_) => return,
            },
            Ok(None) | Err(Trouble::Gone) => return,
            Err(Trouble::Bad(status, reason)) => return give_up(output, shared, status, reason),
        }
    }
}

/// Answers what cannot be read, and closes.
fn give_up(mut output: TcpStream, shared: &Shared, status: u16, reason: String) {
    shared.state().complain(reason);
    if send(
        &mut output,
        &Reply::empty(status).with("Connection", "close"),
    )
    .is_ok()
    {
        Channel::Plain(output).close_after_the_peer();
    }
}

/// Reads the rest of a request. Returns the answer; `None` if the connection is to be cut.
fn answer(
    input: &mut BufReader<TcpStream>,
    shared: &Shared,
    request: &Request,
) -> Result<Option<Reply>, Trouble> {
    let is_poll = matches!(shared.product, Product::Hec { .. }) && request.target == hec::ACKS;
    let fault = {
        let mut state = shared.state();
        state.requests += 1;
        if is_poll {
            state.polls += 1;
            state.poll_faults.pop_front().map(Fault::Answers)
        } else {
            state.faults.pop_front()
        }
    };
    let fault = fault.unwrap_or_default();
    match fault {
        Fault::CutsBeforeReading => return Ok(None),
        Fault::CutsAfterHalfTheBody => {
            http_body::read_half(input, request)?;
            return Ok(None);
        }
        _ => {}
    }
    let body = http_body::read(input, request)?;
    if let Fault::Answers(reply) = fault {
        return Ok(Some(reply));
    }
    let reply = {
        let mut state = shared.state();
        state.is_swallowing = matches!(fault, Fault::Swallows);
        let reply = judge(&mut state, shared, request, body);
        state.is_swallowing = false;
        reply
    };
    Ok(match fault {
        Fault::AppliesThenAnswers(status) => Some(refusal(shared.product, status)),
        Fault::AppliesThenCuts => None,
        Fault::Delays(pause) => (!shared.hub.wait(pause)).then_some(reply),
        _ => Some(reply),
    })
}

fn judge(state: &mut State, shared: &Shared, request: &Request, body: Vec<u8>) -> Reply {
    if let Some(status) = state.refuses_all {
        return refusal(shared.product, status);
    }
    if request.header("host").is_none() {
        state.complain("request without host");
        return Reply::empty(400);
    }
    let body = match http_body::decode(request, body) {
        Ok(body) => body,
        Err((status, reason)) => {
            state.complain(reason);
            return refusal(shared.product, status);
        }
    };
    if state.max_body.is_some_and(|most| body.len() > most) {
        return refusal(shared.product, 413);
    }
    let token = &shared.token;
    match shared.product {
        Product::Sumo => lines::sumo(state, token, request, &body),
        Product::Hec { ack } => hec::judge(state, Token { text: token, ack }, request, &body),
        Product::Bulk => bulk::judge(state, token, request, &body),
        Product::Webhook => lines::webhook(state, token, request, &body),
    }
}

/// How the product words a status.
fn refusal(product: Product, status: u16) -> Reply {
    match (product, status) {
        // A web server in front of the product says this.
        (_, 413 | 415 | 502 | 504) | (Product::Webhook, _) => Reply::empty(status),
        (Product::Sumo, 200) => Reply::empty(200),
        (Product::Sumo, _) => Reply::sumo(status, "refused"),
        (Product::Hec { .. }, _) => {
            let reply = hec::refusal(match status {
                400 => 6,
                401 => 3,
                403 => 4,
                503 => 9,
                _ => 8,
            });
            Reply { status, ..reply }
        }
        (Product::Bulk, 401 | 403) => bulk::refusal(status, "security_exception", "not authorized"),
        (Product::Bulk, 404) => bulk::refusal(404, "index_not_found_exception", "no such index"),
        (Product::Bulk, 429) => {
            let reason = "rejected execution of coordinating operation";
            bulk::refusal(429, "es_rejected_execution_exception", reason)
        }
        (Product::Bulk, _) => bulk::refusal(status, "exception", "refused on command"),
    }
}

fn send(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let Reply {
        status,
        headers,
        body,
    } = reply;
    let mut head = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a string takes any text");
    }
    // An answer with this status has no body (RFC 9110, section 15.3.5).
    if *status != 204 {
        write!(head, "Content-Length: {}\r\n", body.len()).expect("a string takes any text");
    }
    head.push_str("\r\n");
    if *status != 204 {
        head.push_str(body);
    }
    stream.write_all(head.as_bytes())
}
