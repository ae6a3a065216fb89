//! What the simulator serves an installation, and what goes wrong on the way: [`Sandbox`] itself, one step shorter.
//!
//! [`Sandbox`]: mimecast_sandbox::Sandbox

use std::ops::Range;

use super::Installation;
use mimecast_sandbox::{AuditEvent, Batch, Endpoint, Object, Reply, Seen, Switches};

impl Installation {
    /// An installation for which an archive of so many events is waiting for each of these seeds.
    pub(crate) fn with_batches(seeds: Range<u64>, events: usize) -> Self {
        let place = Self::connected();
        place.serve_batches(seeds, events);
        place
    }

    /// Appends an archive of e-mail logs.
    pub(crate) fn serve(&self, batch: Batch) -> &Self {
        self.sandbox.serve(batch);
        self
    }

    /// Appends an archive of so many events for each of these seeds.
    pub(crate) fn serve_batches(&self, seeds: Range<u64>, events: usize) -> &Self {
        for seed in seeds {
            self.serve(Batch::realistic(seed, events));
        }
        self
    }

    /// Appends objects to the list of that type.
    #[track_caller]
    pub(crate) fn serve_objects(
        &self,
        log_type: &str,
        objects: impl IntoIterator<Item = Object>,
    ) -> &Self {
        self.sandbox.serve_objects(log_type, objects);
        self
    }

    /// Adds audit events.
    pub(crate) fn serve_events(&self, events: impl IntoIterator<Item = AuditEvent>) -> &Self {
        self.sandbox.audit(events);
        self
    }

    /// Changes settings of the simulator.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Switches)) -> &Self {
        self.sandbox.set(change);
        self
    }

    /// Alters the next answer of that call.
    pub(crate) fn next(
        &self,
        endpoint: Endpoint,
        change: impl FnOnce(&mut Reply) + Send + 'static,
    ) -> &Self {
        self.sandbox.next(endpoint, change);
        self
    }

    /// Alters every answer of that call.
    pub(crate) fn always(
        &self,
        endpoint: Endpoint,
        change: impl Fn(&mut Reply) + Send + Sync + 'static,
    ) -> &Self {
        self.sandbox.always(endpoint, change);
        self
    }

    /// Alters every answer of that call whose request the matcher accepts.
    pub(crate) fn always_at(
        &self,
        endpoint: Endpoint,
        matcher: impl Fn(&Seen) -> bool + Send + Sync + 'static,
        change: impl Fn(&mut Reply) + Send + Sync + 'static,
    ) -> &Self {
        self.sandbox.always_at(endpoint, matcher, change);
        self
    }

    /// Ends all alterations.
    pub(crate) fn clear(&self) -> &Self {
        self.sandbox.clear();
        self
    }

    /// How many requests that call got.
    pub(crate) fn count(&self, endpoint: Endpoint) -> usize {
        self.sandbox.count(endpoint)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.sandbox.requests()
    }

    /// The requests of that call so far.
    pub(crate) fn calls(&self, endpoint: Endpoint) -> Vec<Seen> {
        let mut requests = self.requests();
        requests.retain(|seen| seen.endpoint == Some(endpoint));
        requests
    }
}
