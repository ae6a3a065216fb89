//! Everything that the sandbox knows, behind one lock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::audit::Journal;
use crate::endpoint::Endpoint;
use crate::http;
use crate::meter::Meter;
use crate::reply::Reply;
use crate::siem::Queue;
use crate::switches::Switches;
use crate::v2;

/// The state of the service and the record of what was asked.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) switches: Switches,
    pub(crate) queue: Queue,
    pub(crate) journal: Journal,
    pub(crate) script: Script,
    pub(crate) meter: Meter,
    pub(crate) v2: v2::State,
    pub(crate) used_ids: HashSet<String>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) watcher: Option<Watcher>,
    pub(crate) complaints: Vec<String>,
    pub(crate) complaints_allowed: bool,
    pub(crate) connections: HashMap<u64, TcpStream>,
}

/// Is told of every request once its answer is decided.
pub(crate) type Watcher = Arc<dyn Fn(&Seen) + Send + Sync>;

impl Service {
    /// The server's clock, which a test can set apart from ours.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let offset = TimeDelta::try_seconds(self.switches.clock_offset_seconds);
        Utc::now() + offset.unwrap_or_default()
    }
}

/// One request and how it was answered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The documented call, or `None` for any other path.
    pub endpoint: Option<Endpoint>,
    /// For instance `POST`.
    pub method: String,
    /// The request target as sent.
    pub path: String,
    /// As sent, in their order.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; a body that is none stands here as a string.
    pub body: Value,
    /// `x-mc-req-id` as sent.
    pub request_id: Option<String>,
    /// `x-mc-date` as sent.
    pub date: Option<String>,
    /// The status after any alteration; 0 when no answer was sent.
    pub status: u16,
    /// When it arrived, for tests that measure waiting.
    pub arrived: Instant,
    /// What was wrong with it.
    pub complaints: Vec<String>,
}

impl Seen {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        http::find(&self.headers, name)
    }
}

/// The alterations that a test has lined up.
#[derive(Default)]
pub(crate) struct Script {
    once: VecDeque<(Endpoint, Once)>,
    always: Vec<(Endpoint, Standing)>,
}

type Once = Box<dyn FnOnce(&mut Reply) + Send>;
type Always = Arc<dyn Fn(&mut Reply) + Send + Sync>;
type Matcher = Arc<dyn Fn(&Seen) -> bool + Send + Sync>;

/// A standing change; with a matcher, only for the requests that it accepts.
#[derive(Clone)]
struct Standing {
    at: Option<Matcher>,
    change: Always,
}

impl Script {
    pub(crate) fn push(&mut self, endpoint: Endpoint, change: Once) {
        self.once.push_back((endpoint, change));
    }

    pub(crate) fn set(&mut self, endpoint: Endpoint, at: Option<Matcher>, change: Always) {
        self.always.push((endpoint, Standing { at, change }));
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes what applies to the next answer of `endpoint`: the standing changes, then the first waiting one.
    pub(crate) fn take(&mut self, endpoint: Endpoint) -> Changes {
        let standing = self.always.iter().filter(|(of, _)| *of == endpoint);
        let waiting = self.once.iter().position(|(of, _)| *of == endpoint);
        Changes {
            always: standing.map(|(_, standing)| standing.clone()).collect(),
            once: waiting
                .and_then(|at| self.once.remove(at))
                .map(|(_, change)| change),
        }
    }
}

/// What to do to one answer.
#[derive(Default)]
pub(crate) struct Changes {
    always: Vec<Standing>,
    once: Option<Once>,
}

impl Changes {
    /// Applies all of it; called without the lock, because a change may use the sandbox itself.
    pub(crate) fn apply(self, seen: &Seen, reply: &mut Reply) {
        for Standing { at, change } in self.always {
            if at.is_none_or(|at| at(seen)) {
                change(reply);
            }
        }
        if let Some(change) = self.once {
            change(reply);
        }
    }
}
