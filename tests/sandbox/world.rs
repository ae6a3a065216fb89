//! Everything that the sandbox knows, behind one lock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::audit::Journal;
use super::endpoint::Endpoint;
use super::http;
use super::meter::Meter;
use super::reply::Reply;
use super::siem::Queue;
use super::switches::Switches;
use super::v2;

/// The state of the service and the record of what was asked.
#[derive(Default)]
pub(super) struct World {
    pub(super) url: String,
    pub(super) switches: Switches,
    pub(super) queue: Queue,
    pub(super) journal: Journal,
    pub(super) script: Script,
    pub(super) meter: Meter,
    pub(super) v2: v2::State,
    pub(super) used_ids: HashSet<String>,
    pub(super) seen: Vec<Seen>,
    pub(super) watcher: Option<Watcher>,
    pub(super) complaints: Vec<String>,
    pub(super) complaints_allowed: bool,
    pub(super) connections: HashMap<u64, TcpStream>,
}

/// Is told of every request once its answer is decided.
pub(super) type Watcher = Arc<dyn Fn(&Seen) + Send + Sync>;

impl World {
    /// The server's clock, which a test can set apart from ours.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let offset = TimeDelta::try_seconds(self.switches.clock_offset_seconds);
        Utc::now() + offset.unwrap_or_default()
    }
}

/// One request and how it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The documented call, or `None` for any other path.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) method: String,
    /// The request target as sent.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The body as JSON; a body that is none stands here as a string.
    pub(crate) body: Value,
    /// `x-mc-req-id` as sent.
    pub(crate) request_id: Option<String>,
    /// `x-mc-date` as sent.
    pub(crate) date: Option<String>,
    /// The status after any alteration; 0 when no answer was sent.
    pub(crate) status: u16,
    /// When it arrived, for tests that measure waiting.
    pub(crate) arrived: Instant,
    /// What was wrong with it.
    pub(crate) complaints: Vec<String>,
}

impl Seen {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        http::find(&self.headers, name)
    }
}

/// The alterations that a test has lined up.
#[derive(Default)]
pub(super) struct Script {
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
    pub(super) fn push(&mut self, endpoint: Endpoint, change: Once) {
        self.once.push_back((endpoint, change));
    }

    pub(super) fn set(&mut self, endpoint: Endpoint, at: Option<Matcher>, change: Always) {
        self.always.push((endpoint, Standing { at, change }));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes what applies to the next answer of `endpoint`: the standing changes, then the first waiting one.
    pub(super) fn take(&mut self, endpoint: Endpoint) -> Changes {
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
pub(super) struct Changes {
    always: Vec<Standing>,
    once: Option<Once>,
}

impl Changes {
    /// Applies all of it; called without the lock, because a change may use the sandbox itself.
    pub(super) fn apply(self, seen: &Seen, reply: &mut Reply) {
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
