//! Connections to a receiver, plain or with TLS. Each wait ends at a limit, at a signal, or with the time budget.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::clock::{Clock, TICK};
use crate::delivery::verdict::Verdict;

/// Opens connections to one receiver.
pub struct Dialer {
    /// The name or the address of the receiver.
    pub host: String,
    pub port: u16,
    /// `None` for a plain connection.
    pub tls: Option<Arc<ClientConfig>>,
    pub connect_timeout: Duration,
    pub idle_timeout: Duration,
    pub clock: Clock,
}

/// A connection to a receiver.
pub struct Wire {
    channel: Channel,
    idle_timeout: Duration,
    clock: Clock,
}

enum Channel {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// What a wait for the receiver has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes have arrived.
    Bytes(usize),
    /// The receiver has closed the connection in order.
    Closed,
    /// Nothing has arrived in time.
    Quiet,
}

impl Dialer {
    /// Opens a connection. With TLS, the receiver has shown a certificate that is trusted.
    ///
    /// # Errors
    /// [`Verdict::Broken`], or [`Verdict::Misconfigured`] for a certificate that is not trusted.
    pub fn connect(&self) -> Result<Wire, Verdict> {
        let address = format!("{}:{}", self.host, self.port);
        let broken =
            |error: &io::Error| Verdict::Broken(format!("no connection to {address}: {error}"));
        let host = self.host.trim_matches(['[', ']']);
        let found = (host, self.port).to_socket_addrs();
        let found = found.map_err(|error| broken(&error))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let stream = found.into_iter().find_map(|place| {
            let stream = TcpStream::connect_timeout(&place, self.connect_timeout);
            stream
                .inspect_err(|_| ())
                .map_err(|error| last = error)
                .ok()
        });
        let Some(stream) = stream else {
            return Err(broken(&last));
        };
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(TICK)))
            .and_then(|()| stream.set_write_timeout(Some(TICK)));
        prepared.map_err(|error| broken(&error))?;
        let channel = match &self.tls {
            None => Channel::Plain(stream),
            Some(config) => Channel::Tls(Box::new(self.shake_hands(config, stream)?)),
        };
        Ok(Wire {
            channel,
            idle_timeout: self.idle_timeout,
            clock: self.clock.clone(),
        })
    }

    fn shake_hands(
        &self,
        config: &Arc<ClientConfig>,
        mut stream: TcpStream,
    ) -> Result<StreamOwned<ClientConnection, TcpStream>, Verdict> {
        let name = ServerName::try_from(self.host.trim_matches(['[', ']']).to_owned());
        let remedy = "correct [[destination]] in config.toml";
        let name = name.map_err(|_| Verdict::misconfigured("the host is not a name", remedy))?;
        let connection = ClientConnection::new(Arc::clone(config), name);
        let mut connection = connection.map_err(|error| {
            Verdict::misconfigured(format!("cannot set up TLS: {error}"), remedy)
        })?;
        let begun = self.clock.elapsed();
        while connection.is_handshaking() {
            match connection.complete_io(&mut stream) {
                Ok(_) => {}
                Err(error) if is_wait(&error) => {
                    let spent = self.clock.elapsed().saturating_sub(begun);
                    if self.clock.check().is_err() || spent > self.connect_timeout {
                        return Err(Verdict::Broken("no TLS connection in time".to_owned()));
                    }
                }
                Err(error) => return Err(of_handshake(&error)),
            }
        }
        Ok(StreamOwned::new(connection, stream))
    }
}

/// Returns the meaning of a failed handshake. A certificate needs a person, anything else may pass.
fn of_handshake(error: &io::Error) -> Verdict {
    let text = error.to_string();
    if text.contains("ertificate") {
        let remedy = "name the authority of the receiver as ca_file in [[destination]]; if the receiver asks \
                      for a certificate, name client_cert and client_key";
        return Verdict::misconfigured(format!("the connection is not trusted: {text}"), remedy);
    }
    Verdict::Broken(format!("no TLS connection: {text}"))
}

fn is_wait(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

impl Wire {
    /// Sends all bytes.
    ///
    /// # Errors
    /// The connection broke, nothing moved in time, or a signal or the time budget ended the wait.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut moved_at = self.clock.elapsed();
        while !bytes.is_empty() {
            let written = match &mut self.channel {
                Channel::Plain(stream) => stream.write(bytes),
                Channel::Tls(stream) => stream.write(bytes),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = &bytes[count..];
                    moved_at = self.clock.elapsed();
                }
                Err(error) if is_wait(&error) => self.wait(moved_at)?,
                Err(error) => return Err(error),
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let moved_at = self.clock.elapsed();
        loop {
            let flushed = match &mut self.channel {
                Channel::Plain(stream) => stream.flush(),
                Channel::Tls(stream) => stream.flush(),
            };
            match flushed {
                Err(error) if is_wait(&error) => self.wait(moved_at)?,
                flushed => return flushed,
            }
        }
    }

    /// Fails if the connection has not moved for too long, or if the run has to stop.
    fn wait(&self, moved_at: Duration) -> io::Result<()> {
        self.clock.check().map_err(io::Error::other)?;
        let waited = self.clock.elapsed().saturating_sub(moved_at);
        if waited < self.idle_timeout {
            return Ok(());
        }
        let text = format!(
            "the receiver took nothing for {} s",
            self.idle_timeout.as_secs()
        );
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    }

    /// Reads what arrives within a time.
    ///
    /// # Errors
    /// The connection broke, or a signal or the time budget ended the wait.
    pub fn read(&mut self, buffer: &mut [u8], limit: Duration) -> io::Result<Read> {
        let begun = self.clock.elapsed();
        loop {
            let read = match &mut self.channel {
                Channel::Plain(stream) => stream.read(buffer),
                Channel::Tls(stream) => stream.read(buffer),
            };
            match read {
                Ok(0) => return Ok(Read::Closed),
                Ok(count) => return Ok(Read::Bytes(count)),
                // an end without the farewell of TLS is still the end of an orderly connection
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(Read::Closed);
                }
                Err(error) if is_wait(&error) => {
                    self.clock.check().map_err(io::Error::other)?;
                    if self.clock.elapsed().saturating_sub(begun) >= limit {
                        return Ok(Read::Quiet);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sets the longest time of a single read, which decides how exact the limit of [`Wire::read`] is.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn set_tick(&self, tick: Duration) -> io::Result<()> {
        self.stream().set_read_timeout(Some(tick))
    }

    /// Tells the receiver that nothing follows.
    ///
    /// # Errors
    /// The connection broke.
    pub fn close_write(&mut self) -> io::Result<()> {
        if let Channel::Tls(stream) = &mut self.channel {
            stream.conn.send_close_notify();
            self.flush()?;
        }
        self.stream().shutdown(Shutdown::Write)
    }

    /// True if the receiver has not closed the connection.
    pub fn is_open(&mut self) -> bool {
        if self.stream().set_nonblocking(true).is_err() {
            return false;
        }
        let mut buffer = [0; 256];
        let is_open = loop {
            let read = match &mut self.channel {
                Channel::Plain(stream) => stream.read(&mut buffer),
                Channel::Tls(stream) => stream.read(&mut buffer),
            };
            match read {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break is_wait(&error),
            }
        };
        is_open && self.stream().set_nonblocking(false).is_ok()
    }

    fn stream(&self) -> &TcpStream {
        match &self.channel {
            Channel::Plain(stream) => stream,
            Channel::Tls(stream) => &stream.sock,
        }
    }
}
