//! API 2.0: tokens, lists of objects, and the object store behind them.
//!
//! Two calls exist in both generations and answer from the same data, so that moving from one to the other can be
//! rehearsed: the audit journal and the account.

#[cfg(test)]
mod by_hand;
mod client;
mod cursor;
mod entries;
mod event;
mod event_kinds;
mod event_kinds_ci;
mod form;
mod handle;
mod list;
mod object;
mod packing;
pub(crate) mod refusals;
#[cfg(test)]
mod selftest_disorder;
#[cfg(test)]
mod selftest_list;
#[cfg(test)]
mod selftest_objects;
#[cfg(test)]
mod selftest_refusals;
#[cfg(test)]
mod selftest_token;
mod shelf;
mod store;
mod token;

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

pub use client::Client;
pub(crate) use cursor::mint as next_page;
pub(crate) use form::Pairs;
pub use object::Object;
pub(crate) use packing::gzip;

use crate::bodies;
use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::meter::Meter;
use crate::reply::Reply;
use crate::server::Door;
use crate::service::Service;
use crate::{audit, login};
use shelf::Shelf;
use store::Address;
use token::Tokens;

/// The types of Cloud Gateway, as the vendor spells them.
pub const CG_TYPES: [&str; 10] = [
    "receipt",
    "process",
    "delivery",
    "journal",
    "av",
    "spam",
    "attachment protect",
    "impersonation protect",
    "internal email protect",
    "url protect",
];

/// The types of Cloud Integrated.
pub const CI_TYPES: [&str; 3] = ["entities", "mailflow", "urlclick"];

/// The documented limit of the lists: calls in a window of milliseconds, for [`Switches::list_limit`].
///
/// [`Switches::list_limit`]: crate::Switches::list_limit
pub const LIST_LIMIT: (u32, u64) = (50, 15 * 60 * 1000);

/// Turns between two freezes.
const FREEZE: u32 = 1 << 24;

/// What the sandbox knows of this generation alone.
#[derive(Default)]
pub(crate) struct State {
    tokens: Tokens,
    shelves: BTreeMap<&'static str, Shelf>,
    addresses: HashMap<String, Address>,
    meters: [Meter; 2],
    /// Where objects are when they have an address of their own.
    store_url: Option<String>,
    turns: u32,
    /// How often each type's cursors were frozen. A cursor tells in its turn how often that was before it.
    freezes: BTreeMap<&'static str, u32>,
}

impl State {
    /// Whether that call is to be made at that address; whatever is unknown belongs to the service.
    pub(crate) fn is_at(&self, door: Door, endpoint: Option<Endpoint>) -> bool {
        let of_store = endpoint == Some(Endpoint::Object);
        match door {
            Door::Store => of_store,
            Door::Service => !of_store || self.store_url.is_none(),
        }
    }

    fn shelf(&self, log_type: &str) -> &Shelf {
        static EMPTY: Shelf = Shelf::new();
        self.shelves.get(log_type).unwrap_or(&EMPTY)
    }

    fn shelf_mut(&mut self, log_type: &'static str) -> &mut Shelf {
        self.shelves.entry(log_type).or_default()
    }

    fn meter(&mut self, endpoint: Endpoint) -> &mut Meter {
        &mut self.meters[usize::from(endpoint == Endpoint::EventsCi)]
    }

    /// The turn of a new cursor of that type; another one each time if it `changes`.
    pub(crate) fn turn(&mut self, log_type: &str, changes: bool) -> u32 {
        self.turns += u32::from(changes);
        let turn = if changes { self.turns % FREEZE } else { 0 };
        self.freezes(log_type) * FREEZE + turn
    }

    /// Counts a download that no client got.
    pub(crate) fn take(&mut self, log_type: &'static str, place: usize) -> bool {
        self.shelf_mut(log_type).take(place, false).is_some()
    }

    fn freezes(&self, log_type: &str) -> u32 {
        self.freezes.get(log_type).copied().unwrap_or_default()
    }

    /// True if a cursor of that turn yields nothing any more.
    fn is_frozen(&self, log_type: &str, turn: u32) -> bool {
        turn / FREEZE < self.freezes(log_type)
    }
}

fn types() -> impl Iterator<Item = &'static str> {
    CG_TYPES.into_iter().chain(CI_TYPES)
}

const fn types_of(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::EventsCi => &CI_TYPES,
        _ => &CG_TYPES,
    }
}

#[track_caller]
fn known(log_type: &str) -> &'static str {
    let known = types().find(|known| *known == log_type);
    known.unwrap_or_else(|| panic!("no type {log_type}"))
}

/// Whether this generation answers: its own calls, and those of both that bring a token.
pub(crate) fn speaks(endpoint: Endpoint, request: &Request) -> bool {
    match endpoint {
        Endpoint::Token | Endpoint::Events | Endpoint::EventsCi | Endpoint::Object => true,
        Endpoint::Account | Endpoint::Audit => request
            .header("authorization")
            .is_some_and(|value| value.starts_with("Bearer")),
        Endpoint::Discover | Endpoint::Login | Endpoint::Siem => false,
    }
}

/// The genuine answer.
pub(crate) fn answer(
    service: &mut Service,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    let mut reply = match check(endpoint, request) {
        Err((status, misuse)) => {
            let refusal = refuse(endpoint, status, &misuse);
            complaints.push(misuse);
            refusal
        }
        Ok(()) => match endpoint {
            Endpoint::Token => token::answer(service, request, complaints),
            Endpoint::Object => store::answer(service, request, complaints),
            Endpoint::Account | Endpoint::Audit => function(service, endpoint, request, complaints),
            _ => list::answer(service, endpoint, request, complaints),
        },
    };
    if endpoint != Endpoint::Object {
        reply.set_header("x-request-id", &Uuid::new_v4().to_string());
    }
    reply
}

/// What every call has to satisfy; gives the status and the complaint.
fn check(endpoint: Endpoint, request: &Request) -> Result<(), (u16, String)> {
    let method = endpoint.method();
    if request.method != method {
        let misuse = format!("sent with {} instead of {method}", request.method);
        return Err((405, misuse));
    }
    let refuse = |misuse: String| Err((400, misuse));
    if request.header("host").is_none() {
        return refuse("no host header".to_owned());
    }
    let ours = |(name, _): &&(String, String)| name.to_ascii_lowercase().starts_with("x-mc-");
    if let Some((name, _)) = request.headers.iter().find(ours) {
        return refuse(format!("{name} belongs to API 1.0"));
    }
    for name in ["authorization", "content-type", "host"] {
        let same = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        if request.headers.iter().filter(same).count() > 1 {
            return refuse(format!("{name} is sent more than once"));
        }
    }
    let accept = request.header("accept").unwrap_or("*/*");
    let answers = match endpoint {
        Endpoint::Object => "application/gzip",
        _ => "application/json",
    };
    if !accept.contains("*/*") && !accept.contains(answers) {
        return refuse(format!("accept is {accept:?}, which rules the answer out"));
    }
    Ok(())
}

/// Refuses in the way of the part that was asked.
fn refuse(endpoint: Endpoint, status: u16, misuse: &str) -> Reply {
    match endpoint {
        Endpoint::Object => refusals::store(status, "InvalidArgument", misuse),
        Endpoint::Events | Endpoint::EventsCi if status == 400 => refusals::request(misuse),
        Endpoint::Account | Endpoint::Audit if status == 400 => {
            Reply::failure(400, "err_validation_null", misuse)
        }
        _ => refusals::flat(status, "InvalidRequest", misuse),
    }
}

/// A call that both generations have: the body, the data and the answer are the same.
fn function(
    service: &mut Service,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    if let Err(refusal) = token::check(service, request, complaints) {
        return refusal;
    }
    if service.switches.forbid.contains(&endpoint) {
        return refusals::app_forbidden();
    }
    let body = match request.header("content-type") {
        Some("application/json") => bodies::read(&request.body),
        other => Err(format!(
            "content-type is {other:?} instead of application/json"
        )),
    };
    let answered = body.and_then(|body| match endpoint {
        Endpoint::Account => login::account(&body),
        _ => audit::answer(service, &body, complaints),
    });
    answered.unwrap_or_else(|misuse| {
        let refusal = refuse(endpoint, 400, &misuse);
        complaints.push(misuse);
        refusal
    })
}
