//! Receivers that read and drop, and the least sender for each.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The bytes of a request before compression, as the product cuts them.
const REQUEST_BYTES: usize = 900 << 10;

/// What a receiver reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines up to the end of the connection, which it then closes.
    Lines,
    /// HTTP requests, each of which it answers with 204.
    Requests,
}

/// A running receiver. It lives as long as the benchmark.
pub(crate) struct Receiver {
    kind: Kind,
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Receiver {
    pub(crate) fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || match kind {
                    Kind::Lines => drop_lines(stream, &counted),
                    Kind::Requests => answer(stream, &counted),
                });
            }
        });
        Self {
            kind,
            address,
            bytes,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The table of the configuration.
    pub(crate) fn table(&self) -> String {
        let address = self.address;
        let keys = match self.kind {
            Kind::Lines => format!("type = \"syslog\"\naddress = \"tcp://{address}\""),
            Kind::Requests => format!("type = \"webhook\"\nurl = \"http://{address}/\""),
        };
        format!("[[destination]]\nname = \"sink\"\n{keys}\n")
    }
}

fn drop_lines(mut stream: TcpStream, counted: &AtomicU64) {
    let mut buffer = vec![0; 256 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        counted.fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn answer(stream: TcpStream, counted: &AtomicU64) {
    let mut answers = stream.try_clone().expect("a socket");
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    loop {
        let (mut length, mut line) = (0_u64, String::new());
        loop {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line == "\r\n" => break,
                Ok(_) => {}
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let read = std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink());
        counted.fetch_add(read.expect("a body"), Ordering::Relaxed);
        if answers
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .is_err()
        {
            return;
        }
    }
}

/// The least sender: the same text so often.
pub(crate) fn send(kind: Kind, address: SocketAddr, text: &str, times: u64) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    for _ in 0..times {
        match kind {
            Kind::Lines => stream.write_all(text.as_bytes()).expect("it reads"),
            Kind::Requests => text.as_bytes().chunks(REQUEST_BYTES).for_each(|part| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(part).expect("memory takes everything");
                let body = encoder.finish().expect("memory takes everything");
                let head = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes()).expect("it reads");
                stream.write_all(&body).expect("it reads");
                let mut answered = [0; 27];
                stream.read_exact(&mut answered).expect("it answers");
            }),
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}
