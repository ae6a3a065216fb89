//! What a test commands the syslog receiver to do wrong.

use super::syslog::Syslog;
use super::syslog_state::Fault;

/// Faults on command.
impl Syslog {
    /// No fault on the next connection, to reach a later one.
    pub fn serves(&self) {
        self.queue(Fault::None);
    }

    /// Handles everything but keeps the connection open after the peer's end. For TCP and TLS.
    pub fn never_closes(&self) {
        self.queue(Fault::NeverCloses);
    }

    /// Handles `count` messages, then closes with unread bytes, so that the peer gets a reset. Needs a peer that sends
    /// so many; over TLS, a peer that sends `close_notify` or more after them. RELP acknowledges these messages first.
    pub fn resets_after(&self, count: usize) {
        self.queue(Fault::ResetsAfter(count));
    }

    /// Reads `count` messages and what follows them, until the peer ends the stream or is silent for 50 ms. A stream
    /// that ends earlier is enough. Then ends all connections as the death of a process does: without a reset and
    /// without TLS's `close_notify`. Handles none of these messages; RELP acknowledges none. The receiver then accepts
    /// new connections.
    pub fn dies_after_reading(&self, count: usize) {
        self.queue(Fault::DiesAfterReading(count));
    }

    /// Accepts the connection and reads nothing. TLS shakes hands first.
    pub fn stalls(&self) {
        self.queue(Fault::Stalls);
    }

    /// RELP answers `500 refused` to each frame with this text, from now on.
    pub fn refuses(&self, text: &str) {
        let mut state = self.shared.state();
        state.refused_texts.push(text.to_owned());
    }

    /// RELP accepts every frame again.
    pub fn refuses_nothing(&self) {
        self.shared.state().refused_texts.clear();
    }

    /// RELP holds acknowledgements until `count` of them wait or the peer is silent for 50 ms, from now on.
    pub fn acks_late(&self, count: usize) {
        self.shared.state().acks_late = count;
    }

    /// RELP closes the connection without a word after `count` acknowledgements. Messages whose acknowledgements are
    /// late were handled all the same.
    pub fn loses_connection_after_acks(&self, count: usize) {
        self.queue(Fault::LosesConnectionAfterAcks(count));
    }

    /// RELP sends `serverclose` and closes after `count` acknowledgements, one at least.
    pub fn serverclose_after(&self, count: usize) {
        self.queue(Fault::ServercloseAfter(count));
    }

    /// RELP answers `500` to `open` and closes.
    pub fn refuses_open(&self) {
        self.queue(Fault::RefusesOpen);
    }

    fn queue(&self, fault: Fault) {
        self.shared.state().faults.push_back(fault);
    }
}
