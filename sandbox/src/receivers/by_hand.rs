//! Clients for the self tests: bytes written by hand through sockets of the standard library.

use std::io::{BufRead as _, BufReader, Cursor, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http;

/// No answer in a self test takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// How a connection ended for the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Orderly,
    Reset,
    /// Still open when the client stopped waiting.
    Open,
}

/// Reads to the end. Returns what came and how the connection ended.
pub(super) fn rest(stream: &mut TcpStream) -> (String, End) {
    rest_within(PATIENCE, stream)
}

/// The same, if the connection is expected to stay open.
pub(super) fn rest_for_now(stream: &mut TcpStream) -> (String, End) {
    rest_within(Duration::from_millis(60), stream)
}

fn rest_within(limit: Duration, stream: &mut TcpStream) -> (String, End) {
    let mut bytes = Vec::new();
    stream.set_read_timeout(Some(limit)).unwrap();
    let end = match stream.read_to_end(&mut bytes) {
        Ok(_) => End::Orderly,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            End::Open
        }
        Err(_) => End::Reset,
    };
    (String::from_utf8(bytes).unwrap(), end)
}

/// Sends everything and ends its side of the connection.
pub(super) fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    // The receiver may have closed already.
    let _ = stream.shutdown(Shutdown::Write);
    stream
}

/// Sends everything, ends its side, and returns how the receiver ends the other.
pub(super) fn send_and_end(address: SocketAddr, bytes: &[u8]) -> End {
    rest(&mut send(address, bytes)).1
}

/// Waits until the condition holds.
pub(super) fn eventually(mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "nothing happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A TLS client that trusts one authority.
pub(super) fn connect_tls(
    address: SocketAddr,
    ca_pem: &str,
    client_pem: Option<(&str, &str)>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client_pem {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config
                .with_client_auth_cert(vec![certificate], key)
                .unwrap()
        }
    };
    let name = "localhost".try_into().unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, connect(address))
}

/// Reads a TLS stream to its end: true if it ended with `close_notify`.
pub(super) fn ends_orderly(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> bool {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).is_ok()
}

/// The answer to an HTTP request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        http::find(&self.headers, name)
    }
}

/// Reads one answer with a length; `None` if the connection ends before it.
pub(super) fn answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length = http::find(&headers, "content-length")
        .unwrap()
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Answer {
        status,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

/// A request with these headers and a length.
pub(super) fn request(first_line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    write!(bytes, "{first_line} HTTP/1.1\r\nHost: receiver\r\n").unwrap();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    write!(bytes, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
    bytes.write_all(body).unwrap();
    bytes.into_inner()
}
