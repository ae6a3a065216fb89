//! Sending an answer in the way that its [`Wire`] says.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::reply::{Reply, Wire};
use crate::v2;

/// Below this, head and body leave in one write; above, copying costs more than a second write.
const SMALL_BODY: usize = 64 * 1024;
/// Chunks of an unround size, so that none ends where the client's buffers do.
const CHUNK: usize = 15_013;
/// How soon a pause notices that the sandbox is being stopped.
const NAP: Duration = Duration::from_millis(20);

/// What becomes of the connection.
#[derive(PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
}

/// Sends `reply`; an error means that the client has gone.
pub(crate) fn send(
    stream: &mut TcpStream,
    reply: &Reply,
    stopping: &AtomicBool,
) -> io::Result<After> {
    let body: &[u8] = &reply.body;
    match &reply.wire {
        Wire::Whole => write_both(stream, &head(reply, Framing::Length), body)?,
        Wire::Chunked => {
            stream.write_all(head(reply, Framing::Chunked).as_bytes())?;
            stream.write_all(&in_chunks(body))?;
        }
        Wire::GzipChunked => {
            stream.write_all(head(reply, Framing::Coded("gzip, chunked")).as_bytes())?;
            stream.write_all(&in_chunks(&v2::gzip(body, 1)))?;
        }
        Wire::ChunkedGzip => {
            let packed = v2::gzip(&in_chunks(body), 1);
            let head = head(reply, Framing::Coded("chunked, gzip"));
            write_both(stream, &head, &packed)?;
            return Ok(After::Close);
        }
        Wire::NoLength => {
            write_both(stream, &head(reply, Framing::None), body)?;
            return Ok(After::Close);
        }
        Wire::CutAt(bytes) => {
            let part = &body[..(*bytes).min(body.len())];
            write_both(stream, &head(reply, Framing::Length), part)?;
            return Ok(After::Close);
        }
        Wire::ResetNow => return Ok(After::Close),
        Wire::StallAt(bytes, pause) => {
            let (first, rest) = body.split_at((*bytes).min(body.len()));
            write_both(stream, &head(reply, Framing::Length), first)?;
            sleep(*pause, stopping);
            stream.write_all(rest)?;
        }
        Wire::Drip { bytes, every } => {
            stream.write_all(head(reply, Framing::Length).as_bytes())?;
            for piece in body.chunks((*bytes).max(1)) {
                stream.write_all(piece)?;
                sleep(*every, stopping);
                if stopping.load(Ordering::Relaxed) {
                    return Ok(After::Close);
                }
            }
        }
        Wire::Silent(pause) => {
            sleep(*pause, stopping);
            return Ok(After::Close);
        }
        Wire::Raw => {
            stream.write_all(body)?;
            return Ok(After::Close);
        }
    }
    let closes = reply
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(if closes { After::Close } else { After::Keep })
}

#[derive(PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
    /// The very text of `Transfer-Encoding`.
    Coded(&'static str),
    None,
}

fn head(reply: &Reply, framing: Framing) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").expect("a string takes any text");
    }
    if framing == Framing::Length && reply.header("content-length").is_none() {
        write!(head, "content-length: {}\r\n", reply.body.len()).expect("a string takes any text");
    }
    let coding = match framing {
        Framing::Chunked => Some("chunked"),
        Framing::Coded(coding) => Some(coding),
        Framing::Length | Framing::None => None,
    };
    if let Some(coding) = coding {
        write!(head, "transfer-encoding: {coding}\r\n").expect("a string takes any text");
    }
    head.push_str("\r\n");
    head
}

fn write_both(stream: &mut TcpStream, head: &str, body: &[u8]) -> io::Result<()> {
    if body.len() <= SMALL_BODY {
        return stream.write_all(&[head.as_bytes(), body].concat());
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

fn in_chunks(body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(body.len() + 64);
    for chunk in body.chunks(CHUNK) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n\r\n");
    framed
}

/// Sleeps in short naps, so that a test that is over does not wait for a long pause.
fn sleep(pause: Duration, stopping: &AtomicBool) {
    let started = Instant::now();
    while !stopping.load(Ordering::Relaxed) {
        let left = pause.saturating_sub(started.elapsed());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(NAP));
    }
}

/// Clients show the phrase in their messages; any text would do.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
