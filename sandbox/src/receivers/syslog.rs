//! The syslog receiver, as a test sees it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::certificates::{Certificates, Clients};
use super::framing::Framing;
use super::hub::{Hub, Listener};
use super::syslog_state::Shared;
use super::{relp, syslog_stream};

/// How syslog messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram for each message (RFC 5426).
    Udp,
    /// RFC 6587.
    Tcp,
    /// RFC 5425, with the framing that [`Framing`] says.
    Tls,
    /// <http://www.rsyslog.com/doc/relp.html>
    Relp,
    /// RELP through TLS.
    RelpTls,
}

/// Settings of a receiver before it starts.
pub struct Builder {
    transport: Transport,
    framing: Framing,
    clients: Clients,
    address: SocketAddr,
}

impl Builder {
    /// Sets how messages end, for TCP and TLS.
    #[must_use]
    pub const fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Refuses clients without the certificate of [`Syslog::client_pem`].
    #[must_use]
    pub const fn requires_client_certificate(mut self) -> Self {
        self.clients = Clients::Certified;
        self
    }

    /// Listens at that address, for a receiver that comes back.
    #[must_use]
    pub const fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Starts the receiver. Panics if the address is in use.
    pub fn start(self) -> Syslog {
        let certificates = match self.transport {
            Transport::Tls | Transport::RelpTls => Some(Certificates::new(self.clients)),
            Transport::Udp | Transport::Tcp | Transport::Relp => None,
        };
        let tls = certificates.as_ref().map(|made| Arc::clone(&made.server));
        let shared = Arc::new(Shared::new(self.framing, tls));
        let door = Door::open(self.transport, self.address, &shared);
        let door = door.expect("a free address of the loopback interface");
        Syslog {
            transport: self.transport,
            door: Some(door),
            certificates,
            shared,
        }
    }
}

/// Where messages come in.
enum Door {
    Listener(Listener),
    Datagrams(Datagrams),
}

impl Door {
    fn open(transport: Transport, address: SocketAddr, shared: &Arc<Shared>) -> io::Result<Self> {
        let hub = Arc::clone(&shared.hub);
        let own = Arc::clone(shared);
        let listener = match transport {
            Transport::Udp => return Datagrams::open(address, own).map(Self::Datagrams),
            Transport::Tcp | Transport::Tls => Listener::start(address, hub, move |connection| {
                syslog_stream::serve(connection, &own);
            }),
            Transport::Relp | Transport::RelpTls => {
                Listener::start(address, hub, move |connection| {
                    relp::serve(connection, &own);
                })
            }
        };
        listener.map(Self::Listener)
    }
}

/// A UDP socket and its thread.
struct Datagrams {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Datagrams {
    fn open(address: SocketAddr, shared: Arc<Shared>) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let address = socket.local_addr()?;
        syslog_stream::prepare(&socket)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        Ok(Self {
            address,
            stopping,
            thread: Some(thread::spawn(move || {
                syslog_stream::receive(&socket, &stop, &shared);
            })),
        })
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A running syslog receiver. It ends when it goes out of scope, and panics then if a RELP client violated the
/// protocol.
///
/// Faults wait in a queue. Each is for one connection: the next that sends a byte of a message. An idle connection
/// leaves the fault to another.
pub struct Syslog {
    transport: Transport,
    door: Option<Door>,
    certificates: Option<Certificates>,
    pub(super) shared: Arc<Shared>,
}

impl Syslog {
    /// Starts on a free port of the loopback interface.
    pub fn start(transport: Transport) -> Self {
        Self::builder(transport).start()
    }

    /// Returns the settings for a receiver, to be changed before the start.
    pub fn builder(transport: Transport) -> Builder {
        Builder {
            transport,
            framing: Framing::default(),
            clients: Clients::Any,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }

    /// How frames travel.
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Where the receiver listens.
    pub fn address(&self) -> SocketAddr {
        match &self.door {
            Some(Door::Listener(listener)) => listener.address(),
            Some(Door::Datagrams(datagrams)) => datagrams.address,
            None => unreachable!("the door closes at the end"),
        }
    }

    /// The authority that signed the certificate for `localhost` and 127.0.0.1; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        let made = self.certificates.as_ref();
        made.map_or("", |made| &made.ca_pem)
    }

    /// A client's certificate of the same authority, and its key; empty without TLS.
    pub fn client_pem(&self) -> (&str, &str) {
        let made = self.certificates.as_ref();
        made.map_or(("", ""), |made| (&made.client_pem.0, &made.client_pem.1))
    }

    /// Every message that the receiver handled, in order, without framing. Bytes that are not UTF-8 are replaced.
    pub fn messages(&self) -> Vec<String> {
        texts(&self.shared.state().messages)
    }

    /// The same as bytes.
    pub fn raw_messages(&self) -> Vec<Vec<u8>> {
        self.shared.state().messages.clone()
    }

    /// Waits until the receiver handled so many messages, for five seconds at most. Returns all messages.
    pub fn wait_for(&self, count: usize) -> Vec<String> {
        texts(&self.shared.wait_for(count).messages)
    }

    /// How many connections the receiver accepted.
    pub fn connections(&self) -> usize {
        self.hub().accepted()
    }

    /// Why the receiver gave up streams with another framing than its own.
    pub fn refusals(&self) -> Vec<String> {
        self.shared.state().refusals.clone()
    }

    /// Every violation of RELP.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.state().complaints.clone()
    }

    /// For tests that provoke complaints.
    pub fn allow_complaints(&self) {
        self.shared.state().complaints_allowed = true;
    }

    fn hub(&self) -> &Hub {
        &self.shared.hub
    }
}

fn texts(messages: &[Vec<u8>]) -> Vec<String> {
    let texts = messages.iter();
    texts
        .map(|message| String::from_utf8_lossy(message).into_owned())
        .collect()
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.door = None;
        let state = self.shared.state();
        let silent = state.complaints_allowed || state.complaints.is_empty();
        if !silent && !thread::panicking() {
            let complaints = state.complaints.join("\n  ");
            drop(state);
            panic!("the syslog receiver complains:\n  {complaints}");
        }
    }
}
