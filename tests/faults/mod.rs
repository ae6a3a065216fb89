//! P4 and P7 for answers of every kind of wrongness: one sentence, the right exit code, nothing
//! committed; and the run after the fault collects everything, once.

mod certificates;
mod clocks;
mod hosts;
#[cfg(target_os = "linux")]
mod limits;
mod lists;
mod next_page;
mod odd_objects;
mod pipes;
pub(crate) mod proxies;
mod redirects;
mod signals;
mod slow_down;
#[cfg(unix)]
mod starts;
mod statuses;
mod stores;
mod surroundings;
pub(crate) mod tls;
mod tokens;
mod wires;

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use chrono::{TimeDelta, Utc};

use crate::harness::{AUDIT, Installation, Outcome, SIEM, set_mode};
use mimecast_sandbox::{AuditEvent, Batch, Endpoint, Object, Reply};

/// One of the two programs under one of the two API generations, with something to collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collector {
    Siem,
    Audit,
    /// API 2.0: the objects of one event type.
    Objects,
    /// API 2.0: audit events.
    AuditByToken,
}

/// Audit events whose ids can be told, few windows, and one event type.
const AUDIT_AS_JSON: &str = "[audit]\nformat = \"json\"\nfirst_look_back_days = 1";
const ONE_TYPE: &str = "[siem]\ncloud_gateway_types = \"receipt\"";
/// Events of a refill.
const EVENTS: usize = 30;

impl Collector {
    /// Under API 1.0.
    const BOTH: [Self; 2] = [Self::Siem, Self::Audit];
    const ALL: [Self; 4] = [Self::Siem, Self::Audit, Self::Objects, Self::AuditByToken];

    const fn program(self) -> &'static str {
        match self {
            Self::Siem | Self::Objects => SIEM,
            Self::Audit | Self::AuditByToken => AUDIT,
        }
    }

    /// The call that says what there is.
    const fn endpoint(self) -> Endpoint {
        match self {
            Self::Siem => Endpoint::Siem,
            Self::Audit | Self::AuditByToken => Endpoint::Audit,
            Self::Objects => Endpoint::Events,
        }
    }

    /// Every call that a run makes.
    const fn endpoints(self) -> &'static [Endpoint] {
        match self {
            Self::Siem => &[Endpoint::Siem],
            Self::Audit => &[Endpoint::Audit],
            Self::Objects => &[Endpoint::Token, Endpoint::Events, Endpoint::Object],
            Self::AuditByToken => &[Endpoint::Token, Endpoint::Audit],
        }
    }

    /// Each collector with each call that it makes.
    fn calls() -> Vec<(Self, Endpoint)> {
        let all = Self::ALL.into_iter();
        all.flat_map(|collector| {
            let endpoints = collector.endpoints().iter();
            endpoints.map(move |endpoint| (collector, *endpoint))
        })
        .collect()
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Siem | Self::Objects => "mta",
            Self::Audit | Self::AuditByToken => "audit",
        }
    }

    /// The record of its position.
    const fn state(self) -> &'static str {
        match self {
            Self::Siem => "checkpoint/siem.state",
            Self::Objects => "checkpoint/cg_receipt.state",
            Self::Audit | Self::AuditByToken => "checkpoint/audit.state",
        }
    }

    const fn is_by_token(self) -> bool {
        matches!(self, Self::Objects | Self::AuditByToken)
    }

    /// An installation that has collected once and has something new to collect.
    fn behind(self) -> Installation {
        self.behind_with("")
    }

    /// The same, with more configuration.
    fn behind_with(self, more: &str) -> Installation {
        let place = Installation::connected();
        self.configure(&place, more);
        self.refill(&place);
        self.run(&place).stays_silent();
        self.refill(&place);
        place
    }

    fn configure(self, place: &Installation, more: &str) {
        let more = format!("{AUDIT_AS_JSON}\n{ONE_TYPE}\n{more}");
        if self.is_by_token() {
            place.configure_tokens(&more);
        } else {
            place.configure(&more);
        }
    }

    /// Something new for the next run: two batches, or events of the last minutes.
    fn refill(self, place: &Installation) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(2, Ordering::Relaxed);
        match self {
            Self::Siem => {
                for seed in [number, number + 1] {
                    place.serve(Batch::realistic(seed, EVENTS));
                }
            }
            Self::Objects => {
                let objects = [number, number + 1].map(|seed| Object::realistic(seed, EVENTS));
                place.serve_objects("receipt", objects);
            }
            Self::Audit | Self::AuditByToken => {
                let time = Utc::now() - TimeDelta::minutes(5);
                let numbers = (0..EVENTS as u64).map(|event| number * 1_000 + event);
                place.serve_events(numbers.map(|number| AuditEvent::realistic(number, time)));
            }
        }
    }

    fn run(self, place: &Installation) -> Outcome {
        place.run(self.program(), [""; 0])
    }

    /// The run ends with `code`, says `text` and what to do, and commits nothing.
    #[track_caller]
    fn holds(self, place: &Installation, code: i32, text: &str) -> Outcome {
        let before = place.files(self.folder());
        let outcome = self.run(place).ends_with(code).says(text).says("to do: ");
        assert_eq!(place.files(self.folder()), before, "nothing is published");
        assert_eq!(place.files("tmp").len(), 0, "nothing is left in tmp/");
        outcome
    }

    /// With the fault gone, one silent run gets everything that is waiting, once.
    #[track_caller]
    fn recovers(self, place: &Installation) {
        place.clear();
        self.overcomes(place);
    }

    /// One silent run gets everything that is waiting, once, whatever is in its way.
    #[track_caller]
    fn overcomes(self, place: &Installation) {
        self.run(place).stays_silent();
        match self {
            Self::Siem => place.assert_siem_complete(),
            Self::Objects => place.assert_objects_complete(),
            Self::Audit | Self::AuditByToken => place.assert_audit_complete(),
        }
    }
}

/// Lets the installation ask at another address, with these settings of the network.
fn move_to(collector: Collector, place: &Installation, url: &str, network: &str) {
    collector.configure(place, &format!("[network]\n{network}"));
    let path = place.path("config.toml");
    let text = fs::read_to_string(&path).expect("text");
    fs::write(&path, text.replace(&place.sandbox.url(), url)).expect("written");
    set_mode(&path, 0o600); // it may hold a proxy's password
}

/// A table's cases side by side, for those that wait: each in a place of its own.
fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    let check = &check;
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || check(case));
        }
    });
}

/// The body replaced by this text, as JSON.
fn json(body: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let body = body.to_owned();
    move |reply| {
        reply.set_header("content-type", "application/json");
        reply.remove_header("mc-siem-token");
        reply.remove_header("content-disposition");
        reply.set_body(body.as_bytes());
    }
}

/// These bytes in one gzip member.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(bytes);
    written
        .and_then(|()| encoder.finish())
        .expect("writing to memory")
}
