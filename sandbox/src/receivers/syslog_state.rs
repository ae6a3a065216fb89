//! What a syslog receiver, its connections and the test share.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;

use super::framing::Framing;
use super::hub::{Hub, lock};

/// What goes wrong on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    NeverCloses,
    ResetsAfter(usize),
    DiesAfterReading(usize),
    Stalls,
    LosesConnectionAfterAcks(usize),
    ServercloseAfter(usize),
    RefusesOpen,
}

/// What the receiver got, and what it is told to do.
#[derive(Default)]
pub(super) struct State {
    pub(super) messages: Vec<Vec<u8>>,
    /// One for each connection to come that sends something.
    pub(super) faults: VecDeque<Fault>,
    /// RELP refuses frames with one of these texts.
    pub(super) refused_texts: Vec<String>,
    /// RELP holds acknowledgements until so many frames came.
    pub(super) acks_late: usize,
    /// Why streams were given up because of their framing.
    pub(super) refusals: Vec<String>,
    pub(super) complaints: Vec<String>,
    pub(super) complaints_allowed: bool,
}

pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    pub(super) hub: Arc<Hub>,
    pub(super) framing: Framing,
    pub(super) tls: Option<Arc<ServerConfig>>,
}

impl Shared {
    pub(super) fn new(framing: Framing, tls: Option<Arc<ServerConfig>>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            hub: Arc::default(),
            framing,
            tls,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The fault of a connection that sends its first byte.
    pub(super) fn next_fault(&self) -> Fault {
        self.state().faults.pop_front().unwrap_or_default()
    }

    /// Keeps a message of that connection. False if the connection is no longer open.
    pub(super) fn handle(&self, connection: usize, message: Vec<u8>) -> bool {
        let mut state = self.state();
        // Under the lock, so that no message is kept after the death of the process that read it.
        if !self.hub.is_open(connection) {
            return false;
        }
        state.messages.push(message);
        self.changed.notify_all();
        true
    }

    /// Keeps a datagram.
    pub(super) fn handle_datagram(&self, message: Vec<u8>) {
        self.state().messages.push(message);
        self.changed.notify_all();
    }

    /// Ends all connections, as the death of the process does. The receiver then accepts new ones.
    pub(super) fn die(&self) {
        let _state = self.state();
        self.hub.drop_all();
    }

    /// Keeps a connection open and reads nothing more.
    pub(super) fn stall(&self, connection: usize) {
        while self.hub.is_open(connection) && !self.hub.wait(Duration::from_millis(20)) {}
    }

    pub(super) fn complain(&self, complaint: String) {
        self.state().complaints.push(complaint);
    }

    /// Waits until there are so many messages, for five seconds at most.
    pub(super) fn wait_for(&self, count: usize) -> MutexGuard<'_, State> {
        let waited =
            self.changed
                .wait_timeout_while(self.state(), Duration::from_secs(5), |state| {
                    state.messages.len() < count
                });
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
