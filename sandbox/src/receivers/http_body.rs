//! The body of a request: with a length or in chunks, as it is or as gzip.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::http::Request;

/// More is an accident of a test.
const LARGEST_BODY: usize = 128 * 1024 * 1024;
const LONGEST_LINE: u64 = 4096;

/// Why there is no body.
pub(super) enum Trouble {
    /// The client left.
    Gone,
    /// Status and reason. What follows on the connection cannot be read.
    Bad(u16, String),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

fn bad<T>(status: u16, reason: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Bad(status, reason.into()))
}

enum Length {
    Known(usize),
    Chunked,
}

fn length(request: &Request) -> Result<Length, Trouble> {
    let coding = request.header("transfer-encoding");
    match (coding, request.header("content-length")) {
        (Some(_), Some(_)) => bad(400, "request with content-length and transfer-encoding"),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
        (Some(coding), None) => bad(501, format!("transfer-encoding {coding}")),
        (None, Some(length)) => match length.parse() {
            Ok(length) if length <= LARGEST_BODY => Ok(Length::Known(length)),
            _ => bad(400, format!("content-length {length}")),
        },
        (None, None) if request.method == "GET" => Ok(Length::Known(0)),
        (None, None) => bad(411, format!("{} without content-length", request.method)),
    }
}

/// Reads the whole body as it was sent.
pub(super) fn read(stream: &mut impl BufRead, request: &Request) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    match length(request)? {
        Length::Known(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
        }
        Length::Chunked => loop {
            let size = chunk_size(stream)?;
            if size == 0 {
                while !line(stream)?.is_empty() {}
                return Ok(body);
            }
            let start = body.len();
            if start + size > LARGEST_BODY {
                return bad(413, "body without an end");
            }
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..])?;
            if !line(stream)?.is_empty() {
                return bad(400, "chunk longer than its size");
            }
        },
    }
    Ok(body)
}

/// Reads half of the body, or half of its first chunk.
pub(super) fn read_half(stream: &mut impl BufRead, request: &Request) -> Result<(), Trouble> {
    let length = match length(request)? {
        Length::Known(length) => length,
        Length::Chunked => chunk_size(stream)?,
    };
    stream.read_exact(&mut vec![0; length / 2])?;
    Ok(())
}

fn chunk_size(stream: &mut impl BufRead) -> Result<usize, Trouble> {
    let line = line(stream)?;
    let digits = line.split(';').next().unwrap_or_default().trim_end();
    match usize::from_str_radix(digits, 16) {
        Ok(size) if size <= LARGEST_BODY && !digits.starts_with('+') => Ok(size),
        _ => bad(400, format!("chunk size {line:?}")),
    }
}

fn line(stream: &mut impl BufRead) -> Result<String, Trouble> {
    let mut line = Vec::new();
    stream.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None if line.is_empty() => Err(Trouble::Gone),
        None => bad(400, "chunk without a line end"),
    }
}

/// Unpacks a body; status and reason if the receiver cannot.
pub(super) fn decode(request: &Request, body: Vec<u8>) -> Result<Vec<u8>, (u16, String)> {
    match request.header("content-encoding") {
        None => Ok(body),
        Some(coding) if coding.eq_ignore_ascii_case("gzip") => {
            let mut rest = &body[..];
            let mut plain = Vec::new();
            let limit = LARGEST_BODY as u64 + 1;
            let unpacked = GzDecoder::new(&mut rest)
                .take(limit)
                .read_to_end(&mut plain);
            match unpacked {
                Err(error) => Err((400, format!("body is not gzip: {error}"))),
                Ok(_) if plain.len() > LARGEST_BODY => {
                    Err((413, "body unpacks without end".into()))
                }
                Ok(_) if !rest.is_empty() => Err((400, "bytes follow the gzip body".to_owned())),
                Ok(_) => Ok(plain),
            }
        }
        Some(coding) => Err((415, format!("content-encoding {coding}"))),
    }
}
