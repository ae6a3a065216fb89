//! The bytes of one connection, plain or through TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Type, version and length of a TLS record (RFC 8446, section 5.1).
const RECORD_HEAD: usize = 5;
/// How long the peer may take to close too.
const PATIENCE: Duration = Duration::from_millis(50);

/// One connection, plain or through TLS.
pub(super) enum Channel {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, Records>>),
}

impl Channel {
    /// Shakes hands if there is a configuration for TLS.
    pub(super) fn open(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(config) = tls else {
            return Ok(Self::Plain(stream));
        };
        let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, Records::new(stream));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self::Tls(Box::new(stream)))
    }

    pub(super) const fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock.stream,
        }
    }

    /// Reads what is there; 0 at an orderly end. A TLS stream that ends without `close_notify` is an error.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    /// Reads for so long at most; `None` if the peer is quiet.
    pub(super) fn read_within(
        &mut self,
        limit: Duration,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        self.socket().set_read_timeout(Some(limit))?;
        let count = self.read(buffer);
        self.socket().set_read_timeout(None)?;
        match count {
            Ok(count) => Ok(Some(count)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// Says goodbye: TLS sends `close_notify`. The socket closes when the channel goes out of scope.
    pub(super) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            // The peer may have gone.
            let _ = stream.flush();
        }
    }

    /// Says goodbye, then drops what the peer still sends, so that a reset cannot overtake the last answer.
    pub(super) fn close_after_the_peer(&mut self) {
        self.close();
        let mut socket = self.socket();
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.set_read_timeout(Some(PATIENCE));
        while matches!(socket.read(&mut [0; 4096]), Ok(1..)) {}
    }
}

/// Reads no further than to the end of one TLS record, so that the bytes behind it stay in the socket.
pub(super) struct Records {
    stream: TcpStream,
    head: Vec<u8>,
    missing: usize,
}

impl Records {
    const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            head: Vec::new(),
            missing: 0,
        }
    }
}

impl Read for Records {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_head = self.missing == 0;
        let limit = if is_head {
            RECORD_HEAD - self.head.len()
        } else {
            self.missing
        };
        let limit = limit.min(buffer.len());
        let count = self.stream.read(&mut buffer[..limit])?;
        if !is_head {
            self.missing -= count;
            return Ok(count);
        }
        self.head.extend_from_slice(&buffer[..count]);
        if let [_, _, _, high, low] = self.head[..] {
            self.missing = usize::from(u16::from_be_bytes([high, low]));
            self.head.clear();
        }
        Ok(count)
    }
}

impl Write for Records {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
