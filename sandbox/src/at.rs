//! Ready-made matchers for [`Sandbox::always_at`](crate::Sandbox::always_at): one item among others.

use chrono::{DateTime, SubsecRound as _, Utc};

use crate::dates;
use crate::endpoint::Endpoint;
use crate::service::Seen;
use crate::tokens::{self, PageToken};
use crate::v2::Pairs;

/// Accepts downloads of one object.
pub fn object(log_type: &str, name: &str) -> impl Fn(&Seen) -> bool + Send + Sync + use<> {
    let folder = log_type.replace(' ', "-");
    let path = format!("{}{folder}/{name}?", Endpoint::Object.path());
    move |seen| seen.path.starts_with(&path)
}

/// Accepts lists and downloads of one event type.
pub fn event_type(log_type: &str) -> impl Fn(&Seen) -> bool + Send + Sync + use<> {
    let folder = log_type.replace(' ', "-");
    let path = format!("{}{folder}/", Endpoint::Object.path());
    let log_type = log_type.to_owned();
    move |seen| {
        let asked = query(seen, "type");
        asked.as_deref() == Some(&log_type) || seen.path.starts_with(&path)
    }
}

/// Accepts lists by date, SIEM calls without a token, and the first page of an audit window.
pub fn first_page() -> impl Fn(&Seen) -> bool + Send + Sync {
    |seen| token(seen).is_none()
}

/// Accepts the calls that bring a token of an earlier answer.
pub fn later_pages() -> impl Fn(&Seen) -> bool + Send + Sync {
    |seen| token(seen).is_some()
}

/// Accepts the call that brings this very token.
pub fn page(text: &str) -> impl Fn(&Seen) -> bool + Send + Sync + use<> {
    let text = text.to_owned();
    move |seen| token(seen).as_ref() == Some(&text)
}

/// Accepts the SIEM calls that ask for the batch of that number, counted from 0.
pub fn batch(number: usize) -> impl Fn(&Seen) -> bool + Send + Sync {
    move |seen| {
        let after = token(seen).map(|text| tokens::read_cursor(&text));
        match after {
            None => number == 0,
            Some(index) => index.is_some_and(|index| index + 1 == number),
        }
    }
}

/// Accepts audit calls whose window holds that time; both ends belong to it.
pub fn window_of(time: DateTime<Utc>) -> impl Fn(&Seen) -> bool + Send + Sync {
    let time = time.trunc_subsecs(0); // as in the journal
    move |seen| window(seen).is_some_and(|(start, end)| start <= time && time <= end)
}

/// Accepts audit calls for the page that begins after so many items.
pub fn page_after(items: usize) -> impl Fn(&Seen) -> bool + Send + Sync {
    move |seen| {
        let offset = token(seen).map_or(Some(0), |text| Some(PageToken::read(&text)?.offset));
        offset == Some(items)
    }
}

/// Accepts what both accept.
pub fn both(
    one: impl Fn(&Seen) -> bool + Send + Sync,
    other: impl Fn(&Seen) -> bool + Send + Sync,
) -> impl Fn(&Seen) -> bool + Send + Sync {
    move |seen| one(seen) && other(seen)
}

/// Returns the dates of an audit call.
pub fn window(seen: &Seen) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let item = &seen.body["data"][0];
    let date = |name: &str| dates::window(item[name].as_str()?);
    Some((date("startDateTime")?, date("endDateTime")?))
}

/// Returns the page token or cursor of a call; an empty one counts as absent.
pub fn token(seen: &Seen) -> Option<String> {
    let body = &seen.body;
    let texts = [
        &body["data"][0]["token"],
        &body["meta"]["pagination"]["pageToken"],
    ];
    let text = texts.into_iter().find_map(|text| text.as_str());
    let text = text.map(str::to_owned).or_else(|| query(seen, "nextPage"));
    text.filter(|text| !text.is_empty())
}

fn query(seen: &Seen, name: &str) -> Option<String> {
    let query = Pairs::of_target(&seen.path).ok()?;
    query.get(name).map(str::to_owned)
}
