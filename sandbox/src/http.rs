//! Reading one HTTP/1.1 request from a kept-alive connection.

use std::io::{BufRead, Read as _};

/// No header block of ours comes near; more is garbage.
const LARGEST_HEAD: u64 = 64 * 1024;
/// No documented request is larger than a few hundred bytes.
const LARGEST_BODY: usize = 1024 * 1024;

/// A request as it was sent, header texts untouched.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first header of that name, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Whether the client will not send another request on this connection.
    pub(crate) fn is_last(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// The first header called `name` in `headers`.
pub(crate) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(header, _)| header.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// What arrived on the connection.
pub(crate) enum Incoming {
    Request(Request),
    /// The client left, also in the middle of a request: nothing to answer and nothing to complain about.
    Gone,
    /// Bytes that are no HTTP/1.1 request with a declared length.
    Unreadable(String),
}

/// Waits for the next request.
pub(crate) fn read(stream: &mut impl BufRead) -> Incoming {
    let mut request = match read_without_body(stream) {
        Incoming::Request(request) => request,
        other => return other,
    };
    if let Some(coding) = request.header("transfer-encoding") {
        return Incoming::Unreadable(format!("request body sent with transfer-encoding {coding}"));
    }
    let length = request.header("content-length").map_or(Ok(0), str::parse);
    match length {
        Ok(length) if length <= LARGEST_BODY => {
            request.body = vec![0; length];
            match stream.read_exact(&mut request.body) {
                Ok(()) => Incoming::Request(request),
                Err(_) => Incoming::Gone,
            }
        }
        _ => Incoming::Unreadable("request with an impossible content-length".to_owned()),
    }
}

/// Waits for the next request and leaves its body on the connection.
pub(crate) fn read_without_body(stream: &mut impl BufRead) -> Incoming {
    match stream.fill_buf() {
        // A TLS greeting may hold no line end to wait for: its first byte already tells.
        Ok([first, ..]) if !first.is_ascii_uppercase() => {
            return Incoming::Unreadable("no HTTP/1.1 request but TLS, perhaps".to_owned());
        }
        Ok([_, ..]) => {}
        Ok([]) | Err(_) => return Incoming::Gone,
    }
    let Some(head) = read_head(stream) else {
        return Incoming::Gone;
    };
    match parse_head(&head) {
        Ok(request) => Incoming::Request(request),
        Err(reason) => Incoming::Unreadable(reason),
    }
}

/// The bytes up to and with the empty line; `None` when the client left before it.
fn read_head(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut limited = stream.take(LARGEST_HEAD);
    loop {
        let line = limited.read_until(b'\n', &mut head).ok()?;
        if line == 0 {
            // At the limit the bytes are handed on, to be called unreadable; at an early end nobody waits for them.
            return (limited.limit() == 0).then_some(head);
        }
        if head.ends_with(b"\r\n\r\n") {
            return Some(head);
        }
        // Another protocol may never send an empty line: its first line already tells.
        if line == head.len() && !head.ends_with(b" HTTP/1.1\r\n") {
            return Some(head);
        }
    }
}

fn parse_head(head: &[u8]) -> Result<Request, String> {
    let unreadable = || {
        let start = &head[..head.len().min(60)];
        format!("no HTTP/1.1 request: {:?}", String::from_utf8_lossy(start))
    };
    let text = std::str::from_utf8(head).map_err(|_| unreadable())?;
    let text = text.strip_suffix("\r\n\r\n").ok_or_else(unreadable)?;
    let mut lines = text.split("\r\n");
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1"] = first[..] else {
        return Err(unreadable());
    };
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(unreadable)?;
            Ok((name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Result<_, String>>()?;
    Ok(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
    })
}
