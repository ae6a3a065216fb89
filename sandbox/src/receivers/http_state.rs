//! What an HTTP collector, its connections and the test share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::bulk::Shelf;
use super::hec::Acks;
use super::http::Product;
use super::hub::{Hub, lock};
use crate::http;

/// An event that the receiver accepted.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The line, the document or the event. Exactly as received, without a line end. A JSON text at HEC is unpacked.
    pub event: String,
    /// `_id` of a bulk action.
    pub id: Option<String>,
    /// Index or data stream, as the client named it.
    pub index: Option<String>,
    /// `source` at HEC, `X-Sumo-Name` at Sumo Logic.
    pub source: Option<String>,
    /// `sourcetype` at HEC.
    pub sourcetype: Option<String>,
    /// `host` at HEC, `X-Sumo-Host` at Sumo Logic.
    pub host: Option<String>,
    /// `X-Sumo-Category` at Sumo Logic.
    pub category: Option<String>,
    /// `time` at HEC, as received.
    pub time: Option<String>,
    /// `fields` at HEC, as received.
    pub fields: Option<String>,
    /// The headers of its request.
    pub headers: Arc<Vec<(String, String)>>,
}

impl Stored {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        http::find(&self.headers, name)
    }
}

/// An answer before it is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status)
            .with("Content-Type", "application/json")
            .saying(body.to_string())
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn saying(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    /// What Sumo Logic says with an error.
    pub(super) fn sumo(status: u16, code: &str) -> Self {
        Self::json(status, &json!({"status": status, "code": code}))
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug, Default)]
pub(super) enum Fault {
    #[default]
    None,
    Answers(Reply),
    AppliesThenAnswers(u16),
    AppliesThenCuts,
    CutsBeforeReading,
    CutsAfterHalfTheBody,
    Delays(Duration),
    Swallows,
}

/// An accepted event, and the acknowledgement that speaks for it.
pub(super) struct Kept {
    pub(super) stored: Stored,
    pub(super) ack: Option<(String, u64)>,
}

/// What the receiver got, and what it is told to do.
#[derive(Default)]
pub(super) struct State {
    pub(super) kept: Vec<Kept>,
    pub(super) requests: usize,
    pub(super) polls: usize,
    /// One for each request with events to come.
    pub(super) faults: VecDeque<Fault>,
    /// One for each question for acknowledgements to come.
    pub(super) poll_faults: VecDeque<Reply>,
    pub(super) refused_texts: Vec<String>,
    pub(super) refuses_all: Option<u16>,
    pub(super) max_body: Option<usize>,
    /// `None`: every index exists.
    pub(super) indexes: Option<Vec<String>>,
    pub(super) is_open_to_all: bool,
    /// True while a request is answered whose events are thrown away.
    pub(super) is_swallowing: bool,
    /// So many items of bulk requests are to be answered with 429.
    pub(super) rejected_items: usize,
    pub(super) shelf: Shelf,
    pub(super) acks: Acks,
    pub(super) complaints: Vec<String>,
    pub(super) complaints_allowed: bool,
}

impl State {
    pub(super) fn complain(&mut self, complaint: impl Into<String>) {
        self.complaints.push(complaint.into());
    }

    pub(super) fn keep(&mut self, stored: Stored, ack: Option<(String, u64)>) {
        if !self.is_swallowing {
            self.kept.push(Kept { stored, ack });
        }
    }

    /// True if the text holds one that is refused.
    pub(super) fn refuses(&self, text: &str) -> bool {
        let mut refused = self.refused_texts.iter();
        refused.any(|refused| text.contains(refused))
    }

    pub(super) fn knows_index(&self, name: &str) -> bool {
        let known = self.indexes.as_ref();
        known.is_none_or(|known| known.iter().any(|index| index == name))
    }
}

pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) hub: Arc<Hub>,
    pub(super) product: Product,
    /// Made up, like all credentials here.
    pub(super) token: String,
}

impl Shared {
    pub(super) fn new(product: Product, token: String) -> Self {
        Self {
            state: Mutex::new(State {
                max_body: product.max_body(),
                ..State::default()
            }),
            hub: Arc::default(),
            product,
            token,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
