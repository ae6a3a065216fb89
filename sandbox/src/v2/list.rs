//! The calls that list a type's objects.

use chrono::{NaiveDate, TimeDelta};

use super::form::Pairs;
use super::{cursor, entries, refusals, token};
use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::reply::Reply;
use crate::service::Service;
use crate::switches::{CaughtUp, StalePage};

/// The vendor's upper bound; also what a request without `pageSize` gets here.
const LARGEST_PAGE: usize = 100;
/// Documented: a range starts at most seven days ago.
const OLDEST: TimeDelta = TimeDelta::days(7);

/// Answers with one page of a type's list.
pub(super) fn answer(
    service: &mut Service,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    check(service, endpoint, request, complaints)
        .and_then(|()| match Ask::read(service, endpoint, request) {
            Ok(ask) => Ok(ask),
            Err(Misread::Refused(message)) => Err(refusals::request(&message)),
            Err(Misread::Misuse(misuse)) => {
                let refusal = refusals::request(&misuse);
                complaints.push(misuse);
                Err(refusal)
            }
        })
        .and_then(|ask| {
            if service.switches.forbid_types.contains(ask.log_type) {
                return Err(refusals::app_forbidden());
            }
            Ok(page(service, &ask))
        })
        .unwrap_or_else(|refusal| refusal)
}

/// Everything that has to be right before anyone looks at the query.
fn check(
    service: &mut Service,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<(), Reply> {
    let coding = request.header("accept-encoding").unwrap_or_default();
    if coding.contains("zstd") {
        // Reported of the live service.
        complaints.push("accept-encoding offers zstd".to_owned());
        let message = "Internal server error";
        return Err(Reply::failure(500, "internal_server_error_1", message));
    }
    if !request.body.is_empty() {
        complaints.push("a GET with a body".to_owned());
        return Err(refusals::request("no body is expected"));
    }
    token::check(service, request, complaints)?;
    let limit = service.switches.list_limit;
    let refused = service.v2.meter(endpoint).count(limit).too_many();
    if let Some((calls, reset_ms)) = refused {
        return Err(refusals::too_many(calls, reset_ms));
    }
    if service.switches.forbid.contains(&endpoint) {
        return Err(refusals::app_forbidden());
    }
    Ok(())
}

struct Ask {
    log_type: &'static str,
    page_size: usize,
    from: Begin,
    until: Option<NaiveDate>,
}

/// Where a page begins.
enum Begin {
    Day(usize),
    /// The place of a `nextPage`.
    Place(usize),
    /// A `nextPage` that yields nothing, and is given again.
    Nowhere(String),
}

/// Why a query is not answered.
enum Misread {
    /// It can happen to a good client.
    Refused(String),
    /// It cannot.
    Misuse(String),
}

impl From<String> for Misread {
    fn from(misuse: String) -> Self {
        Self::Misuse(misuse)
    }
}

impl Ask {
    fn read(service: &Service, endpoint: Endpoint, request: &Request) -> Result<Self, Misread> {
        let query = Pairs::of_target(&request.target)?;
        query.only(&[
            "type",
            "pageSize",
            "dateRangeStartsAt",
            "dateRangeEndsAt",
            "nextPage",
        ])?;
        let asked = query.required("type")?;
        let mut types = super::types_of(endpoint).iter().copied();
        let log_type = types
            .find(|known| *known == asked)
            .ok_or_else(|| format!("type is {asked:?}"))?;
        let page_size = query.get("pageSize").map_or(Ok(LARGEST_PAGE), |text| {
            let size = text.parse().ok();
            size.filter(|size| (1..=LARGEST_PAGE).contains(size) && size.to_string() == text)
                .ok_or_else(|| format!("pageSize is {text:?}"))
        })?;
        let start = query.get("dateRangeStartsAt").map(day).transpose()?;
        let until = query.get("dateRangeEndsAt").map(day).transpose()?;
        let today = service.now().date_naive();
        if let (Some(start), Some(until)) = (start, until)
            && start > until
        {
            return Err(Misread::Misuse(
                "dateRangeStartsAt is after dateRangeEndsAt".to_owned(),
            ));
        }
        let days = [start, until];
        if days.iter().flatten().any(|day| *day < today - OLDEST) {
            let message = "the date range must be within the 7-day retention period";
            return Err(Misread::Refused(message.to_owned()));
        }
        // Where a list begins that is asked for with neither date nor `nextPage` is unknown.
        let start = start.unwrap_or(today);
        let from = match query.get("nextPage") {
            None => Begin::Day(service.v2.shelf(log_type).first_since(start)),
            Some(text) => Self::place(service, log_type, text)?,
        };
        Ok(Self {
            log_type,
            page_size,
            from,
            until,
        })
    }

    /// The place of a `nextPage` of that type.
    fn place(service: &Service, log_type: &str, text: &str) -> Result<Begin, Misread> {
        let invalid = || Misread::Refused("nextPage is not valid".to_owned());
        let shelf = service.v2.shelf(log_type);
        if text == cursor::dead() {
            return Ok(Begin::Nowhere(text.to_owned()));
        }
        let Some((place, turn)) = cursor::read(log_type, text) else {
            let mut types = super::types();
            let foreign = types.find(|other| cursor::read(other, text).is_some());
            return Err(foreign.map_or_else(invalid, |other| {
                Misread::Misuse(format!("nextPage of {other:?} is sent for {log_type:?}"))
            }));
        };
        if place > shelf.end() {
            return Err(invalid());
        }
        if service.v2.is_frozen(log_type, turn) {
            return Ok(Begin::Nowhere(text.to_owned()));
        }
        match service.switches.stale_next_page {
            StalePage::Refuse if place < shelf.start() => Err(invalid()),
            _ => Ok(Begin::Place(place.max(shelf.start()))),
        }
    }
}

fn page(service: &mut Service, ask: &Ask) -> Reply {
    let (from, is_first) = match &ask.from {
        Begin::Day(from) => (*from, true),
        Begin::Place(from) => (*from, false),
        Begin::Nowhere(token) => return entries::nothing(service, ask.log_type, token),
    };
    let switches = &service.switches;
    // The repeated address takes a place of its own.
    let room = ask.page_size - usize::from(switches.repeat_addresses && ask.page_size > 1);
    let shelf = service.v2.shelf(ask.log_type);
    let is_empty_once = switches.empty_once.contains(ask.log_type);
    // Pages that only repeat would never end.
    let has_new = !is_empty_once && !shelf.page(from, 1, ask.until).is_empty();
    let range = if has_new {
        let overlap = if is_first { 0 } else { switches.page_overlap };
        let begin = from.saturating_sub(overlap.min(room - 1));
        shelf.page(begin.max(shelf.start()), room, ask.until)
    } else {
        from..from
    };
    let ends = shelf.page(range.end, 1, ask.until);
    let caught_up = match switches.caught_up {
        CaughtUp::WhenEmpty | CaughtUp::Unsaid => range.is_empty(),
        CaughtUp::WithTheLast => ends.is_empty(),
        CaughtUp::Never => false,
    };
    let says_caught_up = switches.caught_up != CaughtUp::Unsaid;
    let goes_on = !caught_up || switches.next_page_when_caught_up;
    let changes = range.is_empty() && switches.next_page_changes;
    service.switches.empty_once.remove(ask.log_type);
    let next = if service.switches.dead_cursors.contains_key(ask.log_type) {
        cursor::dead()
    } else {
        let turn = service.v2.turn(ask.log_type, changes);
        cursor::mint(ask.log_type, range.end, turn)
    };
    let value = entries::of(service, ask.log_type, range);
    entries::answer(
        &value,
        goes_on.then_some(next.as_str()),
        says_caught_up.then_some(caught_up),
    )
}

fn day(text: &str) -> Result<NaiveDate, String> {
    let date = text.parse::<NaiveDate>().ok();
    date.filter(|date| date.to_string() == text)
        .ok_or_else(|| format!("{text:?} is no date of the form YYYY-MM-DD"))
}
