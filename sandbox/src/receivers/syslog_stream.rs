//! Syslog over UDP, TCP and TLS: no acknowledgements, so the end of a connection is all that a sender sees.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::channel::Channel;
use super::framing::Splitter;
use super::hub::Connection;
use super::syslog_state::{Fault, Shared};

/// How long a peer is silent before a dying receiver counts its stream as read.
const QUIET: Duration = Duration::from_millis(50);
/// How soon the thread for datagrams notices the end of the receiver.
const NAP: Duration = Duration::from_millis(20);
/// No UDP datagram is larger.
const LARGEST_DATAGRAM: usize = 65_535;

/// Keeps datagrams until told to stop.
pub(super) fn receive(socket: &UdpSocket, stopping: &AtomicBool, shared: &Shared) {
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    while !stopping.load(Ordering::SeqCst) {
        if let Ok(count @ 1..) = socket.recv(&mut buffer) {
            shared.handle_datagram(buffer[..count].to_vec());
        }
    }
}

/// Prepares a socket for [`receive`].
pub(super) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    socket.set_read_timeout(Some(NAP))
}

/// Serves one connection to its end.
pub(super) fn serve(connection: Connection, shared: &Shared) {
    let Ok(channel) = Channel::open(connection.stream, shared.tls.as_ref()) else {
        return;
    };
    let mut stream = Stream {
        channel,
        number: connection.number,
        splitter: Splitter::new(shared.framing),
        first: Vec::new(),
        shared,
    };
    // A connection that sends nothing leaves the fault to the next one.
    match stream.wait_for_first() {
        Ok(true) => {}
        Ok(false) => return stream.channel.close(),
        Err(_) => return,
    }
    // An error means that the peer has gone or that the receiver hangs up.
    let _ = match shared.next_fault() {
        Fault::Stalls => {
            shared.stall(stream.number);
            Ok(())
        }
        Fault::NeverCloses => stream.read_all().map(|()| shared.stall(stream.number)),
        Fault::DiesAfterReading(count) => stream.die_after_reading(count),
        Fault::ResetsAfter(count) | Fault::LosesConnectionAfterAcks(count) => {
            stream.reset_after(count)
        }
        Fault::None | Fault::ServercloseAfter(_) | Fault::RefusesOpen => {
            stream.read_all().map(|()| stream.channel.close())
        }
    };
}

struct Stream<'a> {
    channel: Channel,
    number: usize,
    splitter: Splitter,
    /// What was read before the fault was known.
    first: Vec<u8>,
    shared: &'a Shared,
}

impl Stream<'_> {
    /// Waits until the peer sends something; false at the end of the stream.
    fn wait_for_first(&mut self) -> io::Result<bool> {
        match &self.channel {
            Channel::Plain(stream) => stream.peek(&mut [0]).map(|count| count > 0),
            // Whether a record holds text or the end is known after it is decrypted.
            Channel::Tls(_) => {
                self.first = self.read()?;
                Ok(!self.first.is_empty())
            }
        }
    }

    /// The next bytes; none at the end of the stream.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        if !self.first.is_empty() {
            return Ok(std::mem::take(&mut self.first));
        }
        let mut buffer = vec![0; 1 << 16];
        let count = self.channel.read(&mut buffer)?;
        buffer.truncate(count);
        Ok(buffer)
    }

    /// Cuts the next byte; remembers why the receiver gives up.
    fn cut(&mut self, byte: u8) -> io::Result<Option<Vec<u8>>> {
        self.splitter.push(byte).map_err(|reason| {
            self.shared.state().refusals.push(reason.clone());
            io::Error::other(reason)
        })
    }

    fn handle(&self, message: Vec<u8>) -> io::Result<()> {
        if self.shared.handle(self.number, message) {
            return Ok(());
        }
        Err(io::Error::other("the connection was ended"))
    }

    /// Handles everything up to the orderly end.
    fn read_all(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.read()?;
            if bytes.is_empty() {
                return self
                    .splitter
                    .finish()
                    .map_or(Ok(()), |rest| self.handle(rest));
            }
            for byte in bytes {
                if let Some(message) = self.cut(byte)? {
                    self.handle(message)?;
                }
            }
        }
    }

    /// Handles so many messages, then closes with unread bytes: the peer gets a reset.
    fn reset_after(&mut self, count: usize) -> io::Result<()> {
        match &self.channel {
            Channel::Plain(_) => self.reset_plain_after(count),
            Channel::Tls(_) => self.reset_tls_after(count),
        }
    }

    /// Leaves the last byte of the last message unread.
    fn reset_plain_after(&mut self, count: usize) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut left = count;
        while left > 0 {
            let there = self.channel.socket().peek(&mut buffer)?;
            if there == 0 {
                return self.read_all();
            }
            let mut seen = 0;
            while seen < there && left > 0 {
                if let Some(message) = self.cut(buffer[seen])? {
                    self.handle(message)?;
                    left -= 1;
                }
                seen += 1;
            }
            let read = if left == 0 { seen - 1 } else { seen };
            let mut read = &mut buffer[..read];
            while !read.is_empty() {
                let count = self.channel.read(read)?;
                read = &mut read[count..];
            }
        }
        Ok(())
    }

    /// Leaves the record behind the last message unread, also if it is only `close_notify`.
    fn reset_tls_after(&mut self, count: usize) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            let bytes = self.read()?;
            if bytes.is_empty() {
                return Ok(());
            }
            for byte in bytes {
                match self.cut(byte)? {
                    Some(message) if left > 0 => {
                        self.handle(message)?;
                        left -= 1;
                    }
                    _ => {}
                }
            }
        }
        self.channel.socket().peek(&mut [0]).map(|_| ())
    }

    /// Reads so many messages and what follows them, handles none, and ends all connections.
    fn die_after_reading(&mut self, count: usize) -> io::Result<()> {
        let mut left = count;
        let mut bytes = std::mem::take(&mut self.first);
        let mut buffer = vec![0; 1 << 16];
        loop {
            for byte in bytes {
                if self.cut(byte)?.is_some() {
                    left = left.saturating_sub(1);
                }
            }
            let there = if left == 0 {
                self.channel.read_within(QUIET, &mut buffer)?.unwrap_or(0)
            } else {
                self.channel.read(&mut buffer)?
            };
            if there == 0 {
                self.shared.die();
                return Ok(());
            }
            bytes = buffer[..there].to_vec();
        }
    }
}
