//! An independent simulator of Mimecast's APIs 1.0 and 2.0 on a loopback port.
//!
//! It shares no code with the product: signatures, dates, tokens and bodies are composed and checked here a second
//! time, so that a mistake on one side does not hide one on the other. What is known about the wire formats, and from
//! whom, stands with each of them; where the sources disagree there is a switch.
//!
//! It is strict: a request that the vendor's pages do not describe is refused, and it also fails the test when the
//! [`Sandbox`] goes out of scope. A test that provokes such requests says so with [`Sandbox::allow_complaints`].
//!
//! [`receivers`] holds the far ends of events that leave the collector: syslog receivers and HTTP collectors.
//!
//! ```
//! use mimecast_sandbox::{Batch, Endpoint, Object, Sandbox, changes};
//!
//! let sandbox = Sandbox::start();
//! sandbox.serve(Batch::realistic(1, 100));
//! sandbox.next(Endpoint::Siem, changes::rate_limited(Some(3000), None));
//! // a client of API 1.0 at sandbox.url() is to publish these
//! assert_eq!(sandbox.siem_lines().len(), 100);
//!
//! sandbox.serve_objects("url protect", Object::realistic(1, 100).in_members(3));
//! sandbox.set(|switches| switches.address_uses = Some(1));
//! // and under API 2.0 these
//! assert_eq!(sandbox.object_lines("url protect").len(), 100);
//! ```

#![warn(missing_docs, unreachable_pub)]

mod account;
mod answer;
pub mod at;
mod audit;
mod batch;
mod bodies;
#[cfg(test)]
mod by_hand;
pub mod changes;
mod checks;
mod dates;
mod disorder;
mod endpoint;
mod events;
mod failings;
mod http;
mod login;
mod meter;
mod past;
mod reads;
pub mod receivers;
mod record_kinds;
mod record_kinds_threats;
mod records;
mod reply;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod selftest_data;
#[cfg(test)]
mod selftest_disorder;
mod server;
mod service;
mod siem;
mod signing;
mod switches;
mod tokens;
mod v2;
mod wire;
mod zips;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

pub use account::Account;
pub use batch::{Batch, Member};
pub use disorder::{AuditMiss, BadEntry, EmptyPages, TotalCount};
pub use endpoint::Endpoint;
pub use events::AuditEvent;
pub use records::{LOG_TYPES, Record};
pub use reply::{Reply, Wire};
pub use service::Seen;
pub use switches::{CaughtUp, PurgedToken, StalePage, Switches, TokenRefusal};
pub use v2::{CG_TYPES, CI_TYPES, Client, LIST_LIMIT, Object};
pub use zips::{DEFLATED, FLAG_ENCRYPTED, STORED, ZipEntry, ZipFile, zip_of};

use audit::Kept;
use server::{Door, Shared};
use service::Service;

/// A running simulator. It ends when this goes out of scope, and panics then if a request was not as documented.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
    /// The object store's listener, when it has an address of its own.
    store: Mutex<Option<(SocketAddr, JoinHandle<()>)>>,
}

impl Sandbox {
    /// Starts on a free port of the loopback interface.
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0").expect("a free port on the loopback interface")
    }

    /// Starts on that address; fails when it is taken.
    pub fn start_on(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(Service {
            url: format!("http://{address}"),
            ..Service::default()
        }));
        Ok(Self {
            address,
            listener: Some(server::listen(listener, Door::Service, Arc::clone(&shared))),
            shared,
            store: Mutex::default(),
        })
    }

    /// The base address, for discovery and for calls alike.
    pub fn url(&self) -> String {
        self.shared.service().url.clone()
    }

    /// The one customer that exists here.
    pub const fn account(&self) -> Account {
        Account::SYNTHETIC
    }

    /// Appends one archive to the SIEM queue.
    pub fn serve(&self, batch: Batch) {
        self.shared.service().queue.push(batch);
    }

    /// Drops the oldest batches that are kept. Those that no answer ever held leave the ledger too.
    pub fn purge(&self, batches: usize) {
        self.shared.service().queue.purge(batches);
    }

    /// Adds audit events; late ones are added later with an old time.
    pub fn audit(&self, events: impl IntoIterator<Item = AuditEvent>) {
        // Rendered without the lock: the server goes on answering meanwhile.
        let events = events.into_iter().map(Kept::of).collect();
        self.shared.service().journal.extend(events);
    }

    /// Alters the next answer of that call before it is sent; several wait in a queue. The genuine answer, which may
    /// be a refusal, is made first.
    pub fn next(&self, endpoint: Endpoint, change: impl FnOnce(&mut Reply) + Send + 'static) {
        self.shared
            .service()
            .script
            .push(endpoint, Box::new(change));
    }

    /// Alters every answer of that call, before what [`next`](Self::next) lined up.
    pub fn always(&self, endpoint: Endpoint, change: impl Fn(&mut Reply) + Send + Sync + 'static) {
        let mut service = self.shared.service();
        service.script.set(endpoint, None, Arc::new(change));
    }

    /// Alters every answer of that call whose request the matcher accepts: one bad item among good ones. The matcher
    /// sees the genuine status. Ready-made matchers are in [`at`].
    pub fn always_at(
        &self,
        endpoint: Endpoint,
        matcher: impl Fn(&Seen) -> bool + Send + Sync + 'static,
        change: impl Fn(&mut Reply) + Send + Sync + 'static,
    ) {
        let mut service = self.shared.service();
        let script = &mut service.script;
        script.set(endpoint, Some(Arc::new(matcher)), Arc::new(change));
    }

    /// Forgets all alterations, standing and waiting.
    pub fn clear(&self) {
        self.shared.service().script.clear();
    }

    /// Changes settings.
    pub fn set(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.shared.service().switches);
    }

    /// Is told of every request when its answer is decided; replaces an earlier watcher.
    pub fn watch(&self, watcher: impl Fn(&Seen) + Send + Sync + 'static) {
        self.shared.service().watcher = Some(Arc::new(watcher));
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.service().seen.clone()
    }

    /// How many requests that call got.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        let service = self.shared.service();
        let same = service
            .seen
            .iter()
            .filter(|seen| seen.endpoint == Some(endpoint));
        same.count()
    }

    /// Everything that was not as documented.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.service().complaints.clone()
    }

    /// For tests that provoke complaints.
    pub fn allow_complaints(&self) {
        self.shared.service().complaints_allowed = true;
    }

    /// The ledger: every event line of every obtainable batch in order, as a client should publish it for `key_value`,
    /// without line breaks.
    pub fn siem_lines(&self) -> Vec<Vec<u8>> {
        self.shared
            .service()
            .queue
            .obtainable()
            .flat_map(Batch::lines)
            .collect()
    }

    /// The same for `json`, of batches made of records.
    pub fn siem_objects(&self) -> Vec<Value> {
        self.shared
            .service()
            .queue
            .obtainable()
            .flat_map(Batch::objects)
            .collect()
    }

    /// All audit events, oldest first.
    pub fn audit_events(&self) -> Vec<AuditEvent> {
        self.shared.service().journal.events()
    }

    /// Their ids, oldest first, without repetitions of an event.
    pub fn audit_ids(&self) -> Vec<String> {
        let events = self.audit_events().into_iter();
        let events = events.filter(|event| !event.is_repetition);
        events.map(|event| event.id).collect()
    }

    /// The same of those events alone that are JSON objects as they are sent.
    pub fn readable_audit_ids(&self) -> Vec<String> {
        let events = self.audit_events().into_iter();
        let events = events.filter(|event| !event.is_repetition && event.is_readable());
        events.map(|event| event.id).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take() {
            server::stop(self.address, &self.shared, listener);
        }
        let store = self.store.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((address, listener)) = store.take() {
            server::stop(address, &self.shared, listener);
        }
        let service = self.shared.service();
        let silent = service.complaints_allowed || service.complaints.is_empty();
        if !silent && !thread::panicking() {
            let complaints = service.complaints.join("\n  ");
            drop(service);
            panic!("the sandbox complains:\n  {complaints}");
        }
    }
}
