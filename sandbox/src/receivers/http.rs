//! The HTTP collector, as a test sees it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http_serve;
use super::http_state::{Shared, Stored};
use super::hub::Listener;
use super::lines::{SUMO_PATH, WEBHOOK_HEADER};

/// Sumo Logic advises at most 1 MB of data before compression.
const SUMO_BODY: usize = 1024 * 1024;

/// Whose collector it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Sumo Logic's HTTP source: lines; the address is the secret.
    Sumo,
    /// Splunk's HTTP Event Collector.
    Hec {
        /// The token demands a channel and acknowledges what is indexed.
        ack: bool,
    },
    /// The bulk API of Elasticsearch and OpenSearch, with a data stream.
    Bulk,
    /// A webhook that takes NDJSON at every path.
    Webhook,
}

impl Product {
    pub(super) const fn max_body(self) -> Option<usize> {
        match self {
            Self::Sumo => Some(SUMO_BODY),
            Self::Hec { .. } | Self::Bulk | Self::Webhook => None,
        }
    }

    fn token(self) -> String {
        match self {
            Self::Sumo => "MadeUpSourceAddress0123456789-_".to_owned(),
            Self::Hec { .. } => "00000000-1111-4222-8333-444444444444".to_owned(),
            Self::Bulk => STANDARD.encode("made-up-id:made-up-key"),
            Self::Webhook => "made-up-webhook-key".to_owned(),
        }
    }
}

/// A running HTTP collector. It ends when this goes out of scope, and panics then if a request was not as the product
/// expects.
pub struct Http {
    listener: Option<Listener>,
    address: SocketAddr,
    pub(super) shared: Arc<Shared>,
}

impl Http {
    /// Starts on a free port of the loopback interface.
    pub fn start(product: Product) -> Self {
        Self::start_at(product, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts at that address, for a collector that comes back. Panics if the address is in use.
    pub fn start_at(product: Product, address: SocketAddr) -> Self {
        let shared = Arc::new(Shared::new(product, product.token()));
        let own = Arc::clone(&shared);
        let listener = Listener::start(address, Arc::clone(&shared.hub), move |connection| {
            http_serve::serve(connection, &own);
        });
        let listener = listener.expect("a free address of the loopback interface");
        Self {
            address: listener.address(),
            listener: Some(listener),
            shared,
        }
    }

    /// Where the collector listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whose collector it is.
    pub fn product(&self) -> Product {
        self.shared.product
    }

    /// What an operator configures: the whole address for Sumo Logic and the webhook, the base address for the others.
    pub fn url(&self) -> String {
        let address = self.address;
        match self.shared.product {
            Product::Sumo => format!("http://{address}{SUMO_PATH}{}", self.token()),
            Product::Hec { .. } | Product::Bulk => format!("http://{address}"),
            Product::Webhook => format!("http://{address}/events"),
        }
    }

    /// The secret: HEC's token, the API key, the webhook's key, or the end of Sumo Logic's address.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// The header that shows the secret; `None` for Sumo Logic.
    pub fn header(&self) -> Option<(&'static str, String)> {
        let token = self.token();
        match self.shared.product {
            Product::Sumo => None,
            Product::Hec { .. } => Some(("Authorization", format!("Splunk {token}"))),
            Product::Bulk => Some(("Authorization", format!("ApiKey {token}"))),
            Product::Webhook => Some((WEBHOOK_HEADER, token.to_owned())),
        }
    }

    /// How many requests came, with questions for acknowledgements.
    pub fn requests(&self) -> usize {
        self.shared.state().requests
    }

    /// How many questions for acknowledgements came.
    pub fn polls(&self) -> usize {
        self.shared.state().polls
    }

    /// How many connections the collector accepted.
    pub fn connections(&self) -> usize {
        self.shared.hub.accepted()
    }

    /// Every event that the collector keeps, in order.
    pub fn stored(&self) -> Vec<Stored> {
        let state = self.shared.state();
        let kept = state.kept.iter();
        kept.map(|kept| kept.stored.clone()).collect()
    }

    /// The same without what stands beside the events.
    pub fn events(&self) -> Vec<String> {
        let state = self.shared.state();
        let kept = state.kept.iter();
        kept.map(|kept| kept.stored.event.clone()).collect()
    }

    /// Every request that the product does not expect.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.state().complaints.clone()
    }

    /// For tests that provoke complaints.
    pub fn allow_complaints(&self) {
        self.shared.state().complaints_allowed = true;
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.listener = None;
        let state = self.shared.state();
        let silent = state.complaints_allowed || state.complaints.is_empty();
        if !silent && !thread::panicking() {
            let complaints = state.complaints.join("\n  ");
            drop(state);
            panic!("the HTTP collector complains:\n  {complaints}");
        }
    }
}
