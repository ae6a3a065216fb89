//! P4 and P7 for answers of every kind of wrongness: one sentence, the right exit code, nothing
//! committed; and the run after the fault collects everything, once.

mod certificates;
mod clocks;
mod hosts;
mod next_page;
mod proxies;
mod signals;
mod slow_down;
mod statuses;
mod tls;
mod tokens;
mod wires;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use chrono::{TimeDelta, Utc};

use crate::harness::{AUDIT, Outcome, Place, SIEM, set_mode};
use crate::sandbox::{AuditEvent, Batch, Endpoint, Reply};

/// One of the two programs, with something to collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collector {
    Siem,
    Audit,
}

/// Audit events whose ids can be told, and few windows.
const AUDIT_AS_JSON: &str = "[audit]\nformat = \"json\"\nfirst_look_back_days = 1";
/// Events of a refill.
const EVENTS: usize = 30;

impl Collector {
    const BOTH: [Self; 2] = [Self::Siem, Self::Audit];

    const fn program(self) -> &'static str {
        match self {
            Self::Siem => SIEM,
            Self::Audit => AUDIT,
        }
    }

    const fn endpoint(self) -> Endpoint {
        match self {
            Self::Siem => Endpoint::Siem,
            Self::Audit => Endpoint::Audit,
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Siem => "mta",
            Self::Audit => "audit",
        }
    }

    /// An installation that has collected once and has something new to collect.
    fn behind(self) -> Place {
        self.behind_with("")
    }

    /// The same, with more configuration.
    fn behind_with(self, more: &str) -> Place {
        let place = Place::connected();
        place.configure(&format!("{AUDIT_AS_JSON}\n{more}"));
        self.refill(&place);
        self.run(&place).stays_silent();
        self.refill(&place);
        place
    }

    /// Something new for the next run: two batches, or events of the last minutes.
    fn refill(self, place: &Place) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(2, Ordering::Relaxed);
        match self {
            Self::Siem => {
                for seed in [number, number + 1] {
                    place.sandbox.serve(Batch::realistic(seed, EVENTS));
                }
            }
            Self::Audit => {
                let time = Utc::now() - TimeDelta::minutes(5);
                let numbers = (0..EVENTS as u64).map(|event| number * 1_000 + event);
                place
                    .sandbox
                    .audit(numbers.map(|number| AuditEvent::realistic(number, time)));
            }
        }
    }

    fn run(self, place: &Place) -> Outcome {
        place.run(self.program(), [""; 0])
    }

    /// The run ends with `code`, says `text` and what to do, and commits nothing.
    #[track_caller]
    fn holds(self, place: &Place, code: i32, text: &str) -> Outcome {
        let before = place.files(self.folder());
        let outcome = self.run(place).ends_with(code).says(text).says("to do: ");
        assert_eq!(place.files(self.folder()), before, "nothing is published");
        assert_eq!(place.files("tmp").len(), 0, "nothing is left in tmp/");
        outcome
    }

    /// With the fault gone, one silent run gets everything that is waiting, once.
    #[track_caller]
    fn recovers(self, place: &Place) {
        place.sandbox.clear();
        self.overcomes(place);
    }

    /// One silent run gets everything that is waiting, once, whatever is in its way.
    #[track_caller]
    fn overcomes(self, place: &Place) {
        self.run(place).stays_silent();
        match self {
            Self::Siem => place.assert_siem_complete(),
            Self::Audit => place.assert_audit_complete(),
        }
    }
}

/// Lets the installation ask at another address, with these settings of the network.
fn move_to(place: &Place, url: &str, network: &str) {
    place.configure(&format!("{AUDIT_AS_JSON}\n[network]\n{network}"));
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
