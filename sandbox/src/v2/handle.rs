//! What a test does with API 2.0.

use std::net::TcpListener;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};

use super::{Client, Object, known, types};
use crate::Sandbox;
use crate::server::{self, Door};

impl Sandbox {
    /// The one application that may ask for tokens.
    pub const fn client(&self) -> Client {
        Client::SYNTHETIC
    }

    /// Appends objects to the list of that type, of either product.
    #[track_caller]
    pub fn serve_objects(&self, log_type: &str, objects: impl IntoIterator<Item = Object>) {
        let log_type = known(log_type);
        // Packed without the lock: the server goes on answering meanwhile.
        let packed: Vec<_> = objects
            .into_iter()
            .map(|object| object.pack(log_type))
            .collect();
        let mut service = self.shared.service();
        let now = service.now();
        let shelf = service.v2.shelf_mut(log_type);
        for packed in packed {
            shelf.push(packed.at(shelf.end(), now));
        }
    }

    /// From now on objects are at another port, where nothing else is answered.
    pub fn separate_object_store(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::clone(&self.shared);
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(store.is_none(), "the object store has its own address");
        *store = Some((address, server::listen(listener, Door::Store, shared)));
        drop(store);
        self.shared.service().v2.store_url = Some(format!("http://{address}"));
    }

    /// Drops the oldest objects of that type. Those that nobody downloaded leave the ledger too.
    #[track_caller]
    pub fn purge_objects(&self, log_type: &str, objects: usize) {
        let mut service = self.shared.service();
        service.v2.shelf_mut(known(log_type)).purge(objects);
    }

    /// Every `nextPage` of that type that was given out leads to empty pages from now on, for ever. A list by date shows
    /// the objects, and gives a `nextPage` that works.
    #[track_caller]
    pub fn freeze_cursors(&self, log_type: &str) {
        let mut service = self.shared.service();
        *service.v2.freezes.entry(known(log_type)).or_default() += 1;
    }

    /// Every token that was given out is refused from now on.
    pub fn expire_tokens(&self) {
        self.shared.service().v2.tokens.expire();
    }

    /// Every presigned address that was given out is refused from now on.
    pub fn expire_addresses(&self) {
        for address in self.shared.service().v2.addresses.values_mut() {
            address.expired = true;
        }
    }

    /// Every token that was given out.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.service().v2.tokens.texts()
    }

    /// Returns the signatures of all presigned addresses. A client with a signature can read the object.
    pub fn signatures(&self) -> Vec<String> {
        let service = self.shared.service();
        let addresses = service.v2.addresses.values();
        addresses
            .map(|address| address.signature().to_owned())
            .collect()
    }

    /// Everything that must never appear in an output, a log or a world-readable file, of both generations.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = self.account().secrets().map(str::to_owned).into();
        secrets.push(self.client().encoded_secret());
        secrets.extend(self.tokens());
        secrets.extend(self.signatures());
        secrets
    }

    /// The ledger of one type: every line of every obtainable object in order, without line breaks.
    #[track_caller]
    pub fn object_lines(&self, log_type: &str) -> Vec<Vec<u8>> {
        self.object_lines_since(log_type, DateTime::<Utc>::MIN_UTC)
    }

    /// The same of the objects that appeared since.
    #[track_caller]
    pub fn object_lines_since(&self, log_type: &str, since: DateTime<Utc>) -> Vec<Vec<u8>> {
        let service = self.shared.service();
        let kept = service.v2.shelf(known(log_type)).obtainable();
        kept.filter(|kept| kept.appeared >= since)
            .flat_map(|kept| kept.lines.clone())
            .collect()
    }

    /// The same of every type of both products, in the order of the types.
    pub fn all_object_lines(&self) -> Vec<Vec<u8>> {
        types()
            .flat_map(|log_type| self.object_lines(log_type))
            .collect()
    }
}
